// SPDX-License-Identifier: MIT
/// \file
/// Pointwise: an adversarial with few changed features, and none that it can do without.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "foil/attacks/decision/pointwise/resets.hpp"
#include "foil/attacks/decision/salt_and_pepper.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/geometry/image.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::PointwiseAttack. `sweeps`, `bisections` and `least_gain` are options of L2 alone.
template <Norm N>
struct PointwiseOptions {
  int start_steps = 100;
  bool across_channels = false;
  geometry::ChannelsLast channels_last{};
  int sweeps = 10;
  int bisections = 10;
  double least_gain = 0.01;

  void list(OptionList& option) {
    option("start_steps", start_steps, "salt-and-pepper images tried for a start", between(1, 1e6));
    option("across_channels", across_channels, "images: all channels of a pixel are given back together");
    option("channels_last", channels_last, geometry::ChannelsLast::meaning);
    if constexpr (N::p == 2) {
      option("sweeps", sweeps, "times that every feature is then moved towards the input", at_least(0));
      option("bisections", bisections, "of the way that a feature has to go", at_least(0));
      option("least_gain", least_gain, "share of the distance by which another sweep has to be shorter",
             half_open(0, 1));
    }
  }
};

/// Pointwise, Schott, Rauber, Bethge, Brendel 2019, arXiv:1805.09190: gives features of an adversarial back
/// to the input for as long as that leaves it adversarial; `l2-pointwise` then moves those that are left
/// towards the input. Decision-based. The start is the user's point, else the best of salt-and-pepper noise,
/// else one of the pool or of other noise, see next_start(); without any the status is start_failed.
///
/// What `l0-pointwise` returns when it runs to its end cannot do without any one of the features that it
/// changes (with `across_channels`, of the pixels; distances are in features all the same).
///
/// Differs from Foolbox: many features are given back at once, halving the groups that cannot be, so that few
/// of many cost few queries, and one by one only then; L2 sweeps end once one gains less than `least_gain`.
/// Cost: 1 forward pass for the input, a start, for K of M changed features that stay some 2 K log2(M / K) +
/// K, and in L2 per sweep K (1 + `bisections`).
template <Norm N>
class PointwiseAttack : public MinimalAttack<PointwiseAttack<N>> {
 public:
  using Options = PointwiseOptions<N>;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return text(N::name, "-pointwise"); }

  explicit PointwiseAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    const pointwise::Units units(oracle, options_.across_channels, options_.channels_last);
    Eigen::VectorXd x;
    const bool started = co_await start(oracle, x);
    if (!started) co_return;
    co_await pointwise::reset_groups(oracle, units, x);
    co_await pointwise::reset_singles(oracle, units, x);
    if constexpr (N::p == 2) {
      for (int sweep = 0; sweep < options_.sweeps; ++sweep) {
        const double before = oracle.distance(x);
        const bool certain = sweep == 0;
        co_await draw_near(oracle, units, static_cast<std::uint32_t>(sweep), certain, x);
        if (!(oracle.distance(x) < (1 - options_.least_gain) * before)) break;
      }
    }
    oracle.finish(Status::converged);
  }

 private:
  Task<bool> start(Oracle& oracle, Eigen::VectorXd& x) const {
    x = oracle.starting_point();
    if (x.size() > 0 && x.allFinite()) {
      const bool adversarial = co_await oracle.query(x);
      if (adversarial) co_return true;
    }
    if (oracle.box().bounded()) {
      const SaltAndPepperOptions few{options_.start_steps, options_.across_channels, options_.channels_last};
      const SaltAndPepperAttack<N> noise(few);
      co_await noise.attack(oracle);
      if (oracle.found()) {
        x = oracle.best();
        co_return true;
      }
    }
    const StartOptions others{.fallback = true, .bisections = 0};
    StartState state{.candidate = 1};  // behind the user's point
    const bool found = co_await next_start(oracle, others, state, x);
    co_return found;
  }

  /// Moves every changed unit as near to the original as leaves x adversarial by itself; where that is not
  /// `certain` to be in vain, first all the way.
  Task<> draw_near(Oracle& oracle, const pointwise::Units& units, std::uint32_t sweep, bool certain,
                   Eigen::VectorXd& x) const {
    const std::vector<Index> order = pointwise::shuffled(oracle, units, x, 2 + sweep);
    Eigen::VectorXd without, nearer;
    for (const Index unit : order) {
      without = x;
      units.move(without, unit, oracle.original(), 1);
      bool adversarial = false;
      if (!certain && without != oracle.original()) adversarial = co_await oracle.query(without);
      if (adversarial) {
        x.swap(without);
        continue;
      }
      for (int i = 0; i < options_.bisections; ++i) {
        nearer = x;
        units.move(nearer, unit, without, 0.5);
        oracle.settle(nearer);
        if (nearer == x || nearer == without) break;
        adversarial = co_await oracle.query(nearer);
        (adversarial ? x : without).swap(nearer);
      }
    }
  }

  Options options_;
};

using L0PointwiseAttack = PointwiseAttack<L0>;
using L2PointwiseAttack = PointwiseAttack<L2>;

/// Its entries in the catalogue.
struct PointwiseFamily {
  static void list(auto& catalogue) {
    constexpr const char* paper = "Schott, Rauber, Bethge, Brendel 2019, arXiv:1805.09190";
    catalogue.family("Pointwise", paper,
                     "a start; for K of M features that stay some 2 K log2(M / K) + K forward");
    catalogue.add(L0PointwiseAttack(), {"pointwise"});
    catalogue.family("Pointwise, L2", paper, "as Pointwise, then per sweep K (1 + `bisections`) forward");
    catalogue.add(L2PointwiseAttack());
  }
};

}  // namespace foil
