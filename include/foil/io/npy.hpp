// SPDX-License-Identifier: MIT
/// \file
/// NumPy's .npy files: versions 1 to 3, C order, little-endian float32, float64, int32, int64 and uint8.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/io/file.hpp"
#include "foil/io/npy_format.hpp"

namespace foil::io {

/// The content of a .npy file, or some of its rows.
struct NpyArray {
  std::filesystem::path path;        ///< where it came from, for messages
  std::string type;                  ///< "<f4", "<f8", "<i4", "<i8" or "|u1"
  std::vector<Index> shape;          ///< empty for a scalar
  std::vector<unsigned char> bytes;  ///< the elements in C order

  /// The elements converted to T: integers only from integers, and only if they fit.
  template <class T>
  std::vector<T> values() const {
    std::vector<T> out;
    detail::with_npy_type(type, [&]<class Stored>(Stored value) {
      if constexpr (std::is_integral_v<T> && !std::is_integral_v<Stored>) {
        require(false, path, "expected integers, found elements of type ", type);
      } else {
        out.reserve(bytes.size() / sizeof value);
        for (std::size_t at = 0; at < bytes.size(); at += sizeof value) {
          std::memcpy(&value, bytes.data() + at, sizeof value);
          if constexpr (std::is_integral_v<T>)
            require(std::in_range<T>(value), path, "the value ", value, " at position ", out.size(),
                    " is too large");
          out.push_back(static_cast<T>(value));
        }
      }
    });
    return out;
  }
};

/// Reads a .npy file row by row: along its first dimension; a scalar is one row. Throws foil::Error for other
/// element types, Fortran order, and files whose size is not what the header says; nothing is allocated
/// before that is known.
class NpyReader {
 public:
  explicit NpyReader(std::filesystem::path path)
      : path_(std::move(path)), file_(detail::open_to_read(path_)) {
    std::error_code failure;
    const std::uint64_t size = std::filesystem::file_size(path_, failure);
    require(!failure, path_, "cannot be read: ", failure.message());
    std::uint64_t left = size;
    const auto take = [&](void* out, std::size_t bytes) {
      require(bytes <= left, path_, "truncated: expected ", bytes, " more bytes of the .npy file, found ",
              left);
      read(out, bytes);
      left -= bytes;
    };

    std::array<unsigned char, 8> magic{};
    take(magic.data(), magic.size());
    require(std::memcmp(magic.data(), "\x93NUMPY", 6) == 0, path_,
            "expected a .npy file, found another format");
    const int version = magic[6];
    require(version >= 1 && version <= 3, path_, "expected .npy version 1, 2 or 3, found ", version);
    std::array<unsigned char, 4> length{};
    take(length.data(), version == 1 ? 2 : 4);
    std::uint32_t header_size = 0;
    for (std::size_t i = 4; i-- > 0;) header_size = header_size << 8 | length[i];
    require(header_size <= left, path_, "truncated: the .npy header should have ", header_size,
            " bytes, found ", left);
    std::string text(header_size, ' ');
    take(text.data(), text.size());
    begin_ = size - left;

    detail::NpyHeader header(path_, text);
    type_ = *header.type == "<u1" ? "|u1" : *header.type;
    shape_ = std::move(*header.shape);
    std::uint64_t bytes = 0;
    require(detail::with_npy_type(type_, [&](auto zero) { bytes = sizeof zero; }), path_,
            "expected elements of type <f4, <f8, <i4, <i8 or |u1, found ", detail::printable(type_));
    require(!*header.fortran || shape_.size() < 2, path_,
            "expected an array in C order, found Fortran order (save numpy.ascontiguousarray(a) instead)");
    std::string shape;
    for (const Index extent : shape_) shape += (shape.empty() ? "" : ", ") + std::to_string(extent);
    bool fits = true;
    if (std::count(shape_.begin(), shape_.end(), 0) > 0) bytes = 0;
    for (const Index extent : shape_) {
      const auto factor = static_cast<std::uint64_t>(extent);
      fits = fits && (bytes == 0 || bytes <= left / factor);
      bytes *= fits ? factor : 1;
    }
    require(fits && bytes == left, path_, "the .npy header announces elements of type ", type_, " in shape (",
            shape, "), which does not fit the ", left, " bytes that follow");
    if (rows() > 0) row_bytes_ = bytes / static_cast<std::uint64_t>(rows());
  }

  const std::string& type() const { return type_; }
  const std::vector<Index>& shape() const { return shape_; }
  Index rows() const { return shape_.empty() ? 1 : shape_[0]; }

  /// Reads the next rows, `count` of them or as many as there are left.
  NpyArray next(Index count) {
    count = std::clamp<Index>(count, 0, rows() - row_);
    NpyArray array{path_, type_, shape_, {}};
    if (!shape_.empty()) array.shape[0] = count;
    array.bytes.resize(static_cast<std::size_t>(static_cast<std::uint64_t>(count) * row_bytes_));
    read(array.bytes.data(), array.bytes.size());
    row_ += count;
    return array;
  }

  /// Goes to a row, from 0 to rows().
  void seek(Index row) {
    require(row >= 0 && row <= rows(), path_, "expected a row from 0 to ", rows(), ", got ", row);
    if (row == row_) return;
    const std::uint64_t offset = begin_ + static_cast<std::uint64_t>(row) * row_bytes_;
    require(std::in_range<long>(offset) && std::fseek(file_.get(), static_cast<long>(offset), SEEK_SET) == 0,
            path_, "cannot be read at row ", row);
    row_ = row;
  }

 private:
  void read(void* out, std::size_t size) {
    const std::size_t got = size == 0 ? 0 : std::fread(out, 1, size, file_.get());
    require(got == size, path_, "truncated: expected ", size, " more bytes of the .npy file, found ", got);
  }

  std::filesystem::path path_;
  detail::File file_;
  std::uint64_t begin_ = 0, row_bytes_ = 0;  // where the first row is, and how long each
  std::string type_{};
  std::vector<Index> shape_{};
  Index row_ = 0;  // the next one
};

/// Reads a whole .npy file; as foil::io::NpyReader.
inline NpyArray read_npy(const std::filesystem::path& path) {
  NpyReader reader(path);
  return reader.next(reader.rows());
}

/// Writes numbers in C order as a .npy file, piece by piece; all or nothing, see foil::io::AtomicFile.
template <class T>
class NpyWriter {
  static_assert(!detail::npy_type<T>.empty(), "foil: .npy holds float, double, int32, int64 or uint8");

 public:
  NpyWriter(std::filesystem::path path, std::vector<Index> shape)
      : path_(std::move(path)), shape_(std::move(shape)), file_(path_) {
    const std::string header = detail::npy_header(detail::npy_type<T>, shape_, 0);
    header_size_ = header.size();
    file_.write(header);
  }

  /// Writes the numbers that come next, however many.
  void write(std::span<const T> values) {
    file_.write(values.data(), values.size_bytes());
    written_ += values.size();
  }
  template <Batch Rows>
  void write(const Rows& rows) {
    write(std::span<const T>(rows.data(), static_cast<std::size_t>(rows.size())));
  }

  /// Puts the file in place. Throws foil::Error unless it is complete.
  void commit() {
    std::uint64_t count = 1;
    for (const Index extent : shape_) count *= static_cast<std::uint64_t>(extent);
    require(written_ == count, path_, "asked to write ", written_, " numbers in a shape for ", count);
    file_.commit();
  }

  /// The same for an array that has become shorter: `rows` instead of shape[0], at most as many.
  void commit(Index rows) {
    const Index announced = shape_.empty() ? 0 : shape_[0];
    require(rows >= 0 && rows <= announced, path_, "asked to write ", rows, " rows in a shape for ",
            announced);
    if (rows < announced) {
      shape_[0] = rows;
      file_.overwrite(detail::npy_header(detail::npy_type<T>, shape_, header_size_));
    }
    commit();
  }

 private:
  std::filesystem::path path_;
  std::vector<Index> shape_;
  AtomicFile file_;
  std::size_t header_size_ = 0;
  std::uint64_t written_ = 0;
};

/// Writes numbers in C order as a .npy file, all or nothing.
template <class T>
void write_npy(const std::filesystem::path& path, std::span<const T> values,
               const std::vector<Index>& shape) {
  NpyWriter<T> file(path, shape);
  file.write(values);
  file.commit();
}

/// Writes a batch as a .npy file of the same shape, all or nothing.
template <Batch T>
void write_npy(const std::filesystem::path& path, const T& batch) {
  const auto& shape = batch.dimensions();
  NpyWriter<typename T::Scalar> file(path, std::vector<Index>(shape.begin(), shape.end()));
  file.write(batch);
  file.commit();
}

}  // namespace foil::io
