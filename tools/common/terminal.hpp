// SPDX-License-Identifier: MIT
/// \file
/// What foil's programs have in common where they speak to people: numbers, tables, standard output.
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

#include "foil/report/numbers.hpp"

namespace programs {

/// "0.1.0".
std::string version();

/// "GCC 12.2.0, Eigen 3.4.0": what this program's bits may depend on beside its version.
std::string built_with();

using foil::report::formatted;
using foil::report::percent;

/// Rows of as many cells in columns, a line below the first of them. The first `left` columns begin at one
/// place, the others end there.
std::string columns(const std::vector<std::vector<std::string>>& rows, std::size_t left);

/// Opens what is closed of the three standard streams to nothing: else the next file that is opened would get
/// what is meant for them.
void open_standard_streams();

/// Prints a text; says so and returns false if that fails.
bool print(const char* program, const std::string& text, std::FILE* stream = stdout);

}  // namespace programs
