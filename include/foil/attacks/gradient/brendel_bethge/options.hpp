// SPDX-License-Identifier: MIT
/// \file
/// The options of the Brendel & Bethge attacks.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "foil/attacks/parts/start.hpp"

namespace foil {

/// How far the steps of the Brendel & Bethge attacks may lead.
enum class BrendelBethgeMode {
  adaptive,  ///< a radius per start that shrinks when a walk makes no progress, until it has converged
  paper      ///< the published schedule: a radius that is halved at fixed times
};

/// The texts that stand for the values of an option.
constexpr auto option_names(BrendelBethgeMode) {
  return std::array{std::pair{std::string_view("adaptive"), BrendelBethgeMode::adaptive},
                    std::pair{std::string_view("paper"), BrendelBethgeMode::paper}};
}

/// Options of foil::BrendelBethgeAttack.
struct BrendelBethgeOptions {
  BrendelBethgeMode mode = BrendelBethgeMode::adaptive;
  int steps = 1000;         ///< gradients in all, shared by the walks, >= 0
  int starts = 16;          ///< walks from different starts at most, >= 1
  double momentum = 0.5;    ///< weight of the past gradients, in [0, 1)
  double overshoot = 1.1;   ///< how far to go beyond the boundary from outside, as a multiple, in [1, 2]
  double shrink = 0.5;      ///< adaptive: factor on the radius, in (0, 1)
  int patience = 3;         ///< adaptive: steps without progress before the radius shrinks, >= 1
  double tolerance = 1e-3;  ///< adaptive: relative decrease of the distance that is progress, in [0, 1)
  double smallest_radius = 1e-4;  ///< adaptive: as a share of the first; below, a walk has converged, > 0
  double learning_rate = 1e-3;    ///< paper: first radius as a share of features times range, > 0
  int halvings = 20;              ///< paper: how often the radius is halved, >= 0
  int last_bisections = 0;        ///< between the input and the closest adversarial, in the end, >= 0
  StartOptions start{};           ///< how starts are found, and bisected

  void validate() const {
    start.validate();
    require(steps >= 0, "Brendel & Bethge: expected steps >= 0, got ", steps);
    require(starts >= 1, "Brendel & Bethge: expected starts >= 1, got ", starts);
    require(momentum >= 0 && momentum < 1, "Brendel & Bethge: expected a momentum in [0, 1), got ", momentum);
    require(overshoot >= 1 && overshoot <= 2, "Brendel & Bethge: expected an overshoot in [1, 2], got ",
            overshoot);
    require(shrink > 0 && shrink < 1, "Brendel & Bethge: expected shrink in (0, 1), got ", shrink);
    require(patience >= 1, "Brendel & Bethge: expected a patience >= 1, got ", patience);
    require(tolerance >= 0 && tolerance < 1, "Brendel & Bethge: expected a tolerance in [0, 1), got ",
            tolerance);
    require(smallest_radius > 0 && smallest_radius < 1,
            "Brendel & Bethge: expected smallest_radius in (0, 1), got ", smallest_radius);
    require(learning_rate > 0, "Brendel & Bethge: expected a learning_rate > 0, got ", learning_rate);
    require(halvings >= 0, "Brendel & Bethge: expected halvings >= 0, got ", halvings);
    require(last_bisections >= 0, "Brendel & Bethge: expected last_bisections >= 0, got ", last_bisections);
  }
  template <class Visit>
  static void describe(Visit visit) {
    using O = BrendelBethgeOptions;
    const auto nested = [](auto member) {
      return [member](auto& options) -> auto& { return options.start.*member; };
    };
    visit("mode", &O::mode, "adaptive: until converged; paper: as published");
    visit("steps", &O::steps, "gradients in all");
    visit("starts", &O::starts, "walks from different starts");
    visit("momentum", &O::momentum, "weight of the past gradients");
    visit("overshoot", &O::overshoot, "how far to go beyond the boundary");
    visit("shrink", &O::shrink, "adaptive: factor on the radius without progress");
    visit("patience", &O::patience, "adaptive: steps without progress before the radius shrinks");
    visit("tolerance", &O::tolerance, "adaptive: relative decrease that is progress");
    visit("smallest_radius", &O::smallest_radius, "adaptive: share of the first at which a walk ends");
    visit("learning_rate", &O::learning_rate, "paper: first radius, share of features times range");
    visit("halvings", &O::halvings, "paper: how often the radius is halved");
    visit("last_bisections", &O::last_bisections, "between the input and the closest adversarial");
    visit("start_fallback", nested(&StartOptions::fallback),
          "search on if the given start is not adversarial");
    visit("start_noise_draws", nested(&StartOptions::noise_draws), "points of noise tried as a start");
    visit("start_bisections", nested(&StartOptions::bisections), "between the input and a start");
  }
};

}  // namespace foil
