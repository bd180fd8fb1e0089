// SPDX-License-Identifier: MIT
/// \file
/// Models beside people in pictures: figures against conditions, and who takes what for what.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/evaluation/binomial.hpp"
#include "foil/evaluation/trials/beside_people.hpp"
#include "foil/evaluation/trials/trials.hpp"
#include "foil/report/html/axis.hpp"
#include "foil/report/html/chart.hpp"
#include "foil/report/html/claims.hpp"
#include "foil/report/html/markup.hpp"
#include "foil/report/html/table.hpp"
#include "foil/report/numbers.hpp"

namespace foil::report::html {

/// What a page shows of trials.
struct PeopleFacts {
  const Trials& trials;
  const std::vector<ObserverFigures>& figures;  ///< of foil::beside_people()
  std::vector<std::string> notes{};
  double confidence = 0.95;
  std::vector<std::string> command{};  ///< lines of the one that repeats it; empty: not known
  std::vector<std::pair<std::string, std::string>> settings{};  ///< what the figures depend on, in this order

  /// An observer's name, or "people".
  std::string name(int observer) const {
    return observer < 0 ? "people" : trials.observers()[static_cast<std::size_t>(observer)];
  }
  const std::string& condition(int number) const {
    return trials.conditions()[static_cast<std::size_t>(number)];
  }
  /// Conditions and observers that there are figures of, people first.
  std::vector<int> conditions() const {
    std::vector<int> out;
    for (const ObserverFigures& one : figures)
      if (std::find(out.begin(), out.end(), one.condition) == out.end()) out.push_back(one.condition);
    return out;
  }
  std::vector<int> observers() const {
    std::vector<int> out;
    for (const ObserverFigures& one : figures)
      if (std::find(out.begin(), out.end(), one.observer) == out.end()) out.push_back(one.observer);
    std::sort(out.begin(), out.end());
    return out;
  }
};

/// A figure against the conditions in their order, which are equally far from each other.
struct PeopleMeasure {
  std::string title, label;
  double low, high;  ///< of its axis
  bool percent = false;
  std::function<double(const ObserverFigures&)> value;
  std::function<Interval(const ObserverFigures&)> interval{};  ///< may be none
};

inline Markup people_chart(const PeopleFacts& facts, const PeopleMeasure& measure) {
  constexpr double left = 40, right = chart_width - 14, top = 26, bottom = 246;
  const std::vector<int> conditions = facts.conditions(), observers = facts.observers();
  const Axis x{-0.4, static_cast<double>(conditions.size()) - 0.6, left, right},
      y{measure.low, measure.high, bottom, top};
  Chart chart{.title = measure.title, .height = bottom + 40};
  if (measure.percent) {
    chart.picture(vertical_shares(y, left, right, measure.label));
  } else {
    for (const double value : ticks(y)) {
      const std::string at = place(y.at(value));
      chart.picture("<path class=\"grid\" d=\"M", place(left), " ", at, "H", place(right),
                    "\"/><text class=\"tick end\" x=\"", place(left - 6), "\" y=\"", place(y.at(value) + 4),
                    "\">", formatted("%g", value), "</text>\n");
    }
    chart.picture("<text class=\"label\" x=\"0\" y=\"", place(top - 9), "\">", measure.label, "</text>\n");
  }
  for (std::size_t k = 0; k < conditions.size(); ++k)
    chart.picture("<text class=\"tick middle\" x=\"", place(x.at(static_cast<double>(k))), "\" y=\"",
                  place(bottom + 15), "\">", fitting(facts.condition(conditions[k]), 9), "</text>\n");
  chart.picture("<path class=\"axis\" d=\"M", place(left), " ", place(bottom), "H", place(right),
                "\"/><text class=\"label middle\" x=\"", place((left + right) / 2), "\" y=\"",
                place(bottom + 31), "\">condition</text>\n");
  std::size_t number = 0;
  Markup below, above;
  for (std::size_t k = 0; k < observers.size(); ++k) {
    const int observer = observers[k];
    const std::string kind = observer < 0 ? "strong" : colour_class(number++);
    std::string path;
    Markup points;
    for (const ObserverFigures& one : facts.figures) {
      const double value = measure.value(one);
      if (one.observer != observer || std::isnan(value)) continue;
      const auto column = std::find(conditions.begin(), conditions.end(), one.condition) - conditions.begin();
      const std::string at = place(x.at(static_cast<double>(column)) + aside(k, observers.size())),
                        height = place(y.at(value));
      path += (path.empty() ? "M" : "L") + at + " " + height;
      const auto said = [&](double v) {
        return measure.percent ? formatted("%.1f", 100 * v) : formatted("%.3f", v);
      };
      std::string text = facts.name(observer) + ", " + facts.condition(one.condition) + ": " + said(value) +
                         (measure.percent ? " %" : "");
      if (measure.interval) {
        const Interval ends = measure.interval(one);
        points("<path class=\"whisker ", kind, "\" d=\"M", at, " ", place(y.at(ends.low)), "V",
               place(y.at(ends.high)), "\"/>");
        text += " (" + said(ends.low) + " to " + said(ends.high) + ")";
      }
      points("<circle class=\"mark point ", kind, "\" r=\"3.5\" cx=\"", at, "\" cy=\"", height, "\"><title>",
             text, "</title></circle>\n");
    }
    (observer < 0 ? below : above)("<path class=\"line ", kind, "\" d=\"", path, "\"/>\n", points);
    chart.legend(legend_entry(facts.name(observer), kind));
  }
  chart.picture(below, above);
  return drawn(chart);
}

/// The four figures that there are, each against the conditions.
inline Markup people_charts(const PeopleFacts& facts) {
  const auto categories = static_cast<double>(facts.trials.categories().size());
  double pattern = 0, kappa = 0;
  bool consistent = false;
  for (const ObserverFigures& one : facts.figures) {
    if (!std::isnan(one.pattern)) pattern = std::max(pattern, one.pattern);
    if (one.consistency.pairs == 0) continue;
    consistent = true;
    kappa = std::min({kappa, one.consistency.kappa, one.consistency.interval.low});
  }
  Markup out("<div class=\"charts\">\n");
  out(people_chart(facts, {"Accuracy", "right, %", 0, 1, true, [](const auto& one) { return one.accuracy; },
                           [](const auto& one) { return one.accuracies; }}));
  out(people_chart(
      facts, {"How evenly responses are spread", "entropy, bits", 0, std::log2(categories) * 1.02, false,
              [](const auto& one) { return one.entropy; }}));
  if (pattern > 0)
    out(people_chart(facts, {"Error patterns: distance to people", "squared distance", 0, pattern * 1.05,
                             false, [](const auto& one) { return one.pattern; }}));
  if (consistent)
    out(people_chart(facts, {"Error consistency with people", "kappa", std::floor(kappa * 5) / 5, 1, false,
                             [](const auto& one) { return one.consistency.kappa; },
                             [](const auto& one) { return one.consistency.interval; }}));
  return out("</div>\n");
}

/// Which category was answered for which: columns are the right ones, rows the responses, the last none. The
/// darker, the larger the share of the column.
inline Markup confusion_chart(const PeopleFacts& facts, const ObserverFigures& one) {
  const auto& names = facts.trials.categories();
  const auto count = static_cast<double>(names.size());
  constexpr double left = 74, top = 18;
  const double width = (chart_width - left - 4) / count, height = std::min(width, 20.0);
  Chart chart{.title = facts.name(one.observer) + ", " + facts.condition(one.condition),
              .height = top + height * (count + 1) + 6};
  const auto row_name = [&](int row) {
    return row < static_cast<int>(names.size()) ? names[static_cast<std::size_t>(row)] : std::string("none");
  };
  for (int k = 0; k <= static_cast<int>(names.size()); ++k) {
    const double at = top + height * k;
    chart.picture("<text class=\"tick end\" x=\"", place(left - 6), "\" y=\"", place(at + height / 2 + 4),
                  "\">", fitting(row_name(k), 10), "</text>");
    if (k < static_cast<int>(names.size()))
      chart.picture("<text class=\"tick middle\" x=\"", place(left + width * (k + 0.5)), "\" y=\"",
                    place(top - 5), "\">", names[static_cast<std::size_t>(k)].substr(0, width < 40 ? 3 : 6),
                    "</text>");
  }
  chart.picture("<path class=\"grid\" d=\"M", place(left), " ", place(top), "H", place(left + width * count),
                "V", place(top + height * (count + 1)), "H", place(left), "Z\"/>\n");
  for (int category = 0; category < static_cast<int>(names.size()); ++category)
    for (int row = 0; row <= static_cast<int>(names.size()); ++row) {
      const int response = row < static_cast<int>(names.size()) ? row : -1;
      const Index times = one.confusion.count(category, response), of = one.confusion.trials(category);
      if (times == 0) continue;
      chart.picture("<rect class=\"point bar ", response == category ? "c0" : "c1", "\" x=\"",
                    place(left + width * category + 0.5), "\" y=\"", place(top + height * row + 0.5),
                    "\" width=\"", place(width - 1), "\" height=\"", place(height - 1), "\" fill-opacity=\"",
                    formatted("%.3f", share(times, of)), "\"><title>", row_name(row), " for ",
                    names[static_cast<std::size_t>(category)], ": ", times, " of ", of, ", ",
                    percent(share(times, of)), "</title></rect>\n");
    }
  return drawn(chart);
}

inline Markup people_table(const PeopleFacts& facts) {
  const std::string level = formatted("%g", 100 * facts.confidence) + " %";
  const bool consistent = std::any_of(facts.figures.begin(), facts.figures.end(),
                                      [](const ObserverFigures& one) { return one.consistency.pairs > 0; });
  std::vector<Column> columns{
      {"condition", false}, {"observer", false}, {"trials"}, {"accuracy"}, {"range or " + level}, {"none"},
      {"entropy"},          {"pattern"}};
  if (consistent) columns.insert(columns.end(), {{"kappa"}, {level}, {"images"}});
  const auto width = static_cast<std::ptrdiff_t>(columns.size());
  std::vector<Row> rows;
  for (const ObserverFigures& one : facts.figures) {
    const bool people = one.observer < 0, common = one.consistency.pairs > 0;
    const double kappa = one.consistency.kappa;
    rows.push_back(
        {{facts.condition(one.condition),
          people ? foil::text("people (", one.observers, ")") : facts.name(one.observer),
          {foil::text(one.confusion.trials()), static_cast<double>(one.confusion.trials())},
          {percent(one.accuracy), one.accuracy},
          {interval_text(one.accuracies, "%.1f", 100), one.accuracies.low},
          {foil::text(one.confusion.unanswered()), static_cast<double>(one.confusion.unanswered())},
          {formatted("%.3f", one.entropy), one.entropy},
          {formatted("%.4f", one.pattern), one.pattern},
          {formatted("%.4f", kappa), kappa},
          {common ? interval_text(one.consistency.interval, "%.3f") : "-",
           common ? one.consistency.interval.low : kappa},
          {foil::text(one.consistency.images), static_cast<double>(one.consistency.images)}},
         people});
    rows.back().cells.erase(rows.back().cells.begin() + width, rows.back().cells.end());
  }
  return table("Condition by condition", columns, rows);
}

}  // namespace foil::report::html
