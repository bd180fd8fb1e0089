// SPDX-License-Identifier: MIT
/// \file
/// The idx format of the MNIST family (unsigned bytes), plain or gzipped. Needs zlib.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/io/bytes.hpp"
#include "foil/io/file.hpp"
#include "foil/io/gzip.hpp"

namespace foil::io {

/// The content of an idx file, or some of its rows: bytes in C order.
struct IdxArray {
  std::vector<Index> shape;
  std::vector<std::uint8_t> data;
};

/// Reads an idx file of unsigned bytes with one to four dimensions row by row; gzip is recognised by content.
/// Throws foil::Error for anything else: other element types, a damaged file and, once the last row is read,
/// a truncated one or surplus bytes; when opened, also for more elements than a file of its size can hold, so
/// that nobody need allocate what a header claims.
class IdxReader {
 public:
  explicit IdxReader(std::filesystem::path path) : path_(std::move(path)), file_(path_) {
    std::array<std::uint8_t, 4> magic{};
    require(file_.read(magic.data(), 4) == 4, path_, "expected an idx file, found fewer than 4 bytes");
    require(magic[0] == 0 && magic[1] == 0, path_,
            "expected an idx file (starting with two zero bytes), found ", int{magic[0]}, " ", int{magic[1]},
            " ", int{magic[2]}, " ", int{magic[3]});
    require(magic[2] == 8, path_, "expected idx elements of type 8 (unsigned byte), found type ",
            int{magic[2]});
    require(magic[3] >= 1 && magic[3] <= 4, path_, "expected 1 to 4 idx dimensions, found ", int{magic[3]});

    for (int axis = 0; axis < magic[3]; ++axis) {
      std::array<std::uint8_t, 4> big_endian{};
      require(file_.read(big_endian.data(), 4) == 4, path_, "truncated: the idx header announces ",
              int{magic[3]}, " dimensions but ends after ", axis);
      std::uint32_t extent = 0;
      for (const std::uint8_t byte : big_endian) extent = extent << 8 | byte;
      shape_.push_back(static_cast<Index>(extent));
      require(extent == 0 || total_ <= std::uint64_t{std::numeric_limits<std::int64_t>::max()} / extent,
              path_, "the idx header announces more elements than any machine can hold");
      total_ *= extent;
    }
    check_size();
  }

  const std::vector<Index>& shape() const { return shape_; }

  /// Reads the next rows, `count` of them or as many as there are left.
  IdxArray next(Index count) {
    IdxArray array{shape_, {}};
    array.shape[0] = count = std::clamp<Index>(count, 0, shape_[0] - row_);
    const std::uint64_t before = static_cast<std::uint64_t>(row_) * row_size();
    const std::uint64_t size = static_cast<std::uint64_t>(count) * row_size();
    std::array<std::uint8_t, 1 << 16> chunk;
    while (array.data.size() < size) {
      const auto wanted = std::min<std::uint64_t>(size - array.data.size(), chunk.size());
      const auto got = file_.read(chunk.data(), static_cast<unsigned>(wanted));
      require(got > 0, path_, "truncated: the idx header announces ", total_, " elements, found ",
              before + array.data.size());
      array.data.insert(array.data.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(got));
    }
    row_ += count;
    require(row_ < shape_[0] || file_.read(chunk.data(), 1) == 0, path_, "the idx header announces ", total_,
            " elements, but more bytes follow");
    return array;
  }

  /// Goes to a row, from 0 to shape()[0]. A gzipped file is unpacked up to there, from its beginning if the
  /// row lies behind.
  void seek(Index row) {
    require(row >= 0 && row <= shape_[0], path_, "expected a row from 0 to ", shape_[0], ", got ", row);
    if (row == row_) return;
    const std::uint64_t offset = 4 + 4 * shape_.size() + static_cast<std::uint64_t>(row) * row_size();
    require(file_.seek(offset), path_, "cannot be read at row ", row);
    row_ = row;
  }

 private:
  std::uint64_t row_size() const {
    return shape_[0] == 0 ? 0 : total_ / static_cast<std::uint64_t>(shape_[0]);
  }

  /// Throws if the file cannot hold what its header announces.
  void check_size() {
    std::error_code failure;
    const std::uint64_t size = std::filesystem::file_size(path_, failure);
    require(!failure, path_, "cannot be read: ", failure.message());
    const std::uint64_t header = 4 + 4 * shape_.size();
    if (file_.plain())
      require(size >= header && total_ <= size - header, path_, "truncated: the idx header announces ",
              total_, " elements, found ", size - std::min(size, header));
    else
      require(total_ / detail::most_inflated <= size, path_, "truncated: the idx header announces ", total_,
              " elements, more than ", size, " bytes can be unpacked to");
  }

  std::filesystem::path path_;
  GzipFile file_;
  std::vector<Index> shape_{};
  std::uint64_t total_ = 1;  // elements announced
  Index row_ = 0;            // the next one
};

/// Reads a whole idx file; as foil::io::IdxReader.
inline IdxArray read_idx(const std::filesystem::path& path) {
  IdxReader reader(path);
  return reader.next(reader.shape()[0]);
}

}  // namespace foil::io
