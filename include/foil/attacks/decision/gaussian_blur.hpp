// SPDX-License-Identifier: MIT
/// \file
/// Blurs an image, as little as suffices.
#pragma once

#include <algorithm>
#include <string>

#include "foil/attacks/parts/first_on_way.hpp"
#include "foil/geometry/blur.hpp"
#include "foil/geometry/image.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::GaussianBlurAttack.
struct GaussianBlurOptions {
  double sigma = 1;
  int steps = 64;
  int bisections = 10;
  geometry::ChannelsLast channels_last{};

  void list(OptionList& option) {
    option("sigma", sigma, "the largest standard deviation, in lengths of the image's longer side",
           above(0, 10));
    option("steps", steps, "equal steps up to it, until one is adversarial", between(1, 1e6));
    option("bisections", bisections, "then, of the last step", at_least(0));
    option("channels_last", channels_last, geometry::ChannelsLast::meaning);
  }
};

/// Looks for the least Gaussian blur that is adversarial. Images are blurred along rows and columns, never
/// across channels, and go on mirrored beyond their edges; samples that are no images are rows of pixels.
/// Decision-based; distances in L2, although the search is for the smallest standard deviation. Features that
/// a mask freezes are given back their values. Rauber, Brendel, Bethge 2017, arXiv:1707.04131 (Foolbox).
///
/// Differs from Foolbox: 64 steps, and bisection of the last one, in place of 1,000 (steps = 1000 and
/// bisections = 0 restore them). Cost: 1 forward pass for the input, at most 1 per step and bisection, none
/// for a blur that changes nothing.
class GaussianBlurAttack : public MinimalAttack<GaussianBlurAttack> {
 public:
  using Options = GaussianBlurOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "gaussian-blur"; }

  explicit GaussianBlurAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    const geometry::ImageLayout image = geometry::image_or_row(oracle.shape(), options_.channels_last);
    const double most = options_.sigma * static_cast<double>(std::max(image.height, image.width));
    const auto way = [&](double share) {
      Eigen::VectorXd x = oracle.original();
      geometry::gaussian_blur(image, share * most, x);
      return x;
    };
    co_await first_on_way(oracle, way, options_.steps, options_.bisections);
  }

 private:
  Options options_;
};

/// Its entries in the catalogue.
struct GaussianBlurFamily {
  static void list(auto& catalogue) {
    catalogue.family("Gaussian blur", "Rauber, Brendel, Bethge 2017, arXiv:1707.04131 (Foolbox)",
                     "1 forward, at most 1 per step and bisection");
    catalogue.add(GaussianBlurAttack());
  }
};

}  // namespace foil
