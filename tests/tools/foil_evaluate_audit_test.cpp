// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate --audit: the report, results.json and the exit status.
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "foil/evaluation/audit/list.hpp"
#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;

namespace {

const Arguments attacks{"--attack",  "fgsm",
                        "--attack",  "linf-pgd:steps=10",
                        "--attack",  "linf-fmn:steps=50",
                        "--attack",  "linf-square:steps=50",
                        "--attack",  "linf-dataset",
                        "--epsilon", "0.1"};

/// Ids of the checks with that verdict.
std::set<std::string> ids(const nlohmann::json& audit, const char* verdict) {
  std::set<std::string> out;
  for (const auto& check : audit["checks"])
    if (check["verdict"] == verdict) out.insert(check["id"].get<std::string>());
  return out;
}

TEST_CASE("foil-evaluate: a quick audit of the shipped network passes, its cost told before",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Outcome outcome =
      run(on_mnist(dir) + attacks + Arguments{"--count", "20", "--audit", "quick", "--strict"});
  INFO(outcome.out << outcome.err);
  CHECK(outcome.status == 0);
  const auto audit = results(dir)["audit"];
  CHECK(audit["kind"] == "quick");
  CHECK(audit["preface"] == foil::audit_preface);
  REQUIRE(audit["checks"].size() == foil::audit_list.size());
  CHECK(ids(audit, "FAIL").empty());
  CHECK(ids(audit, "WARN") == std::set<std::string>{"C1"});  // on 20 samples
  for (const char* const id :
       {"C2", "C3", "C4", "C5", "C6", "C8", "C9", "C10", "C15", "C19", "C20", "C22", "C23", "C24", "C32"})
    CHECK(ids(audit, "PASS").contains(id));
  for (const char* const id : {"C7", "C11", "C12", "C13", "C14", "C16", "C17", "C18", "C28"})
    CHECK(ids(audit, "SKIP").contains(id));
  CHECK_THAT(outcome.err,
             ContainsSubstring("the audit asks the model about ") && ContainsSubstring("C3: 80"));
  CHECK(outcome.out.find(foil::audit_preface) > outcome.out.find("linf-fmn"));
  for (const auto& check : audit["checks"])
    CHECK_THAT(outcome.out, ContainsSubstring(check["evidence"].get<std::string>()));
}

TEST_CASE("foil-evaluate: a full audit of the shipped network", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Outcome outcome = run(on_mnist(dir) + attacks +
                              Arguments{"--count", "20", "--audit",
                                        "full:samples=12,noise_draws=100,shrink_draws=100,target_classes=2"});
  INFO(outcome.out << outcome.err);
  CHECK(outcome.status == 0);
  const auto audit = results(dir)["audit"];
  CHECK(ids(audit, "FAIL").empty());
  // What is left needs other models, or what only its authors know.
  CHECK(ids(audit, "SKIP") == std::set<std::string>{"C16", "C25", "C26", "C27", "C29", "C30"});
  CHECK(ids(audit, "PASS").contains("C31"));
  CHECK(results(dir)["attacks"].size() == 5);  // what the audit runs beside stays its own
}

TEST_CASE("foil-evaluate: an audit of restricted attacks asks nothing that ignores it",
          "[examples][evaluate]") {
  for (const Arguments& more : {Arguments{"--lattice", "255"}, Arguments{"--margin", "0.5"}}) {
    const TemporaryDirectory dir;
    const Outcome outcome =
        run(on_mnist(dir) + attacks + more + Arguments{"--count", "10", "--audit", "quick"});
    INFO(outcome.out << outcome.err);
    REQUIRE(outcome.status == 0);
    const auto audit = results(dir)["audit"];
    for (const auto& check : audit["checks"])
      if (const auto id = check["id"].get<std::string>(); id == "C8" || id == "C9" || id == "C10") {
        CHECK(check["verdict"] == "SKIP");
        CHECK(check["evidence"] == "needs attacks without a " + more[0].substr(2));
      }
  }
}

TEST_CASE("foil-evaluate: an audit that fails is an exit status with --strict", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Arguments wrong =
      on_mnist(dir) + Arguments{"--count", "20",    "--attack",           "fgsm", "--epsilon", "0.1",
                                "--audit", "quick", "--claimed-accuracy", "0.3"};
  CHECK(run(wrong).status == 0);
  CHECK(ids(results(dir)["audit"], "FAIL") == std::set<std::string>{"C1", "C19"});  // with fgsm alone
  CHECK(run(wrong + Arguments{"--strict"}).status == 3);
}

TEST_CASE("foil-evaluate: the audit's options are checked before anything runs", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Arguments one = on_mnist(dir) + Arguments{"--count", "2", "--attack", "fgsm", "--epsilon", "0.1"};
  const auto refused = [&](const Arguments& more, const std::string& why) {
    const Outcome outcome = run(one + more);
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.err, ContainsSubstring(why));
  };
  refused({"--audit", "thorough"}, "expected quick or full, got 'thorough'");
  refused({"--audit", "quick:sample=3"}, "did you mean samples");
  refused({"--audit", "quick:samples=0"}, "expected samples in [1, 1e+06], got 0");
  refused({"--claimed-accuracy", "0.9"}, "--claimed-accuracy goes with --audit");
  refused({"--audit", "quick", "--claimed-accuracy", "90"}, "expected a share from 0 to 1");
  REQUIRE(run(one).status == 0);
  CHECK(results(dir)["audit"].is_null());
}

}  // namespace
