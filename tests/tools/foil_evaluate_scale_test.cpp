// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate: whatever befalls a run, and whoever shares it, ten attacks come to the same bits.
#include <string>

#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"
#include "tools/other_programs.hpp"
#include "tools/same_run.hpp"
#include "tools/ten_attacks.hpp"

using namespace foil_test;

namespace {

constexpr int images = 600;

}  // namespace

TEST_CASE("foil-evaluate: ten attacks come to the same bits, killed and resumed, shared out and merged",
          "[examples][evaluate][resume][merge][property]") {
  const TemporaryDirectory problem, whole, killed, merged;
  write_small_problem(problem.path(), images);
  const Outcome undisturbed = run(ten_attacks(problem, whole));
  INFO(undisturbed.err);
  REQUIRE(undisturbed.status == 0);
  REQUIRE(results(whole)["attacks"].size() == 10);

  for (const int blocks : {2, 13, 22}) {
    Process process(ten_attacks(problem, killed) + Arguments{"--resume"});
    REQUIRE(process.reaches([&] { return blocks_kept(killed) >= blocks; }));
    process.send(SIGKILL);
    REQUIRE(process.wait().status == -SIGKILL);
  }
  const Outcome last = run(ten_attacks(problem, killed) + Arguments{"--resume"});
  INFO(last.err);
  REQUIRE(last.status == 0);
  CHECK_THAT(last.err, Catch::Matchers::ContainsSubstring(" of 600 samples were finished before"));
  check_same(killed, whole);

  const TemporaryDirectory one, two, three;
  std::string files;
  int share = 0;
  for (const TemporaryDirectory* dir : {&one, &two, &three}) {
    const Outcome outcome =
        run(ten_attacks(problem, *dir) + Arguments{"--shard", std::to_string(++share) + "/3"});
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    files += " " + (*dir / "results.json").string();
  }
  const Outcome put =
      merge(files + " --out " + (merged / "results.json").string() + " --adversarials " +
            (merged / "adversarials").string() + " --curve " + (merged / "curve.csv").string());
  INFO(put.out);
  REQUIRE(put.status == 0);
  check_same(merged, whole);
}

TEST_CASE("foil-evaluate: ten attacks come to the same bits with any number of threads",
          "[examples][evaluate][property]") {
  const TemporaryDirectory problem, whole;
  write_small_problem(problem.path(), images);
  REQUIRE(run(ten_attacks(problem, whole)).status == 0);
  for (const char* threads : {"2", "5"}) {
    CAPTURE(threads);
    const TemporaryDirectory dir;
    REQUIRE(run(ten_attacks(problem, dir, threads)).status == 0);
    auto said = figures(dir);
    CHECK(said["threads"].dump() == threads);
    said["threads"] = 1;
    CHECK(said == figures(whole));
    check_same_adversarials(dir, whole);
  }
}
