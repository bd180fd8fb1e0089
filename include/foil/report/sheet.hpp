// SPDX-License-Identifier: MIT
/// \file
/// The contact sheet of an evaluation: for every attack, rows of clean image | adversarial | magnified
/// change.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/picture.hpp"
#include "foil/report/image.hpp"
#include "foil/report/panels.hpp"

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

/// Draws the sheet. One channel is shown in gray with its change in colour (white: none, red: brighter, blue:
/// darker), three channels in colour with their change around mid-gray, any other number by their mean. The
/// change of all rows of a block is magnified by one factor, which is printed. Throws foil::Error if a row
/// does not have the size that `image` says or nothing is to be shown.
inline io::Picture draw_sheet(std::string_view title, const ImageForm& image,
                              const std::vector<SheetBlock>& blocks) {
  const std::size_t count = image.size();
  foil::require(!blocks.empty() && count > 0 && image.lower < image.upper,
                "sheet: expected at least one attack, images with pixels, and lower < upper");
  const io::Picture blank = detail::painted(image, [](Index) { return detail::empty; });
  std::vector<PanelBlock> panels;
  for (const SheetBlock& block : blocks) {
    double largest = 0;
    for (const SheetRow& row : block.rows) {
      foil::require(row.clean.size() == count && (row.adversarial.empty() || row.adversarial.size() == count),
                    "sheet: expected images of ", count, " values, got ", row.clean.size(), " and ",
                    row.adversarial.size());
      largest = std::max(largest, largest_change(row.clean, row.adversarial));
    }
    const int factor = magnification(largest, image.range());
    PanelBlock& panel = panels.emplace_back(PanelBlock{
        block.title, block.note, {"clean", block.heading, "change x" + std::to_string(factor)}, {}});
    for (const SheetRow& row : block.rows) {
      const bool found = !row.adversarial.empty();
      panel.rows.push_back({row.caption,
                            {picture_of(image, row.clean), found ? picture_of(image, row.adversarial) : blank,
                             found ? change_of(image, row.clean, row.adversarial, factor) : blank}});
    }
  }
  return draw_panels(title, image.width, image.height, panels);
}

}  // namespace foil::report
