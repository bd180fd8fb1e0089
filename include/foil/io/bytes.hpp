// SPDX-License-Identifier: MIT
/// \file
/// Where bytes are read from: a file, memory, a part of another source, what a deflated part inflates to.
/// Needs zlib.
#pragma once

#include <zlib.h>
#include <cstddef>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "foil/io/file.hpp"

namespace foil::io {

namespace detail {

/// Deflate makes at most this many bytes of one (exactly: 1,032), so that whatever announces more is damaged.
inline constexpr std::uint64_t most_inflated = 1100;

}  // namespace detail

/// So many bytes, read from any place on. Every failure throws foil::Error with the path.
class Bytes {
 public:
  explicit Bytes(std::filesystem::path path) : path_(std::move(path)) {}
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  virtual ~Bytes() = default;

  /// What they are called in messages.
  const std::filesystem::path& path() const { return path_; }
  virtual std::uint64_t size() const = 0;
  /// Whether going back costs nothing; otherwise everything is read from the beginning again.
  virtual bool seekable() const { return true; }
  /// Fills `out` with the bytes from `offset` on; throws unless there are as many.
  void read(std::uint64_t offset, std::span<unsigned char> out) {
    require(offset <= size() && out.size() <= size() - offset, path_, "truncated: expected ", out.size(),
            " more bytes, found ", size() - std::min(offset, size()));
    if (!out.empty()) read_checked(offset, out);
  }

 private:
  virtual void read_checked(std::uint64_t offset, std::span<unsigned char> out) = 0;

  std::filesystem::path path_;
};

/// The bytes of a regular file.
class FileBytes final : public Bytes {
 public:
  explicit FileBytes(std::filesystem::path of) : Bytes(std::move(of)), file_(detail::open_to_read(path())) {
    std::error_code failure;
    size_ = std::filesystem::file_size(path(), failure);
    require(!failure, path(), "cannot be read: ", failure.message());
  }
  std::uint64_t size() const override { return size_; }

 private:
  void read_checked(std::uint64_t offset, std::span<unsigned char> out) override {
    const bool placed =
        offset == position_ ||
        (std::in_range<long>(offset) && std::fseek(file_.get(), static_cast<long>(offset), SEEK_SET) == 0);
    require(placed, path(), "cannot be read at byte ", offset);
    const std::size_t got = std::fread(out.data(), 1, out.size(), file_.get());
    position_ = offset + got;
    require(got == out.size(), path(), "truncated: expected ", out.size(), " more bytes, found ", got);
  }

  detail::File file_;
  std::uint64_t size_ = 0, position_ = 0;
};

/// Bytes in memory.
class MemoryBytes final : public Bytes {
 public:
  MemoryBytes(std::filesystem::path name, std::vector<unsigned char> bytes)
      : Bytes(std::move(name)), bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }

 private:
  void read_checked(std::uint64_t offset, std::span<unsigned char> out) override {
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
  }

  std::vector<unsigned char> bytes_;
};

/// A part of another source.
class PartOfBytes final : public Bytes {
 public:
  PartOfBytes(std::filesystem::path name, std::unique_ptr<Bytes> whole, std::uint64_t begin,
              std::uint64_t size)
      : Bytes(std::move(name)), whole_(std::move(whole)), begin_(begin), size_(size) {
    require(begin <= whole_->size() && size <= whole_->size() - begin, path(),
            "truncated: announces more bytes than there are");
  }
  std::uint64_t size() const override { return size_; }
  bool seekable() const override { return whole_->seekable(); }

 private:
  void read_checked(std::uint64_t offset, std::span<unsigned char> out) override {
    whole_->read(begin_ + offset, out);
  }

  std::unique_ptr<Bytes> whole_;
  std::uint64_t begin_, size_;
};

/// What a raw deflate stream inflates to: as many bytes as announced, of which no more than asked for are
/// ever in memory.
class InflatedBytes final : public Bytes {
 public:
  InflatedBytes(std::unique_ptr<Bytes> packed, std::uint64_t size)
      : Bytes(packed->path()), packed_(std::move(packed)), size_(size) {
    require(inflateInit2(&stream_, -MAX_WBITS) == Z_OK, path(), "cannot be inflated: no memory");
  }
  ~InflatedBytes() override { inflateEnd(&stream_); }
  std::uint64_t size() const override { return size_; }
  bool seekable() const override { return false; }

 private:
  void read_checked(std::uint64_t offset, std::span<unsigned char> out) override {
    if (offset < position_) {
      inflateReset(&stream_);
      stream_.avail_in = 0;
      position_ = taken_ = 0;
    }
    std::array<unsigned char, 1 << 14> passed_over;
    while (position_ < offset)
      inflate_into(std::span(passed_over)
                       .first(static_cast<std::size_t>(
                           std::min<std::uint64_t>(offset - position_, passed_over.size()))));
    constexpr std::size_t most = std::size_t{1} << 30;  // zlib counts in unsigned int
    for (; !out.empty(); out = out.subspan(std::min(out.size(), most)))
      inflate_into(out.first(std::min(out.size(), most)));
  }

  void inflate_into(std::span<unsigned char> out) {
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<unsigned>(out.size());
    while (stream_.avail_out > 0) {
      if (stream_.avail_in == 0) {
        const auto left = std::min<std::uint64_t>(packed_->size() - taken_, chunk_.size());
        packed_->read(taken_, std::span(chunk_).first(static_cast<std::size_t>(left)));
        taken_ += left;
        stream_.next_in = chunk_.data();
        stream_.avail_in = static_cast<unsigned>(left);
      }
      const bool no_more = stream_.avail_in == 0;
      const int code = inflate(&stream_, Z_NO_FLUSH);
      require(code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR, path(),
              "damaged: cannot be inflated");
      const bool ended = code == Z_STREAM_END || (code == Z_BUF_ERROR && no_more);
      require(stream_.avail_out == 0 || !ended, path(), "truncated: expected ", size_, " bytes, found ",
              position_ + out.size() - stream_.avail_out);
    }
    position_ += out.size();
  }

  std::unique_ptr<Bytes> packed_;
  std::uint64_t size_;
  std::uint64_t position_ = 0, taken_ = 0;  // what has been given, and what has been read for it
  z_stream stream_{};
  std::array<unsigned char, 1 << 14> chunk_{};
};

/// Checks what is read through it against a CRC-32, once all of it has been read from the beginning on.
class CheckedBytes final : public Bytes {
 public:
  CheckedBytes(std::unique_ptr<Bytes> inner, std::uint32_t crc)
      : Bytes(inner->path()), inner_(std::move(inner)), expected_(crc) {}
  std::uint64_t size() const override { return inner_->size(); }
  bool seekable() const override { return inner_->seekable(); }

 private:
  void read_checked(std::uint64_t offset, std::span<unsigned char> out) override {
    inner_->read(offset, out);
    if (offset != summed_) return;
    sum_ = crc32_z(sum_, out.data(), out.size());
    summed_ += out.size();
    require(summed_ < size() || sum_ == expected_, path(), "damaged: the checksum does not fit");
  }

  std::unique_ptr<Bytes> inner_;
  std::uint32_t expected_;
  std::uint64_t summed_ = 0;
  uLong sum_ = 0;
};

}  // namespace foil::io
