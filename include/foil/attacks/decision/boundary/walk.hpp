// SPDX-License-Identifier: MIT
/// \file
/// Walks of the Boundary Attack from one start.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "foil/attacks/decision/boundary/options.hpp"
#include "foil/attacks/decision/boundary/proposal.hpp"
#include "foil/attacks/decision/boundary/state.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"
#include "foil/run/task.hpp"

namespace foil {

/// Walks along the boundary of one sample. Refers to the options and the oracle_.
class BoundaryWalker {
 public:
  BoundaryWalker(Oracle& oracle, const BoundaryOptions& options)
      : oracle_(oracle), options_(options), proposal_(oracle, options) {}

  bool out_of_steps(const BoundaryState& state) const {
    return state.proposals >= static_cast<std::uint32_t>(options_.steps);
  }

  /// Walks on until the end of a heat, all steps are spent or the walk has converged.
  Task<> run_heat(BoundaryState& state, BoundaryWalk& walk) {
    const std::uint32_t end = first_heat * ((1u << std::min<std::size_t>(walk.heats.size(), 25)) - 1);
    const std::uint32_t left = static_cast<std::uint32_t>(options_.steps) - state.proposals;
    const std::uint32_t goal = walk.proposals + std::min(end - walk.proposals, left);
    proposal_.move_to(walk.x);
    if (options_.mode == BoundaryMode::tied)
      co_await walk_tied(state, walk, goal);
    else
      co_await walk_paper(state, walk, goal);
    if (walk.converged || walk.proposals == end) walk.heats.push_back(oracle_.distance(walk.x));
  }

 private:
  /// So many proposals in a row that rounding undoes mean that nothing closer can be represented.
  static constexpr int most_skipped = 200;
  static constexpr std::uint32_t spherical_period = 20;
  static constexpr std::uint32_t first_heat = 100;  // proposals; each further heat has twice as many

  static std::uint32_t draw_number(const BoundaryWalk& walk, std::uint32_t proposal) {
    return (walk.number << 24) + proposal;
  }

  void move(BoundaryWalk& walk, Eigen::VectorXd& point) {
    walk.x.swap(point);
    proposal_.move_to(walk.x);
  }

  /// What is left for the steps to change is below the tolerance, or below what the model's numbers resolve.
  bool steps_vanish(const TiedSteps& steps, double resolution) const {
    const auto d = static_cast<double>(proposal_.dimension());
    return steps.epsilon() < 1.4 * options_.tolerance / (d - 1) ||
           steps.angle() * proposal_.distance() / std::sqrt(d) < resolution;
  }

  /// The largest value in the box, or of the original where the box is not bounded.
  double magnitude() const {
    const auto larger = [](double bound, double value) {
      return std::isfinite(bound) ? std::abs(bound) : value;
    };
    return maximum(oracle_.features(), [&](Index i) {
      const double value = std::abs(oracle_.original()[i]);
      return std::max(larger(oracle_.lower()[i], value), larger(oracle_.upper()[i], value));
    });
  }

  Task<> walk_tied(BoundaryState& state, BoundaryWalk& walk, std::uint32_t goal) {
    struct Next {  // the state before a proposal's answer
      std::uint32_t proposals;
      int skipped;
      TiedSteps steps;
    };
    enum class End { none, reached, converged, stuck };
    if (!(proposal_.distance() > 0)) {  // the input itself: a row of the pool
      walk.converged = true;
      co_return;
    }
    const double resolution = 4 * oracle_.precision() * magnitude();
    const auto most = static_cast<std::size_t>(options_.speculation);
    std::vector<Eigen::VectorXd> points(most);
    std::vector<Next> before;
    while (true) {
      if (walk.spherical.size() > 0) {
        const bool adversarial = co_await oracle_.query(walk.spherical);
        walk.tied.spherical_was(adversarial);
        if (adversarial && oracle_.distance(walk.spherical) < proposal_.distance())
          move(walk, walk.spherical);
        walk.spherical.resize(0);
      }

      // Proposals as they follow from each other if none is adversarial.
      Next next{walk.proposals, walk.skipped, walk.tied};
      End end = End::none;
      bool check_sphere = false;
      before.clear();
      while (before.size() < std::min(most, oracle_.room()) && end == End::none && !check_sphere) {
        if (next.proposals == goal) {
          end = End::reached;
        } else if (steps_vanish(next.steps, resolution)) {
          end = End::converged;
        } else if (!proposal_.draw(draw_number(walk, next.proposals), next.steps.delta(),
                                   next.steps.epsilon(), points[before.size()])) {
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
        if (check_sphere) walk.spherical = proposal_.spherical();
        const InTurn answer = co_await oracle_.query_in_turn(points, before.size());
        adversarial = answer.adversarial;
        const bool all = answer.answered == before.size();
        if (adversarial || !all) {
          next = before[answer.answered - 1];
          next.steps.proposal_was(adversarial);
          end = End::none;
        }
        if (!all) walk.spherical.resize(0);
        if (adversarial) move(walk, points[answer.answered - 1]);
      }
      state.proposals += next.proposals - walk.proposals;
      walk.proposals = next.proposals;
      walk.skipped = next.skipped;
      walk.tied = next.steps;

      if (end == End::reached) co_return;
      if (end == End::converged && proposal_.distance() <= (1 - options_.tolerance) * walk.restarted_at) {
        walk.restarted_at = proposal_.distance();
        walk.tied.restart();
      } else if (end != End::none) {
        walk.converged = true;
        co_return;
      }
    }
  }

  Task<> walk_paper(BoundaryState& state, BoundaryWalk& walk, std::uint32_t goal) {
    PaperSteps& steps = walk.paper;
    Eigen::VectorXd candidate, spherical;
    for (; walk.proposals != goal; ++walk.proposals, ++state.proposals) {
      walk.converged = walk.converged || walk.skipped == most_skipped;
      if (walk.converged) co_return;
      if (!proposal_.draw(draw_number(walk, walk.proposals), steps.delta, steps.epsilon, candidate)) {
        ++walk.skipped;
        continue;
      }
      const bool gathers = steps.gathers();
      if (gathers && !steps.spherical_held) {
        spherical = proposal_.spherical();
        steps.spherical_held = co_await oracle_.query(spherical);
        steps.spherical.add(steps.spherical_held);
      }
      bool adversarial = false;
      if (!gathers || steps.spherical_held) {
        adversarial = co_await oracle_.query(candidate);
        if (gathers) steps.source.add(adversarial);
      }
      steps.spherical_held = false;
      walk.skipped = 0;
      if (adversarial) move(walk, candidate);
      walk.converged = steps.proposal_was(adversarial);
    }
  }

  Oracle& oracle_;
  const BoundaryOptions& options_;
  BoundaryProposal proposal_;
};

}  // namespace foil
