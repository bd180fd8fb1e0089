// SPDX-License-Identifier: MIT
/// \file
/// libFuzzer's mutations, after which the checksums of a PNG file are right again: with wrong ones nothing
/// behind them would ever be tested.
#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned) {
  size = LLVMFuzzerMutate(data, size, most);
  constexpr std::size_t signature = 8, frame = 12;  // a chunk: length, type, content, checksum
  if (size < signature || std::memcmp(data, "\x89PNG", 4) != 0) return size;
  for (std::size_t at = signature; at + frame <= size;) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | data[at + i];
    if (length > size - at - frame) break;
    const auto sum = crc32(0, data + at + 4, static_cast<uInt>(length + 4));
    for (std::size_t i = 0; i < 4; ++i)
      data[at + 8 + length + i] = static_cast<std::uint8_t>(sum >> (24 - 8 * i));
    at += frame + length;
  }
  return size;
}
