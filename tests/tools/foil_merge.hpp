// SPDX-License-Identifier: MIT
/// \file
/// Runs foil-merge as its users do. FOIL_MERGE is the program's path.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <string>

#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"

namespace foil_test {

/// What foil-merge does and says, everything in one text.
inline Outcome merge(const std::string& arguments) {
  std::FILE* const pipe = popen((std::string(FOIL_MERGE) + " " + arguments + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  Outcome out{0, {}, {}};
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    out.out.append(buffer.data(), got);
  const int status = pclose(pipe);
  out.status = WEXITSTATUS(status);
  return out;
}

}  // namespace foil_test
