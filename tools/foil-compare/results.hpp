// SPDX-License-Identifier: MIT
/// \file
/// results.json as foil-evaluate writes it, read again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "foil/evaluation/record.hpp"

namespace compare {

/// What is known of a row of the data beside how its attacks ended. -1: not said.
struct Row {
  int label = -1, target = -1;
};

/// What one file holds.
struct Results {
  std::filesystem::path path;
  std::map<std::string, std::string> settings{};  ///< all that the file says of the run, by its keys, as JSON
  std::vector<foil::Outcome> outcomes{};          ///< their records in ascending order of the rows
  std::map<std::int64_t, Row> rows{};             ///< that were attacked
  nlohmann::ordered_json root{};                  ///< all of the file but the samples
};

/// Reads a file. Throws foil::Error in one line, naming the file and the place in it, if it is not one of
/// foil-evaluate's, or if the figures in it are not those of its samples. Of earlier versions' files those
/// are read whose figures still mean the same.
Results read_results(const std::filesystem::path& path);

}  // namespace compare
