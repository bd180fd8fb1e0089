// SPDX-License-Identifier: MIT
/// \file
/// The options of APGD and of its presets.
#pragma once

#include <string_view>
#include <type_traits>

#include "foil/core/losses.hpp"
#include "foil/core/norms.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// What the presets differ in.
struct ApgdDefaults {
  static constexpr std::string_view name = "apgd";
  static constexpr int steps = 50, restarts = 2;
  static constexpr int targets = 0;
  static constexpr Loss loss = Loss::lsem;
  static constexpr bool random_start = true;
  static constexpr bool conjugate = false;
  static constexpr double momentum = 0.25;
};
struct L1ApgdDefaults : ApgdDefaults {
  static constexpr int steps = 100, restarts = 5;
};
struct TargetedApgdDefaults : ApgdDefaults {
  static constexpr std::string_view name = "apgd-t";
  static constexpr int targets = 9;
  static constexpr Loss loss = Loss::dlr;
};
struct TargetedL1ApgdDefaults : TargetedApgdDefaults {
  static constexpr int targets = 5;
};
struct AcgDefaults : ApgdDefaults {
  static constexpr std::string_view name = "acg";
  static constexpr Loss loss = Loss::margin;
  static constexpr bool random_start = false;
  static constexpr bool conjugate = true;
  static constexpr double momentum = 0;
};

/// Options with the defaults of one of these.
template <class Defaults>
struct AutoPgdOptions {
  int steps = Defaults::steps;
  int restarts = Defaults::restarts;
  int targets = Defaults::targets;
  Loss loss = Defaults::loss;
  bool random_start = Defaults::random_start;
  double relative_step = 0;
  double momentum = Defaults::momentum;
  double rho = 0.75;
  int radii = 0;
  bool conjugate = Defaults::conjugate;
  bool maximize_loss = false;
  int draws = 1;

  void list(OptionList& option) {
    option("steps", steps, "gradient steps per restart and target", at_least(1));
    option("restarts", restarts, "runs from different starts until one succeeds", at_least(1));
    option(
        "targets", targets,
        "how many other classes, those of largest logit first, are aimed at one after the other; 0: none in "
        "particular",
        at_least(0));
    option("loss", loss,
           "loss to ascend; with targets its targeted form, for dlr with fewer than four classes margin");
    option("random_start", random_start,
           "the first restart, too, starts at random on the edge of the ball, else at the input");
    option("relative_step", relative_step, "first step length as a fraction of the radius; 0: 2, for L1 1",
           between(0, 1e6));
    option("momentum", momentum, "weight of the last move in the next", half_open(0, 1));
    option("rho", rho,
           "share of the steps between two checks that must improve, or steps are halved (not L1)",
           between(0, 1));
    option(
        "radii", radii,
        "begin within so many times epsilon, then less by epsilon each time, with 40 % of the steps within "
        "epsilon itself; 0: 3 for L1, else 1",
        between(0, 10));
    option("conjugate", conjugate, "steps along conjugate gradients");
    option("maximize_loss", maximize_loss, "go on after success and return the highest loss");
    option("draws", draws, "gradients averaged at each point, for models that draw random numbers",
           between(1, 1e4));
  }
};

/// Options of foil::AutoProjectedGradientDescent.
template <Norm N>
using AutoProjectedGradientOptions =
    AutoPgdOptions<std::conditional_t<N::p == 1, L1ApgdDefaults, ApgdDefaults>>;

}  // namespace foil
