// SPDX-License-Identifier: MIT
#include <cstddef>
#include <vector>

#include "common/terminal.hpp"
#include "corruptions.hpp"
#include "foil/core/summary.hpp"
#include "foil/evaluation/binomial.hpp"
#include "foil/report/corruptions.hpp"

namespace evaluate {
namespace {

using foil::Index;
using foil::report::CorruptionFigures;
using programs::percent;
using Json = nlohmann::ordered_json;

double mean_accuracy(const CorruptionFigures::Row& row, Index samples) {
  Index right = 0;
  for (const Index at : row.right) right += at;
  return foil::share(right, samples * std::ssize(row.right));
}

}  // namespace

Json corruption_facts(const CorruptionFigures& figures) {
  const auto interval = [&](Index right) {
    const foil::Interval ends = foil::clopper_pearson(right, figures.samples);
    return Json{ends.low, ends.high};
  };
  const auto optional = [](const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
  };
  const foil::report::CorruptionMeasures measures = foil::report::measures_of(figures);
  Json out{{"profile", figures.profile},
           {"frost_textures", figures.frost_textures.empty() ? Json(nullptr) : Json(figures.frost_textures)},
           {"severities", figures.severities},
           {"like_imagenet", figures.like_imagenet},
           {"samples", figures.samples},
           {"clean", figures.clean},
           {"invalid", figures.invalid},
           {"unanswered", foil::report::unanswered(figures)},
           {"unanswered_samples", figures.unanswered_samples},
           {"clean_unanswered", figures.clean_unanswered},
           {"clean_accuracy", foil::share(figures.clean, figures.samples)},
           {"clean_accuracy_interval", interval(figures.clean)},
           {"mean_accuracy", measures.mean_accuracy},
           {"missing", foil::report::table_of(figures).missing()},
           {"mpc", optional(measures.mpc)},
           {"rpc", optional(measures.rpc)},
           {"mce", optional(measures.mce)},
           {"relative_mce", optional(measures.relative_mce)},
           {"corruptions", Json::array()}};
  for (const CorruptionFigures::Row& row : foil::report::worst_first(figures)) {
    Json entry{{"corruption", row.corruption},
               {"mean_accuracy", mean_accuracy(row, figures.samples)},
               {"by_severity", Json::array()}};
    for (std::size_t s = 0; s < row.right.size(); ++s)
      entry["by_severity"].push_back({{"severity", figures.severities[s]},
                                      {"right", row.right[s]},
                                      {"unanswered", row.unanswered[s]},
                                      {"accuracy", foil::share(row.right[s], figures.samples)},
                                      {"accuracy_interval", interval(row.right[s])}});
    out["corruptions"].push_back(std::move(entry));
  }
  return out;
}

std::string corruption_text(const CorruptionFigures& figures) {
  std::vector<std::vector<std::string>> rows{{"corruption", "mean acc."}};
  for (const int severity : figures.severities) rows[0].push_back("severity " + std::to_string(severity));
  for (const CorruptionFigures::Row& row : foil::report::worst_first(figures)) {
    rows.push_back({row.corruption, percent(mean_accuracy(row, figures.samples))});
    for (const Index right : row.right) rows.back().push_back(percent(foil::share(right, figures.samples)));
  }
  const std::string wanting = foil::report::wanting_text(figures);
  return foil::text("Common corruptions (", figures.profile, "), accuracy on ", figures.samples,
                    figures.samples == 1 ? " sample" : " samples", ", the worst first; clean ",
                    percent(foil::share(figures.clean, figures.samples)), " (", figures.clean, "):\n",
                    programs::columns(rows, 1), foil::report::measures_text(figures), '\n', wanting,
                    wanting.empty() ? "" : "\n");
}

}  // namespace evaluate
