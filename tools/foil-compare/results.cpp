// SPDX-License-Identifier: MIT
#include "results.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/core/status.hpp"

namespace compare {
namespace {

using Json = nlohmann::ordered_json;

std::string read_text(const std::filesystem::path& path) {
  std::error_code ignored;
  foil::require(!std::filesystem::is_directory(path, ignored), path.string(),
                ": expected results.json of foil-evaluate, found a directory");
  std::ifstream file(path, std::ios::binary);
  foil::require(file.is_open(), path.string(), ": cannot be read: ", std::strerror(errno));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  foil::require(!file.bad(), path.string(), ": cannot be read");
  return text;
}

/// A value of a file, and the words for where it is.
class Value {
 public:
  Value(const Json& json, std::string place) : json_(json), place_(std::move(place)) {}

  template <class... Parts>
  void require(bool condition, const Parts&... parts) const {
    if (!condition) throw foil::Error(foil::text(place_, place_.ends_with(':') ? " " : ": ", parts...));
  }
  const Json& json() const { return json_; }
  bool has(const char* key) const { return json_.is_object() && json_.contains(key); }
  Value operator[](const char* key) const {
    require(has(key), "expected an object with '", key, "', as foil-evaluate writes it");
    return {json_[key], place_ + (place_.ends_with(':') ? " " : ".") + key};
  }
  Value operator[](std::size_t i) const { return {json_[i], foil::text(place_, "[", i, "]")}; }
  std::size_t size() const {
    expect(json_.is_array(), "a list");
    return json_.size();
  }
  std::string text() const {
    expect(json_.is_string(), "a text");
    return json_.get<std::string>();
  }
  bool truth() const {
    expect(json_.is_boolean(), "true or false");
    return json_.get<bool>();
  }
  /// A whole number of at least `least`.
  std::int64_t whole(std::int64_t least, std::int64_t most = std::numeric_limits<std::int64_t>::max()) const {
    const bool fits = json_.is_number_integer() && !(json_.is_number_unsigned() && json_ > most);
    const std::int64_t value = fits ? json_.get<std::int64_t>() : least - 1;
    expect(value >= least && value <= most, "a whole number of at least ", least);
    return value;
  }
  /// A number >= 0; null is infinity.
  double size_or_infinity() const {
    if (json_.is_null()) return std::numeric_limits<double>::infinity();
    const double value = json_.is_number() ? json_.get<double>() : -1;
    expect(value >= 0, "a number >= 0 or null");
    return value;
  }

 private:
  /// What is found is put into words only where it is not as expected: it may be the whole file.
  template <class... Parts>
  void expect(bool condition, const Parts&... parts) const {
    if (!condition)
      require(false, "expected ", parts..., ", found ",
              json_.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 60));
  }

  const Json& json_;
  std::string place_;
};

foil::Status status_of(const Value& value) {
  const std::string name = value.text();
  for (int i = 0; i <= static_cast<int>(foil::Status::failed); ++i)
    if (to_string(static_cast<foil::Status>(i)) == name) return static_cast<foil::Status>(i);
  value.require(false, "there is no status '", name, "'");
  return {};
}

foil::Lp norm_of(const Value& value) {
  const std::string name = value.text();
  if (name == foil::Linf::name) return foil::Linf{};
  const auto order = name.starts_with("l") ? foil::parse_real(name.substr(1)) : std::nullopt;
  value.require(order && *order >= 0 && std::isfinite(*order), "there is no norm '", name, "'");
  return foil::Lp(*order);
}

foil::Record record_of(const Value& sample) {
  constexpr int most = std::numeric_limits<int>::max();
  foil::Record out{};
  out.id = sample["index"].whole(0);
  out.status = status_of(sample["status"]);
  out.success = sample["success"].truth();
  out.distance = sample["distance"].size_or_infinity();
  sample.require(!out.success || std::isfinite(out.distance), "expected a distance where there is success");
  out.predicted = static_cast<int>(sample["predicted"].whole(-1, most));
  out.queries = sample["forward"].whole(0);
  out.gradient_queries = sample["backward"].whole(0);
  if (sample.has("bad_rows")) out.bad_rows = sample["bad_rows"].whole(0);
  if (sample.has("correct"))
    out.correct = sample["correct"].truth();
  else
    out.correct = sample["label"].whole(-1, most) == sample["clean_predicted"].whole(-1, most) &&
                  out.status != foil::Status::already_adversarial;
  return out;
}

/// What an adversarial is made of: numbers for as many names, or nothing.
std::vector<double> parameters_of(const Value& sample, std::size_t names) {
  std::vector<double> out;
  if (names == 0 || !sample.has("parameters") || sample["parameters"].json().is_null()) return out;
  const Value list = sample["parameters"];
  list.require(list.size() == names, "expected ", names, " numbers, found ", list.size());
  for (std::size_t k = 0; k < names; ++k) {
    list[k].require(list[k].json().is_number(), "expected a number");
    out.push_back(list[k].json().get<double>());
  }
  return out;
}

/// Throws unless the figures that an attack has in the file are those of its samples, and unless what it
/// found is within its epsilon, but for rounding.
void check_figures(const Value& attack, const foil::Outcome& outcome) {
  const foil::Summary s = outcome.summary();
  for (std::size_t i = 0; outcome.epsilon && i < outcome.records.size(); ++i)
    attack["samples"][i]["distance"].require(
        !outcome.records[i].success || outcome.records[i].distance <= *outcome.epsilon * (1 + 1e-5),
        "expected a distance within epsilon ", *outcome.epsilon, ", found ", outcome.records[i].distance);
  for (const auto& [key, count] :
       {std::pair{"finished", s.finished()}, std::pair{"attacked", s.attacked}, std::pair{"fooled", s.fooled},
        std::pair{"robust", s.robust}, std::pair{"wrong", s.wrong}, std::pair{"non_finite", s.non_finite},
        std::pair{"no_start", s.no_start}, std::pair{"unstable", s.unstable},
        std::pair{"invalid", s.invalid}})
    if (attack.has(key))
      attack.require(attack[key].whole(0) == count, "'", key, "' is ", attack[key].json().dump(),
                     ", but its samples come to ", count,
                     "; the file was changed, or a version wrote it that counted otherwise: evaluate anew");
  for (const auto& [key, share] :
       {std::pair{"robust_accuracy", s.robust_accuracy()}, std::pair{"success_rate", s.success_rate()}})
    if (attack.has(key) && attack[key].json().is_number())
      attack.require(std::abs(attack[key].json().get<double>() - share) < 1e-9, "'", key, "' is ",
                     attack[key].json().dump(), ", but its samples come to ", share,
                     "; the file was changed: evaluate anew");
}

/// What results.json has beside the settings of the run.
constexpr const char* results[] = {"attacks", "worst_cases", "curves",     "warnings", "notes",
                                   "sheet",   "curve",       "audit",      "shard",    "report",
                                   "command", "challenge",   "corruptions"};

}  // namespace

Results read_results(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  Json json = Json::parse(text, nullptr, false);
  const Value root(json, path.string() + ":");
  root.require(
      !json.is_discarded(),
      "expected results.json of foil-evaluate, found what is no JSON; tables of trials go with --humans");
  root.require(root.has("foil_version") && root.has("attacks"),
               "expected results.json of foil-evaluate, found other JSON");
  Results out{.path = path};
  for (const auto& [key, value] : json.items())
    if (std::find(std::begin(results), std::end(results), key) == std::end(results))
      out.settings[key] = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  const Value attacks = root["attacks"];
  for (std::size_t a = 0; a < attacks.size(); ++a) {
    const Value attack = attacks[a];
    const double epsilon = attack["epsilon"].size_or_infinity();
    foil::Outcome outcome(attack["name"].text(), norm_of(attack["norm"]));
    if (std::isfinite(epsilon)) outcome.epsilon = epsilon;
    attack["options"].require(attack["options"].json().is_object(), "expected an object");
    for (const auto& [name, value] : attack["options"].json().items())
      outcome.options.emplace_back(name, value.dump(-1, ' ', false, Json::error_handler_t::replace));
    std::sort(outcome.options.begin(), outcome.options.end());  // whatever order a version has them in
    for (std::size_t k = 0; attack.has("parameters") && k < attack["parameters"].size(); ++k)
      outcome.parameters.push_back(attack["parameters"][k].text());
    const Value samples = attack["samples"];
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const Value sample = samples[i];
      outcome.records.push_back(record_of(sample));
      outcome.records.back().parameters = parameters_of(sample, outcome.parameters.size());
      const Row row{static_cast<int>(sample["label"].whole(-1, std::numeric_limits<int>::max())),
                    sample.has("target") ? static_cast<int>(sample["target"].whole(-1)) : -1};
      const auto [known, fresh] = out.rows.emplace(outcome.records.back().id, row);
      sample.require(fresh || (known->second.label == row.label && known->second.target == row.target),
                     "has another label or target than with another attack");
    }
    check_figures(attack, outcome);
    const auto by_row = [](const foil::Record& x, const foil::Record& y) { return x.id < y.id; };
    std::sort(outcome.records.begin(), outcome.records.end(), by_row);
    const auto same_row = [](const foil::Record& x, const foil::Record& y) { return x.id == y.id; };
    const auto twice = std::adjacent_find(outcome.records.begin(), outcome.records.end(), same_row);
    samples.require(twice == outcome.records.end(), "a row is there twice");
    out.outcomes.push_back(std::move(outcome));
  }
  root.require(!out.outcomes.empty() || (root.has("corruptions") && json["corruptions"].is_object()),
               "holds no attack");
  for (const char* const list : {"attacks", "worst_cases"})
    if (json.contains(list))
      for (Json& entry : json[list])
        if (entry.is_object()) entry.erase("samples");
  out.root = std::move(json);
  return out;
}

}  // namespace compare
