// SPDX-License-Identifier: MIT
/// \file
/// The idx format of the MNIST family (unsigned bytes), plain or gzipped. Needs zlib.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/io/file.hpp"

namespace foil::io {

/// The content of an idx file: bytes in C order.
struct IdxArray {
  std::vector<Index> shape;
  std::vector<std::uint8_t> data;
};

namespace detail {

struct CloseGzip {
  void operator()(gzFile file) const { gzclose(file); }
};

/// Reads up to `size` bytes of a file that may or may not be gzipped.
inline std::size_t read_some(gzFile file, const std::filesystem::path& path, void* out, unsigned size) {
  const int got = gzread(file, out, size);
  int code = Z_OK;
  const char* reason = gzerror(file, &code);
  require(got >= 0 && (code == Z_OK || code == Z_STREAM_END), path,
          "cannot be read: ", code == Z_ERRNO ? std::strerror(errno) : reason);
  return static_cast<std::size_t>(got);
}

}  // namespace detail

/// Reads an idx file of unsigned bytes with one to four dimensions; gzip is recognised by content. Throws
/// foil::Error for anything else: other element types, a truncated or damaged file, surplus bytes. Memory
/// grows with what the file really holds, never with what its header claims.
inline IdxArray read_idx(const std::filesystem::path& path) {
  using detail::require;
  detail::open_to_read(path);  // zlib would not say why it cannot
  const std::unique_ptr<gzFile_s, detail::CloseGzip> file(gzopen(path.string().c_str(), "rb"));
  require(file != nullptr, path, "cannot be read: ", std::strerror(errno));

  std::array<std::uint8_t, 4> magic{};
  require(detail::read_some(file.get(), path, magic.data(), 4) == 4, path,
          "expected an idx file, found fewer than 4 bytes");
  require(magic[0] == 0 && magic[1] == 0, path, "expected an idx file (starting with two zero bytes), found ",
          int{magic[0]}, " ", int{magic[1]}, " ", int{magic[2]}, " ", int{magic[3]});
  require(magic[2] == 8, path, "expected idx elements of type 8 (unsigned byte), found type ", int{magic[2]});
  require(magic[3] >= 1 && magic[3] <= 4, path, "expected 1 to 4 idx dimensions, found ", int{magic[3]});

  IdxArray array;
  std::uint64_t total = 1;
  for (int axis = 0; axis < magic[3]; ++axis) {
    std::array<std::uint8_t, 4> big_endian{};
    require(detail::read_some(file.get(), path, big_endian.data(), 4) == 4, path,
            "truncated: the idx header announces ", int{magic[3]}, " dimensions but ends after ", axis);
    std::uint32_t extent = 0;
    for (const std::uint8_t byte : big_endian) extent = extent << 8 | byte;
    array.shape.push_back(static_cast<Index>(extent));
    require(extent == 0 || total <= std::uint64_t{std::numeric_limits<std::int64_t>::max()} / extent, path,
            "the idx header announces more elements than any machine can hold");
    total *= extent;
  }

  std::array<std::uint8_t, 1 << 16> chunk;
  while (array.data.size() < total) {
    const auto wanted = std::min<std::uint64_t>(total - array.data.size(), chunk.size());
    const auto got = detail::read_some(file.get(), path, chunk.data(), static_cast<unsigned>(wanted));
    require(got > 0, path, "truncated: the idx header announces ", total, " elements, found ",
            array.data.size());
    array.data.insert(array.data.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(got));
  }
  require(detail::read_some(file.get(), path, chunk.data(), 1) == 0, path, "the idx header announces ", total,
          " elements, but more bytes follow");
  return array;
}

}  // namespace foil::io
