// SPDX-License-Identifier: MIT
/// \file
/// foil-report, and --report of foil-evaluate: one page of one file of results, whoever writes it.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "foil-report/run.hpp"
#include "foil/report/html/markup.hpp"
#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"
#include "tools/other_programs.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;
using Json = nlohmann::ordered_json;

namespace {

/// The page that foil-report makes of a run's results.
std::string page_of(const TemporaryDirectory& dir, const std::string& results = "results.json") {
  const Outcome outcome =
      call(FOIL_REPORT, (dir / results).string() + " --out " + (dir / "again.html").string());
  INFO(outcome.out);
  REQUIRE(outcome.status == 0);
  return read(dir / "again.html");
}

void check_same_page(const TemporaryDirectory& dir) {
  const std::string page = read(dir / "report.html");
  CHECK(page.starts_with(foil::report::html::page_head));
  CHECK(page == page_of(dir));
  const auto facts = results(dir)["report"];
  CHECK(facts["bytes"] == page.size());
  CHECK(facts["file"] == (dir / "report.html").string());
}

Arguments with_report(const TemporaryDirectory& dir) {
  return on_mnist(dir) + Arguments{"--threads", "1", "--report", (dir / "report.html").string()};
}

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("foil-report: the page is that of foil-evaluate to the byte, and tells the table's figures",
          "[examples][evaluate][report]") {
  const TemporaryDirectory dir;
  const Outcome outcome = run(with_report(dir) + Arguments{"--count", "30", "--attack", "linf-standard",
                                                           "--attack", "fgsm", "--epsilon", "0.1,0.2",
                                                           "--attack", "minimal-l2-fgm", "--audit", "quick"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  check_same_page(dir);
  const std::string page = read(dir / "report.html");
  // A line of the table, cell by cell.
  const std::string line = outcome.out.substr(outcome.out.find("\nfgsm ") + 1);
  std::istringstream cells(line.substr(0, line.find('\n')));
  std::vector<std::string> words;
  for (std::string word; cells >> word;) words.push_back(word);
  REQUIRE(words.size() == 11);
  CHECK_THAT(page, ContainsSubstring(">" + words[3] + " %</td>"));  // success
  CHECK_THAT(page, ContainsSubstring(">" + words[5] + " %</td>"));  // robust accuracy
  for (const std::size_t word : {7u, 8u, 9u})
    CHECK_THAT(page, ContainsSubstring(">" + words[word] + "</td>"));
  CHECK_THAT(page, ContainsSubstring("Suites stage by stage"));
  for (const char* part : {"C19", "linf-standard", "minimal-l2-fgm", "foil_version", "built_with", "Eigen 3",
                           "--attack linf-standard", "worst case of 2"})
    CHECK_THAT(page, ContainsSubstring(part));
  CHECK(count(page, "<img ") == 3 * count(page, "<div class=\"three\">"));
  CHECK(count(page, "<img ") >= 15);
}

TEST_CASE("foil-report: the closest and the farthest are what the samples say, and their pictures are",
          "[examples][evaluate][report]") {
  const TemporaryDirectory dir;
  REQUIRE(run(on_mnist(dir) + Arguments{"--count", "40", "--attack", "minimal-l2-fgm"}).status == 0);
  const auto attack = results(dir)["attacks"][0];
  double closest = 1e9, farthest = 0;
  for (const auto& sample : attack["samples"]) {
    if (sample["success"] != true || sample["correct"] != true) continue;
    closest = std::min(closest, sample["distance"].get<double>());
    farthest = std::max(farthest, sample["distance"].get<double>());
  }
  REQUIRE(attack["pictures"].size() == 2);
  CHECK(attack["pictures"][0]["which"] == "closest");
  CHECK(attack["pictures"][0]["distance"] == closest);
  CHECK(attack["pictures"][1]["distance"] == farthest);
  for (const auto& picture : attack["pictures"])
    for (const char* part : {"clean", "adversarial", "change"})
      CHECK_THAT(picture[part].get<std::string>(), Catch::Matchers::StartsWith("iVBORw0KGgo"));  // PNG
  CHECK(attack["pictures"][0]["clean"] != attack["pictures"][1]["clean"]);
  CHECK(attack["pictures"][0]["adversarial"] != attack["pictures"][0]["clean"]);
}

TEST_CASE("foil-report: runs that were cut short have a page of ranges, the same of both programs",
          "[examples][evaluate][report]") {
  const TemporaryDirectory dir;
  Process process(with_report(dir) + Arguments{"--count", "40", "--batch-size", "10", "--attack", "fgsm",
                                               "--attack", "linf-pgd:steps=1000000,maximize_loss=true",
                                               "--epsilon", "0.02"});
  REQUIRE(process.has_said("linf-pgd eps 0.02  0/40 done"));
  process.interrupt();
  const Outcome outcome = process.wait();
  INFO(outcome.err);
  REQUIRE(outcome.status == 130);
  CHECK_THAT(outcome.err, ContainsSubstring(", " + (dir / "report.html").string()));
  check_same_page(dir);
  const std::string page = read(dir / "report.html");
  CHECK_THAT(page, ContainsSubstring("The run was cut short"));
  CHECK_THAT(page, ContainsSubstring(">0.0 to "));
}

TEST_CASE("foil-report: targets, masks and the like are told as what they are",
          "[examples][evaluate][report]") {
  const TemporaryDirectory dir;
  std::string targets;
  for (int i = 0; i < 1000; ++i) targets += std::to_string(i % 10) + "\n";
  write(dir / "targets.txt", targets);
  REQUIRE(run(with_report(dir) + Arguments{"--count", "20", "--targets", (dir / "targets.txt").string(),
                                           "--attack", "fgsm", "--epsilon", "0.2", "--correct-only",
                                           "--lattice", "255", "--margin", "0.001", "--budget", "50"})
              .status == 0);
  check_same_page(dir);
  const std::string page = read(dir / "report.html");
  for (const char* option : {"(--targets)", "(--correct-only)", "(--lattice)", "(--margin)", "(--budget)"})
    CHECK_THAT(page, ContainsSubstring(option));
}

TEST_CASE("foil-report: merged shares have the page of the whole run but for names and times",
          "[examples][evaluate][report][merge]") {
  const TemporaryDirectory whole, shares;
  const Arguments same{"--count", "40", "--attack", "fgsm", "--epsilon", "0.2", "--attack", "minimal-l2-fgm"};
  REQUIRE(run(on_mnist(whole) + same + Arguments{"--threads", "1"}).status == 0);
  std::string files;
  for (const std::string share : {"1", "2"}) {
    std::filesystem::create_directory(shares / share);
    REQUIRE(
        run(Arguments{"--model", model_file, "--images", image_file, "--labels", label_file, "--threads", "1",
                      "--shard", share + "/2", "--out", (shares / (share + "/results.json")).string()} +
            same)
            .status == 0);
    files += " " + (shares / (share + "/results.json")).string();
  }
  CHECK_THAT(page_of(shares, "1/results.json"), ContainsSubstring("This is share 1 of 2 of a run."));
  REQUIRE(call(FOIL_MERGE, files + " --out " + (shares / "results.json").string()).status == 0);
  const auto from = [](const std::string& page, const char* begin, const char* end) {
    return page.substr(page.find(begin), page.find(end) - page.find(begin));
  };
  const std::string merged = page_of(shares), expected = page_of(whole);
  CHECK(from(merged, "<section id=\"curves", "<section id=\"audit") ==
        from(expected, "<section id=\"curves", "<section id=\"audit"));
  CHECK(count(merged, "<img ") > 0);
}

TEST_CASE("foil-report: a name is no markup, whatever it says", "[examples][evaluate][report]") {
  const TemporaryDirectory dir;
  const auto evil = dir / "<script>alert(1)</script>.onnx";  // a folder's name, a file's name
  std::filesystem::create_directories(evil.parent_path());
  std::filesystem::copy_file(model_file, evil);
  REQUIRE(run({"--model", evil.string(), "--images", image_file, "--labels", label_file, "--count", "5",
               "--attack", "fgsm", "--epsilon", "0.1", "--out", (dir / "results.json").string(), "--report",
               (dir / "report.html").string()})
              .status == 0);
  check_same_page(dir);
  const std::string page = read(dir / "report.html");
  CHECK(count(page, "<script") == 1);
  CHECK_THAT(page, ContainsSubstring("script&gt;.onnx"));
}

TEST_CASE("foil-report: several results are compared over what they have in common",
          "[examples][evaluate][report]") {
  const TemporaryDirectory dir, other;
  REQUIRE(run(on_mnist(dir) + Arguments{"--count", "20", "--attack", "fgsm", "--epsilon", "0.1"}).status ==
          0);
  REQUIRE(run(on_mnist(other) + Arguments{"--first", "10", "--count", "20", "--attack", "fgsm", "--attack",
                                          "linf-pgd", "--epsilon", "0.1"})
              .status == 0);
  const std::string both = (dir / "results.json").string() + " " + (other / "results.json").string();
  const Outcome outcome = call(FOIL_REPORT, both + " --out " + (dir / "both.html").string());
  INFO(outcome.out);
  REQUIRE(outcome.status == 0);
  const std::string page = read(dir / "both.html");
  CHECK_THAT(page, ContainsSubstring("Over the 10 rows that all have"));
  CHECK_THAT(page, ContainsSubstring("linf-pgd eps 0.1 is only in 2"));
  CHECK_THAT(page, ContainsSubstring("id=\"run2-figures\""));
  // The curves of the comparison are of the ten rows and the attack that both have.
  const std::string comparison =
      page.substr(page.find("id=\"comparison\""), page.find("id=\"run1\"") - page.find("id=\"comparison\""));
  CHECK(count(comparison, " of 10</title>") == 4);
  CHECK(count(comparison, "<circle ") == 4);
  // Every figure of foil-compare is there.
  const Outcome table = call(FOIL_COMPARE, both);
  const std::string line = table.out.substr(table.out.find("\nfgsm") + 1);
  std::istringstream cells(line.substr(0, line.find('\n')));
  std::string word;
  while (cells >> word) CHECK_THAT(comparison, ContainsSubstring(word));
}

TEST_CASE("foil-report: nothing but an earlier page is replaced, and what is no result is refused",
          "[examples][evaluate][report]") {
  const TemporaryDirectory dir;
  REQUIRE(run(on_mnist(dir) + Arguments{"--count", "5", "--attack", "fgsm", "--epsilon", "0.1"}).status == 0);
  const std::string file = (dir / "results.json").string();
  const auto refused = [&](const std::string& arguments, const std::string& message) {
    const Outcome outcome = call(FOIL_REPORT, arguments);
    CAPTURE(arguments);
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.out, ContainsSubstring(message));
    CHECK(count(outcome.out, "\n") == 1);
  };
  const std::string before = read(dir / "results.json");
  refused(file + " --out " + file, "--out " + file + ": would overwrite an input");
  refused(file + " --out " + (dir / "./results.json").string(), "would overwrite an input");
  CHECK(read(dir / "results.json") == before);
  write(dir / "thesis.html", "<!DOCTYPE html>\n<p>mine");
  refused(file + " --out " + (dir / "thesis.html").string(), "would overwrite a file that is not a report");
  CHECK(read(dir / "thesis.html") == "<!DOCTYPE html>\n<p>mine");
  refused(file, "--out is missing");
  refused("--out " + (dir / "x.html").string(), "expected results.json");
  refused(model_file + " --out " + (dir / "x.html").string(), "expected results.json of foil-evaluate");
  refused(file + " --out " + (dir / "no/x.html").string(), "cannot be written");
  Json changed = Json::parse(before);
  changed["attacks"][0]["pictures"] = Json::array({{{"which", 7}}});
  write(dir / "changed.json", changed.dump());
  refused((dir / "changed.json").string() + " --out " + (dir / "x.html").string(),
          "expected results.json as foil-evaluate writes it");
  CHECK_FALSE(std::filesystem::exists(dir / "x.html"));
  const std::string page = page_of(dir);
  CHECK(page_of(dir) == page);  // over the earlier one
  // As a version before pictures and commands wrote it.
  for (const char* key : {"command", "built_with", "report", "notes", "warnings", "audit"})
    changed.erase(key);
  for (const char* key : {"asked_for", "pictures", "knowledge", "seconds"}) changed["attacks"][0].erase(key);
  write(dir / "changed.json", changed.dump());
  const std::string old = page_of(dir, "changed.json");
  CHECK_THAT(old, ContainsSubstring("These results hold no pictures."));
  CHECK_THAT(old, ContainsSubstring("do not say which command they come from"));
}

TEST_CASE("foil-report: the command is one that a shell takes", "[examples][evaluate][report]") {
  CHECK(reports::shell_lines({"foil-evaluate", "--model", "a b.onnx", "it's", "$(rm)", "", "a=1,b:2"}) ==
        Arguments{"foil-evaluate --model 'a b.onnx' 'it'\\''s' '$(rm)' '' a=1,b:2"});
  CHECK(reports::shell_lines({"a", std::string(60, 'b'), "--long", std::string(80, 'c'), "d", "--e"}) ==
        Arguments{"a " + std::string(60, 'b') + " --long " + std::string(80, 'c') + " d", "  --e"});
  CHECK(reports::shell_lines({}).empty());
  const TemporaryDirectory dir;
  const Arguments words = on_mnist(dir) + Arguments{"--count", "3", "--attack", "fgsm", "--epsilon", "0.1"};
  REQUIRE(run(words + Arguments{"--resume"}).status == 0);
  CHECK(results(dir)["command"] == Arguments{"foil-evaluate"} + words);
}
