// SPDX-License-Identifier: MIT
/// \file
/// Searches for the boundary in a plane through the input.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numbers>
#include <string_view>
#include <utility>

#include "foil/attacks/decision/planes/plane.hpp"
#include "foil/attacks/parts/approach.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"
#include "foil/run/task.hpp"

namespace foil {

/// Where an attack looks for the boundary in the plane through the input, its point and the normal there.
enum class PlaneSearch {
  circle,   ///< along the half circle from the point to the input
  halving,  ///< towards the input, from the first adversarial of the half circle as its angle is halved
  bridge    ///< towards the input, from two thirds of the way to where the sphere leaves the adversarials
};

/// The texts that stand for the values of an option.
constexpr auto option_names(PlaneSearch) {
  return std::array{std::pair{std::string_view("circle"), PlaneSearch::circle},
                    std::pair{std::string_view("halving"), PlaneSearch::halving},
                    std::pair{std::string_view("bridge"), PlaneSearch::bridge}};
}

}  // namespace foil

namespace foil::planes {

/// A stretch of the half circle, between an adversarial and what is none.
struct Arc {
  double inside = 0, outside = 0;  ///< angles
  Eigen::VectorXd x{};             ///< the adversarial
};

/// Asks about z unless it is no closer than x, which makes it worthless. Moves x to it if it is adversarial.
inline Task<bool> take_closer(Oracle& oracle, Eigen::VectorXd& z, Eigen::VectorXd& x) {
  if (!(oracle.distance(z) < oracle.distance(x))) co_return false;
  const bool adversarial = co_await oracle.query(z);
  if (adversarial) x.swap(z);
  co_return adversarial;
}

/// Halves an arc until it is `narrow`, at most so many times. One forward pass each.
inline Task<> bisect(Oracle& oracle, const Plane& plane, Arc& arc, int most,
                     const std::function<bool(const Arc&)>& narrow) {
  for (int halving = 0; halving < most && !narrow(arc); ++halving) {
    const double middle = arc.inside + (arc.outside - arc.inside) / 2;
    if (middle == arc.inside || middle == arc.outside) co_return;
    Eigen::VectorXd z = plane.on_circle(middle);
    bool adversarial = z == arc.x;
    if (!adversarial) adversarial = co_await take_closer(oracle, z, arc.x);
    (adversarial ? arc.inside : arc.outside) = middle;
  }
}

/// Moves x along the way to the input to the boundary, or closer to it than `gap`. At most 60 forward passes.
inline Task<> to_boundary(Oracle& oracle, Eigen::VectorXd& x, double gap) {
  const double distance = oracle.distance(x);
  if (!(distance > gap)) co_return;
  const double halvings = std::ceil(std::log2(distance / gap));
  co_await approach<L2>(oracle, x, static_cast<int>(std::min(halvings, 60.0)));
}

/// Moves x along the half circle to the boundary, or closer to it than `gap`: the angles 45, 67.5, ...
/// degrees are tried until one is not adversarial.
inline Task<> search_circle(Oracle& oracle, const Plane& plane, double gap, Eigen::VectorXd& x) {
  Arc arc{.x = x};
  bool crossed = false;
  for (int halving = 1; halving <= 40 && !crossed; ++halving) {
    const double angle = std::numbers::pi / 2 * (1 - std::ldexp(1.0, -halving));
    Eigen::VectorXd z = plane.on_circle(angle);
    const bool adversarial = co_await take_closer(oracle, z, arc.x);
    (adversarial ? arc.inside : arc.outside) = angle;
    crossed = !adversarial;
  }
  const std::function<bool(const Arc&)> narrow = [&](const Arc& a) {
    return plane.radius() * std::sin(a.outside - a.inside) < gap;
  };
  if (crossed) co_await bisect(oracle, plane, arc, 60, narrow);
  x.swap(arc.x);
}

/// Halves the angle of the direction, on the half circle, until its point is adversarial, at most 40 times,
/// and moves x from there towards the input to the boundary, or closer to it than `gap`.
inline Task<> search_halving(Oracle& oracle, const Plane& plane, double gap, Eigen::VectorXd& x) {
  double angle = plane.tilt();
  for (int halving = 1; halving <= 40; ++halving) {
    angle /= 2;
    Eigen::VectorXd z = plane.on_circle(angle);
    const bool adversarial = co_await take_closer(oracle, z, x);
    if (!adversarial) continue;
    co_await to_boundary(oracle, x, gap);
    co_return;
  }
}

/// Mixes the direction of x with that of the plane, finds by halving how much of the latter leaves the point
/// at the distance of x adversarial, to a thousandth, and moves x from two thirds of that share, nine tenths
/// where it is below a tenth, towards the input to the boundary, or closer to it than `gap`.
inline Task<> search_bridge(Oracle& oracle, const Plane& plane, double gap, Eigen::VectorXd& x) {
  const auto bridge = [&](double share) {
    return plane.on_sphere(
        std::atan2(share * std::sin(plane.tilt()), share * std::cos(plane.tilt()) + 1 - share));
  };
  double inside = 0, outside = 1;
  while (outside - inside > 1e-3) {
    const double middle = inside + (outside - inside) / 2;
    Eigen::VectorXd z = bridge(middle);
    bool adversarial = z == x;
    if (!adversarial) adversarial = co_await oracle.query(z);
    (adversarial ? inside : outside) = middle;
  }
  if (inside == 0) co_return;
  constexpr double few = 0.1, many = 0.2, share_of_few = 0.9, share_of_many = 2.0 / 3;
  const double at_few = share_of_few * few, slope = (share_of_many * many - at_few) / (many - few);
  const double share = inside <= few    ? share_of_few * inside
                       : inside >= many ? share_of_many * inside
                                        : at_few + slope * (inside - few);
  Eigen::VectorXd z = bridge(share);
  co_await to_boundary(oracle, z, gap);
  if (oracle.distance(z) < oracle.distance(x)) x.swap(z);
}

/// Moves x to a closer point of the boundary in the plane, or closer to it than `gap`.
inline Task<> search(Oracle& oracle, PlaneSearch how, const Plane& plane, double gap, Eigen::VectorXd& x) {
  if (how == PlaneSearch::circle) return search_circle(oracle, plane, gap, x);
  if (how == PlaneSearch::halving) return search_halving(oracle, plane, gap, x);
  return search_bridge(oracle, plane, gap, x);
}

}  // namespace foil::planes
