// SPDX-License-Identifier: MIT
/// \file
/// What foil's programs have in common where they read their command lines.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace programs {

/// Reads the command line. Returns the text that was asked for in its stead, of --help or --version; else
/// none. Throws foil::Error in one line.
/// \param stray  what to say of arguments that belong to no option, after having quoted the first
std::string parse(CLI::App& app, int argc, char** argv, const std::string& stray);

/// A word of a command line as a shell takes it.
std::string shell_word(const std::string& word);

}  // namespace programs
