// SPDX-License-Identifier: MIT
/// \file
/// VFGA: one feature after the other, its value the best of several drawn by chance.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/parts/feature_units.hpp"
#include "foil/attacks/parts/put_back.hpp"
#include "foil/core/numbers.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::VotingFoldedGaussianAttack.
struct VotingFoldedGaussianOptions {
  int changes = 1000;
  int features = 10;
  int draws = 1;
  int last_removals = 10;

  void list(OptionList& option) {
    option("changes", changes, "features changed one after the other, at most", at_least(1));
    option("features", features, "in a step so many features are tried upwards and as many downwards",
           between(1, 1e4));
    option("draws", draws, "values that are tried of each: the end of its range and others drawn by chance",
           between(1, 1e4));
    option("last_removals", last_removals, "in the end, features of the closest that are put back on trial",
           at_least(0));
  }
};

/// VFGA, the voting folded Gaussian attack, for L0. Hajri, Césaire, Schott, Lamprier, Gallinari 2020,
/// arXiv:2011.12423: in every step the feature is found by which an upward move to the end of its range would
/// gain most by the gradient, and likewise downwards; several values of both, the absolute values of normal
/// numbers times what is left of the range, are asked about, and the best one is kept, until one is
/// adversarial. Features are single entries of the input, each changed once.
///
/// Differs from the published attack, which is features=1, draws=10: by default not several values of one
/// feature are compared but the ends of the ranges of ten features, which finds adversarials with a fifth
/// fewer features for no more queries; the end is always among the values, and no value is tried twice. What
/// is compared is LSEM, not the probability, so that nothing is lost where that saturates, and for every
/// criterion its own loss. A feature without bounds moves by feature_units(), more than once if need be. In
/// the end features are put back one by one, see put_back(). Random numbers belong to the sample.
///
/// Cost: per feature changed 1 forward + 1 backward and at most 2 `features` x `draws` forward, then at most
/// `last_removals` forward.
class VotingFoldedGaussianAttack : public MinimalAttack<VotingFoldedGaussianAttack> {
 public:
  using Options = VotingFoldedGaussianOptions;
  using norm = L0;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return "vfga"; }

  explicit VotingFoldedGaussianAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    Eigen::VectorXd x = oracle.original(), units, gradient;
    std::vector<Eigen::VectorXd> points;
    for (int step = 0; step < options_.changes && !oracle.found(); ++step) {
      const Answer& at = co_await oracle.gradient(x);
      if (step == 0) units = feature_units(oracle, largest_lack(at), at.gradient);
      if (at.adversarial || at.label < 0 || at.vanished) co_return;
      gradient = at.gradient;
      points.clear();
      for (const double side : {1.0, -1.0}) add_candidates(oracle, x, gradient, units, side, step, points);
      if (points.empty()) co_return;
      const auto answers = co_await oracle.scores(points);
      std::size_t best = 0;
      for (std::size_t k = 1; k < points.size(); ++k)
        if (better(answers[k], answers[best])) best = k;
      x.swap(points[best]);
    }
    if (oracle.found()) co_await put_back(oracle, oracle.best(), gradient, options_.last_removals);
  }

 private:
  static bool better(const Answer& a, const Answer& b) {
    if (a.adversarial != b.adversarial) return a.adversarial;
    return a.loss > b.loss || (std::isnan(b.loss) && !std::isnan(a.loss));
  }

  /// The moves to one side of the features that gain most by them.
  void add_candidates(const Oracle& oracle, const Eigen::VectorXd& x, const Eigen::VectorXd& gradient,
                      const Eigen::VectorXd& units, double side, int step,
                      std::vector<Eigen::VectorXd>& points) const {
    std::vector<std::pair<double, Index>> gains;  // a heap; on a tie the lower index
    for (Index i = 0; i < x.size(); ++i) {
      const double room = oracle.box().room(x, i, side);
      if (x[i] != oracle.original()[i] && std::isfinite(room)) continue;
      const double gain = side * gradient[i] * std::min(room, units[i]);
      if (gain > 0) gains.emplace_back(gain, -i);
    }
    std::make_heap(gains.begin(), gains.end());
    auto random = oracle.random(Purpose::noise, 2 * static_cast<std::uint32_t>(step) + (side > 0 ? 1 : 0));
    for (int tried = 0; tried < options_.features && !gains.empty(); gains.pop_back()) {
      std::pop_heap(gains.begin(), gains.end());
      const Index i = -gains.back().second;
      const double room = oracle.box().room(x, i, side), reach = std::min(room, units[i]);
      const std::size_t before = points.size();
      for (int draw = 0; draw < options_.draws; ++draw) {
        const double move = draw == 0 ? reach : std::abs(random.normal()) * reach;
        if (draw > 0 && move >= room) continue;  // the end, which is there
        points.push_back(x);
        points.back()[i] += side * move;
        oracle.settle(points.back());
        if (points.back()[i] == x[i]) points.pop_back();
      }
      if (points.size() > before) ++tried;
    }
  }

  Options options_;
};

/// Its entry in the catalogue.
struct VotingFoldedGaussianFamily {
  static void list(auto& catalogue) {
    catalogue.family("VFGA", "Hajri, Césaire, Schott, Lamprier, Gallinari 2020, arXiv:2011.12423",
                     "per feature changed 1 forward + 1 backward and at most 2 `features` x `draws` forward, "
                     "then at most `last_removals` forward");
    catalogue.add(VotingFoldedGaussianAttack(), {"voting-folded-gaussian"});
  }
};

}  // namespace foil
