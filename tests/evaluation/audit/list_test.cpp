// SPDX-License-Identifier: MIT
// Every check by an evaluation that passes all, one that violates exactly that check, and one that says too
// little.
#include "foil/evaluation/audit/list.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "evaluation/audit/healthy.hpp"
#include "foil/evaluation/audit/steps.hpp"
#include "support/catch.hpp"

namespace {
using namespace foil;
using namespace foil::test;

/// What has to be known of a model that draws random numbers.
RandomisedModelAttacked attacked_at_random() {
  return {"30 draws, seeds fresh, from 0", 100, 70, 69, {{1, 60}, {10, 68}, {30, 69}}, 100, true};
}

/// How an evaluation is spoilt for one check alone, and what it may not leave out.
struct Pair {
  const char* id;
  Verdict verdict;
  void (*spoil)(AuditFacts&);
  void (*withhold)(AuditFacts&);
};

const std::vector<Pair> pairs{
    {"C1", Verdict::fail, [](AuditFacts& f) { f.setting.accurate = 970; },
     [](AuditFacts& f) { f.setting.examined = 0; }},
    {"C1", Verdict::warn, [](AuditFacts& f) { f.setting.examined = f.setting.accurate = 400; },
     [](AuditFacts& f) { f.setting.examined = 0; }},
    {"C2", Verdict::fail, [](AuditFacts& f) { f.adversarials[0].not_adversarial = 1; },
     [](AuditFacts& f) { f.adversarials.clear(); }},
    {"C3", Verdict::fail, [](AuditFacts& f) { f.answers->reordered = 1e-3; },
     [](AuditFacts& f) { f.answers.reset(); }},
    {"C4", Verdict::fail, [](AuditFacts& f) { f.slopes->errors.assign(200, 0.02); },
     [](AuditFacts& f) { f.slopes.reset(); }},
    {"C5", Verdict::fail, [](AuditFacts& f) { f.gradients->useless = 5; },
     [](AuditFacts& f) { f.gradients.reset(); }},
    {"C5", Verdict::warn, [](AuditFacts& f) { f.gradients->useless = 1; },
     [](AuditFacts& f) { f.gradients.reset(); }},
    {"C5", Verdict::fail, [](AuditFacts& f) { f.gradients->risen = 80; },
     [](AuditFacts& f) { f.gradients.reset(); }},
    {"C5", Verdict::fail, [](AuditFacts& f) { f.gradients->risen_random = 99; },
     [](AuditFacts& f) { f.gradients.reset(); }},
    {"C6", Verdict::fail,
     [](AuditFacts& f) {
       f.outcomes[single_step] = outcome_of("fgsm", Linf{}, Knowledge::gradients, 0.1, [](std::size_t i) {
         return i < 20 ? 1.0 : 0.05;  // as many as before, but others
       });
       f.reported[0].robust_accuracy = 0;
     },
     [](AuditFacts& f) { f.outcomes[single_step].attack = "linf-apgd"; }},
    {"C7", Verdict::fail,
     [](AuditFacts& f) {
       f.outcomes[middle] = outcome_of("linf-pgd", Linf{}, Knowledge::gradients, 0.2,
                                       [](std::size_t i) { return i < 68 ? 0.0 : 1; });
     },
     [](AuditFacts& f) {
       f.outcomes[middle].attack = f.outcomes[far].attack = "linf-apgd",
       f.outcomes.erase(f.outcomes.begin() + middle);
     }},
    {"C8", Verdict::fail,
     [](AuditFacts& f) {
       f = healthy([](std::size_t i) {
         return i < 99 ? 0.001 * static_cast<double>(i) : std::numeric_limits<double>::infinity();
       });
     },
     [](AuditFacts& f) { f.outcomes.erase(f.outcomes.begin() + far, f.outcomes.end()); }},
    {"C9", Verdict::fail,
     [](AuditFacts& f) {
       f = healthy([](std::size_t i) { return i < 75 ? 0.001 * static_cast<double>(i + 1) : 0.7; });
     },
     [](AuditFacts& f) { f.outcomes.erase(f.outcomes.begin() + far, f.outcomes.end()); }},
    {"C10", Verdict::fail, [](AuditFacts& f) { f.ceilings[0].distances[30] *= 0.5; },
     [](AuditFacts& f) { f.ceilings.clear(); }},
    {"C11", Verdict::fail,
     [](AuditFacts& f) {
       f.reruns[0].outcome = outcome_of("linf-pgd", Linf{}, Knowledge::gradients, 0.1,
                                        [](std::size_t i) { return i < 72 ? 0.0 : 1; });
     },
     [](AuditFacts& f) { f.reruns.erase(f.reruns.begin()); }},
    {"C12", Verdict::fail,
     [](AuditFacts& f) {
       f.reruns[1].outcome = outcome_of("linf-pgd", Linf{}, Knowledge::gradients, 0.1,
                                        [](std::size_t i) { return i < 68 ? 0.0 : 1; });
     },
     [](AuditFacts& f) { f.reruns.erase(f.reruns.begin() + 1); }},
    {"C12", Verdict::warn, [](AuditFacts& f) { f.outcomes[near].options[1].second = "9"; },
     [](AuditFacts& f) { f.reruns.erase(f.reruns.begin() + 1); }},
    {"C13", Verdict::warn,
     [](AuditFacts& f) {
       f.reruns[2].outcome = outcome_of("linf-pgd", Linf{}, Knowledge::gradients, 0.1,
                                        [](std::size_t i) { return i < 73 ? 0.0 : 1; });
     },
     [](AuditFacts& f) { f.reruns.erase(f.reruns.begin() + 2); }},
    {"C14", Verdict::warn,
     [](AuditFacts& f) { std::reverse(f.traces[0].losses.begin(), f.traces[0].losses.end()); },
     [](AuditFacts& f) { f.traces[0].losses.resize(5); }},
    {"C15", Verdict::fail,
     [](AuditFacts& f) {
       for (std::size_t i = 0; i < 12; ++i)
         f.outcomes[without_gradients].records[i].distance = 0.5 * f.outcomes[closest].records[i].distance;
     },
     [](AuditFacts& f) { f.outcomes.resize(with_scores, f.outcomes[0]); }},
    {"C15", Verdict::warn,
     [](AuditFacts& f) {
       for (std::size_t i = 0; i < 4; ++i)
         f.outcomes[without_gradients].records[20 * i].distance =
             0.94 * f.outcomes[closest].records[20 * i].distance;
     },
     [](AuditFacts& f) { f.outcomes.resize(with_scores, f.outcomes[0]); }},
    {"C16", Verdict::fail,
     [](AuditFacts& f) {
       f.transfer[0] = outcome_of("transfer", Linf{}, Knowledge::gradients, 0.1,
                                  [](std::size_t i) { return i >= 65 ? 0.0 : 1; });
     },
     [](AuditFacts& f) { f.transfer.clear(); }},
    {"C17", Verdict::fail, [](AuditFacts& f) { f.noise[0].only_noise = 1; },
     [](AuditFacts& f) { f.noise.clear(); }},
    {"C17", Verdict::warn, [](AuditFacts& f) { f.noise[0].draws = 9999; },
     [](AuditFacts& f) { f.noise[0].draws = 0; }},
    {"C18", Verdict::warn,
     [](AuditFacts& f) { f.brute_force[0].distances[7] = 0.9 * f.outcomes[closest].records[7].distance; },
     [](AuditFacts& f) { f.brute_force.clear(); }},
    {"C19", Verdict::fail, [](AuditFacts& f) { f.outcomes[with_scores].knowledge = Knowledge::decisions; },
     [](AuditFacts& f) { f.outcomes.clear(); }},
    {"C19", Verdict::fail, [](AuditFacts& f) { f.outcomes[without_gradients].knowledge = Knowledge::scores; },
     [](AuditFacts& f) { f.outcomes.clear(); }},
    {"C20", Verdict::warn, [](AuditFacts& f) { f.outcomes.push_back(f.outcomes[closest]); },
     [](AuditFacts& f) { f.outcomes.clear(); }},
    {"C21", Verdict::warn,
     [](AuditFacts& f) {
       for (std::size_t i = 0; i < 20; ++i) f.towards_classes[0].distances[i] *= 0.9;
     },
     [](AuditFacts& f) { f.towards_classes.clear(); }},
    {"C22", Verdict::fail, [](AuditFacts& f) { f.reported[0].robust_accuracy = 0.31; },
     [](AuditFacts& f) { f.reported[0].norm = L2{}; }},
    {"C23", Verdict::fail, [](AuditFacts& f) { f.curves[0].accuracies.back() = 0.01; },
     [](AuditFacts& f) { f.curves.clear(); }},
    {"C23", Verdict::fail, [](AuditFacts& f) { f.curves[0].median_distance.reset(); },
     [](AuditFacts& f) { f.curves.clear(); }},
    {"C23", Verdict::fail,
     [](AuditFacts& f) {
       f.curves[0].epsilons = {0, 1};
       f.curves[0].accuracies = {1, 0};
     },
     [](AuditFacts& f) { f.curves.clear(); }},
    {"C24", Verdict::fail,
     [](AuditFacts& f) {
       f.randomised = true;
       f.randomised_attacked = attacked_at_random();
       f.randomised_attacked->fooled_fixed = 60;
     },
     [](AuditFacts& f) { f.randomised = true; }},
    {"C24", Verdict::fail,
     [](AuditFacts& f) {
       f.randomised = true;
       f.randomised_attacked = attacked_at_random();
       f.randomised_attacked->fooled_by_draws[2].second = 60;
     },
     [](AuditFacts& f) { f.answers.reset(); }},
    {"C24", Verdict::fail,
     [](AuditFacts& f) {
       f.randomised = true;
       f.randomised_attacked = attacked_at_random();
       f.randomised_attacked->redraws = 1;
     },
     [](AuditFacts& f) { f.answers.reset(); }},
    {"C24", Verdict::fail,
     [](AuditFacts& f) {
       f.randomised = true;
       f.randomised_attacked = attacked_at_random();
       f.randomised_attacked->seed_policy.clear();
     },
     [](AuditFacts& f) { f.answers.reset(); }},
    {"C25", Verdict::fail, [](AuditFacts& f) { f.preprocessing->around = false; },
     [](AuditFacts& f) { f.preprocessing.reset(); }},
    {"C25", Verdict::fail, [](AuditFacts& f) { f.preprocessing->through = false; },
     [](AuditFacts& f) { f.preprocessing.reset(); }},
    {"C25", Verdict::fail, [](AuditFacts& f) { f.preprocessing->better_counts = false; },
     [](AuditFacts& f) { f.preprocessing.reset(); }},
    {"C25", Verdict::fail, [](AuditFacts& f) { f.preprocessing->undefended_fooled = 94; },
     [](AuditFacts& f) { f.preprocessing.reset(); }},
    {"C26", Verdict::fail,
     [](AuditFacts& f) {
       f.twin = {outcome_of("linf-pgd", Linf{}, Knowledge::gradients, 0.3,
                            [](std::size_t i) { return i < 98 ? 0.0 : 1; })};
     },
     [](AuditFacts& f) { f.twin.clear(); }},
    {"C27", Verdict::fail, [](AuditFacts& f) { f.planted[4].fooled = 94; },
     [](AuditFacts& f) { f.planted.clear(); }},
    {"C27", Verdict::fail, [](AuditFacts& f) { f.planted[1].failing = {"C3"}; },
     [](AuditFacts& f) { f.planted.clear(); }},
    {"C27", Verdict::warn, [](AuditFacts& f) { f.planted.pop_back(); },
     [](AuditFacts& f) { f.planted.clear(); }},
    {"C28", Verdict::warn, [](AuditFacts& f) { f.severities[2].accuracies[2] = 0.83; },
     [](AuditFacts& f) { f.severities.clear(); }},
    {"C28", Verdict::warn, [](AuditFacts& f) { f.severities.pop_back(); },
     [](AuditFacts& f) { f.severities.clear(); }},
    {"C29", Verdict::fail, [](AuditFacts& f) { f.abstaining->rule.clear(); },
     [](AuditFacts& f) { f.abstaining.reset(); }},
    {"C30", Verdict::fail,
     [](AuditFacts& f) { f.certificates[0].radii[50] = 1.01 * f.outcomes[closest].records[50].distance; },
     [](AuditFacts& f) { f.certificates.clear(); }},
    {"C31", Verdict::fail, [](AuditFacts& f) { f.version.clear(); },
     [](AuditFacts& f) { f.replays.clear(); }},
    {"C31", Verdict::fail, [](AuditFacts& f) { f.replays[0].differing = 1; },
     [](AuditFacts& f) { f.replays.clear(); }},
    {"C32", Verdict::fail, [](AuditFacts& f) { f.comparisons = {{near, middle}}; },
     [](AuditFacts& f) { f.outcomes.clear(); }},
    {"C32", Verdict::fail, [](AuditFacts& f) { f.outcomes[closest].attack = "l2-fmn"; },
     [](AuditFacts& f) { f.outcomes.clear(); }},
};

TEST_CASE("audit: an evaluation that passes every check", "[audit]") {
  const AuditReport report = judge(healthy());
  INFO(report.lines());
  CHECK(report.count(Verdict::pass) == std::ssize(report.checks));
  CHECK(report.lines().starts_with(audit_preface));
  for (const Check& check : report.checks) {
    CHECK(check.finding.evidence.size() > 10);
    CHECK(check.finding.remedy.empty());
  }
}

TEST_CASE("audit: each check alone is violated", "[audit]") {
  for (const Pair& pair : pairs) {
    AuditFacts facts = healthy();
    pair.spoil(facts);
    const AuditReport report = judge(facts);
    CAPTURE(pair.id);
    for (const Check& check : report.checks) {
      CAPTURE(check.id, check.finding.evidence);
      CHECK(check.verdict() == (check.id == pair.id ? pair.verdict : Verdict::pass));
    }
    CHECK(report[pair.id].finding.remedy.size() > 20);
    CHECK(check(pair.id, facts).finding.evidence == report[pair.id].finding.evidence);
  }
}

TEST_CASE("audit: a check that lacks something is skipped and says what", "[audit]") {
  std::set<std::string> ids;
  for (const Pair& pair : pairs) {
    AuditFacts facts = healthy();
    pair.withhold(facts);
    facts.omitted.push_back({text("C99, ", pair.id), "the budget is spent"});
    const Check told = check(pair.id, facts);
    CAPTURE(pair.id, told.finding.evidence);
    CHECK(told.verdict() == Verdict::skip);
    CHECK(told.finding.evidence.starts_with("needs "));
    CHECK(told.finding.evidence.ends_with("(the budget is spent)"));
    ids.insert(pair.id);
  }
  CHECK(ids.size() == audit_list.size());  // none is forgotten
  CHECK(judge({}).count(Verdict::skip) == std::ssize(audit_list));
  CHECK_THROWS_AS(check("C0", {}), Error);
  CHECK_THROWS_AS(judge({}, {.samples = 0}), Error);
}

TEST_CASE("audit: a suite is of every kind that its stages are of", "[audit]") {
  AuditFacts facts;
  facts.outcomes = {
      outcome_of("linf-standard", Linf{}, Knowledge::gradients, 0.1, [](std::size_t) { return 0.0; })};
  CHECK(check("C19", facts).verdict() == Verdict::fail);
  CHECK(check("C20", facts).verdict() == Verdict::warn);
  facts.outcomes[0].stages = {{"quick", 1, 0, 0, 0, "linf-apgd", Knowledge::gradients},
                              {"probe", 1, 0, 0, 0, "linf-square", Knowledge::scores},
                              {"decisions", 0, 0, 0, 0, "boundary", Knowledge::decisions}};
  CHECK(check("C19", facts).verdict() == Verdict::pass);
  CHECK(
      check("C19", facts).finding.evidence.ends_with("; 1 of these stood ready, and no sample came to them"));
  CHECK(check("C20", facts).verdict() == Verdict::pass);
  facts.outcomes[0].stages.pop_back();
  CHECK(check("C19", facts).verdict() == Verdict::fail);
}

TEST_CASE("audit: what a suite finds without gradients is not found with them", "[audit]") {
  const auto first = [](std::size_t count) {
    return [count](std::size_t i) { return i < count ? 0.05 : 1.0; };
  };
  AuditFacts facts;
  facts.outcomes = {outcome_of("linf-standard", Linf{}, Knowledge::gradients, 0.1, first(80)),
                    outcome_of("linf-square", Linf{}, Knowledge::scores, 0.1, first(75)),
                    outcome_of("fgsm", Linf{}, Knowledge::gradients, 0.1, first(50))};
  facts.transfer = {outcome_of("transfer", Linf{}, Knowledge::gradients, 0.1, first(70))};
  facts.outcomes[0].stages = {{"quick", 100, 60, 0, 0, "linf-apgd", Knowledge::gradients},
                              {"probe", 40, 20, 0, 0, "linf-square", Knowledge::scores}};
  const auto found_by_scores_from = [&](std::size_t edge) {
    for (std::size_t i = 0; i < 80; ++i) facts.outcomes[0].records[i].stage = i < edge ? 0 : 1;
  };
  found_by_scores_from(80);
  for (const char* const id : {"C6", "C15", "C16"}) CHECK(check(id, facts).verdict() == Verdict::pass);
  found_by_scores_from(40);
  CHECK(check("C6", facts).verdict() == Verdict::fail);
  facts.outcomes.pop_back();
  CHECK(check("C15", facts).verdict() == Verdict::fail);
  CHECK(check("C15", facts).finding.evidence.find("fool 75, with gradients 40") != std::string::npos);
  CHECK(check("C16", facts).verdict() == Verdict::fail);
  facts.outcomes[0].stages[1].attack.clear();  // a stage of which nothing is known
  CHECK(check("C15", facts).verdict() == Verdict::pass);
}

TEST_CASE("audit: what no sample was right for to begin with says nothing", "[audit]") {
  AuditFacts facts = healthy();
  for (auto* const outcomes : {&facts.outcomes, &facts.transfer})
    for (Outcome& outcome : *outcomes)
      for (Record& record : outcome.records) {
        record.status = Status::already_adversarial;
        record.correct = false;
        record.distance = 0;
      }
  facts.reruns.push_back({closest, "steps", 2, facts.outcomes[closest]});
  for (Rerun& rerun : facts.reruns) rerun.outcome = facts.outcomes[rerun.of];
  for (const char* const id : {"C6", "C7", "C9", "C11", "C12", "C13", "C15", "C16", "C17", "C18"}) {
    CAPTURE(id, check(id, facts).finding.evidence);
    CHECK(check(id, facts).verdict() == Verdict::skip);
  }
}

TEST_CASE("audit: that all withstand a high distortion has to be more than chance", "[audit]") {
  const auto finding = [](std::size_t count, Index classes) {
    AuditFacts facts = healthy([](std::size_t) { return 0.7; });
    for (Outcome& outcome : facts.outcomes) {
      outcome.records.resize(count, outcome.records[0]);
      outcome.classes = classes;
    }
    return check("C9", facts).finding;
  };
  CHECK(finding(6, 3).verdict == Verdict::skip);  // once in 729
  CHECK(finding(7, 3).verdict == Verdict::fail);
  CHECK(finding(9, 2).verdict == Verdict::skip);
  CHECK(finding(10, 2).verdict == Verdict::fail);
  CHECK(finding(6, 3).evidence.starts_with("needs more samples"));
}

TEST_CASE("audit: a suite has no options but its stages", "[audit]") {
  AuditFacts facts = healthy();
  facts.outcomes[near].options.clear();
  CHECK(check("C31", facts).verdict() == Verdict::fail);
  facts.outcomes[near].stages = {{"first", 100, 70, 0, 0, "linf-apgd", Knowledge::gradients}};
  CHECK(check("C31", facts).verdict() == Verdict::pass);
}

TEST_CASE("audit: a step that changes no number tells nothing of gradients", "[audit]") {
  AuditFacts facts = healthy();
  facts.gradients->unmoved = 100;
  facts.gradients->risen = facts.gradients->risen_random = 0;
  CHECK(check("C5", facts).verdict() == Verdict::skip);
  facts.gradients->useless = 5;
  CHECK(check("C5", facts).verdict() == Verdict::fail);
  facts.gradients = GradientsInUse{.samples = 100, .unmoved = 40, .risen = 59, .risen_random = 30};
  CHECK(check("C5", facts).verdict() == Verdict::pass);
  facts.gradients->risen = 40;
  CHECK(check("C5", facts).verdict() == Verdict::fail);
}

TEST_CASE("audit: ranks of a few samples and a single sample more are chance", "[audit]") {
  const auto twice = [](std::size_t count) {
    AuditFacts facts = healthy();
    facts.outcomes.push_back(facts.outcomes[closest]);
    for (Outcome& outcome : facts.outcomes) outcome.records.resize(count, outcome.records[0]);
    return check("C20", facts).verdict();
  };
  CHECK(twice(9) == Verdict::pass);
  CHECK(twice(10) == Verdict::warn);
  AuditFacts facts = healthy();
  facts.severities[0] = {"rotation", {0, 1}, {43 / 45.0, 44 / 45.0}, 45};
  CHECK(check("C28", facts).verdict() == Verdict::pass);
  facts.severities[0].accuracies[0] = 42 / 45.0;
  CHECK(check("C28", facts).verdict() == Verdict::warn);
}

TEST_CASE("audit: what was left out is said whatever the verdict", "[audit]") {
  AuditFacts facts = healthy();
  facts.omitted = {{"C8, C13", "interrupted"}};
  for (const char* const id : {"C8", "C13"}) {
    const Check told = check(id, facts);
    CHECK(told.verdict() == Verdict::pass);
    CHECK(told.finding.evidence.ends_with("; left out: interrupted"));
  }
  CHECK(check("C1", facts).finding.evidence == check("C1", healthy()).finding.evidence);
}

TEST_CASE("audit: outcomes of other samples cannot be compared", "[audit]") {
  AuditFacts facts = healthy();
  facts.outcomes[closest].records.pop_back();
  CHECK_THROWS_AS(judge(facts), Error);
}

TEST_CASE("audit: what is reported is judged on all samples, whatever the audit was cut to", "[audit]") {
  AuditFacts facts = healthy();
  const std::string before = check("C22", facts).finding.evidence;
  cut_to_data(40, facts);  // none of these withstands
  CHECK(facts.outcomes[near].records.size() == 40);
  facts.added = 1;
  CHECK(check("C22", facts).finding.evidence == before);
  facts.reported[0].robust_accuracy = 0;
  CHECK(check("C22", facts).verdict() == Verdict::fail);
}

TEST_CASE("audit: an attack without a start is not the best single one", "[audit]") {
  AuditFacts facts = healthy();
  const std::string before = check("C22", facts).finding.evidence;
  facts.outcomes.push_back(
      outcome_of("boundary", Linf{}, Knowledge::decisions, std::nullopt, [](std::size_t) { return 2.0; }));
  for (Record& record : facts.outcomes.back().records) {
    record.success = false;
    record.status = Status::start_failed;
  }
  const Finding told = check("C22", facts).finding;
  CHECK(told.verdict == Verdict::pass);
  CHECK(told.evidence.substr(told.evidence.find("is 3")) == before.substr(before.find("is 3")));
}

TEST_CASE("audit: a curve of few distances needs no more radii than these", "[audit]") {
  AuditFacts facts = healthy([](std::size_t i) { return i < 50 ? 0.05 : 0.2; });
  ReportedCurve& curve = facts.curves[0];
  curve.epsilons = {0, 0.05, 0.2};
  curve.accuracies = {1, 0.5, 0};
  CHECK(check("C23", facts).verdict() == Verdict::pass);
  curve.epsilons.resize(1);
  curve.accuracies = {0};
  CHECK(check("C23", facts).verdict() == Verdict::fail);
}

TEST_CASE("audit: where changes are restricted nothing is asked that ignores it", "[audit]") {
  AuditFacts facts = healthy();
  facts.restricted = "a mask";
  for (const char* const id : {"C8", "C9", "C10", "C17", "C18"}) {
    CAPTURE(id);
    CHECK(check(id, healthy()).verdict() == Verdict::pass);
    CHECK(check(id, facts).verdict() == Verdict::skip);
    CHECK(check(id, facts).finding.evidence == "needs attacks without a mask");
  }
}

TEST_CASE("audit: noise need not succeed, nor a single step do better with more room", "[audit]") {
  const AuditFacts facts = healthy();
  for (const char* const name : {"linf-additive-uniform-noise", "salt-and-pepper"}) {
    AuditFacts noisy = facts;
    noisy.outcomes.push_back(
        outcome_of(name, Linf{}, Knowledge::decisions, 1, [](std::size_t) { return 2.0; }));
    for (const char* const id : {"C7", "C8", "C9", "C15"}) {
      CAPTURE(name, id);
      CHECK(check(id, noisy).finding.evidence == check(id, facts).finding.evidence);
    }
    noisy.outcomes.erase(noisy.outcomes.begin(), noisy.outcomes.end() - 1);
    CHECK(check("C8", noisy).verdict() == Verdict::skip);
    CHECK(check("C9", noisy).verdict() == Verdict::skip);
  }
  AuditFacts leap = facts;
  leap.outcomes.push_back(
      outcome_of("fgsm", Linf{}, Knowledge::gradients, 0.5, [](std::size_t) { return 1.0; }));
  CHECK(check("C7", leap).verdict() == Verdict::pass);
}

TEST_CASE("audit: chance explains little on few samples and nothing on many", "[audit]") {
  using audit_checks::exceeds;
  CHECK_FALSE(exceeds(1, 20, 0.01, 0.05));
  CHECK(exceeds(2, 20, 0.01, 0.05));
  CHECK_FALSE(exceeds(3, 100, 0.01, 0.05));
  CHECK(exceeds(4, 100, 0.01, 0.05));
  CHECK(exceeds(130, 10000, 0.01, 0.05));
}

TEST_CASE("audit: counts of a policy have an upper end", "[audit]") {
  CHECK_NOTHROW(checked("--audit", AuditPolicy{}));
  CHECK_THROWS_AS(checked("--audit", AuditPolicy{.gradient_directions = 2000000000}), Error);
  CHECK_THROWS_AS(checked("--audit", AuditPolicy{.noise_draws = 2000000000}), Error);
}

TEST_CASE("audit: docs/audit.md names every check and every threshold", "[audit]") {
  std::ifstream file(FOIL_EXAMPLES_DATA "/../../docs/audit.md");
  const std::string page(std::istreambuf_iterator<char>(file), {});
  for (const AuditEntry& entry : audit_list) {
    CAPTURE(entry.id, entry.title);
    CHECK(page.find(text("| ", entry.id, " |")) != std::string::npos);
    CHECK(page.find(entry.title) != std::string::npos);
  }
  AuditPolicy policy;
  OptionList all;
  policy.list(all);
  for (const OptionInfo& option : all.infos()) {
    CAPTURE(option.name, option.value);
    CHECK(page.find(text("`", option.name, "` (", option.value, ")")) != std::string::npos);
  }
}
}  // namespace
