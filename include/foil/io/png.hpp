// SPDX-License-Identifier: MIT
/// \file
/// Pictures in PNG files. Needs libpng 1.6.
#pragma once

#include <png.h>
#include <cstddef>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/io/file.hpp"
#include "foil/io/picture.hpp"

namespace foil::io {

namespace detail {

/// A PNG being decoded. libpng leaves its functions by longjmp when something is wrong: those of ours that
/// call it own nothing, and answer whether it went well.
struct PngDecoding {
  explicit PngDecoding(std::span<const unsigned char> bytes)
      : rest(bytes),
        png(png_create_read_struct(PNG_LIBPNG_VER_STRING, this, fail, [](png_structp, png_const_charp) {})),
        info(png == nullptr ? nullptr : png_create_info_struct(png)) {}
  PngDecoding(const PngDecoding&) = delete;
  PngDecoding& operator=(const PngDecoding&) = delete;
  ~PngDecoding() { png_destroy_read_struct(&png, &info, nullptr); }

  bool read_header() {
    if (info == nullptr || setjmp(png_jmpbuf(png)) != 0) return false;
    png_set_read_fn(png, this, take);
    png_set_user_limits(png, 1 << 20, 1 << 20);
    png_read_info(png, info);
    width = png_get_image_width(png, info);
    height = png_get_image_height(png, info);
    bits = png_get_bit_depth(png, info);
    return true;
  }

  /// From here on one byte per channel: gray or RGB, perhaps with alpha.
  bool prepare() {
    if (setjmp(png_jmpbuf(png)) != 0) return false;
    png_set_expand(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    channels = png_get_channels(png, info);
    return true;
  }

  bool read_rows(png_bytepp rows) {
    if (setjmp(png_jmpbuf(png)) != 0) return false;
    png_read_image(png, rows);
    png_read_end(png, nullptr);
    return true;
  }

  static void fail(png_structp png, png_const_charp reason) {
    auto& self = *static_cast<PngDecoding*>(png_get_error_ptr(png));
    std::snprintf(self.reason.data(), self.reason.size(), "%s", reason);
    png_longjmp(png, 1);
  }

  static void take(png_structp png, png_bytep out, std::size_t size) {
    auto& self = *static_cast<PngDecoding*>(png_get_io_ptr(png));
    if (size > self.rest.size()) png_error(png, "it ends too early");
    std::memcpy(out, self.rest.data(), size);
    self.rest = self.rest.subspan(size);
  }

  std::span<const unsigned char> rest;
  std::array<char, 100> reason{"no memory"};
  png_structp png;
  png_infop info;
  png_uint_32 width = 0, height = 0;
  int bits = 0, channels = 0;
};

}  // namespace detail

/// The picture that a PNG file of 8 bits per channel (or fewer) holds: gray or RGB, its numbers as they are
/// stored, without any correction of colours. Throws foil::Error, with the name of the file, for damaged
/// ones, 16 bits, transparent pixels, and more than Picture::most_pixels.
inline Picture decode_png(const std::filesystem::path& name, std::span<const unsigned char> bytes) {
  detail::PngDecoding png(bytes);
  require(png.read_header(), name, "cannot be read as PNG: ", png.reason.data());
  require(png.bits <= 8, name, "expected 8 bits per channel, found ", png.bits);
  check_pixels(name, png.width, png.height);
  require(png.prepare(), name, "cannot be read as PNG: ", png.reason.data());
  const auto width = static_cast<std::size_t>(png.width), height = static_cast<std::size_t>(png.height);
  const auto channels = static_cast<std::size_t>(png.channels), shown = channels - (channels + 1) % 2;
  std::vector<png_byte> pixels(width * height * channels);
  std::vector<png_bytep> rows;
  for (std::size_t y = 0; y < height; ++y) rows.push_back(pixels.data() + y * width * channels);
  require(png.read_rows(rows.data()), name, "cannot be read as PNG: ", png.reason.data());
  Picture picture(static_cast<Index>(width), static_cast<Index>(height), static_cast<int>(shown));
  std::uint8_t* out = picture.pixel(0, 0);
  for (const png_byte* at = pixels.data(); at < pixels.data() + pixels.size(); at += channels) {
    require(channels == shown || at[shown] == 255, name,
            "expected an opaque picture, found transparent pixels");
    out = std::copy(at, at + shown, out);
  }
  return picture;
}

/// A picture as the content of an 8-bit PNG file.
inline std::string encode_png(const Picture& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width());
  image.height = static_cast<png_uint_32>(picture.height());
  image.format = picture.channels() == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string encoded(size, '\0');
  const bool fine =
      png_image_write_to_memory(&image, encoded.data(), &size, 0, picture.bytes().data(), 0, nullptr) != 0;
  foil::require(fine, "picture: cannot be encoded as PNG: ", std::string_view(image.message));
  encoded.resize(size);
  return encoded;
}

/// Writes a picture as an 8-bit PNG, all or nothing.
inline void write_png(const std::filesystem::path& path, const Picture& picture) {
  write_file(path, encode_png(picture));
}

}  // namespace foil::io
