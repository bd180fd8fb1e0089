// SPDX-License-Identifier: MIT
/// \file
/// Random noise of a given size: the baseline that every other attack has to beat.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "foil/geometry/rescale.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// How the entries of a noise vector are distributed before it is scaled to the radius.
enum class Noise { gaussian, uniform };

/// The texts that stand for the values of an option.
constexpr auto option_names(Noise) {
  return std::array{std::pair{std::string_view("gaussian"), Noise::gaussian},
                    std::pair{std::string_view("uniform"), Noise::uniform}};
}

/// The presets: one noise vector or a hundred, scaled plainly or so that clipping takes nothing of its size.
enum class NoiseVariant { plain, repeated, clipping_aware, clipping_aware_repeated };

/// Options of the additive noise attacks.
template <Noise distribution, NoiseVariant variant>
struct AdditiveNoisePresetOptions {
  Noise noise = distribution;
  bool clipping_aware = variant >= NoiseVariant::clipping_aware;
  int repeats =
      variant == NoiseVariant::repeated || variant == NoiseVariant::clipping_aware_repeated ? 100 : 1;

  void list(OptionList& option) {
    option("noise", noise, "how the entries of a noise vector are distributed");
    option("clipping_aware", clipping_aware, "scale the noise so that its size after clipping is epsilon");
    option("repeats", repeats, "noise vectors tried until one is adversarial", at_least(1));
  }
};
using AdditiveNoiseOptions = AdditiveNoisePresetOptions<Noise::gaussian, NoiseVariant::plain>;

/// Adds noise of size epsilon and clips to the bounds. Clipping makes the perturbation smaller than epsilon;
/// the clipping-aware variants scale the noise so that its size after clipping is epsilon (Rauber & Bethge
/// 2020, arXiv:2007.07677), or all that the bounds allow. Decision-based. Cost: 1 forward pass for the input
/// and 1 per noise vector.
template <Norm N>
class AdditiveNoiseAttack : public FixedBudgetAttack<AdditiveNoiseAttack<N>> {
 public:
  using Options = AdditiveNoiseOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::decisions;

  /// A preset has a name of its own, which its random numbers belong to.
  explicit AdditiveNoiseAttack(Options options = {}, std::string name = text(N::name, "-additive-noise"))
      : options_(checked(name, options)), name_(std::move(name)) {}
  const Options& options() const { return options_; }
  const std::string& name() const { return name_; }

  Task<> attack(Oracle& oracle, double epsilon) const {
    if (epsilon == 0) co_return;
    const Eigen::VectorXd& original = oracle.original();
    Eigen::VectorXd noise(original.size()), x;
    for (int repeat = 0; repeat < options_.repeats; ++repeat) {
      RandomDraw random = oracle.random(Purpose::noise, static_cast<std::uint32_t>(repeat));
      options_.noise == Noise::gaussian ? random.fill_normal(noise) : random.fill_uniform(noise, -1, 1);
      oracle.box().hold_frozen(noise);
      const double size = N::size(noise);
      if (size == 0) co_return;
      const double scale = options_.clipping_aware
                               ? geometry::rescale(original, noise, oracle.box(), epsilon, N{}).eta
                               : epsilon / size;
      x = original + scale * noise;
      oracle.settle(x, epsilon);
      co_await oracle.query(x);
    }
  }

 private:
  Options options_;
  std::string name_;
};

/// Additive noise under another name and with other defaults.
template <Norm N, Noise distribution, NoiseVariant variant>
class AdditiveNoisePreset : public AdditiveNoiseAttack<N> {
 public:
  using Options = AdditiveNoisePresetOptions<distribution, variant>;
  explicit AdditiveNoisePreset(Options options = {})
      : AdditiveNoiseAttack<N>(std::bit_cast<AdditiveNoiseOptions>(options), preset_name()) {}

 private:
  static std::string preset_name() {
    const Options defaults;
    return text(N::name, defaults.clipping_aware ? "-clipping-aware" : "",
                defaults.repeats > 1 ? "-repeated" : "",
                distribution == Noise::gaussian ? "-additive-gaussian-noise" : "-additive-uniform-noise");
  }
};

using L2AdditiveGaussianNoiseAttack = AdditiveNoisePreset<L2, Noise::gaussian, NoiseVariant::plain>;
using L2AdditiveUniformNoiseAttack = AdditiveNoisePreset<L2, Noise::uniform, NoiseVariant::plain>;
using LinfAdditiveUniformNoiseAttack = AdditiveNoisePreset<Linf, Noise::uniform, NoiseVariant::plain>;
using L2RepeatedAdditiveGaussianNoiseAttack =
    AdditiveNoisePreset<L2, Noise::gaussian, NoiseVariant::repeated>;
using L2RepeatedAdditiveUniformNoiseAttack = AdditiveNoisePreset<L2, Noise::uniform, NoiseVariant::repeated>;
using LinfRepeatedAdditiveUniformNoiseAttack =
    AdditiveNoisePreset<Linf, Noise::uniform, NoiseVariant::repeated>;
using L2ClippingAwareAdditiveGaussianNoiseAttack =
    AdditiveNoisePreset<L2, Noise::gaussian, NoiseVariant::clipping_aware>;
using L2ClippingAwareAdditiveUniformNoiseAttack =
    AdditiveNoisePreset<L2, Noise::uniform, NoiseVariant::clipping_aware>;
using L2ClippingAwareRepeatedAdditiveGaussianNoiseAttack =
    AdditiveNoisePreset<L2, Noise::gaussian, NoiseVariant::clipping_aware_repeated>;
using L2ClippingAwareRepeatedAdditiveUniformNoiseAttack =
    AdditiveNoisePreset<L2, Noise::uniform, NoiseVariant::clipping_aware_repeated>;

/// Its entries in the catalogue.
struct AdditiveNoiseFamily {
  static void list(auto& catalogue) {
    using L2Noise = AdditiveNoiseAttack<L2>;
    using LinfNoise = AdditiveNoiseAttack<Linf>;
    catalogue.family("Additive noise", "", "1 forward, and 1 per noise vector");
    catalogue.add(L2Noise(L2AdditiveGaussianNoiseAttack()));
    catalogue.add(L2Noise(L2AdditiveUniformNoiseAttack()));
    catalogue.add(LinfNoise(LinfAdditiveUniformNoiseAttack()));
    catalogue.add(L2Noise(L2RepeatedAdditiveGaussianNoiseAttack()));
    catalogue.add(L2Noise(L2RepeatedAdditiveUniformNoiseAttack()));
    catalogue.add(LinfNoise(LinfRepeatedAdditiveUniformNoiseAttack()));
    catalogue.family("Clipping-aware additive noise", "Rauber, Bethge 2020, arXiv:2007.07677",
                     "1 forward, and 1 per noise vector");
    catalogue.add(L2Noise(L2ClippingAwareAdditiveGaussianNoiseAttack()));
    catalogue.add(L2Noise(L2ClippingAwareAdditiveUniformNoiseAttack()));
    catalogue.add(L2Noise(L2ClippingAwareRepeatedAdditiveGaussianNoiseAttack()));
    catalogue.add(L2Noise(L2ClippingAwareRepeatedAdditiveUniformNoiseAttack()));
  }
};

}  // namespace foil
