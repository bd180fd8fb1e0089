// SPDX-License-Identifier: MIT
/// \file
/// HopSkipJump: estimates the boundary's normal from decisions, steps along it, and goes back to the
/// boundary.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "foil/attacks/parts/approach.hpp"
#include "foil/attacks/parts/normal_estimate.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/core/sum.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::HopSkipJumpAttack.
struct HopSkipJumpOptions {
  int steps = 40;
  int estimates = 100;
  int most_estimates = 10'000;
  /// How a start is found. Then the way to it is halved as in every step.
  StartOptions start{.bisections = 0};

  void list(OptionList& option) {
    option("steps", steps, "estimates of the normal, and steps along it", at_least(0));
    option("estimates", estimates,
           "points per estimate in the first step; they grow with the root of the steps", at_least(1));
    option("most_estimates", most_estimates, "points per estimate at most", at_least(1));
    option.nested("start_", start);
  }
};

/// HopSkipJump, Chen, Jordan, Wainwright 2020, arXiv:1904.02144: minimal perturbations in L2 or Linf of
/// models that return decisions only, for any criterion. Around a point at the boundary, points are drawn at
/// a distance that shrinks with its own; the mean of those that are adversarial, less the mean of all, points
/// along the boundary's normal (Linf: its signs). The step, distance / sqrt(number of the step), is halved
/// until it stays adversarial, then the way from the input is halved down to the boundary. Targeted: by a
/// targeted criterion and a start of the target class.
///
/// As in the authors' code: normals are taken and normalised per sample, distances are those before the way
/// is halved. Differs from it: works in any box; halves a step at most 40 times, then stays; the way is
/// halved to a share of its length in Linf, too; draws at least as far as the model's numbers or a lattice
/// resolve.
///
/// Cost: a start, see next_start(); per step t `estimates` * sqrt(t) forward passes, at most 40, mostly few,
/// for the step's length, and 1.5 log2(features) for the way, in Linf 2 log2(features).
template <Norm N>
class HopSkipJumpAttack : public MinimalAttack<HopSkipJumpAttack<N>> {
 public:
  using Options = HopSkipJumpOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return text(N::name, "-hop-skip-jump"); }

  explicit HopSkipJumpAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    Eigen::VectorXd x;
    const bool found = co_await find_only_start(oracle, options_.start, x);
    if (!found) co_return;
    const auto d = static_cast<double>(oracle.box().free_features());
    const auto halvings = static_cast<int>(std::ceil((is_linf ? 2 : 1.5) * std::log2(d)));
    double before = oracle.distance(x);
    co_await approach<N>(oracle, x, halvings);
    std::uint32_t draws = 0;
    const DrawDirection draw_next = [&](Eigen::VectorXd& u) { draw(oracle, draws++, u); };
    NormalEstimate normal;
    for (int step = 1; step <= options_.steps; ++step) {
      const double root = std::sqrt(static_cast<double>(step));
      const double spread = step == 1 ? longest_side(oracle, before) / 10 : before / d;
      const int points =
          static_cast<int>(std::min<double>(options_.estimates * root, options_.most_estimates));
      co_await estimate_normal(oracle, x, spread, points, draw_next, normal);
      Eigen::VectorXd direction = normal.direction();
      const double length = norm2(direction);
      if (!(length > 0)) co_return;  // nothing else can be represented near x
      if constexpr (is_linf)
        direction = direction.array().sign().matrix().eval();
      else
        direction /= length;
      double along = oracle.distance(x) / root;
      for (int halving = 0; halving <= most_halvings; ++halving, along /= 2) {
        Eigen::VectorXd farther = x + along * direction;
        oracle.box().clip(farther);
        oracle.settle(farther);
        if (farther == x) break;
        const bool adversarial = co_await oracle.query(farther);
        if (!adversarial) continue;
        before = oracle.distance(farther);
        x.swap(farther);
        co_await approach<N>(oracle, x, halvings);
        break;
      }
    }
  }

 private:
  static constexpr bool is_linf = std::is_same_v<N, Linf>;
  static constexpr int most_halvings = 40;

  /// A direction of L2 length 1, normal or in Linf uniform in a cube.
  static void draw(const Oracle& oracle, std::uint32_t number, Eigen::VectorXd& u) {
    RandomDraw random = oracle.random(Purpose::normal_estimate, number);
    u.resize(oracle.features());
    if constexpr (is_linf)
      random.fill_uniform(u, -1, 1);
    else
      random.fill_normal(u);
    oracle.box().hold_frozen(u);
    const double length = norm2(u);
    if (length > 0) u /= length;
  }

  Options options_;
};

using L2HopSkipJumpAttack = HopSkipJumpAttack<L2>;
using LinfHopSkipJumpAttack = HopSkipJumpAttack<Linf>;

/// Its entries in the catalogue.
struct HopSkipJumpFamily {
  static void list(auto& catalogue) {
    catalogue.family("HopSkipJump", "Chen, Jordan, Wainwright 2020, arXiv:1904.02144",
                     "a start; per step t `estimates` sqrt(t) forward, and some 15 to 35");
    catalogue.add(L2HopSkipJumpAttack(), {"hop-skip-jump"});
    catalogue.add(LinfHopSkipJumpAttack());
  }
};

}  // namespace foil
