// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate under mpirun: a run that several processes share, and that are killed.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "adapters/mpirun.hpp"
#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"
#include "tools/same_run.hpp"
#include "tools/ten_attacks.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;

namespace {

/// A run that so many ranks share.
Process start(int ranks, const Arguments& arguments) {
  return Process(arguments, allow_mpirun, mpirun(ranks));
}

/// The process ids of the ranks that a running mpirun has started, in their order.
std::vector<pid_t> ranks_of(const Process& mpirun) {
  std::vector<pid_t> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    std::string id, name, state;
    pid_t parent = 0;
    if (file >> id >> name >> state >> parent && parent == mpirun.id() &&
        name.find("foil-evaluate") != name.npos)
      out.push_back(static_cast<pid_t>(std::stol(id)));
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// Whether a process has ended, be it that nobody has asked after it yet.
bool gone(pid_t id) {
  std::ifstream file("/proc/" + std::to_string(id) + "/stat");
  std::string number, name, state;
  return !(file >> number >> name >> state) || state == "Z";
}

}  // namespace

TEST_CASE("foil-evaluate: ten attacks come to the same bits when ranks share them",
          "[evaluate][mpi][property]") {
  const TemporaryDirectory problem, whole, shared;
  write_small_problem(problem.path(), 600);
  REQUIRE(run(ten_attacks(problem, whole)).status == 0);
  const Outcome outcome = start(3, ten_attacks(problem, shared)).wait();
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  check_same(shared, whole);
  CHECK(outcome.out.find("Results: ") == outcome.out.rfind("Results: "));  // rank 0 alone speaks
  CHECK(outcome.err.find("clean predictions") == outcome.err.rfind("clean predictions"));
}

TEST_CASE("foil-evaluate: when a rank is killed, or mpirun, what was finished is gone on with",
          "[evaluate][mpi][resume][property]") {
  const TemporaryDirectory problem, whole;
  write_small_problem(problem.path(), 600);
  REQUIRE(run(ten_attacks(problem, whole)).status == 0);
  for (const int killed : {0, 1, 2, -1}) {  // which rank; or mpirun itself
    CAPTURE(killed);
    const TemporaryDirectory dir;
    Process process = start(3, ten_attacks(problem, dir));
    REQUIRE(process.reaches([&] { return blocks_kept(dir) >= 3; }));
    const auto ranks = ranks_of(process);
    REQUIRE(ranks.size() == 3);
    kill(ranks[0], SIGSTOP);  // so that nothing ends meanwhile, however fast the machine is
    if (killed < 0)
      process.send(SIGKILL);
    else
      kill(ranks[static_cast<std::size_t>(killed)], SIGKILL);
    if (killed < 0) kill(ranks[0], SIGCONT);  // else mpirun ends the others, this one too
    const Outcome outcome = process.wait();
    INFO(outcome.err);
    CHECK(outcome.status != 0);
    // How to go on is told by a rank 0 that has the time: mpirun ends it for good after a second.
    for (const pid_t rank : ranks)  // those that mpirun has left behind end soon
      while (!gone(rank)) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const bool unfinished = blocks_kept(dir) > 0;
    // Alone, or with another number of ranks.
    const Arguments again = ten_attacks(problem, dir) + Arguments{"--resume"};
    const Outcome last = killed % 2 == 0 ? run(again) : start(2, again).wait();
    INFO(last.err);
    REQUIRE(last.status == 0);
    if (killed >= 0 || unfinished)  // ranks whose mpirun is killed may be done before they hear of it
      CHECK_THAT(last.err, ContainsSubstring(" of 600 samples were finished before"));
    check_same(dir, whole);
  }
}

TEST_CASE("foil-evaluate: what is wrong is told once, and ranks of different runs do not mix",
          "[evaluate][mpi]") {
  const TemporaryDirectory problem, dir;
  write_small_problem(problem.path(), 40);
  Arguments missing = ten_attacks(problem, dir);
  *(std::find(missing.begin(), missing.end(), "--labels") + 1) = (problem / "none.npy").string();
  const Outcome failed = start(3, missing).wait();
  CHECK(failed.status == 2);
  const auto at = failed.err.find("none.npy: cannot be read");
  CHECK(at != failed.err.npos);
  CHECK(at == failed.err.rfind("none.npy: cannot be read"));
  // Each rank is given another command.
  Arguments all;
  for (const char* seed : {"1", "2"}) {
    if (!all.empty()) all.push_back(":");
    if (!all.empty()) all = all + Arguments{FOIL_MPIEXEC_COUNT, "1", FOIL_EVALUATE};
    all = all + ten_attacks(problem, dir) + Arguments{"--seed", seed};
  }
  const Outcome mixed = start(1, all).wait();
  INFO(mixed.err);
  CHECK(mixed.status == 2);
  CHECK_THAT(mixed.err, ContainsSubstring("rank 1 on ") && ContainsSubstring("seed was 1 and is 2"));
  CHECK_FALSE(std::filesystem::exists(dir / "results.json"));
}

TEST_CASE("foil-evaluate: a share of a run may have ranks of its own", "[evaluate][mpi][merge]") {
  const TemporaryDirectory problem, alone, shared;
  write_small_problem(problem.path(), 60);
  const Arguments share{"--shard", "2/3"};
  REQUIRE(run(ten_attacks(problem, alone) + share).status == 0);
  REQUIRE(start(2, ten_attacks(problem, shared) + share).wait().status == 0);
  check_same(shared, alone);
}
