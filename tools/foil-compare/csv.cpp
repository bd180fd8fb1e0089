// SPDX-License-Identifier: MIT
#include "csv.hpp"

#include <cmath>
#include <fstream>
#include <ios>
#include <system_error>

#include "foil/core/error.hpp"

namespace compare {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

std::string cell(double value) {
  return std::isnan(value) ? std::string() : foil::text(value);
}

void require_replaceable(const std::filesystem::path& path, const std::string& option,
                         const std::string& head, const std::string& what) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none) || std::filesystem::file_size(path, none) == 0) return;
  std::string bytes(head.size(), '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  foil::require(bytes == head, option, " ", path.string(), ": would overwrite a file that is not ", what,
                "; name another, or remove it first");
}

}  // namespace compare
