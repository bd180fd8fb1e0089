// SPDX-License-Identifier: MIT
/// \file
/// Sign-OPT: turns a direction towards where the boundary is closer.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/parts/ray.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/core/sum.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::SignOptAttack.
struct SignOptOptions {
  int steps = 100;
  int estimates = 200;
  double step = 0.2;
  double spread = 1e-3;
  double tolerance = 2e-3;
  int directions = 0;
  /// How a start is found. Then the way to it is halved like any direction's.
  StartOptions start{.bisections = 0};

  void list(OptionList& option) {
    option("steps", steps, "estimates of the gradient, and searches along it", at_least(0));
    option("estimates", estimates, "directions per estimate, of a forward pass each", at_least(1));
    option("step", step, "of the first step, per length of the estimate", above(0));
    option("spread", spread, "angle at which directions are compared with the best, in radians", above(0, 1));
    option("tolerance", tolerance, "share of the spread to which a direction's distance is bisected",
           strictly_between(0, 1));
    option("directions", directions, "random directions tried beside the start; in the paper 100",
           at_least(0));
    option.nested("start_", start);
  }
};

/// Sign-OPT, Cheng, Singh, Chen, Chen, Liu, Hsieh 2020, arXiv:1909.10773: minimal L2 perturbations of models
/// that return decisions only, for any criterion. The distance of the boundary is a function of the direction
/// from the input. Whether it grows from one direction to another nearby takes a single question, at the
/// distance of the one: the sum of random turns, each with that sign, is the way to turn. The turn is doubled
/// for as long as the boundary comes closer, at first else quartered. Targeted: by a targeted criterion and a
/// start of the target class.
///
/// Differs from the authors' code: begins at a start (see find_start()), and tries random directions only if
/// asked to; works in any box, where directions are stretched until the box takes nothing off the distance;
/// directions whose boundary is not closer are given up after one question; closer ones are followed by steps
/// that double; compares directions at least as far apart as the model's numbers or a lattice resolve. Has
/// converged once the turns are too small, at a spread of a hundred thousandth of the first.
///
/// Cost: a start, see next_start(); 1 forward pass per further direction, and some 20 for each that comes
/// closer; per step `estimates`, and for each turn that is tried 1, or some 15 if it comes closer.
class SignOptAttack : public MinimalAttack<SignOptAttack> {
 public:
  using Options = SignOptOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "sign-opt"; }

  explicit SignOptAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    Eigen::VectorXd x;
    const bool found = co_await find_only_start(oracle, options_.start, x);
    if (!found) co_return;
    RaySegment first{0, oracle.distance(x), x};
    Eigen::VectorXd direction = x - oracle.original(), turn, turned;
    co_await narrow(oracle, direction, first, options_.tolerance * options_.spread * first.radius);
    x = std::move(first.x);
    for (int i = 0; i < options_.directions; ++i) {
      if (!draw(oracle, Purpose::direction, static_cast<std::uint32_t>(i), turned)) continue;
      const bool closer = co_await follow(oracle, turned, options_.tolerance * options_.spread, x);
      if (closer) direction = turned;
    }
    double step = options_.step, spread = options_.spread;
    for (int i = 0; i < options_.steps; ++i) {
      const double distance = oracle.distance(x);
      direction /= norm2(direction);
      const auto estimates = static_cast<std::uint32_t>(options_.estimates);
      co_await estimate(oracle, x, direction, spread, static_cast<std::uint32_t>(i) * estimates, turn);
      const double tolerance = options_.tolerance * spread;
      Eigen::VectorXd best = direction;
      bool closer = true;
      for (int doubling = 0; closer && doubling < most_tries; ++doubling, step *= 2) {
        turned = direction + step * turn;
        closer = co_await follow(oracle, turned, tolerance, x);
        if (closer) best = turned;
      }
      for (int quartering = 0; oracle.distance(x) >= distance && quartering < most_tries; ++quartering) {
        step /= 4;
        turned = direction + step * turn;
        closer = co_await follow(oracle, turned, tolerance, x);
        if (closer) best = turned;
      }
      direction.swap(best);
      if (step >= least_step) continue;
      step = 1;
      spread /= 10;
      if (spread < least_spread * options_.spread) co_return oracle.finish(Status::converged);
    }
  }

 private:
  static constexpr int most_tries = 15;
  static constexpr int at_once = 64;  // points in memory
  static constexpr double least_step = 1e-4, least_spread = 1e-5;
  static constexpr double most_spread = 0x1p60;  // beyond it a turned direction is the turn
  static constexpr double first_gain = 0.01;  // share of the distance that a closer direction is followed by

  /// A random direction of length 1. False if there is none in this draw.
  static bool draw(const Oracle& oracle, Purpose purpose, std::uint32_t number, Eigen::VectorXd& u) {
    u.resize(oracle.features());
    oracle.random(purpose, number).fill_normal(u);
    oracle.box().hold_frozen(u);
    const double length = norm2(u);
    if (length > 0) u /= length;
    return length > 0;
  }

  /// Where to turn a direction, whose point x is at the boundary: the mean of random turns, with a minus
  /// where the boundary does not come closer.
  Task<> estimate(Oracle& oracle, const Eigen::VectorXd& x, const Eigen::VectorXd& direction, double spread,
                  std::uint32_t first, Eigen::VectorXd& turn) const {
    const double distance = oracle.distance(x);
    std::vector<Eigen::VectorXd> points, turns;
    turn = Eigen::VectorXd::Zero(x.size());
    for (int done = 0; done < options_.estimates; done += static_cast<int>(points.size())) {
      const auto count = static_cast<std::size_t>(std::min(at_once, options_.estimates - done));
      points.resize(count);
      turns.resize(count);
      for (std::size_t k = 0; k < count; ++k) {
        draw(oracle, Purpose::normal_estimate, first++, turns[k]);
        for (bool same = true; same; spread = same ? 2 * spread : spread) {
          points[k] = point_on_ray(oracle, direction + spread * turns[k], distance);
          same = points[k] == x && spread < most_spread;
        }
      }
      const std::span<const Answer> at = co_await oracle.query_all(points);
      for (std::size_t k = 0; k < count; ++k)
        turn += (at[k].adversarial ? 1.0 : -1.0) / options_.estimates * turns[k];
    }
  }

  /// If the boundary is closer than x in this direction, moves x there, up to a share `tolerance` of the
  /// distance. True if so.
  static Task<bool> follow(Oracle& oracle, const Eigen::VectorXd& direction, double tolerance,
                           Eigen::VectorXd& x) {
    RaySegment segment{0, oracle.distance(x), {}};
    double gain = tolerance;
    while (gain < 1) {
      const double radius = segment.radius * (1 - gain);
      Eigen::VectorXd closer = point_on_ray(oracle, direction, radius);
      const bool adversarial = co_await oracle.query(closer);
      if (!adversarial) {
        segment.outside = radius;
        break;
      }
      segment.x.swap(closer);
      segment.radius = radius;
      gain = gain < first_gain ? first_gain : 2 * gain;
    }
    if (segment.x.size() == 0) co_return false;
    co_await narrow(oracle, direction, segment, tolerance * segment.radius);
    x.swap(segment.x);
    co_return true;
  }

  Options options_;
};

/// Its entry in the catalogue.
struct SignOptFamily {
  static void list(auto& catalogue) {
    catalogue.family("Sign-OPT", "Cheng, Singh, Chen, Chen, Liu, Hsieh 2020, arXiv:1909.10773",
                     "a start; per step `estimates` forward, and some 20 to 40");
    catalogue.add(SignOptAttack(), {"l2-sign-opt"});
  }
};

}  // namespace foil
