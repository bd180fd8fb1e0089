// SPDX-License-Identifier: MIT
/// \file
/// The contact sheet of an evaluation: for every attack, rows of clean image | adversarial | magnified
/// change.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/png.hpp"
#include "foil/report/font.hpp"
#include "foil/report/image.hpp"

namespace foil::report {

/// One sample of a sheet.
struct SheetRow {
  std::string caption;             ///< below the images, e.g. "7 -> 3"
  std::vector<float> clean;        ///< C x H x W
  std::vector<float> adversarial;  ///< the same, or empty if there is none
};

/// One attack of a sheet.
struct SheetBlock {
  std::string title, note;  ///< a line each
  std::vector<SheetRow> rows;
  std::string heading = "adversarial";  ///< of the middle column
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

/// Draws the sheet. One channel is shown in gray with its change in colour (white: none, red: brighter, blue:
/// darker), three channels in colour with their change around mid-gray, any other number by their mean. The
/// change of all rows of a block is magnified by one factor, which is printed. Throws foil::Error if a row
/// does not have the size that `image` says or nothing is to be shown.
inline io::Picture draw_sheet(std::string_view title, const ImageForm& image,
                              const std::vector<SheetBlock>& blocks) {
  const std::size_t count = image.size();
  foil::require(!blocks.empty() && count > 0 && image.lower < image.upper,
                "sheet: expected at least one attack, images with pixels, and lower < upper");
  std::size_t rows = 0;
  for (const SheetBlock& block : blocks) {
    rows = std::max(rows, block.rows.size());
    for (const SheetRow& row : block.rows)
      foil::require(row.clean.size() == count && (row.adversarial.empty() || row.adversarial.size() == count),
                    "sheet: expected images of ", count, " values, got ", row.clean.size(), " and ",
                    row.adversarial.size());
  }

  constexpr Index margin = 20, gap = 8, line = 24, between = 14;
  const Index zoom = std::max<Index>(1, 144 / std::max(image.height, image.width));
  const Index cell_width = std::max<Index>(zoom * image.width, 11 * glyph_width * 2);
  const Index cell_height = zoom * image.height;
  const Index block_width = 3 * cell_width + 2 * gap;
  const Index block_height = 3 * line + static_cast<Index>(rows) * (cell_height + line + between);
  const Index total = static_cast<Index>(blocks.size());
  const Index across = std::min<Index>(total, 4), down = (total + across - 1) / across;
  io::Picture sheet(margin + across * (block_width + margin),
                    2 * margin + line + down * (block_height + margin), 3);
  draw_text(sheet, margin, margin - 4, detail::cut(std::string(title), sheet.width() - 2 * margin, 3),
            detail::ink, 3);

  const auto draw_cell = [&](Index left, Index top, const io::Picture& cell) {
    const Index x = left + (cell_width - zoom * image.width) / 2;
    sheet.fill(x - 1, top - 1, zoom * image.width + 2, cell_height + 2, detail::border);
    for (Index v = 0; v < image.height; ++v)
      for (Index u = 0; u < image.width; ++u) {
        const std::uint8_t* const pixel = cell.pixel(u, v);
        sheet.fill(x + u * zoom, top + v * zoom, zoom, zoom, {pixel[0], pixel[1], pixel[2]});
      }
  };

  for (Index b = 0; b < total; ++b) {
    const SheetBlock& block = blocks[static_cast<std::size_t>(b)];
    const Index left = margin + b % across * (block_width + margin);
    Index top = 2 * margin + line + b / across * (block_height + margin);
    double largest = 0;
    for (const SheetRow& row : block.rows)
      largest = std::max(largest, largest_change(row.clean, row.adversarial));
    const int factor = magnification(largest, image.range());

    draw_text(sheet, left, top, detail::cut(block.title, block_width), detail::ink);
    draw_text(sheet, left, top + line - 2, detail::cut(block.note, block_width), detail::ink);
    top += 2 * line;
    draw_text(sheet, left, top, "clean", detail::faint);
    draw_text(sheet, left + cell_width + gap, top, detail::cut(block.heading, cell_width), detail::faint);
    draw_text(sheet, left + 2 * (cell_width + gap), top, "change x" + std::to_string(factor), detail::faint);
    top += line;
    for (const SheetRow& row : block.rows) {
      draw_cell(left, top, picture_of(image, row.clean));
      if (row.adversarial.empty()) {
        const auto blank = detail::painted(image, [](Index) { return detail::empty; });
        draw_cell(left + cell_width + gap, top, blank);
        draw_cell(left + 2 * (cell_width + gap), top, blank);
      } else {
        draw_cell(left + cell_width + gap, top, picture_of(image, row.adversarial));
        draw_cell(left + 2 * (cell_width + gap), top, change_of(image, row.clean, row.adversarial, factor));
      }
      draw_text(sheet, left, top + cell_height + 4, detail::cut(row.caption, block_width), detail::ink);
      top += cell_height + line + between;
    }
  }
  return sheet;
}

}  // namespace foil::report
