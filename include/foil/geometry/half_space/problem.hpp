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
#include "foil/geometry/half_space/memory.hpp"
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

namespace detail {

inline Index padded_size(Index features) {
  constexpr Index unit = 8;
  return (features + unit - 1) / unit * unit;
}

/// A vector in memory that is kept.
using Array = Eigen::Map<Eigen::VectorXd>;

/// The problem with b of length 1. The arrays are padded by zeros to whole machine vectors.
template <class = simd::Isa>
struct BasicStepProblem {
  /// In four arrays of the memory, from `first` on; the padding is set, the entries are not.
  BasicStepProblem(HalfSpaceMemory& kept, Index first, Index size)
      : memory(kept),
        features(size),
        clean(kept.array(first, padded_size(size))),
        b(kept.array(first + 1, padded_size(size))),
        low(kept.array(first + 2, padded_size(size))),
        high(kept.array(first + 3, padded_size(size))) {
    for (Index i = size; i < padded(); ++i) clean[i] = b[i] = low[i] = high[i] = 0;
  }

  HalfSpaceMemory& memory;  ///< arrays from 4 on are free to use
  Index features;
  Array clean;  ///< original - x
  Array b;
  Array low;   ///< lower - x
  Array high;  ///< upper - x
  double c = 0;
  double radius = 0;
  bool equality = false;
  int passes = 0;

  Index padded() const { return b.size(); }
};
using StepProblem = BasicStepProblem<>;

using Wide = simd::Pack<double>;

template <class = simd::Isa>
Wide load(const Array& values, Index first) {
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
  const double up = p.high[i] - p.clean[i], down = p.clean[i] - p.low[i];  // so that nothing needs a branch
  const double below = direction < 0 ? down : 0.0;
  return direction > 0 ? up : below;
}

/// The largest step towards the half-space within box and radius.
inline void step_towards(const StepProblem& p, Array& delta) {
  const double sign = p.c > 0 ? 1.0 : -1.0;
  const auto low = p.low.head(p.features), high = p.high.head(p.features);
  Array direction = p.memory.array(5, p.features);
  for (Index i = 0; i < p.features; ++i) direction[i] = sign * p.b[i];
  delta.setZero();
  const Array origin(delta.data(), p.features);
  const double eta = rescale(origin, direction, low, high, p.radius, L2{}).eta;
  for (Index i = 0; i < p.features; ++i) delta[i] = std::min(std::max(eta * direction[i], low[i]), high[i]);
}

}  // namespace detail
}  // namespace foil::geometry
