// SPDX-License-Identifier: MIT
#include "foil/report/font.hpp"

#include <set>

#include "support/catch.hpp"

using foil::io::Picture;

TEST_CASE("font: every drawn character is inside its cell and unlike all others", "[io][font]") {
  std::set<std::vector<bool>> shapes;
  std::size_t characters = 0;
  for (const auto& band : foil::report::detail::glyph_bands) {
    characters += band.characters.size();
    for (const auto row : band.rows) {
      CHECK(row.size() <= 6 * band.characters.size());
      for (std::size_t column = 5; column < row.size(); column += 6) CHECK(row[column] == ' ');
    }
    for (const char character : band.characters) {
      std::vector<bool> shape;
      for (foil::Index y = 0; y < foil::report::glyph_height; ++y)
        for (foil::Index x = 0; x < foil::report::glyph_width; ++x)
          shape.push_back(foil::report::detail::glyph_pixel(character, x, y));
      shapes.insert(shape);
    }
  }
  CHECK(characters > 80);
  CHECK(shapes.size() == characters);
}

TEST_CASE("font: a text is drawn where it is asked for, in its colour and size", "[io][font]") {
  Picture picture(40, 30, 3);
  foil::report::draw_text(picture, 4, 2, "1-", {10, 20, 30}, 2);
  std::string drawn;
  for (foil::Index y = 2; y < 18; y += 2) {
    for (foil::Index x = 4; x < 26; x += 2) {
      const bool set = picture.pixel(x, y)[0] == 10;
      CHECK(set == (picture.pixel(x + 1, y + 1)[2] == 30));
      drawn += set ? '#' : ' ';
    }
    drawn += '\n';
  }
  CHECK(drawn ==
        "  #        \n"
        " ##        \n"
        "  #        \n"
        "  #   #####\n"
        "  #        \n"
        "  #        \n"
        " ###       \n"
        "           \n");
}
