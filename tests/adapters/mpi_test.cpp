// SPDX-License-Identifier: MIT
/// \file
/// foil/adapters/mpi.hpp, by a program that several ranks run: mpi_pieces.cpp.
#include <sys/wait.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <string>

#include "adapters/mpirun.hpp"
#include "support/catch.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;

namespace {

/// What so many ranks say, whose exit status must be 0.
std::string said(int ranks, const std::string& what) {
  allow_mpirun();
  std::string command;
  for (const std::string& word : mpirun(ranks)) command += word + " ";
  std::FILE* const pipe = popen((command + FOIL_MPI_PIECES + " " + what + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    out.append(buffer.data(), got);
  INFO(out);
  REQUIRE(WEXITSTATUS(pclose(pipe)) == 0);
  return out;
}

}  // namespace

TEST_CASE("mpi: ranks answer pieces as they become free, and answers come in their order") {
  const std::string text = said(4, "plain");
  CHECK_THAT(text, ContainsSubstring("greeting: rank 1 on ") && ContainsSubstring("greeting: rank 3 on "));
  CHECK_THAT(text, ContainsSubstring("40 in order from "));
  CHECK_THAT(text, !ContainsSubstring("from 1 ranks"));
}

TEST_CASE("mpi: one rank does all by itself") {
  CHECK_THAT(said(1, "plain"), ContainsSubstring("40 in order from 1 ranks"));
}

TEST_CASE("mpi: answers may be large, and late ones of what was given up are not mistaken") {
  CHECK_THAT(said(3, "large"), ContainsSubstring("40 in order from "));
  CHECK_THAT(said(3, "twice"), ContainsSubstring("40 in order from "));
}

TEST_CASE("mpi: what a rank throws arrives at rank 0, and a run that stops ends all ranks") {
  CHECK_THAT(said(3, "throws"), ContainsSubstring("thrown: ") && ContainsSubstring("seven"));
  CHECK_THAT(said(3, "stops"), ContainsSubstring("5 taken"));
}
