// SPDX-License-Identifier: MIT
/// \file
/// sigma-zero: descent on a smooth stand-in for the number of changed features.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/parts/feature_units.hpp"
#include "foil/attacks/parts/put_back.hpp"
#include "foil/attacks/parts/schedule.hpp"
#include "foil/core/adam.hpp"
#include "foil/core/numbers.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::SigmaZeroAttack. Lengths are shares of each feature's range.
struct SigmaZeroOptions {
  int steps = 1000;
  int cycle = 250;
  double step = 1;
  double final_step = 0.3;
  double momentum = 0.8;
  double sigma = 1e-3;
  double threshold = 0.3;
  double threshold_step = 0.01;
  bool discard = true;
  int last_removals = 10;

  void list(OptionList& option) {
    option("steps", steps, "gradient steps", at_least(1));
    option("cycle", cycle, "steps, about, after which their length and Adam begin anew", at_least(1));
    option("step", step, "length of the first step, as a share of each feature's range", above(0, 1e6));
    option("final_step", final_step, "last step of a cycle as a fraction of the first (cosine decay)",
           between(0, 1));
    option("momentum", momentum, "weight of the past steps in Adam's mean", half_open(0, 1));
    option("sigma", sigma, "of d^2 / (d^2 + sigma), which stands for a changed feature", above(0, 1e6));
    option("threshold", threshold, "changes that are smaller than this share of the range are undone",
           between(0, 1));
    option("threshold_step", threshold_step,
           "by how much that grows at adversarial points and shrinks at others, times the step's length",
           between(0, 1));
    option("discard", discard, "also undo what an adversarial point can spare by its margin's gradient");
    option("last_removals", last_removals, "in the end, features of the closest that are put back on trial",
           at_least(0));
  }
};

/// sigma-zero for L0. Cinà, Villani, Pintor, Schönherr, Biggio, Pelillo 2024, arXiv:2402.01879: Adam on the
/// hinge of the margin plus the mean of d^2 / (d^2 + sigma) over the features, its gradient scaled to a
/// largest entry of 1; after every step changes below a threshold are undone, which rises where the point
/// was adversarial and falls where it was not. Features are single entries of the input.
///
/// Differs from the authors': for any criterion with a margin, targets too; any bounds, by lengths relative
/// to each feature's range (see feature_units()); the hinge is weighed against the margin at the input, so
/// that the scale of the logits does not matter. Where a point is adversarial, the hinge has no gradient and
/// the backward pass would be wasted: foil undoes those changes that gain least by the margin's own
/// gradient, as many as the margin is large enough for (`discard`). Momentum and last step suit that. Every
/// 250 steps or so their length and Adam begin anew, from where the walk has come to. In the end features of
/// the closest adversarial are put back one by one, see put_back(). With discard=false, momentum=0.9,
/// final_step=0.1, cycle=steps and last_removals=0 it is the published attack.
///
/// Cost: `steps` x (1 forward + 1 backward), at most 1 + `last_removals` forward. Ends early when a single
/// feature is enough or no gradient shows a way.
class SigmaZeroAttack : public MinimalAttack<SigmaZeroAttack> {
 public:
  using Options = SigmaZeroOptions;
  using norm = L0;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return "sigma-zero"; }

  explicit SigmaZeroAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    const double cycles = std::max(1.0, std::round(static_cast<double>(options_.steps) / options_.cycle));
    const int cycle = static_cast<int>(std::ceil(options_.steps / cycles));
    Walk walk(oracle.features(), options_);
    Eigen::VectorXd x = oracle.original(), gradient;  // the margin's at the closest adversarial
    for (int step = 0; step < options_.steps; ++step) {
      const Answer& at = co_await oracle.gradient(x, Loss::margin);
      if (step == 0) walk.begin(oracle, at);
      if (oracle.best_distance() <= 1) co_return oracle.finish(Status::converged);
      if (at.adversarial && oracle.distance(x) <= oracle.best_distance()) gradient = at.gradient;
      if (step % cycle == 0) walk.moments = Adam(x.size(), options_.momentum, Adam::Sizes::each);
      if (!walk.go(oracle, at, static_cast<double>(step % cycle) / cycle)) break;
      x = oracle.original() + walk.change;
    }
    oracle.settle(x);
    if (oracle.distance(x) < oracle.best_distance() && x != oracle.original()) co_await oracle.query(x);
    if (!oracle.found() || gradient.size() == 0) co_return;
    co_await put_back(oracle, oracle.best(), gradient, options_.last_removals);
  }

 private:
  /// Where the attack is.
  struct Walk {
    const Options& options;
    Eigen::VectorXd change, units{};
    Adam moments;
    double threshold;
    double weight = 0;  ///< of the number of changes, for each feature
    std::vector<std::pair<double, Index>> spare{};

    Walk(Index n, const Options& chosen)
        : options(chosen),
          change(Eigen::VectorXd::Zero(n)),
          moments(0, 0, Adam::Sizes::each),
          threshold(chosen.threshold) {}

    void begin(const Oracle& oracle, const Answer& at) {
      units = feature_units(oracle, at.loss, at.gradient);
      weight = std::abs(at.loss) / 10 / static_cast<double>(std::max<Index>(oracle.box().free_features(), 1));
    }

    /// The next point, after an answer about this one, so far into a cycle. False if there is none.
    bool go(const Oracle& oracle, const Answer& at, double share) {
      if (at.label < 0 || !std::isfinite(at.loss)) {  // back to where the model still answered
        change /= 2;
        undo_small();
        return Linf::size(change) > 0;
      }
      if (!at.adversarial && at.vanished && Linf::size(change) == 0) return false;
      const Index n = change.size();
      Eigen::VectorXd& direction = oracle.scratch(0);
      for (Index i = 0; i < n; ++i) {
        direction[i] = at.adversarial ? 0.0 : at.gradient[i] * units[i];
        if (change[i] == 0) continue;
        const double d = change[i] / units[i], size = d * d + options.sigma;
        direction[i] -= (at.adversarial ? 1 : weight) * 2 * d * options.sigma / (size * size);
      }
      const double largest = Linf::size(direction);
      if (!std::isfinite(largest)) return false;
      if (largest > 0) direction /= largest;
      moments.refine(direction);
      if (at.adversarial && options.discard) find_spare(at);
      const double length = cosine_decay(options.step, options.final_step * options.step, share);
      threshold = clip(threshold + (at.adversarial ? 1 : -1) * options.threshold_step * length, 0, 1);
      for (Index i = 0; i < n; ++i) {
        const double from = oracle.original()[i], to = from + change[i] + length * units[i] * direction[i];
        change[i] = clip(to, oracle.lower()[i], oracle.upper()[i]) - from;
      }
      undo_small();
      for (const auto& [gain, i] : spare) change[i] = 0;
      spare.clear();
      return true;
    }

    void undo_small() {
      for (Index i = 0; i < change.size(); ++i)
        if (!(std::abs(change[i]) >= threshold * units[i])) change[i] = 0;
    }

    /// The changes that gain least, as many as the lead pays for.
    void find_spare(const Answer& at) {
      for (Index i = 0; i < change.size(); ++i)
        if (change[i] != 0) spare.emplace_back(at.gradient[i] * change[i], i);
      std::sort(spare.begin(), spare.end());
      double left = at.loss;
      std::size_t count = 0;
      while (count < spare.size() && (left -= std::max(spare[count].first, 0.0)) >= 0) ++count;
      spare.resize(count);
    }
  };

  Options options_;
};

/// Its entry in the catalogue.
struct SigmaZeroFamily {
  static void list(auto& catalogue) {
    catalogue.family("sigma-zero", "Cinà, Villani, Pintor, Schönherr, Biggio, Pelillo 2024, arXiv:2402.01879",
                     "`steps` x (1 forward + 1 backward), at most 1 + `last_removals` forward");
    catalogue.add(SigmaZeroAttack());
  }
};

}  // namespace foil
