// SPDX-License-Identifier: MIT
/// \file
/// The options of PGD and of its presets.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/losses.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// How a gradient becomes a step.
enum class StepRule { plain, adam };

/// The texts that stand for the values of an option.
constexpr auto option_names(StepRule) {
  return std::array{std::pair{std::string_view("plain"), StepRule::plain},
                    std::pair{std::string_view("adam"), StepRule::adam}};
}

/// What the presets differ in.
struct PgdDefaults {
  static constexpr std::string_view name = "pgd";
  static constexpr int steps = 100;
  static constexpr double relative_step = 0, final_step = 0.1;
  static constexpr bool random_start = true;
  static constexpr StepRule rule = StepRule::plain;
};
struct BimDefaults : PgdDefaults {
  static constexpr std::string_view name = "bim";
  static constexpr int steps = 10;
  static constexpr double relative_step = 0.2, final_step = 1;
  static constexpr bool random_start = false;
};
struct AdamPgdDefaults : PgdDefaults {
  static constexpr std::string_view name = "adam-pgd";
  static constexpr StepRule rule = StepRule::adam;
};
struct AdamBimDefaults : BimDefaults {
  static constexpr std::string_view name = "adam-bim";
  static constexpr double relative_step = 0, final_step = 0.1;
  static constexpr StepRule rule = StepRule::adam;
};

/// Options of PGD and its presets.
template <class Defaults>
struct IteratedGradientOptions {
  int steps = Defaults::steps;
  double relative_step = Defaults::relative_step;
  double absolute_step = 0;
  double final_step = Defaults::final_step;
  bool random_start = Defaults::random_start;
  int restarts = 1;
  Loss loss = Loss::lsem;
  StepRule rule = Defaults::rule;
  double quantile = 0.99;
  bool maximize_loss = false;

  void list(OptionList& option) {
    option("steps", steps, "gradient steps per restart", at_least(1));
    option(
        "relative_step", relative_step,
        "first step length as a fraction of epsilon; 0: follows from steps: 1 (rule=adam: 2), and the last "
        "step is final_step times that, with more than 10 steps also times 10 / steps",
        between(0, 1e6));
    option("absolute_step", absolute_step, "first step length in input units instead, if > 0",
           between(0, 1e30));
    option("final_step", final_step, "last step as a fraction of the first (cosine decay); 1: constant",
           between(0, 1));
    option("random_start", random_start, "start uniform in the ball, else at the input");
    option("restarts", restarts, "independent runs until one succeeds", at_least(1));
    option("loss", loss, "loss to ascend");
    option("rule", rule, "how a gradient becomes a step");
    option("quantile", quantile, "L1 only: share of features that a step leaves alone", half_open(0, 1));
    option("maximize_loss", maximize_loss, "go on after success and return the highest loss");
  }
  void check(std::string_view who) const {
    require(restarts == 1 || random_start, who, ": ", restarts,
            " restarts are all the same without random_start");
  }
};

using ProjectedGradientOptions = IteratedGradientOptions<PgdDefaults>;
using BasicIterativeOptions = IteratedGradientOptions<BimDefaults>;

}  // namespace foil
