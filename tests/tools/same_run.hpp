// SPDX-License-Identifier: MIT
/// \file
/// Whether two runs came to the same bits.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"

namespace foil_test {

/// The state of an unfinished run, beside its results.
inline const std::string state = ".results.json.foil-run";

/// What a run came to but for its name, its command and the time that it took.
inline nlohmann::json figures(const TemporaryDirectory& dir) {
  auto json = results(dir);
  json.erase("run_id");
  json.erase("command");
  for (auto& attack : json["attacks"]) {
    attack.erase("seconds");
    attack.erase("model_seconds");
  }
  if (json.contains("shard")) json["shard"].erase("adversarials");  // where they are
  for (const char* key : {"sheet", "curve", "report"})
    if (json[key].is_object()) json[key].erase("file");
  return json;
}

/// Checks that two runs have written the same adversarials, and nothing else there.
inline void check_same_adversarials(const TemporaryDirectory& found, const TemporaryDirectory& expected) {
  std::set<std::string> names, wanted;
  for (const auto& entry : std::filesystem::directory_iterator(expected / "adversarials")) {
    wanted.insert(entry.path().filename().string());
    if (entry.path().extension() != ".npy") continue;
    const std::string name = entry.path().filename().string();
    CHECK(adversarials(found, name) == adversarials(expected, name));
  }
  for (const auto& entry : std::filesystem::directory_iterator(found / "adversarials"))
    names.insert(entry.path().filename().string());
  CHECK(names == wanted);
}

/// Checks that two runs have written the same, but for that.
inline void check_same(const TemporaryDirectory& found, const TemporaryDirectory& expected) {
  CHECK(figures(found) == figures(expected));
  CHECK(read(found / "curve.csv") == read(expected / "curve.csv"));
  CHECK(read(found / "sheet.png") == read(expected / "sheet.png"));  // of neither, perhaps
  check_same_adversarials(found, expected);
  CHECK_FALSE(std::filesystem::exists(found / state));
}

/// So many blocks of all attacks are kept by an unfinished run.
inline int blocks_kept(const TemporaryDirectory& dir) {
  const std::string bytes = read(dir / state);
  int entries = 0;
  for (std::size_t at = bytes.find('\n') + 1; at + 12 <= bytes.size(); ++entries) {
    std::uint64_t size = 0;
    std::memcpy(&size, bytes.data() + at, sizeof size);
    if (bytes.size() - at - 12 < size) break;
    at += 12 + size;
  }
  return std::max(entries - 1, 0);  // the first says whose they are
}

}  // namespace foil_test
