// SPDX-License-Identifier: MIT
/// \file
/// Losses on one row of logits z, in double, each with its gradient with respect to z. `gradient`, where
/// given, must have the size of z and is overwritten. All are shift invariant: every gradient sums to zero.
///
/// The default of every attack that normalises or takes signs is LSEM, log-sum-exp over the other classes
/// minus the class's own logit. Cross-entropy is softplus(LSEM): same level sets and the same gradient
/// direction, but LSEM's gradient does not vanish for confident models.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// What gradient attacks ascend: `lsem` (see above), `cross_entropy`, `margin` (the logit difference that
/// decides; Carlini & Wagner 2017), or `dlr` (difference of logits ratio; Croce & Hein 2020; needs three
/// classes, four for targets).
enum class Loss { lsem, cross_entropy, margin, dlr };

/// The texts that stand for the values of an option.
constexpr auto option_names(Loss) {
  return std::array{std::pair{std::string_view("lsem"), Loss::lsem},
                    std::pair{std::string_view("cross_entropy"), Loss::cross_entropy},
                    std::pair{std::string_view("margin"), Loss::margin},
                    std::pair{std::string_view("dlr"), Loss::dlr}};
}

namespace losses {

using Row = Eigen::VectorXd;

/// The largest class other than k; the first one on a tie.
inline Index runner_up(const Row& z, Index k) {
  Index best = k == 0 ? 1 : 0;
  for (Index j = 0; j < z.size(); ++j)
    if (j != k && z[j] > z[best]) best = j;
  return best;
}

/// log sum_{j != k} exp z_j; the gradient is the softmax over the other classes (0 at k).
inline double log_sum_exp_others(const Row& z, Index k, Row* gradient = nullptr) {
  const double top = z[runner_up(z, k)];
  double total = 0;
  for (Index j = 0; j < z.size(); ++j)
    if (j != k) total += std::exp(z[j] - top);
  if (gradient)
    for (Index j = 0; j < z.size(); ++j) (*gradient)[j] = j == k ? 0 : std::exp(z[j] - top) / total;
  return top + std::log(total);
}

/// log(1 + exp t) without overflow.
inline double softplus(double t) {
  return t > 0 ? t + std::log1p(std::exp(-t)) : std::log1p(std::exp(t));
}
/// 1 / (1 + exp(-t)) without overflow.
inline double sigmoid(double t) {
  return t >= 0 ? 1 / (1 + std::exp(-t)) : std::exp(t) / (1 + std::exp(t));
}

/// log sum_{j != k} exp z_j - z_k: the negative log-odds of class k.
inline double lsem(const Row& z, Index k, Row* gradient = nullptr) {
  const double others = log_sum_exp_others(z, k, gradient);
  if (gradient) (*gradient)[k] = -1;
  return others - z[k];
}

/// -log softmax(z)_k.
inline double cross_entropy(const Row& z, Index k, Row* gradient = nullptr) {
  const double odds = lsem(z, k, gradient);
  if (gradient) *gradient *= sigmoid(odds);
  return softplus(odds);
}

/// max_{j != k} z_j - z_k: positive iff another class is strictly ahead of class k.
inline double margin(const Row& z, Index k, Row* gradient = nullptr) {
  const Index other = runner_up(z, k);
  if (gradient) {
    gradient->setZero();
    (*gradient)[other] = 1;
    (*gradient)[k] = -1;
  }
  return z[other] - z[k];
}

namespace detail {
/// The classes in order of decreasing logit, as many as asked for; ties by lowest index.
inline std::vector<Index> leading(const Row& z, Index count) {
  std::vector<Index> order(static_cast<std::size_t>(z.size()));
  for (Index j = 0; j < z.size(); ++j) order[static_cast<std::size_t>(j)] = j;
  std::partial_sort(order.begin(), order.begin() + count, order.end(),
                    [&](Index a, Index b) { return z[a] != z[b] ? z[a] > z[b] : a < b; });
  order.resize(static_cast<std::size_t>(count));
  return order;
}

/// numerator / spread with the gradients (plus one at `up`, minus one at `down`) and of the spread.
inline double ratio(const Row& z, Index up, Index down, const Row& spread_gradient, Row* gradient) {
  const double spread = spread_gradient.dot(z) + 1e-12;
  const double difference = z[up] - z[down];
  if (gradient) {
    *gradient = -difference / (spread * spread) * spread_gradient;
    (*gradient)[up] += 1 / spread;
    (*gradient)[down] -= 1 / spread;
  }
  return difference / spread;
}
}  // namespace detail

/// (max_{j != k} z_j - z_k) / (z_(1) - z_(3)), z_(i) the i-th largest logit. Falls back to the margin when
/// the three largest logits are equal. Throws for fewer than three classes.
inline double dlr(const Row& z, Index k, Row* gradient = nullptr) {
  foil::require(z.size() >= 3, "DLR loss: needs at least 3 classes, the model has ", z.size());
  const auto order = detail::leading(z, 3);
  if (z[order[0]] == z[order[2]]) return margin(z, k, gradient);
  Row spread = Row::Zero(z.size());
  spread[order[0]] += 1;
  spread[order[2]] -= 1;
  return detail::ratio(z, runner_up(z, k), k, spread, gradient);
}

/// (z_t - z_y) / (z_(1) - (z_(3) + z_(4)) / 2), to be maximised: from class y to class t. Falls back to z_t -
/// z_y when the largest and the fourth largest logit are equal. Throws for fewer than four classes.
inline double targeted_dlr(const Row& z, Index y, Index t, Row* gradient = nullptr) {
  foil::require(z.size() >= 4, "targeted DLR loss: needs at least 4 classes, the model has ", z.size());
  const auto order = detail::leading(z, 4);
  Row spread = Row::Zero(z.size());
  spread[order[0]] += 1;
  spread[order[2]] -= 0.5;
  spread[order[3]] -= 0.5;
  if (z[order[0]] == z[order[3]]) {
    if (gradient) {
      gradient->setZero();
      (*gradient)[t] += 1;
      (*gradient)[y] -= 1;
    }
    return z[t] - z[y];
  }
  return detail::ratio(z, t, y, spread, gradient);
}

/// The same from whichever other class is the largest.
inline double targeted_dlr(const Row& z, Index t, Row* gradient = nullptr) {
  return targeted_dlr(z, runner_up(z, t), t, gradient);
}

/// The loss to ascend in order to leave class y.
inline double untargeted(Loss loss, const Row& z, Index y, Row* gradient = nullptr) {
  switch (loss) {
    case Loss::cross_entropy:
      return cross_entropy(z, y, gradient);
    case Loss::margin:
      return margin(z, y, gradient);
    case Loss::dlr:
      return dlr(z, y, gradient);
    case Loss::lsem:
      break;
  }
  return lsem(z, y, gradient);
}

/// The loss to ascend in order to reach class t.
inline double targeted(Loss loss, const Row& z, Index t, Row* gradient = nullptr) {
  if (loss == Loss::dlr) return targeted_dlr(z, t, gradient);
  const double value = untargeted(loss, z, t, gradient);
  if (gradient) *gradient = -*gradient;
  return -value;
}

/// max(0, margin + confidence), to be minimised by attacks on a signed margin (negative iff adversarial). The
/// gradient is given as the factor that multiplies the margin's own gradient.
inline double hinge(double signed_margin, double confidence, double* factor = nullptr) {
  if (factor) *factor = signed_margin + confidence > 0 ? 1 : 0;
  return std::max(0.0, signed_margin + confidence);
}

/// log(1 + exp margin), to be minimised; factor as for hinge(). Matyasko & Chau 2021.
inline double softplus_margin(double signed_margin, double* factor = nullptr) {
  if (factor) *factor = sigmoid(signed_margin);
  return softplus(signed_margin);
}

/// softmax(z)_k, to be minimised. Jang, Wu, Jha 2017.
inline double class_probability(const Row& z, Index k, Row* gradient = nullptr) {
  const double odds = lsem(z, k, gradient);
  const double probability = sigmoid(-odds);
  if (gradient) *gradient *= -probability * sigmoid(odds);
  return probability;
}

/// log softmax(z). One class after the other: Eigen's own exponential depends on the vector instructions.
inline Row log_softmax(const Row& z) {
  const double top = z.maxCoeff();
  double total = 0;
  for (const double logit : z) total += std::exp(logit - top);
  return z.array() - (top + std::log(total));
}

/// softmax(z).
inline Row softmax(const Row& z) {
  return log_softmax(z).unaryExpr([](double share) { return std::exp(share); });
}

/// KL(softmax(reference) || softmax(z)). Miyato et al. 2015.
inline double kl_divergence(const Row& reference, const Row& z, Row* gradient = nullptr) {
  const Row p = softmax(reference);
  if (gradient) *gradient = softmax(z) - p;
  return p.dot(log_softmax(reference) - log_softmax(z));
}

}  // namespace losses
}  // namespace foil
