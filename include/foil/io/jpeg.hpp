// SPDX-License-Identifier: MIT
/// \file
/// Pictures in JPEG files. Needs libjpeg-turbo, or any libjpeg of version 8 on; without it, which the target
/// foil::io tells by FOIL_IO_JPEG, JPEG files are refused.
#pragma once

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#ifdef FOIL_IO_JPEG
#include <jpeglib.h>
// After jpeglib.h, which it needs.
#include <jerror.h>
#endif

#include "foil/core/tensor.hpp"
#include "foil/io/file.hpp"
#include "foil/io/picture.hpp"

namespace foil::io {

#ifdef FOIL_IO_JPEG

namespace detail {

/// A JPEG being decoded. What is said about detail::PngDecoding holds here, too.
struct JpegDecoding {
  explicit JpegDecoding(std::span<const unsigned char> of) : bytes(of) {
    jpeg.err = jpeg_std_error(&errors);
    errors.error_exit = [](j_common_ptr of_it) { leave(of_it); };
    errors.emit_message = [](j_common_ptr of_it, int level) {
      // What is missing would come out gray. Other warnings are about odd headers and do no harm.
      const int code = of_it->err->msg_code;
      if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) leave(of_it);
    };
    errors.output_message = [](j_common_ptr) {};
    progress.progress_monitor = [](j_common_ptr of_it) {
      // Thousands of scans of the same picture are made to keep a decoder busy.
      if (reinterpret_cast<j_decompress_ptr>(of_it)->input_scan_number > 500) leave(of_it);
    };
  }
  JpegDecoding(const JpegDecoding&) = delete;
  JpegDecoding& operator=(const JpegDecoding&) = delete;
  ~JpegDecoding() { jpeg_destroy_decompress(&jpeg); }

  bool read_header() {
    jpeg.client_data = this;
    if (setjmp(jump) != 0) return false;
    jpeg_create_decompress(&jpeg);
    jpeg.progress = &progress;
    jpeg_mem_src(&jpeg, const_cast<unsigned char*>(bytes.data()), static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&jpeg, TRUE);
    return true;
  }

  bool read_rows(JSAMPLE* out, std::size_t row_size) {
    if (setjmp(jump) != 0) return false;
    jpeg.out_color_space = jpeg.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
      JSAMPROW row = out + jpeg.output_scanline * row_size;
      jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
    return true;
  }

  static void leave(j_common_ptr of_it) {
    auto& self = *static_cast<JpegDecoding*>(of_it->client_data);
    self.errors.format_message(of_it, self.reason.data());
    std::longjmp(self.jump, 1);
  }

  std::span<const unsigned char> bytes;
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  jpeg_decompress_struct jpeg{};
  std::array<char, JMSG_LENGTH_MAX> reason{};
  std::jmp_buf jump{};
};

/// A JPEG being encoded. What is said about detail::PngDecoding holds here, too.
struct JpegEncoding {
  JpegEncoding() {
    jpeg.err = jpeg_std_error(&errors);
    errors.error_exit = [](j_common_ptr of_it) {
      auto& self = *static_cast<JpegEncoding*>(of_it->client_data);
      self.errors.format_message(of_it, self.reason.data());
      std::longjmp(self.jump, 1);
    };
    errors.output_message = [](j_common_ptr) {};
  }
  JpegEncoding(const JpegEncoding&) = delete;
  JpegEncoding& operator=(const JpegEncoding&) = delete;
  ~JpegEncoding() {
    jpeg_destroy_compress(&jpeg);
    std::free(bytes);
  }

  bool write(const Picture& picture, int quality) {
    jpeg.client_data = this;
    if (setjmp(jump) != 0) return false;
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = static_cast<JDIMENSION>(picture.width());
    jpeg.image_height = static_cast<JDIMENSION>(picture.height());
    jpeg.input_components = picture.channels();
    jpeg.in_color_space = picture.channels() == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, quality, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) {
      JSAMPROW row = const_cast<JSAMPROW>(picture.pixel(0, jpeg.next_scanline));
      jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    return true;
  }

  jpeg_error_mgr errors{};
  jpeg_compress_struct jpeg{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  std::array<char, JMSG_LENGTH_MAX> reason{};
  std::jmp_buf jump{};
};

}  // namespace detail

/// The picture that a JPEG file holds: gray, or RGB by libjpeg's accurate decoder. An orientation that a
/// camera noted is passed over. Throws foil::Error, with the name of the file, for damaged ones, other
/// colours, and more than Picture::most_pixels.
inline Picture decode_jpeg(const std::filesystem::path& name, std::span<const unsigned char> bytes) {
  detail::JpegDecoding jpeg(bytes);
  require(jpeg.read_header(), name, "cannot be read as JPEG: ", jpeg.reason.data());
  const int channels = jpeg.jpeg.num_components;
  require(channels == 1 || channels == 3, name, "expected a gray or an RGB picture, found ", channels,
          " channels");
  const Index width = jpeg.jpeg.image_width, height = jpeg.jpeg.image_height;
  check_pixels(name, width, height);
  Picture picture(width, height, channels);
  require(jpeg.read_rows(picture.pixel(0, 0), static_cast<std::size_t>(width * channels)), name,
          "cannot be read as JPEG: ", jpeg.reason.data());
  return picture;
}

/// A picture as the content of a JPEG file of a quality from 1 to 100: gray, or YCbCr with colours at half
/// the resolution (4:2:0), by libjpeg's accurate encoder and its tables. Throws foil::Error, with libjpeg's
/// reason, for what JPEG does not hold: more than 65,500 pixels a side.
inline std::string encode_jpeg(const Picture& picture, int quality) {
  foil::require(quality >= 1 && quality <= 100, "JPEG: expected a quality from 1 to 100, got ", quality);
  detail::JpegEncoding jpeg;
  const bool written = jpeg.write(picture, quality);  // before its reason is looked at
  foil::require(written, "picture: ", picture.width(), " x ", picture.height(),
                " pixels cannot be encoded as JPEG: ", std::string_view(jpeg.reason.data()));
  return {reinterpret_cast<const char*>(jpeg.bytes), jpeg.size};
}

#else

inline Picture decode_jpeg(const std::filesystem::path& name, std::span<const unsigned char>) {
  throw Error(name.string() + ": is a JPEG file, which this program was built without (libjpeg-turbo)");
}

inline std::string encode_jpeg(const Picture&, int) {
  throw Error("JPEG: this program was built without it (libjpeg-turbo)");
}

#endif

/// Writes a picture as JPEG, see encode_jpeg(), and reads it again, in place.
/// \param pixels  height x width x channels bytes
inline void jpeg_round_trip(std::span<std::uint8_t> pixels, Index height, Index width, Index channels,
                            int quality) {
  Picture picture(width, height, static_cast<int>(channels));
  foil::require(pixels.size() == picture.bytes().size(), "JPEG: expected ", picture.bytes().size(),
                " bytes for ", width, " x ", height, " pixels, got ", pixels.size());
  std::copy(pixels.begin(), pixels.end(), picture.pixel(0, 0));
  const std::string bytes = encode_jpeg(picture, quality);
  const Picture back =
      decode_jpeg("JPEG", {reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()});
  std::copy(back.bytes().begin(), back.bytes().end(), pixels.begin());
}

}  // namespace foil::io
