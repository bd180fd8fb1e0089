// SPDX-License-Identifier: MIT
#include "png_folder.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <system_error>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/io/file.hpp"
#include "foil/io/png.hpp"

namespace evaluate {

namespace fs = std::filesystem;
using foil::Index;

namespace {

/// Nothing is to be had from an atomic write where the whole folder is moved into place.
void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  foil::io::require(!file.fail(), path, "cannot be written");
}

}  // namespace

PngFolder::PngFolder(fs::path path, foil::Bounds<float> bounds, const std::vector<Index>& shape,
                     const std::vector<fs::path>& inputs)
    : path_(std::move(path)), staging_(path_ / ".foil-part-png"), bounds_(std::move(bounds)) {
  const auto is_picture = [](Index channels) { return channels == 1 || channels == 3; };
  channels_last_ = shape.size() == 3 && !is_picture(shape[0]) && is_picture(shape[2]);
  const bool picture = shape.size() == 2 || channels_last_ || (shape.size() == 3 && is_picture(shape[0]));
  foil::require(picture, "--adversarials-png: expected images of 1 or 3 channels");
  const std::size_t first = shape.size() == 3 && !channels_last_ ? 1 : 0;
  height_ = shape[first], width_ = shape[first + 1];
  channels_ = shape.size() == 2 ? 1 : channels_last_ ? shape[2] : shape[0];

  std::error_code failure;
  for (const fs::path& input : inputs) {
    const fs::path below =
        fs::weakly_canonical(path_, failure).lexically_relative(fs::weakly_canonical(input, failure));
    foil::require(!fs::is_directory(input, failure) || below.empty() || *below.begin() == "..",
                  "--adversarials-png ", path_.string(), ": lies in ", input.string(), ", which is an input");
  }
  failure.clear();
  for (fs::directory_iterator at(path_, failure), end; !failure && at != end; at.increment(failure))
    foil::io::require(at->path() == staging_, path_, "expected a new or an empty folder, found ",
                      at->path().filename().string());
  created_ = fs::create_directories(path_, failure);
  if (!failure) fs::remove_all(staging_, failure);
  if (!failure) fs::create_directory(staging_, failure);
  foil::io::require(!failure, path_, "cannot be written: ", failure.message());
}

PngFolder::~PngFolder() {
  std::error_code ignored;
  fs::remove_all(staging_, ignored);
  if (created_ && fs::is_empty(path_, ignored)) fs::remove(path_, ignored);
}

void PngFolder::write(const std::string& name, const foil::Tensor<float, 4>& images,
                      std::span<const std::int64_t> rows) {
  std::error_code failure;
  fs::create_directory(staging_ / name, failure);
  foil::io::require(!failure, staging_ / name, "cannot be written: ", failure.message());
  if (std::find(waiting_.begin(), waiting_.end(), name) == waiting_.end()) waiting_.push_back(name);
  for (Index i = 0; i < foil::samples(images); ++i) {
    const auto image = foil::sample(images, i);
    if (!bounds_.contain(image)) continue;
    foil::io::Picture picture(width_, height_, static_cast<int>(channels_));
    for (Index c = 0; c < channels_; ++c)
      for (Index pixel = 0; pixel < height_ * width_; ++pixel) {
        const Index feature = channels_last_ ? pixel * channels_ + c : c * height_ * width_ + pixel;
        const double lower = bounds_.lower(feature), range = bounds_.upper(feature) - lower;
        const double level = range > 0 ? std::round((image[feature] - lower) * 255 / range) : 0;
        picture.pixel(pixel % width_, pixel / width_)[c] = static_cast<std::uint8_t>(level);
      }
    char file[32];
    std::snprintf(file, sizeof file, "%07lld.png", static_cast<long long>(rows[static_cast<std::size_t>(i)]));
    write_bytes(staging_ / name / file, foil::io::encode_png(picture));
  }
}

void PngFolder::publish() {
  for (const std::string& name : std::exchange(waiting_, {})) {
    std::error_code failure;
    fs::rename(staging_ / name, path_ / name, failure);
    foil::io::require(!failure, path_ / name, "cannot be written: ", failure.message());
  }
}

}  // namespace evaluate
