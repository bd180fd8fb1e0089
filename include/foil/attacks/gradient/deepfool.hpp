// SPDX-License-Identifier: MIT
/// \file
/// DeepFool: steps to the nearest linearised decision boundary, and from there along it towards the input.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <string>
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
           above(0, 1e6));
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
/// closest to the input (the projection of SuperDeepFool, Abdollahpourrostam, Abroshan, Moosavi-Dezfooli
/// 2023, arXiv:2303.12481, here exact and within the box) and crosses again from there; whenever that leads
/// no closer, it goes half as far from the closest adversarial. It ends when there is nothing left to gain by
/// the linear model. Cost: 1 forward pass for the candidates, then 1 forward and `candidates` + 1 backward
/// passes for each of at most `steps` + 1 points (without a single class to leave 1 + 1), then 1 + 1 a
/// refinement.
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
    Eigen::VectorXd x = oracle.original(), tangent;
    std::vector<Index> classes;  // the candidates and then the class to leave; empty if there is none
    if (oracle.goal().leave >= 0)
      classes = candidates(co_await oracle.score(x, Loss::margin), oracle.goal().leave);
    double overshoot = options_.overshoot, share = 1;  // of the way from the best to the tangent
    for (std::int64_t left = std::int64_t{options_.steps} + 1; left > 0; --left) {
      const Answer& at = oracle.found() || classes.empty() ? co_await oracle.gradient(x, Loss::margin)
                                                           : co_await oracle.class_gradients(x, classes);
      if (at.adversarial || !oracle.on_lattice()) overshoot = options_.overshoot;
      if (at.adversarial && oracle.distance(x) <= oracle.best_distance()) {
        if (tangent.size() == 0) left = std::int64_t{options_.refinements} + 1;
        tangent = nearest(oracle, oracle.original(), x, at, classes, 1);
      } else {
        const bool moved = !at.adversarial && cross(oracle, x, at, classes, overshoot);
        if (moved && oracle.distance(x) < oracle.best_distance()) continue;
        if (!oracle.found()) co_return;
        share /= 2;
      }
      if (!(share * (1 - oracle.distance(tangent) / oracle.best_distance()) > 1e-4)) co_return;
      x = oracle.best() + share * (tangent - oracle.best());
    }
  }

 private:
  std::vector<Index> candidates(const Answer& clean, Index leave) const {
    std::vector<Index> all(static_cast<std::size_t>(clean.logits.size()));
    std::iota(all.begin(), all.end(), Index{0});
    std::erase(all, leave);
    std::sort(all.begin(), all.end(),
              [&z = clean.logits](Index a, Index b) { return z[a] > z[b] || (z[a] == z[b] && a < b); });
    all.resize(std::min(all.size(), static_cast<std::size_t>(options_.candidates)));
    all.push_back(leave);
    return all;
  }

  /// The point nearest to `from` that makes good, by the linear models made at x, `length` times what one of
  /// the classes lacks there for a lead beyond rounding. As far as possible towards the first if the box lets
  /// it reach none; `from` itself if no gradient shows a way.
  static Eigen::VectorXd nearest(const Oracle& oracle, const Eigen::VectorXd& from, const Eigen::VectorXd& x,
                                 const Answer& at, std::span<const Index> among, double length) {
    Eigen::VectorXd best = from;
    double shortest = std::numeric_limits<double>::infinity();
    const auto consider = [&](double lead, const Eigen::VectorXd& gradient) {
      const double offset = length * (lead - 16 * oracle.precision() * Linf::size(at.logits));
      if (!(norm2(gradient) > 0 && std::isfinite(norm2(gradient) * offset))) return;
      const auto step = geometry::half_space_step<N>({from, x, oracle.box(), -gradient, offset});
      const double distance = step.reached ? N::size(step.point - from) : std::numeric_limits<double>::max();
      if (distance < shortest) best = step.point;
      shortest = std::min(shortest, distance);
    };
    if (at.class_gradients.empty()) consider(at.loss, at.gradient);
    for (std::size_t k = 0; k + 1 < at.class_gradients.size(); ++k)
      consider(at.logits[among[k]] - at.logits[among.back()] - oracle.goal().lead,
               at.class_gradients[k] - at.class_gradients.back());
    return best;
  }

  /// Moves x beyond the nearest boundary, farther where rounding undoes the step. False if it cannot. On a
  /// lattice, where most of a step may be undone, the next one overshoots more.
  static bool cross(const Oracle& oracle, Eigen::VectorXd& x, const Answer& at, std::span<const Index> among,
                    double& overshoot) {
    const Eigen::VectorXd from = x;
    for (; x == from && overshoot < 1e4; overshoot *= 2) {
      x = nearest(oracle, from, from, at, among, 1 + overshoot);
      oracle.settle(x);
    }
    return x != from;
  }

  Options options_;
};

using L2DeepFoolAttack = DeepFoolAttack<L2>;
using LinfDeepFoolAttack = DeepFoolAttack<Linf>;

/// Its entries in the catalogue.
struct DeepFoolFamily {
  static void list(auto& catalogue) {
    catalogue.family("DeepFool", "Moosavi-Dezfooli, Fawzi, Frossard 2016, arXiv:1511.04599",
                     "1 forward, at most `steps` + 1 times 1 forward + `candidates` + 1 backward, then "
                     "at most `refinements` times 1 forward + 1 backward");
    catalogue.add(L2DeepFoolAttack(), {"deepfool", "l2-deep-fool"});
    catalogue.add(LinfDeepFoolAttack(), {"linf-deep-fool"});
  }
};

}  // namespace foil
