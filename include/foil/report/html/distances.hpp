// SPDX-License-Identifier: MIT
/// \file
/// How far the adversarials of each attack are, as a chart.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/report/html/axis.hpp"
#include "foil/report/html/chart.hpp"
#include "foil/report/html/markup.hpp"
#include "foil/report/numbers.hpp"

namespace foil::report::html {

/// One attack of a chart of distances.
struct DistanceRow {
  std::string name;
  std::vector<double> distances{};  ///< of the fooled, in ascending order
  Summary summary{};
};

/// The distances at which an outcome has fooled samples that were right to begin with.
inline DistanceRow distances_of(const Outcome& outcome) {
  DistanceRow row{.name = outcome.title(), .summary = outcome.summary()};
  for (const Record& r : outcome.records) {
    Tally alone;
    alone.add(r.status, r.success, r.distance, r.correct, r.bad_rows == 0);
    if (alone.summary().fooled > 0) row.distances.push_back(r.distance);
  }
  std::sort(row.distances.begin(), row.distances.end());
  return row;
}

namespace detail {

inline constexpr std::size_t distance_bins = 48;

/// An axis for all distances: from 0, or logarithmic where the largest is out of all proportion to most.
inline Axis distance_axis(const std::vector<DistanceRow>& rows, double start, double end) {
  double most = 0, least = std::numeric_limits<double>::infinity(),
         middle = std::numeric_limits<double>::infinity();
  for (const DistanceRow& row : rows) {
    if (row.distances.empty()) continue;
    most = std::max(most, row.distances.back());
    middle = std::min(middle, row.distances[row.distances.size() / 2]);
    for (const double d : {row.distances.front(), middle})
      if (d > 0) least = std::min(least, d);
  }
  if (middle > 0 && std::isfinite(middle) && most > 25 * middle)
    return {std::max(least, most * 1e-6) / 1.1, 1.1 * most, start, end, true};
  return {0, most > 0 ? 1.02 * most : 1, start, end};
}

/// How many distances lie in each of equal parts of an axis; what is closer than it begins is in the first.
inline std::array<Index, distance_bins> counts_of(const std::vector<double>& distances, const Axis& axis) {
  std::array<Index, distance_bins> counts{};
  const double width = (axis.end - axis.start) / distance_bins;
  for (const double d : distances) {
    const auto bin = static_cast<std::size_t>(std::max(0., (axis.at(d) - axis.start) / width));
    ++counts[std::min(bin, distance_bins - 1)];
  }
  return counts;
}

}  // namespace detail

/// For each attack a histogram of its distances, all on one axis; a line where the median is. Heights are
/// relative to each attack's highest.
inline Markup distance_chart(const std::string& title, const Lp& norm, const std::vector<DistanceRow>& rows) {
  constexpr double left = 6, right = chart_width - 10, above = 18, height = 24, row_height = 48;
  const Axis axis = detail::distance_axis(rows, left, right);
  const double width = (right - left) / static_cast<double>(detail::distance_bins);
  const double bottom = row_height * static_cast<double>(rows.size());
  Chart chart{.title = title, .height = bottom + 40};
  chart.picture(horizontal_axis(axis, 0, bottom,
                                "distance, " + norm.name() + (axis.logarithmic ? ", logarithmic" : "")));
  const auto value_at = [&](double x) {
    const double part = (x - left) / (right - left);
    return axis.logarithmic ? axis.low * std::pow(axis.high / axis.low, part)
                            : axis.low + part * (axis.high - axis.low);
  };
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const DistanceRow& row = rows[r];
    const double top = row_height * static_cast<double>(r), floor = top + above + height;
    const auto counts = detail::counts_of(row.distances, axis);
    const auto highest =
        static_cast<double>(std::max<Index>(1, *std::max_element(counts.begin(), counts.end())));
    const Index spared = row.summary.attacked - row.summary.fooled;
    chart.picture("<text class=\"name\" x=\"", place(left), "\" y=\"", place(top + 13), "\">",
                  fitting(row.name, 44), "</text><text class=\"tick end\" x=\"", place(right), "\" y=\"",
                  place(top + 13), "\">", row.summary.fooled, " fooled, ", spared, " not</text>\n");
    chart.picture("<path class=\"axis\" d=\"M", place(left), " ", place(floor), "H", place(right), "\"/>\n");
    for (std::size_t b = 0; b < counts.size(); ++b) {
      if (counts[b] == 0) continue;
      const double tall = std::max(1., height * static_cast<double>(counts[b]) / highest);
      const double x = left + width * static_cast<double>(b);
      chart.picture("<rect class=\"bar point c0\" x=\"", place(x + 0.5), "\" y=\"", place(floor - tall),
                    "\" width=\"", place(width - 1), "\" height=\"", place(tall), "\"><title>", row.name,
                    ", ", norm.name(), " ", formatted("%.3g to ", value_at(x)),
                    formatted("%.3g", value_at(x + width)), ": ", counts[b], " fooled</title></rect>\n");
    }
    if (std::isfinite(row.summary.median_distance)) {
      const std::string x = place(axis.at(row.summary.median_distance));
      chart.picture("<path class=\"median\" d=\"M", x, " ", place(top + above - 2), "V", place(floor + 3),
                    "\"/>\n");
    }
  }
  return drawn(chart);
}

}  // namespace foil::report::html
