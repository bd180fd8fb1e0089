// SPDX-License-Identifier: MIT
/// \file
/// A small bitmap font for labels in pictures: five pixels wide, seven high, and one row for descenders.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "foil/io/png.hpp"

namespace foil::report {

inline constexpr Index glyph_width = 6, glyph_height = 8;  ///< one cell, spacing included

namespace detail {

/// A line of glyphs, drawn side by side in cells six pixels wide.
struct GlyphBand {
  std::string_view characters;
  std::array<std::string_view, 8> rows;
};

// clang-format off
inline constexpr std::array<GlyphBand, 6> glyph_bands{{
  {"0123456789+-=/%", {
   " ###    #    ###   ###     #  #####  ###  #####  ###   ###                          ##  #",
   "#   #  ##   #   # #   #   ##  #     #         # #   # #   #   #                   # ##  #",
   "#  ##   #       #     #  # #  ####  #        #  #   # #   #   #         #####    #     #",
   "# # #   #      #    ##  #  #      # ####    #    ###   #### ##### #####         #     #",
   "##  #   #     #       # #####     # #   #  #    #   #     #   #         #####  #     #",
   "#   #   #    #    #   #    #  #   # #   #  #    #   #     #   #               #     #  ##",
   " ###   ###  #####  ###     #   ###   ###   #     ###   ###                          #  ##",
   ""}},
  {"ABCDEFGHIJKLM", {
   " ###  ####   ###  ####  ##### #####  ###  #   #  ###    ### #   # #     #   #",
   "#   # #   # #   # #   # #     #     #   # #   #   #      #  #  #  #     ## ##",
   "#   # #   # #     #   # #     #     #     #   #   #      #  # #   #     # # #",
   "##### ####  #     #   # ####  ####  #  ## #####   #      #  ##    #     # # #",
   "#   # #   # #     #   # #     #     #   # #   #   #      #  # #   #     #   #",
   "#   # #   # #   # #   # #     #     #   # #   #   #   #  #  #  #  #     #   #",
   "#   # ####   ###  ####  ##### #      #### #   #  ###   ##   #   # ##### #   #",
   ""}},
  {"NOPQRSTUVWXYZ", {
   "#   #  ###  ####   ###  ####   #### ##### #   # #   # #   # #   # #   # #####",
   "##  # #   # #   # #   # #   # #       #   #   # #   # #   # #   # #   #     #",
   "# # # #   # #   # #   # #   # #       #   #   # #   # #   #  # #   # #     #",
   "#  ## #   # ####  #   # ####   ###    #   #   # #   # # # #   #     #     #",
   "#   # #   # #     # # # # #       #   #   #   # #   # # # #  # #    #    #",
   "#   # #   # #     #  #  #  #      #   #   #   #  # #  ## ## #   #   #   #",
   "#   #  ###  #      ## # #   # ####    #    ###    #   #   # #   #   #   #####",
   ""}},
  {"abcdefghijklm", {
   "      #               #         ##        #       #      #  #      ##",
   "      #               #        #  #       #                 #       #",
   " ###  ####   ###   ####  ###   #     #### ####   ##     ##  #  #    #   ## #",
   "    # #   # #   # #   # #   # ####  #   # #   #   #      #  # #     #   # # #",
   " #### #   # #     #   # #####  #    #   # #   #   #      #  ##      #   # # #",
   "#   # #   # #   # #   # #      #     #### #   #   #      #  # #     #   # # #",
   " #### ####   ###   ####  ####  #        # #   #  ###     #  #  #     ## # # #",
   "                                     ###               ##"}},
  {"nopqrstuvwxyz", {
   "                                      #",
   "                                      #",
   "# ##   ###  ####   #### # ##   #### ##### #   # #   # #   # #   # #   # #####",
   "##  # #   # #   # #   # ##  # #       #   #   # #   # #   #  # #  #   #    #",
   "#   # #   # #   # #   # #      ###    #   #   # #   # # # #   #   #   #   #",
   "#   # #   # ####   #### #         #   #   #   #  # #  # # #  # #   ####  #",
   "#   #  ###  #         # #     ####     ##  ####   #    # #  #   #     # #####",
   "            #         #                                            ###"}},
  {".,:;|_()[]<>#*!?'", {
   "                          #            #   #     ###   ###     #   #     # #          #    ###    #",
   "                          #           #     #    #       #    #     #    # #  # # #   #   #   #   #",
   "             ##    ##     #          #       #   #       #   #       #  #####  ###    #       #",
   "             ##    ##     #          #       #   #       #  #         #  # #  #####   #      #",
   "                          #          #       #   #       #   #       #  #####  ###    #     #",
   " ##    ##    ##    ##     #           #     #    #       #    #     #    # #  # # #",
   " ##    ##    ##     #     #   #####    #   #     ###   ###     #   #     # #          #     #",
   "        #          #"}},
}};
// clang-format on

/// Whether the pixel (x, y) of a character's cell is set; unknown characters are a frame, blanks nothing.
constexpr bool glyph_pixel(char character, Index x, Index y) {
  if (character == ' ' || x >= 5) return false;
  for (const GlyphBand& band : glyph_bands)
    if (const auto at = band.characters.find(character); at != std::string_view::npos) {
      const std::string_view row = band.rows[static_cast<std::size_t>(y)];
      const std::size_t column = at * 6 + static_cast<std::size_t>(x);
      return column < row.size() && row[column] != ' ';
    }
  return y < 7 && (x == 0 || x == 4 || y == 0 || y == 6);
}

}  // namespace detail

/// Writes a line of printable ASCII, its top left corner at (x, y), each dot `scale` pixels wide.
inline void draw_text(io::Picture& picture, Index x, Index y, std::string_view text, const io::Colour& colour,
                      Index scale = 2) {
  for (const char character : text) {
    for (Index v = 0; v < glyph_height; ++v)
      for (Index u = 0; u < glyph_width; ++u)
        if (detail::glyph_pixel(character, u, v))
          picture.fill(x + u * scale, y + v * scale, scale, scale, colour);
    x += glyph_width * scale;
  }
}

}  // namespace foil::report
