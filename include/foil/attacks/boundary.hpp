// SPDX-License-Identifier: MIT
/// \file
/// The Boundary Attack: walks along the decision boundary, knowing nothing but decisions.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/attacks/attack.hpp"
#include "foil/attacks/boundary_options.hpp"
#include "foil/attacks/boundary_proposal.hpp"
#include "foil/attacks/boundary_steps.hpp"

namespace foil {

/// How far the Boundary Attack on one sample has come: a value, changed after every answer.
struct BoundaryState {
  StartState start{};
  Eigen::VectorXd x{};          ///< the current adversarial; empty as long as there is no start
  std::uint32_t proposals = 0;  ///< drawn so far
  int skipped = 0;              ///< of these, the last ones that were not worth a query
  TiedSteps tied{};
  PaperSteps paper{};
  Eigen::VectorXd spherical{};  ///< tied: a spherical point that is still to be asked about
  double restarted_at = std::numeric_limits<double>::infinity();  ///< tied: distance at the first convergence
};

/// The Boundary Attack, Brendel, Rauber, Bethge 2018, arXiv:1712.04248: minimal L2 perturbations of models
/// that return decisions only, for any criterion. Starts from an adversarial point (see find_start), and
/// proposes random steps along the sphere around the input followed by a small step towards the input; what
/// stays adversarial is the next point. Targeted: by a targeted criterion and a start of the target class.
///
/// Differs from the paper: the start is bisected towards the input; by default both steps are tied to one
/// angle that is adapted after every proposal (BoundaryMode::tied), features at a bound mostly stay there,
/// and convergence depends on the number of features. BoundaryMode::paper adapts as the authors'
/// implementation does. Proposals that would not come closer after rounding are not asked about.
///
/// Cost: the start (1 forward pass for a good starting point, none for a pool, up to some 1,000 otherwise),
/// 10 for its bisection, and 1.05 per proposal. Can be continued, see MinimalAttack::run and
/// BoundaryAttack::State.
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
    BoundaryProposal proposal(oracle, options_);
    if (state.x.size() == 0) {
      if (!co_await find_start(oracle, options_.start, state.start)) co_return;
      state.x = state.start.bisection.inside;
    }
    if (oracle.features() == 1) {
      oracle.finish(Status::converged);  // the bisection left nothing to do
      co_return;
    }
    proposal.move_to(state.x);
    if (options_.mode == BoundaryMode::tied)
      co_await walk_tied(oracle, state, proposal);
    else
      co_await walk_paper(oracle, state, proposal);
  }

 private:
  /// So many proposals in a row that rounding undoes mean that nothing closer can be represented.
  static constexpr int most_skipped = 200;
  static constexpr std::uint32_t spherical_period = 20;

  bool out_of_steps(const BoundaryState& state) const {
    return state.proposals >= static_cast<std::uint32_t>(options_.steps);
  }

  static void move(BoundaryState& state, BoundaryProposal& proposal, Eigen::VectorXd& point) {
    state.x.swap(point);
    proposal.move_to(state.x);
  }

  /// What is left for the steps to change is below the tolerance, or below what the model's numbers resolve.
  bool steps_vanish(const Oracle& oracle, const TiedSteps& steps, const BoundaryProposal& proposal) const {
    const auto d = static_cast<double>(proposal.dimension());
    return steps.epsilon() < 1.4 * options_.tolerance / (d - 1) ||
           steps.angle() * proposal.distance() / std::sqrt(d) < 4 * oracle.precision() * magnitude(oracle);
  }

  /// The largest value in the box, or of the original where the box is not bounded.
  static double magnitude(const Oracle& oracle) {
    const auto larger = [](double bound, double value) {
      return std::isfinite(bound) ? std::abs(bound) : value;
    };
    return detail::maximum(oracle.features(), [&](Index i) {
      const double value = std::abs(oracle.original()[i]);
      return std::max(larger(oracle.lower()[i], value), larger(oracle.upper()[i], value));
    });
  }

  Task<> walk_tied(Oracle& oracle, BoundaryState& state, BoundaryProposal& proposal) const {
    struct Next {  // the state before a proposal's answer
      std::uint32_t proposals;
      int skipped;
      TiedSteps steps;
    };
    enum class End { none, converged, stuck, out_of_steps };
    const auto most = static_cast<std::size_t>(options_.speculation);
    std::vector<Eigen::VectorXd> points(most);
    std::vector<Next> before;
    while (true) {
      if (state.spherical.size() > 0) {
        const bool adversarial = co_await oracle.query(state.spherical);
        state.tied.spherical_was(adversarial);
        if (adversarial && oracle.distance(state.spherical) < proposal.distance())
          move(state, proposal, state.spherical);
        state.spherical.resize(0);
      }

      // Proposals as they follow from each other if none is adversarial.
      Next next{state.proposals, state.skipped, state.tied};
      End end = End::none;
      bool check_sphere = false;
      before.clear();
      while (before.size() < std::min(most, oracle.room()) && end == End::none && !check_sphere) {
        if (next.proposals >= static_cast<std::uint32_t>(options_.steps)) {
          end = End::out_of_steps;
        } else if (steps_vanish(oracle, next.steps, proposal)) {
          end = End::converged;
        } else if (!proposal.draw(next.proposals, next.steps.delta(), next.steps.epsilon(),
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
        const InTurn answer = co_await oracle.query_in_turn(points, before.size());
        adversarial = answer.adversarial;
        const bool all = answer.answered == before.size();
        if (adversarial || !all) {
          next = before[answer.answered - 1];
          next.steps.proposal_was(adversarial);
          end = End::none;
        }
        if (all && check_sphere) state.spherical = proposal.spherical();
        if (adversarial) move(state, proposal, points[answer.answered - 1]);
      }
      state.proposals = next.proposals;
      state.skipped = next.skipped;
      state.tied = next.steps;

      if (end == End::out_of_steps) co_return;
      if (end == End::converged && proposal.distance() <= (1 - options_.tolerance) * state.restarted_at) {
        state.restarted_at = proposal.distance();
        state.tied.restart();
      } else if (end != End::none) {
        oracle.finish(Status::converged);
        co_return;
      }
    }
  }

  Task<> walk_paper(Oracle& oracle, BoundaryState& state, BoundaryProposal& proposal) const {
    PaperSteps& steps = state.paper;
    Eigen::VectorXd candidate, spherical;
    for (; state.skipped < most_skipped; ++state.proposals) {
      if (out_of_steps(state)) co_return;
      if (!proposal.draw(state.proposals, steps.delta, steps.epsilon, candidate)) {
        ++state.skipped;
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
      state.skipped = 0;
      if (adversarial) move(state, proposal, candidate);
      if (steps.proposal_was(adversarial)) break;
    }
    oracle.finish(Status::converged);
  }

  Options options_;
};

}  // namespace foil
