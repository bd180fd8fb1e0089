// SPDX-License-Identifier: MIT
/// \file
/// What all tables that foil-compare writes have in common.
#pragma once

#include <filesystem>
#include <string>

namespace compare {

/// A text as a cell of CSV.
std::string quoted(const std::string& text);

/// A number as a cell of CSV: in its shortest exact form, nothing for NaN.
std::string cell(double value);

/// Throws foil::Error if a file is there that would be lost: one that begins otherwise than foil-compare's
/// own.
/// \param option  that names it
/// \param what    such a file is, "a table of foil-compare"
void require_replaceable(const std::filesystem::path& path, const std::string& option,
                         const std::string& head, const std::string& what);

}  // namespace compare
