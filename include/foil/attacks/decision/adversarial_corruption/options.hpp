// SPDX-License-Identifier: MIT
/// \file
/// What an adversarial corruption may be made of, and how it is searched for.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "foil/attacks/decision/spatial/padding.hpp"
#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/geometry/image.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// Options of foil::AdversarialCorruptionAttack. The ranges are what severity 1 is.
struct AdversarialCorruptionOptions {
  std::string corruptions = "rotation+fog+blur+contrast+brightness";
  double rotation = 30;
  double fog = 1;
  double blur = 0.02;
  double contrast = 0.5;
  double brightness = 0.3;
  double roughness = 2;
  int steps = 2;
  int bisections = 10;
  int draws = 100;
  Padding padding = Padding::lower;
  geometry::ChannelsLast channels_last{};

  /// In the order in which they are applied.
  static std::vector<std::string_view> words() {
    return {"rotation", "fog", "blur", "contrast", "brightness"};
  }

  void list(OptionList& option) {
    option("corruptions", corruptions, "those that are mixed, joined by +; always applied in this order",
           words());
    option("rotation", rotation, "degrees to either side", above(0, 180));
    option("fog", fog, "the most, in widths of the bounds", above(0, 100));
    option("blur", blur, "the largest standard deviation, in lengths of the image's longer side",
           above(0, 10));
    option("contrast", contrast, "share of each channel's contrast that is taken or added", above(0, 1));
    option("brightness", brightness, "to either side, in widths of the bounds", above(0, 1));
    option("roughness", roughness, "decay of the fog's plasma: the less, the rougher", between(1, 100));
    option("steps", steps, "equal steps of each direction, until one is adversarial", between(1, 1e6));
    option("bisections", bisections, "then, of the last step", at_least(0));
    option("draws", draws, "random directions, of several corruptions, after those of the grid",
           between(0, 1e6));
    option("padding", padding,
           "what lies beyond the edges: lower ends of the bounds, or the outermost pixels");
    option("channels_last", channels_last, geometry::ChannelsLast::meaning);
  }

  /// Those that are mixed, in their order, each once.
  std::vector<std::string_view> chosen() const {
    const auto given = parts_of(corruptions, '+');
    std::vector<std::string_view> out;
    for (const std::string_view word : words())
      if (std::find(given.begin(), given.end(), word) != given.end()) out.push_back(word);
    return out;
  }
};

}  // namespace foil
