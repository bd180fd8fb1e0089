// SPDX-License-Identifier: MIT
/// \file
/// Times common corruptions of one image for corruptions.py.
///
///     corrupt_serve <height> <width> <file> <textures>
///
/// The file holds the bytes of the image, three channels last; the textures of ice are a folder of pictures
/// or a list. For every line of standard input, a corruption and a severity, prints the processor time of one
/// call in seconds, and the mean level of what comes out.
#include <time.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "common/corruptions.hpp"
#include "foil/evaluation/corruptions/corrupt.hpp"
#include "foil/io/jpeg.hpp"

namespace {

using foil::Index;
using Images = foil::Tensor<float, 4>;

/// Processor time of this thread: on a busy machine, the wall clock would also count the others.
double now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: corrupt_serve <height> <width> <file> <textures>\n");
    return 2;
  }
  const Index height = std::atol(argv[1]), width = std::atol(argv[2]);
  std::vector<char> bytes(static_cast<std::size_t>(3 * height * width));
  std::ifstream file(argv[3], std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file) {
    std::fprintf(stderr, "%s does not hold %s x %s x 3 bytes\n", argv[3], argv[1], argv[2]);
    return 1;
  }
  Images image(1, height, width, 3);
  for (Index i = 0; i < image.size(); ++i)
    image.data()[i] = static_cast<float>(static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(i)])) / 255;
  foil::CorruptionOptions options;
  options.channels_last = true;
  options.frost = programs::frost_textures(argv[4]);
  options.jpeg = foil::io::jpeg_round_trip;
  std::string name;
  for (int severity = 0; std::cin >> name >> severity;) {
    const foil::Corruption corruption = foil::corruption_named(name);
    const double start = now();
    const Images out = foil::corrupt(image, corruption, severity, options);
    const double seconds = now() - start;
    const double mean = Eigen::Map<const Eigen::ArrayXf>(out.data(), out.size()).cast<double>().mean();
    std::printf("%.9g %.6g\n", seconds, mean * 255);
    std::fflush(stdout);
  }
  return 0;
}
