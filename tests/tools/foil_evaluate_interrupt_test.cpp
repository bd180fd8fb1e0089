// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate: runs that do not come to their end.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>

#include "foil/io/data.hpp"
#include "foil/io/file.hpp"
#include "support/catch.hpp"
#include "support/onnx_builder.hpp"
#include "tools/foil_evaluate.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;
using foil::Index;

TEST_CASE("foil-evaluate: an interrupt leaves what is finished, and says so", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  Process process(on_mnist(dir) + Arguments{"--count", "40", "--batch-size", "10", "--threads", "1",
                                            "--attack", "fgsm", "--attack",
                                            "linf-pgd:steps=1000000,maximize_loss=true", "--epsilon", "0.02",
                                            "--sheet", (dir / "sheet.png").string()});
  REQUIRE(process.has_said("linf-pgd eps 0.02  0/40 done"));
  process.interrupt();
  const Outcome outcome = process.wait();
  INFO(outcome.err);
  CHECK(outcome.status == 130);
  CHECK_THAT(outcome.err,
             ContainsSubstring("interrupted; written is what was finished: 1 of 2 attacks, and "));
  CHECK_THAT(outcome.out, ContainsSubstring("linf-pgd"));
  const auto json = results(dir);
  CHECK(json["complete"] == false);
  REQUIRE(json["attacks"].size() == 2);
  CHECK(json["attacks"][0]["complete"] == true);
  CHECK(json["attacks"][1]["complete"] == false);
  CHECK(json["attacks"][1]["finished"] < 40);
  CHECK(json["attacks"][1]["samples"].back()["status"] == "interrupted");
  const int unfinished = json["attacks"][1]["unfinished"];
  CHECK(json["attacks"][1]["finished"] == 40 - unfinished);
  CHECK_THAT(outcome.out, ContainsSubstring("\nlinf-pgd:steps=1000000,maximize_loss=true  linf "));
  // Means are over the samples that were reached: the first batch.
  int reached = 0;
  for (const auto& sample : json["attacks"][1]["samples"]) reached += sample["forward"] > 0;
  CHECK(reached < 40);
  char mean[32];
  std::snprintf(mean, sizeof mean, " %.1f ", json["attacks"][1]["forward"].get<double>() / reached);
  if (reached > 0) CHECK_THAT(outcome.out.substr(outcome.out.find("\nlinf-pgd:")), ContainsSubstring(mean));
  CHECK_THAT(outcome.out, ContainsSubstring("\nlinf-pgd eps 0.02: " + std::to_string(unfinished) +
                                            " samples unfinished, not counted at all\n"));
  // What nobody has come to an end with may be robust or not.
  REQUIRE(json["worst_cases"].size() == 1);
  const double robust = json["worst_cases"][0]["robust"], open = json["worst_cases"][0]["unfinished"];
  CHECK(open > 0);
  char range[64];
  std::snprintf(range, sizeof range, " %.1f to %.1f %% ", 100 * robust / 40, 100 * (robust + open) / 40);
  CHECK_THAT(outcome.out.substr(outcome.out.find("\nworst case of 2")), ContainsSubstring(range));
  CHECK(dir.entries() == 4);  // with what --resume goes on from
}

TEST_CASE("foil-evaluate: a signal within a call of the model that does not end ends the program",
          "[examples][evaluate]") {
  const TemporaryDirectory dir, other;
  foil::io::write_file(other / "slow.onnx", foil::test::slow_network());
  Arguments arguments =
      on_mnist(dir) + Arguments{"--count", "1",        "--attack", "fgsm", "--epsilon",
                                "0.1",     "--binary", "--grace",  "1",    "--json-progress"};
  *(std::find(arguments.begin(), arguments.end(), "--model") + 1) = (other / "slow.onnx").string();
  Process process(arguments);
  REQUIRE(process.has_said("\"event\":\"finished\""));  // reading images: the model comes next
  process.send(SIGTERM);
  const Outcome outcome = process.wait();
  CHECK(outcome.status == 143);
  CHECK_THAT(outcome.err,
             ContainsSubstring("{\"event\":\"error\",\"text\":\"ended within a call of the model"));
}

TEST_CASE("foil-evaluate: what an interrupt leaves no time for is told to be missing",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  Process process(on_mnist(dir) + Arguments{"--count", "1000", "--attack", "fgsm", "--epsilon", "0.02",
                                            "--corruptions", "all,-frost", "--corruption-profile", "cifar",
                                            "--grace", "3600"});
  REQUIRE(process.has_said("under corruptions"));
  process.interrupt();
  const Outcome outcome = process.wait();
  CHECK(outcome.status == 130);
  const std::string missing = "--corruptions: its figures are missing here, as the run had not come to them";
  CHECK_THAT(outcome.err, ContainsSubstring(missing));
  CHECK_THAT(outcome.out, ContainsSubstring("Note: " + missing));
  const auto json = results(dir);
  CHECK(json["complete"] == false);
  CHECK(json["corruptions"].is_null());
  CHECK(json["notes"].back() == missing);
}

TEST_CASE("foil-evaluate: an audit that was interrupted is none", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  Process process(on_mnist(dir) + Arguments{"--count", "20", "--attack",
                                            "linf-pgd:steps=100,maximize_loss=true", "--epsilon", "0.02",
                                            "--audit", "full", "--grace", "3600"});
  REQUIRE(process.has_said("the audit asks the model about"));
  process.interrupt();
  const Outcome outcome = process.wait();
  INFO(outcome.err);
  CHECK(outcome.status == 130);
  const std::string missing = "--audit: its figures are missing here, as the run had not come to them";
  CHECK_THAT(outcome.err, ContainsSubstring(missing));
  const auto json = results(dir);
  CHECK(json["complete"] == false);
  CHECK(json["audit"].is_null());
  CHECK(json["notes"].back() == missing);
}

TEST_CASE("foil-evaluate: an interrupted search counts as found, and is told", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  Process process(on_mnist(dir) +
                  Arguments{"--count", "4", "--threads", "1", "--attack", "boundary:steps=100000000"});
  REQUIRE(process.has_said("boundary  0/4 done"));
  process.interrupt();  // it has its starts from the beginning: the other images
  const Outcome outcome = process.wait();
  INFO(outcome.err);
  CHECK(outcome.status == 130);
  const auto json = results(dir);
  const auto& boundary = json["attacks"][0];
  int cut_short = 0;
  for (const auto& sample : boundary["samples"])
    cut_short += sample["success"] == true && sample["status"] == "interrupted";
  CHECK(boundary["cut_short"] == cut_short);
  CHECK(boundary["complete"] == false);
  const bool told = outcome.out.find("fooled but cut short, counted as found\n") != std::string::npos;
  CHECK(told == (cut_short > 0));
}

TEST_CASE("foil-evaluate: an interrupted attack's file ends with the block that was at work",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  Process process(on_mnist(dir) + Arguments{"--count", "300", "--batch-size", "10", "--threads", "1",
                                            "--attack", "linf-pgd:steps=1000000,maximize_loss=true",
                                            "--epsilon", "0.02"});
  REQUIRE(process.has_said("linf-pgd eps 0.02  0/300 done"));
  process.interrupt();
  CHECK(process.wait().status == 130);
  const auto json = results(dir);
  CHECK(json["complete"] == false);
  CHECK(json["sample_count"] == 300);
  const auto rows = json["attacks"][0]["samples"].size();
  CHECK(rows == 256);
  const Images found =
      foil::io::read_images(dir / "adversarials/linf-pgd_eps0.02.npy", foil::Bounds<float>());
  CHECK(foil::samples(found) == static_cast<Index>(rows));
}

TEST_CASE("foil-evaluate: what is finished is kept when the images become unreadable",
          "[examples][evaluate]") {
  const TemporaryDirectory dir, other;
  const Images images = foil::io::read_images(image_file, foil::Bounds<float>());
  foil::io::write_npy(other / "images.npy", images);
  Arguments arguments =
      on_mnist(dir) + Arguments{"--count",   "300", "--batch-size", "10",
                                "--threads", "1",   "--attack",     "linf-pgd:steps=100,maximize_loss=true",
                                "--epsilon", "0.02"};
  *(std::find(arguments.begin(), arguments.end(), "--images") + 1) = (other / "images.npy").string();
  Process process(arguments);
  // After the clean predictions. The first block of 256 takes far longer than to cut the file
  // does, and both are slowed down alike where others are at work.
  REQUIRE(process.has_said("300/300 done"));
  std::filesystem::resize_file(other / "images.npy", 128 + 299 * 784 * 4);
  const Outcome outcome = process.wait();
  INFO(outcome.err);
  CHECK(outcome.status == 2);
  CHECK_THAT(outcome.err, ContainsSubstring("images.npy: truncated: expected "));
  CHECK_THAT(outcome.err, ContainsSubstring("0 of 1 attacks, and 256 of 300 samples of another, cut short"));
  const auto json = results(dir);
  CHECK(json["complete"] == false);
  CHECK(json["attacks"][0]["complete"] == false);
  CHECK(json["attacks"][0]["finished"] == 256);
  CHECK(json["attacks"][0]["samples"].size() == 256);
  const Images found =
      foil::io::read_images(dir / "adversarials/linf-pgd_eps0.02.npy", foil::Bounds<float>());
  CHECK(foil::samples(found) == 256);
}
