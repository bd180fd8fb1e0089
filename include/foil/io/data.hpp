// SPDX-License-Identifier: MIT
/// \file
/// Test images and labels as they lie on disk, made ready for a model. Needs zlib.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
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

using RowReader = std::variant<NpyReader, IdxReader>;

inline RowReader open_rows(const std::filesystem::path& path) {
  if (looks_like_npy(path)) return NpyReader(path);
  return IdxReader(path);
}

}  // namespace detail

/// Reads a file of images in batches (n, C, H, W), so that it need not fit into memory. An idx file (unsigned
/// bytes, plain or gzipped) of shape (N, H, W) or (N, C, H, W) is scaled such that 0 becomes the lower and
/// 255 the upper end of the bounds; a .npy file of float32 or float64 must lie within the bounds as it is.
/// Its samples may have one to four axes, (F), (T, F), (C, H, W) or (C, D, H, W); in a batch they lie as (F,
/// 1, 1), (T, F, 1), (C, H, W) and (C, D, H * W), which in memory is the same. Throws foil::Error: when
/// opened, for a wrong type or shape; when read, for damaged data and for values out of bounds, naming the
/// image.
template <class Scalar>
class ImageReader {
 public:
  using Images = Tensor<Scalar, 4>;

  ImageReader(std::filesystem::path path, Bounds<Scalar> bounds)
      : path_(std::move(path)), bounds_(std::move(bounds)), file_(detail::open_rows(path_)) {
    auto shape = std::visit([](const auto& file) { return file.shape(); }, file_);
    if (const auto* npy = std::get_if<NpyReader>(&file_)) {
      require(npy->type() == "<f4" || npy->type() == "<f8", path_,
              "expected images of float32 or float64, found ", npy->type());
      require(shape.size() >= 2 && shape.size() <= 5, path_,
              "expected images of shape (N, C, H, W), or samples of one, two or four axes, found ",
              detail::shape_text(shape));
    } else {
      require(shape.size() == 3 || shape.size() == 4, path_,
              "expected images of shape (N, H, W) or (N, C, H, W), found ", detail::shape_text(shape));
      if (shape.size() == 3) shape.insert(shape.begin() + 1, 1);
    }
    for (const Index extent : shape)
      require(extent > 0, path_, "expected at least one image of at least one pixel, found shape ",
              detail::shape_text(shape));
    sample_shape_.assign(shape.begin() + 1, shape.end());
    shape.resize(std::max<std::size_t>(shape.size(), 4), 1);
    if (shape.size() == 5) shape[3] *= shape[4];
    std::copy_n(shape.begin(), 4, dimensions_.begin());
    bounds_.check(shape[1] * shape[2] * shape[3]);
  }

  const std::filesystem::path& path() const { return path_; }
  /// The number of images, N.
  Index rows() const { return dimensions_[0]; }
  /// The shape of a batch of all of them.
  const typename Images::Dimensions& dimensions() const { return dimensions_; }
  /// The shape of one sample as it is in the file, and that of the whole file in words.
  const std::vector<Index>& sample_shape() const { return sample_shape_; }
  std::string shape_text() const {
    std::vector<Index> shape{rows()};
    shape.insert(shape.end(), sample_shape_.begin(), sample_shape_.end());
    return detail::shape_text(shape);
  }

  /// Reads the next images, `count` of them or as many as are left.
  Images next(Index count) {
    return std::visit(
        [&](auto& file) {
          const auto array = file.next(count);
          const Index first = row_;
          row_ += array.shape[0];
          return converted(array, first);
        },
        file_);
  }

  /// Goes to a row, from 0 to rows(). A gzipped file is unpacked up to there, from its beginning if the row
  /// lies behind; of others nothing is read.
  void seek(Index row) {
    std::visit([&](auto& file) { file.seek(row); }, file_);
    row_ = row;
  }

  /// Reads the given rows, in that order; they may repeat. The file is gone through once, from the lowest row
  /// to the highest.
  template <class Rows>
  Images gather(const Rows& wanted) {
    std::vector<std::pair<Index, Index>> places;  // row of the file, row of the batch
    for (const auto row : wanted) {
      places.emplace_back(static_cast<Index>(row), static_cast<Index>(places.size()));
      require(places.back().first >= 0 && places.back().first < rows(), path_, "expected rows from 0 to ",
              rows() - 1, ", got ", row);
    }
    std::sort(places.begin(), places.end());
    Images images = batch(static_cast<Index>(places.size())), image;
    Index held = -1;
    for (const auto& [row, place] : places) {
      if (row != held) {
        seek(row);
        image = next(1);
        held = row;
      }
      sample(images, place) = sample(image, 0);
    }
    return images;
  }

 private:
  Images batch(Index count) const {
    auto shape = dimensions_;
    shape[0] = count;
    return Images(shape);
  }

  Images converted(const NpyArray& array, Index first) const {
    const std::vector<Scalar> values = array.template values<Scalar>();
    Images images = batch(array.shape[0]);
    for (Index i = 0, k = 0; i < samples(images); ++i)
      for (Index feature = 0; feature < features(images); ++feature, ++k) {
        const Scalar lower = bounds_.lower(feature), upper = bounds_.upper(feature);
        const Scalar value = values[static_cast<std::size_t>(k)];
        require(std::isfinite(value) && value >= lower && value <= upper, path_, "image ", first + i,
                " has the value ", value, ", expected values in [", lower, ", ", upper, "]");
        images.data()[k] = value;
      }
    return images;
  }

  Images converted(const IdxArray& array, Index) const {
    Images images = batch(array.shape[0]);
    for (Index i = 0, k = 0; i < samples(images); ++i)
      for (Index feature = 0; feature < features(images); ++feature, ++k) {
        const Scalar lower = bounds_.lower(feature), upper = bounds_.upper(feature);
        const double range = double{upper} - double{lower};
        const std::uint8_t pixel = array.data[static_cast<std::size_t>(k)];
        const auto value = static_cast<Scalar>(double{lower} + pixel * range / 255);
        images.data()[k] = std::min(std::max(value, lower), upper);
      }
    return images;
  }

  std::filesystem::path path_;
  Bounds<Scalar> bounds_;
  detail::RowReader file_;
  typename Images::Dimensions dimensions_{};
  std::vector<Index> sample_shape_;
  Index row_ = 0;  // the next one
};

/// Reads a whole file of images as a batch (N, C, H, W); as foil::io::ImageReader.
template <class Scalar>
Tensor<Scalar, 4> read_images(const std::filesystem::path& path, const Bounds<Scalar>& bounds) {
  ImageReader<Scalar> reader(path, bounds);
  return reader.next(reader.rows());
}

/// Whether read_labels() rather than read_images() is for this file: idx with one dimension, or .npy of
/// integers.
inline bool holds_labels(const std::filesystem::path& path) {
  const detail::RowReader file = detail::open_rows(path);
  const auto* npy = std::get_if<NpyReader>(&file);
  return npy ? npy->type().find('f') == std::string::npos : std::get<IdxReader>(file).shape().size() == 1;
}

/// Reads one class index per row from idx or from a .npy file of integers. Throws foil::Error unless the file
/// is one-dimensional and every label is in 0 ... 2^31 - 1.
inline Labels read_labels(const std::filesystem::path& path) {
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
