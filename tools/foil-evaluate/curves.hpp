// SPDX-License-Identifier: MIT
/// \file
/// Robust accuracy against epsilon, as a table and in short.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "report.hpp"

namespace evaluate {

/// The points of all foil::curves(), in CSV under curve_head.
std::string curve_table(const std::vector<Told>& outcomes);

/// For results.json: of each curve what it is made of, its area and its median.
nlohmann::ordered_json curves_in_short(const std::vector<Told>& outcomes);

}  // namespace evaluate
