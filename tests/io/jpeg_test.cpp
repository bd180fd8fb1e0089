// SPDX-License-Identifier: MIT
#include "foil/io/jpeg.hpp"

#include <cstdint>
#include <vector>

#include "support/catch.hpp"
#include "support/corrupted.hpp"

namespace {
using Catch::Matchers::ContainsSubstring;
using foil::io::jpeg_round_trip;
}  // namespace

#ifdef FOIL_IO_JPEG

TEST_CASE("JPEG compression is what Pillow's is") {
  for (const auto profile : {foil::CorruptionProfile::imagenet, foil::CorruptionProfile::tiny_imagenet,
                             foil::CorruptionProfile::cifar})
    for (int severity = 1; severity <= 5; ++severity) {
      const auto difference = foil::test::difference_to_fixture(profile, foil::Corruption::jpeg_compression,
                                                                severity, jpeg_round_trip);
      INFO(foil::name(profile) << " " << severity << ": " << difference.mean << " " << difference.largest);
      CHECK(difference.mean <= 0.5);
      CHECK(difference.largest <= 4);
    }
}

TEST_CASE("a flat picture comes back from JPEG, gray or in colours, and a wrong size is refused") {
  for (const foil::Index channels : {1, 3}) {
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(9 * 7 * channels), 128);
    jpeg_round_trip(pixels, 9, 7, channels, 75);
    CHECK(pixels == std::vector<std::uint8_t>(pixels.size(), 128));
    CHECK_THROWS_WITH(jpeg_round_trip(pixels, 9, 8, channels, 75), ContainsSubstring("JPEG: expected"));
    CHECK_THROWS_WITH(jpeg_round_trip(pixels, 9, 7, channels, 101),
                      ContainsSubstring("quality from 1 to 100"));
  }
}

TEST_CASE("a picture that is longer than JPEG holds is refused with the reason") {
  std::vector<std::uint8_t> pixels(65501, 128);
  CHECK_THROWS_WITH(jpeg_round_trip(pixels, 1, 65501, 1, 75),
                    ContainsSubstring("65501 x 1 pixels cannot be encoded as JPEG: Maximum supported image "
                                      "dimension is 65500 pixels"));
  pixels.pop_back();
  jpeg_round_trip(pixels, 65500, 1, 1, 75);
  CHECK(pixels == std::vector<std::uint8_t>(pixels.size(), 128));
}

#endif
