// SPDX-License-Identifier: MIT
/// \file
/// Pictures in JPEG files. Needs libjpeg-turbo, or any libjpeg of version 8 on; without it, which the target
/// foil::io tells by FOIL_IO_JPEG, JPEG files are refused.
#pragma once

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <span>

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

#else

inline Picture decode_jpeg(const std::filesystem::path& name, std::span<const unsigned char>) {
  throw Error(name.string() + ": is a JPEG file, which this program was built without (libjpeg-turbo)");
}

#endif

}  // namespace foil::io
