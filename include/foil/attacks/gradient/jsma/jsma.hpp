// SPDX-License-Identifier: MIT
/// \file
/// JSMA: one or two features after the other, chosen by a saliency map.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/gradient/jsma/options.hpp"
#include "foil/attacks/gradient/jsma/saliency.hpp"
#include "foil/attacks/parts/class_order.hpp"
#include "foil/attacks/parts/feature_units.hpp"
#include "foil/attacks/parts/put_back.hpp"
#include "foil/core/losses.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// JSMA, the attack by saliency maps, for L0. Papernot, McDaniel, Jha, Fredrikson, Celik, Swami 2016,
/// arXiv:1511.07528: in every step the feature, or the pair, moves that raises the wanted output and lowers
/// the sum of the others most, by the product of both derivatives. Without a target, `rule` says where to:
/// away from the class (NT-JSMA) or to the class of the largest saliency (M-JSMA; Wiyatno & Xu 2018,
/// arXiv:1808.07945), or to each class in turn, those of largest logit first, as long as that may come
/// closer. Features are single entries of the input.
///
/// Differs from the usual implementations: features move both ways, to the end of the range or a part of
/// the way, and their derivatives count times the way that they can go; what has moved only goes on. The
/// probabilities add up to one, so that theirs is a map of one gradient, and of LSEM's, which points where
/// the probability's does and does not vanish where that saturates. A map of logits takes the gradients of
/// all classes, from one forward pass. The best pair is found in O(n log n), exactly, see
/// jsma::pair_candidates(). By default single features move, which comes closer than pairs. In the end
/// features are put back one by one, see put_back(). Criteria without a class: their own loss is the one
/// output.
///
/// Cost per step and class 1 forward + 1 backward. With rule=maximal or outputs=logits 1 forward +
/// `candidates` + 1 backward. In all 1 forward for the candidates and at most `last_removals`.
class JacobianSaliencyAttack : public MinimalAttack<JacobianSaliencyAttack> {
 public:
  using Options = JacobianSaliencyOptions;
  using norm = L0;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return "jsma"; }

  explicit JacobianSaliencyAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    const Index leave = oracle.goal().leave, own = leave >= 0 ? leave : oracle.goal().reach;
    const bool each = leave >= 0 && options_.rule == JsmaRule::each;
    const bool maximal = leave >= 0 && options_.rule == JsmaRule::maximal;
    Aims aims;
    if (own >= 0 && (each || maximal || options_.outputs == JsmaOutputs::logits)) {
      Eigen::VectorXd x = oracle.original();
      const Answer& clean = co_await oracle.score(x, Loss::margin);
      if (clean.label < 0) co_return;
      aims.classes = class_order(clean.logits, own, options_.candidates);
      aims.classes.push_back(own);
    }
    aims.end = each || maximal ? aims.classes.size() - 1 : 0;
    aims.jacobian = !aims.classes.empty() && (options_.outputs == JsmaOutputs::logits || maximal);
    Eigen::VectorXd gradient;
    if (!each) co_await go(oracle, aims, gradient);
    for (const std::size_t count = aims.end; each && aims.begin < count; ++aims.begin) {
      aims.end = aims.begin + 1;
      co_await go(oracle, aims, gradient);
    }
    if (oracle.found()) co_await put_back(oracle, oracle.best(), gradient, options_.last_removals);
  }

 private:
  /// The classes aimed at, those of places [begin, end) among `classes`, whose last is the class to leave or
  /// to reach; none: away from the one to leave, or to the one to reach.
  struct Aims {
    std::vector<Index> classes{};
    std::size_t begin = 0, end = 0;
    bool jacobian = false;  ///< by the gradients of all these logits
  };

  /// From the input until the first adversarial, as long as that would be the closest; `gradient` becomes
  /// that of what has been gained there.
  Task<> go(Oracle& oracle, const Aims& aims, Eigen::VectorXd& gradient) const {
    const auto towards = [&](const Eigen::VectorXd& z, Eigen::VectorXd* of) {
      return losses::targeted(Loss::lsem, z, aims.classes[aims.begin], of);
    };
    const Objective objective = aims.begin < aims.end ? Objective(towards) : Objective(Loss::lsem);
    Eigen::VectorXd x = oracle.original(), units, up(x.size()), down(x.size());
    std::vector<bool> spent(static_cast<std::size_t>(x.size()));
    for (int step = 0; oracle.distance(x) < oracle.best_distance(); ++step) {
      const Answer& at = aims.jacobian ? co_await oracle.class_gradients(x, aims.classes)
                                       : co_await oracle.gradient(x, objective);
      if (at.label < 0) co_return;
      auto [lead, gain] = aims.jacobian ? nearest(oracle, at, aims) : std::pair(at.loss, at.gradient);
      if (step == 0) units = feature_units(oracle, aims.jacobian ? lead : largest_lack(at), gain);
      if (at.adversarial) gradient.swap(gain);
      if (at.adversarial || at.vanished || step == options_.moves) co_return;
      while (true) {  // moves that rounding undoes are not made again
        for (Index i = 0; i < x.size(); ++i) {
          const double change = x[i] - oracle.original()[i];
          const double most = spent[static_cast<std::size_t>(i)] ? 0 : options_.step * units[i];
          up[i] = change < 0 ? 0 : std::min(most, oracle.upper()[i] - x[i]);
          down[i] = change > 0 ? 0 : std::min(most, x[i] - oracle.lower()[i]);
        }
        const jsma::Salient best = most_salient(oracle, at, aims, up, down);
        if (best.count == 0) co_return;
        bool moved = false;
        for (std::size_t k = 0; k < best.count; ++k) {
          const Index i = best.moves[k].feature;
          const double before = x[i];
          x[i] += best.moves[k].by;
          oracle.settle(x);
          spent[static_cast<std::size_t>(i)] = x[i] == before;
          moved = moved || x[i] != before;
        }
        if (moved) break;
      }
    }
  }

  /// The lead of the best class over the others that matter, and its gradient.
  static std::pair<double, Eigen::VectorXd> nearest(const Oracle& oracle, const Answer& at,
                                                    const Aims& aims) {
    std::size_t top = 0;
    const std::size_t own = aims.classes.size() - 1;
    for (std::size_t k = 1; k < own; ++k)
      if (at.logits[aims.classes[k]] > at.logits[aims.classes[top]]) top = k;
    const double sign = oracle.goal().leave >= 0 ? 1 : -1;
    return {sign * (at.logits[aims.classes[top]] - at.logits[aims.classes[own]]),
            sign * (at.class_gradients[top] - at.class_gradients[own])};
  }

  jsma::Salient most_salient(const Oracle& oracle, const Answer& at, const Aims& aims,
                             const Eigen::VectorXd& up, const Eigen::VectorXd& down) const {
    jsma::Salient best;
    const auto consider = [&](const Eigen::VectorXd& raise, const Eigen::VectorXd& lower, double weight) {
      jsma::find_salient(raise, lower, up, down, weight, options_.pairs, best);
    };
    if (!aims.jacobian) {
      consider(at.gradient, -at.gradient, 0);
      return best;
    }
    const auto& gradients = at.class_gradients;
    Eigen::VectorXd all = gradients[0];
    for (std::size_t k = 1; k < gradients.size(); ++k) all += gradients[k];
    const bool leave = oracle.goal().leave >= 0;
    if (aims.begin == aims.end && leave) consider(all - gradients.back(), gradients.back(), 0);
    if (aims.begin == aims.end && !leave) consider(gradients.back(), all - gradients.back(), 0);
    Eigen::VectorXd z(static_cast<Index>(gradients.size())), weights(z.size());
    for (Index k = 0; k < z.size(); ++k) z[k] = at.logits[aims.classes[static_cast<std::size_t>(k)]];
    for (std::size_t t = aims.begin; t < aims.end; ++t) {
      if (options_.outputs == JsmaOutputs::logits) {
        consider(gradients[t], all - gradients[t], 0);
        continue;
      }
      // The gradient of a probability p is p (1 - p) times that of its odds' logarithm.
      const double odds = losses::targeted(Loss::lsem, z, static_cast<Index>(t), &weights);
      Eigen::VectorXd raise = Eigen::VectorXd::Zero(all.size());
      for (std::size_t k = 0; k < gradients.size(); ++k)
        raise += weights[static_cast<Index>(k)] * gradients[k];
      consider(raise, -raise, -2 * (losses::softplus(odds) + losses::softplus(-odds)));
    }
    return best;
  }

  Options options_;
};

/// Its entry in the catalogue.
struct JacobianSaliencyFamily {
  static void list(auto& catalogue) {
    catalogue.family("JSMA", "Papernot, McDaniel, Jha, Fredrikson, Celik, Swami 2016, arXiv:1511.07528",
                     "1 forward, per step and class gone to 1 forward + 1 backward (with rule=maximal or "
                     "outputs=logits `candidates` + 1 backward), at most `last_removals` forward");
    catalogue.add(JacobianSaliencyAttack(), {"jacobian-saliency"});
  }
};

}  // namespace foil
