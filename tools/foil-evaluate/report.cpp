// SPDX-License-Identifier: MIT
#include "report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

namespace evaluate {
namespace {

using foil::Index;
using foil::Status;

std::string formatted(const char* format, double value) {
  if (std::isnan(value)) return "-";
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string percent(double share) {
  return std::isnan(share) ? "-" : formatted("%.1f %%", 100 * share);
}

double share(Index part, Index whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole)
                   : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

void Outcome::add(const foil::Result<Images>& result, const Samples& samples) {
  const std::size_t first = records.size();
  const auto added = static_cast<std::size_t>(result.size());
  shown.resize(samples.shown.size());
  for (std::size_t s = 0; s < shown.size(); ++s) {
    const std::size_t i = samples.shown[s];
    if (i < first || i >= first + added || !result.success[static_cast<Index>(i - first)]) continue;
    const auto found = foil::sample(result.adversarials, static_cast<Index>(i - first));
    shown[s].assign(found.data(), found.data() + found.size());
  }
  for (Index i = 0; i < result.size(); ++i) {
    const bool success = result.success[i];
    const int clean = samples.clean_predictions[static_cast<Index>(records.size())];
    records.push_back({result.status[static_cast<std::size_t>(i)], success,
                       success ? result.predictions[i] : clean, result.distances[i], result.queries[i],
                       result.gradient_queries[i], result.verification_queries[i]});
  }
}

Summary summarise(const Outcome& outcome, const Samples& samples) {
  Summary out;
  std::vector<double> distances;
  for (std::size_t row = 0; row < outcome.records.size(); ++row) {
    const Record& record = outcome.records[row];
    const auto i = static_cast<Index>(row);
    out.forward += record.forward;
    out.backward += record.backward;
    out.verification += record.verification;
    if (record.status == Status::not_run || record.status == Status::interrupted) continue;
    ++out.finished;
    out.robust += samples.clean_predictions[i] == samples.labels[i] && !record.success;
    if (record.status == Status::already_adversarial) continue;
    ++out.attacked;
    out.fooled += record.success;
    distances.push_back(record.distance);
  }
  out.success_rate = share(out.fooled, out.attacked);
  out.robust_accuracy = share(out.robust, out.finished);
  std::sort(distances.begin(), distances.end());
  const std::size_t n = distances.size();
  out.median_distance = n == 0 ? std::numeric_limits<double>::quiet_NaN()
                        : distances[(n - 1) / 2] == distances[n / 2]
                            ? distances[n / 2]
                            : (distances[(n - 1) / 2] + distances[n / 2]) / 2;
  return out;
}

std::string table(const std::vector<Outcome>& outcomes, const Samples& samples) {
  using Row = std::array<std::string, 9>;
  std::vector<Row> rows{{"attack", "norm", "epsilon", "success", "robust acc.", "median dist.", "forward",
                         "backward", "seconds"}};
  for (const Outcome& outcome : outcomes) {
    const Summary s = summarise(outcome, samples);
    const auto count = static_cast<double>(outcome.records.size());
    rows.push_back({outcome.attack, outcome.norm, outcome.epsilon ? formatted("%g", *outcome.epsilon) : "-",
                    percent(s.success_rate), percent(s.robust_accuracy), formatted("%.4g", s.median_distance),
                    formatted("%.1f", static_cast<double>(s.forward) / count),
                    formatted("%.1f", static_cast<double>(s.backward) / count),
                    formatted("%.1f", outcome.seconds)});
  }
  std::array<std::size_t, 9> widths{};
  for (const Row& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const std::string padding(widths[c] - rows[r][c].size(), ' ');
      text += c < 2 ? rows[r][c] + padding : padding + rows[r][c];
      if (c + 1 < widths.size()) text += "  ";
    }
    text += '\n';
    if (r == 0) {
      std::size_t total = 2 * (widths.size() - 1);
      for (const std::size_t width : widths) total += width;
      text += std::string(total, '-') + '\n';
    }
  }
  return text;
}

void write_results(const Command& command, const Samples& samples, const std::vector<Outcome>& outcomes,
                   bool complete) {
  using Json = nlohmann::ordered_json;
  const auto optional = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  const auto limit = [](std::int64_t value) {
    return value == std::numeric_limits<std::int64_t>::max() ? Json(nullptr) : Json(value);
  };
  Json root{{"foil_version", version()},
            {"complete", complete},
            {"model", command.model.string()},
            {"images", command.images.string()},
            {"labels", command.labels.string()},
            {"targets", command.targets ? Json(command.targets->string()) : Json(nullptr)},
            {"starts", command.starts ? Json(command.starts->string()) : Json(nullptr)},
            {"margin", command.margin},
            {"bounds", {command.lower, command.upper}},
            {"correct_only", command.correct_only},
            {"seed", command.seed},
            {"threads", command.threads},
            {"batch_size", command.batch_size},
            {"query_budget", limit(command.budget)},
            {"sample_count", samples.size()},
            {"clean_accuracy", share(samples.correct, samples.examined)},
            {"clean_accuracy_rows", samples.examined},
            {"attacks", Json::array()}};
  const auto typed = [](const std::string& text) {
    Json value = Json::parse(text, nullptr, false);
    return value.is_discarded() ? Json(text) : value;
  };
  for (const Outcome& outcome : outcomes) {
    const Summary s = summarise(outcome, samples);
    Json attack{{"name", outcome.attack},
                {"norm", outcome.norm},
                {"knowledge", outcome.knowledge},
                {"options", Json::object()},
                {"epsilon", optional(outcome.epsilon)},
                {"complete", s.finished == static_cast<Index>(samples.size())},
                {"finished", s.finished},
                {"attacked", s.attacked},
                {"fooled", s.fooled},
                {"success_rate", s.success_rate},
                {"robust_accuracy", s.robust_accuracy},
                {"median_distance", s.median_distance},
                {"seconds", outcome.seconds},
                {"model_seconds", outcome.model_seconds},
                {"forward", s.forward},
                {"backward", s.backward},
                {"verification", s.verification},
                {"adversarials", outcome.file.empty() ? Json(nullptr) : Json(outcome.file)},
                {"samples", nullptr}};
    for (const auto& [name, value] : outcome.options) attack["options"][name] = typed(value);
    root["attacks"].push_back(std::move(attack));
  }

  // The samples, one to a line, do not go through a tree in memory: each attack's are put in its null's
  // place.
  const std::string text = root.dump(1, ' ', false, Json::error_handler_t::replace) + '\n';
  const std::string place = "\"samples\": null";
  foil::io::AtomicFile file(command.out);
  std::size_t done = 0;
  for (const Outcome& outcome : outcomes) {
    const std::size_t at = text.find(place, done);
    file.write(std::string_view(text).substr(done, at - done));
    done = at + place.size();
    file.write("\"samples\": [");
    for (std::size_t row = 0; row < outcome.records.size(); ++row) {
      const Record& record = outcome.records[row];
      const auto i = static_cast<Index>(row);
      Json sample{{"index", samples.rows[row]},
                  {"label", samples.labels[i]},
                  {"clean_predicted", samples.clean_predictions[i]},
                  {"predicted", record.predicted},
                  {"status", foil::to_string(record.status)},
                  {"success", record.success},
                  {"distance", record.distance},  // null if infinite
                  {"forward", record.forward},
                  {"backward", record.backward}};
      if (samples.targets) sample["target"] = (*samples.targets)[i];
      file.write((row == 0 ? "\n    " : ",\n    ") + sample.dump());
    }
    file.write("\n   ]");
  }
  file.write(std::string_view(text).substr(done));
  file.commit();
}

foil::io::Picture sheet(const Command& command, const Samples& samples,
                        const std::vector<Outcome>& outcomes) {
  std::vector<foil::report::SheetBlock> blocks;
  for (const Outcome& outcome : outcomes) {
    const Summary s = summarise(outcome, samples);
    foil::report::SheetBlock block{outcome.attack, "fools " + percent(s.success_rate), {}};
    block.note += outcome.epsilon ? " within " + outcome.norm + " " + formatted("%g", *outcome.epsilon)
                                  : ", median " + outcome.norm + " " + formatted("%.3g", s.median_distance);
    for (std::size_t i = 0; i < samples.shown.size(); ++i) {
      const auto clean = foil::sample(samples.shown_images, static_cast<Index>(i));
      std::string caption = std::to_string(samples.labels[static_cast<Index>(samples.shown[i])]);
      if (outcome.shown[i].empty()) {
        caption += "   not fooled";
      } else {
        const Record& record = outcome.records[samples.shown[i]];
        caption += " -> " + std::to_string(record.predicted) + "   " + outcome.norm + " " +
                   formatted("%.3g", record.distance);
      }
      block.rows.push_back({caption, {clean.data(), clean.data() + clean.size()}, outcome.shown[i]});
    }
    blocks.push_back(std::move(block));
  }
  const auto& shape = samples.shown_images.dimensions();
  const foil::report::SheetImage image{shape[1], shape[2], shape[3], command.lower, command.upper};
  return foil::report::draw_sheet(command.model.filename().string() + ", clean accuracy " +
                                      percent(share(samples.correct, samples.examined)),
                                  image, blocks);
}

}  // namespace evaluate
