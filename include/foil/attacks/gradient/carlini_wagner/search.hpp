// SPDX-License-Identifier: MIT
/// \file
/// What the rounds of the attacks of Carlini & Wagner pass on to each other.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// How far a sample has come.
struct CarliniWagnerSearch {
  Eigen::VectorXd x;             ///< where a round begins, and comes to
  double margin = 0, scale = 0;  ///< what the input lacks, and the distance expected: the units of the loss
  double constant = 0, failed = 0,
         succeeded = std::numeric_limits<double>::infinity();  ///< the weight; L2: the largest of those that
  double radius = 0, missed = 0;                               ///< Linf; the largest that brought nothing
  double rate = 1;                                             ///< of the learning rate
  int steps = 0, asked = 0;                                    ///< of the round
  bool hit = false, lost = false;                              ///< it ended adversarial, or nowhere
  bool done = false;
  Eigen::VectorXd closest{}, gradient{};  ///< of the round's adversarials, in Length, with its gradient
  double length = std::numeric_limits<double>::infinity();
  Eigen::Array<bool, Eigen::Dynamic, 1> movable{};  ///< features that may move
  std::vector<Index> moved{};  ///< L0: by the last round that succeeded, in order of their worth
  double share = 0.5;
};

/// After a round, as long as nothing has been found.
inline void widen(const Oracle& oracle, CarliniWagnerSearch& s) {
  if (s.lost) {
    s.scale /= 8;
    s.x = oracle.original();
  } else {
    s.constant = std::min(10 * s.constant, 1e100);
    s.scale = std::min(2 * s.scale, 1e30);
  }
}

/// L0: the features that may move in the next round, which begins with these alone.
inline void choose_movable(const Oracle& oracle, CarliniWagnerSearch& s) {
  const Eigen::VectorXd change = s.closest - oracle.original();
  if (s.hit) {
    const Eigen::VectorXd worth = (s.gradient.array() * change.array()).abs();
    s.moved.clear();
    for (Index i = 0; i < worth.size(); ++i)
      if (change[i] != 0) s.moved.push_back(i);
    std::sort(s.moved.begin(), s.moved.end(),
              [&](Index a, Index b) { return worth[a] > worth[b] || (worth[a] == worth[b] && a < b); });
  } else {
    s.share = std::sqrt(s.share);
  }
  const auto most = static_cast<double>(s.moved.size());
  const auto next = std::min(s.moved.size(), static_cast<std::size_t>(s.share * most));
  s.done = next == 0 || next == s.moved.size() || s.share > 0.99;
  s.movable = false;
  s.x = oracle.original();
  for (std::size_t k = 0; k < next; ++k) {
    s.movable[s.moved[k]] = true;
    s.x[s.moved[k]] = s.closest[s.moved[k]];
  }
}

}  // namespace foil
