// SPDX-License-Identifier: MIT
/// \file
/// Random noise of a given size: the baseline that every other attack has to beat.
#pragma once

#include <cmath>
#include <type_traits>

#include "foil/geometry/project.hpp"
#include "foil/geometry/rescale.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of the additive noise attacks.
template <bool repeated>
struct AdditiveNoiseOptions {
  int repeats = repeated ? 100 : 1;  ///< noise vectors tried until one is adversarial, >= 1

  void validate() const { require(repeats >= 1, "additive noise: expected repeats >= 1, got ", repeats); }
  template <class Visit>
  static void describe(Visit visit) {
    visit("repeats", &AdditiveNoiseOptions::repeats, "noise vectors tried until one is adversarial");
  }
};

/// How the entries of a noise vector are distributed before it is scaled to the radius.
enum class Noise { gaussian, uniform };

namespace detail {
inline constexpr std::string_view nothing = "", aware_part = "-clipping-aware", repeated_part = "-repeated",
                                  gaussian_part = "-additive-gaussian-noise",
                                  uniform_part = "-additive-uniform-noise";
}  // namespace detail

/// Adds noise of size epsilon and clips to the bounds. Clipping makes the perturbation smaller than epsilon;
/// the clipping-aware variants scale the noise so that its size after clipping is epsilon (Rauber & Bethge
/// 2020, arXiv:2007.07677), or all that the bounds allow. Decision-based. Cost: 1 forward pass for the input
/// and 1 per noise vector.
template <Norm N, Noise distribution, bool clipping_aware, bool repeated>
class AdditiveNoiseAttack
    : public FixedBudgetAttack<AdditiveNoiseAttack<N, distribution, clipping_aware, repeated>> {
 public:
  using Options = AdditiveNoiseOptions<repeated>;
  using norm = N;
  static constexpr std::string_view name =
      detail::joined<N::name, (clipping_aware ? detail::aware_part : detail::nothing),
                     (repeated ? detail::repeated_part : detail::nothing),
                     (distribution == Noise::gaussian ? detail::gaussian_part : detail::uniform_part)>;
  static constexpr Knowledge knowledge = Knowledge::decisions;

  explicit AdditiveNoiseAttack(Options options = {}) : options_(options) { options_.validate(); }
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle, double epsilon) const {
    if (epsilon == 0) co_return;
    const Eigen::VectorXd& original = oracle.original();
    Eigen::VectorXd noise(original.size()), x;
    for (int repeat = 0; repeat < options_.repeats; ++repeat) {
      RandomDraw random = oracle.random(Purpose::noise, static_cast<std::uint32_t>(repeat));
      distribution == Noise::gaussian ? random.fill_normal(noise) : random.fill_uniform(noise, -1, 1);
      const double scale =
          clipping_aware
              ? geometry::rescale(original, noise, oracle.lower(), oracle.upper(), epsilon, N{}).eta
              : epsilon / N::size(noise);
      x = original + scale * noise;
      oracle.settle(x, epsilon);
      co_await oracle.query(x);
    }
  }

 private:
  Options options_;
};

using L2AdditiveGaussianNoiseAttack = AdditiveNoiseAttack<L2, Noise::gaussian, false, false>;
using L2AdditiveUniformNoiseAttack = AdditiveNoiseAttack<L2, Noise::uniform, false, false>;
using LinfAdditiveUniformNoiseAttack = AdditiveNoiseAttack<Linf, Noise::uniform, false, false>;
using L2RepeatedAdditiveGaussianNoiseAttack = AdditiveNoiseAttack<L2, Noise::gaussian, false, true>;
using L2RepeatedAdditiveUniformNoiseAttack = AdditiveNoiseAttack<L2, Noise::uniform, false, true>;
using LinfRepeatedAdditiveUniformNoiseAttack = AdditiveNoiseAttack<Linf, Noise::uniform, false, true>;
using L2ClippingAwareAdditiveGaussianNoiseAttack = AdditiveNoiseAttack<L2, Noise::gaussian, true, false>;
using L2ClippingAwareAdditiveUniformNoiseAttack = AdditiveNoiseAttack<L2, Noise::uniform, true, false>;
using L2ClippingAwareRepeatedAdditiveGaussianNoiseAttack =
    AdditiveNoiseAttack<L2, Noise::gaussian, true, true>;
using L2ClippingAwareRepeatedAdditiveUniformNoiseAttack = AdditiveNoiseAttack<L2, Noise::uniform, true, true>;

}  // namespace foil
