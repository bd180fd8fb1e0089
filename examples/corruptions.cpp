// SPDX-License-Identifier: MIT
// What common corruptions do to a picture: all nineteen, at three of the five severities.
//
// corruptions [picture.png]
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <foil/core/random.hpp>
#include <foil/evaluation/corruptions/corrupt.hpp>
#include <foil/io/jpeg.hpp>
#include <foil/io/png.hpp>
#include <foil/report/panels.hpp>
#include <string>
#include <vector>

namespace {

using foil::Index;
using foil::corruptions::Planes;
constexpr Index side = 88;

/// A house in the country, row by row.
Planes picture() {
  Planes out(3, side, side);
  for (Index row = 0; row < side; ++row)
    for (Index column = 0; column < side; ++column) {
      const double x = static_cast<double>(column) / side, y = static_cast<double>(row) / side;
      std::array<double, 3> colour{0.35 + 0.45 * y, 0.6 + 0.25 * y, 0.95};  // the sky
      const auto within = [&](double left, double top, double right, double bottom) {
        return x >= left && x < right && y >= top && y < bottom;
      };
      const auto paint = [&](bool here, double red, double green, double blue) {
        if (here) colour = {red, green, blue};
      };
      paint(std::hypot(x - 0.82, y - 0.17) < 0.09, 1, 0.9, 0.35);
      const double hill = 0.6 - 0.08 * std::sin(7 * x), field = 0.74 + 0.03 * std::sin(9 * x + 1);
      paint(y > hill, 0.25, 0.5 - 0.2 * (y - hill), 0.3);
      paint(y > field, 0.55 + 0.1 * std::sin(90 * y + 14 * x), 0.62, 0.22);
      paint(within(0.2, 0.5, 0.55, 0.82), 0.86, 0.8, 0.7);
      paint(y >= 0.32 && y < 0.5 && std::abs(x - 0.375) < (y - 0.3) * 1.15, 0.7, 0.22, 0.17);
      paint(within(0.33, 0.62, 0.42, 0.82), 0.4, 0.25, 0.15);
      for (const double left : {0.23, 0.45}) paint(within(left, 0.57, left + 0.07, 0.67), 0.2, 0.3, 0.45);
      paint(within(0.745, 0.6, 0.775, 0.86), 0.35, 0.23, 0.12);
      paint(std::hypot(x - 0.76, y - 0.5) < 0.14 + 0.015 * std::sin(60 * x) * std::cos(50 * y), 0.12,
            0.36 + 0.1 * std::sin(70 * x + 40 * y), 0.14);
      for (Index c = 0; c < 3; ++c)
        out.row(c, row)[column] = std::clamp(colour[static_cast<std::size_t>(c)], 0.0, 1.0);
    }
  return out;
}

/// Stands for a photograph of ice: clouds with veins, bluish.
Planes ice() {
  constexpr Index size = 256;
  foil::RandomDraw random(foil::random_key(1, "ice"), 0, foil::Purpose::noise, 0);
  Eigen::VectorXd uniform(size * size - 1);
  random.fill_uniform(uniform, 0, 1);
  const Planes clouds = foil::corruptions::plasma(size, 1.7, uniform);
  Planes out(3, size, size);
  for (Index i = 0; i < size * size; ++i) {
    const double vein = std::exp(-30 * std::abs(std::sin(25 * clouds.values[i])));
    const double white = 0.3 + 0.4 * clouds.values[i] + 0.5 * vein;
    for (Index c = 0; c < 3; ++c)
      out.plane(c)[i] = std::clamp(white * (0.8 + 0.1 * static_cast<double>(c)), 0.0, 1.0);
  }
  return out;
}

foil::io::Picture shown(const Planes& image) {
  foil::io::Picture out(image.width, image.height, 3);
  for (Index y = 0; y < image.height; ++y)
    for (Index x = 0; x < image.width; ++x)
      for (Index c = 0; c < 3; ++c)
        out.pixel(x, y)[c] = static_cast<std::uint8_t>(foil::corruptions::floor_level(image.row(c, y)[x]));
  return out;
}

void draw(const std::string& file) {
  const Planes clean = picture();
  foil::CorruptionOptions options;
  options.frost = {ice()};
  options.jpeg = foil::io::jpeg_round_trip;
  std::vector<foil::report::PanelBlock> blocks(4);
  for (std::size_t k = 0; k < 20; ++k) {
    foil::report::PanelBlock& block = blocks[k / 5];
    block.headings = {"severity 1", "3", "5"};
    foil::report::PanelRow row{"clean", {3, shown(clean)}};
    if (k > 0) {
      const foil::Corruption corruption = foil::all_corruptions()[k - 1];
      row = {std::string(foil::name(corruption)), {}};
      for (const int severity : {1, 3, 5}) {
        Planes image = clean;
        foil::corruptions::corrupt(image, corruption, severity, options, 0);
        row.pictures.push_back(shown(image));
      }
    }
    block.rows.push_back(row);
  }
  foil::io::write_png(file, foil::report::draw_panels("Common corruptions", side, side, blocks));
  std::printf("Picture: %s\n", file.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    draw(argc > 1 ? argv[1] : "corruptions.png");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "corruptions: %s\n", error.what());
    return 2;
  }
}
