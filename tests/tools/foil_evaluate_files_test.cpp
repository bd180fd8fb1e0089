// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate: where what it says and writes goes, and what it never touches.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;

namespace {

const Arguments short_run{"--count", "2", "--attack", "fgsm", "--epsilon", "0.1"};
const Arguments endless_run{"--count",   "4",    "--threads", "1",
                            "--attack",  "fgsm", "--attack",  "linf-pgd:steps=100000000,maximize_loss=true",
                            "--epsilon", "0.02"};

Arguments without_outputs(const TemporaryDirectory& dir) {
  Arguments arguments = on_mnist(dir);
  arguments.resize(6);
  return arguments;
}

}  // namespace

TEST_CASE("foil-evaluate: a run killed in its first attack leaves the files of the run before as they were",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Arguments usual = on_mnist(dir) + Arguments{"--sheet", (dir / "sheet.png").string()};
  REQUIRE(run(usual + short_run).status == 0);
  const std::vector<std::string> files{"results.json", "sheet.png", "adversarials/indices.npy",
                                       "adversarials/fgsm_eps0.1.npy", "adversarials/manifest.json"};
  std::vector<std::string> before;
  for (const std::string& file : files) before.push_back(read(dir / file));
  {
    Process process(usual + Arguments{"--count", "3", "--attack",
                                      "linf-pgd:steps=100000000,maximize_loss=true", "--epsilon", "0.02"});
    REQUIRE(process.has_said("linf-pgd eps 0.02  0/3 done"));
    process.send(SIGKILL);
    CHECK(process.wait().status == -SIGKILL);
  }
  for (std::size_t i = 0; i < files.size(); ++i) CHECK(read(dir / files[i]) == before[i]);

  REQUIRE(run(usual + short_run).status == 0);  // and what it left is swept
  CHECK(dir.entries() == 3);
  const auto manifest = nlohmann::json::parse(read(dir / "adversarials/manifest.json"));
  CHECK(manifest["run_id"] == results(dir)["run_id"]);
  CHECK(manifest["files"].size() == 2);
  CHECK(std::distance(std::filesystem::directory_iterator(dir / "adversarials"), {}) == 3);
}

TEST_CASE("foil-evaluate: a run killed later has the attacks before", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  Process process(on_mnist(dir) + endless_run);
  REQUIRE(process.has_said("linf-pgd eps 0.02  0/4 done"));
  process.send(SIGKILL);
  process.wait();
  const auto json = results(dir);
  CHECK(json["complete"] == false);
  REQUIRE(json["attacks"].size() == 1);
  const auto manifest = nlohmann::json::parse(read(dir / "adversarials/manifest.json"));
  CHECK(manifest["run_id"] == json["run_id"]);
  REQUIRE(manifest["files"].size() == 2);
  CHECK(manifest["files"][0]["name"] == json["attacks"][0]["adversarials"]);
  CHECK(manifest["files"][0]["bytes"] == adversarials(dir, "fgsm_eps0.02.npy").size());
}

TEST_CASE("foil-evaluate: SIGTERM and SIGHUP end a run like Ctrl-C, a second one too",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const int signal = GENERATE(SIGTERM, SIGHUP, SIGINT);
  Process process(on_mnist(dir) + endless_run, [] { std::signal(SIGHUP, SIG_DFL); });
  REQUIRE(process.has_said("linf-pgd eps 0.02  0/4 done"));
  process.send(signal);
  if (signal != SIGINT) process.send(signal);
  const Outcome outcome = process.wait();
  INFO(outcome.err);
  CHECK(outcome.status == 128 + signal);
  CHECK_THAT(outcome.err, ContainsSubstring("1 of 2 attacks"));
  CHECK(results(dir)["attacks"].size() == 2);
  CHECK(dir.entries() == 3);  // with what --resume goes on from
  CHECK(std::distance(std::filesystem::directory_iterator(dir / "adversarials"), {}) == 4);
}

TEST_CASE("foil-evaluate: what nohup shields from SIGHUP stays shielded", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  Process process(on_mnist(dir) + endless_run, [] { std::signal(SIGHUP, SIG_IGN); });
  REQUIRE(process.has_said("linf-pgd eps 0.02  0/4 done"));
  process.send(SIGHUP);
  process.send(SIGTERM);
  CHECK(process.wait().status == 128 + SIGTERM);
}

TEST_CASE("foil-evaluate: with standard streams closed nothing of what it says gets into its files",
          "[examples][evaluate]") {
  const TemporaryDirectory dir, other;
  REQUIRE(run(on_mnist(dir) + short_run).status == 0);
  const Outcome outcome = run(on_mnist(other) + short_run, [] {
    for (const int stream : {0, 1, 2}) close(stream);
  });
  CHECK(outcome.status == 0);
  CHECK(outcome.out.empty());
  CHECK(adversarials(dir, "fgsm_eps0.1.npy") == adversarials(other, "fgsm_eps0.1.npy"));
  CHECK(adversarials(dir, "indices.npy") == adversarials(other, "indices.npy"));
  CHECK(results(other)["complete"] == true);
}

TEST_CASE("foil-evaluate: a full or broken standard output is an exit status", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const auto to_full = [] { dup2(open("/dev/full", O_WRONLY), 1); };
  for (const Arguments& arguments : {Arguments{"--list"}, {"--help"}, {"--version"}, {"--list", "fgsm"}}) {
    const Outcome outcome = run(arguments, to_full);
    CHECK(outcome.status == 1);
    CHECK_THAT(outcome.err, ContainsSubstring("cannot write to standard output: No space left on device"));
  }
  CHECK(run(on_mnist(dir) + short_run, to_full).status == 1);
  CHECK(results(dir)["complete"] == true);  // the files do not suffer

  const Outcome broken = run(on_mnist(dir) + short_run, [] {
    int ends[2];
    if (pipe(ends) != 0) _exit(126);
    dup2(ends[1], 1);
    close(ends[0]);
    close(ends[1]);
  });
  CHECK(broken.status == 1);
  CHECK_THAT(broken.err, ContainsSubstring("cannot write to standard output: Broken pipe"));
  CHECK(results(dir)["complete"] == true);
}

TEST_CASE("foil-evaluate: results go to standard output and to pipes", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Arguments two_attacks = short_run + Arguments{"--attack", "linf-bim:steps=2"};
  SECTION("to standard output, the table being told on standard error then") {
    const Outcome outcome = run(without_outputs(dir) + two_attacks + Arguments{"--out", "/dev/stdout"});
    INFO(outcome.err);
    CHECK(outcome.status == 0);
    CHECK(nlohmann::json::parse(outcome.out)["attacks"].size() == 2);
    CHECK_THAT(outcome.err, ContainsSubstring("clean accuracy"));
  }
  SECTION("to standard output that is a pipe, without a word about what is kept of a run") {
    const Outcome outcome = run(without_outputs(dir) + two_attacks + Arguments{"--out", "/dev/stdout"}, [] {
      int ends[2];
      if (pipe(ends) != 0) _exit(126);
      dup2(ends[1], 1);  // the other end stays open, and what is written waits in the pipe
    });
    INFO(outcome.err);
    CHECK(outcome.status == 0);
    CHECK_THAT(outcome.err, !ContainsSubstring("cannot be written"));
  }
  SECTION("to a pipe, once, at the end") {
    const std::string fifo = (dir / "fifo").string();
    REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
    const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK);  // small enough to wait in the pipe
    const Outcome outcome = run(without_outputs(dir) + two_attacks + Arguments{"--out", fifo});
    INFO(outcome.err);
    CHECK(outcome.status == 0);
    std::string content(1 << 16, ' ');
    const auto got = ::read(reader, content.data(), content.size());
    close(reader);
    REQUIRE(got > 0);
    CHECK(nlohmann::json::parse(content.substr(0, static_cast<std::size_t>(got)))["complete"] == true);
    CHECK(std::filesystem::is_fifo(fifo));
  }
}

TEST_CASE("foil-evaluate: no output is an input or another output", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const auto path = [&](const std::string& name) { return (dir / name).string(); };
  std::filesystem::create_directory(dir / "data");
  const Arguments usual{"--model",           path("data/net"), "--images",
                        path("data/images"), "--labels",       path("data/labels")};
  std::filesystem::copy_file(model_file, dir / "data/net");
  std::filesystem::copy_file(image_file, dir / "data/images");
  std::filesystem::copy_file(label_file, dir / "data/labels");
  std::filesystem::create_hard_link(dir / "data/labels", dir / "link");
  const std::string labels = read(dir / "data/labels");
  const auto refused = [&](const Arguments& outputs, const std::string& message) {
    const Outcome outcome = run(usual + short_run + outputs);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.err, ContainsSubstring(message));
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  };
  refused({"--out", ""}, "--out: expected a value, got nothing");
  refused({"--out", path("r"), "--adversarials", ""}, "--adversarials: expected a value, got nothing");
  refused({"--out", path("data/labels")}, "would overwrite an input");
  refused({"--out", path("link")}, "would overwrite an input");
  refused({"--out", path("t"), "--targets", path("t")}, "would overwrite an input");
  refused({"--out", path("r"), "--starts", path("s"), "--sheet", path("s")}, "would overwrite an input");
  refused({"--out", path("r"), "--mask", path("m"), "--sheet", path("data/../m")},
          "would overwrite an input");
  refused({"--out", path("r"), "--sheet", path("./r")}, "would overwrite the file for --out");
  refused({"--out", path("r"), "--adversarials", path("data")}, "which no run wrote there");
  refused({"--out", path("found/indices.npy"), "--adversarials", path("found")}, "would overwrite");
  refused({"--out", path("found/fgsm_eps0.1.npy"), "--adversarials", path("found/")}, "would overwrite");
  // Relative paths of files that do not exist yet.
  const auto in_there = [&] {
    if (chdir(dir.path().c_str()) != 0) _exit(126);
  };
  for (const char* sheet : {"r", "./r", "data/../r"}) {
    const Outcome outcome = run(usual + short_run + Arguments{"--out", "r", "--sheet", sheet}, in_there);
    CAPTURE(sheet, outcome.err);
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.err, ContainsSubstring("would overwrite the file for --out"));
  }
  CHECK(dir.entries() == 2);
  CHECK(read(dir / "link") == labels);
  CHECK(read(dir / "data/labels") == labels);
}

TEST_CASE("foil-evaluate: the file that holds a network's weights beside it is an input", "[evaluate]") {
  const TemporaryDirectory dir;
  Arguments usual = on_network(dir, std::vector<float>(8, 0.5f), {1, 0}, {0, 0, 0, 0});
  usual.resize(6);
  usual = usual + Arguments{"--attack", "fgsm", "--epsilon", "0.1"};
  foil::test::OnnxBuilder network({-1, 1, 2, 2});
  network.encoded(foil::test::onnx_external_tensor("w", {4, 2}, {{"location", "weights"}}));
  network.node("Flatten", {"x"}, "flat").node("MatMul", {"flat", "w"}, "y");
  write(dir / "inputs/net.onnx", network.bytes());
  const std::string weights = std::string(31, '\0') + '?';
  write(dir / "inputs/weights", weights);
  std::filesystem::create_hard_link(dir / "inputs/weights", dir / "link");
  for (const Arguments& outputs :
       {Arguments{"--out", (dir / "inputs/weights").string()}, Arguments{"--out", (dir / "link").string()},
        Arguments{"--out", (dir / "r").string(), "--sheet", (dir / "inputs/../inputs/weights").string()}}) {
    const Outcome outcome = run(usual + outputs);
    CAPTURE(outcome.err);
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.err, ContainsSubstring("would overwrite an input"));
  }
  CHECK(read(dir / "inputs/weights") == weights);
  CHECK(run(usual + Arguments{"--out", (dir / "r").string()}).status == 0);
}
