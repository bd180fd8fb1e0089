// SPDX-License-Identifier: MIT
/// \file
/// Spatial attack: rotates and shifts an image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "foil/attacks/decision/spatial/grid.hpp"
#include "foil/attacks/decision/spatial/padding.hpp"
#include "foil/core/numbers.hpp"
#include "foil/geometry/image.hpp"
#include "foil/geometry/rigid_motion.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::SpatialAttack.
struct SpatialOptions {
  double rotation = 30;
  double translation = 3;
  int rotations = 31;
  int translations = 5;
  int draws = 0;
  Padding padding = Padding::lower;
  geometry::ChannelsLast channels_last{};

  void list(OptionList& option) {
    option("rotation", rotation, "degrees to either side", between(0, 180));
    option("translation", translation, "pixels along rows and columns, to either side", between(0, 1e6));
    option("rotations", rotations, "rotations of the grid", between(1, 1e4));
    option("translations", translations, "translations of the grid along rows, and along columns",
           between(1, 100));
    option("draws", draws, "random rotations and translations in place of the grid; 0: the grid",
           at_least(0));
    option("padding", padding,
           "what lies beyond the edges: lower ends of the bounds, or the outermost pixels");
    option("channels_last", channels_last, geometry::ChannelsLast::meaning);
  }
};

/// Rotates an image about its middle and then shifts it, by every combination of a grid, the smallest
/// rotations and of these the smallest shifts first, until one is adversarial; or by `draws` random ones, in
/// the same ranges, until one is. Engstrom, Tran, Tsipras, Schmidt, Madry 2019, arXiv:1712.02779.
///
/// Decision-based. Distances are in L2 and say little of how mild a motion is. Samples that are no images are
/// rows of pixels; features that a mask freezes are given back their values; with padding by the lower ends
/// these must be finite, else the status is start_failed. Exact in pixels, whatever height and width are: a
/// shift by 3 is one by 3 pixels, and a rotation does not shear.
///
/// Differs from the paper: takes the first adversarial, not the one of highest loss. Cost: 1 forward pass for
/// the input, at most 1 per combination or draw, none for those that change nothing.
class SpatialAttack : public MinimalAttack<SpatialAttack> {
 public:
  using Options = SpatialOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "spatial"; }

  explicit SpatialAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    const bool constant = options_.padding == Padding::lower;
    if (constant && !all_finite(oracle.lower())) co_return oracle.finish(Status::start_failed);
    const geometry::ImageLayout image = geometry::image_or_row(oracle.shape(), options_.channels_last);
    const spatial::Grid grid(options_.rotation, options_.rotations, options_.translation,
                             options_.translations);
    const std::size_t count = options_.draws > 0 ? static_cast<std::size_t>(options_.draws) : grid.size();
    for (std::size_t k = 0; k < count; ++k) {
      const geometry::RigidMotion motion =
          options_.draws > 0 ? drawn(oracle, static_cast<std::uint32_t>(k)) : grid[k];
      if (motion == geometry::RigidMotion{}) continue;
      Eigen::VectorXd x =
          geometry::moved(image, motion, oracle.original(), constant ? &oracle.lower() : nullptr);
      oracle.settle(x);
      if (x == oracle.original()) continue;
      const bool adversarial = co_await oracle.query(x);
      if (adversarial) co_return;
    }
  }

 private:
  geometry::RigidMotion drawn(const Oracle& oracle, std::uint32_t number) const {
    RandomDraw random = oracle.random(Purpose::proposal, number);
    geometry::RigidMotion motion;
    motion.rotation = random.uniform(-options_.rotation, options_.rotation);
    motion.down = random.uniform(-options_.translation, options_.translation);
    motion.right = random.uniform(-options_.translation, options_.translation);
    return motion;
  }

  Options options_;
};

/// Its entries in the catalogue.
struct SpatialFamily {
  static void list(auto& catalogue) {
    catalogue.family("Spatial", "Engstrom, Tran, Tsipras, Schmidt, Madry 2019, arXiv:1712.02779",
                     "1 forward, at most 1 per combination of the grid, or `draws`");
    catalogue.add(SpatialAttack());
  }
};

}  // namespace foil
