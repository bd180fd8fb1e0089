// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate: what it tells of a suite's stages.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("foil-evaluate: a suite tells which stage fooled whom, and what each cost",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Outcome outcome = run(on_mnist(dir) + Arguments{"--count", "40", "--attack", "linf-standard:steps=50",
                                                        "--attack", "fgsm", "--epsilon", "0.1"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto json = results(dir);
  const auto& suite = json["attacks"][0];
  REQUIRE(suite["stages"].size() == 9);
  std::int64_t fooled = 0, forward = 0, backward = 0, told = 0;
  for (const auto& stage : suite["stages"]) {
    fooled += stage["fooled"].get<std::int64_t>();
    forward += stage["forward"].get<std::int64_t>();
    backward += stage["backward"].get<std::int64_t>();
    for (const auto& sample : suite["samples"]) told += sample["stage"] == stage["name"];
  }
  CHECK(fooled == suite["fooled"]);
  CHECK(told == fooled);
  CHECK(backward == suite["backward"]);
  CHECK(forward + suite["wrong"].get<std::int64_t>() == suite["forward"]);
  CHECK(suite["stages"][0]["name"] == "quick");
  CHECK(suite["stages"][0]["attacked"] == suite["attacked"]);
  CHECK_THAT(outcome.out, ContainsSubstring("linf-standard eps 0.1, stage by stage:\n  quick ") &&
                              ContainsSubstring(" of " + suite["attacked"].dump() + ", forward "));
  CHECK_FALSE(json["attacks"][1].contains("stages"));
  CHECK_FALSE(json["attacks"][1]["samples"][0].contains("stage"));
}
