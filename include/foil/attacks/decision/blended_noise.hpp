// SPDX-License-Identifier: MIT
/// \file
/// Blends the input with noise, as little as suffices.
#pragma once

#include <cstdint>
#include <string_view>

#include "foil/attacks/parts/start.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::LinearSearchBlendedUniformNoiseAttack.
struct BlendedNoiseOptions {
  int directions = 1000;  ///< noise images tried until one is adversarial, >= 1
  int steps = 0;          ///< blends tried from the input on, until one is adversarial; 0: none
  int bisections = 12;    ///< then, between the last blend that was not and the first that was, >= 0

  void validate() const {
    require(directions >= 1, "blended noise: expected directions >= 1, got ", directions);
    require(steps >= 0, "blended noise: expected steps >= 0, got ", steps);
    require(bisections >= 0, "blended noise: expected bisections >= 0, got ", bisections);
  }
  template <class Visit>
  static void describe(Visit visit) {
    using O = BlendedNoiseOptions;
    visit("directions", &O::directions, "noise images tried until one is adversarial");
    visit("steps", &O::steps, "blends tried from the input on");
    visit("bisections", &O::bisections, "between blends that are and are not adversarial");
  }
};

/// Looks for an image of uniform noise that is adversarial, and for the smallest share of it that the input
/// can be blended with. Decision-based; distances in L2. A starting point, if given, is the first direction.
///
/// Differs from Foolbox: bisects by default instead of a linear search over 1,000 blends, which steps = 1000
/// and bisections = 0 restore (needed where the adversarial blends are not one interval). Cost: 1 forward
/// pass for the input, 1 per noise image, up to steps and bisections.
class LinearSearchBlendedUniformNoiseAttack : public MinimalAttack<LinearSearchBlendedUniformNoiseAttack> {
 public:
  using Options = BlendedNoiseOptions;
  using norm = L2;
  static constexpr std::string_view name = "blended-noise";
  static constexpr Knowledge knowledge = Knowledge::decisions;

  explicit LinearSearchBlendedUniformNoiseAttack(Options options = {}) : options_(options) {
    options_.validate();
  }
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    Eigen::VectorXd noise = oracle.starting_point();
    bool adversarial = false;
    if (noise.size() > 0 && noise.allFinite()) adversarial = co_await oracle.query(noise);
    for (int i = 0; i < options_.directions && !adversarial; ++i) {
      noise = noise_in_box(oracle, static_cast<std::uint32_t>(i));
      adversarial = co_await oracle.query(noise);
    }
    if (!adversarial) co_return;

    Bisection segment{oracle.original(), noise, 0};
    for (int step = 1; step < options_.steps; ++step) {
      Eigen::VectorXd blend =
          oracle.original() + static_cast<double>(step) / options_.steps * (noise - oracle.original());
      adversarial = co_await oracle.query(blend);
      (adversarial ? segment.inside : segment.outside) = blend;
      if (adversarial) break;
    }
    co_await bisect(oracle, segment, options_.bisections);
  }

 private:
  Options options_;
};

}  // namespace foil
