// SPDX-License-Identifier: MIT
#include "shards.hpp"

#include <algorithm>
#include <fstream>
#include <limits>
#include <system_error>
#include <utility>

#include "foil-compare/results.hpp"
#include "foil-evaluate/outputs.hpp"
#include "foil/core/error.hpp"
#include "foil/core/status.hpp"

namespace merge {
namespace {

namespace fs = std::filesystem;
using evaluate::Told;
using foil::Index;
using foil::require;
using Json = nlohmann::ordered_json;

foil::Status status_of(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(foil::Status::failed); ++i)
    if (to_string(static_cast<foil::Status>(i)) == name) return static_cast<foil::Status>(i);
  throw foil::Error("there is no status '" + name + "'");
}

foil::Knowledge knowledge_of(const std::string& name) {
  for (const auto knowledge :
       {foil::Knowledge::decisions, foil::Knowledge::scores, foil::Knowledge::gradients})
    if (evaluate::to_string(knowledge) == name) return knowledge;
  throw foil::Error("there are no attacks that know '" + name + "'");
}

foil::Record record_of(const Json& sample, const std::vector<foil::StageOutcome>& stages) {
  const auto number = [&](const char* key) { return sample.at(key).get<std::int64_t>(); };
  foil::Record out{};
  out.id = number("index");
  out.status = status_of(sample.at("status"));
  out.success = sample.at("success");
  out.correct = sample.at("correct");
  out.predicted = sample.at("predicted");
  out.distance = sample.at("distance").is_null() ? std::numeric_limits<double>::infinity()
                                                 : sample.at("distance").get<double>();
  out.queries = number("forward");
  out.gradient_queries = number("backward");
  out.zero_gradients = number("zero_gradients");
  out.bad_rows = number("bad_rows");
  const Json& rest = sample.at("rest");
  out.verification_queries = rest.at(0);
  out.probability_rows = rest.at(1);
  out.changed_answers = rest.at(2);
  if (const auto made_of = sample.find("parameters"); made_of != sample.end() && made_of->is_array())
    out.parameters = made_of->get<std::vector<double>>();
  if (sample.contains("stage") && sample.at("stage").is_string())
    for (std::size_t s = 0; s < stages.size(); ++s)
      if (stages[s].name == sample.at("stage").get<std::string>()) out.stage = static_cast<int>(s);
  return out;
}

Told outcome_of(const Json& attack, const foil::Outcome& read) {
  Told out(read.attack, read.norm, read.epsilon);
  out.knowledge = knowledge_of(attack.at("knowledge"));
  for (const auto& [name, value] : attack.at("options").items())
    out.options.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
  out.settings = attack.at("asked_for");
  out.pictures = attack.at("pictures");
  out.seconds = attack.at("seconds");
  out.model_seconds = attack.at("model_seconds");
  out.classes = attack.at("classes");
  if (attack.at("adversarials").is_string()) out.file = attack.at("adversarials");
  if (attack.contains("parameters")) out.parameters = attack.at("parameters");
  if (attack.contains("stages"))
    for (const Json& stage : attack.at("stages"))
      out.stages.push_back({stage.at("name"), stage.at("attacked"), stage.at("fooled"), stage.at("forward"),
                            stage.at("backward"), stage.at("attack")});
  for (const Json& sample : attack.at("samples")) out.records.push_back(record_of(sample, out.stages));
  return out;
}

foil::Labels column(const Json& samples, const char* key) {
  foil::Labels out(std::ssize(samples));
  for (Index i = 0; i < out.size(); ++i) out[i] = samples[static_cast<std::size_t>(i)].at(key);
  return out;
}

foil::Labels joined(const foil::Labels& a, const foil::Labels& b) {
  foil::Labels out(a.size() + b.size());
  out << a, b;
  return out;
}

std::string name_of(const Shard& shard) {
  return foil::text(shard.path.string(), " (", shard.index, "/", shard.of, ")");
}

/// Those of one share and of a later one: of equally close ones the first stays.
void add_pictures(Json& into, const Json& more) {
  const auto named = [](const Json& all, const char* which) -> const Json* {
    for (const Json& picture : all)
      if (picture.at("which") == which) return &picture;
    return nullptr;
  };
  Json out = Json::array();
  for (const char* which : {"closest", "farthest"}) {
    const Json *a = named(into, which), *b = named(more, which);
    if (a == nullptr && b == nullptr) continue;
    const bool later = a == nullptr || (b != nullptr && (which == std::string("closest")
                                                             ? b->at("distance") < a->at("distance")
                                                             : b->at("distance") > a->at("distance")));
    out.push_back(later ? *b : *a);
  }
  into = std::move(out);
}

/// The words of a command without some options and their values.
Json without(const Json& words, const std::vector<std::string>& options) {
  Json out = Json::array();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto word = words[i].get<std::string>();
    const auto is = [&](const std::string& option) { return word == option; };
    const auto has_value = [&](const std::string& option) { return word.starts_with(option + "="); };
    if (std::any_of(options.begin(), options.end(), is))
      ++i;
    else if (std::none_of(options.begin(), options.end(), has_value))
      out.push_back(word);
  }
  return out;
}

void add(Told& into, const Told& more) {
  add_pictures(into.pictures, more.pictures);
  into.seconds += more.seconds;
  into.model_seconds += more.model_seconds;
  into.classes = std::max(into.classes, more.classes);
  into.records.insert(into.records.end(), more.records.begin(), more.records.end());
  for (std::size_t s = 0; s < into.stages.size(); ++s) {
    into.stages[s].attacked += more.stages[s].attacked;
    into.stages[s].fooled += more.stages[s].fooled;
    into.stages[s].queries += more.stages[s].queries;
    into.stages[s].gradient_queries += more.stages[s].gradient_queries;
  }
}

}  // namespace

Shard read_shard(const fs::path& path) {
  const compare::Results checked = compare::read_results(path);  // the figures are those of the samples
  try {
    std::ifstream file(path, std::ios::binary);
    Shard out{.path = path, .root = Json::parse(file)};
    Json& root = out.root;
    require(root.contains("shard") && root["shard"].is_object(), path.string(),
            ": expected results of foil-evaluate --shard, found those of a whole run");
    const Json& shard = root["shard"];
    out.index = shard.at("index");
    out.of = shard.at("of");
    out.first = shard.at("first_sample");
    out.total = shard.at("samples");
    out.count = root.at("sample_count");
    require(root.at("complete") == true, path.string(), " (", out.index, "/", out.of,
            "): is not complete; the same command with --resume goes on");
    for (const auto& [name, value] : shard.at("fingerprint").items())
      out.fingerprint.emplace_back(name, value);
    Json& attacks = root.at("attacks");
    for (std::size_t a = 0; a < attacks.size(); ++a) {
      Json& samples = attacks[a].at("samples");
      require(std::ssize(samples) == out.count, path.string(), ": attacks[", a, "] has ", samples.size(),
              " samples, expected ", out.count);
      out.outcomes.push_back(outcome_of(attacks[a], checked.outcomes[a]));
      if (a == 0) {
        out.samples.labels = column(samples, "label");
        out.samples.predictions = column(samples, "clean_predicted");
        if (out.count > 0 && samples[0].contains("target")) out.samples.targets = column(samples, "target");
        for (const foil::Record& record : out.outcomes[0].records) out.samples.rows.push_back(record.id);
      }
      samples = nullptr;
    }
    for (Json& worst : root.at("worst_cases")) worst.at("samples") = nullptr;
    return out;
  } catch (const nlohmann::json::exception& error) {
    throw foil::Error(path.string() +
                      ": expected what this version's foil-evaluate --shard writes: " + error.what());
  }
}

Whole put_together(std::vector<Shard>& shards) {
  std::sort(shards.begin(), shards.end(), [](const Shard& a, const Shard& b) { return a.index < b.index; });
  const Shard& front = shards.front();
  for (const Shard& shard : shards) {
    const std::string differs = foil::difference(front.fingerprint, shard.fingerprint);
    require(differs.empty(), shard.path.string(), ": is of another run than ", front.path.string(), ": ",
            differs);
    require(
        shard.of == front.of && shard.total == front.total && shard.outcomes.size() == front.outcomes.size(),
        name_of(shard), " and ", name_of(front), ": expected shares of one number");
  }
  for (std::size_t s = 0; s < shards.size(); ++s) {
    const auto wanted = static_cast<std::int64_t>(s) + 1;
    require(shards[s].index >= wanted, name_of(shards[s]), " and ", name_of(shards[s == 0 ? 0 : s - 1]),
            ": are the same share");
    require(shards[s].index == wanted, "share ", wanted, "/", front.of, " is missing");
  }
  require(std::ssize(shards) == front.of, "share ", shards.size() + 1, "/", front.of, " is missing");
  std::int64_t next = 0;
  for (const Shard& shard : shards) {
    require(shard.first == next, name_of(shard), ": begins with sample ", shard.first, ", expected ", next);
    next += shard.count;
    require(shard.root.at("notes") == front.root.at("notes"), shard.path.string(), " and ",
            front.path.string(), ": have different notes");
  }
  require(next == front.total, name_of(shards.back()), ": ends before sample ", next, ", expected ",
          front.total);

  Whole out{front.root, front.outcomes, front.samples};
  for (std::size_t s = 1; s < shards.size(); ++s) {
    for (std::size_t a = 0; a < out.outcomes.size(); ++a) add(out.outcomes[a], shards[s].outcomes[a]);
    const evaluate::Samples& more = shards[s].samples;
    out.samples.rows.insert(out.samples.rows.end(), more.rows.begin(), more.rows.end());
    out.samples.labels = joined(out.samples.labels, more.labels);
    out.samples.predictions = joined(out.samples.predictions, more.predictions);
    if (out.samples.targets) out.samples.targets = joined(*out.samples.targets, *more.targets);
  }
  const Json first = front.root.at("shard");
  const auto sum = [&](const char* key) {
    Index all = 0;
    for (const Shard& shard : shards) all += shard.root.at("shard").at(key).get<Index>();
    return first.at("clean_of_all") == true ? first.at(key).get<Index>() : all;
  };
  out.samples.examined = sum("examined");
  out.samples.accurate = sum("accurate");
  out.setting = {.labels = out.samples.labels,
                 .predictions = out.samples.predictions,
                 .targets = {},
                 .examined = out.samples.examined,
                 .accurate = out.samples.accurate,
                 .unanswered = sum("unanswered"),
                 .on_target = sum("on_target"),
                 .widths = {}};
  if (out.samples.targets) out.setting.targets = *out.samples.targets;
  const Json& widths = first.at("widths");
  out.setting.widths.resize(first.at("features").get<Index>());
  for (Index i = 0; i < out.setting.widths.size(); ++i)
    out.setting.widths[i] = widths[widths.size() == 1 ? 0 : static_cast<std::size_t>(i)];
  out.root.erase("shard");
  out.root["sample_count"] = out.samples.size();
  out.root["clean_accuracy"] = foil::share(out.samples.accurate, out.samples.examined);
  out.root["clean_accuracy_rows"] = out.samples.examined;
  out.root["command"] = without(out.root.at("command"),
                                {"--shard", "--out", "--adversarials", "--adversarials-png", "--curve"});
  out.root["curve"] = nullptr;
  return out;
}

fs::path adversarials_of(const Shard& shard) {
  const Json& named = shard.root.at("shard").at("adversarials");
  require(named.is_string(), name_of(shard), ": was run without --adversarials");
  const fs::path folder = named.get<std::string>();
  const fs::path name = folder.has_filename() ? folder.filename() : folder.parent_path().filename();
  for (const fs::path& place : {shard.path.parent_path() / name, folder}) {
    std::ifstream file(place / "manifest.json", std::ios::binary);
    const Json manifest = Json::parse(file, nullptr, false);
    if (!manifest.is_object() || manifest.value("run_id", Json()) != shard.root.at("run_id")) continue;
    for (const Json& entry : manifest.at("files")) {
      const fs::path path = place / entry.at("name").get<std::string>();
      require(evaluate::content_of_file(path) == evaluate::Content{entry.at("bytes"), entry.at("crc32")},
              path.string(), ": is not as foil-evaluate wrote it");
    }
    return place;
  }
  throw foil::Error(name_of(shard) + ": its adversarials are neither in " + folder.string() + " nor in " +
                    (shard.path.parent_path() / name).string());
}

}  // namespace merge
