// SPDX-License-Identifier: MIT
/// \file
/// Runs programs other than foil-evaluate as their users do. FOIL_MERGE is foil-merge's path.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <string>

#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"

namespace foil_test {

/// What another of the programs does and says, everything in one text.
inline Outcome call(const std::string& program, const std::string& arguments) {
  std::FILE* const pipe = popen((program + " " + arguments + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  Outcome out{0, {}, {}};
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    out.out.append(buffer.data(), got);
  const int status = pclose(pipe);
  out.status = WEXITSTATUS(status);
  return out;
}

inline Outcome merge(const std::string& arguments) {
  return call(FOIL_MERGE, arguments);
}

}  // namespace foil_test
