// SPDX-License-Identifier: MIT
/// \file
/// NumPy's .npy files: versions 1 to 3, of bools, integers and floats of any width and byte order, in C or
/// Fortran order.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/io/bytes.hpp"
#include "foil/io/file.hpp"
#include "foil/io/npy_format.hpp"

namespace foil::io {

/// The content of a .npy file, or some of its rows.
struct NpyArray {
  std::filesystem::path path;        ///< where it came from, for messages
  std::string type;                  ///< "|b1" or a letter of i, u, f and 1 to 8 bytes: "<f4", "|u1", ...
  std::vector<Index> shape;          ///< empty for a scalar
  std::vector<unsigned char> bytes;  ///< the elements, little-endian and in C order, whatever the file has

  /// The elements converted to T: integers only from integers, and only if they fit.
  template <class T>
  std::vector<T> values() const {
    std::vector<T> out;
    detail::with_npy_type(type, [&]<class Stored>(Stored value) {
      if constexpr (std::is_integral_v<T> && !std::is_integral_v<Stored>) {
        require(false, path, "expected integers, found elements of type ", type);
      } else {
        out.resize(bytes.size() / sizeof value);
        for (std::size_t i = 0; i < out.size(); ++i) {
          std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
          if constexpr (std::is_integral_v<T> && !std::is_same_v<Stored, bool>)
            require(std::in_range<T>(value), path, "the value ", +value, " at position ", i, " is too large");
          out[i] = static_cast<T>(value);
        }
      }
    });
    return out;
  }
};

/// Reads a .npy file row by row: along its first dimension; a scalar is one row. Rows of an array in Fortran
/// order are gathered from all over the file. Throws foil::Error for other element types, and for files whose
/// size is not what the header says; nothing is allocated before that is known.
class NpyReader {
 public:
  /// An array in Fortran order that can only be read from its beginning on is held in memory, up to this
  /// size.
  static constexpr std::uint64_t most_held = std::uint64_t{1} << 32;

  explicit NpyReader(std::filesystem::path path) : NpyReader(std::make_unique<FileBytes>(std::move(path))) {}

  explicit NpyReader(std::unique_ptr<Bytes> bytes) : path_(bytes->path()), bytes_(std::move(bytes)) {
    std::array<unsigned char, 12> start{};
    bytes_->read(0, std::span(start).first(8));
    require(std::memcmp(start.data(), "\x93NUMPY", 6) == 0, path_,
            "expected a .npy file, found another format");
    const int version = start[6];
    require(version >= 1 && version <= 3, path_, "expected .npy version 1, 2 or 3, found ", version);
    const std::size_t digits = version == 1 ? 2 : 4;
    bytes_->read(8, std::span(start).subspan(8, digits));
    std::uint32_t header_size = 0;
    for (std::size_t i = 4; i-- > 0;) header_size = header_size << 8 | start[8 + i];
    begin_ = 8 + digits;
    std::uint64_t left = bytes_->size() - begin_;
    require(header_size <= left, path_, "truncated: the .npy header should have ", header_size,
            " bytes, found ", left);
    require(header_size <= 1 << 16, path_, "expected a .npy header of at most ", 1 << 16, " bytes, found ",
            header_size);
    std::string text(header_size, ' ');
    bytes_->read(begin_, {reinterpret_cast<unsigned char*>(text.data()), text.size()});
    begin_ += header_size;
    left -= header_size;

    detail::NpyHeader header(path_, text);
    std::string type = *header.type;
    swapped_ = type.starts_with('>');
    if (type.starts_with('>') || type.starts_with('=') || type.starts_with('|')) type[0] = '<';
    if (type.ends_with('1')) type[0] = '|';
    type_ = std::move(type);
    shape_ = std::move(*header.shape);
    require(detail::with_npy_type(type_, [&](auto zero) { element_ = sizeof zero; }), path_,
            "expected elements of type bool, int8 to int64, uint8 to uint64 or float16 to float64, found ",
            detail::excerpt(*header.type));
    require(shape_.size() <= 64, path_, "expected at most 64 dimensions, found ", shape_.size());
    std::uint64_t size = element_;
    bool fits = true;
    if (std::count(shape_.begin(), shape_.end(), 0) > 0) size = 0;
    for (const Index extent : shape_) {
      const auto factor = static_cast<std::uint64_t>(extent);
      fits = fits && (size == 0 || size <= left / factor);
      size *= fits ? factor : 1;
    }
    require(fits && size == left, path_, "the .npy header announces elements of type ", type_, " in shape ",
            extents_text(shape_), ", which does not fit the ", left, " bytes that follow");
    if (rows() > 0) row_bytes_ = size / static_cast<std::uint64_t>(rows());
    fortran_ = *header.fortran && shape_.size() >= 2;
    if (fortran_ && !bytes_->seekable()) hold();
  }

  const std::filesystem::path& path() const { return path_; }
  const std::string& type() const { return type_; }
  const std::vector<Index>& shape() const { return shape_; }
  Index rows() const { return shape_.empty() ? 1 : shape_[0]; }

  /// Reads the next rows, `count` of them or as many as there are left.
  NpyArray next(Index count) {
    count = std::clamp<Index>(count, 0, rows() - row_);
    NpyArray array{path_, type_, shape_, {}};
    if (!shape_.empty()) array.shape[0] = count;
    array.bytes.resize(static_cast<std::size_t>(static_cast<std::uint64_t>(count) * row_bytes_));
    if (fortran_)
      gather_columns(count, array.bytes);
    else
      bytes_->read(begin_ + static_cast<std::uint64_t>(row_) * row_bytes_, array.bytes);
    if (swapped_)
      for (std::size_t at = 0; at < array.bytes.size(); at += element_)
        std::reverse(array.bytes.data() + at, array.bytes.data() + at + element_);
    if (type_ == detail::npy_type<bool>)
      for (unsigned char& byte : array.bytes) byte = byte != 0;
    row_ += count;
    return array;
  }

  /// Reads the next rows as numbers of type T, as NpyArray::values() has them, straight into their place
  /// where the file holds them so. Throws unless these are as many numbers.
  template <class T>
  void next(Index count, std::span<T> out) {
    const std::uint64_t size =
        static_cast<std::uint64_t>(std::clamp<Index>(count, 0, rows() - row_)) * row_bytes_;
    require(size == out.size() * element_, path_, "expected ", out.size(),
            " numbers in the next rows, found ", size / element_);
    if (type_ != detail::npy_type<T> || swapped_ || fortran_ || std::is_same_v<T, bool>) {
      const std::vector<T> values = next(count).template values<T>();
      std::copy(values.begin(), values.end(), out.begin());
      return;
    }
    bytes_->read(begin_ + static_cast<std::uint64_t>(row_) * row_bytes_,
                 {reinterpret_cast<unsigned char*>(out.data()), out.size_bytes()});
    row_ += count;
  }

  /// Goes to a row, from 0 to rows().
  void seek(Index row) {
    require(row >= 0 && row <= rows(), path_, "expected a row from 0 to ", rows(), ", got ", row);
    row_ = row;
  }

 private:
  void hold() {
    require(bytes_->size() <= most_held, path_,
            "is compressed, in Fortran order and larger than 4 GiB: expected C order");
    std::vector<unsigned char> all(static_cast<std::size_t>(bytes_->size()));
    bytes_->read(0, all);
    bytes_ = std::make_unique<MemoryBytes>(path_, std::move(all));
  }

  /// Reads rows of an array in Fortran order, in which the entries of all rows at one place lie together.
  void gather_columns(Index count, std::vector<unsigned char>& out) {
    if (count == 0) return;
    std::vector<unsigned char> column(static_cast<std::size_t>(count) * element_);
    const std::uint64_t columns = row_bytes_ / element_;
    for (std::uint64_t c = 0; c < columns; ++c) {
      std::uint64_t rest = c, place = 0;  // of the column in the file, whose first index runs fastest
      std::uint64_t stride = columns;
      for (std::size_t axis = shape_.size(); axis-- > 1;) {
        const auto extent = static_cast<std::uint64_t>(shape_[axis]);
        stride /= extent;
        place += rest % extent * stride;
        rest /= extent;
      }
      bytes_->read(
          begin_ + (place * static_cast<std::uint64_t>(rows()) + static_cast<std::uint64_t>(row_)) * element_,
          column);
      for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i)
        std::memcpy(out.data() + i * row_bytes_ + c * element_, column.data() + i * element_, element_);
    }
  }

  std::filesystem::path path_;
  std::unique_ptr<Bytes> bytes_;
  std::uint64_t begin_ = 0, row_bytes_ = 0;  // where the first row is, and how long each
  std::string type_{};
  std::vector<Index> shape_{};
  std::size_t element_ = 0;  // bytes
  bool swapped_ = false, fortran_ = false;
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
  static_assert(!detail::npy_type<T>.empty(), "foil: .npy holds bools, integers and floats");

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
