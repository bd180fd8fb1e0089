// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate: what it says while it works.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;
using Json = nlohmann::json;

namespace {

/// A terminal of so many columns for a program's stderr.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) : master_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
    REQUIRE(master_ >= 0);
    REQUIRE((grantpt(master_) == 0 && unlockpt(master_) == 0));
    slave_ = open(ptsname(master_), O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(slave_ >= 0);
    winsize size{};
    size.ws_col = columns;
    size.ws_row = 24;
    REQUIRE(ioctl(slave_, TIOCSWINSZ, &size) == 0);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() { close(master_); }

  /// For the program, before it begins.
  void take_stderr() const { dup2(slave_, 2); }
  /// All that is written to it until the program ends.
  std::string shown() {
    close(slave_);
    std::string all;
    char some[4096];
    for (ssize_t got; (got = ::read(master_, some, sizeof some)) > 0;)
      all.append(some, static_cast<std::size_t>(got));
    return all;
  }

 private:
  int master_, slave_;
};

struct Shown {
  Outcome outcome;
  std::string text;
};

Shown on_terminal(unsigned short columns, const char* kind, const char* said_columns,
                  const Arguments& arguments) {
  Terminal terminal(columns);
  Process process(arguments, [&] {
    terminal.take_stderr();
    setenv("TERM", kind, 1);
    if (said_columns == nullptr)
      unsetenv("COLUMNS");
    else
      setenv("COLUMNS", said_columns, 1);
  });
  std::string text = terminal.shown();
  return {process.wait(), text};
}

/// The longest line that stood on a terminal, and whether the last one has its end.
std::size_t longest_line(const std::string& shown) {
  std::size_t longest = 0, column = 0;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (shown.compare(i, 3, "\033[K") == 0)
      i += 2;
    else if (shown[i] == '\r' || shown[i] == '\n')
      column = 0;
    else
      longest = std::max(longest, ++column);
  }
  return longest;
}

std::vector<Json> events(const std::string& text) {
  std::vector<Json> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) all.push_back(Json::parse(line));
  return all;
}

const Arguments quick{
    "--count",   "20",       "--threads", "1",        "--batch-size",
    "4",         "--attack", "fgsm",      "--attack", "linf-pgd:steps=60,maximize_loss=true",
    "--epsilon", "0.1"};

}  // namespace

TEST_CASE("foil-evaluate: the line of progress fits the terminal and ends", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const auto columns = static_cast<unsigned short>(GENERATE(20, 60, 120));
  const Shown shown = on_terminal(columns, "xterm", nullptr, on_mnist(dir) + quick);
  INFO(shown.text);
  CHECK(shown.outcome.status == 0);
  CHECK(longest_line(shown.text) < columns);
  CHECK_THAT(shown.text, ContainsSubstring("\r"));
  CHECK_THAT(shown.text, ContainsSubstring("(100 %)"));
  CHECK(shown.text.ends_with("\r\n"));
  CHECK_THAT(shown.outcome.out, ContainsSubstring("linf-pgd"));
}

TEST_CASE("foil-evaluate: COLUMNS narrows the line of progress", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Shown shown = on_terminal(120, "xterm", "44", on_mnist(dir) + quick);
  INFO(shown.text);
  CHECK(longest_line(shown.text) < 44);
}

TEST_CASE("foil-evaluate: a terminal that cannot rewrite lines gets plain ones", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Shown shown = on_terminal(40, "dumb", nullptr, on_mnist(dir) + quick);
  INFO(shown.text);
  CHECK(shown.text.find('\033') == std::string::npos);
  CHECK_THAT(shown.text, ContainsSubstring("linf-pgd eps 0.1  20/20 done (100 %), "));
  std::size_t alone = 0;  // carriage returns without a line's end
  for (std::size_t i = 0; i + 1 < shown.text.size(); ++i)
    alone += shown.text[i] == '\r' && shown.text[i + 1] != '\n';
  CHECK(alone == 0);
}

TEST_CASE("foil-evaluate: --quiet leaves warnings and errors", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Outcome fine = run(on_mnist(dir) + quick + Arguments{"--quiet"});
  CHECK(fine.status == 0);
  CHECK(fine.err.empty());
  CHECK_THAT(fine.out, ContainsSubstring("\nlinf-pgd"));

  const TemporaryDirectory other;
  const Outcome odd = run(on_network(other, {1, 0, 0, 0, 0, 1, 0, 0}, {0, 0}, {0, 1, 0, 1}) +
                          Arguments{"--attack", "fgsm", "--epsilon", "0.1", "--bounds", "0,0.05", "--quiet"});
  CHECK(odd.status == 2);
  CHECK_THAT(odd.err, ContainsSubstring("no image is valid"));
  CHECK(run(on_mnist(dir) + quick + Arguments{"--quiet", "--json-progress"}).status == 2);
}

TEST_CASE("foil-evaluate: --json-progress tells programs everything", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Outcome outcome = run(on_mnist(dir) + quick + Arguments{"--json-progress"});
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.out, ContainsSubstring("\nlinf-pgd"));
  const std::vector<Json> all = events(outcome.err);
  REQUIRE(all.size() >= 6);
  CHECK(all.front()["event"] == "start");
  CHECK(all.front()["attacks"] == 2);
  CHECK(all.front()["run_id"] == results(dir)["run_id"]);
  CHECK(all.back()["event"] == "done");
  CHECK(all.back()["results"] == (dir / "results.json").string());
  std::vector<std::string> finished;
  for (const Json& event : all)
    if (event["event"] == "finished") finished.push_back(event["phase"]);
  CHECK(finished == std::vector<std::string>{"images", "clean", "attack", "attack"});
  const Json& last = all[all.size() - 2];
  const Json attack = results(dir)["attacks"][1];
  CHECK(last["attack"] == "linf-pgd");
  CHECK(last["epsilon"] == 0.1);
  CHECK(last["number"] == 2);
  CHECK(last["attacks"] == 2);
  CHECK(last["done"] == 20);
  CHECK(last["total"] == 20);
  CHECK(last["found"] == attack["fooled"]);
  CHECK(last["forward"] == attack["forward"].get<int>() + attack["verification"].get<int>());
  CHECK(last["backward"] == attack["backward"]);
  CHECK(last["calls_per_second"] > 0);
  CHECK(last["seconds_left"] == 0);

  const Outcome failed = run(on_mnist(dir) + quick + Arguments{"--json-progress", "--count", "5000"});
  CHECK(failed.status == 2);
}

TEST_CASE("foil-evaluate: an interrupted run tells the command that goes on", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const auto folder = dir / "it's here";
  std::filesystem::create_directory(folder);
  const bool json = GENERATE(true, false);
  const Arguments arguments{"--model",      model_file,
                            "--images",     image_file,
                            "--labels",     label_file,
                            "--out",        (folder / "results.json").string(),
                            "--count",      "600",
                            "--batch-size", "10",
                            "--threads",    "1",
                            "--attack",     "fgsm",
                            "--attack",     "linf-pgd:steps=200,maximize_loss=true",
                            "--epsilon",    "0.02"};
  Process process(arguments + (json ? Arguments{"--json-progress"} : Arguments{}));
  REQUIRE(process.has_said(json ? "\"attack\":\"linf-pgd\"" : "linf-pgd eps 0.02  "));
  process.interrupt();
  const Outcome outcome = process.wait();
  INFO(outcome.err);
  CHECK(outcome.status == 130);
  std::string again;
  if (json) {
    const Json last = events(outcome.err).back();
    CHECK(last["event"] == "interrupted");
    CHECK(last["attacks_finished"] == 1);  // the other one was cut short
    CHECK(last["attacks"] == 2);
    CHECK(last["samples"] == 600);
    CHECK(last["samples_finished"] < 600);
    CHECK(last["written"] == Json{(folder / "results.json").string()});
    again = last["resume"];
  } else {
    CHECK_THAT(outcome.err, ContainsSubstring("\n  in " + (folder / "results.json").string() + "\n"));
    again = outcome.err.substr(outcome.err.rfind("goes on:\n  ") + 11);
    again.pop_back();
  }
  CHECK_THAT(again, ContainsSubstring(" '" + dir.path().string() + "/it'\\''s here/results.json' "));
  CHECK(again.ends_with(" --resume"));
  // It is not waited for here; that it is the command, a check of its own options tells.
  CHECK(std::system((again + " --list linf-pgd >/dev/null").c_str()) == 0);
}
