// SPDX-License-Identifier: MIT
/// \file
/// What foil's programs have in common where they speak to people: numbers, tables, standard output.
#pragma once

#include <cstddef>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "foil/core/error.hpp"
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
/// what is meant for them. Returns whether standard output was open.
bool open_standard_streams();

/// Prints a text; says so and returns false if that fails.
bool print(const char* program, const std::string& text, std::FILE* stream = stdout);

/// The exit status of a program that ends by this error: 1 where something could not be written, else 2, as
/// the command or a file was not as it should be.
int exit_status(const foil::Error& error);

/// What run() returns; or the exit status of what it throws, which one line on standard error tells.
int status_of(const char* program, const std::function<int()>& run);

}  // namespace programs
