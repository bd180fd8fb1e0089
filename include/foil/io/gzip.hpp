// SPDX-License-Identifier: MIT
/// \file
/// Files that are plain or gzipped. Needs zlib.
#pragma once

#include <sys/types.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "foil/io/file.hpp"

namespace foil::io {

namespace detail {

/// What is being unpacked, and the packed bytes that have been read of it.
struct Inflation {
  z_stream stream{};
  std::array<unsigned char, 1 << 16> packed;

  ~Inflation() { inflateEnd(&stream); }
};

}  // namespace detail

/// A regular file that is read from its beginning on, unpacked if it is gzipped, which is recognised by its
/// first bytes. Files that are gzipped one behind the other are one; zeros behind these are padding, anything
/// else is an error, as it is no part of the file that was packed. Every failure throws foil::Error with the
/// path.
class GzipFile {
 public:
  explicit GzipFile(std::filesystem::path path) : path_(std::move(path)), file_(detail::open_to_read(path_)) {
    std::array<unsigned char, 2> first{};
    const bool packed =
        read_bytes(first.data(), first.size()) == first.size() && first[0] == magic && first[1] == 0x8b;
    if (packed) {
      inflation_ = std::make_unique<detail::Inflation>();
      constexpr int gzip_of_any_window = 15 + 16;
      require(inflateInit2(&inflation_->stream, gzip_of_any_window) == Z_OK, path_,
              "cannot be read: no memory");
    }
    rewind();
  }

  const std::filesystem::path& path() const { return path_; }
  /// Whether the bytes are those of the file itself.
  bool plain() const { return inflation_ == nullptr; }

  /// Reads up to `size` bytes; how many it were. 0: there are no more.
  std::size_t read(void* out, unsigned size) {
    if (plain()) return read_bytes(out, size);
    z_stream& stream = inflation_->stream;
    stream.next_out = static_cast<unsigned char*>(out);
    stream.avail_out = size;
    while (stream.avail_out > 0 && !ended_) {
      require(available(), path_, "cannot be read: unexpected end of file");
      const int code = inflate(&stream, Z_NO_FLUSH);
      require(code == Z_OK || code == Z_STREAM_END, path_,
              "cannot be read: ", stream.msg == nullptr ? "what is gzipped is damaged" : stream.msg);
      if (code == Z_STREAM_END) go_behind_end();
    }
    position_ += size - stream.avail_out;
    return size - stream.avail_out;
  }

  /// Goes to a byte of the unpacked content, if need be by unpacking it again from its beginning. Whether it
  /// could.
  bool seek(std::uint64_t offset) {
    if (plain())
      return std::in_range<off_t>(offset) && ::fseeko(file_.get(), static_cast<off_t>(offset), SEEK_SET) == 0;
    if (offset < position_) rewind();
    std::array<char, 1 << 14> skipped;
    while (position_ < offset) {
      const auto most = std::min<std::uint64_t>(offset - position_, skipped.size());
      if (read(skipped.data(), static_cast<unsigned>(most)) == 0) return false;
    }
    return true;
  }

 private:
  static constexpr unsigned char magic = 0x1f;

  std::size_t read_bytes(void* out, std::size_t size) {
    const std::size_t got = std::fread(out, 1, size, file_.get());
    require(got == size || std::ferror(file_.get()) == 0, path_, "cannot be read: ", std::strerror(errno));
    return got;
  }

  void rewind() {
    require(std::fseek(file_.get(), 0, SEEK_SET) == 0, path_, "cannot be read: ", std::strerror(errno));
    position_ = 0;
    ended_ = false;
    if (plain()) return;
    inflateReset(&inflation_->stream);
    inflation_->stream.avail_in = 0;
  }

  /// Whether packed bytes are there to go on with, once more are read where there are none.
  bool available() {
    z_stream& stream = inflation_->stream;
    if (stream.avail_in > 0) return true;
    stream.next_in = inflation_->packed.data();
    stream.avail_in = static_cast<unsigned>(read_bytes(inflation_->packed.data(), inflation_->packed.size()));
    return stream.avail_in > 0;
  }

  /// Behind what was gzipped: goes on with more of it, or to the end.
  void go_behind_end() {
    z_stream& stream = inflation_->stream;
    if (available() && *stream.next_in == magic) {
      inflateReset(&stream);
      return;
    }
    for (; available(); ++stream.next_in, --stream.avail_in)
      require(*stream.next_in == 0, path_, "has something behind the end of what is gzipped");
    ended_ = true;
  }

  std::filesystem::path path_;
  detail::File file_;
  std::unique_ptr<detail::Inflation> inflation_{};
  std::uint64_t position_ = 0;  ///< in the unpacked content
  bool ended_ = false;
};

/// All of a file, unpacked if it is gzipped. Throws foil::Error if that is more than `most` bytes, before
/// they are in memory.
inline std::string read_unpacked(const std::filesystem::path& path, std::size_t most) {
  GzipFile file(path);
  std::string content;
  std::array<char, 1 << 16> chunk;
  while (const std::size_t got = file.read(chunk.data(), static_cast<unsigned>(chunk.size()))) {
    require(got <= most - content.size(), path, "expected at most ", most, " bytes",
            file.plain() ? "" : ", unpacked", ", found more");
    content.append(chunk.data(), got);
  }
  return content;
}

}  // namespace foil::io
