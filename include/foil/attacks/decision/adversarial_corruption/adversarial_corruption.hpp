// SPDX-License-Identifier: MIT
/// \file
/// Adversarial corruption: the least severe mixture of rotation, fog, blur, contrast and brightness.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "foil/attacks/decision/adversarial_corruption/mixture.hpp"
#include "foil/attacks/decision/adversarial_corruption/options.hpp"
#include "foil/attacks/parts/first_on_way.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Looks for the least severe corruption that is adversarial, and finds none beyond the ranges. A corruption
/// is a mixture of some of rotation, fog, blur, contrast and brightness, continuous in all of them; its
/// severity is the largest share that any of them has of its range: in (0, 1]. So the ranges say what counts
/// as equally bad, and the share of samples for which nothing is found is the accuracy under the worst
/// corruption within them that this search knows of. In the spirit of Engstrom, Tran, Tsipras, Schmidt, Madry
/// 2019, arXiv:1712.02779, and of Hendrycks, Dietterich 2019, arXiv:1903.12261.
///
/// Decision-based. Result::parameters holds of each adversarial the severity and then the mixture, in the
/// order of parameters() and the units of the options: degrees counter-clockwise, fog in widths of the
/// bounds, the blur's standard deviation in lengths of the longer side, the share of contrast taken
/// (negative: added), brightness in widths of the bounds. Distances are in L2, those of the least severe and
/// not of the closest, and say little of how mild a rotation is. Traces hold minus the severity in place of a
/// loss.
///
/// The image is turned about its middle; fog c p is added, with p a plasma in [0, 1] of the sample's own, and
/// all scaled by m / (m + c), with m the brightest value; then it is blurred, channels go towards their
/// means, and all features get lighter or darker; last all is clipped to the bounds. On a lattice the result
/// is rounded to it before it is asked about: Result::parameters say what from, and that alone may not be
/// adversarial. Samples that are no
/// images are rows of pixels; features that a mask freezes are given back their values. Needs finite bounds,
/// else the status is start_failed.
///
/// The search goes from the input along directions of mixtures: first a grid, every corruption at either end
/// of its range or absent, those of most corruptions first; then `draws` random directions around the best
/// one, ever closer. On each it asks about `steps` points up to what is a thousandth less severe than the
/// best, and bisects before the first adversarial. For one corruption whose adversarials are what lies beyond
/// a threshold that is the least severity, as closely as bisection tells; else it is an upper bound. Cost: 1
/// forward pass for the input, at most `steps` for each direction, 107 of the grid for all five and the
/// draws, which one corruption alone has none of, and `bisections` for each that is less severe than all
/// before; none for a mixture that changes nothing.
class AdversarialCorruptionAttack : public MinimalAttack<AdversarialCorruptionAttack> {
 public:
  using Options = AdversarialCorruptionOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "adversarial-corruption"; }

  explicit AdversarialCorruptionAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }
  /// What the numbers in Result::parameters are.
  std::vector<std::string> parameters() const {
    std::vector<std::string> out{"severity"};
    for (const std::string_view word : options_.chosen()) out.emplace_back(word);
    return out;
  }

  Task<> attack(Oracle& oracle) const {
    if (!oracle.box().bounded()) co_return oracle.finish(Status::start_failed);
    const CorruptionMixture mixture(oracle, options_);
    const std::vector<Eigen::VectorXd> grid = directions(mixture);
    const int draws = mixture.size() > 1 ? options_.draws : 0;
    Eigen::VectorXd best = Eigen::VectorXd::Zero(static_cast<Index>(mixture.size()));
    double least = 1 / (1 - least_gain);
    for (std::size_t k = 0; k < grid.size() + static_cast<std::size_t>(draws); ++k) {
      const Eigen::VectorXd direction =
          k < grid.size() ? grid[k] : drawn(oracle, mixture, best, static_cast<int>(k - grid.size()));
      const double most = std::min(1.0, least * (1 - least_gain));
      const auto way = [&](double share) {
        const Eigen::VectorXd shares = share * most * direction;
        const std::vector<double> made_of = mixture.parameters(shares);
        oracle.describe(made_of, -made_of.front());
        return mixture.apply(shares);
      };
      co_await first_on_way(oracle, way, options_.steps, options_.bisections);
      if (!oracle.found() || !(oracle.best_parameters().front() < least)) continue;
      least = oracle.best_parameters().front();
      best = direction;
    }
  }

 private:
  /// What a direction has to gain to be worth a question.
  static constexpr double least_gain = 1e-3;
  /// How far the first draw is from the best direction, and the last, as powers of 2.
  static constexpr double nearest = -4;

  /// Every corruption at either end of its range or absent, but not all absent; of most corruptions first.
  static std::vector<Eigen::VectorXd> directions(const CorruptionMixture& mixture) {
    const auto size = static_cast<Index>(mixture.size());
    std::vector<Eigen::VectorXd> all, out;
    Eigen::VectorXd at(size);
    for (Index k = 0; k < size; ++k) at[k] = mixture.one_sided(static_cast<std::size_t>(k)) ? 0 : -1;
    for (bool more = true; more;) {
      all.push_back(at);
      more = false;
      for (Index k = 0; k < size && !more; ++k) {
        more = at[k] < 1;
        at[k] = more ? at[k] + 1 : mixture.one_sided(static_cast<std::size_t>(k)) ? 0 : -1;
      }
    }
    for (Index present = size; present > 0; --present)
      for (const Eigen::VectorXd& direction : all)
        if ((direction.array() != 0).count() == present) out.push_back(direction);
    return out;
  }

  /// Direction `number` of the draws, on the surface of what the shares may be.
  Eigen::VectorXd drawn(const Oracle& oracle, const CorruptionMixture& mixture, const Eigen::VectorXd& best,
                        int number) const {
    RandomDraw random = oracle.random(Purpose::proposal, static_cast<std::uint32_t>(number));
    const double reach = std::exp2(nearest * number / options_.draws);
    Eigen::VectorXd at(best.size());
    for (Index k = 0; k < at.size(); ++k) {
      const double low = mixture.one_sided(static_cast<std::size_t>(k)) ? 0 : -1;
      at[k] = std::clamp(best[k] + reach * random.uniform(-1, 1), low, 1.0);
    }
    const double largest = at.lpNorm<Eigen::Infinity>();
    return largest > 0 ? Eigen::VectorXd(at / largest) : best;
  }

  Options options_;
};

/// Its entries in the catalogue.
struct AdversarialCorruptionFamily {
  static void list(auto& catalogue) {
    catalogue.family(
        "Adversarial corruption", "",
        "1 forward, at most `steps` per direction, 107 and `draws`, and `bisections` for each that "
        "is less severe than all before");
    catalogue.add(AdversarialCorruptionAttack());
  }
};

}  // namespace foil
