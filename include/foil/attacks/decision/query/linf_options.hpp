// SPDX-License-Identifier: MIT
/// \file
/// The options of the query attack in Linf.
#pragma once

#include "foil/geometry/image.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// Options of foil::LinfQueryAttack.
struct LinfQueryOptions {
  int steps = 25'000;
  int unknowns = 800;
  int challengers = 5;
  double tolerance = 1e-3;
  geometry::ChannelsLast channels_last{};

  void list(OptionList& option) {
    option("steps", steps, "questions after the first direction", at_least(0));
    option("unknowns", unknowns,
           "groups of features that are told apart at first; each sample being attacked takes 8 bytes times "
           "their square",
           between(1, 10'000));
    option("challengers", challengers,
           "other classes tried when little is gained, each dropped once it falls behind", between(0, 1000));
    option("tolerance", tolerance, "relative distance that is not worth going on for",
           strictly_between(0, 1));
    option("channels_last", channels_last, geometry::ChannelsLast::meaning);
  }
};

}  // namespace foil
