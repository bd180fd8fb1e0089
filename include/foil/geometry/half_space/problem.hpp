// SPDX-License-Identifier: MIT
/// \file
/// What the four solvers for a step to a half-space have in common: the problem in offsets from the current
/// point, and sums over its entries.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "foil/core/norms.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/box.hpp"
#include "foil/geometry/rescale.hpp"

namespace foil::geometry {

/// How a step has to end with respect to a half-space.
enum class Contact {
  reach,  ///< in it
  meet    ///< on its boundary
};

/// The point closest to the original that lies in a half-space, a box and a ball around x: what there is to
/// find. Refers to its vectors, which have one entry per feature.
struct HalfSpaceProblem {
  const Eigen::VectorXd& original;  ///< in the box
  const Eigen::VectorXd& x;         ///< in the box
  const Box& box;
  const Eigen::VectorXd& normal;  ///< of any length, finite and not zero
  double offset;                  ///< the half-space: normal . (point - x) <= offset, finite
  double radius = std::numeric_limits<double>::infinity();  ///< of the ball in L2, >= 0; infinite: no ball
  Contact contact = Contact::reach;
};

/// Where a step to a half-space leads.
struct HalfSpaceStep {
  Eigen::VectorXd point{};  ///< the new point; entries that return to the original or end at a bound are
                            ///< exactly these
  Eigen::VectorXd delta{};  ///< the step, before rounding
  bool reached = false;     ///< the half-space was reached; else the step comes as close to it as it may
  int passes = 0;           ///< over the entries, roughly: the cost
};

namespace detail {

/// The problem with b of length 1. The arrays are padded by zeros to whole machine vectors.
template <class = simd::Isa>
struct BasicStepProblem {
  Index features = 0;
  Eigen::VectorXd clean{};  ///< original - x
  Eigen::VectorXd b{};
  Eigen::VectorXd low{};   ///< lower - x
  Eigen::VectorXd high{};  ///< upper - x
  double c = 0;
  double radius = 0;
  bool equality = false;
  int passes = 0;

  Index padded() const { return b.size(); }
};
using StepProblem = BasicStepProblem<>;

inline Index padded_size(Index features) {
  constexpr Index unit = 8;
  return (features + unit - 1) / unit * unit;
}

using Wide = simd::Pack<double>;

template <class = simd::Isa>
Wide load(const Eigen::VectorXd& values, Index first) {
  return simd::load(values.data() + first);
}

/// No point of the box comes closer to the half-space than its corner, to rounding.
inline bool out_of_reach(const StepProblem& p) {
  if (!p.equality && p.c >= 0) return false;
  const double direction = p.c > 0 ? -1 : 1;
  const Wide sign = simd::broadcast(direction), zero{};
  const double most = simd::sums<1>(p.padded(), [&](Index first, Wide(&out)[1]) {
    const Wide slope = sign * load(p.b, first);
    const Wide down = slope * load(p.low, first), up = slope * load(p.high, first);
    out[0] += slope > zero ? down : slope < zero ? up : zero;
  })[0];
  return direction * p.c < most + 1e-13 * std::abs(most);
}

/// How far the return to the original has to be undone for the half-space to be reached: b . y = missing.
inline double missing_after_return(const StepProblem& p) {
  const double missing = p.c - foil::dot(p.b, p.clean);
  return !p.equality && missing >= 0 ? 0.0 : missing;
}

/// Room of entry i of y = delta - clean in the direction that helps.
inline double room_to_undo(const StepProblem& p, Index i, double missing) {
  const double direction = missing > 0 ? p.b[i] : -p.b[i];
  return direction > 0 ? p.high[i] - p.clean[i] : direction < 0 ? p.clean[i] - p.low[i] : 0.0;
}

/// The largest step towards the half-space within box and radius.
inline void step_towards(const StepProblem& p, Eigen::VectorXd& delta) {
  const Eigen::VectorXd direction = (p.c > 0 ? 1.0 : -1.0) * p.b.head(p.features);
  const Eigen::VectorXd origin = Eigen::VectorXd::Zero(p.features), low = p.low.head(p.features),
                        high = p.high.head(p.features);
  delta.setZero();
  const double eta = rescale(origin, direction, low, high, p.radius, L2{}).eta;
  for (Index i = 0; i < p.features; ++i) delta[i] = std::min(std::max(eta * direction[i], low[i]), high[i]);
}

}  // namespace detail
}  // namespace foil::geometry
