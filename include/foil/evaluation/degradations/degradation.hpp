// SPDX-License-Identifier: MIT
/// \file
/// The names of the degradations that people were shown, and the levels at which.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/evaluation/corruptions/corruption.hpp"

namespace foil {

/// The degradations of Geirhos et al. 2018 (arXiv:1808.08750), Eidolons in their three forms, and noise that
/// they trained networks on. All but the first two make images gray.
enum class Degradation {
  greyscale,           ///< 0: in colour, 1: gray
  opponent_colour,     ///< 0: as it is, 1: opponent colours
  contrast,            ///< share of the full one
  uniform_noise,       ///< its width
  low_pass,            ///< standard deviation in pixels
  high_pass,           ///< standard deviation in pixels of what is taken away
  phase_noise,         ///< its width in degrees
  power_equalisation,  ///< 0: as it is, 1: with the mean amplitudes
  rotation,            ///< degrees counter-clockwise
  eidolon_i,           ///< the reach, at coherence 1
  eidolon_ii,          ///< the reach, at coherence 0.3
  eidolon_iii,         ///< the reach, at coherence 0
  salt_and_pepper      ///< share of pixels
};

namespace detail {

inline constexpr std::array<Degradation, 13> every_degradation{
    Degradation::greyscale,      Degradation::opponent_colour,    Degradation::contrast,
    Degradation::uniform_noise,  Degradation::low_pass,           Degradation::high_pass,
    Degradation::phase_noise,    Degradation::power_equalisation, Degradation::rotation,
    Degradation::eidolon_i,      Degradation::eidolon_ii,         Degradation::eidolon_iii,
    Degradation::salt_and_pepper};

inline constexpr std::array<std::string_view, 13> degradation_names{
    "greyscale",  "opponent_colour", "contrast",           "uniform_noise", "low_pass",
    "high_pass",  "phase_noise",     "power_equalisation", "rotation",      "eidolon_i",
    "eidolon_ii", "eidolon_iii",     "salt_and_pepper"};

inline constexpr double no_or_yes[]{0, 1};
inline constexpr double contrasts[]{1, 0.5, 0.3, 0.15, 0.1, 0.05, 0.03, 0.01};
inline constexpr double noise_widths[]{0, 0.03, 0.05, 0.1, 0.2, 0.35, 0.6, 0.9};
inline constexpr double low_pass_deviations[]{0, 1, 3, 5, 7, 10, 15, 40};
inline constexpr double high_pass_deviations[]{
    std::numeric_limits<double>::infinity(), 3, 1.5, 1, 0.7, 0.55, 0.45, 0.4};
inline constexpr double phase_widths[]{0, 30, 60, 90, 120, 150, 180};
inline constexpr double quarter_turns[]{0, 90, 180, 270};
inline constexpr double reaches[]{1, 2, 4, 8, 16, 32, 64, 128};
inline constexpr double salt_shares[]{0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95};

}  // namespace detail

/// All of them.
inline constexpr std::span<const Degradation> all_degradations() {
  return detail::every_degradation;
}

/// "uniform_noise". Throws foil::Error for a number that is no degradation.
inline constexpr std::string_view name(Degradation degradation) {
  return detail::degradation_names[detail::place_of(degradation, detail::degradation_names, "degradation")];
}

/// The degradation of that name, in which - may stand for _. Throws foil::Error for others.
inline Degradation degradation_named(std::string_view name) {
  for (const Degradation degradation : all_degradations())
    if (edit_distance(name, foil::name(degradation)) == 0) return degradation;
  throw Error(text("no degradation is called '", name, "'", did_you_mean(name, detail::degradation_names)));
}

/// Those of a list as "all,-opponent_colour"; as corruptions_named(), but for "benchmark".
inline std::vector<Degradation> degradations_named(std::string_view list) {
  return detail::listed<Degradation>(list, "degradation", [](std::string_view word) {
    const auto all = all_degradations();
    return word == "all" ? std::vector<Degradation>(all.begin(), all.end())
                         : std::vector<Degradation>{degradation_named(word)};
  });
}

/// The levels that were published, from the least degraded on. Others between them are fine.
inline constexpr std::span<const double> published_levels(Degradation degradation) {
  switch (degradation) {
    case Degradation::greyscale:
    case Degradation::opponent_colour:
    case Degradation::power_equalisation:
      return detail::no_or_yes;
    case Degradation::contrast:
      return detail::contrasts;
    case Degradation::uniform_noise:
      return detail::noise_widths;
    case Degradation::low_pass:
      return detail::low_pass_deviations;
    case Degradation::high_pass:
      return detail::high_pass_deviations;
    case Degradation::phase_noise:
      return detail::phase_widths;
    case Degradation::rotation:
      return detail::quarter_turns;
    case Degradation::eidolon_i:
    case Degradation::eidolon_ii:
    case Degradation::eidolon_iii:
      return detail::reaches;
    case Degradation::salt_and_pepper:
      return detail::salt_shares;
  }
  return {};
}

}  // namespace foil
