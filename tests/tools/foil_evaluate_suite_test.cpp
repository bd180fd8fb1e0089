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

TEST_CASE("foil-evaluate: samples that an attack has beaten are left alone by those behind it",
          "[examples][evaluate]") {
  const TemporaryDirectory dir, alone;
  const Arguments attacks{
      "--count",  "40",       "--epsilon",        "0.1",      "--attack",          "fgsm",     "--attack",
      "boundary", "--attack", "linf-bim:steps=3", "--attack", "linf-pgd:steps=20", "--budget", "300"};
  const Outcome outcome = run(on_mnist(dir) + attacks + Arguments{"--skip-beaten"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  REQUIRE(run(on_mnist(alone) + attacks).status == 0);
  const auto json = results(dir), apart = results(alone);
  REQUIRE(json["attacks"].size() == 2);
  const auto& list = json["attacks"][0];
  CHECK(list["name"] == "linf-list");
  CHECK(json["attacks"][1]["name"] == "l2-list");
  CHECK(json["attacks"][1]["stages"][0]["name"] == "boundary");
  REQUIRE(list["stages"].size() == 3);
  CHECK(list["stages"][1]["name"] == "linf-bim:steps=3");
  CHECK(list["options"]["linf-pgd:steps=20's steps"] == 20);
  // What is fooled by any of them alone is fooled, and by the first of them.
  std::int64_t left = list["attacked"];
  const auto& first = apart["attacks"][0];
  for (std::size_t i = 0; i < list["samples"].size(); ++i) {
    bool fooled = false;
    for (const char* name : {"fgsm", "linf-bim", "linf-pgd"})
      for (const auto& attack : apart["attacks"])
        if (attack["name"] == name) fooled = fooled || attack["samples"][i]["success"].get<bool>();
    CHECK(list["samples"][i]["success"] == fooled);
    if (first["samples"][i]["success"] == true && list["samples"][i].contains("stage"))
      CHECK(list["samples"][i]["distance"] == first["samples"][i]["distance"]);
  }
  for (const auto& stage : list["stages"]) {
    CHECK(stage["attacked"] == left);
    left -= stage["fooled"].get<std::int64_t>();
  }
  CHECK(left < list["attacked"].get<std::int64_t>());

  const Outcome refused = run(on_mnist(dir) + Arguments{"--attack", "boundary", "--skip-beaten"});
  CHECK(refused.status == 2);
  CHECK_THAT(refused.err, ContainsSubstring("--skip-beaten: samples are beaten within a radius"));
  const Outcome twice = run(
      on_mnist(dir) + Arguments{"--attack", "fgsm", "--attack", "fgsm", "--epsilon", "0.1", "--skip-beaten"});
  CHECK(twice.status == 2);
  CHECK_THAT(twice.err, ContainsSubstring("got 'fgsm' twice"));
}
