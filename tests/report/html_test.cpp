// SPDX-License-Identifier: MIT
#include "foil/report/html.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/evaluation/record.hpp"
#include "support/catch.hpp"

using namespace foil::report;
using Catch::Matchers::ContainsSubstring;
using foil::Outcome;
using foil::Status;

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (std::size_t at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++found;
  return found;
}

/// A sample that is fooled at a distance, or not at all if that is infinite.
foil::Record sample(std::int64_t id, double distance, int predicted = 1) {
  const bool fooled = std::isfinite(distance);
  return {id, fooled ? Status::success : Status::not_found, fooled, true, predicted, distance, 10, 4, 1};
}

Outcome outcome_of(const std::string& name, std::optional<double> epsilon,
                   const std::vector<double>& distances) {
  Outcome out(name, foil::Linf{}, epsilon);
  for (const double d : distances) out.records.push_back(sample(std::ssize(out.records), d));
  return out;
}

/// Four samples of classes 0, 0, 1 and 2 under two attacks within 0.1 and one that looks for the smallest
/// distance.
PageRun small_run() {
  PageRun run{.model = "net.onnx", .source = "results.json"};
  run.outcomes = {outcome_of("fgsm", 0.1, {0.1, never, never, 0.1}),
                  outcome_of("linf-pgd", 0.1, {0.09, 0.1, never, never}),
                  outcome_of("linf-closest", std::nullopt, {0.05, 0.2, 0.3, 0.15})};
  run.attacks = {
      {.settings = "", .knowledge = "gradients"},
      {.settings = "steps=40", .knowledge = "gradients", .options = {{"steps", "40"}, {"seed", "1"}}},
      {.settings = "", .knowledge = "gradients"}};
  run.labels = {0, 0, 1, 2};
  run.samples = 4;
  run.examined = 5;
  run.accurate = 4;
  return run;
}

}  // namespace

TEST_CASE("report: the verdict says what withstands, how sure that is, and that more may be found",
          "[io][report]") {
  PageRun run = small_run();
  const auto claims = html::claims_of(run);
  REQUIRE(claims.size() == 2);
  CHECK(claims[0].attacks == 3);  // the minimal one has a say within the radius
  CHECK(claims[1].attacks == 1);
  const auto sentences = html::verdict_of(run, claims);
  REQUIRE(sentences.size() == 2);
  CHECK(sentences[0] ==
        "Of 4 samples at most these are robust: 25.0 % within linf 0.1 (0.6 to 80.6), in brackets exact "
        "intervals of "
        "95 %.");  // not that half of them take 0.175, which the attacks that look for it come to
  CHECK(sentences[1] ==
        "Without an attack 80.0 % are right (4 of 5 rows); an attack that nobody ran may find more, so that "
        "figures of "
        "robustness are upper bounds.");
  const auto caveats = html::caveats_of(run, claims);
  CHECK(caveats == std::vector<std::string>{"A single attack looked for the smallest distance in linf.",
                                            "Nothing has audited these figures."});

  PageRun closer = run;
  closer.outcomes[0] = outcome_of("fgsm", 0.1, {0.1, never, never, never});
  closer.outcomes[1] = outcome_of("linf-pgd", 0.1, {never, never, never, never});
  closer.outcomes[2] = outcome_of("linf-closest", std::nullopt, {0.12, 0.2, 0.3, 0.15});
  CHECK_THAT(html::verdict_of(closer, html::claims_of(closer))[0],
             ContainsSubstring("95 %; a change of linf 0.175 fools half of the attacked."));
  closer.outcomes[2] = Outcome("linf-closest", foil::Linf{});
  for (std::int64_t id = 0; id < 4; ++id)
    closer.outcomes[2].records.push_back({id, Status::already_adversarial, true, false, 1, 0, 1, 0, 0});
  CHECK_THAT(html::verdict_of(closer, html::claims_of(closer))[0], !ContainsSubstring("half"));

  run.attacks[0].knowledge = run.attacks[1].knowledge = run.attacks[2].knowledge = "scores";
  run.caveats = {"Only what counts."};
  run.warnings = {{"budget", "too small", 1, {}}};
  run.complete = false;
  run.audit = PageAudit{"full", {{{"C1", "title", {foil::Verdict::skip, "needs something"}}}}};
  std::string all;
  for (const std::string& each : html::caveats_of(run, claims)) all += each + '\n';
  for (const char* part : {"cut short", "1 warning tells", "No attack used gradients.", "Only what counts.",
                           "The full audit: 0 PASS, 0 WARN, 0 FAIL, 1 SKIP"})
    CHECK_THAT(all, ContainsSubstring(part));
}

TEST_CASE("report: shares of a run that was cut short are ranges everywhere", "[io][report]") {
  PageRun run = small_run();
  run.complete = false;
  run.samples = 8;
  const std::string page = html_page({{run}, std::nullopt});
  CHECK_THAT(page, ContainsSubstring("12.5 to 62.5 % within linf 0.1."));
  CHECK_THAT(page, !ContainsSubstring("fools half") && !ContainsSubstring("<path class=\"median\""));
  CHECK_THAT(page, ContainsSubstring("Not drawn, as samples are without a verdict: fgsm"));
  CHECK_THAT(page, !ContainsSubstring("<path class=\"line"));
  CHECK_THAT(page, ContainsSubstring(">25.0 to 75.0 %<"));  // the table
  CHECK_THAT(page, ContainsSubstring("(4 of 5 rows), cut short</p>"));
  run.samples = 5;
  run.labels = {0, 0, 1, 2, 2};  // nobody has come to the last one
  const std::string classes = html::classes_table(run, html::claims_of(run)).str();
  CHECK_THAT(classes, ContainsSubstring(">1 to 2<"));
  CHECK_THAT(classes, ContainsSubstring(">0.0 to 50.0 %<"));
  run.outcomes = {Outcome("fgsm", foil::Linf{}, 0.1)};
  run.attacks.resize(1);
  run.labels.clear();
  CHECK_THAT(html_page({{run}, std::nullopt}),
             ContainsSubstring("No attack has come to a verdict about any sample."));
}

TEST_CASE("report: few are fooled at any distance", "[io][report]") {
  PageRun run = small_run();
  run.outcomes = {outcome_of("linf-closest", std::nullopt, {0.05, never, never, never})};
  run.attacks.resize(1);
  CHECK(html::verdict_of(run, html::claims_of(run))[0] ==
        "Of 4 samples: no more than half of the attacked are fooled in linf at any distance found.");
}

TEST_CASE("report: class by class, and who won", "[io][report]") {
  const PageRun run = small_run();
  const std::string classes = html::classes_table(run, html::claims_of(run)).str();
  CHECK_THAT(classes,
             ContainsSubstring("<td class=\"number\" data-value=\"0\">0</td><td class=\"number\" "
                               "data-value=\"2\">2</td><td class=\"number\" data-value=\"2\">2</td><td "
                               "class=\"number\" data-value=\"0\">0.0 %</td><td class=\"number\" "
                               "data-value=\"0.125\">0.125</td><td>1</td>"));
  CHECK_THAT(classes, ContainsSubstring("data-value=\"1\">100.0 %</td>"));
  CHECK(count(classes, "<tr>") == 4);  // the head, too
  const std::string winners = html::winners_table(run).str();
  const auto row = [](int found, int closest, int only) {
    std::string out;
    for (const int number : {found, closest, only})
      out += foil::text("<td class=\"number\" data-value=\"", number, "\">", number, "</td>");
    return out + "</tr>";
  };
  CHECK_THAT(winners, ContainsSubstring("fgsm eps 0.1</span></td>" + row(2, 1, 1)));
  CHECK_THAT(winners, ContainsSubstring("linf-pgd eps 0.1</span></td>" + row(2, 1, 1)));
  CHECK_THAT(winners, ContainsSubstring("linf-closest</span></td>" + row(1, 1, 0)));
}

TEST_CASE("report: the figures are those of the table, worst cases among them", "[io][report]") {
  const PageRun run = small_run();
  const std::string table = html::figures_table(run).str();
  CHECK_THAT(table, ContainsSubstring("linf-pgd:steps=40"));
  CHECK_THAT(table, ContainsSubstring("worst case of 3"));
  for (const Outcome& outcome : run.outcomes) {
    const Figures f = figures_of(outcome, 4);
    for (const std::string& text : {f.success, f.robust, f.median, f.forward, f.backward, f.seconds})
      CHECK_THAT(table, ContainsSubstring(">" + text + "</td>"));
  }
}

TEST_CASE("report: how samples ended is told where it is not as it should be, and what stages came to",
          "[io][report]") {
  PageRun run = small_run();
  CHECK(html::ends_table(run).str().find("unconfirmed") == std::string::npos);
  CHECK(html::stages_table(run).empty());
  run.outcomes[0].records[1].status = Status::unstable;
  run.attacks[2].stages = {{"cheap", 4, 3, 40, 20, "fgsm"}, {"thorough", 0, 0, 0, 0, "linf-pgd"}};
  run.samples = 5;
  const std::string ends = html::ends_table(run).str(), stages = html::stages_table(run).str();
  CHECK_THAT(ends, ContainsSubstring("<button type=\"button\">unconfirmed</button>"));
  CHECK(count(ends, "data-value=\"1\">1</td></tr>") == 3);  // one of five is unfinished
  CHECK_THAT(stages, ContainsSubstring(
                         "data-value=\"10\">10.0</td><td class=\"number\" data-value=\"5\">5.0</td></tr>"));
  CHECK_THAT(stages, ContainsSubstring("<td class=\"number\">-</td><td class=\"number\">-</td></tr>"));
  // A suite is more than one attack.
  for (const std::string& each : html::caveats_of(run, html::claims_of(run)))
    CHECK(each.find("A single attack") == std::string::npos);
}

TEST_CASE("report: checks that failed come first, with evidence and remedy, and among the warnings",
          "[io][report]") {
  PageRun run = small_run();
  run.audit = PageAudit{"quick",
                        {{{"C1", "first", {foil::Verdict::pass, "fine"}},
                          {"C2", "second", {foil::Verdict::fail, "evidence of it", "do this"}},
                          {"C3", "third", {foil::Verdict::skip, "needs more"}}}}};
  const std::string part = html::audit_part(*run.audit).str();
  CHECK(part.find("C2") < part.find("C1"));
  CHECK(part.find("C1") < part.find("C3"));
  CHECK_THAT(part, ContainsSubstring("evidence of it<p class=\"remedy\">do this</p>"));
  CHECK_THAT(part, ContainsSubstring("1 PASS, 0 WARN, 1 FAIL, 1 SKIP"));
  CHECK_THAT(html::warnings_part(run).str(), ContainsSubstring("C2 FAIL</b> second: evidence of it"));
  CHECK_THAT(html::warnings_part(small_run()).str(), ContainsSubstring("No warnings."));
}

TEST_CASE("report: whatever a text says, it stays text", "[io][report]") {
  const std::string evil = "\"><script>alert(1)</script>'&<img src=x onerror=y>";
  PageRun run = small_run();
  run.model = run.source = evil;
  run.command = {evil, evil};
  for (Outcome& outcome : run.outcomes) outcome.attack += evil;
  for (PageAttack& attack : run.attacks) {
    attack = {.settings = evil, .knowledge = evil, .options = {{evil, evil}}};
    attack.pictures = {{.which = evil, .clean = evil, .adversarial = evil, .change = evil}};
  }
  run.notes = run.caveats = {evil};
  run.warnings = {{evil, evil, 1, {evil}}};
  run.settings = {{evil, evil}};
  run.audit = PageAudit{evil, {{{evil, evil, {foil::Verdict::warn, evil, evil}}}}};
  PageComparison comparison{.rows = {{evil, evil}, {evil, evil}}, .notes = {evil}};
  comparison.outcomes = {run.outcomes, run.outcomes};
  for (const Page& page : {Page{{run}, std::nullopt}, Page{{run, run}, comparison}}) {
    const std::string text = html_page(page);
    CHECK(count(text, "<script") == 1);  // the page's own
    CHECK(count(text, "onerror=y&gt;") > 40);
    CHECK(count(text, "<img src=x") == 0);
    CHECK(count(text, "\"><img") == 0);
  }
}

TEST_CASE("report: one file, which asks for nothing", "[io][report]") {
  PageRun run = small_run();
  run.attacks[0].pictures = {{"closest", 7, 1, 2, 0.25, 10, "QUFB", "QkJC", "Q0ND"}};
  const std::string page = html_page({{run}, std::nullopt});
  CHECK(page.starts_with(html::page_head));
  CHECK(count(page, "http") == 1);  // of http-equiv
  CHECK_THAT(page, ContainsSubstring("default-src 'none'"));
  CHECK(count(page, "<img src=\"data:image/png;base64,") == 3);
  CHECK_THAT(page, ContainsSubstring("closest: 1 \u2192 2, linf 0.25, row 7"));
  CHECK_THAT(page, ContainsSubstring("change \u00d710"));
  CHECK(html_page({{run}, std::nullopt}) == page);
}

TEST_CASE("report: several runs are told apart, and set side by side", "[io][report]") {
  PageComparison comparison{
      .rows = {{"attack", "norm", "robust acc."}, {"fgsm", "linf", "50.0 %"}, {"fgsm", "linf", ""}},
      .notes = {"'seed' differs"},
      .samples = 4};
  comparison.outcomes = {small_run().outcomes, small_run().outcomes};
  const std::string page = html_page({{small_run(), small_run()}, comparison});
  CHECK(count(page, "id=\"run1-curves\"") == 1);
  CHECK(count(page, "id=\"run2-curves\"") == 1);
  CHECK_THAT(page, ContainsSubstring("<td class=\"number\" data-value=\"50\">50.0 %</td>"));
  CHECK_THAT(page, ContainsSubstring("&#39;seed&#39; differs"));
  CHECK_THAT(page, ContainsSubstring("2: net.onnx, worst case, linf 0.1: 25.0 % robust"));
}

TEST_CASE("report: runs whose facts are not whole are refused", "[io][report]") {
  CHECK_THROWS_WITH(html_page({}), ContainsSubstring("expected at least one run"));
  PageRun run = small_run();
  run.attacks.pop_back();
  CHECK_THROWS_WITH(html_page({{run}, std::nullopt}), ContainsSubstring("each of the 3 outcomes, got 2"));
}

TEST_CASE("report: what adversarials are made of, the least severe first, and how much is robust by severity",
          "[io][report]") {
  PageRun run = small_run();
  CHECK(count(html_page({{run}}), "What the adversarials are made of") == 0);
  Outcome& outcome = run.outcomes[2];
  outcome.parameters = {"severity", "rotation"};
  outcome.records[0].parameters = {0.75, -22.5};
  outcome.records[1].parameters = {0.25, 7.5};
  outcome.records[3].parameters = {0.5, 15};
  outcome.records[2] = sample(2, never);
  run.attacks[2].pictures = {{.which = "closest", .row = 1, .label = 0, .predicted = 1, .distance = 0.05}};
  const std::string page = html_page({{run}});
  CHECK_THAT(page, ContainsSubstring("<a href=\"#made-of\">"));
  CHECK_THAT(page, ContainsSubstring("Median severity 0.625 (0 to inf), failures being infinite."));
  CHECK_THAT(page, ContainsSubstring("severity 0.5: 50.0 % robust"));
  CHECK_THAT(page, ContainsSubstring("linf 0.05, row 1: severity 0.25, rotation 7.5</p>"));
  const auto row = [&](const char* of) { return page.find(of); };
  CHECK(row(">0.25</td>") < row(">0.5</td>"));
  CHECK(row(">0.5</td>") < row(">0.75</td>"));
  CHECK(row(">-22.5</td>") != page.npos);
  run.outcomes[2].records[1].correct =
      false;  // within a margin attacks look at what was wrong, which counts nowhere
  CHECK(count(html_page({{run}}), ">0.25</td>") == 0);
  run.samples = 5;  // one is without a verdict
  CHECK_THAT(html_page({{run}}), ContainsSubstring("There is no median severity"));
}

TEST_CASE("report: lines of severities join neighbours alone", "[io][report]") {
  const auto line = [](std::vector<int> severities) {
    CorruptionFigures figures{
        .profile = "imagenet", .severities = severities, .samples = 4, .clean = 4, .like_imagenet = true};
    figures.rows.push_back({"fog", std::vector<foil::Index>(severities.size(), 2)});
    const std::string chart = html::severity_chart("fog", figures, figures.rows).str();
    const std::size_t start = chart.find("<path class=\"line c0 d0\" d=\"M");
    REQUIRE(start != chart.npos);
    const std::string rest = chart.substr(start + std::string("<path class=\"line c0 d0\" d=\"").size());
    std::string commands;
    for (const char c : rest.substr(0, rest.find("\"/>")))
      if (c == 'M' || c == 'L') commands += c;
    return commands;
  };
  CHECK(line({1, 2, 3, 4, 5}) == "MLLLLL");
  CHECK(line({3}) == "MM");
  CHECK(line({1, 2, 4, 5}) == "MLLML");
}

TEST_CASE("report: an mCE stands beside what it is not", "[io][report]") {
  CorruptionFigures figures{
      .profile = "imagenet", .severities = {1, 2, 3, 4, 5}, .samples = 4, .clean = 4, .like_imagenet = true};
  for (const foil::Corruption corruption : foil::benchmark_corruptions())
    figures.rows.push_back({std::string(foil::name(corruption)), {4, 3, 2, 1, 0}});
  CHECK_THAT(measures_text(figures), ContainsSubstring("mPC 50.0 %, rPC 50.0 %, mCE ") &&
                                         ContainsSubstring("not to be set beside published ones"));
  figures.rows.pop_back();
  CHECK(measures_text(figures) ==
        "mean accuracy under what was asked for 50.0 % (no mPC, rPC or mCE, which need jpeg_compression)");
}
