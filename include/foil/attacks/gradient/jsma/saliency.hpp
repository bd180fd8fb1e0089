// SPDX-License-Identifier: MIT
/// \file
/// The saliency map of JSMA: which moves of one or two features raise one output and lower the others most.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"

namespace foil::jsma {

/// One feature's move: what it adds to the wanted output, and what it takes from the others.
struct Move {
  Index feature = -1;
  double by = 0;
  double wanted = 0, others = 0;
};

/// The most salient moves found so far.
struct Salient {
  double logarithm = -std::numeric_limits<double>::infinity();  ///< of the saliency
  std::array<Move, 2> moves{};
  std::size_t count = 0;

  /// Takes the moves if they are more salient: the product of the gains, both of which have to be positive.
  void consider(double wanted, double others, double weight, const Move& first, const Move* second) {
    if (!(wanted > 0 && others > 0)) return;
    const double value = weight + std::log(wanted) + std::log(others);
    if (!(value > logarithm)) return;
    logarithm = value;
    moves[0] = first;
    if (second) moves[1] = *second;
    count = second ? 2 : 1;
  }
};

/// Of the moves those that may belong to the best pair: where three others are as good in both respects, at
/// least one of these is another feature than the partner. At most 256, those of the largest sum.
inline std::vector<Move> pair_candidates(std::vector<Move> moves) {
  std::sort(moves.begin(), moves.end(), [](const Move& a, const Move& b) {
    return std::pair(-a.wanted, a.feature) < std::pair(-b.wanted, b.feature);
  });
  std::array<double, 3> highest;  // of what is taken from the others, in descending order
  highest.fill(-std::numeric_limits<double>::infinity());
  std::vector<Move> kept;
  for (const Move& move : moves) {
    if (!(move.others > highest[2])) continue;
    kept.push_back(move);
    highest[2] = move.others;
    std::sort(highest.rbegin(), highest.rend());
  }
  std::sort(kept.begin(), kept.end(), [](const Move& a, const Move& b) {
    return std::pair(-a.wanted - a.others, a.feature) < std::pair(-b.wanted - b.others, b.feature);
  });
  kept.resize(std::min<std::size_t>(kept.size(), 256));
  return kept;
}

/// Looks for the most salient move of one feature or, with `pairs`, of two at once (of one if there are no
/// two). `raise` and `lower` are the gradients of the wanted output and of the sum of the others, `up` and
/// `down` how far each feature may move; `weight` is added to the logarithm of the saliency. O(n), with pairs
/// O(n log n); exact but for the limit of pair_candidates().
inline void find_salient(const Eigen::VectorXd& raise, const Eigen::VectorXd& lower,
                         const Eigen::VectorXd& up, const Eigen::VectorXd& down, double weight, bool pairs,
                         Salient& best) {
  std::vector<Move> moves;
  for (Index i = 0; i < raise.size(); ++i)
    for (const double by : {up[i], -down[i]}) {
      const Move move{i, by, raise[i] * by, -lower[i] * by};
      if (!(move.wanted > 0 || move.others > 0)) continue;
      if (pairs)
        moves.push_back(move);
      else
        best.consider(move.wanted, move.others, weight, move, nullptr);
    }
  if (!pairs) return;
  Salient single = best;
  moves = pair_candidates(std::move(moves));
  const double before = best.logarithm;
  for (std::size_t a = 0; a < moves.size(); ++a) {
    single.consider(moves[a].wanted, moves[a].others, weight, moves[a], nullptr);
    for (std::size_t b = a + 1; b < moves.size(); ++b)
      if (moves[a].feature != moves[b].feature)
        best.consider(moves[a].wanted + moves[b].wanted, moves[a].others + moves[b].others, weight, moves[a],
                      &moves[b]);
  }
  if (best.logarithm == before) best = single;
}

}  // namespace foil::jsma
