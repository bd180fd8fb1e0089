// SPDX-License-Identifier: MIT
/// \file
/// Sets random pixels to the ends of the box.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>

#include "foil/geometry/image.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::SaltAndPepperNoiseAttack.
struct SaltAndPepperOptions {
  int steps = 1000;
  bool across_channels = true;
  geometry::ChannelsLast channels_last{};

  void list(OptionList& option) {
    option("steps", steps, "noise images tried", between(1, 1e6));
    option("across_channels", across_channels, "images: all channels of a pixel change together");
    option("channels_last", channels_last, geometry::ChannelsLast::meaning);
  }
};

/// Salt-and-pepper noise: each pixel becomes white or black with probability p / 2 each. Raises p step by
/// step until the noise is adversarial, then searches around the smallest p that was. Decision-based; needs
/// finite bounds. Rauber, Brendel, Bethge 2017, arXiv:1707.04131 (Foolbox).
///
/// Noise that would be no closer than the best adversarial is not asked about. Cost: 1 forward pass for the
/// input, up to 1 per step. `salt-and-pepper` measures in L2, `l0-salt-and-pepper` counts the features
/// changed.
template <Norm N>
class SaltAndPepperAttack : public MinimalAttack<SaltAndPepperAttack<N>> {
 public:
  using Options = SaltAndPepperOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() {
    return std::is_same_v<N, L2> ? "salt-and-pepper" : text(N::name, "-salt-and-pepper");
  }

  explicit SaltAndPepperAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    if (!oracle.box().bounded()) co_return oracle.finish(Status::start_failed);
    double step = 1.0 / options_.steps, lowest = step, highest = 1, p = lowest;
    Eigen::VectorXd x;
    for (int i = 0; i < options_.steps; ++i, p += step) {
      if (p > highest) p = lowest;
      noisy(oracle, static_cast<std::uint32_t>(i), p, x);
      if (oracle.on_lattice()) oracle.settle(x);
      if (!(oracle.distance(x) < oracle.best_distance())) continue;
      if (!co_await oracle.query(x)) continue;
      lowest = p / 2;
      highest = std::min(1.2 * p, 1.0);
      step = (highest - lowest) / std::max(1, options_.steps - i - 1);
      p = lowest - step;
    }
  }

 private:
  void noisy(const Oracle& oracle, std::uint32_t draw, double p, Eigen::VectorXd& x) const {
    const Index n = oracle.features();
    const auto& shape = oracle.shape();
    const bool image = options_.across_channels && shape.size() == 3;
    const geometry::ImageLayout layout =
        image ? geometry::image_layout(shape, options_.channels_last) : geometry::ImageLayout{1, 1, n};
    const Index channels = layout.channels, pixels = n / channels;
    Eigen::VectorXd chance(pixels);
    oracle.random(Purpose::noise, draw).fill_uniform(chance, 0, 1);
    x = oracle.original();
    for (Index i = 0; i < n; ++i) {
      const double u = chance[layout.channels_last ? i / channels : i % pixels];
      if (u < p / 2)
        x[i] = oracle.lower()[i];
      else if (u >= 1 - p / 2)
        x[i] = oracle.upper()[i];
    }
  }

  Options options_;
};

using SaltAndPepperNoiseAttack = SaltAndPepperAttack<L2>;
using L0SaltAndPepperNoiseAttack = SaltAndPepperAttack<L0>;

/// Its entries in the catalogue.
struct SaltAndPepperFamily {
  static void list(auto& catalogue) {
    catalogue.family("Salt-and-pepper noise", "Rauber, Brendel, Bethge 2017, arXiv:1707.04131 (Foolbox)",
                     "1 forward, up to 1 per step");
    catalogue.add(SaltAndPepperNoiseAttack(), {"salt-and-pepper-noise"});
    catalogue.add(L0SaltAndPepperNoiseAttack(), {"l0-salt-and-pepper-noise"});
  }
};

}  // namespace foil
