// SPDX-License-Identifier: MIT
/// \file
/// The Boundary Attack: walks along the decision boundary, knowing nothing but decisions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/attacks/decision/boundary/options.hpp"
#include "foil/attacks/decision/boundary/proposal.hpp"
#include "foil/attacks/decision/boundary/step_sizes.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// One walk along the boundary: a value, changed after every answer.
struct BoundaryWalk {
  Eigen::VectorXd x{};          ///< the current adversarial
  std::uint32_t number = 0;     ///< of the start it began at; walks have random numbers of their own
  std::uint32_t proposals = 0;  ///< drawn so far
  int skipped = 0;              ///< of these, the last ones that were not worth a query
  bool converged = false;
  std::vector<double> heats{};  ///< distances at the start and after the heats that it has run
  TiedSteps tied{};
  PaperSteps paper{};
  Eigen::VectorXd spherical{};  ///< tied: a spherical point that is still to be asked about
  double restarted_at = std::numeric_limits<double>::infinity();  ///< tied: distance at the first convergence
};

/// How far the Boundary Attack on one sample has come.
struct BoundaryState {
  StartState start{};
  std::vector<BoundaryWalk> walks{};
  std::uint32_t proposals = 0;  ///< in all walks
  std::uint32_t found = 0;      ///< starts
  bool racing = false;          ///< all starts of the race have been found
  std::size_t heat = 1;         ///< of the race
  bool champion = false;        ///< the race is over: the first walk has won
  int challenges = 0;           ///< of the winner, by further starts
};

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
/// MinimalAttack::run and BoundaryAttack::State.
class BoundaryAttack : public MinimalAttack<BoundaryAttack> {
 public:
  using Options = BoundaryOptions;
  using State = RunState<BoundaryState>;
  using norm = L2;
  static constexpr std::string_view name = "boundary";
  static constexpr Knowledge knowledge = Knowledge::decisions;

  explicit BoundaryAttack(Options options = {}) : options_(std::move(options)) { options_.validate(); }
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
    if (oracle.features() == 1) {
      oracle.finish(Status::converged);  // the bisection left nothing to do
      co_return;
    }
    BoundaryProposal proposal(oracle, options_);
    std::vector<BoundaryWalk>& walks = state.walks;
    while (!state.champion) {
      for (BoundaryWalk& walk : walks) {
        if (walk.heats.size() > state.heat || walk.converged) continue;
        co_await run_heat(oracle, state, walk, proposal);
        if (out_of_steps(state)) co_return;
      }
      ++state.heat;
      drop_slower_half(walks);
      state.champion = walks.size() == 1;
    }
    while (true) {
      while (!walks[0].converged) {
        co_await run_heat(oracle, state, walks[0], proposal);
        if (out_of_steps(state)) co_return;
      }
      if (walks.size() == 1) {
        const bool found = co_await find_challenger(oracle, state);
        if (!found) break;
      }
      while (!walks[1].converged && !falls_behind(walks[1], walks[0])) {
        co_await run_heat(oracle, state, walks[1], proposal);
        if (out_of_steps(state)) co_return;
      }
      drop_slower_half(walks);
    }
    oracle.finish(Status::converged);
  }

 private:
  /// So many proposals in a row that rounding undoes mean that nothing closer can be represented.
  static constexpr int most_skipped = 200;
  static constexpr std::uint32_t spherical_period = 20;
  static constexpr std::uint32_t first_heat = 100;  // proposals; each further heat has twice as many
  static constexpr double lead = 0.98;              // what a challenger's distance has to be below

  /// Finds the starts. False if there is none.
  Task<bool> line_up(Oracle& oracle, BoundaryState& state) const {
    const bool alone = oracle.features() == 1 || options_.mode == BoundaryMode::paper;
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
  Task<bool> find_challenger(Oracle& oracle, BoundaryState& state) const {
    if (options_.mode == BoundaryMode::paper || state.challenges == options_.challengers) co_return false;
    if (out_of_steps(state)) co_return false;
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
    std::stable_sort(walks.begin(), walks.end(),
                     [](const auto& a, const auto& b) { return a.heats.back() < b.heats.back(); });
    walks.resize((walks.size() + 1) / 2);
  }

  /// Not clearly closer than the other walk was after as many proposals. Before the first heat nobody does:
  /// how close a start is says little about where the walk from there leads.
  static bool falls_behind(const BoundaryWalk& walk, const BoundaryWalk& other) {
    const std::size_t heats = walk.heats.size();
    return heats > 1 && walk.heats.back() > lead * other.heats[std::min(heats, other.heats.size()) - 1];
  }

  bool out_of_steps(const BoundaryState& state) const {
    return state.proposals >= static_cast<std::uint32_t>(options_.steps);
  }

  /// Walks on until the end of a heat, all steps are spent or the walk has converged.
  Task<> run_heat(Oracle& oracle, BoundaryState& state, BoundaryWalk& walk,
                  BoundaryProposal& proposal) const {
    const std::uint32_t end = first_heat * ((1u << std::min<std::size_t>(walk.heats.size(), 25)) - 1);
    const std::uint32_t left = static_cast<std::uint32_t>(options_.steps) - state.proposals;
    const std::uint32_t goal = walk.proposals + std::min(end - walk.proposals, left);
    proposal.move_to(walk.x);
    if (options_.mode == BoundaryMode::tied)
      co_await walk_tied(oracle, state, walk, proposal, goal);
    else
      co_await walk_paper(oracle, state, walk, proposal, goal);
    if (walk.converged || walk.proposals == end) walk.heats.push_back(oracle.distance(walk.x));
  }

  static std::uint32_t draw_number(const BoundaryWalk& walk, std::uint32_t proposal) {
    return (walk.number << 24) + proposal;
  }

  static void move(BoundaryWalk& walk, BoundaryProposal& proposal, Eigen::VectorXd& point) {
    walk.x.swap(point);
    proposal.move_to(walk.x);
  }

  /// What is left for the steps to change is below the tolerance, or below what the model's numbers resolve.
  bool steps_vanish(const TiedSteps& steps, const BoundaryProposal& proposal, double resolution) const {
    const auto d = static_cast<double>(proposal.dimension());
    return steps.epsilon() < 1.4 * options_.tolerance / (d - 1) ||
           steps.angle() * proposal.distance() / std::sqrt(d) < resolution;
  }

  /// The largest value in the box, or of the original where the box is not bounded.
  static double magnitude(const Oracle& oracle) {
    const auto larger = [](double bound, double value) {
      return std::isfinite(bound) ? std::abs(bound) : value;
    };
    return maximum(oracle.features(), [&](Index i) {
      const double value = std::abs(oracle.original()[i]);
      return std::max(larger(oracle.lower()[i], value), larger(oracle.upper()[i], value));
    });
  }

  Task<> walk_tied(Oracle& oracle, BoundaryState& state, BoundaryWalk& walk, BoundaryProposal& proposal,
                   std::uint32_t goal) const {
    struct Next {  // the state before a proposal's answer
      std::uint32_t proposals;
      int skipped;
      TiedSteps steps;
    };
    enum class End { none, reached, converged, stuck };
    const double resolution = 4 * oracle.precision() * magnitude(oracle);
    const auto most = static_cast<std::size_t>(options_.speculation);
    std::vector<Eigen::VectorXd> points(most);
    std::vector<Next> before;
    while (true) {
      if (walk.spherical.size() > 0) {
        const bool adversarial = co_await oracle.query(walk.spherical);
        walk.tied.spherical_was(adversarial);
        if (adversarial && oracle.distance(walk.spherical) < proposal.distance())
          move(walk, proposal, walk.spherical);
        walk.spherical.resize(0);
      }

      // Proposals as they follow from each other if none is adversarial.
      Next next{walk.proposals, walk.skipped, walk.tied};
      End end = End::none;
      bool check_sphere = false;
      before.clear();
      while (before.size() < std::min(most, oracle.room()) && end == End::none && !check_sphere) {
        if (next.proposals == goal) {
          end = End::reached;
        } else if (steps_vanish(next.steps, proposal, resolution)) {
          end = End::converged;
        } else if (!proposal.draw(draw_number(walk, next.proposals), next.steps.delta(), next.steps.epsilon(),
                                  points[before.size()])) {
          ++next.proposals;
          if (++next.skipped == most_skipped) end = End::stuck;
        } else {
          ++next.proposals;
          next.skipped = 0;
          check_sphere = options_.kappa && next.proposals % spherical_period == 0;
          before.push_back(next);
          next.steps.proposal_was(false);
        }
      }

      bool adversarial = false;
      if (!before.empty()) {
        if (check_sphere) walk.spherical = proposal.spherical();
        const InTurn answer = co_await oracle.query_in_turn(points, before.size());
        adversarial = answer.adversarial;
        const bool all = answer.answered == before.size();
        if (adversarial || !all) {
          next = before[answer.answered - 1];
          next.steps.proposal_was(adversarial);
          end = End::none;
        }
        if (!all) walk.spherical.resize(0);
        if (adversarial) move(walk, proposal, points[answer.answered - 1]);
      }
      state.proposals += next.proposals - walk.proposals;
      walk.proposals = next.proposals;
      walk.skipped = next.skipped;
      walk.tied = next.steps;

      if (end == End::reached) co_return;
      if (end == End::converged && proposal.distance() <= (1 - options_.tolerance) * walk.restarted_at) {
        walk.restarted_at = proposal.distance();
        walk.tied.restart();
      } else if (end != End::none) {
        walk.converged = true;
        co_return;
      }
    }
  }

  Task<> walk_paper(Oracle& oracle, BoundaryState& state, BoundaryWalk& walk, BoundaryProposal& proposal,
                    std::uint32_t goal) const {
    PaperSteps& steps = walk.paper;
    Eigen::VectorXd candidate, spherical;
    for (; walk.proposals != goal; ++walk.proposals, ++state.proposals) {
      walk.converged = walk.converged || walk.skipped == most_skipped;
      if (walk.converged) co_return;
      if (!proposal.draw(draw_number(walk, walk.proposals), steps.delta, steps.epsilon, candidate)) {
        ++walk.skipped;
        continue;
      }
      const bool gathers = steps.gathers();
      if (gathers && !steps.spherical_held) {
        spherical = proposal.spherical();
        steps.spherical_held = co_await oracle.query(spherical);
        steps.spherical.add(steps.spherical_held);
      }
      bool adversarial = false;
      if (!gathers || steps.spherical_held) {
        adversarial = co_await oracle.query(candidate);
        if (gathers) steps.source.add(adversarial);
      }
      steps.spherical_held = false;
      walk.skipped = 0;
      if (adversarial) move(walk, proposal, candidate);
      walk.converged = steps.proposal_was(adversarial);
    }
  }

  Options options_;
};

}  // namespace foil
