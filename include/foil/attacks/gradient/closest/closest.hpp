// SPDX-License-Identifier: MIT
/// \file
/// The closest adversarial that gradients find: walks towards every class, raced, and then from elsewhere.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/attacks/gradient/closest/descent.hpp"
#include "foil/attacks/gradient/closest/exchange.hpp"
#include "foil/attacks/gradient/closest/options.hpp"
#include "foil/attacks/gradient/closest/search.hpp"
#include "foil/attacks/parts/approach.hpp"
#include "foil/attacks/parts/class_order.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/attacks/parts/tangent_walk.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// The smallest perturbation that gradients find, in L0, L1, L2 or Linf: for who wants one number and has a
/// budget. All walks are those of Brendel & Bethge 2019, arXiv:1907.01003, exact steps along the linearised
/// boundary (see foil::walk_on()), but begin anywhere, adversarial or not, and lead to one class each.
///
/// First two steps from the input towards each of the `candidates` classes. Then a race: those that may win
/// go on, half as many in every round for twice as long, until they have converged. Then, but in L1, a
/// descent by a quarter of the budget that is left, see foil::descend_between(). The rest goes to walks from
/// elsewhere, by turns from starts that are given or in the run's pool, from the closest so far, slowly, and
/// from noise in the box, mostly to the class of the closest; until `effort` of them in a row have brought
/// nothing. In L0, whatever came closer is first tried with one feature less, see foil::exchange_features().
/// In the end a bisection towards the input. For every criterion with a margin; where it names no
/// class to leave, all walks lead across its margin's boundary.
///
/// Cost: 3 forward passes, at most `gradients` times 1 forward + 1 backward pass, and 10 forward for each
/// start that is given and in the end; in L0 up to 3 forward for each gradient of an exchange.
template <Norm N>
class ClosestAttack : public MinimalAttack<ClosestAttack<N>> {
 public:
  using Options = ClosestOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return text(N::name, "-closest"); }

  explicit ClosestAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    ClosestSearch search{options_.gradients};
    co_await scout(oracle, search);
    co_await race(oracle, search);
    co_await descend(oracle, search);
    co_await roam(oracle, search);
    if (!oracle.found()) co_return;
    Eigen::VectorXd x = oracle.best();
    co_await approach<N>(oracle, x, bisections);
    if (search.fruitless >= options_.effort) oracle.finish(Status::converged);
  }

 private:
  static constexpr int bisections = 10, scouting = 2, most_racing = 6, trial = 8, most_steps = 200,
                       least_descent = 50, most_descent = 250, most_exchange = 24;
  static constexpr double first_margin = 0.6, last_margin = 0.01, hopeless = 1.1, gain = 1e-4;

  /// A few steps from the input towards every class.
  Task<> scout(Oracle& oracle, ClosestSearch& search) const {
    std::vector<Index> classes{-1};
    if (const Index leave = oracle.goal().leave; leave >= 0) {
      Eigen::VectorXd x = oracle.original();
      const auto& clean = co_await oracle.score(x, Loss::margin);
      classes = class_order(clean.logits, leave, options_.candidates);
    }
    for (const Index to : classes) {
      ClosestWalk runner{to, TangentWalk{oracle.original()}};
      co_await walk_closer<N>(oracle, search, runner, closest_pace<N>(), scouting);
      search.classes.push_back({runner.walk.estimate(), to});
      search.racing.push_back(std::move(runner));
      std::sort(search.racing.begin(), search.racing.end(), ClosestWalk::closer);
      if (search.racing.size() > most_racing) search.racing.pop_back();
    }
    std::sort(search.classes.begin(), search.classes.end());
    if (!oracle.found()) search.best = search.classes.front().second;
  }

  /// Goes on with those walks that may win, half as many in every round for twice as long, until they have
  /// converged.
  Task<> race(Oracle& oracle, ClosestSearch& search) const {
    double margin = first_margin;
    std::size_t keep = most_racing;
    for (int steps = scouting; search.left > 0 && !search.racing.empty(); steps *= 2) {
      std::sort(search.racing.begin(), search.racing.end(), ClosestWalk::closer);
      const double limit = (1 + margin) * oracle.best_distance();
      std::erase_if(search.racing, [&](const ClosestWalk& r) {
        return r.walk.end != TangentWalk::End::none || r.walk.steps >= most_steps ||
               r.walk.estimate() > limit;
      });
      while (search.racing.size() > keep) search.racing.pop_back();
      keep = (keep + 1) / 2;
      margin = std::max(margin / 2, last_margin);
      for (ClosestWalk& runner : search.racing)
        co_await walk_closer<N>(oracle, search, runner, closest_pace<N>(), steps);
    }
  }

  /// A quarter of what is left, to where no walk comes. In L1 walks find more for that.
  Task<> descend(Oracle& oracle, ClosestSearch& search) const {
    const int steps = std::min(search.left / 4, most_descent);
    if (N::p == 1 || steps < least_descent || options_.effort == 0 || !oracle.found()) co_return;
    const double closest = oracle.best_distance();
    const auto before = oracle.gradient_queries();
    co_await descend_between<N>(oracle, steps);
    search.left -= static_cast<int>(oracle.gradient_queries() - before);
    if (search.best < 0 || !(oracle.best_distance() < closest)) co_return;
    Eigen::VectorXd x = oracle.best();
    const Answer& at = co_await oracle.score(x, Loss::margin);
    if (at.label >= 0 && at.label != oracle.goal().leave) search.best = at.label;
  }

  /// In L0, exchanges features of a closest that has not been through that.
  Task<> exchange(Oracle& oracle, ClosestSearch& search) const {
    if (!std::is_same_v<N, L0> || !(oracle.best_distance() < search.exchanged)) co_return;
    const auto before = oracle.gradient_queries();
    co_await exchange_features(oracle, std::min(search.left, most_exchange));
    search.left -= static_cast<int>(oracle.gradient_queries() - before);
    search.exchanged = oracle.best_distance();
  }

  /// Walks from elsewhere, until so many in a row have brought nothing: from starts that are given or in the
  /// pool; from noise in the box, mostly towards the class of the closest; and slowly from the closest.
  Task<> roam(Oracle& oracle, ClosestSearch& search) const {
    const StartOptions given{.fallback = true, .noise_draws = 0};
    StartState starts;
    bool more = true, settled = false;  // nothing to gain by a slow walk from the closest
    std::uint32_t draw = 0;
    std::size_t other = 0;
    for (std::uint32_t round = 0; search.left > 0 && search.fruitless < options_.effort; ++round) {
      co_await exchange(oracle, search);
      const double before = oracle.best_distance();
      ClosestWalk runner{search.best, {}};
      WalkPace speed = closest_pace<N>();
      bool started = false, slow = false;
      if (more && round % 2 == 0) {
        more = co_await next_start(oracle, given, starts, runner.walk.x);
        started = more;
        if (started) runner.to = -1;
        if (started) co_await approach<N>(oracle, runner.walk.x, bisections);
      }
      if (!started && !settled && round % 4 == 1 && oracle.found()) {
        runner.walk.x = oracle.best();
        speed = closest_pace<N>().slower(2);
        speed.smallest_radius = 1e-2;
        slow = true;
      } else if (!started) {
        if (round % 4 == 3) runner.to = search.classes[other++ % search.classes.size()].second;
        runner.walk.x = noise_in_box(oracle, ++draw);
      }
      runner.walk.best = runner.walk.x;
      co_await walk_closer<N>(oracle, search, runner, speed, trial);
      if (runner.walk.estimate() < hopeless * oracle.best_distance())
        co_await walk_closer<N>(oracle, search, runner, speed, most_steps);
      const bool better = oracle.best_distance() < (1 - gain) * before;
      search.fruitless = better ? 0 : search.fruitless + 1;
      settled = better ? false : settled || slow;
    }
  }

  Options options_;
};

using L0ClosestAttack = ClosestAttack<L0>;
using L1ClosestAttack = ClosestAttack<L1>;
using L2ClosestAttack = ClosestAttack<L2>;
using LinfClosestAttack = ClosestAttack<Linf>;

/// Its entries in the catalogue.
struct ClosestFamily {
  static void list(auto& catalogue) {
    catalogue.family("Closest", "foil's own, on Brendel & Bethge 2019, arXiv:1907.01003",
                     "3 forward, at most `gradients` times 1 forward + 1 backward, 10 forward per start");
    catalogue.add(L0ClosestAttack());
    catalogue.add(L1ClosestAttack());
    catalogue.add(L2ClosestAttack(), {"closest"});
    catalogue.add(LinfClosestAttack());
  }
};

}  // namespace foil
