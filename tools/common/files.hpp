// SPDX-License-Identifier: MIT
/// \file
/// What foil's programs have in common where they write files.
#pragma once

#include <filesystem>
#include <string>

namespace programs {

/// Equal for two paths of one file, whether it exists or not.
std::string identity(const std::filesystem::path& path);

/// What can be written over and over without a loss: /dev/null, a terminal.
bool is_device(const std::filesystem::path& path);

}  // namespace programs
