// SPDX-License-Identifier: MIT
#include "png_folder.hpp"

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/geometry/image.hpp"
#include "foil/io/file.hpp"
#include "foil/io/png.hpp"

namespace evaluate {

namespace fs = std::filesystem;
using foil::Index;

namespace {

/// Nothing is to be had from an atomic write where the whole folder is moved into place.
void write_bytes(const fs::path& path, const std::string& bytes) {
  std::error_code ignored;
  fs::remove(path, ignored);  // it may be a link to what is in place
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  foil::io::require(!file.fail(), path, "cannot be written");
}

}  // namespace

std::optional<PictureLayout> picture_layout(const std::vector<Index>& shape) {
  const auto is_picture = [](Index channels) { return channels == 1 || channels == 3; };
  if (shape.size() == 2) return PictureLayout{1, shape[0], shape[1], false};
  if (shape.size() != 3) return std::nullopt;
  const foil::geometry::ImageLayout image = foil::geometry::image_layout(shape, {});
  if (!is_picture(image.channels)) return std::nullopt;
  return PictureLayout{image.channels, image.height, image.width, image.channels_last};
}

PngFolder::PngFolder(OutputFolder& folder, foil::Bounds<float> bounds, const std::vector<Index>& shape)
    : folder_(folder), bounds_(std::move(bounds)) {
  const auto layout = picture_layout(shape);
  foil::require(layout.has_value(), "--adversarials-png: expected images of 1 or 3 channels");
  layout_ = *layout;
}

std::vector<std::pair<std::string, Content>> PngFolder::write(const std::string& name,
                                                              const foil::Tensor<float, 4>& images,
                                                              std::span<const std::int64_t> rows) {
  std::vector<std::pair<std::string, Content>> files;
  std::error_code failure;
  fs::create_directory(folder_.staged(name), failure);
  foil::io::require(!failure, folder_.staged(name), "cannot be written: ", failure.message());
  for (Index i = 0; i < foil::samples(images); ++i) {
    const auto image = foil::sample(images, i);
    if (!bounds_.contain(image)) continue;
    foil::io::Picture picture(layout_.width, layout_.height, static_cast<int>(layout_.channels));
    for (Index c = 0; c < layout_.channels; ++c)
      for (Index pixel = 0; pixel < layout_.height * layout_.width; ++pixel) {
        const Index feature = layout_.feature(pixel, c);
        const double lower = bounds_.lower(feature), range = bounds_.upper(feature) - lower;
        const double level = range > 0 ? std::round((image[feature] - lower) * 255 / range) : 0;
        picture.pixel(pixel % layout_.width, pixel / layout_.width)[c] = static_cast<std::uint8_t>(level);
      }
    char file[32];
    std::snprintf(file, sizeof file, "%07lld.png", static_cast<long long>(rows[static_cast<std::size_t>(i)]));
    const std::string bytes = foil::io::encode_png(picture), path = name + '/' + file;
    write_bytes(folder_.staged(path), bytes);
    files.emplace_back(path, content_of(bytes));
    folder_.add(path, files.back().second);
  }
  return files;
}

}  // namespace evaluate
