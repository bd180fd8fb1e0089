// SPDX-License-Identifier: MIT
/// \file
/// Derivatives of clipping-aware rescaling: of the factor eta, and of the whole step x, d -> clip(x + eta d).
#pragma once

#include <cmath>
#include <limits>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/rescale.hpp"

namespace foil::geometry {

/// Cotangents of what a rescaling depends on.
struct RescalingGradient {
  Eigen::VectorXd x{}, direction{};
  double epsilon = 0;
};

namespace detail {

/// What the derivatives of eta need. The fastest free entry serves as the unit of speed.
struct EtaDerivative {
  double unit = 0;      // 0: eta is constant
  double weight = 0;    // sum of (speed / unit)^p over the free entries
  double stretch = 0;   // epsilon / (eta unit)
  Index attained = -1;  // for Linf, the entry whose displacement is epsilon
};

/// Whether the entry has come to its bound; rounding must not free one that is there.
inline bool saturated(double eta, double speed, double room) {
  return eta * speed >= room * (1 - 4 * std::numeric_limits<double>::epsilon());
}

template <class M>
EtaDerivative eta_derivative(const M& moves, double epsilon, Lp norm, const Rescaling& found) {
  EtaDerivative out;
  if (!found.reached || norm.p == 0 || std::isinf(epsilon)) return out;
  if (std::isinf(norm.p)) {
    for (Index i = 0; i < moves.size(); ++i)
      if (moves.room(i) >= epsilon && moves.room(i) > 0 && moves.speed(i) > out.unit) {
        out.unit = moves.speed(i);
        out.attained = i;
      }
    return out;
  }
  const auto speed_if_free = [&](Index i) {
    return saturated(found.eta, moves.speed(i), moves.room(i)) ? 0.0 : moves.speed(i);
  };
  out.unit = foil::maximum(moves.size(), speed_if_free);
  if (out.unit == 0) return out;
  out.weight = foil::sum(moves.size(), [&](Index i) {
    const double speed = speed_if_free(i);
    const double share = speed / out.unit;
    if (norm.p == 1 || norm.p == 2) return norm.p == 1 ? share : share * share;
    return speed > 0 ? std::pow(share, norm.p) : 0.0;
  });
  out.stretch = found.eta > 0 ? epsilon / found.eta / out.unit : std::pow(out.weight, 1 / norm.p);
  return out;
}

}  // namespace detail

/// The vjp of the step v = clip(x + eta d, lower, upper), with eta = rescale(x, d, lower, upper, epsilon,
/// norm) as given in `found`: from the cotangents of v (one per entry) and of eta (if that is used on its own
/// as well) to those of x, d and epsilon.
///
/// On the free entries A, those with 0 < eta |d_i| < room_i, and with W the sum of |d_i|^p over them,
/// d eta / d d_i = -eta |d_i|^(p-1) sign(d_i) / W on A and 0 elsewhere;
/// d eta / d x_i = sign(d_i) room_i^(p-1) / (eta^(p-1) W) on the saturated entries and 0 elsewhere;
/// d eta / d epsilon = (epsilon / eta)^(p-1) / W.
/// For Linf only the entry that attains epsilon counts. An entry exactly at its kink counts as saturated.
/// Where epsilon is not reached, eta is taken as a constant. Two passes over the arrays.
///
/// Rauber & Bethge, "Fast Differentiable Clipping-Aware Normalization and Rescaling", 2020.
template <class X, class D, class L, class U, class V>
RescalingGradient step_of_size_vjp(const X& x, const D& direction, const L& lower, const U& upper,
                                   double epsilon, Lp norm, const Rescaling& found, const V& point_cotangent,
                                   double eta_cotangent = 0) {
  const Index count = detail::size_of(x);
  foil::require(detail::size_of(direction) == count && detail::size_of(point_cotangent) == count,
                "step_of_size_vjp: expected arrays of ", count, " entries, got a direction of ",
                direction.size(), " and a cotangent of ", point_cotangent.size());
  const detail::Moves<double, X, D, L, U> moves{x, direction, lower, upper};
  const double eta = found.eta, p = norm.p;
  const auto derivative = detail::eta_derivative(moves, epsilon, norm, found);
  const auto free = [&](Index i) {
    return moves.speed(i) > 0 && !detail::saturated(eta, moves.speed(i), moves.room(i));
  };
  const double total = eta_cotangent + foil::sum(count, [&](Index i) {
                         return free(i) ? static_cast<double>(detail::entry(point_cotangent, i)) *
                                              static_cast<double>(detail::entry(direction, i))
                                        : 0.0;
                       });

  RescalingGradient out{Eigen::VectorXd(count), Eigen::VectorXd(count)};
  for (Index i = 0; i < count; ++i) {
    const auto cotangent = static_cast<double>(detail::entry(point_cotangent, i));
    const bool still = moves.speed(i) == 0;
    out.x[i] = free(i) || still ? cotangent : 0.0;
    out.direction[i] = free(i) ? eta * cotangent : 0.0;
  }
  if (derivative.unit == 0) return out;
  if (derivative.attained >= 0) {
    const Index i = derivative.attained;
    out.epsilon = total / derivative.unit;
    out.direction[i] -= total * eta / static_cast<double>(detail::entry(direction, i));
    return out;
  }
  const double share = total / derivative.weight / derivative.unit;
  const auto power = [p](double base) { return p == 2 ? base : p == 1 ? 1.0 : std::pow(base, p - 1); };
  out.epsilon = share * power(derivative.stretch);
  for (Index i = 0; i < count; ++i) {
    const double speed = moves.speed(i), room = moves.room(i),
                 sign = detail::entry(direction, i) > 0 ? 1.0 : -1.0;
    if (speed == 0) continue;
    if (free(i))
      out.direction[i] -= sign * share * eta * power(speed / derivative.unit);
    else if (room > 0)
      out.x[i] += sign * share * power(room / eta / derivative.unit);
  }
  return out;
}

/// The vjp of eta alone: from its cotangent to those of x, the direction and epsilon.
template <class X, class D, class L, class U>
RescalingGradient rescale_vjp(const X& x, const D& direction, const L& lower, const U& upper, double epsilon,
                              Lp norm, const Rescaling& found, double eta_cotangent = 1) {
  const Eigen::VectorXd none = Eigen::VectorXd::Zero(detail::size_of(x));
  return step_of_size_vjp(x, direction, lower, upper, epsilon, norm, found, none, eta_cotangent);
}

/// Cotangents of what a batch of rescalings depends on.
template <Batch T>
struct RescalingGradients {
  T inputs{}, directions{};
  Eigen::VectorXd epsilons{};
};

/// The vjp of a batch of steps of given sizes, from the cotangents of the points.
template <Batch T>
RescalingGradients<T> step_of_size_vjp(const T& inputs, const T& directions,
                                       const Bounds<typename T::Scalar>& bounds,
                                       const Eigen::VectorXd& epsilons, Lp norm, const Rescalings& found,
                                       const T& point_cotangents) {
  using Scalar = typename T::Scalar;
  detail::check_batches(inputs, directions, epsilons);
  detail::check_batches(inputs, point_cotangents, found.eta);
  RescalingGradients<T> out{T(inputs.dimensions()), T(inputs.dimensions()), Eigen::VectorXd(epsilons.size())};
  for (Index i = 0; i < epsilons.size(); ++i) {
    const auto gradient =
        detail::with_ends(bounds, features(inputs), [&](const auto& lower, const auto& upper) {
          return step_of_size_vjp(sample(inputs, i), sample(directions, i), lower, upper, epsilons[i], norm,
                                  Rescaling{found.eta[i], found.reached[i]}, sample(point_cotangents, i));
        });
    sample(out.inputs, i) = gradient.x.template cast<Scalar>();
    sample(out.directions, i) = gradient.direction.template cast<Scalar>();
    out.epsilons[i] = gradient.epsilon;
  }
  return out;
}

}  // namespace foil::geometry
