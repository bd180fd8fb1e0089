// SPDX-License-Identifier: MIT
/// \file
/// How good the members of a population are, for attacks that breed them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "foil/core/losses.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// Sets the losses from entry `first` on to those of the points that `point(i)` gives, settled: one forward
/// pass each, few points at a time, so that memory does not grow with the population. Points that are the
/// original are not asked about; their loss, as that of answers that are not finite, is -infinity.
inline Task<> find_losses(Oracle& oracle, Loss loss, std::function<Eigen::VectorXd(Index)> point, Index first,
                          Eigen::VectorXd& losses) {
  constexpr std::size_t at_once = 16;
  std::vector<Eigen::VectorXd> points;
  std::vector<Index> members;
  for (Index next = first; next < losses.size();) {
    points.clear();
    members.clear();
    for (; next < losses.size() && points.size() < at_once; ++next) {
      losses[next] = -std::numeric_limits<double>::infinity();
      Eigen::VectorXd x = point(next);
      if (x == oracle.original()) continue;
      points.push_back(std::move(x));
      members.push_back(next);
    }
    if (points.empty()) continue;
    const std::span<const Answer> answers = co_await oracle.scores(points, loss);
    for (std::size_t k = 0; k < members.size(); ++k)
      if (answers[k].loss > losses[members[k]]) losses[members[k]] = answers[k].loss;
  }
}

}  // namespace foil
