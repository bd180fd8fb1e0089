// SPDX-License-Identifier: MIT
/// \file
/// Prints the results of whichever objects are linked into the program.
#include <cstdio>
#include <string>

std::string baseline_results() __attribute__((weak));
std::string wide_results() __attribute__((weak));

int main() {
  if (baseline_results != nullptr) std::printf("baseline\n%s", baseline_results().c_str());
  if (wide_results != nullptr) std::printf("wide\n%s", wide_results().c_str());
}
