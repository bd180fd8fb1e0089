// SPDX-License-Identifier: MIT
/// \file
/// DeepFool: steps to the nearest linearised decision boundary, and from there along it towards the input.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/geometry/half_space/step.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::DeepFoolAttack.
struct DeepFoolOptions {
  int steps = 50;
  int refinements = 40;
  int candidates = 10;
  double overshoot = 0.05;

  void list(OptionList& option) {
    option("steps", steps, "linearised steps until the first adversarial", at_least(1));
    option("refinements", refinements, "gradients from there on, to come closer; 0: DeepFool as published",
           at_least(0));
    option("candidates", candidates, "classes that may be stepped to, those of largest logit at the input",
           at_least(1));
    option("overshoot", overshoot, "share of a step that is added to it, to end up beyond the boundary",
           above(0));
  }
};

/// DeepFool for L2 and Linf. Moosavi-Dezfooli, Fawzi, Frossard 2016, arXiv:1511.04599: the logits are
/// linearised, and the step leads to the nearest point at which another class draws level, until one wins.
/// Where no single class is to be left (targets, the k best, probabilities, combinations, a user's own),
/// there is one boundary, that of the criterion's margin.
///
/// Differs from the usual implementations: what is to be left is the label, not the class predicted; the
/// nearest point is that within the box, exactly; steps are taken from where the gradients are, so that
/// nothing drifts. From the first adversarial on, the attack goes to the point of the linearised boundary
/// closest to the input (the projection of SuperDeepFool, Abdollahpour, Rice, Nakka, Moosavi-Dezfooli 2023,
/// arXiv:2303.12481, here exact and within the box) and crosses again from there; whenever that leads no
/// closer, it goes half as far from the closest adversarial. It ends when there is nothing left to gain by
/// the linear model. Cost: 1 forward pass for the candidates, then 1 forward and `candidates` + 1 backward
/// passes a step (without a single class to leave 1 + 1), then 1 + 1 a refinement, and at most 1 forward.
template <Norm N>
class DeepFoolAttack : public MinimalAttack<DeepFoolAttack<N>> {
 public:
  using Options = DeepFoolOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return text(N::name, "-deepfool"); }

  explicit DeepFoolAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    const int leave = oracle.goal().leave;
    Eigen::VectorXd x = oracle.original(), tangent;
    std::vector<Index> classes;  // the candidates and then `leave`; empty if there is none
    if (leave >= 0) {
      const auto& clean = co_await oracle.score(x, Loss::margin);
      classes = candidates(clean.logits, leave);
    }
    double share = 1;  // of the way from the closest adversarial to the tangent
    for (int left = options_.steps; left > 0; --left) {
      const bool across = tangent.size() > 0;
      const Answer& at = across || classes.empty() ? co_await oracle.gradient(x, Loss::margin)
                                                   : co_await oracle.class_gradients(x, classes);
      const std::vector<Boundary> boundaries = linearised(oracle, at, classes);
      if (!at.adversarial) {
        const bool moved = cross(oracle, boundaries, x);
        if (!moved && !across) co_return;
        if (moved && oracle.distance(x) < oracle.best_distance()) continue;
        share /= 2;
      } else if (oracle.distance(x) <= oracle.best_distance()) {
        if (!across) left = options_.refinements + 1;
        if (options_.refinements == 0) co_return;
        tangent = nearest(oracle, oracle.original(), x, boundaries.front(), 1).point;
        if (tangent.size() == 0) co_return;
      } else {
        share /= 2;
      }
      const double most = share * (oracle.best_distance() - oracle.distance(tangent));
      if (!(most > worthwhile * oracle.best_distance())) co_return oracle.finish(Status::converged);
      x = oracle.best() + share * (tangent - oracle.best());
    }
    oracle.settle(x);
    if (oracle.distance(x) < oracle.best_distance()) co_await oracle.query(x);
  }

 private:
  static constexpr double worthwhile = 1e-4;

  /// A linear model, made at some point, of what is positive at adversarials: its value there and slope.
  struct Boundary {
    double value;
    Eigen::VectorXd gradient;
  };

  std::vector<Index> candidates(const Eigen::VectorXd& logits, Index leave) const {
    std::vector<Index> all;
    for (Index k = 0; k < logits.size(); ++k)
      if (k != leave) all.push_back(k);
    std::stable_sort(all.begin(), all.end(), [&](Index a, Index b) { return logits[a] > logits[b]; });
    all.resize(std::min(all.size(), static_cast<std::size_t>(options_.candidates)));
    all.push_back(leave);
    return all;
  }

  /// The boundaries as an answer sees them, the one that has come farthest first; none if it is not finite.
  /// They lie where a lead is beyond what rounding makes.
  static std::vector<Boundary> linearised(const Oracle& oracle, const Answer& at,
                                          const std::vector<Index>& classes) {
    std::vector<Boundary> out;
    const double rounding = 16 * oracle.precision() * Linf::size(at.logits);
    const auto add = [&](double lead, const Eigen::VectorXd& gradient) {
      out.push_back({lead - rounding, gradient});
      if (out.back().value > out.front().value) std::swap(out.back(), out.front());
    };
    if (at.label < 0) return out;
    if (at.class_gradients.empty()) add(at.loss, at.gradient);
    for (std::size_t k = 0; k + 1 < at.class_gradients.size(); ++k)
      add(at.logits[classes[k]] - at.logits[classes.back()] - oracle.goal().lead,
          at.class_gradients[k] - at.class_gradients.back());
    return out;
  }

  /// The step to the point nearest to `from` that makes good `length` times what a boundary, as it is seen
  /// from x, lacks there. No point where its gradient says nothing.
  static geometry::HalfSpaceStep nearest(const Oracle& oracle, const Eigen::VectorXd& from,
                                         const Eigen::VectorXd& x, const Boundary& boundary, double length) {
    const Eigen::VectorXd normal = -boundary.gradient;
    const double size = norm2(normal), offset = length * boundary.value;
    if (!(size > 0 && std::isfinite(size) && std::isfinite(offset))) return {};
    return geometry::half_space_step<N>({from, x, oracle.box(), normal, offset});
  }

  /// Moves x beyond the nearest boundary; if the box lets it reach none, as far as possible towards the
  /// first. Where rounding undoes the step, it is made longer. False if x stays where it is.
  bool cross(const Oracle& oracle, const std::vector<Boundary>& boundaries, Eigen::VectorXd& x) const {
    for (double overshoot = options_.overshoot; overshoot < 1e4; overshoot *= 2) {
      Eigen::VectorXd best = x;
      double shortest = std::numeric_limits<double>::infinity();
      for (const Boundary& boundary : boundaries) {
        const auto step = nearest(oracle, x, x, boundary, 1 + overshoot);
        const double length = step.reached ? N::size(step.delta) : std::numeric_limits<double>::max();
        if (step.point.size() == 0 || !(length < shortest)) continue;
        shortest = length;
        best = step.point;
      }
      oracle.settle(best);
      x.swap(best);
      if (x != best) return true;
    }
    return false;
  }

  Options options_;
};

using L2DeepFoolAttack = DeepFoolAttack<L2>;
using LinfDeepFoolAttack = DeepFoolAttack<Linf>;

/// Its entries in the catalogue.
struct DeepFoolFamily {
  static void list(auto& catalogue) {
    catalogue.family("DeepFool", "Moosavi-Dezfooli, Fawzi, Frossard 2016, arXiv:1511.04599",
                     "1 forward, `steps` x (1 forward + `candidates` + 1 backward) at most, `refinements` x "
                     "(1 forward + 1 backward), 1 forward");
    catalogue.add(L2DeepFoolAttack(), {"deepfool", "l2-deep-fool"});
    catalogue.add(LinfDeepFoolAttack(), {"linf-deep-fool"});
  }
};

}  // namespace foil
