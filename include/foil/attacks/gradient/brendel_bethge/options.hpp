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
  int steps = 1000;
  int starts = 16;
  double momentum = 0.5;
  double overshoot = 1.1;
  double shrink = 0.5;
  int patience = 3;
  double tolerance = 1e-3;
  double smallest_radius = 1e-4;
  double learning_rate = 1e-3;
  int halvings = 20;
  int last_bisections = 0;
  StartOptions start{};  ///< how starts are found, and bisected

  void list(OptionList& option) {
    option("mode", mode, "adaptive: until converged; paper: as published");
    option("steps", steps, "gradients in all, shared by the walks", at_least(0));
    option("starts", starts, "walks from different starts at most", between(1, 256));
    option("momentum", momentum, "weight of the past gradients", half_open(0, 1));
    option("overshoot", overshoot, "how far to go beyond the boundary from outside, as a multiple",
           between(1, 2));
    option("shrink", shrink, "adaptive: factor on the radius without progress", strictly_between(0, 1));
    option("patience", patience, "adaptive: steps without progress before the radius shrinks",
           between(1, 1e6));
    option("tolerance", tolerance, "adaptive: relative decrease of the distance that is progress",
           half_open(0, 1));
    option("smallest_radius", smallest_radius, "adaptive: share of the first radius below which a walk ends",
           strictly_between(0, 1));
    option("learning_rate", learning_rate, "paper: first radius as a share of features times range",
           above(0, 1e6));
    option("halvings", halvings, "paper: how often the radius is halved", at_least(0));
    option("last_bisections", last_bisections, "in the end, between the input and the closest adversarial",
           at_least(0));
    option.nested("start_", start);
  }
};

}  // namespace foil
