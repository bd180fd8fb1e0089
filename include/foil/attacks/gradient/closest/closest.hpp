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

#include "foil/attacks/gradient/closest/options.hpp"
#include "foil/attacks/parts/approach.hpp"
#include "foil/attacks/parts/class_order.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/attacks/parts/tangent_walk.hpp"
#include "foil/attacks/parts/towards_class.hpp"
#include "foil/geometry/sampling.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// The smallest perturbation that gradients find, in L0, L1, L2 or Linf: for who wants one number and has a
/// budget. All walks are those of Brendel & Bethge 2019, arXiv:1907.01003, exact steps along the linearised
/// boundary (see foil::walk_on()), but begin anywhere, adversarial or not, and lead to one class each.
///
/// First four steps from the input towards each of the `candidates` classes. Then a race: those that may win
/// go on, fewer and fewer, until they have converged. What is left of the budget goes to walks from
/// elsewhere, by turns from starts that are given or in the run's pool, from the closest so far, slowly, and
/// from points at random, mostly to the class of the closest; until `effort` of them in a row have brought
/// nothing. In the end a bisection towards the input. For every criterion with a margin; where it names no
/// class to leave, all walks lead across its margin's boundary.
///
/// Cost: 1 forward pass, at most `gradients` times 1 forward + 1 backward pass, and 10 forward for each start
/// that is given and in the end.
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
    Search search{options_.gradients};
    co_await scout(oracle, search);
    co_await race(oracle, search);
    co_await roam(oracle, search);
    if (!oracle.found()) co_return;
    Eigen::VectorXd x = oracle.best();
    co_await approach<N>(oracle, x, bisections);
    if (search.fruitless >= options_.effort) oracle.finish(Status::converged);
  }

 private:
  static constexpr int bisections = 10, scouting = 4, most_racing = 4, trial = 24, most_steps = 200;
  static constexpr double first_margin = 0.6, hopeless = 1.2, gain = 1e-4;

  /// A walk, and the class it leads to: -1 for the boundary of the criterion's margin.
  struct Runner {
    Index to;
    TangentWalk walk;
  };
  /// Of equals, the class that was to come first.
  static bool closer(const Runner& a, const Runner& b) {
    const double one = a.walk.estimate(), other = b.walk.estimate();
    return one != other ? one < other : a.to < b.to;
  }
  struct Search {
    int left;  ///< gradients
    std::vector<Runner> racing{};
    std::vector<std::pair<double, Index>> classes{};  ///< by how far away an adversarial is expected
    Index best = -1;                                  ///< that of the walk that found the closest
    int fruitless = 0;
  };

  static WalkPace pace() {
    constexpr bool sparse = std::is_same_v<N, L0>;
    return {.reach = sparse ? 2 : 0.5, .aims = sparse ? 2 : 0};
  }

  /// Takes a walk on by so many steps, as far as the budget goes.
  static Task<> go(Oracle& oracle, Search& search, Runner& runner, const WalkPace& pace, int steps) {
    const int before = runner.walk.steps;
    const double closest = oracle.best_distance();
    const TowardsClass towards{Loss::margin, oracle.goal().leave, runner.to, oracle.goal().lead};
    const Objective objective = runner.to >= 0 ? Objective(towards) : Objective(Loss::margin);
    co_await walk_on<N>(oracle, runner.walk, pace, objective, before + std::min(steps, search.left));
    search.left -= runner.walk.steps - before;
    if (oracle.best_distance() < closest && runner.to >= 0) search.best = runner.to;
  }

  /// A few steps from the input towards every class.
  Task<> scout(Oracle& oracle, Search& search) const {
    std::vector<Index> classes{-1};
    if (const Index leave = oracle.goal().leave; leave >= 0) {
      Eigen::VectorXd x = oracle.original();
      const auto& clean = co_await oracle.score(x, Loss::margin);
      classes = class_order(clean.logits, leave, options_.candidates);
    }
    for (const Index to : classes) {
      Runner runner{to, TangentWalk{oracle.original()}};
      co_await go(oracle, search, runner, pace(), scouting);
      search.classes.push_back({runner.walk.estimate(), to});
      search.racing.push_back(std::move(runner));
      std::sort(search.racing.begin(), search.racing.end(), closer);
      if (search.racing.size() > most_racing) search.racing.pop_back();
    }
    std::sort(search.classes.begin(), search.classes.end());
    if (!oracle.found()) search.best = search.classes.front().second;
  }

  /// Goes on with those walks that may win, fewer and fewer of them, until they have converged.
  Task<> race(Oracle& oracle, Search& search) const {
    double margin = first_margin;
    for (int steps = scouting; search.left > 0 && !search.racing.empty(); steps *= 2, margin /= 2) {
      std::sort(search.racing.begin(), search.racing.end(), closer);
      const double limit = (1 + std::max(margin, 0.01)) * oracle.best_distance();
      std::erase_if(search.racing, [&](const Runner& r) {
        return r.walk.end != TangentWalk::End::none || r.walk.steps >= most_steps ||
               r.walk.estimate() > limit;
      });
      for (Runner& runner : search.racing) co_await go(oracle, search, runner, pace(), steps);
    }
  }

  /// Walks from elsewhere, until so many in a row have brought nothing: from starts that are given or in the
  /// pool; from points at random, mostly towards the class of the closest; and slowly from the closest.
  Task<> roam(Oracle& oracle, Search& search) const {
    const StartOptions given{.fallback = true, .noise_draws = 0};
    StartState starts;
    bool more = true, settled = false;  // nothing to gain by a slow walk from the closest
    std::uint32_t draw = 0;
    std::size_t other = 0;
    for (std::uint32_t round = 0; search.left > 0 && search.fruitless < options_.effort; ++round) {
      const double before = oracle.best_distance();
      Runner runner{search.best, {}};
      WalkPace speed = pace();
      bool started = false, slow = false;
      if (more && round % 2 == 0) {
        more = co_await next_start(oracle, given, starts, runner.walk.x);
        started = more;
        if (started) runner.to = -1;
        if (started) co_await approach<N>(oracle, runner.walk.x, bisections);
      }
      if (!started && !settled && round % 4 == 1 && oracle.found()) {
        runner.walk.x = oracle.best();
        speed = pace().slower(2);
        slow = true;
      } else if (!started) {
        if (round % 4 == 3) runner.to = search.classes[other++ % search.classes.size()].second;
        runner.walk.x = nearby(oracle, draw++);
      }
      runner.walk.best = runner.walk.x;
      co_await go(oracle, search, runner, speed, trial);
      if (runner.walk.estimate() < hopeless * oracle.best_distance())
        co_await go(oracle, search, runner, speed, most_steps);
      const bool better = oracle.best_distance() < (1 - gain) * before;
      search.fruitless = better ? 0 : search.fruitless + 1;
      settled = better ? false : settled || slow;
    }
  }

  /// A point at random, about as far from the input as the closest adversarial.
  static Eigen::VectorXd nearby(const Oracle& oracle, std::uint32_t draw) {
    Eigen::VectorXd noise = geometry::uniform_in_ball<L2>(oracle.box(), oracle.random(Purpose::noise, draw));
    const double length = norm2(noise);
    const double radius = oracle.found() ? norm2(oracle.best() - oracle.original()) : 1;
    if (length > 0) noise *= radius / length;
    noise += oracle.original();
    oracle.box().clip(noise);
    return noise;
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
                     "1 forward, at most `gradients` times 1 forward + 1 backward, 10 forward per start");
    catalogue.add(L0ClosestAttack());
    catalogue.add(L1ClosestAttack());
    catalogue.add(L2ClosestAttack(), {"closest"});
    catalogue.add(LinfClosestAttack());
  }
};

}  // namespace foil
