// SPDX-License-Identifier: MIT
/// \file
/// Files that appear whole or not at all, and the one way in which io/ complains about a file.
#pragma once

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "foil/core/error.hpp"

namespace foil::io {

/// Throws foil::Error "path: ..." unless `condition` holds.
template <class... Parts>
void require(bool condition, const std::filesystem::path& path, const Parts&... parts) {
  if (!condition) throw Error(path.string() + ": " + foil::text(parts...));
}

namespace detail {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

inline File open_to_read(const std::filesystem::path& path) {
  std::error_code ignored;
  require(!std::filesystem::is_directory(path, ignored), path, "expected a file, found a directory");
  File file(std::fopen(path.string().c_str(), "rb"));
  require(file != nullptr, path, "cannot be read: ", std::strerror(errno));
  return file;
}

}  // namespace detail

/// A file being written. What is written goes to a temporary file in the same directory, which takes the
/// target's place in one step at commit(); without a commit nothing is left behind and an older file stays
/// as it was. Constructing one and letting it go is the test whether a path can be written. Symbolic links
/// are followed; devices and pipes, which cannot be replaced, are written directly. Every failure throws
/// foil::Error with the path and the system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path) : path_(std::move(path)), target_(path_) {
    namespace fs = std::filesystem;
    std::error_code failure;
    const auto status = fs::status(path_, failure);
    require(!fs::is_directory(status), path_, "expected a file to write, found a directory");
    if (fs::exists(status)) target_ = fs::canonical(path_, failure);
    const bool direct = fs::exists(status) && !fs::is_regular_file(status);
    for (int attempt = 0; file_ == nullptr; ++attempt) {
      temporary_ = target_;
      if (!direct) temporary_ += ".part" + std::to_string(attempt);
      file_.reset(std::fopen(temporary_.string().c_str(), direct ? "wb" : "wbx"));
      if (file_ == nullptr && (direct || errno != EEXIST || attempt == 999)) {
        temporary_.clear();
        require(false, path_, "cannot be written: ", std::strerror(errno));
      }
    }
    if (direct) temporary_.clear();
  }

  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  ~AtomicFile() {
    file_.reset();
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove(temporary_, ignored);
  }

  void write(const void* data, std::size_t size) {
    const bool written = size == 0 || std::fwrite(data, 1, size, file_.get()) == size;
    require(written, path_, "cannot be written: ", std::strerror(errno));
  }
  void write(std::string_view text) { write(text.data(), text.size()); }

  /// Writes over the beginning of what has been written; a pipe's is gone. The last thing before the commit.
  void overwrite(std::string_view text) {
    require(std::fseek(file_.get(), 0, SEEK_SET) == 0, path_, "cannot be written: ", std::strerror(errno));
    write(text);
  }

  /// Puts the file in place, unless something could not be written; nothing can be written afterwards.
  void commit() {
    const bool whole = std::ferror(file_.get()) == 0;
    const bool closed = std::fclose(file_.release()) == 0 && whole;
    require(closed, path_, "cannot be written: ", whole ? std::strerror(errno) : "a write failed");
    if (temporary_.empty()) return;
    std::error_code failure;
    std::filesystem::rename(temporary_, target_, failure);
    require(!failure, path_, "cannot be written: ", failure.message());
    temporary_.clear();
  }

 private:
  std::filesystem::path path_, target_, temporary_;
  detail::File file_;
};

/// Writes a whole file, all or nothing.
inline void write_file(const std::filesystem::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

}  // namespace foil::io
