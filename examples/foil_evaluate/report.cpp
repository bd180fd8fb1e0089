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

/// The class of the image that the attack returned: the clean one where it found nothing.
int predicted(const Outcome& outcome, const Samples& samples, Index i) {
  return outcome.result.success[i] ? outcome.result.predictions[i] : samples.clean_predictions[i];
}

}  // namespace

Summary summarise(const Outcome& outcome, const Samples& samples) {
  const auto& result = outcome.result;
  Summary out;
  std::vector<double> distances;
  for (Index i = 0; i < result.size(); ++i) {
    const Status status = result.status[static_cast<std::size_t>(i)];
    out.forward += result.queries[i];
    out.backward += result.gradient_queries[i];
    out.verification += result.verification_queries[i];
    if (status == Status::not_run || status == Status::interrupted) continue;
    ++out.finished;
    out.robust += samples.clean_predictions[i] == samples.labels[i] && !result.success[i];
    if (status == Status::already_adversarial) continue;
    ++out.attacked;
    out.fooled += result.success[i];
    distances.push_back(result.distances[i]);
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
    const auto count = static_cast<double>(outcome.result.size());
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

std::string results(const Command& command, const Samples& samples, const std::vector<Outcome>& outcomes,
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
            {"sample_count", samples.rows.size()},
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
                {"complete", s.finished == outcome.result.size()},
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
                {"samples", Json::array()}};
    for (const auto& [name, value] : outcome.options) attack["options"][name] = typed(value);
    const auto& result = outcome.result;
    for (Index i = 0; i < result.size(); ++i) {
      Json sample{{"index", samples.rows[static_cast<std::size_t>(i)]},
                  {"label", samples.labels[i]},
                  {"clean_predicted", samples.clean_predictions[i]},
                  {"predicted", predicted(outcome, samples, i)},
                  {"status", foil::to_string(result.status[static_cast<std::size_t>(i)])},
                  {"success", bool{result.success[i]}},
                  {"distance", result.distances[i]},  // null if infinite
                  {"forward", result.queries[i]},
                  {"backward", result.gradient_queries[i]}};
      if (samples.targets) sample["target"] = (*samples.targets)[i];
      attack["samples"].push_back(std::move(sample));
    }
    root["attacks"].push_back(std::move(attack));
  }
  return root.dump(1, ' ', false, Json::error_handler_t::replace) + '\n';
}

foil::io::Picture sheet(const Command& command, const Samples& samples,
                        const std::vector<Outcome>& outcomes) {
  constexpr std::size_t at_most = 6;
  std::vector<Index> shown;
  for (Index i = 0; i < foil::samples(samples.images) && shown.size() < at_most; ++i)
    if (samples.clean_predictions[i] == samples.labels[i]) shown.push_back(i);

  const auto values = [](const Images& images, Index i) {
    const auto sample = foil::sample(images, i);
    return std::vector<float>(sample.data(), sample.data() + sample.size());
  };
  std::vector<foil::io::SheetBlock> blocks;
  for (const Outcome& outcome : outcomes) {
    const Summary s = summarise(outcome, samples);
    foil::io::SheetBlock block{outcome.attack, "fools " + percent(s.success_rate), {}};
    block.note += outcome.epsilon ? " within " + outcome.norm + " " + formatted("%g", *outcome.epsilon)
                                  : ", median " + outcome.norm + " " + formatted("%.3g", s.median_distance);
    for (const Index i : shown) {
      const std::string from = std::to_string(samples.labels[i]);
      if (outcome.result.success[i])
        block.rows.push_back({from + " -> " + std::to_string(outcome.result.predictions[i]) + "   " +
                                  outcome.norm + " " + formatted("%.3g", outcome.result.distances[i]),
                              values(samples.images, i), values(outcome.result.adversarials, i)});
      else
        block.rows.push_back({from + "   not fooled", values(samples.images, i), {}});
    }
    blocks.push_back(std::move(block));
  }
  const foil::io::SheetImage image{samples.images.dimension(1), samples.images.dimension(2),
                                   samples.images.dimension(3), command.lower, command.upper};
  return foil::io::draw_sheet(command.model.filename().string() + ", clean accuracy " +
                                  percent(share(samples.correct, samples.examined)),
                              image, blocks);
}

}  // namespace evaluate
