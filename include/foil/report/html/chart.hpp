// SPDX-License-Identifier: MIT
/// \file
/// What all charts of a page have in common: inline SVG with axes, and points that tell their values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "foil/report/html/axis.hpp"
#include "foil/report/html/markup.hpp"
#include "foil/report/numbers.hpp"

namespace foil::report::html {

/// The width of every chart, in units that are about a pixel each.
inline constexpr double chart_width = 480;

/// So many colours and dashes there are for what is told apart; more begin again with other dashes.
inline constexpr std::size_t chart_colours = 6;

/// A coordinate.
inline std::string place(double value) {
  return formatted("%.1f", value);
}

/// How far from its place on an axis a point of one of several series stands, around the middle, so that
/// points and intervals of all lie beside each other.
inline double aside(std::size_t number, std::size_t series) {
  constexpr double apart = 3, widest = 18;
  if (series < 2) return 0;
  const double gaps = static_cast<double>(series - 1);
  return std::min(apart, widest / gaps) * (static_cast<double>(number) - gaps / 2);
}

/// The name of a thing's colour and dash, for the style sheet.
inline std::string colour_class(std::size_t number) {
  return foil::text("c", number % chart_colours, " d", number / chart_colours % 4);
}

/// A text that fits into a width of a chart; what is longer ends in three dots.
inline std::string fitting(const std::string& text, std::size_t most) {
  std::string out = printable(text, text.size());
  if (out.size() <= most) return out;
  std::size_t end = most - 3;
  while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) --end;
  return out.substr(0, end) + "...";
}

/// A chart: picture, what the point says that is pointed at, and legend.
struct Chart {
  std::string title;  ///< above the picture, and what screen readers say
  double height = 0;  ///< of the picture
  Markup picture{};   ///< within the svg
  Markup legend{};    ///< list items
};

inline Markup drawn(const Chart& chart) {
  Markup out;
  out("<figure class=\"chart\"><figcaption>", chart.title, "</figcaption>\n<svg viewBox=\"0 0 ", chart_width,
      " ", place(chart.height), "\" tabindex=\"0\" role=\"group\" aria-label=\"", chart.title,
      "; arrow keys go from point to point\">\n", chart.picture,
      "</svg>\n<output aria-live=\"polite\"></output>\n");
  if (!chart.legend.empty()) out("<ul class=\"legend\">", chart.legend, "</ul>\n");
  out("</figure>\n");
  return out;
}

/// What stands in a legend for one thing.
inline Markup legend_entry(const std::string& name, const std::string& kind) {
  return Markup("<li><svg viewBox=\"0 0 28 10\" aria-hidden=\"true\"><path class=\"line ", kind,
                "\" d=\"M1 5H27\"/></svg>", name, "</li>");
}

/// The line of an axis below a picture from `top` to `bottom`, with its values, lines up from them, and its
/// label.
inline Markup horizontal_axis(const Axis& axis, double top, double bottom, const std::string& label) {
  Markup out;
  for (const double value : ticks(axis)) {
    const std::string x = place(axis.at(value));
    out("<path class=\"grid\" d=\"M", x, " ", place(top), "V", place(bottom),
        "\"/><text class=\"tick middle\" x=\"", x, "\" y=\"", place(bottom + 15), "\">",
        formatted("%g", value), "</text>\n");
  }
  out("<path class=\"axis\" d=\"M", place(axis.start), " ", place(bottom), "H", place(axis.end),
      "\"/><text class=\"label middle\" x=\"", place((axis.start + axis.end) / 2), "\" y=\"",
      place(bottom + 31), "\">", label, "</text>\n");
  return out;
}

/// Shares from 0 to 100 % on the left of a picture.
inline Markup vertical_shares(const Axis& axis, double left, double right, const std::string& label) {
  Markup out;
  for (const int share : {0, 25, 50, 75, 100}) {
    const double y = axis.at(share / 100.);
    out("<path class=\"grid\" d=\"M", place(left), " ", place(y), "H", place(right),
        "\"/><text class=\"tick end\" x=\"", place(left - 6), "\" y=\"", place(y + 4), "\">", share,
        "</text>\n");
  }
  out("<text class=\"label\" x=\"0\" y=\"", place(axis.end - 9), "\">", label, "</text>\n");
  return out;
}

}  // namespace foil::report::html
