// SPDX-License-Identifier: MIT
#include "common/terminal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <Eigen/Core>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>

#include "foil/core/error.hpp"
#include "foil/io/file.hpp"
#include "foil/version.hpp"

namespace programs {

std::string version() {
  return foil::text(FOIL_VERSION_MAJOR, ".", FOIL_VERSION_MINOR, ".", FOIL_VERSION_PATCH);
}

std::string built_with() {
#if defined(__clang__)
  const std::string compiler =
      foil::text("Clang ", __clang_major__, ".", __clang_minor__, ".", __clang_patchlevel__);
#else
  const std::string compiler = foil::text("GCC ", __GNUC__, ".", __GNUC_MINOR__, ".", __GNUC_PATCHLEVEL__);
#endif
  return foil::text(compiler, ", Eigen ", EIGEN_WORLD_VERSION, ".", EIGEN_MAJOR_VERSION, ".",
                    EIGEN_MINOR_VERSION);
}

std::string columns(const std::vector<std::vector<std::string>>& rows, std::size_t left) {
  std::vector<std::size_t> widths(rows.empty() ? 0 : rows.front().size());
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < widths.size(); ++c) {
      const std::string padding(widths[c] - rows[r][c].size(), ' ');
      text += c < left ? rows[r][c] + padding : padding + rows[r][c];
      if (c + 1 < widths.size()) text += "  ";
    }
    text += '\n';
    if (r == 0) {
      std::size_t total = 2 * (widths.size() - 1);
      for (const std::size_t width : widths) total += width;
      text += std::string(total, '-') + '\n';
    }
  }
  return text;
}

bool open_standard_streams() {
  const bool heard = ::fcntl(STDOUT_FILENO, F_GETFD) >= 0 || errno != EBADF;
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF) ::open("/dev/null", O_RDWR);
  return heard;
}

bool print(const char* program, const std::string& text, std::FILE* stream) {
  const bool printed = std::fputs(text.c_str(), stream) >= 0 && std::fflush(stream) == 0;
  if (!printed)
    std::fprintf(stderr, "%s: cannot write to standard output: %s\n", program, std::strerror(errno));
  return printed;
}

int exit_status(const foil::Error& error) {
  return dynamic_cast<const foil::io::WriteError*>(&error) ? 1 : 2;
}

int status_of(const char* program, const std::function<int()>& run) {
  try {
    return run();
  } catch (const foil::Error& error) {
    std::string line = error.what();
    std::replace(line.begin(), line.end(), '\n', ' ');
    std::fprintf(stderr, "%s: %s\n", program, line.c_str());
    return exit_status(error);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: failed: %s\n", program, error.what());
    return 1;
  }
}

}  // namespace programs
