// SPDX-License-Identifier: MIT
/// \file
/// How the benchmarks' command lines name attacks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "catalogue/all_attacks.hpp"

namespace benchmarks {

/// What "NAME[:option=value,...][@EPSILON]" asks for. Throws foil::Error for unknown attacks and options.
inline std::pair<foil::AnyAttack, std::optional<double>> attack_of(const std::string& request) {
  const std::size_t at = request.find('@'), colon = request.substr(0, at).find(':');
  std::optional<double> epsilon;
  if (at != std::string::npos) epsilon = std::stod(request.substr(at + 1));
  foil::OptionValues values;
  for (std::string rest = colon == std::string::npos ? "" : request.substr(colon + 1, at - colon - 1);
       !rest.empty();) {
    const std::size_t end = std::min(rest.find(','), rest.size()), equals = rest.find('=');
    values[rest.substr(0, equals)] = rest.substr(equals + 1, end - equals - 1);
    rest.erase(0, end + 1);
  }
  return {programs::all_attacks().find(request.substr(0, std::min(colon, at))).make(values), epsilon};
}

}  // namespace benchmarks
