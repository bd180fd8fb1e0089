// SPDX-License-Identifier: MIT
/// \file
/// Blends the input with noise, as little as suffices.
#pragma once

#include <cstdint>
#include <string>

#include "foil/attacks/parts/start.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::BlendedUniformNoiseAttack.
struct BlendedNoiseOptions {
  int directions = 1000;
  int steps = 0;
  int bisections = 12;

  void list(OptionList& option) {
    option("directions", directions, "noise images tried until one is adversarial", at_least(1));
    option("steps", steps, "blends tried from the input on, until one is adversarial; 0: none", at_least(0));
    option("bisections", bisections,
           "then, between the last blend that was not adversarial and the first that was", at_least(0));
  }
};

/// Looks for an image of uniform noise that is adversarial, and for the smallest share of it that the input
/// can be blended with. Decision-based; distances in L2. A starting point, if given, is the first direction.
///
/// Differs from Foolbox: bisects by default instead of a linear search over 1,000 blends, which steps = 1000
/// and bisections = 0 restore (needed where the adversarial blends are not one interval). Cost: 1 forward
/// pass for the input, 1 per noise image, up to steps and bisections.
class BlendedUniformNoiseAttack : public MinimalAttack<BlendedUniformNoiseAttack> {
 public:
  using Options = BlendedNoiseOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "blended-noise"; }

  explicit BlendedUniformNoiseAttack(Options options = {}) : options_(checked(name(), options)) {}
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

/// Its entries in the catalogue.
struct BlendedNoiseFamily {
  static void list(auto& catalogue) {
    catalogue.family("Blended uniform noise", "Rauber, Brendel, Bethge 2017, arXiv:1707.04131 (Foolbox)",
                     "1 forward, 1 per noise image, `steps` and `bisections`");
    catalogue.add(BlendedUniformNoiseAttack(),
                  {"blended-uniform-noise", "linear-search-blended-uniform-noise"});
  }
};

}  // namespace foil
