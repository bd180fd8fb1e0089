// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate --shard and foil-merge: a run that is shared out.
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "foil/io/npy.hpp"
#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"
#include "tools/other_programs.hpp"
#include "tools/same_run.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;

namespace {

/// A run in a folder of a directory.
Arguments in_folder(const TemporaryDirectory& dir, const std::string& name) {
  std::filesystem::create_directories(dir / name);
  return {"--model",        model_file,
          "--images",       image_file,
          "--labels",       label_file,
          "--threads",      "1",
          "--batch-size",   "16",
          "--out",          (dir / (name + "/results.json")).string(),
          "--adversarials", (dir / (name + "/adversarials")).string()};
}

/// Runs all shares of a command, and returns their results.
std::string run_shares(const TemporaryDirectory& dir, const Arguments& more, int of) {
  std::string files;
  for (int i = of; i >= 1; --i) {  // in any order
    const std::string name = "share" + std::to_string(i);
    const Outcome outcome =
        run(in_folder(dir, name) + more + Arguments{"--shard", std::to_string(i) + "/" + std::to_string(of)});
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    files += " " + (dir / (name + "/results.json")).string();
  }
  return files;
}

void check_merged(const Arguments& more, int of) {
  const TemporaryDirectory whole, shares, merged;
  const Outcome outcome =
      run(on_mnist(whole) + more +
          Arguments{"--threads", "1", "--batch-size", "16", "--curve", (whole / "curve.csv").string()});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const std::string files = run_shares(shares, more, of);
  const Outcome put =
      merge(files + " --out " + (merged / "results.json").string() + " --adversarials " +
            (merged / "adversarials").string() + " --curve " + (merged / "curve.csv").string());
  INFO(put.out);
  REQUIRE(put.status == 0);
  check_same(merged, whole);
  // Lines and their order, too: nothing but names and times differs.
  const auto lines = [](const TemporaryDirectory& dir) {
    auto json = nlohmann::ordered_json::parse(read(dir / "results.json"));
    json.erase("command");
    std::vector<std::string> out;
    std::string line;
    std::istringstream text(json.dump(1));
    while (std::getline(text, line))
      if (line.find("seconds\":") == line.npos && line.find("\"run_id\":") == line.npos &&
          line.find("\"file\":") == line.npos)
        out.push_back(line);
    return out;
  };
  CHECK(lines(merged) == lines(whole));
  // The command is that of the whole run, with its own outputs.
  const auto words = results(merged)["command"].get<Arguments>();
  CHECK(words.front() == "foil-evaluate");
  CHECK(std::count(words.begin(), words.end(), "--shard") == 0);
  for (const std::string& option :
       {std::string("--out"), std::string("--adversarials"), std::string("--curve")})
    CHECK(std::count(words.begin(), words.end(), option) == 1);
  CHECK_FALSE(results(merged)["attacks"][0]["pictures"].empty());
}

const Arguments small{"--first", "500", "--count", "40", "--attack", "fgsm", "--epsilon", "0.2"};

}  // namespace

TEST_CASE("foil-merge: the shares of a run come to its very bits", "[examples][evaluate][merge][property]") {
  check_merged({"--first",   "100",
                "--count",   "600",
                "--attack",  "fgsm",
                "--attack",  "linf-pgd:steps=3",
                "--attack",  "linf-additive-uniform-noise",
                "--epsilon", "0.05,0.2",
                "--attack",  "boundary",
                "--attack",  "dataset",
                "--attack",  "l2-brendel-bethge:steps=3",
                "--budget",  "30"},
               3);
}

TEST_CASE("foil-merge: shares of a suite, of samples that are chosen, and of few",
          "[examples][evaluate][merge][property]") {
  check_merged({"--count", "20", "--correct-only", "--attack",
                "linf-autoattack:version=custom,stages=apgd-ce+square", "--epsilon", "0.1", "--budget", "60"},
               3);
  const TemporaryDirectory dir;
  std::string targets;
  for (int i = 0; i < 1000; ++i) targets += std::to_string(i % 10) + "\n";  // some are the labels
  write(dir / "targets.txt", targets);
  check_merged({"--count", "50", "--targets", (dir / "targets.txt").string(), "--attack", "fgsm", "--epsilon",
                "0.2", "--attack", "boundary", "--budget", "40"},
               4);
}

TEST_CASE("foil-merge: a share has whole blocks where there are enough", "[examples][evaluate][merge]") {
  const TemporaryDirectory dir;
  const Arguments more{"--attack", "fgsm", "--epsilon", "0.1"};
  run_shares(dir, more, 3);
  std::vector<std::size_t> counts;
  for (int i = 1; i <= 3; ++i)
    counts.push_back(nlohmann::json::parse(
                         read(dir / ("share" + std::to_string(i) + "/results.json")))["attacks"][0]["samples"]
                         .size());
  CHECK(counts == std::vector<std::size_t>{256, 256, 488});
}

TEST_CASE("foil-merge: what is no whole is refused, and why", "[examples][evaluate][merge]") {
  const TemporaryDirectory dir, other;
  run_shares(dir, small, 3);
  run_shares(other, small + Arguments{"--seed", "1"}, 3);
  REQUIRE(run(in_folder(other, "two") + small + Arguments{"--shard", "2/2"}).status == 0);
  REQUIRE(run(in_folder(other, "whole") + small).status == 0);
  const auto file = [](const TemporaryDirectory& where, const std::string& name) {
    return " " + (where / (name + "/results.json")).string();
  };
  const std::string one = file(dir, "share1"), two = file(dir, "share2"), three = file(dir, "share3"),
                    out = " --out " + (dir / "merged.json").string();
  const auto refused = [&](const std::string& arguments, const std::string& message) {
    const Outcome outcome = merge(arguments);
    CAPTURE(arguments);
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.out, ContainsSubstring(message));
    CHECK_FALSE(std::filesystem::exists(dir / "merged.json"));
  };
  refused(one + two + out, "share 3/3 is missing");
  refused(one + three + out, "share 2/3 is missing");
  refused(two + three + out, "share 1/3 is missing");
  refused(one + two + two + out, "are the same share");
  refused(one + two + three + three + out, "are the same share");
  refused(one + two + file(other, "share3") + out, "seed was 0 and is 1");
  refused(one + file(other, "two") + out, "expected shares of one number");
  refused(file(other, "whole") + out, "found those of a whole run");
  refused(one + two + three, "--out is missing");
  refused(out, "expected the results of shares");
  refused(one + two + " " + model_file + out, "expected results.json of foil-evaluate");
  // Figures that are not those of the samples, and adversarials of others.
  const std::string adversarials = out + " --adversarials " + (dir / "found").string();
  const auto array = dir / "share2/adversarials/fgsm_eps0.2.npy";
  std::string bytes = read(array);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write(array, bytes);
  refused(one + two + three + adversarials, "is not as foil-evaluate wrote it");
  std::filesystem::remove_all(dir / "share2/adversarials");
  refused(one + two + three + adversarials, "(2/3): its adversarials are neither in ");
  std::string text = read(dir / "share2/results.json");
  text.replace(text.find("\"fooled\": "), 11, "\"fooled\": 9");
  write(dir / "share2/results.json", text);
  refused(one + two + three + out, "but its samples come to");
}

TEST_CASE("foil-merge: a share is resumed as a run is, and others' options are refused",
          "[examples][evaluate][merge]") {
  const TemporaryDirectory dir;
  const auto refused = [&](const Arguments& more, const std::string& message) {
    const Outcome outcome = run(in_folder(dir, "share") + small + more);
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.err, ContainsSubstring(message));
  };
  refused({"--shard", "0/3"}, "--shard I/N: expected a whole number I from 1 to N, got '0'");
  refused({"--shard", "4/3"}, "--shard I/N: expected a whole number I from 1 to N, got '4'");
  refused({"--shard", "1"}, "--shard I/N: expected a whole number");
  refused({"--shard", "1/41"}, "--shard 1/41: there are only 40 samples");
  refused({"--shard", "1/2", "--audit", "quick"}, "--audit: is of a whole run, not of --shard 1/2");
  refused({"--shard", "1/2", "--sheet", (dir / "s.png").string()}, "--sheet: is of a whole run");
}
