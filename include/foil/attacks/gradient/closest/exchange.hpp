// SPDX-License-Identifier: MIT
/// \file
/// Two changed features for another one: how the search for the closest adversarial goes on in L0.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/run/oracle.hpp"

namespace foil {

/// Puts two changed features of the closest adversarial back and changes one other instead, that which gains
/// most by the gradient there; three are tried, and meanwhile the others go as far as their bounds let them,
/// where that gains. Begins with those pairs whose change gains least, and anew wherever one succeeds. No
/// walk comes there, since both features have to go at once before the third is worth anything. For L0; needs
/// oracle.found(). At most `most` x (1 forward + 1 backward + 3 forward).
inline Task<> exchange_features(Oracle& oracle, int most) {
  constexpr std::size_t weakest = 8, others = 3;
  const Eigen::VectorXd& original = oracle.original();
  using Gain = std::pair<double, Index>;
  std::vector<Gain> changed, gains;
  std::vector<std::pair<double, std::pair<Index, Index>>> pairs;
  std::vector<Eigen::VectorXd> points;
  bool again = true;
  while (again && most > 1 && oracle.best_distance() > 1) {
    again = false;
    Eigen::VectorXd x = oracle.best(), fewer;
    const Answer& here = co_await oracle.gradient(x, Loss::margin);
    --most;
    changed.clear();
    for (Index i = 0; i < x.size(); ++i)
      if (x[i] != original[i]) changed.emplace_back(here.gradient[i] * (x[i] - original[i]), i);
    std::sort(changed.begin(), changed.end());
    if (changed.size() > weakest) changed.resize(weakest);
    pairs.clear();
    for (std::size_t a = 0; a < changed.size(); ++a)
      for (std::size_t b = 0; b < a; ++b)
        pairs.push_back(
            {changed[a].first + changed[b].first, std::pair(changed[b].second, changed[a].second)});
    std::sort(pairs.begin(), pairs.end());
    for (const auto& [loss, pair] : pairs) {
      if (again || most == 0) break;
      const double closest = oracle.best_distance();
      fewer = x;
      for (const Index i : {pair.first, pair.second}) fewer[i] = original[i];
      const Answer& at = co_await oracle.gradient(fewer, Loss::margin);
      --most;
      again = oracle.best_distance() < closest;
      if (again || at.vanished || !std::isfinite(at.loss)) continue;
      // To the end of the range; without one, twice as far as the gradient says.
      const auto end = [&](Index i) {
        const double slope = at.gradient[i], room = oracle.box().room(fewer, i, slope);
        const double move = std::isfinite(room) ? room : std::abs(2 * at.loss / slope);
        return fewer[i] + std::copysign(move, slope);
      };
      Eigen::VectorXd farther = fewer;
      gains.clear();
      for (Index i = 0; i < x.size(); ++i) {
        if (at.gradient[i] == 0 || i == pair.first || i == pair.second) continue;
        if (fewer[i] != original[i])
          farther[i] = end(i);
        else
          gains.emplace_back(-at.gradient[i] * (end(i) - fewer[i]), i);
      }
      const auto tried = static_cast<Index>(std::min(gains.size(), others));
      std::partial_sort(gains.begin(), gains.begin() + tried, gains.end());
      gains.resize(static_cast<std::size_t>(tried));
      points.clear();
      for (const auto& [gain, i] : gains) {
        if (gain == 0) continue;
        points.push_back(farther);
        points.back()[i] = end(i);
        oracle.settle(points.back());
      }
      for (std::size_t k = 0; k < points.size() && !again; ++k) again = co_await oracle.query(points[k]);
    }
  }
}

}  // namespace foil
