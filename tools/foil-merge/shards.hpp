// SPDX-License-Identifier: MIT
/// \file
/// The shares of a run that foil-evaluate --shard i/n has written, put together.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "foil-evaluate/inputs.hpp"
#include "foil-evaluate/report.hpp"
#include "foil/evaluation/checkpoint.hpp"
#include "foil/evaluation/diagnose.hpp"

namespace merge {

/// What one file holds.
struct Shard {
  std::filesystem::path path;
  nlohmann::ordered_json root;  ///< without the samples
  std::int64_t index = 0, of = 0;
  std::int64_t first = 0, count = 0, total = 0;  ///< its samples among those of the run
  foil::Fingerprint fingerprint{};
  std::vector<evaluate::Told> outcomes{};
  evaluate::Samples samples{};  ///< rows, labels, predictions, targets
};

/// Reads a file. Throws foil::Error, naming the place in it, if it is not of a finished share.
Shard read_shard(const std::filesystem::path& path);

/// The whole run.
struct Whole {
  nlohmann::ordered_json root;  ///< of results.json, as far as it does not follow from the rest
  std::vector<evaluate::Told> outcomes{};
  evaluate::Samples samples{};
  foil::Setting setting{};
};

/// Puts shares together, which are brought into their order. Throws foil::Error, naming the files, if some
/// are of other runs, are missing or overlap.
Whole put_together(std::vector<Shard>& shards);

/// The folder that holds a share's adversarials, checked to be of the same run: as its results name it, or of
/// the same name beside these. Throws foil::Error if it is not there.
std::filesystem::path adversarials_of(const Shard& shard);

}  // namespace merge
