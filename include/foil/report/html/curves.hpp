// SPDX-License-Identifier: MIT
/// \file
/// Robust accuracy against epsilon as a chart.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/evaluation/binomial.hpp"
#include "foil/evaluation/curve.hpp"
#include "foil/report/html/axis.hpp"
#include "foil/report/html/chart.hpp"
#include "foil/report/html/markup.hpp"
#include "foil/report/numbers.hpp"

namespace foil::report::html {

/// One line of a chart of curves.
struct CurveLine {
  std::string name;
  Curve curve;
  bool strong = false;    ///< drawn thick and below the others
  bool interval = false;  ///< of every epsilon, as a band; at fixed radii it is always there
};

namespace detail {

/// What the picture is made of.
struct CurveSpace {
  Axis x, y;
};

/// Those points of a curve that are drawn, and that tell their values: at radii that were asked about all,
/// between them one for two pixels, the last there, whose share is that from there on. Of fixed budgets alone
/// nothing is known between radii.
inline std::vector<Curve::Point> drawn_points(const Curve& curve, const Axis& x) {
  std::vector<Curve::Point> out;
  double last = 0;
  bool fixed = true;  // the last one stays
  for (const Curve::Point& point : curve.points) {
    const bool asked = std::binary_search(curve.radii.begin(), curve.radii.end(), point.epsilon);
    const bool told = curve.minimal || asked || point.epsilon == 0;
    if (!told || point.summary.finished() == 0) continue;
    const double at = std::floor(x.at(point.epsilon) / 2);
    if (!fixed && at == last) out.pop_back();
    out.push_back(point);
    last = at;
    fixed = asked || point.epsilon == 0;
  }
  return out;
}

inline std::string step_path(const std::vector<Curve::Point>& points, const CurveSpace& space, double end) {
  std::string d;
  for (const Curve::Point& point : points) {
    const std::string x = place(space.x.at(point.epsilon)),
                      y = place(space.y.at(point.summary.robust_accuracy()));
    d += d.empty() ? "M" + x + " " + y : "H" + x + "V" + y;
  }
  return d.empty() ? d : d + "H" + place(end);
}

/// The intervals of a step function as one area.
inline std::string band_path(const std::vector<Curve::Point>& points, const CurveSpace& space, double end) {
  if (points.empty()) return {};
  std::string d;
  for (const Curve::Point& point : points) {
    const std::string x = place(space.x.at(point.epsilon)),
                      y = place(space.y.at(robust_accuracy_interval(point.summary).high));
    d += d.empty() ? "M" + x + " " + y : "H" + x + "V" + y;
  }
  d += "H" + place(end);
  for (std::size_t i = points.size(); i-- > 0;)
    d += "V" + place(space.y.at(robust_accuracy_interval(points[i].summary).low)) + "H" +
         place(space.x.at(points[i].epsilon));
  return d + "Z";
}

inline Markup curve_line(const CurveLine& line, const std::string& kind, const std::string& measure,
                         const CurveSpace& space) {
  const std::vector<Curve::Point> points = drawn_points(line.curve, space.x);
  const double end = line.curve.minimal ? space.x.end : space.x.at(line.curve.last());
  Markup out;
  if (line.interval && line.curve.minimal)
    out("<path class=\"band ", kind, "\" d=\"", band_path(points, space, end), "\"/>\n");
  out("<path class=\"line ", kind, "\" d=\"", step_path(points, space, end), "\"/>\n");
  for (const Curve::Point& point : points) {
    const Summary& s = point.summary;
    const Interval interval = robust_accuracy_interval(s);
    const double x = space.x.at(point.epsilon), y = space.y.at(s.robust_accuracy());
    const bool asked = std::binary_search(line.curve.radii.begin(), line.curve.radii.end(), point.epsilon);
    if (asked && !line.curve.minimal)
      out("<path class=\"whisker ", kind, "\" d=\"M", place(x), " ", place(space.y.at(interval.low)), "V",
          place(space.y.at(interval.high)), "\"/>");
    if (asked)
      out("<circle class=\"mark point ", kind, "\" r=\"4\"");
    else
      out("<circle class=\"point\" r=\"4\"");
    out(" cx=\"", place(x), "\" cy=\"", place(y), "\"><title>", line.name, ", ", measure, " ",
        formatted("%.4g", point.epsilon), ": ", percent(s.robust_accuracy()), " robust (",
        formatted("%.1f to ", 100 * interval.low), percent(interval.high), "), ", s.robust, " of ",
        s.finished(), "</title></circle>\n");
  }
  return out;
}

}  // namespace detail

/// Curves of one norm, or of what else distances are measured in. Steps are drawn through where an attack
/// looks for the smallest distance; fixed budgets have marks at their radii, with intervals, and dots
/// between, where nobody looked.
/// \param measure  the norm's name, or "severity"
/// \param axis     what the radii are
inline Markup curve_chart(const std::string& title, const std::string& measure, const std::string& axis,
                          const std::vector<CurveLine>& lines) {
  constexpr double left = 40, right = chart_width - 14, top = 26, bottom = 246;
  double last = 0;
  for (const CurveLine& line : lines) last = std::max(last, line.curve.last());
  const detail::CurveSpace space{{0, last > 0 ? 1.04 * last : 1, left, right}, {0, 1, bottom, top}};
  Chart chart{.title = title, .height = bottom + 40};
  chart.picture(vertical_shares(space.y, left, right, "robust accuracy, %"),
                horizontal_axis(space.x, top, bottom, axis));
  std::size_t number = 0;
  Markup below, above;
  for (const CurveLine& line : lines) {
    const std::string kind =
        (line.strong ? "strong" : colour_class(number++)) + (line.curve.minimal ? "" : " dotted");
    (line.strong ? below : above)(detail::curve_line(line, kind, measure, space));
    chart.legend(legend_entry(line.name, kind));
  }
  chart.picture(below, above);
  return drawn(chart);
}
inline Markup curve_chart(const std::string& title, const Lp& norm, const std::vector<CurveLine>& lines) {
  return curve_chart(title, norm.name(), "epsilon, " + norm.name(), lines);
}

}  // namespace foil::report::html
