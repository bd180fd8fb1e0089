// SPDX-License-Identifier: MIT
/// \file
/// What others make of a picture, in tests/evaluation/corruptions/fixtures.bin, and the picture.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "foil/evaluation/corruptions/corrupt.hpp"
#include "support/catch.hpp"

namespace foil::test {

/// The height and width of the picture of fixtures.py, for a profile.
inline std::pair<foil::Index, foil::Index> size_to_corrupt(foil::CorruptionProfile profile) {
  if (profile == foil::CorruptionProfile::imagenet) return {24, 32};
  return profile == foil::CorruptionProfile::cifar ? std::pair{28, 28} : std::pair{32, 32};
}

/// That picture.
inline foil::Tensor<float, 4> picture_to_corrupt(foil::CorruptionProfile profile) {
  const auto [height, width] = size_to_corrupt(profile);
  foil::Tensor<float, 4> out(1, 3, height, width);
  for (foil::Index c = 0; c < 3; ++c)
    for (foil::Index y = 0; y < height; ++y)
      for (foil::Index x = 0; x < width; ++x) {
        foil::Index value =
            (x * (7 + 3 * c) + y * (11 - 2 * c) + (x / 4 + y / 5) % 2 * 60 + x * y * (c + 1) % 23) % 256;
        if (y >= 2 && y < 7 && x >= 3 && x < 9) value = 0;
        if (y >= 9 && y < 13 && x >= 12 && x < 18) value = 255;
        if (y >= 15 && y < 20 && x >= 4 && x < 10) value = 100;
        out(0, c, y, x) = static_cast<float>(value) / 255.0f;
      }
  return out;
}

/// A texture of fixtures.py.
inline foil::corruptions::Planes texture_of_ice(foil::Index height, foil::Index width) {
  foil::corruptions::Planes out(3, height, width);
  for (foil::Index c = 0; c < 3; ++c)
    for (foil::Index y = 0; y < height; ++y)
      for (foil::Index x = 0; x < width; ++x)
        out.row(c, y)[x] = static_cast<double>((x * 5 + y * 3 * (c + 1) + x * y % 41) % 256) / 255;
  return out;
}

/// How far foil's results are from theirs, in levels.
struct LevelDifference {
  double mean = 0, largest = 0;
};

/// Corrupts the picture as fixtures.py did, and compares.
inline LevelDifference difference_to_fixture(foil::CorruptionProfile profile, foil::Corruption corruption,
                                             int severity, const foil::JpegRoundTrip& jpeg = {}) {
  static const std::vector<char> fixtures = [] {
    std::ifstream file(FOIL_TESTS "/evaluation/corruptions/fixtures.bin", std::ios::binary);
    return std::vector<char>(std::istreambuf_iterator<char>(file), {});
  }();
  constexpr std::size_t stride = 17;
  const auto parts = [](foil::CorruptionProfile of) {
    const auto [height, width] = size_to_corrupt(of);
    return (static_cast<std::size_t>(height * width * 3) + stride - 1) / stride;
  };
  const std::size_t count = parts(profile);
  std::size_t at =
                  (static_cast<std::size_t>(corruption) * 5 + static_cast<std::size_t>(severity - 1)) * count,
              all = 0;
  for (const auto other : {foil::CorruptionProfile::imagenet, foil::CorruptionProfile::tiny_imagenet,
                           foil::CorruptionProfile::cifar}) {
    if (other < profile) at += 95 * parts(other);
    all += 95 * parts(other);
  }
  REQUIRE(fixtures.size() == all);

  foil::CorruptionOptions options;
  options.seed = 7;
  options.profile = profile;
  options.frost = {texture_of_ice(160, 170), texture_of_ice(180, 190)};
  options.jpeg = jpeg;
  const auto found = foil::corrupt(picture_to_corrupt(profile), corruption, severity, options, 3);
  const auto width = static_cast<std::size_t>(found.dimension(3));
  LevelDifference out;
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t i = k * stride, pixel = i / 3;
    const double level = 255 * static_cast<double>(found(0, static_cast<foil::Index>(i % 3),
                                                         static_cast<foil::Index>(pixel / width),
                                                         static_cast<foil::Index>(pixel % width)));
    const double difference =
        std::abs(std::round(level) - static_cast<double>(static_cast<std::uint8_t>(fixtures[at + k])));
    out.mean += difference / static_cast<double>(count);
    out.largest = std::max(out.largest, difference);
  }
  return out;
}

}  // namespace foil::test
