// SPDX-License-Identifier: MIT
/// \file
/// What attacks have cost, as a chart.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "foil/report/figures.hpp"
#include "foil/report/html/axis.hpp"
#include "foil/report/html/chart.hpp"
#include "foil/report/html/markup.hpp"

namespace foil::report::html {

/// One attack of a chart of calls.
struct CallsRow {
  std::string name;
  Figures figures;
};

/// Forward and backward calls of each attack as bars from one line.
inline Markup calls_chart(const std::string& title, const std::vector<CallsRow>& rows) {
  constexpr double left = 6, right = chart_width - 108, above = 18, height = 10, row_height = 34;
  double most = 0;
  for (const CallsRow& row : rows)
    most = std::max(most, row.figures.forward_calls + row.figures.backward_calls);
  const Axis axis{0, most > 0 ? most : 1, left, right};
  const double bottom = row_height * static_cast<double>(rows.size()) + 2;
  Chart chart{.title = title, .height = bottom + 40};
  chart.picture(horizontal_axis(axis, 0, bottom, "model calls per sample"));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const auto& [name, f] = rows[r];
    const double top = row_height * static_cast<double>(r), y = top + above;
    const double middle = axis.at(f.forward_calls), end = axis.at(f.forward_calls + f.backward_calls);
    chart.picture("<text class=\"name\" x=\"", place(left), "\" y=\"", place(top + 13), "\">",
                  fitting(name, 56), "</text>\n<rect class=\"bar point c0\" x=\"", place(left), "\" y=\"",
                  place(y), "\" width=\"", place(middle - left), "\" height=\"", place(height), "\"><title>",
                  name, ": ", f.forward, " forward calls per sample</title></rect>\n");
    if (f.backward_calls > 0)
      chart.picture("<rect class=\"bar point c1\" x=\"", place(middle), "\" y=\"", place(y), "\" width=\"",
                    place(end - middle), "\" height=\"", place(height), "\"><title>", name, ": ", f.backward,
                    " backward calls per sample</title></rect>\n");
    chart.picture("<text class=\"tick\" x=\"", place(end + 6), "\" y=\"", place(y + 9), "\">", f.forward,
                  " + ", f.backward, "</text>\n");
  }
  for (const auto& [name, kind] : {std::pair{"forward", "c0"}, std::pair{"backward", "c1"}})
    chart.legend("<li><svg viewBox=\"0 0 28 10\" aria-hidden=\"true\"><rect class=\"bar ", std::string(kind),
                 "\" width=\"28\" height=\"10\"/></svg>", std::string(name), "</li>");
  return drawn(chart);
}

}  // namespace foil::report::html
