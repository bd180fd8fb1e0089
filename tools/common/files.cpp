// SPDX-License-Identifier: MIT
#include "common/files.hpp"

#include <sys/stat.h>

#include <system_error>

#include "foil/core/error.hpp"
#include "foil/io/file.hpp"

namespace programs {

namespace fs = std::filesystem;

std::string identity(const fs::path& path) {
  struct ::stat file{};
  if (::stat(path.c_str(), &file) == 0) return foil::text("inode ", file.st_dev, ' ', file.st_ino);
  std::error_code failure;
  const fs::path canonical = fs::weakly_canonical(fs::absolute(foil::io::followed(path)), failure);
  return "path " + (failure ? path : canonical).string();
}

bool is_device(const fs::path& path) {
  std::error_code failure;
  return fs::is_character_file(path, failure);
}

}  // namespace programs
