// SPDX-License-Identifier: MIT
/// \file
/// Whether two runs came to the same bits.
#pragma once

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
  for (const char* key : {"sheet", "curve", "report"})
    if (json[key].is_object()) json[key].erase("file");
  return json;
}

/// Checks that two runs of on_mnist() have written the same, but for that.
inline void check_same(const TemporaryDirectory& found, const TemporaryDirectory& expected) {
  CHECK(figures(found) == figures(expected));
  CHECK(read(found / "curve.csv") == read(expected / "curve.csv"));
  CHECK(read(found / "sheet.png") == read(expected / "sheet.png"));  // of neither, perhaps
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
  CHECK_FALSE(std::filesystem::exists(found / state));
}

}  // namespace foil_test
