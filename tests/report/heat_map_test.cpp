// SPDX-License-Identifier: MIT
#include "foil/report/heat_map.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

#include "support/catch.hpp"

using namespace foil::report;
using Catch::Matchers::ContainsSubstring;
using Numbers = std::vector<float>;

TEST_CASE("heat map: colours end at a quantile of the sizes", "[io][report]") {
  Numbers map(200);
  for (std::size_t i = 0; i < 200; ++i) map[i] = (i % 2 ? 1.f : -1.f) * static_cast<float>(i);
  map[7] = 1e6f;
  CHECK(heat_limit({&map}) == 199);
  CHECK(heat_limit({&map}, 1) == 1e6);
  CHECK(heat_limit({&map}, 0) == 0);
  const Numbers zero(4);
  CHECK(heat_limit({&zero}) == 0);
  CHECK_THROWS_WITH(heat_limit({}), ContainsSubstring("expected numbers"));
  map[3] = NAN;
  CHECK_THROWS_WITH(heat_limit({&map}), ContainsSubstring("finite"));
}

TEST_CASE("heat map: red speaks for it, blue against it, white says nothing", "[io][report]") {
  const ImageForm form{1, 2, 2, 0, 1};
  const auto picture = heat_picture(form, {1, -1, 0, 5}, 2);
  CHECK(picture.pixel(0, 0)[2] == 149);  // half way from white to (178, 24, 43)
  CHECK(picture.pixel(1, 0)[0] == 144);  // and to (33, 102, 172)
  CHECK(picture.pixel(0, 1)[1] == 255);
  CHECK(picture.pixel(1, 1)[0] == 178);
  CHECK(heat_picture(form, {1, -1, 0, 5}, 0).pixel(1, 1)[1] == 255);
  CHECK_THROWS_WITH(heat_picture(form, {1}, 1), ContainsSubstring("4 numbers, got 1"));
}

TEST_CASE("heat map: a sheet has an image and its maps in each row, and one scale in each column",
          "[io][report]") {
  const ImageForm form{3, 2, 2, 0, 1};  // shown 72 times as large
  const HeatRow row{"7", Numbers(12, 0.5f), {{0, 0, 0, 4}, {1, 1, 1, 1}}},
      pale{"8", Numbers(12, 0.5f), {{0, 0, 0, 2}, {1, 1, 1, 1}}};
  const HeatBlock block{"t", "n", {"present", "occlude"}, {row, pale}};
  const auto sheet = draw_heat_maps("title", form, {block});
  std::ptrdiff_t gray = 0, full = 0, half = 0;
  for (foil::Index y = 0; y < sheet.height(); ++y)
    for (foil::Index x = 0; x < sheet.width(); ++x) {
      const auto* p = sheet.pixel(x, y);
      gray += p[0] == 128 && p[1] == 128 && p[2] == 128;
      full += p[0] == 178 && p[1] == 24 && p[2] == 43;
      half += p[0] == 217 && p[1] == 140 && p[2] == 149;
    }
  CHECK(gray == 2 * 144 * 144);
  CHECK(full == 72 * 72 + 2 * 144 * 144);
  CHECK(half == 72 * 72);
  const auto small =
      draw_heat_maps("title", form, {block}, 1);  // one pixel of each, shown 144 times as large
  CHECK(small.height() == sheet.height());
  std::ptrdiff_t quarter = 0;  // of a limit of 4: the mean of 0, 0, 0, 4
  for (foil::Index y = 0; y < small.height(); ++y)
    for (foil::Index x = 0; x < small.width(); ++x) quarter += small.pixel(x, y)[1] == 197;
  CHECK(quarter == 144 * 144);
  CHECK_THROWS_WITH(draw_heat_maps("t", form, {}), ContainsSubstring("at least one block"));
  CHECK_THROWS_WITH(draw_heat_maps("t", form, {{"t", "n", {"present"}, {row}}}),
                    ContainsSubstring("1 maps of each, got 12 and 2"));
}

TEST_CASE("panels: as many pictures as headings, all of one size", "[io][report]") {
  const foil::io::Picture small(2, 2, 3), other(3, 2, 3);
  CHECK_NOTHROW(draw_panels("t", 2, 2, {{"t", "n", {"a", "b"}, {{"c", {small, small}}}}}));
  CHECK_THROWS_WITH(draw_panels("t", 2, 2, {{"t", "n", {"a", "b"}, {{"c", {small}}}}}),
                    ContainsSubstring("each of 2 headings, got 1"));
  CHECK_THROWS_WITH(draw_panels("t", 2, 2, {{"t", "n", {"a"}, {{"c", {other}}}}}),
                    ContainsSubstring("2 x 2 pixels in colour, got 3 x 2"));
}
