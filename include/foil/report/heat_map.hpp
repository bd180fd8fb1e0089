// SPDX-License-Identifier: MIT
/// \file
/// Sheets of images with what speaks for something in them, pixel by pixel.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/picture.hpp"
#include "foil/report/image.hpp"
#include "foil/report/numbers.hpp"
#include "foil/report/panels.hpp"

namespace foil::report {

/// An image and its maps, H x W each: what speaks for something is positive, what speaks against it negative.
struct HeatRow {
  std::string caption;                   ///< below the images
  std::vector<float> image;              ///< C x H x W
  std::vector<std::vector<float>> maps;  ///< one for each heading
};

/// Images whose maps can be compared.
struct HeatBlock {
  std::string title, note;            ///< a line each
  std::vector<std::string> headings;  ///< of the maps
  std::vector<HeatRow> rows;
};

/// Where the colours of maps end: a quantile of the sizes of their numbers, since single ones may be huge. 0
/// if all are 0. Throws foil::Error if there are none, or one is not finite.
inline double heat_limit(const std::vector<const std::vector<float>*>& maps, double quantile = 0.99) {
  std::vector<double> sizes;
  for (const auto* map : maps)
    for (const float value : *map) sizes.push_back(std::abs(double{value}));
  foil::require(!sizes.empty() &&
                    std::all_of(sizes.begin(), sizes.end(), [](double s) { return std::isfinite(s); }) &&
                    quantile >= 0 && quantile <= 1,
                "heat map: expected numbers that are finite, and a quantile from 0 to 1");
  const auto at = sizes.begin() +
                  static_cast<std::ptrdiff_t>(std::ceil(quantile * static_cast<double>(sizes.size() - 1)));
  std::nth_element(sizes.begin(), at, sizes.end());
  return *at;
}

/// A map in colour: from blue (minus the limit or less) over white (0) to red (the limit or more).
inline io::Picture heat_picture(const ImageForm& form, const std::vector<float>& map, double limit) {
  foil::require(map.size() == static_cast<std::size_t>(form.pixels()), "heat map: expected ", form.pixels(),
                " numbers, got ", map.size());
  return detail::painted(form, [&](Index pixel) {
    const double value = double{map[static_cast<std::size_t>(pixel)]};
    return detail::blue_white_red(limit > 0 ? value / limit : 0);
  });
}

/// Draws images and their maps side by side. All maps under one heading have the same colours, which end at
/// their heat_limit(): the heading tells it. Images of more than `most` pixels in a direction are shown
/// reduced(), with their maps. Throws foil::Error if something is missing or of another size.
inline io::Picture draw_heat_maps(std::string_view title, const ImageForm& image,
                                  const std::vector<HeatBlock>& blocks, Index most = 144) {
  foil::require(!blocks.empty() && image.size() > 0 && image.lower < image.upper,
                "heat map: expected at least one block, images with pixels, and lower < upper");
  const ImageForm map{1, image.height, image.width, image.lower, image.upper};
  ImageForm shown = image, shown_map = map;
  const auto smaller = [most](ImageForm from, const std::vector<float>& values, ImageForm& to) {
    auto out = reduced(from, values, most);
    to = from;
    return out;
  };
  std::vector<PanelBlock> panels;
  for (const HeatBlock& block : blocks) {
    PanelBlock& panel = panels.emplace_back(PanelBlock{block.title, block.note, {"image"}, {}});
    for (const HeatRow& row : block.rows) {
      foil::require(row.image.size() == image.size() && row.maps.size() == block.headings.size(),
                    "heat map: expected images of ", image.size(), " values and ", block.headings.size(),
                    " maps of each, got ", row.image.size(), " and ", row.maps.size());
      const std::vector<float> pixels = smaller(image, row.image, shown);
      panel.rows.push_back({row.caption, {picture_of(shown, pixels)}});
    }
    for (std::size_t k = 0; k < block.headings.size(); ++k) {
      std::vector<const std::vector<float>*> maps;
      for (const HeatRow& row : block.rows) maps.push_back(&row.maps[k]);
      const double limit = heat_limit(maps);
      panel.headings.push_back(block.headings[k] + formatted(" +-%.2g", limit));
      for (std::size_t i = 0; i < block.rows.size(); ++i) {
        const std::vector<float> values = smaller(map, *maps[i], shown_map);
        panel.rows[i].pictures.push_back(heat_picture(shown_map, values, limit));
      }
    }
  }
  return draw_panels(title, shown.width, shown.height, panels);
}

}  // namespace foil::report
