// SPDX-License-Identifier: MIT
/// \file
/// The figures of common corruptions as foil's tables tell them.
#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/summary.hpp"
#include "foil/evaluation/corruption_measures.hpp"
#include "foil/report/html/facts.hpp"
#include "foil/report/numbers.hpp"

namespace foil::report {

/// The accuracies as shares.
inline CorruptionTable table_of(const CorruptionFigures& figures) {
  CorruptionTable out(share(figures.clean, figures.samples), figures.severities);
  for (const CorruptionFigures::Row& row : figures.rows) {
    std::vector<double> accuracies;
    for (const Index right : row.right) accuracies.push_back(share(right, figures.samples));
    out.add(row.corruption, std::move(accuracies));
  }
  return out;
}

/// The rows, that of the lowest mean accuracy first.
inline std::vector<CorruptionFigures::Row> worst_first(const CorruptionFigures& figures) {
  std::vector<CorruptionFigures::Row> out;
  for (const CorruptedPerformance& worst : table_of(figures).worst_first())
    out.push_back(*std::find_if(figures.rows.begin(), figures.rows.end(),
                                [&](const auto& row) { return row.corruption == worst.corruption; }));
  return out;
}

/// One figure for all corruptions. What the literature has names for needs all of the benchmark, and errors
/// against AlexNet's ImageNet.
struct CorruptionMeasures {
  double mean_accuracy;  ///< over all that was asked for
  std::optional<double> mpc{}, rpc{}, mce{}, relative_mce{};
};

inline CorruptionMeasures measures_of(const CorruptionFigures& figures) {
  const CorruptionTable table = table_of(figures);
  CorruptionMeasures out{0};
  for (const CorruptedPerformance& row : table.rows()) out.mean_accuracy += row.mean();
  out.mean_accuracy /= static_cast<double>(table.rows().size());
  if (!table.has_benchmark()) return out;
  out.mpc = mean_performance_under_corruption(table);
  if (figures.clean > 0) out.rpc = relative_performance_under_corruption(table);
  if (figures.like_imagenet && figures.profile == "imagenet") {
    out.mce = mean_corruption_error(table).mean;
    out.relative_mce = relative_mean_corruption_error(table).mean;
  }
  return out;
}

/// "mPC 61.2 %, rPC 74.0 %" and so on, and what mCE is not; or the mean of what was asked for, and what is
/// missing for those.
inline std::string measures_text(const CorruptionFigures& figures) {
  const CorruptionMeasures m = measures_of(figures);
  if (!m.mpc)
    return "mean accuracy under what was asked for " + percent(m.mean_accuracy) +
           " (no mPC, rPC or mCE, which need " + table_of(figures).lack() + ")";
  std::string out = "mPC " + percent(*m.mpc);
  if (m.rpc) out += ", rPC " + percent(*m.rpc);
  if (m.mce)
    out +=
        ", mCE " + percent(*m.mce) + ", relative mCE " + percent(*m.relative_mce) +
        " (over AlexNet's errors on the files of ImageNet-C, which images made here are not, and its clean "
        "error .435, which was not checked: not to be set beside published ones)";
  return out;
}

/// Images, clean and corrupted, that the model answered with NaN or infinity.
inline Index unanswered(const CorruptionFigures& figures) {
  Index out = figures.clean_unanswered;
  for (const CorruptionFigures::Row& row : figures.rows)
    for (const Index at : row.unanswered) out += at;
  return out;
}

/// What was asked about.
inline Index images_of(const CorruptionFigures& figures) {
  return figures.samples * (1 + std::ssize(figures.rows) * std::ssize(figures.severities));
}

/// "Wrong for want of an answer: ...", of what counts as wrong without the model having said so; empty if
/// nothing does.
inline std::string wanting_text(const CorruptionFigures& figures) {
  std::string out;
  if (const Index count = unanswered(figures); count > 0)
    out = foil::text(count, " of ", images_of(figures),
                     " images, clean and corrupted, were answered with NaN or infinity");
  if (figures.invalid > 0)
    out += foil::text(out.empty() ? "" : "; ", figures.invalid, " of ", figures.samples,
                      " samples are not finite or out of bounds, and were never shown");
  return out.empty() ? out : "Wrong for want of an answer: " + out + ".";
}

/// "Under 15 common corruptions: mPC 61.2 %, rPC 74.0 %; the worst is fog with a mean accuracy of 33.5 %."
inline std::string corruptions_sentence(const CorruptionFigures& figures) {
  const std::vector<CorruptedPerformance> worst = table_of(figures).worst_first();
  const std::string wanting = wanting_text(figures);
  return foil::text(
      "Under ", worst.size(),
      worst.size() == 1 ? " common corruption: " : " common corruptions: ", measures_text(figures),
      "; the worst is ", worst[0].corruption, " with a mean accuracy of ", percent(worst[0].mean()), ".",
      wanting.empty() ? "" : " ", wanting);
}

}  // namespace foil::report
