// SPDX-License-Identifier: MIT
/// \file
/// What the severities of corruptions stand for.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "foil/core/error.hpp"
#include "foil/evaluation/corruptions/corruption.hpp"

namespace foil::corruptions {

/// Constants of one corruption at its five severities; those that it does not have are 0.
using Severities = std::array<std::array<double, 7>, 5>;

namespace detail {

/// In the order of foil::Corruption: imagecorruptions 1.1.2, whose constants are those of ImageNet-C but for
/// elastic_transform.
inline constexpr std::array<Severities, 19> imagenet_constants{{
    {{{.08}, {.12}, {.18}, {.26}, {.38}}},                            // standard deviation
    {{{60}, {25}, {12}, {5}, {3}}},                                   // photons at white
    {{{.03}, {.06}, {.09}, {.17}, {.27}}},                            // share of values
    {{{3, .1}, {4, .5}, {6, .5}, {8, .5}, {10, .5}}},                 // radius, softness
    {{{.7, 1, 2}, {.9, 2, 1}, {1, 2, 3}, {1.1, 3, 2}, {1.5, 4, 2}}},  // blur, reach, passes
    {{{10, 3}, {15, 5}, {15, 8}, {15, 12}, {20, 15}}},                // radius, decay
    {{{12, .01}, {16, .01}, {11, .02}, {13, .02}, {11, .03}}},        // layers, step
    {{{.1, .3, 3, .5, 10, 4, .8},                                     // mean, deviation, zoom,
      {.2, .3, 2, .5, 12, 4, .7},                                     // threshold, radius, decay,
      {.55, .3, 4, .9, 12, 8, .7},                                    // share of the image
      {.55, .3, 4.5, .85, 12, 8, .65},
      {.55, .3, 2.5, .85, 12, 12, .55}}},
    {{{1, .4}, {.8, .6}, {.7, .7}, {.65, .7}, {.6, .75}}},   // image, ice
    {{{1.5, 2}, {2, 2}, {2.5, 1.7}, {2.5, 1.5}, {3, 1.4}}},  // density, decay
    {{{.1}, {.2}, {.3}, {.4}, {.5}}},                        // added to the value
    {{{.4}, {.3}, {.2}, {.1}, {.05}}},                       // factor
    {{{12.5, .01, 0, .005},
      {16.25, .01, 0, .005},
      {21.25, .01, 0, .005},  // strength, blur, affine,
      {25, .01, 0, .005},
      {30, .01, 0, .005}}},               // range of the draws
    {{{.6}, {.5}, {.4}, {.3}, {.25}}},    // factor of size
    {{{25}, {18}, {15}, {10}, {7}}},      // quality
    {{{.15}, {.2}, {.35}, {.45}, {.6}}},  // standard deviation
    {{{1}, {2}, {3}, {4}, {6}}},          // standard deviation
    {{{.65, .3, 4, .69, .6},
      {.65, .3, 3, .68, .6},
      {.65, .3, 2, .68, .5},  // mean, deviation, blur,
      {.65, .3, 1, .65, 1.5, 1},
      {.67, .4, 1, .65, 1.5, 1}}},                    // threshold, strength, mud
    {{{.3, 0}, {.1, 0}, {2, 0}, {5, .1}, {20, .2}}},  // factor, added
}};

/// As imagenet_constants, of the program that made Tiny-ImageNet-C.
inline constexpr std::array<Severities, 19> tiny_imagenet_constants{{
    {{{.04}, {.08}, {.12}, {.15}, {.18}}},
    {{{250}, {100}, {50}, {30}, {15}}},
    {{{.01}, {.02}, {.05}, {.08}, {.14}}},
    {{{.5, .6}, {1, .1}, {1.5, .1}, {2.5, .01}, {3, .1}}},
    {{{.1, 1, 1}, {.5, 1, 1}, {.6, 1, 2}, {.7, 2, 1}, {.9, 2, 2}}},
    {{{10, 1}, {10, 1.5}, {10, 2}, {10, 2.5}, {12, 3}}},
    {{{7, .01}, {12, .01}, {16, .01}, {21, .01}, {26, .01}}},
    {{{.1, .2, 1, .6, 8, 3, .8},
      {.1, .2, 1, .5, 10, 4, .8},
      {.15, .3, 1.75, .55, 10, 4, .7},
      {.25, .3, 2.25, .6, 12, 6, .65},
      {.3, .3, 1.25, .65, 14, 12, .6}}},
    {{{1, .3}, {.9, .4}, {.8, .45}, {.75, .5}, {.7, .55}}},
    {{{.4, 3}, {.7, 3}, {1, 2.5}, {1.5, 2}, {2, 1.75}}},
    {{{.1}, {.2}, {.3}, {.4}, {.5}}},
    {{{.4}, {.3}, {.2}, {.1}, {.05}}},
    {{{0, 0, .08, 1}, {.05, .3, .06, 1}, {.1, .08, .06, 1}, {.1, .03, .03, 1}, {.16, .03, .02, 1}}},
    {{{.9}, {.8}, {.7}, {.6}, {.5}}},
    {{{65}, {58}, {50}, {40}, {25}}},
    {{{.15}, {.2}, {.25}, {.3}, {.35}}},
    {{{.5}, {.75}, {1}, {1.25}, {1.5}}},
    {{{.62, .1, .7, .7, .6},
      {.65, .1, .8, .7, .6},
      {.65, .3, 1, .69, .6},
      {.65, .1, .7, .68, .6, 1},
      {.65, .1, .5, .67, .6, 1}}},
    {{{.3, 0}, {.1, 0}, {2, 0}, {5, .1}, {30, .2}}},
}};

/// As imagenet_constants, of the program that made CIFAR-10-C.
inline constexpr std::array<Severities, 19> cifar_constants{{
    {{{.04}, {.06}, {.08}, {.09}, {.1}}},
    {{{500}, {250}, {100}, {75}, {50}}},
    {{{.01}, {.02}, {.03}, {.05}, {.07}}},
    {{{.3, .4}, {.4, .5}, {.5, .6}, {1, .2}, {1.5, .1}}},
    {{{.05, 1, 1}, {.25, 1, 1}, {.4, 1, 1}, {.25, 1, 2}, {.4, 1, 2}}},
    {{{6, 1}, {6, 1.5}, {6, 2}, {8, 2}, {9, 2.5}}},
    {{{7, .01}, {12, .01}, {16, .01}, {21, .01}, {26, .01}}},
    {{{.1, .2, 1, .6, 8, 3, .95},
      {.1, .2, 1, .5, 10, 4, .9},
      {.15, .3, 1.75, .55, 10, 4, .9},
      {.25, .3, 2.25, .6, 12, 6, .85},
      {.3, .3, 1.25, .65, 14, 12, .8}}},
    {{{1, .2}, {1, .3}, {.9, .4}, {.85, .4}, {.75, .45}}},
    {{{.2, 3}, {.5, 3}, {.75, 2.5}, {1, 2}, {1.5, 1.75}}},
    {{{.05}, {.1}, {.15}, {.2}, {.3}}},
    {{{.75}, {.5}, {.4}, {.3}, {.15}}},
    {{{0, 0, .08, 1}, {.05, .2, .07, 1}, {.08, .06, .06, 1}, {.1, .04, .05, 1}, {.1, .03, .03, 1}}},
    {{{.95}, {.9}, {.85}, {.75}, {.65}}},
    {{{80}, {65}, {58}, {50}, {40}}},
    {{{.06}, {.1}, {.12}, {.16}, {.2}}},
    {{{.4}, {.6}, {.7}, {.8}, {1}}},
    {{{.62, .1, .7, .7, .5},
      {.65, .1, .8, .7, .5},
      {.65, .3, 1, .69, .5},
      {.65, .1, .7, .69, .6, 1},
      {.65, .1, .5, .68, .6, 1}}},
    {{{.3, 0}, {.1, 0}, {1.5, 0}, {2, .1}, {2.5, .2}}},
}};

}  // namespace detail

/// The constants of a corruption at all severities. What each is, the functions say that take them. Throws
/// foil::Error for numbers that are no corruption or no profile.
inline constexpr const Severities& severities_of(Corruption corruption, CorruptionProfile profile) {
  const std::size_t place = foil::detail::place_of(corruption, foil::detail::corruption_names, "corruption");
  switch (profile) {
    case CorruptionProfile::imagenet:
      return detail::imagenet_constants[place];
    case CorruptionProfile::tiny_imagenet:
      return detail::tiny_imagenet_constants[place];
    case CorruptionProfile::cifar:
      return detail::cifar_constants[place];
  }
  throw Error(text("expected a profile of corruptions, got the number ", static_cast<std::size_t>(profile)));
}

/// The constants of a corruption at one severity, from 1 to 5. Throws foil::Error for others.
inline const std::array<double, 7>& constants(Corruption corruption, CorruptionProfile profile,
                                              int severity) {
  require(severity >= 1 && severity <= corruption_severities, name(corruption),
          ": expected a severity from 1 to ", corruption_severities, ", got ", severity);
  return severities_of(corruption, profile)[static_cast<std::size_t>(severity - 1)];
}

}  // namespace foil::corruptions
