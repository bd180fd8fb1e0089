// SPDX-License-Identifier: MIT
/// \file
/// Accuracy under common corruptions: curves over severities, and the table.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/summary.hpp"
#include "foil/evaluation/binomial.hpp"
#include "foil/report/corruptions.hpp"
#include "foil/report/html/axis.hpp"
#include "foil/report/html/chart.hpp"
#include "foil/report/html/claims.hpp"
#include "foil/report/html/facts.hpp"
#include "foil/report/html/markup.hpp"
#include "foil/report/html/table.hpp"
#include "foil/report/numbers.hpp"

namespace foil::report::html {

/// What a corruption belongs to, in the words of its authors; others have no chart of their own.
inline std::string_view kind_of_corruption(std::string_view name) {
  const auto any = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (any({"gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"})) return "noise";
  if (any({"defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur"})) return "blur";
  if (any({"snow", "frost", "fog", "brightness", "spatter"})) return "weather";
  return "digital";
}

/// Accuracy against severity, 0 being clean, of some corruptions, with exact intervals. Lines join
/// neighbours: of severities that were not asked for they say nothing.
inline Markup severity_chart(const std::string& title, const CorruptionFigures& figures,
                             const std::vector<CorruptionFigures::Row>& rows) {
  constexpr double left = 40, right = chart_width - 14, top = 26, bottom = 246;
  const Axis x{0, static_cast<double>(figures.severities.back()) + 0.15, left, right}, y{0, 1, bottom, top};
  Chart chart{.title = title, .height = bottom + 40};
  chart.picture(vertical_shares(y, left, right, "accuracy, %"),
                horizontal_axis(x, top, bottom, "severity (0: clean)"));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::string kind = colour_class(r);
    std::string path;
    Markup points;
    int last = -1;
    const auto add = [&](int severity, Index count) {
      const double accuracy = share(count, figures.samples);
      const Interval ends = clopper_pearson(count, figures.samples);
      const std::string at = place(x.at(severity) + (severity == 0 ? 0 : aside(r, rows.size())));
      path += (severity == last + 1 && last >= 0 ? "L" : "M") + at + " " + place(y.at(accuracy));
      last = severity;
      points("<path class=\"whisker ", kind, "\" d=\"M", at, " ", place(y.at(ends.low)), "V",
             place(y.at(ends.high)), "\"/><circle class=\"mark point ", kind, "\" r=\"3\" cx=\"", at,
             "\" cy=\"", place(y.at(accuracy)), "\"><title>",
             severity == 0 ? std::string("clean") : foil::text(rows[r].corruption, " ", severity), ": ",
             percent(accuracy), " (", interval_text(ends, "%.1f", 100), "), ", count, " of ", figures.samples,
             "</title></circle>\n");
    };
    add(0, figures.clean);
    for (std::size_t s = 0; s < figures.severities.size(); ++s) add(figures.severities[s], rows[r].right[s]);
    chart.picture("<path class=\"line ", kind, "\" d=\"", path, "\"/>\n", points);
    chart.legend(legend_entry(rows[r].corruption, kind));
  }
  return drawn(chart);
}

/// The table, the worst first.
inline Markup severity_table(const CorruptionFigures& figures) {
  std::vector<Column> columns{{"corruption", false}, {"mean"}};
  for (const int severity : figures.severities) columns.push_back({foil::text("severity ", severity)});
  std::vector<Row> rows;
  for (const CorruptionFigures::Row& row : worst_first(figures)) {
    Index all = 0;
    for (const Index right : row.right) all += right;
    const double mean = share(all, figures.samples * std::ssize(row.right));
    rows.push_back({{{row.corruption}, {percent(mean), mean}}});
    for (const Index right : row.right) {
      const double accuracy = share(right, figures.samples);
      rows.back().cells.emplace_back(percent(accuracy) + " (" +
                                         interval_text(clopper_pearson(right, figures.samples), "%.1f", 100) +
                                         ")",
                                     accuracy);
    }
  }
  return table(foil::text("Accuracy under each corruption, the worst first, with exact intervals of 95 %; ",
                          "constants of ", figures.profile),
               columns, rows);
}

/// All that a page says of them.
inline Markup corruptions_part(const CorruptionFigures& figures) {
  const std::string wanting = wanting_text(figures);
  Markup out("<p>Of ", figures.samples, figures.samples == 1 ? " sample, " : " samples, ",
             percent(share(figures.clean, figures.samples)), " are right as they are; ",
             measures_text(figures), wanting.empty() ? "." : ". " + wanting,
             "</p>\n<div class=\"charts\">\n");
  const std::vector<CorruptionFigures::Row> rows = worst_first(figures);
  for (const std::string_view kind : {"noise", "blur", "weather", "digital"}) {
    std::vector<CorruptionFigures::Row> of_kind;
    for (const CorruptionFigures::Row& row : rows)
      if (kind_of_corruption(row.corruption) == kind) of_kind.push_back(row);
    if (!of_kind.empty())
      out(severity_chart("Accuracy under corruptions: " + std::string(kind), figures, of_kind));
  }
  return out("</div>\n", severity_table(figures));
}

}  // namespace foil::report::html
