// SPDX-License-Identifier: MIT
/// \file
/// The options of the Boundary Attack.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "foil/attacks/parts/start.hpp"
#include "foil/geometry/image.hpp"

namespace foil {

/// How the step sizes of the Boundary Attack are adapted.
enum class BoundaryMode {
  tied,  ///< one size per sample, adapted after every query
  paper  ///< two sizes and windows of outcomes, as in the authors' own implementation
};

/// The texts that stand for the values of an option.
constexpr auto option_names(BoundaryMode) {
  return std::array{std::pair{std::string_view("tied"), BoundaryMode::tied},
                    std::pair{std::string_view("paper"), BoundaryMode::paper}};
}

/// Options of foil::BoundaryAttack.
struct BoundaryOptions {
  BoundaryMode mode = BoundaryMode::tied;
  int steps = 25'000;
  bool kappa = false;
  double release = 0.02;
  int starts = 2;
  int challengers = 16;
  int speculation = 1;
  double tolerance = 1e-3;
  int subspace = 1;
  geometry::ChannelsLast channels_last{};
  double prior_weight = 0;
  StartOptions start{};  ///< how a start is found

  void list(OptionList& option) {
    option("mode", mode, "tied: few queries; paper: as in the paper");
    option("steps", steps, "proposals after the start", at_least(0));
    option(
        "kappa", kappa,
        "tied: adapt the orthogonal step to the curvature, for 5 % more queries; helps where the boundary is "
        "round on the scale of the distance, costs some on networks");
    option("release", release,
           "tied: chance of features at a bound to take part in a proposal; 1: no freezing", between(0, 1));
    option("starts", starts, "tied: starts that race each other until the closest is left", between(1, 256));
    option("challengers", challengers,
           "tied: starts tried after convergence, each dropped once it falls behind", at_least(0));
    option("speculation", speculation,
           "tied: proposals per sample and model call, where the batch has room; same result",
           between(1, 1024));
    option("tolerance", tolerance,
           "tied: relative distance that is not worth going on for; 0: never converges", half_open(0, 1));
    option("subspace", subspace, "images: only the lowest 1 / subspace frequencies of each axis; 1: all",
           at_least(1));
    option("channels_last", channels_last,
           foil::text(geometry::ChannelsLast::meaning, "; only matters for the subspace"));
    option("prior_weight", prior_weight,
           "cosine between every step along the boundary and the run's prior, if it has one; 0: only the "
           "start is looked for along it",
           half_open(0, 1));
    option.nested("start_", start);
  }
  void check(std::string_view who) const {
    require(speculation == 1 || mode == BoundaryMode::tied, who,
            ": only mode tied can speculate, got speculation ", speculation);
  }
};

}  // namespace foil
