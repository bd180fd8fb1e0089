// SPDX-License-Identifier: MIT
/// \file
/// Test images and labels as they lie on disk, made ready for a model. Needs zlib.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/file.hpp"
#include "foil/io/idx.hpp"
#include "foil/io/npy.hpp"

namespace foil::io {

namespace detail {

/// Whether a file is to be read as .npy; everything else is taken for idx.
inline bool looks_like_npy(const std::filesystem::path& path) {
  std::array<char, 6> magic{};
  const File file = open_to_read(path);
  return std::fread(magic.data(), 1, magic.size(), file.get()) == magic.size() &&
         std::string_view(magic.data(), magic.size()) == "\x93NUMPY";
}

inline std::string shape_text(const std::vector<Index>& shape) {
  std::string out;
  for (const Index extent : shape) out += (out.empty() ? "(" : ", ") + std::to_string(extent);
  return out.empty() ? "()" : out + ")";
}

}  // namespace detail

/// Reads images as a batch (N, C, H, W). An idx file (unsigned bytes, plain or gzipped) of shape (N, H, W) or
/// (N, C, H, W) is scaled such that 0 becomes the lower and 255 the upper end of the bounds; a .npy file of
/// float32 or float64 must have shape (N, C, H, W) and lie within the bounds as it is. Throws foil::Error.
template <class Scalar>
Tensor<Scalar, 4> read_images(const std::filesystem::path& path, const Bounds<Scalar>& bounds) {
  using detail::require;
  std::vector<Index> shape;
  std::vector<std::uint8_t> pixels;
  std::vector<Scalar> values;
  if (detail::looks_like_npy(path)) {
    NpyArray array = read_npy(path);
    require(array.type == "<f4" || array.type == "<f8", path, "expected images of float32 or float64, found ",
            array.type);
    require(array.shape.size() == 4, path, "expected images of shape (N, C, H, W), found ",
            detail::shape_text(array.shape));
    values = array.template values<Scalar>();
    shape = std::move(array.shape);
  } else {
    IdxArray array = read_idx(path);
    require(array.shape.size() == 3 || array.shape.size() == 4, path,
            "expected images of shape (N, H, W) or (N, C, H, W), found ", detail::shape_text(array.shape));
    if (array.shape.size() == 3) array.shape.insert(array.shape.begin() + 1, 1);
    pixels = std::move(array.data);
    shape = std::move(array.shape);
  }
  for (const Index extent : shape)
    require(extent > 0, path, "expected at least one image of at least one pixel, found shape ",
            detail::shape_text(shape));

  Tensor<Scalar, 4> images(shape[0], shape[1], shape[2], shape[3]);
  bounds.check(features(images));
  for (Index i = 0, k = 0; i < samples(images); ++i)
    for (Index feature = 0; feature < features(images); ++feature, ++k) {
      const Scalar lower = bounds.lower(feature), upper = bounds.upper(feature);
      if (values.empty()) {
        const double range = double{upper} - double{lower};
        const auto value =
            static_cast<Scalar>(double{lower} + pixels[static_cast<std::size_t>(k)] * range / 255);
        images.data()[k] = std::min(std::max(value, lower), upper);
      } else {
        const Scalar value = values[static_cast<std::size_t>(k)];
        require(std::isfinite(value) && value >= lower && value <= upper, path, "image ", i,
                " has the value ", value, ", expected values in [", lower, ", ", upper, "]");
        images.data()[k] = value;
      }
    }
  return images;
}

/// Whether read_labels() rather than read_images() is for this file: idx with one dimension, or .npy of
/// integers.
inline bool holds_labels(const std::filesystem::path& path) {
  return detail::looks_like_npy(path) ? read_npy(path).type.find('f') == std::string::npos
                                      : read_idx(path).shape.size() == 1;
}

/// Reads one class index per row from idx or from a .npy file of integers. Throws foil::Error unless the file
/// is one-dimensional and every label is in 0 ... 2^31 - 1.
inline Labels read_labels(const std::filesystem::path& path) {
  using detail::require;
  std::vector<Index> shape;
  std::vector<int> values;
  if (detail::looks_like_npy(path)) {
    NpyArray array = read_npy(path);
    values = array.values<int>();
    shape = std::move(array.shape);
  } else {
    IdxArray array = read_idx(path);
    values.assign(array.data.begin(), array.data.end());
    shape = std::move(array.shape);
  }
  require(shape.size() == 1 && shape[0] > 0, path, "expected one label per sample in a shape (N), found ",
          detail::shape_text(shape));
  Labels labels(shape[0]);
  for (Index i = 0; i < shape[0]; ++i) {
    labels[i] = values[static_cast<std::size_t>(i)];
    require(labels[i] >= 0, path, "expected labels from 0 upwards, found ", labels[i], " in row ", i);
  }
  return labels;
}

}  // namespace foil::io
