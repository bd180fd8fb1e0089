// SPDX-License-Identifier: MIT
/// \file
/// A .npy file that may be left unfinished and gone on with. Needs zlib.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/io/file.hpp"
#include "foil/io/npy_format.hpp"

namespace foil::io {

/// A .npy file of rows in C order that grows in its place. Unlike what NpyWriter writes it stays as it is
/// when the program ends, however that happens, and another opens it and goes on. It is a valid file after
/// finish() only. keep() comes before what is written. Every failure throws foil::Error.
template <class T>
class NpyPart {
 public:
  /// Opens or makes the file of an array of such a shape.
  NpyPart(std::filesystem::path path, std::vector<Index> shape)
      : path_(std::move(path)), shape_(std::move(shape)) {
    for (std::size_t axis = 1; axis < shape_.size(); ++axis)
      row_size_ *= static_cast<std::uint64_t>(shape_[axis]);
    const int descriptor = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    check(descriptor >= 0);
    file_.reset(::fdopen(descriptor, "r+b"));
    check(file_ != nullptr);
    struct ::stat found{};
    check(::fstat(descriptor, &found) == 0);
    header_size_ = detail::npy_header(detail::npy_type<T>, shape_, 0).size();
    const auto size = static_cast<std::uint64_t>(found.st_size);
    const std::uint64_t row_bytes = row_size_ * sizeof(T);
    if (size > header_size_ && row_bytes > 0)
      rows_ = std::min(static_cast<Index>((size - header_size_) / row_bytes), shape_[0]);
  }

  /// So many rows are there.
  Index rows() const { return rows_; }

  /// The numbers of some of them.
  std::vector<T> read(Index first, Index count) {
    require(first >= 0 && count >= 0 && count <= rows_ - first, path_, "expected rows within the ", rows_,
            " that are there, got ", count, " from ", first);
    std::vector<T> out(static_cast<std::size_t>(count) * row_size_);
    go_to(first);
    require(std::fread(out.data(), sizeof(T), out.size(), file_.get()) == out.size(), path_,
            "cannot be read");
    return out;
  }

  /// Goes on behind the first `rows` rows, and forgets the others.
  void keep(Index rows) {
    require(rows >= 0 && rows <= rows_, path_, "expected from 0 to ", rows_, " rows, got ", rows);
    rows_ = rows;
    sum_ = rows == 0 ? std::optional<std::uint32_t>(0) : std::nullopt;
    head(shape_[0]);
    go_to(rows);
    check(std::fflush(file_.get()) == 0 &&
          ::ftruncate(::fileno(file_.get()), static_cast<::off_t>(place(rows))) == 0);
  }

  /// Writes the rows that come next.
  template <Batch Rows>
  void write(const Rows& rows) {
    require(static_cast<std::uint64_t>(features(rows)) == row_size_ && samples(rows) <= shape_[0] - rows_,
            path_, "asked to write more than the array holds, or rows of another size");
    const auto size = static_cast<std::size_t>(rows.size());
    check(std::fwrite(rows.data(), sizeof(T), size, file_.get()) == size);
    rows_ += samples(rows);
    const std::size_t bytes = size * sizeof(T);
    last_sum_ = crc32_of(rows.data(), bytes);
    if (sum_) sum_ = joined(*sum_, last_sum_, bytes);
  }
  /// The CRC-32 of the numbers that the last write() has written.
  std::uint32_t last_crc32() const { return last_sum_; }

  /// Brings to the disk what has been written.
  void sync() {
    check(std::fflush(file_.get()) == 0);
    check(::fsync(::fileno(file_.get())) == 0 || errno == EINVAL || errno == ENOTSUP);
  }

  /// Makes it a valid file of the rows that are there. Returns the CRC-32 of the file, unless some of its
  /// rows had been there before: then it is not known.
  std::optional<std::uint32_t> finish() {
    const std::string header = head(rows_);
    sync();
    check(::ftruncate(::fileno(file_.get()), static_cast<::off_t>(place(rows_))) == 0);
    if (!sum_) return std::nullopt;
    return joined(crc32_of(header.data(), header.size()), *sum_, place(rows_) - header.size());
  }
  /// Of the file, in bytes, once it is finished.
  std::uint64_t size() const { return place(rows_); }

 private:
  void check(bool fine) const { detail::require_written(fine, path_); }
  std::uint64_t place(Index row) const {
    return header_size_ + static_cast<std::uint64_t>(row) * row_size_ * sizeof(T);
  }
  void go_to(Index row) { check(::fseeko(file_.get(), static_cast<::off_t>(place(row)), SEEK_SET) == 0); }
  static std::uint32_t crc32_of(const void* data, std::size_t bytes) {
    return static_cast<std::uint32_t>(::crc32_z(0, static_cast<const unsigned char*>(data), bytes));
  }
  /// Of what has the one sum, and behind it so many bytes of the other.
  static std::uint32_t joined(std::uint32_t a, std::uint32_t b, std::uint64_t bytes) {
    return static_cast<std::uint32_t>(::crc32_combine(a, b, static_cast<z_off_t>(bytes)));
  }
  std::string head(Index rows) {
    std::vector<Index> shape = shape_;
    shape[0] = rows;
    const std::string header = detail::npy_header(detail::npy_type<T>, shape, header_size_);
    check(std::fseek(file_.get(), 0, SEEK_SET) == 0 &&
          std::fwrite(header.data(), 1, header.size(), file_.get()) == header.size());
    return header;
  }

  std::filesystem::path path_;
  std::vector<Index> shape_;
  std::uint64_t row_size_ = 1;
  std::size_t header_size_ = 0;
  Index rows_ = 0;
  std::optional<std::uint32_t> sum_{};  // of all rows, if all have been written here
  std::uint32_t last_sum_ = 0;
  detail::File file_{};
};

}  // namespace foil::io
