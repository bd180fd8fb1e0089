// SPDX-License-Identifier: MIT
/// \file
/// Writes small .npy and .npz files, so that tests need no NumPy.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace foil_test {

/// A .npy file of version 1.
inline std::string npy_bytes(const std::string& type, const std::string& shape, const std::string& content,
                             bool fortran = false) {
  std::string header = "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") +
                       ", 'shape': " + shape + ", }";
  header.append(63 - (10 + header.size()) % 64, ' ') += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 255);
  out += static_cast<char>(header.size() >> 8);
  return out + header + content;
}

inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i, value >>= 8) out += static_cast<char>(value & 255);
  return out;
}

/// An archive of these members, as numpy.savez or numpy.savez_compressed write it. `wide`: with all sizes in
/// the fields for large archives.
inline std::string zip_bytes(const std::vector<std::pair<std::string, std::string>>& members, bool deflated,
                             bool wide = false) {
  std::string out, table;
  for (const auto& [name, content] : members) {
    std::string packed = content;
    if (deflated) {
      z_stream stream{};
      deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
      packed.resize(deflateBound(&stream, static_cast<unsigned long>(content.size())));
      stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(content.data()));
      stream.avail_in = static_cast<unsigned>(content.size());
      stream.next_out = reinterpret_cast<unsigned char*>(packed.data());
      stream.avail_out = static_cast<unsigned>(packed.size());
      deflate(&stream, Z_FINISH);
      packed.resize(stream.total_out);
      deflateEnd(&stream);
    }
    const auto crc = crc32(0, reinterpret_cast<const unsigned char*>(content.data()),
                           static_cast<unsigned>(content.size()));
    const std::uint64_t begin = out.size(), none = 0xffffffff;
    const std::string extra = little_endian(1, 2) + little_endian(24, 2) + little_endian(content.size(), 8) +
                              little_endian(packed.size(), 8) + little_endian(begin, 8);
    const std::string common = little_endian(20, 2) + little_endian(0, 2) +
                               little_endian(deflated ? 8 : 0, 2) + little_endian(0, 4) +
                               little_endian(crc, 4) + little_endian(wide ? none : packed.size(), 4) +
                               little_endian(wide ? none : content.size(), 4) +
                               little_endian(name.size(), 2) + little_endian(wide ? extra.size() : 0, 2);
    out += "PK\3\4" + common + name + (wide ? extra : "") + packed;
    table += "PK\1\2" + little_endian(20, 2) + common + little_endian(0, 2 + 2 + 2 + 4) +
             little_endian(wide ? none : begin, 4) + name + (wide ? extra : "");
  }
  const std::uint64_t begin = out.size(), count = members.size();
  out += table;
  if (wide) {
    const std::uint64_t record = out.size();
    out += "PK\6\6" + little_endian(44, 8) + little_endian(45, 4) + little_endian(0, 8) +
           little_endian(count, 8) + little_endian(count, 8) + little_endian(table.size(), 8) +
           little_endian(begin, 8);
    out += "PK\6\7" + little_endian(0, 4) + little_endian(record, 8) + little_endian(1, 4);
  }
  return out + "PK\5\6" + little_endian(0, 4) + little_endian(wide ? 0xffff : count, 2) +
         little_endian(wide ? 0xffff : count, 2) + little_endian(wide ? 0xffffffff : table.size(), 4) +
         little_endian(wide ? 0xffffffff : begin, 4) + little_endian(0, 2);
}

}  // namespace foil_test
