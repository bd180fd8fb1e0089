// SPDX-License-Identifier: MIT
/// \file
/// A file that grows entry by entry, and of which whatever was added before a crash is there after it.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/io/file.hpp"

namespace foil::io {

/// Entries of bytes in a file. An entry is there as a whole or not at all: each has its size and CRC-32, and
/// what a killed process left unfinished at the end is passed over and written over. append() returns when
/// the entry is on the disk.
///
/// The file is locked against other processes from when it is there, and made by the first append().
class Journal {
 public:
  /// Reads what is there. Throws foil::Error if that is no journal, or another process has it.
  explicit Journal(std::filesystem::path path) : path_(std::move(path)) {
    file_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
    if (file_ < 0 && (errno == ENOENT || errno == ENOTDIR)) return;
    try {
      check_read(file_ >= 0);
      lock();
      read();
    } catch (...) {
      close();
      throw;
    }
  }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal() { close(); }

  const std::filesystem::path& path() const { return path_; }
  /// The entries that were there, in their order.
  const std::vector<std::string>& entries() const { return entries_; }

  /// Throws if it cannot be written as a whole; then the file is as before.
  void append(std::string_view entry) {
    if (file_ < 0) {
      file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      detail::require_written(file_ >= 0, path_);
      lock();
      sync_directory(path_.parent_path());
    }
    std::string frame = end_ == 0 ? std::string(mark) : std::string();
    frame += head_of(entry);
    frame += entry;
    const bool written = ::ftruncate(file_, static_cast<::off_t>(end_)) == 0 && write(frame) &&
                         (::fsync(file_) == 0 || errno == EINVAL || errno == ENOTSUP);
    if (written) {
      end_ += frame.size();
      return;
    }
    const int why = errno;
    if (::ftruncate(file_, static_cast<::off_t>(end_)) == 0) ::fsync(file_);
    errno = why;
    detail::require_written(false, path_);
  }

  /// Forgets all entries: what comes next is the first.
  void clear() {
    entries_.clear();
    end_ = 0;
    if (file_ >= 0) detail::require_written(::ftruncate(file_, 0) == 0, path_);
  }
  /// Removes the file.
  void remove() {
    clear();
    if (file_ >= 0) ::unlink(path_.c_str());
    close();
  }

 private:
  static constexpr std::string_view mark = "foil journal 1\n";
  static constexpr std::size_t head_size = 12;  // the size of an entry and its checksum

  static std::string head_of(std::string_view entry) {
    const std::uint64_t size = entry.size();
    const auto sum = static_cast<std::uint32_t>(
        ::crc32_z(0, reinterpret_cast<const unsigned char*>(entry.data()), entry.size()));
    std::string head(head_size, '\0');
    std::memcpy(head.data(), &size, sizeof size);
    std::memcpy(head.data() + sizeof size, &sum, sizeof sum);
    return head;
  }

  void check_read(bool fine) const { require(fine, path_, "cannot be read: ", std::strerror(errno)); }
  void close() {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
  }
  void lock() const {
    require(::flock(file_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK, path_,
            "another process is writing there");
  }

  /// As many of the bytes as there are from a place on.
  std::size_t get(std::uint64_t from, char* to, std::size_t size) const {
    std::size_t done = 0;
    while (done < size) {
      const ::ssize_t got = ::pread(file_, to + done, size - done, static_cast<::off_t>(from + done));
      check_read(got >= 0 || errno == EINTR);
      if (got == 0) break;
      if (got > 0) done += static_cast<std::size_t>(got);
    }
    return done;
  }

  void read() {
    struct ::stat found{};
    check_read(::fstat(file_, &found) == 0);
    const auto size = static_cast<std::uint64_t>(found.st_size);
    std::array<char, mark.size()> start{};
    const std::size_t begun = get(0, start.data(), start.size());
    require(mark.starts_with(std::string_view(start.data(), begun)), path_,
            "expected a journal, found another format");
    if (begun < mark.size()) return;
    end_ = mark.size();
    std::string head(head_size, '\0');
    while (get(end_, head.data(), head_size) == head_size) {
      std::uint64_t length = 0;
      std::memcpy(&length, head.data(), sizeof length);
      if (length > size - end_ - head_size) break;
      std::string entry(static_cast<std::size_t>(length), '\0');
      if (get(end_ + head_size, entry.data(), entry.size()) != entry.size() || head_of(entry) != head) break;
      end_ += head_size + length;
      entries_.push_back(std::move(entry));
    }
    if (entries_.empty()) end_ = 0;
  }

  bool write(std::string_view bytes) const {
    for (std::size_t done = 0; done < bytes.size();) {
      const ::ssize_t put =
          ::pwrite(file_, bytes.data() + done, bytes.size() - done, static_cast<::off_t>(end_ + done));
      if (put < 0 && errno != EINTR) return false;
      if (put > 0) done += static_cast<std::size_t>(put);
    }
    return true;
  }

  std::filesystem::path path_;
  int file_ = -1;
  std::uint64_t end_ = 0;  // of the last entry; 0: there is none, nor the mark
  std::vector<std::string> entries_{};
};

}  // namespace foil::io
