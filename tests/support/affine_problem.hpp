// SPDX-License-Identifier: MIT
/// \file
/// Affine classifiers in boxes of every kind, with inputs inside, on faces and at corners.
#pragma once

#include <algorithm>
#include <limits>
#include <string>

#include "support/models.hpp"

namespace foil::test {

/// A classifier and inputs that it puts into their classes by a clear margin.
template <Batch T>
struct AffineProblem {
  Affine<T> model;
  T inputs;
  Labels labels;

  /// Distance of each input to the nearest adversarial.
  template <Norm N>
  Eigen::VectorXd distances() const {
    Eigen::VectorXd out(labels.size());
    for (Index i = 0; i < out.size(); ++i) out[i] = model.template distance_to_leave<N>(inputs, i, labels[i]);
    return out;
  }
};

/// The fewest entries of each input whose change makes an adversarial, or +inf. (Entries of the nearest one
/// in L0 that only rounding has moved do not count.)
template <Batch T>
Eigen::VectorXd fewest_entries(const AffineProblem<T>& p) {
  Eigen::VectorXd out = Eigen::VectorXd::Constant(p.labels.size(), std::numeric_limits<double>::infinity());
  for (Index row = 0; row < out.size(); ++row) {
    const Eigen::VectorXd x = sample(p.inputs, row).template cast<double>();
    for (Index other = 0; other < p.model.weights().rows(); ++other) {
      if (other == p.labels[row]) continue;
      const auto change = p.model.template nearest_tie<L0>(x, p.labels[row], other);
      if (change) out[row] = std::min(out[row], static_cast<double>((change->array().abs() > 1e-9).count()));
    }
  }
  return out;
}

enum class Box { unit, wide, per_feature, half_infinite };
inline constexpr Box all_boxes[] = {Box::unit, Box::wide, Box::per_feature, Box::half_infinite};

template <class Scalar>
Bounds<Scalar> make_bounds(Box box, Index n, Random& random) {
  if (box == Box::unit) return {0, 1};
  if (box == Box::wide) return {-1, 2};
  typename Bounds<Scalar>::Vector lower(n), upper(n);
  for (Index i = 0; i < n; ++i) {
    const bool open = box == Box::half_infinite && random.uniform() < 0.5;
    lower[i] = static_cast<Scalar>(random.uniform(-1, 0.3));
    upper[i] = open ? std::numeric_limits<Scalar>::infinity() : static_cast<Scalar>(random.uniform(0.7, 2));
    if (box == Box::per_feature && random.uniform() < 0.1) upper[i] = lower[i];
  }
  return {lower, upper};
}

template <Batch T>
AffineProblem<T> affine_problem(Index classes, Index n, Index count, std::uint64_t seed, Box box = Box::unit,
                                double logit_scale = 1) {
  using Scalar = typename T::Scalar;
  Random random(seed);
  const auto bounds = make_bounds<Scalar>(box, n, random);
  const auto plain = random_affine<T>(classes, n, random.bits(), bounds);
  AffineProblem<T> out{
      {logit_scale * plain.weights(), logit_scale * plain.offsets(), bounds}, T(count, n), Labels(count)};
  for (Index row = 0; row < count;) {
    auto x = sample(out.inputs, row);
    for (Index i = 0; i < n; ++i) {
      const double at = random.uniform(-0.2, 1.2);
      const Scalar high = std::min(bounds.upper(i), bounds.lower(i) + 1);
      x[i] = std::clamp(static_cast<Scalar>(bounds.lower(i) + at * (high - bounds.lower(i))), bounds.lower(i),
                        high);
    }
    const Eigen::VectorXd z = plain.exact_logits(x.template cast<double>());
    Index best = 0;
    const double top = z.maxCoeff(&best);
    bool clear = true;
    for (Index k = 0; k < classes; ++k) clear = clear && (k == best || top - z[k] > 0.3);
    if (clear) out.labels[row++] = static_cast<int>(best);
  }
  return out;
}

/// Rows of a batch that are equal bit by bit.
template <Batch T>
bool same_rows(const T& a, const T& b) {
  return as_matrix(a) == as_matrix(b);
}

}  // namespace foil::test
