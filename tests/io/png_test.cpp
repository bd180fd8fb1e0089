// SPDX-License-Identifier: MIT
#include "foil/io/png.hpp"

#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using foil::io::Picture;

TEST_CASE("png: libpng reads back the very pixels, gray and RGB", "[io][png][property]") {
  const foil_test::TemporaryDirectory dir;
  const int channels = GENERATE(1, 3);
  Picture picture(7, 5, channels);
  for (foil::Index y = 0; y < 5; ++y)
    for (foil::Index x = 0; x < 7; ++x)
      for (int c = 0; c < channels; ++c)
        picture.pixel(x, y)[c] = static_cast<std::uint8_t>(x * 31 + y * 7 + c * 90);
  foil::io::write_png(dir / "a.png", picture);

  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  REQUIRE(png_image_begin_read_from_file(&image, (dir / "a.png").string().c_str()) != 0);
  CHECK(image.width == 7);
  CHECK(image.height == 5);
  CHECK(image.format == (channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB));
  std::vector<std::uint8_t> pixels(PNG_IMAGE_SIZE(image));
  REQUIRE(png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr) != 0);
  CHECK(pixels == picture.bytes());
  CHECK(dir.entries() == 1);
}

TEST_CASE("png: rectangles are cut off at the border", "[io][png]") {
  Picture picture(4, 3, 3, 0);
  picture.fill(-1, 1, 3, 5, {1, 2, 3});
  for (foil::Index y = 0; y < 3; ++y)
    for (foil::Index x = 0; x < 4; ++x) CHECK(picture.pixel(x, y)[2] == (x < 2 && y > 0 ? 3 : 0));
}

TEST_CASE("png: impossible pictures are refused", "[io][png]") {
  CHECK_THROWS_WITH(Picture(0, 3, 3), ContainsSubstring("got 0 x 3"));
  CHECK_THROWS_WITH(Picture(3, 3, 2), ContainsSubstring("expected 1 or 3 channels, got 2"));
  CHECK_THROWS_WITH(foil::io::write_png("/nowhere/a.png", Picture(1, 1, 1)),
                    ContainsSubstring("/nowhere/a.png"));
}
