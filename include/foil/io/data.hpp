// SPDX-License-Identifier: MIT
/// \file
/// Test images and labels as they lie on disk, made ready for a model. Needs zlib and libpng, and
/// libjpeg-turbo for JPEG files.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/shape.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/array_file.hpp"
#include "foil/io/file.hpp"
#include "foil/io/idx.hpp"
#include "foil/io/labels.hpp"
#include "foil/io/npy.hpp"
#include "foil/io/pictures.hpp"
#include "foil/io/pixels.hpp"

namespace foil::io {

/// What is wanted of images.
struct ImageOptions {
  /// The shape of one sample: (C, H, W), (F), (T, F) or (C, D, H, W); empty: as the file has it. Files may
  /// leave out extents of 1, or have more of them.
  std::vector<Index> shape{};
  bool nhwc = false;   ///< the file has (N, H, W, C)
  bool raw = false;    ///< take uint8 and uint16 as they are, unscaled
  bool clip = false;   ///< move values to the bounds that are beyond by 1e-6 of their distance at most
  bool strict = true;  ///< throw for values that are not finite or out of bounds; else they stay as they are
};

namespace detail {

using RowReader = std::variant<NpyReader, IdxReader, PictureReader>;

inline RowReader open_rows(const std::filesystem::path& path) {
  switch (kind_of(path)) {
    case Kind::npy:
    case Kind::npz:
      return open_npy(path, {"images", "x"});
    case Kind::text:
    case Kind::folder:
      return PictureReader(list_pictures(path));
    case Kind::picture:
      return PictureReader({.from = path, .files = {path}, .names = {path.filename().string()}});
    default:
      return IdxReader(path);
  }
}

}  // namespace detail

/// Reads images in batches (n, C, H, W), so that they need not fit into memory. Bytes (idx, plain or gzipped;
/// .npy and .npz of uint8; a folder or a list of PNG and JPEG files, see list_pictures()) are scaled such
/// that 0 becomes the lower and 255 the upper end of the bounds, uint16 likewise with 65535; with bounds of 0
/// and 255 they stay what they are. .npy and .npz files of other types are taken as they are.
///
/// Samples of another number of axes, (F), (T, F) and (C, D, H, W), lie in a batch as (F, 1, 1), (T, F, 1)
/// and (C, D, H * W), which in memory is the same.
///
/// Throws foil::Error: when opened, for a wrong type or shape; when read, for damaged data and, unless it is
/// not to be strict, for values out of bounds, naming the image.
template <class Scalar>
class ImageReader {
 public:
  using Images = Tensor<Scalar, 4>;

  ImageReader(std::filesystem::path path, Bounds<Scalar> bounds, ImageOptions options = {})
      : path_(std::move(path)), options_(std::move(options)), file_(detail::open_rows(path_)) {
    std::vector<Index> shape = std::visit([](const auto& file) { return file.shape(); }, file_);
    require(shape.size() >= 2 && shape.size() <= 5, path_,
            "expected images of shape (N, C, H, W), or samples of one, two or four axes, found ",
            extents_text(shape));
    for (const Index extent : shape)
      require(extent > 0, path_, "expected at least one image of at least one pixel, found shape ",
              extents_text(shape));
    rows_ = shape[0];
    shape_.assign(shape.begin() + 1, shape.end());
    if (auto* pictures = std::get_if<PictureReader>(&file_))
      fit_pictures(*pictures);
    else
      fit_array();
    std::copy(shape_.begin(),
              shape_.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(shape_.size(), 3)),
              axes_.begin());
    if (shape_.size() == 4) axes_[2] *= shape_[3];
    const Index size = axes_[0] * axes_[1] * axes_[2];
    bounds.check(size);
    pixels_.emplace(path_, std::move(bounds), size,
                    PixelOptions{levels_of_file(), channels_, options_.clip, options_.strict});
  }

  const std::filesystem::path& path() const { return path_; }
  /// The number of images, N.
  Index rows() const { return rows_; }
  /// The shape of a batch of all of them.
  typename Images::Dimensions dimensions() const { return batch_dimensions(rows_); }
  /// The shape of one sample, and that of all in words.
  const std::vector<Index>& sample_shape() const { return shape_; }
  std::string shape_text() const { return detail::shape_text(rows_, shape_); }
  /// The whole number that becomes the upper end of the bounds, 255 or 65535; 0 where values are taken as
  /// they are.
  int levels() const { return pixels_->options().levels; }
  /// How many values the last next() has moved to the bounds.
  Index clipped() const { return clipped_; }
  /// The files, if these are pictures.
  const PictureList* pictures() const {
    const auto* reader = std::get_if<PictureReader>(&file_);
    return reader == nullptr ? nullptr : &reader->list();
  }

  /// Reads the next images, `count` of them or as many as are left.
  Images next(Index count) {
    count = std::clamp<Index>(count, 0, rows_ - row_);
    Images images(batch_dimensions(count));
    read(count, images, 0);
    return images;
  }

  /// Goes to a row, from 0 to rows(). A gzipped or deflated file is unpacked up to there, from its beginning
  /// if the row lies behind; of others nothing is read.
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
    constexpr Index at_a_time = 32;
    Images images(batch_dimensions(static_cast<Index>(places.size()))), held;
    Index first = 0, end = 0;  // what is held
    for (std::size_t i = 0; i < places.size(); ++i) {
      const auto [row, place] = places[i];
      std::size_t run = i + 1;  // these follow each other in the file and in the batch
      while (run < places.size() &&
             places[run] == std::pair(places[run - 1].first + 1, places[run - 1].second + 1))
        ++run;
      if (row >= end && run - i >= at_a_time) {
        seek(row);
        read(static_cast<Index>(run - i), images, place);
        i = run - 1;
        continue;
      }
      if (row >= end) {
        first = row, end = row + 1;
        for (std::size_t k = i; k < places.size() && places[k].first <= end && end - first < at_a_time; ++k)
          end = std::max(end, places[k].first + 1);
        seek(first);
        held = next(end - first);
      }
      sample(images, place) = sample(held, row - first);
    }
    return images;
  }

 private:
  typename Images::Dimensions batch_dimensions(Index count) const {
    return typename Images::Dimensions(count, axes_[0], axes_[1], axes_[2]);
  }

  /// Throws unless the file's samples are what is wanted; then takes over their shape.
  void fit_array() {
    const std::vector<Index> found = shape_, &wanted = options_.shape;
    require(!options_.nhwc || found.size() == 2 || found.size() == 3, path_,
            "expected images of shape (N, H, W, C), found ", shape_text());
    if (options_.nhwc && found.size() == 3) transpose();
    if (wanted.empty() && found.size() == 2 && !std::holds_alternative<NpyReader>(file_))
      shape_.insert(shape_.begin(), 1);
    if (wanted.empty()) return;
    auto moved = found;
    if (moved.size() == 3 && !options_.nhwc) std::rotate(moved.begin(), moved.begin() + 2, moved.end());
    const auto fits = [&](const auto& shape) { return squeezed(shape) == squeezed(wanted); };
    if (!fits(shape_))
      refuse(found, !fits(moved)    ? ""
                    : options_.nhwc ? ", which would fit as it is (without layout nhwc)"
                                    : ", which would fit as N x H x W x C (layout nhwc)");
    shape_ = wanted;
  }

  void fit_pictures(PictureReader& pictures) {
    const std::vector<Index> found = shape_, &wanted = options_.shape;
    for (const Index channels : {found[2], Index{3}}) {
      const std::vector<Index> hwc{found[0], found[1], channels}, chw{channels, found[0], found[1]};
      const bool planes = wanted.empty() || wanted == chw;
      if (!planes && wanted != hwc && !(channels == 1 && wanted == std::vector{found[0], found[1]})) continue;
      pictures.set_channels(channels);
      shape_ = hwc;
      if (planes) transpose();
      if (!wanted.empty()) shape_ = wanted;
      return;
    }
    refuse(found, " as height, width and channels of the pictures");
  }

  void refuse(const std::vector<Index>& found, const char* remark) const {
    require(false, path_, "expected images of shape ", batch_text(options_.shape),
            " as the model takes, found ", detail::shape_text(rows_, found), remark);
  }

  /// From (H, W, C) to (C, H, W).
  void transpose() {
    channels_ = shape_[2];
    std::rotate(shape_.begin(), shape_.begin() + 2, shape_.end());
  }

  int levels_of_file() const {
    const auto* npy = std::get_if<NpyReader>(&file_);
    const std::string type = npy == nullptr ? "|u1" : npy->type();
    return options_.raw ? 0 : type == "|u1" ? 255 : type == "<u2" ? 65535 : 0;
  }

  /// Reads the next images, so many as there are, into a batch from one of its rows on.
  void read(Index count, Images& images, Index to) {
    const Index n = features(images);
    Scalar* const out = images.data() + to * n;
    const Index first = std::exchange(row_, row_ + count);
    clipped_ = 0;
    const auto place = [&](const auto* numbers) {
      for (Index i = 0; i < count; ++i) clipped_ += pixels_->place(numbers + i * n, out + i * n, first + i);
    };
    std::visit(
        [&](auto& file) {
          if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(file)>, NpyReader>) {
            const auto array = file.next(count);
            place(array.data.data());
          } else if (pixels_->as_they_are()) {
            file.next(count, std::span<Scalar>(out, static_cast<std::size_t>(count * n)));
            for (Index i = 0; i < count; ++i) clipped_ += pixels_->check(out + i * n, first + i);
          } else if (file.type() == "|u1") {
            const auto array = file.next(count);
            place(array.bytes.data());
          } else {
            const auto numbers = file.next(count).template values<Scalar>();
            place(numbers.data());
          }
        },
        file_);
  }

  std::filesystem::path path_;
  ImageOptions options_;
  detail::RowReader file_;
  std::vector<Index> shape_{};  // of a sample
  std::array<Index, 3> axes_{1, 1, 1};
  Index rows_ = 0, channels_ = 0;  // channels: that lie last in the file and first in the batch, if they do
  std::optional<Pixels<Scalar>> pixels_{};  // there when all is known of the file
  Index row_ = 0, clipped_ = 0;             // the next one
};

/// Reads all images as a batch (N, C, H, W); as foil::io::ImageReader.
template <class Scalar>
Tensor<Scalar, 4> read_images(const std::filesystem::path& path, const Bounds<Scalar>& bounds,
                              ImageOptions options = {}) {
  ImageReader<Scalar> reader(path, bounds, std::move(options));
  return reader.next(reader.rows());
}

}  // namespace foil::io
