// SPDX-License-Identifier: MIT
/// \file
/// The options of Square.
#pragma once

#include "foil/core/losses.hpp"
#include "foil/geometry/image.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// Options of foil::SquareAttack.
struct SquareOptions {
  int steps = 5000;
  int restarts = 1;
  double share = 0.8;
  bool rescale = false;
  Loss loss = Loss::margin;
  geometry::ChannelsLast channels_last{};

  void list(OptionList& option) {
    option("steps", steps, "changes tried per restart", at_least(1));
    option("restarts", restarts, "runs from different starts until one succeeds", at_least(1));
    option("share", share, "of the image that a window covers in the beginning", above(0, 1));
    option("rescale", rescale, "windows shrink over all steps as they would over 10,000");
    option("loss", loss, "loss to raise");
    option("channels_last", channels_last, geometry::ChannelsLast::meaning);
  }
};

}  // namespace foil
