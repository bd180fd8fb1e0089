// SPDX-License-Identifier: MIT
/// \file
/// Files that appear whole or not at all (POSIX), and the one way in which io/ complains about a file.
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
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

/// A file that is open to be written could not be: the disk is full, say. Unlike a path at which no file can
/// be written, which is told as a plain Error, that is not the fault of who named it.
class WriteError : public Error {
 public:
  using Error::Error;
};

namespace detail {

/// Throws WriteError with the system's reason unless the last call has written what it was to.
inline void require_written(bool fine, const std::filesystem::path& path) {
  if (!fine) throw WriteError(path.string() + ": cannot be written: " + std::strerror(errno));
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// Opens a regular file. Others are refused before they are opened: pipes may keep one waiting for ever, and
/// what is read of them is gone, while files are looked at more than once.
inline File open_to_read(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  require(!std::filesystem::is_directory(status), path, "expected a file, found a directory");
  require(!std::filesystem::is_other(status), path,
          "expected a regular file, found a pipe, a device or a socket");
  File file(std::fopen(path.string().c_str(), "rb"));
  require(file != nullptr, path, "cannot be read: ", std::strerror(errno));
  return file;
}

/// Whether a descriptor is open on that file.
inline bool is_open_as(int descriptor, const struct ::stat& file) {
  struct ::stat open{};
  return ::fstat(descriptor, &open) == 0 && open.st_dev == file.st_dev && open.st_ino == file.st_ino;
}

/// Whether it is open on what the path names.
inline bool is_at(int descriptor, const std::filesystem::path& path) {
  struct ::stat named{};
  return ::lstat(path.c_str(), &named) == 0 && is_open_as(descriptor, named);
}

/// Removes a temporary file whose lock nobody holds any more. Whether it has.
inline bool remove_if_stale(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool stale = ::flock(descriptor, LOCK_EX | LOCK_NB) == 0 && is_at(descriptor, path);
  const bool removed = stale && ::unlink(path.c_str()) == 0;
  ::close(descriptor);
  return removed;
}

/// A descriptor of a new file, after removing what is stale there; or -1, errno telling why.
inline int create(const std::filesystem::path& path) {
  for (;;) {
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor >= 0 || errno != EEXIST) return descriptor;
    if (remove_if_stale(path)) continue;
    errno = EEXIST;
    return -1;
  }
}

}  // namespace detail

/// Where symbolic links lead, though there may be nothing there.
inline std::filesystem::path followed(std::filesystem::path path) {
  const auto start = path;
  std::error_code none;
  for (int links = 0; std::filesystem::is_symlink(path, none); ++links) {
    require(links < 40, start, "cannot be written: too many levels of symbolic links");
    path = path.parent_path() / std::filesystem::read_symlink(path, none);
  }
  return path;
}

/// Brings to the disk which files a directory has: what was put there or removed stays so.
inline void sync_directory(const std::filesystem::path& directory) {
  const int descriptor =
      ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);  // not every file system can
  ::close(descriptor);
}

/// A file being written. What is written goes to a temporary file in the same directory, "NAME.foil-part-0"
/// or with another number, which takes the target's place in one step at commit(); without a commit nothing
/// is left behind and an older file stays as it was. It is on the disk before it takes that place, so that
/// not even a power failure leaves half a file; what a killed process left is removed by the next that writes
/// the same file. Constructing one and letting it go is the test whether a path can be written.
///
/// Symbolic links are followed, also to files that do not exist yet. An older file's permissions are kept;
/// one that is write-protected is an error. Devices and pipes, which cannot be replaced, are written
/// directly, and so are the program's own standard output and standard error, by whatever name. Every failure
/// throws foil::Error with the path and the system's reason, once the file is open a WriteError.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
    struct ::stat old{};
    const bool exists = ::stat(path_.c_str(), &old) == 0;
    check(exists || errno == ENOENT);
    require(!exists || !S_ISDIR(old.st_mode), path_, "expected a file to write, found a directory");
    if (exists && !S_ISREG(old.st_mode)) adopt(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO})
      if (exists && detail::is_open_as(stream, old)) adopt(::dup(stream));
    if (file_ != nullptr) return;

    check(!exists || ::access(path_.c_str(), W_OK) == 0);
    target_ = followed(path_);
    for (int number = 0; file_ == nullptr; ++number) {
      temporary_ = part(number);
      const int created = detail::create(temporary_);
      if (created < 0 && errno == EEXIST && number < 999) continue;
      if (created < 0) temporary_.clear();
      adopt(created);
      ::flock(created, LOCK_EX | LOCK_NB);
      if (!detail::is_at(created, temporary_)) file_.reset();  // taken for stale before it was locked
      for (int next = number + 1; next < number + 4; ++next) detail::remove_if_stale(part(next));
    }
    if (!exists) return;
    const int descriptor = ::fileno(file_.get());
    if (::fchown(descriptor, old.st_uid, old.st_gid) != 0) errno = 0;  // only root may give files away
    ::fchmod(descriptor, old.st_mode & 07777);
  }

  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  ~AtomicFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  /// Whether what is written goes where it belongs at once, and can neither be taken back nor repeated.
  bool direct() const { return target_.empty(); }

  void write(const void* data, std::size_t size) {
    detail::require_written(size == 0 || std::fwrite(data, 1, size, file_.get()) == size, path_);
  }
  void write(std::string_view text) { write(text.data(), text.size()); }

  /// Writes over the beginning of what has been written; a pipe's is gone. The last thing before the commit.
  void overwrite(std::string_view text) {
    detail::require_written(std::fseek(file_.get(), 0, SEEK_SET) == 0, path_);
    write(text);
  }

  /// Brings to the disk what has been written, unless something could not be; nothing can be written
  /// afterwards, and all that commit() still does is to put the file in place.
  void finish() {
    if (std::ferror(file_.get()) != 0)
      throw WriteError(path_.string() + ": cannot be written: a write failed");
    detail::require_written(std::fflush(file_.get()) == 0, path_);
    if (direct()) return;
    detail::require_written(::fsync(::fileno(file_.get())) == 0 || errno == EINVAL || errno == ENOTSUP,
                            path_);
  }

  /// Puts the file in place.
  void commit() {
    finish();
    if (!direct()) {
      detail::require_written(std::rename(temporary_.c_str(), target_.c_str()) == 0, path_);
      temporary_.clear();
      sync_directory(target_.parent_path());
    }
    detail::require_written(std::fclose(file_.release()) == 0, path_);
  }

 private:
  void check(bool fine) const { require(fine, path_, "cannot be written: ", std::strerror(errno)); }
  void adopt(int descriptor) {
    check(descriptor >= 0);
    file_.reset(::fdopen(descriptor, "wb"));
    check(file_ != nullptr);
  }
  std::filesystem::path part(int number) const {
    return target_.string() + ".foil-part-" + std::to_string(number);
  }

  std::filesystem::path path_, target_, temporary_;  // target_ is empty if written directly
  detail::File file_;  // locked while it is temporary: what is not locked belongs to nobody
};

/// Writes a whole file, all or nothing.
inline void write_file(const std::filesystem::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

}  // namespace foil::io
