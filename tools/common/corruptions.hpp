// SPDX-License-Identifier: MIT
/// \file
/// What foil's programs have in common where they are asked for common corruptions.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/corruption.hpp"
#include "foil/evaluation/corruptions/planes.hpp"

namespace programs {

/// Throws foil::Error unless --frost-textures are given where frost is among the corruptions, and only there.
void require_textures(const std::vector<foil::Corruption>& corruptions, bool given);

/// "3", "1-5" or "1,3,5", each once, in order. Throws foil::Error, naming the option.
std::vector<int> parse_severities(const std::string& option, const std::string& text);

/// Photographs of ice for the corruption frost: a folder of PNG and JPEG files, or a list of them.
std::vector<foil::corruptions::Planes> frost_textures(const std::filesystem::path& path);

/// What is to be said of images that are too small for the constants of a profile, which `option` chooses;
/// nothing of others.
std::optional<std::string> too_small_for(foil::CorruptionProfile profile, const std::string& option,
                                         foil::Index height, foil::Index width);

}  // namespace programs
