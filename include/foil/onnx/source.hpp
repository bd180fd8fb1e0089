// SPDX-License-Identifier: MIT
/// \file
/// Where the bytes of an ONNX file, or of one beside it, come from: read when they are needed, so that a
/// large file never lies in memory as a whole.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ios>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "foil/core/error.hpp"

namespace foil::onnx::detail {

/// Bytes that can be read at any offset, from a file or from memory.
class Source {
 public:
  /// A file. Throws foil::Error if it cannot be read, by read() also if it is not what it was.
  explicit Source(std::filesystem::path path) : path_(std::move(path)) {
    std::error_code failure;
    size_ = std::filesystem::file_size(path_, failure);
    require(!failure, "onnx: cannot read '", path_.string(), "': ", failure.message());
    changed_ = std::filesystem::last_write_time(path_, failure);
  }

  /// Bytes in memory, which stay where they are as long as this is used.
  static Source view(std::string_view bytes) {
    Source out;
    out.bytes_ = bytes;
    out.size_ = bytes.size();
    return out;
  }

  /// Bytes in memory, kept here.
  static Source copy(std::string bytes) {
    Source out;
    out.owned_ = std::move(bytes);
    out.owns_ = true;
    out.size_ = out.owned_.size();
    return out;
  }

  std::uint64_t size() const { return size_; }

  /// Throws foil::Error unless there are the bytes [offset, offset + length).
  void check(std::uint64_t offset, std::uint64_t length) const {
    require(offset <= size_, "onnx: ", name(), " has ", size_, " bytes, expected data from byte ", offset);
    require(length <= size_ - offset, "onnx: ", name(), " has ", size_, " bytes, expected ", length,
            " from byte ", offset);
  }

  /// Reads these bytes.
  void read(std::uint64_t offset, std::uint64_t length, void* to) const {
    check(offset, length);
    if (length == 0) return;
    if (path_.empty()) {
      std::memcpy(to, (owns_ ? std::string_view(owned_) : bytes_).data() + offset, length);
      return;
    }
    std::error_code failure;
    std::ifstream file(path_, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    file.read(static_cast<char*>(to), static_cast<std::streamsize>(length));
    require(static_cast<bool>(file), "onnx: cannot read '", path_.string(), "'");
    require(std::filesystem::file_size(path_, failure) == size_ &&
                std::filesystem::last_write_time(path_, failure) == changed_ && !failure,
            "onnx: '", path_.string(), "' changed while it was being read");
  }

 private:
  Source() = default;
  std::string name() const { return path_.empty() ? "the file" : "'" + path_.string() + "'"; }

  std::filesystem::path path_{};
  std::filesystem::file_time_type changed_{};
  std::string owned_{};
  std::string_view bytes_{};
  bool owns_ = false;
  std::uint64_t size_ = 0;
};

/// Reads a source from some offset on, a piece at a time.
class Scanner {
 public:
  Scanner(const Source& source, std::uint64_t begin, std::uint64_t end)
      : source_(source), at_(begin), end_(end) {}

  std::uint64_t at() const { return at_; }
  bool done() const { return at_ == end_; }

  void skip(std::uint64_t length) {
    require(length <= end_ - at_, "onnx: the file is damaged or no ONNX file: it ends too early");
    at_ += length;
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      const std::uint64_t byte = next();
      if (shift < 64) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw Error("onnx: the file is damaged or no ONNX file: a number is too long");
  }

  void append(std::uint64_t length, std::string& to) {
    const std::uint64_t from = at_;
    skip(length);
    const std::size_t old = to.size();
    if (from >= first_ && at_ <= first_ + window_.size()) {
      to.append(window_, from - first_, length);
      return;
    }
    to.resize(old + length);
    source_.read(from, length, to.data() + old);
  }

 private:
  static constexpr std::uint64_t piece = 1 << 16;

  std::uint64_t next() {
    const std::uint64_t from = at_;
    skip(1);
    if (from < first_ || from >= first_ + window_.size()) {
      window_.resize(std::min(piece, source_.size() - from));
      source_.read(from, window_.size(), window_.data());
      first_ = from;
    }
    return static_cast<unsigned char>(window_[from - first_]);
  }

  const Source& source_;
  std::uint64_t at_, end_, first_ = 0;
  std::string window_{};
};

}  // namespace foil::onnx::detail
