// SPDX-License-Identifier: MIT
/// \file
/// Steps that are clipped to the box: of a given length along a direction, or of a given size after clipping.
#pragma once

#include <cmath>
#include <type_traits>

#include "foil/core/bounds.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/rescale.hpp"

namespace foil::geometry {

/// Writes clip(x + eta direction, lower, upper) to `out`, which may be x or direction itself. Computed in
/// double and rounded once; entries that reach their bound become exactly that bound.
template <class X, class D, class L, class U, class Out>
void step_clipped(const X& x, const D& direction, const L& lower, const U& upper, double eta, Out&& out) {
  using Scalar = std::decay_t<decltype(out[0])>;
  for (Index i = 0; i < detail::size_of(x); ++i) {
    const auto low = static_cast<double>(detail::entry(lower, i));
    const auto high = static_cast<double>(detail::entry(upper, i));
    const double to =
        static_cast<double>(detail::entry(x, i)) + eta * static_cast<double>(detail::entry(direction, i));
    const double raised = to < low ? low : to;
    out[i] = static_cast<Scalar>(raised > high ? high : raised);
  }
}

/// The same within bounds.
template <class X, class D, class Scalar, class Out>
void step_clipped(const X& x, const D& direction, const Bounds<Scalar>& bounds, double eta, Out&& out) {
  detail::with_ends(bounds, detail::size_of(x), [&](const auto& lower, const auto& upper) {
    step_clipped(x, direction, lower, upper, eta, out);
  });
}

/// Writes the point at which the clipped step from x has size epsilon to `out`, which must not overlap x or
/// direction, and returns its rescaling (see rescale()).
///
/// Where the point is rounded to floats, a small step of many entries comes out a little too long, as the
/// roundings add up; the size is measured and eta corrected, at most twice, until the size is right to 1e-7.
template <class X, class D, class Scalar, class Out, class = simd::Isa>
Rescaling step_of_size(const X& x, const D& direction, const Bounds<Scalar>& bounds, double epsilon, Lp norm,
                       Out&& out) {
  constexpr double tolerance = 1e-7;
  constexpr int corrections = 2;
  Rescaling found = rescale(x, direction, bounds, epsilon, norm);
  step_clipped(x, direction, bounds, found.eta, out);
  if (!found.reached || epsilon == 0 || norm.p == 0) return found;
  double asked = epsilon, error = distance(norm, x, out) - epsilon;
  for (int i = 0; i < corrections && std::abs(error) > tolerance * epsilon && error < asked; ++i) {
    asked -= error;
    const Rescaling next = rescale(x, direction, bounds, asked, norm);
    step_clipped(x, direction, bounds, next.eta, out);
    const double next_error = distance(norm, x, out) - epsilon;
    if (!next.reached || std::abs(next_error) >= std::abs(error)) {
      step_clipped(x, direction, bounds, found.eta, out);
      break;
    }
    found = next;
    error = next_error;
  }
  return found;
}

/// The points that clipped steps lead to, and how far they went.
template <Batch T>
struct Steps {
  T points{};
  Rescalings rescalings{};
};

/// For every sample of a batch, a step along its direction that has its epsilon's size after clipping.
template <Batch T, class = simd::Isa>
Steps<T> step_of_size(const T& inputs, const T& directions, const Bounds<typename T::Scalar>& bounds,
                      const Eigen::VectorXd& epsilons, Lp norm) {
  detail::check_batches(inputs, directions, epsilons);
  const Index count = epsilons.size();
  Steps<T> out{T(inputs.dimensions()),
               {Eigen::VectorXd(count), Eigen::Array<bool, Eigen::Dynamic, 1>(count)}};
  for (Index i = 0; i < count; ++i) {
    const auto found = step_of_size(sample(inputs, i), sample(directions, i), bounds, epsilons[i], norm,
                                    sample(out.points, i));
    out.rescalings.eta[i] = found.eta;
    out.rescalings.reached[i] = found.reached;
  }
  return out;
}

}  // namespace foil::geometry
