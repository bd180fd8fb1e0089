// SPDX-License-Identifier: MIT
#include "common/corruptions.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/io/pictures.hpp"

namespace programs {

using foil::Index;

std::vector<int> parse_severities(const std::string& option, const std::string& text) {
  std::vector<int> out;
  const auto severity = [&](std::string_view digits) {
    const auto value = foil::parse_whole<int>(digits);
    foil::require(value && *value >= 1 && *value <= foil::corruption_severities, option,
                  ": expected whole numbers from 1 to ", foil::corruption_severities,
                  ", as 3, 1-5 or 1,3,5, got '", text, "'");
    return *value;
  };
  for (const std::string_view part : foil::parts_of(text, ',')) {
    const std::size_t dash = part.find('-');
    const int low = severity(part.substr(0, dash)),
              high = dash == part.npos ? low : severity(part.substr(dash + 1));
    foil::require(low <= high, option, ": expected the lower end first, got '", part, "'");
    for (int each = low; each <= high; ++each) out.push_back(each);
  }
  std::sort(out.begin(), out.end());
  foil::require(std::adjacent_find(out.begin(), out.end()) == out.end(), option,
                ": expected each once, got '", text, "'");
  return out;
}

void require_textures(const std::vector<foil::Corruption>& corruptions, bool given) {
  const bool frost =
      std::find(corruptions.begin(), corruptions.end(), foil::Corruption::frost) != corruptions.end();
  foil::require(given || !frost,
                "--corruptions: frost needs --frost-textures, photographs of ice, of which none come with "
                "foil; benchmark,-frost and all,-frost leave it out");
  foil::require(frost || !given, "--frost-textures: is for the corruption frost, which is not asked for");
}

std::vector<foil::corruptions::Planes> frost_textures(const std::filesystem::path& path) {
  std::vector<foil::corruptions::Planes> out;
  for (const auto& file : foil::io::list_pictures(path).files) {
    const foil::io::Picture picture = foil::io::read_picture(file);
    foil::corruptions::Planes& texture =
        out.emplace_back(picture.channels(), picture.height(), picture.width());
    for (Index c = 0; c < texture.channels; ++c)
      for (Index y = 0; y < texture.height; ++y)
        for (Index x = 0; x < texture.width; ++x) texture.row(c, y)[x] = picture.pixel(x, y)[c] / 255.0;
  }
  return out;
}

std::optional<std::string> too_small_for(foil::CorruptionProfile profile, const std::string& option,
                                         Index height, Index width) {
  constexpr Index small = 64;
  if (profile != foil::CorruptionProfile::imagenet || std::max(height, width) > small) return std::nullopt;
  return foil::text("images of ", height, " x ", width, " pixels under corruptions made for some 224 x 224; ",
                    option, " cifar and tiny_imagenet have constants for small images");
}

}  // namespace programs
