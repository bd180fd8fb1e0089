// SPDX-License-Identifier: MIT
#include "curves.hpp"

#include <algorithm>
#include <cmath>

#include "foil/core/error.hpp"
#include "foil/evaluation/curve.hpp"

namespace evaluate {
namespace {

/// A number in its shortest exact form; nothing where there is none.
std::string cell(double value) {
  return std::isnan(value) ? "" : foil::text(value);
}

}  // namespace

std::string curve_table(const std::vector<Told>& outcomes) {
  std::string out(curve_head);
  for (const foil::NamedCurve& named : foil::curves(outcomes)) {
    std::string places;
    for (const std::size_t member : named.members) places += foil::text(places.empty() ? "" : " ", member);
    const std::string head = foil::text(named.name, ",", named.norm.name(), ",", places, ",");
    for (const auto& [epsilon, s] : named.curve.points) {
      const foil::Interval interval = foil::robust_accuracy_interval(s);
      out += foil::text(head, cell(epsilon), ",", cell(s.robust_accuracy()), ",", cell(interval.low), ",",
                        cell(interval.high), ",", s.robust, ",", s.finished(), ",", s.fooled, ",", s.attacked,
                        "\n");
    }
  }
  return out;
}

nlohmann::ordered_json curves_in_short(const std::vector<Told>& outcomes) {
  using Json = nlohmann::ordered_json;
  Json out = Json::array();
  const std::vector<foil::NamedCurve> all = foil::curves(outcomes);
  for (const foil::NamedCurve& named : all) {
    // The curves of one norm have their areas up to one epsilon, so that they can be compared.
    double asked = 0, found = 0;
    for (const foil::NamedCurve& other : all) {
      if (other.norm != named.norm) continue;
      if (!other.curve.radii.empty()) asked = std::max(asked, other.curve.radii.back());
      found = std::max(found, other.curve.last());
    }
    const double up_to = asked > 0 ? asked : found;
    // Fixed budgets say nothing between their radii: an area would hold what nobody has looked for.
    const bool known = named.curve.minimal && up_to > 0;
    const double area = known ? named.curve.area(up_to) : std::nan("");
    const foil::Interval median = named.curve.median_interval();
    out.push_back({{"curve", named.name},
                   {"norm", named.norm.name()},
                   {"attacks", named.members},
                   {"epsilons", named.curve.radii},
                   {"area_up_to", up_to},
                   {"area", area},
                   {"mean_robust_accuracy", area / up_to},
                   {"median_distance", named.curve.median_distance()},
                   {"median_distance_interval", {median.low, median.high}}});
  }
  return out;
}

}  // namespace evaluate
