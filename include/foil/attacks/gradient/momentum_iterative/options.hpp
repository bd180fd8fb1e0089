// SPDX-License-Identifier: MIT
/// \file
/// The options of the momentum iterative method and of its presets.
#pragma once

#include <string_view>

#include "foil/attacks/gradient/momentum_iterative/smoothing.hpp"
#include "foil/core/error.hpp"
#include "foil/core/losses.hpp"
#include "foil/geometry/image.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// What the presets differ in.
struct MiDefaults {
  static constexpr std::string_view name = "mifgsm";
  static constexpr double momentum = 1, diversity = 0;
  static constexpr bool nesterov = false, random_start = false, maximize_loss = false;
  static constexpr int samples = 1, scales = 1, neighbours = 0;
  static constexpr Smoothing smoothing = Smoothing::none;
};
struct NiDefaults : MiDefaults {
  static constexpr std::string_view name = "ni-fgsm";
  static constexpr bool nesterov = true;
};
struct SiDefaults : NiDefaults {
  static constexpr std::string_view name = "si-ni-fgsm";
  static constexpr int scales = 5;
};
struct VmiDefaults : MiDefaults {
  static constexpr std::string_view name = "vmi-fgsm";
  static constexpr int neighbours = 20;
};
struct VniDefaults : VmiDefaults {
  static constexpr std::string_view name = "vni-fgsm";
  static constexpr bool nesterov = true;
};
struct DiDefaults : MiDefaults {
  static constexpr std::string_view name = "di-fgsm";
  static constexpr double diversity = 0.5;
};
struct TiDefaults : MiDefaults {
  static constexpr std::string_view name = "ti-fgsm";
  static constexpr Smoothing smoothing = Smoothing::gaussian;
};
struct EotDefaults : MiDefaults {
  static constexpr std::string_view name = "eot-pgd";
  static constexpr double momentum = 0;
  static constexpr bool random_start = true, maximize_loss = true;
  static constexpr int samples = 10;
};

/// Options of foil::MomentumIterativeMethod and its presets.
template <class Defaults>
struct MomentumOptionsOf {
  int steps = 10;
  double relative_step = 0.2;
  double absolute_step = 0;
  double final_step = 1;
  double momentum = Defaults::momentum;
  bool nesterov = Defaults::nesterov;
  bool random_start = Defaults::random_start;
  Loss loss = Loss::lsem;
  int samples = Defaults::samples;
  double noise = 0;
  int scales = Defaults::scales;
  double diversity = Defaults::diversity;
  double smallest = 0.9;
  int neighbours = Defaults::neighbours;
  double neighbourhood = 1.5;
  Smoothing smoothing = Defaults::smoothing;
  int smoothing_radius = 7;
  geometry::ChannelsLast channels_last{};
  double quantile = 0.99;
  bool maximize_loss = Defaults::maximize_loss;

  void list(OptionList& option) {
    option("steps", steps, "gradient steps", at_least(1));
    option("relative_step", relative_step, "first step length as a fraction of epsilon; 0: 1 / steps",
           between(0, 1e6));
    option("absolute_step", absolute_step, "first step length in input units instead, if > 0",
           between(0, 1e30));
    option("final_step", final_step, "last step as a fraction of the first (cosine decay); 1: constant",
           between(0, 1));
    option("momentum", momentum, "weight of the past gradients; 0: none, as BIM and PGD", between(0, 1));
    option("nesterov", nesterov, "gradients where the momentum alone would lead");
    option("random_start", random_start, "start uniform in the ball, else at the input");
    option("loss", loss, "loss to ascend");
    option("samples", samples, "gradients averaged in each step, for models or views that use chance",
           at_least(1));
    option("noise", noise, "these gradients at points uniform in a ball of so many epsilon around",
           between(0, 1e6));
    option("scales", scales, "copies that each gradient is averaged over, the k-th divided by 2^k",
           between(1, 30));
    option("diversity", diversity, "images: share of the gradients at shrunken and shifted copies",
           between(0, 1));
    option("smallest", smallest, "size of the smallest of these copies, as a share of height and width",
           between(0, 1));
    option("neighbours", neighbours, "gradients around each step's point that correct the next step's",
           at_least(0));
    option("neighbourhood", neighbourhood, "how far they are, as a fraction of epsilon", between(0, 1e6));
    option("smoothing", smoothing, "images: kernel that gradients are smoothed with");
    option("smoothing_radius", smoothing_radius, "of that kernel, in pixels beside the middle one",
           between(1, 1e4));
    option("channels_last", channels_last, geometry::ChannelsLast::meaning);
    option("quantile", quantile, "L1 only: share of features that a step leaves alone", half_open(0, 1));
    option("maximize_loss", maximize_loss, "go on after success and return the highest loss");
  }
  void check(std::string_view who) const {
    require(!nesterov || momentum > 0, who, ": nesterov needs momentum > 0, got ", momentum);
  }
};

using MomentumIterativeOptions = MomentumOptionsOf<MiDefaults>;

}  // namespace foil
