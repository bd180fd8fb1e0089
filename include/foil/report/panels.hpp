// SPDX-License-Identifier: MIT
/// \file
/// Sheets of small pictures in rows and columns, under titles.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/picture.hpp"
#include "foil/report/font.hpp"

namespace foil::report {

/// Pictures side by side.
struct PanelRow {
  std::string caption;                ///< below them
  std::vector<io::Picture> pictures;  ///< in colour, one for each heading
};

/// Rows under one title.
struct PanelBlock {
  std::string title, note;            ///< a line each
  std::vector<std::string> headings;  ///< of the columns
  std::vector<PanelRow> rows;
};

namespace detail {

inline constexpr io::Colour ink{32, 32, 32}, faint{120, 120, 120}, border{200, 200, 200},
    empty{240, 240, 240};

/// Text cut to a width in pixels, with two dots to show for it.
inline std::string cut(std::string text, Index width, Index scale = 2) {
  const auto fits = static_cast<std::size_t>(std::max<Index>(width / (glyph_width * scale), 2));
  if (text.size() > fits) text.replace(fits - 2, text.npos, "..");
  return text;
}

}  // namespace detail

/// Draws blocks of pictures that all have `width` x `height` pixels, enlarged to 144 in the longer direction
/// if they are smaller; up to four blocks side by side. Throws foil::Error if there is no block, or a picture
/// is missing or has another size.
inline io::Picture draw_panels(std::string_view title, Index width, Index height,
                               const std::vector<PanelBlock>& blocks) {
  foil::require(!blocks.empty() && width > 0 && height > 0,
                "sheet: expected something to show, of at least a pixel");
  std::size_t rows = 0, columns = 1;
  for (const PanelBlock& block : blocks) {
    rows = std::max(rows, block.rows.size());
    columns = std::max(columns, block.headings.size());
    for (const PanelRow& row : block.rows) {
      foil::require(row.pictures.size() == block.headings.size(), "sheet: expected a picture for each of ",
                    block.headings.size(), " headings, got ", row.pictures.size());
      for (const io::Picture& picture : row.pictures)
        foil::require(picture.width() == width && picture.height() == height && picture.channels() == 3,
                      "sheet: expected pictures of ", width, " x ", height, " pixels in colour, got ",
                      picture.width(), " x ", picture.height());
    }
  }

  constexpr Index margin = 20, gap = 8, line = 24, between = 14;
  const Index zoom = std::max<Index>(1, 144 / std::max(height, width));
  Index cell_width = std::max<Index>(zoom * width, 11 * glyph_width * 2);
  for (const PanelBlock& block : blocks)
    for (std::size_t k = 0; k < block.headings.size(); ++k) {  // the last one has the margin as well
      const auto letters = std::min<Index>(static_cast<Index>(block.headings[k].size()), 24);
      cell_width =
          std::max(cell_width, letters * glyph_width * 2 - (k + 1 == block.headings.size() ? margin : 0));
    }
  const Index cell_height = zoom * height;
  const Index block_width = static_cast<Index>(columns) * (cell_width + gap) - gap;
  const Index block_height = 3 * line + static_cast<Index>(rows) * (cell_height + line + between);
  const Index total = static_cast<Index>(blocks.size());
  const Index across = std::min<Index>(total, 4), down = (total + across - 1) / across;
  // A title that is too long is drawn smaller, and makes the sheet wider if need be.
  const Index letters = std::min<Index>(static_cast<Index>(title.size()), 80);
  const Index room = std::max(across * (block_width + margin) - margin, letters * glyph_width * 2);
  const Index scale = letters * glyph_width * 3 <= room ? 3 : 2;
  io::Picture sheet(room + 2 * margin, 2 * margin + line + down * (block_height + margin), 3);
  draw_text(sheet, margin, margin - 4, detail::cut(std::string(title), room, scale), detail::ink, scale);

  const auto draw_cell = [&](Index left, Index top, const io::Picture& cell) {
    const Index x = left + (cell_width - zoom * width) / 2;
    sheet.fill(x - 1, top - 1, zoom * width + 2, cell_height + 2, detail::border);
    for (Index v = 0; v < height; ++v)
      for (Index u = 0; u < width; ++u) {
        const std::uint8_t* const pixel = cell.pixel(u, v);
        sheet.fill(x + u * zoom, top + v * zoom, zoom, zoom, {pixel[0], pixel[1], pixel[2]});
      }
  };

  for (Index b = 0; b < total; ++b) {
    const PanelBlock& block = blocks[static_cast<std::size_t>(b)];
    const Index left = margin + b % across * (block_width + margin);
    Index top = 2 * margin + line + b / across * (block_height + margin);
    const auto column = [&](std::size_t k) { return left + static_cast<Index>(k) * (cell_width + gap); };
    draw_text(sheet, left, top, detail::cut(block.title, block_width), detail::ink);
    draw_text(sheet, left, top + line - 2, detail::cut(block.note, block_width), detail::ink);
    top += 2 * line;
    for (std::size_t k = 0; k < block.headings.size(); ++k)
      draw_text(sheet, column(k), top,
                detail::cut(block.headings[k], cell_width + (k + 1 == block.headings.size() ? margin : 0)),
                detail::faint);
    top += line;
    for (const PanelRow& row : block.rows) {
      for (std::size_t k = 0; k < row.pictures.size(); ++k) draw_cell(column(k), top, row.pictures[k]);
      draw_text(sheet, left, top + cell_height + 4, detail::cut(row.caption, block_width), detail::ink);
      top += cell_height + line + between;
    }
  }
  return sheet;
}

}  // namespace foil::report
