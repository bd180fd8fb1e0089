// SPDX-License-Identifier: MIT
/// \file
/// The Boundary Attack: walks along the decision boundary, knowing nothing but decisions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/decision/boundary/options.hpp"
#include "foil/attacks/decision/boundary/state.hpp"
#include "foil/attacks/decision/boundary/walk.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// The Boundary Attack, Brendel, Rauber, Bethge 2018, arXiv:1712.04248: minimal L2 perturbations of models
/// that return decisions only, for any criterion. Starts from an adversarial point (see next_start), and
/// proposes random steps along the sphere around the input followed by a small step towards the input; what
/// stays adversarial is the next point. Targeted: by a targeted criterion and a start of the target class.
///
/// Differs from the paper: starts are bisected towards the input; by default both steps are tied to one
/// angle that is adapted after every proposal (BoundaryMode::tied), features at a bound mostly stay there,
/// and convergence depends on the number of features. In this mode, walks from several starts race: after
/// 100 proposals each, the farther half is dropped, after 200 more the next, until one is left. When it has
/// converged, further starts challenge it, each as long as it is clearly closer than the best one was after
/// as many proposals. BoundaryMode::paper adapts as the authors' implementation does, from one start.
/// Proposals that would not come closer after rounding are not asked about.
///
/// Cost: per start at first 1 forward pass for a good starting point, none for a row of the pool, up to some
/// 1,000 otherwise, then 10 for its bisection; 1 per proposal, 1.05 with kappa. Can be continued, see
/// MinimalAttack::run and RunState<BoundaryState>.
class BoundaryAttack : public MinimalAttack<BoundaryAttack> {
 public:
  using Options = BoundaryOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "boundary"; }

  explicit BoundaryAttack(Options options = {}) : options_(checked(name(), std::move(options))) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    BoundaryState state;
    co_await attack(oracle, state);
  }
  /// Continues from a state of the same sample.
  Task<> attack(Oracle& oracle, BoundaryState& state) const {
    if (!state.racing) {
      const bool found = co_await line_up(oracle, state);
      if (!found) co_return;
    }
    if (oracle.box().free_features() == 1) {
      oracle.finish(Status::converged);  // the bisection left nothing to do
      co_return;
    }
    BoundaryWalker walker(oracle, options_);
    std::vector<BoundaryWalk>& walks = state.walks;
    while (!state.champion) {
      for (BoundaryWalk& walk : walks) {
        if (walk.heats.size() > state.heat || walk.converged) continue;
        co_await walker.run_heat(state, walk);
        if (walker.out_of_steps(state)) co_return;
      }
      ++state.heat;
      drop_slower_half(walks);
      state.champion = walks.size() == 1;
    }
    while (true) {
      while (!walks[0].converged) {
        co_await walker.run_heat(state, walks[0]);
        if (walker.out_of_steps(state)) co_return;
      }
      if (walks.size() == 1) {
        const bool found = co_await find_challenger(oracle, state, walker);
        if (!found) break;
      }
      while (!walks[1].converged && !falls_behind(walks[1], walks[0])) {
        co_await walker.run_heat(state, walks[1]);
        if (walker.out_of_steps(state)) co_return;
      }
      drop_slower_half(walks);
    }
    oracle.finish(Status::converged);
  }

 private:
  static constexpr double lead = 0.98;  // what a challenger's distance has to be below

  /// Finds the starts. False if there is none.
  Task<bool> line_up(Oracle& oracle, BoundaryState& state) const {
    const bool alone = oracle.box().free_features() == 1 || options_.mode == BoundaryMode::paper;
    const std::size_t wanted = alone ? 1 : static_cast<std::size_t>(options_.starts);
    while (state.walks.size() < wanted) {
      const bool found = co_await find_start(oracle, options_.start, state.start);
      if (!found) break;
      add_walk(oracle, state);
    }
    if (state.walks.empty()) co_return false;
    state.racing = true;
    co_return true;
  }

  /// Another start, for a walk that has to keep up with the best one so far. False if there is none.
  Task<bool> find_challenger(Oracle& oracle, BoundaryState& state, const BoundaryWalker& walker) const {
    if (options_.mode == BoundaryMode::paper || state.challenges == options_.challengers) co_return false;
    if (walker.out_of_steps(state)) co_return false;
    const bool found = co_await find_start(oracle, options_.start, state.start);
    if (!found) co_return false;
    ++state.challenges;
    add_walk(oracle, state);
    co_return true;
  }

  static void add_walk(const Oracle& oracle, BoundaryState& state) {
    BoundaryWalk walk;
    walk.x = std::exchange(state.start.bisection, {}).inside;
    walk.heats.push_back(oracle.distance(walk.x));
    walk.number = state.found++;
    state.walks.push_back(std::move(walk));
  }

  static void drop_slower_half(std::vector<BoundaryWalk>& walks) {
    const auto closer = [](const BoundaryWalk& a, const BoundaryWalk& b) {
      return a.heats.back() < b.heats.back();
    };
    // Sorted by insertion, which leaves equals in their order.
    for (auto walk = walks.begin(); walk != walks.end(); ++walk)
      std::rotate(std::upper_bound(walks.begin(), walk, *walk, closer), walk, walk + 1);
    walks.resize((walks.size() + 1) / 2);
  }

  /// Not clearly closer than the other walk was after as many proposals. Before the first heat nobody does:
  /// how close a start is says little about where the walk from there leads.
  static bool falls_behind(const BoundaryWalk& walk, const BoundaryWalk& other) {
    const std::size_t heats = walk.heats.size();
    return heats > 1 && walk.heats.back() > lead * other.heats[std::min(heats, other.heats.size()) - 1];
  }

  Options options_;
};

/// Its entries in the catalogue.
struct BoundaryFamily {
  static void list(auto& catalogue) {
    catalogue.family("Boundary Attack", "Brendel, Rauber, Bethge 2018, arXiv:1712.04248",
                     "1 forward per proposal; per start 10 and its search");
    catalogue.add(BoundaryAttack(), {"l2-boundary"});
  }
};

}  // namespace foil
