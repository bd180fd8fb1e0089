// SPDX-License-Identifier: MIT
/// \file
/// What the fuzz targets share. A target is a program that libFuzzer, or replay.cpp under any compiler, hands
/// one input after another. Whatever the input, the library may succeed or throw foil::Error; anything else,
/// be it another exception, a sanitizer's complaint or a failed expect(), is a finding.
#pragma once

#include <unistd.h>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "foil/core/error.hpp"

namespace foil::test {

/// Ends the program unless `condition` holds.
inline void expect(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not as expected: %s\n", what);
  std::abort();
}

/// Calls use() and takes foil::Error for an answer, if its message is fit to be shown.
template <class F>
void may_refuse(F&& use) {
  try {
    use();
  } catch (const Error& refusal) {
    const std::string_view message = refusal.what();
    expect(!message.empty() && message == printable(message), "a message of one printable line");
  }
}

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// The bytes of an input in a file, for as long as this lives.
class InputFile {
 public:
  explicit InputFile(std::string_view bytes)
      : path_(std::filesystem::temp_directory_path() / text("foil-fuzz-", static_cast<long>(::getpid()))) {
    std::ofstream file(path_, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    expect(static_cast<bool>(file), "a directory for temporary files that can be written to");
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace foil::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
