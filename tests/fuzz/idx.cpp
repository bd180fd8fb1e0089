// SPDX-License-Identifier: MIT
/// \file
/// Fuzz target: an idx file, plain or gzipped, read as images and as labels.
#include "fuzz/data.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  foil::test::read_as_data(foil::test::as_text(data, size), ".idx");
  return 0;
}
