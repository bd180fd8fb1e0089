// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate: runs that are killed, and gone on with by --resume.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"
#include "tools/same_run.hpp"
#include "tools/ten_attacks.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Three attacks on 600 images, of which one block has 256.
Arguments command(const TemporaryDirectory& dir, const std::string& steps = "4") {
  return on_mnist(dir) + Arguments{"--first",      "100",
                                   "--count",      "600",
                                   "--threads",    "1",
                                   "--attack",     "linf-pgd:steps=" + steps,
                                   "--epsilon",    "0.1",
                                   "--attack",     "boundary",
                                   "--attack",     "l2-brendel-bethge:steps=3",
                                   "--budget",     "25",
                                   "--batch-size", "16",
                                   "--curve",      (dir / "curve.csv").string(),
                                   "--sheet",      (dir / "sheet.png").string()};
}

/// A run that is killed as soon as so many blocks are kept.
void run_and_kill(const Arguments& arguments, const TemporaryDirectory& dir, int blocks,
                  int signal = SIGKILL) {
  Process process(arguments);
  REQUIRE(process.reaches([&] { return blocks_kept(dir) >= blocks; }));
  process.send(signal);
  const Outcome outcome = process.wait();
  INFO(outcome.err);
  CHECK(outcome.status == (signal == SIGKILL ? -SIGKILL : 128 + signal));
  if (signal != SIGKILL) CHECK_THAT(outcome.err, ContainsSubstring("the same command with --resume goes on"));
}

}  // namespace

TEST_CASE("foil-evaluate: killed at fifty random moments, a run comes to the same bits",
          "[examples][evaluate][resume][property]") {
  const TemporaryDirectory problem, whole, killed;
  write_small_problem(problem.path(), 600);
  REQUIRE(run(ten_attacks(problem, whole)).status == 0);
  CHECK_FALSE(std::filesystem::exists(whole / state));
  const auto again = ten_attacks(problem, killed) + Arguments{"--resume"};
  std::mt19937 random(11);
  int kills = 0, resumed = 0, finished = 0;
  while (kills < 50) {
    Process process(again);
    const int blocks = blocks_kept(killed) + static_cast<int>(random() % 2);  // goes on, in the long run
    process.reaches([&] { return blocks_kept(killed) >= blocks; });
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
    process.send(SIGKILL);
    const Outcome outcome = process.wait();
    CAPTURE(kills, outcome.status, outcome.err);
    REQUIRE((outcome.status == -SIGKILL || outcome.status == 0));
    resumed += outcome.err.find("were finished before") != std::string::npos;
    if (outcome.status == 0) {
      ++finished;
      check_same(killed, whole);
    } else {
      ++kills;
    }
  }
  const Outcome last = run(again);
  INFO(last.err);
  REQUIRE(last.status == 0);
  check_same(killed, whole);
  CAPTURE(finished);
  CHECK(resumed > 0);
}

TEST_CASE("foil-evaluate: a kill loses one block at most, and what is in place stays whole",
          "[examples][evaluate][resume]") {
  const TemporaryDirectory whole, killed;
  REQUIRE(run(command(whole, "8")).status == 0);
  for (const int blocks : {1, 3, 6})
    run_and_kill(command(killed, "8") + Arguments{"--resume"}, killed, blocks);
  const Outcome last = run(command(killed, "8") + Arguments{"--resume"});
  INFO(last.err);
  REQUIRE(last.status == 0);
  CHECK_THAT(last.err, ContainsSubstring("linf-pgd eps 0.1: 600 of 600 samples were finished before"));
  CHECK_THAT(last.err, ContainsSubstring("boundary: 600 of 600 samples were finished before"));
  check_same(killed, whole);
}

TEST_CASE("foil-evaluate: an interrupted run goes on behind its last whole block",
          "[examples][evaluate][resume]") {
  const TemporaryDirectory whole, stopped;
  REQUIRE(run(command(whole, "8")).status == 0);
  run_and_kill(command(stopped, "8"), stopped, 1, SIGINT);
  CHECK(results(stopped)["complete"] == false);
  const Outcome last = run(command(stopped, "8") + Arguments{"--resume"});
  INFO(last.err);
  REQUIRE(last.status == 0);
  CHECK_THAT(last.err, ContainsSubstring(" of 600 samples were finished before"));
  check_same(stopped, whole);
}

TEST_CASE("foil-evaluate: the state of another command is refused with the difference, and stays",
          "[examples][evaluate][resume]") {
  const TemporaryDirectory dir;
  run_and_kill(command(dir, "8"), dir, 1);
  const std::string before = read(dir / state);
  REQUIRE(before.size() > 1000);
  const auto refused = [&](const Arguments& other, const std::string& message) {
    const Outcome outcome = run(other + Arguments{"--resume"});
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.err, ContainsSubstring("cannot be resumed") && ContainsSubstring(message));
    CHECK(read(dir / state) == before);
  };
  refused(command(dir, "8") + Arguments{"--seed", "1"}, "seed was 0 and is 1");
  refused(command(dir, "9"), "attack 1's steps was 8 and is 9");
  refused(command(dir, "8") + Arguments{"--margin", "0.5"}, "margin was 0.0 and is 0.5");
  auto other = command(dir, "8");
  std::string labels = read(label_file);
  std::string threes;
  for (int i = 0; i < 1000; ++i) threes += "3\n";
  write(dir / "labels.txt", threes);
  *(std::find(other.begin(), other.end(), "--labels") + 1) = (dir / "labels.txt").string();
  refused(other, "the content of --labels was ");
  // The same content elsewhere is the same.
  write(dir / "labels.gz", labels);
  *(std::find(other.begin(), other.end(), "--labels") + 1) = (dir / "labels.gz").string();
  const Outcome last = run(other + Arguments{"--resume"});
  INFO(last.err);
  CHECK(last.status == 0);
  CHECK_THAT(last.err, ContainsSubstring(" of 600 samples were finished before"));
}

TEST_CASE("foil-evaluate: what is damaged is done again", "[examples][evaluate][resume]") {
  const TemporaryDirectory whole, killed;
  REQUIRE(run(command(whole, "8")).status == 0);
  const auto part = killed / "adversarials/.foil-part/linf-pgd_eps0.1.npy";
  do {  // while the array is not yet in its place
    std::filesystem::remove_all(killed / "adversarials");
    std::filesystem::remove(killed / state);
    run_and_kill(command(killed, "8"), killed, 2);
  } while (!std::filesystem::exists(part));
  std::string bytes = read(part);
  REQUIRE(bytes.size() > 300 * 784 * 4);
  bytes[300 * 784 * 4] = static_cast<char>(bytes[300 * 784 * 4] ^ 1);  // of the second block
  write(part, bytes);
  const Outcome last = run(command(killed, "8") + Arguments{"--resume"});
  INFO(last.err);
  REQUIRE(last.status == 0);
  CHECK_THAT(last.err, ContainsSubstring("blocks lost: ") &&
                           ContainsSubstring("linf-pgd eps 0.1: 256 of 600 samples were finished before"));
  check_same(killed, whole);
}

TEST_CASE("foil-evaluate: a full disk ends a run that goes on when there is room",
          "[examples][evaluate][resume]") {
  const TemporaryDirectory whole, full;
  REQUIRE(run(command(whole)).status == 0);
  const Outcome failed = run(command(full), [] {
    const rlimit small{300 * 784 * 4, RLIM_INFINITY};
    std::signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
  });
  INFO(failed.err);
  CHECK(failed.status == 1);
  CHECK_THAT(failed.err, ContainsSubstring("File too large") && ContainsSubstring("--resume goes on"));
  const Outcome last = run(command(full) + Arguments{"--resume"});
  INFO(last.err);
  REQUIRE(last.status == 0);
  CHECK_THAT(last.err, ContainsSubstring("linf-pgd eps 0.1: 256 of 600 samples were finished before"));
  check_same(full, whole);
}

TEST_CASE("foil-evaluate: --resume without an unfinished run begins one, and wants a file for results",
          "[examples][evaluate][resume]") {
  const TemporaryDirectory dir;
  const Arguments small{"--count", "4", "--attack", "fgsm", "--epsilon", "0.1", "--resume"};
  const Outcome outcome = run(on_mnist(dir) + small);
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.err, ContainsSubstring("there is no unfinished run"));
  CHECK(dir.entries() == 2);
  auto to_nowhere = on_mnist(dir) + small;
  *(std::find(to_nowhere.begin(), to_nowhere.end(), "--out") + 1) = "/dev/null";
  const Outcome refused = run(to_nowhere);
  CHECK(refused.status == 2);
  CHECK_THAT(refused.err, ContainsSubstring("--resume: expected a file for --out"));
  // Pictures, and what the audit is shown, go on as well.
  const auto with_pictures = [](const TemporaryDirectory& at) {
    auto line = on_mnist(at) + Arguments{"--count",
                                         "300",
                                         "--threads",
                                         "1",
                                         "--batch-size",
                                         "16",
                                         "--lattice",
                                         "255",
                                         "--attack",
                                         "linf-pgd:steps=20,maximize_loss=true",
                                         "--epsilon",
                                         "0.1",
                                         "--audit",
                                         "quick:samples=20",
                                         "--adversarials-png",
                                         (at / "png").string(),
                                         "--resume"};
    return line;
  };
  const TemporaryDirectory whole, killed;
  REQUIRE(run(with_pictures(whole)).status == 0);
  run_and_kill(with_pictures(killed), killed, 1);
  REQUIRE(run(with_pictures(killed)).status == 0);
  CHECK(figures(killed) == figures(whole));
  int pictures = 0;
  for (const auto& entry : std::filesystem::directory_iterator(whole / "png/linf-pgd_eps0.1")) {
    ++pictures;
    CHECK(read(entry.path()) == read(killed / "png/linf-pgd_eps0.1" / entry.path().filename()));
  }
  CHECK(pictures == 300);
}
