// SPDX-License-Identifier: MIT
#include "foil/report/sheet.hpp"

#include <algorithm>

#include "support/catch.hpp"

using namespace foil::report;
using Catch::Matchers::ContainsSubstring;
using foil::io::Colour;
using foil::io::Picture;

namespace {

/// How many pixels of the picture have this colour.
std::ptrdiff_t count(const Picture& picture, const Colour& colour) {
  std::ptrdiff_t found = 0;
  for (foil::Index y = 0; y < picture.height(); ++y)
    for (foil::Index x = 0; x < picture.width(); ++x)
      found += std::equal(colour.begin(), colour.end(), picture.pixel(x, y));
  return found;
}

}  // namespace

TEST_CASE("sheet: the factor is the largest round one that keeps the change in range", "[io][sheet]") {
  CHECK(magnification(0.1f, 1) == 10);
  CHECK(magnification(0.1001, 1) == 10);
  CHECK(magnification(0.12, 1) == 5);
  CHECK(magnification(0.3, 1) == 3);
  CHECK(magnification(1, 1) == 1);
  CHECK(magnification(0.1, 2) == 20);
  CHECK(magnification(0, 1) == 1);
}

TEST_CASE("sheet: gray images are magnified, changes are red up and blue down, failures are blank",
          "[io][sheet]") {
  const ImageForm image{1, 2, 2, 0, 1};  // shown 72 times as large
  const std::ptrdiff_t dot = 72 * 72;
  const std::vector<float> clean{0.2f, 0.4f, 0.6f, 0.8f}, changed{0.3f, 0.3f, 0.6f, 0.8f};
  const auto with = draw_sheet("t", image, {{"attack", "note", {{"7 -> 3", clean, changed}}}});
  CHECK(count(with, {51, 51, 51}) == dot);
  CHECK(count(with, {102, 102, 102}) == dot);
  CHECK(count(with, {77, 77, 77}) == 2 * dot);
  CHECK(count(with, {153, 153, 153}) == 2 * dot);
  CHECK(count(with, {178, 24, 43}) == dot);
  CHECK(count(with, {33, 102, 172}) == dot);

  const auto without = draw_sheet("t", image, {{"attack", "note", {{"7", clean, {}}}}});
  CHECK(count(without, {153, 153, 153}) == dot);
  CHECK(count(without, {178, 24, 43}) == 0);
  CHECK(count(without, detail::empty) == 8 * dot);
}

TEST_CASE("sheet: colour images change around mid-gray", "[io][sheet]") {
  const ImageForm image{3, 1, 1, -1, 1};
  const auto sheet =
      draw_sheet("t", image, {{"attack", "note", {{"", {-1, 0, 1}, {-0.75f, 0, 1}}}}});  // factor 5
  CHECK(count(sheet, {0, 128, 255}) == 144 * 144);
  CHECK(count(sheet, {32, 128, 255}) == 144 * 144);
  CHECK(count(sheet, {207, 128, 128}) == 144 * 144);
}

TEST_CASE("sheet: blocks stand four abreast", "[io][sheet]") {
  const SheetBlock block{"attack", "note", {{"", std::vector<float>(4), {}}}};
  const ImageForm image{1, 2, 2, 0, 1};
  const auto one = draw_sheet("t", image, {block}), four = draw_sheet("t", image, {4, block}),
             five = draw_sheet("t", image, {5, block});
  CHECK(four.height() == one.height());
  CHECK(five.width() == four.width());
  CHECK(five.height() > four.height());
  CHECK(count(five, detail::empty) == 5 * count(one, detail::empty));
}

TEST_CASE("sheet: a title has room, whatever is below", "[io][sheet]") {
  const SheetBlock block{"attack", "note", {{"", std::vector<float>(4), {}}}};
  const ImageForm image{1, 2, 2, 0, 1};
  const auto ink = [&](const std::string& title) {
    return count(draw_sheet(title, image, {block}), detail::ink);
  };
  const auto width = [&](std::size_t letters) {
    return draw_sheet(std::string(letters, 'n'), image, {block}).width();
  };
  CHECK(width(20) == width(30));  // drawn smaller
  CHECK(width(60) == 60 * foil::report::glyph_width * 2 + 40);
  CHECK(width(80) == width(200));  // cut at last
  CHECK(ink(std::string(60, 'n')) - ink(std::string(59, 'n')) ==
        ink(std::string(59, 'n')) - ink(std::string(58, 'n')));
}

TEST_CASE("sheet: rows of another size are refused", "[io][sheet]") {
  const ImageForm image{1, 2, 2, 0, 1};
  CHECK_THROWS_WITH(draw_sheet("t", image, {{"attack", "note", {{"", {0, 0, 0}, {}}}}}),
                    ContainsSubstring("expected images of 4 values, got 3"));
  CHECK_THROWS_WITH(draw_sheet("t", image, {}), ContainsSubstring("at least one attack"));
}
