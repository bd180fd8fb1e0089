// SPDX-License-Identifier: MIT
#include "foil/evaluation/diagnose.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/attacks/decision/boundary/boundary.hpp"
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/core/losses.hpp"
#include "foil/models/label_only.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;
using Catch::Matchers::ContainsSubstring;

/// The codes of warnings, in order.
std::vector<std::string> codes(const std::vector<Warning>& warnings) {
  std::vector<std::string> out;
  for (const Warning& warning : warnings) {
    out.push_back(warning.code);
    CAPTURE(warning.code, warning.message);
    CHECK(warning.samples > 0);
    CHECK(warning.message.size() > 40);
    CHECK(warning.message.find('\n') == std::string::npos);
  }
  return out;
}
using Codes = std::vector<std::string>;

Warning only(const std::vector<Warning>& warnings) {
  REQUIRE(warnings.size() == 1);
  return warnings.front();
}

/// A record of an attack on a sample that was right, with 10 queries and gradients.
Record record(Status status, bool success = false, double distance = 0.05) {
  return {0,  status, success, true, 0, success ? distance : std::numeric_limits<double>::infinity(),
          10, 10,     1};
}

/// An outcome of `count` samples that withstood, the first of which are replaced.
Outcome outcome(std::vector<Record> first, std::size_t count = 20, const char* name = "linf-pgd",
                std::optional<double> epsilon = 0.1) {
  Outcome out(name, Linf{}, epsilon);
  out.classes = 10;
  out.records = std::move(first);
  out.records.resize(std::max(count, out.records.size()), record(Status::not_found));
  for (std::size_t i = 0; i < out.records.size(); ++i) out.records[i].id = static_cast<std::int64_t>(i);
  return out;
}

const test::Affine<Input> affine = test::random_affine<Input>(4, 6, 1);
Input inputs() {
  test::Random random(2);
  return test::random_batch<Input>(random, Input::Dimensions(40, 6), 0.05, 0.95);
}

TEST_CASE("diagnose: a radius that leaves nothing to change", "[diagnose]") {
  const Input x = inputs();
  const Labels labels = predict(affine, x);
  CHECK(codes(diagnose(LinfPGD({.steps = 3})(affine, x, labels, 1e-12))) == Codes{"nothing-to-change"});
  CHECK(codes(diagnose(LinfPGD({.steps = 3})(affine, x, labels, 1e-6))).empty());
  auto asked = outcome({}, 3, "linf-pgd", 0.1);
  asked.records[1].queries = 1;
  asked.records[1].gradient_queries = 0;
  const Warning warning = only(diagnose(asked));
  CHECK(warning.code == "nothing-to-change");
  CHECK(warning.samples == 1);
  CHECK_THAT(warning.message, ContainsSubstring("nothing could be changed about 1 of 3 samples"));
}

TEST_CASE("diagnose: nothing is said of what is as it should be", "[diagnose]") {
  const Input x = inputs();
  const Labels labels = predict(affine, x);
  CHECK(codes(diagnose(LinfPGD()(affine, x, labels, 0.05))).empty());
  CHECK(codes(diagnose(BoundaryAttack({.steps = 50})(affine, x, labels))).empty());
  CHECK(codes(diagnose(outcome({}))).empty());
  CHECK(
      codes(diagnose(std::vector<Outcome>{outcome({}), outcome({}, 20, "boundary", std::nullopt)})).empty());
  CHECK(codes(diagnose(std::vector<Outcome>())).empty());
}

TEST_CASE("diagnose: one code for each kind, with the number of its samples", "[diagnose]") {
  auto bad = record(Status::non_finite), late = record(Status::success, true);
  bad.bad_rows = late.bad_rows = 2;
  const auto nan = only(diagnose(outcome({bad, late})));
  CHECK(nan.code == "non-finite");
  CHECK(nan.samples == 2);
  CHECK_THAT(nan.message, ContainsSubstring("2 of 20 samples") && ContainsSubstring("1 of which"));

  CHECK(codes(diagnose(outcome({record(Status::start_failed)}))) == Codes{"no-start"});
  const Warning budget =
      only(diagnose(outcome({record(Status::budget_exhausted), record(Status::budget_exhausted, true)})));
  CHECK(budget.code == "budget");
  CHECK(budget.samples == 1);
  CHECK(codes(diagnose(outcome({record(Status::unstable)}))) == Codes{"unstable"});
  const auto invalid = only(diagnose(outcome({3, record(Status::invalid_input)})));
  CHECK(invalid.code == "invalid-input");
  CHECK(invalid.samples == 3);
}

TEST_CASE("diagnose: zero gradients, where half of them or more said nothing", "[diagnose]") {
  auto blind = record(Status::not_found), half = blind, few = blind, lucky = record(Status::success, true),
       wrong = record(Status::already_adversarial, true, 0);
  blind.zero_gradients = 10;
  half.zero_gradients = 5;
  few.zero_gradients = 4;
  lucky.zero_gradients = 9;
  wrong.zero_gradients = 10;
  CHECK(codes(diagnose(outcome({few, wrong}))).empty());
  const auto warning = only(diagnose(outcome({blind, half, few, lucky, wrong})));
  CHECK(warning.code == "zero-gradients");
  CHECK(warning.samples == 3);
  CHECK_THAT(warning.message,
             ContainsSubstring("2 of which were not fooled") && ContainsSubstring("--straight-through"));
}

TEST_CASE("diagnose: probabilities, told together with the gradients that they cost", "[diagnose]") {
  auto likely = record(Status::not_found), once = likely, blind = likely;
  likely.probability_rows = blind.probability_rows = 11;  // all queries, and the verification
  once.probability_rows = 10;
  blind.zero_gradients = 10;
  CHECK(codes(diagnose(outcome({once, once, once}))).empty());
  CHECK(codes(diagnose(outcome({likely}))).empty());  // one of 20 may do so by chance
  const auto warning = only(diagnose(outcome({likely, likely})));
  CHECK(warning.code == "probabilities");
  CHECK(warning.samples == 2);
  const auto both = diagnose(outcome({likely, blind}));
  CHECK(codes(both) == Codes{"zero-gradients", "probabilities"});
  CHECK_THAT(both[0].message, ContainsSubstring("probabilities") && !ContainsSubstring("--straight-through"));
}

TEST_CASE("diagnose: saturated outputs of a real model", "[diagnose]") {
  const Input x = inputs();
  const Labels labels = predict(affine, x);
  const double scale = GENERATE(1.0, 1000.0);
  test::Tampered softmax(affine);
  softmax.answer = [&](std::int64_t, const Input&, Logits<float>& z) {
    for (Index i = 0; i < z.rows(); ++i)
      z.row(i) = losses::softmax(scale * z.row(i).transpose().cast<double>()).cast<float>().transpose();
  };
  const auto warnings = diagnose(LinfPGD({.steps = 5})(softmax, x, labels, 0.05));
  CHECK(codes(warnings) == Codes{"probabilities"});
  CHECK(warnings[0].samples == 40);
  // Decisions of a model that is asked for labels only are no probabilities.
  LabelOnly labels_only(softmax);
  CHECK(codes(diagnose(BoundaryAttack({.steps = 20})(labels_only, x, labels))).empty());
}

TEST_CASE("diagnose: labels counted from 1 are told", "[diagnose]") {
  const Input x = inputs();
  Labels labels = predict(affine, x);
  Labels shifted = labels.array() + 1;
  for (Index i = 0; i < 40; ++i)
    if (shifted[i] == 4) shifted[i] = 0;
  const auto result = LinfPGD()(affine, x, shifted, 0.1);
  const auto all = only(diagnose(result));
  CHECK(all.code == "chance");
  CHECK(all.samples == 40);
  CHECK_THAT(all.message, ContainsSubstring("0 of 40") && ContainsSubstring("from 1"));
  // Of a few samples only that nothing was attacked.
  const auto few = diagnose(test::select(result, {0, 1, 2}));
  CHECK(codes(few) == Codes{"already-adversarial"});
  CHECK(few[0].samples == 3);
  // With the labels known, how.
  Outcome told(AnyAttack(LinfPGD()), 0.1);
  told.add(result);
  const auto known = diagnose(told, {.labels = labels.array() + 1, .predictions = labels});
  CHECK_THAT(only(known).message, ContainsSubstring("counted from 1."));
}

TEST_CASE("diagnose: chance is measured on all rows that were shown, but for those without an answer",
          "[diagnose]") {
  const auto standing = outcome({});
  CHECK(codes(diagnose(standing, {.examined = 200, .accurate = 20})) == Codes{"chance"});
  CHECK(codes(diagnose(standing, {.examined = 200, .accurate = 21})).empty());
  CHECK(codes(diagnose(standing, {.examined = 200, .accurate = 20, .unanswered = 1})).empty());
  CHECK(codes(diagnose(standing, {.examined = 4, .accurate = 0})).empty());
  auto nan = record(Status::non_finite);
  nan.correct = false;
  nan.bad_rows = 1;
  CHECK(codes(diagnose(outcome({20, nan}))) == Codes{"non-finite"});  // not labels counted from 1
}

TEST_CASE("diagnose: targets that are labels", "[diagnose]") {
  const Labels labels = Labels::LinSpaced(20, 0, 19);
  Labels targets = Labels::Constant(20, 3);
  const auto one = only(diagnose(outcome({}), {.labels = labels, .targets = targets}));
  CHECK(one.code == "targets-equal-labels");
  CHECK(one.samples == 1);
  CHECK(only(diagnose(outcome({}), {.on_target = 7})).samples == 7);
  CHECK(codes(diagnose(outcome({}), {.labels = labels, .targets = labels.array() + 1})).empty());
}

TEST_CASE("diagnose: an epsilon beyond the corners of the box", "[diagnose]") {
  const Setting setting{.widths = Eigen::VectorXd::Ones(100)};
  CHECK(codes(diagnose(outcome({}, 20, "linf-pgd", 1), setting)).empty());
  CHECK(codes(diagnose(outcome({}, 20, "linf-pgd", 8), setting)) == Codes{"epsilon-larger-than-box"});
  Outcome l2 = outcome({}, 20, "l2-pgd", 8);
  l2.norm = L2{};
  CHECK(codes(diagnose(l2, setting)).empty());
  l2.epsilon = 10.5;
  CHECK(codes(diagnose(l2, setting)) == Codes{"epsilon-larger-than-box"});
  const Setting open{.widths = Eigen::VectorXd::Constant(1, std::numeric_limits<double>::infinity())};
  CHECK(codes(diagnose(l2, open)).empty());
}

TEST_CASE("diagnose: an attack that noise beats", "[diagnose]") {
  const auto weak = outcome({record(Status::success, true)}, 20, "fgsm", 0.3);
  const auto noise = outcome({5, record(Status::success, true)}, 20, "linf-additive-uniform-noise", 0.3);
  const auto better =
      outcome({9, record(Status::success, true)}, 20, "linf-repeated-additive-uniform-noise", 0.3);
  const auto warning = only(diagnose(std::vector{noise, weak, better}));
  CHECK(warning.code == "noise-beats-attack");
  CHECK(warning.attacks == Codes{"fgsm eps 0.3"});
  CHECK(warning.samples == 8);
  CHECK_THAT(warning.message, ContainsSubstring("repeated") && ContainsSubstring("fools 9 of 20") &&
                                  ContainsSubstring("this attack fools 1:"));
  // Not at another radius, in another norm, on other samples, or of an attack that does as well.
  auto other = better;
  other.epsilon = 0.4;
  CHECK(codes(diagnose(std::vector{weak, other})).empty());
  other = better;
  other.norm = L2{};
  CHECK(codes(diagnose(std::vector{weak, other})).empty());
  other = better;
  other.records.pop_back();
  CHECK(codes(diagnose(std::vector{weak, other})).empty());
  CHECK(codes(diagnose(std::vector{better, outcome({9, record(Status::success, true)}, 20, "fgsm", 0.3)}))
            .empty());
  // The closest noise counts as far as it is within the radius.
  std::vector<Record> near{6, record(Status::success, true, 0.2)};
  near.push_back(record(Status::success, true, 0.5));
  const auto minimal = diagnose(std::vector{weak, outcome(near, 20, "salt-and-pepper", std::nullopt)});
  CHECK(only(minimal).samples == 5);
}

TEST_CASE("diagnose: noise that ended in NaN or without a start has not beaten an attack", "[diagnose]") {
  const auto status = GENERATE(Status::non_finite, Status::unstable, Status::start_failed);
  auto lost = record(status);
  lost.bad_rows = status == Status::non_finite;
  const auto beaten = [&](std::vector<Record> by, std::vector<Record> attack) {
    const auto warnings =
        diagnose(std::vector{outcome(std::move(attack), 20, "linf-bim"),
                             outcome(std::move(by), 20, "linf-repeated-additive-uniform-noise")});
    return std::any_of(warnings.begin(), warnings.end(),
                       [](const Warning& w) { return w.code == "noise-beats-attack"; });
  };
  const auto fooled = record(Status::success, true);
  CHECK_FALSE(beaten({9, lost}, {}));
  CHECK_FALSE(beaten({lost, lost, fooled}, {fooled}));
  CHECK(beaten({lost, fooled, fooled}, {fooled}));
  CHECK(beaten({fooled}, {9, lost}));
}

TEST_CASE("diagnose: what attacks have in common is told once, with their names", "[diagnose]") {
  auto blind = record(Status::not_found);
  blind.zero_gradients = 10;
  const auto warnings = diagnose(std::vector{outcome({blind}), outcome({blind}, 20, "fgsm", 0.25),
                                             outcome({blind, blind}, 20, "deepfool", std::nullopt)});
  CHECK(codes(warnings) == Codes{"zero-gradients", "zero-gradients"});
  CHECK(warnings[0].attacks == Codes{"linf-pgd eps 0.1", "fgsm eps 0.25"});
  CHECK(warnings[1].attacks == Codes{"deepfool"});
}
TEST_CASE("diagnose: a suite tells of models that answer differently when asked again", "[diagnose]") {
  Outcome suite = outcome({});
  CHECK(diagnose(suite).empty());
  for (std::size_t i = 0; i < 7; ++i) suite.records[i].changed_answers = 1;
  const Warning warning = only(diagnose(suite));
  CHECK(warning.code == "randomised");
  CHECK(warning.samples == 7);
  CHECK_THAT(warning.message, ContainsSubstring("7 of 20 inputs"));
}

TEST_CASE("diagnose: a suite tells of losses that are not defined for so few classes", "[diagnose]") {
  Outcome suite = outcome({}, 20, "linf-autoattack");
  suite.stages = {{"apgd-ce", 20, 0, 200, 200}, {"apgd-t", 18, 0, 200, 200}};
  for (const auto& [classes, told] : {std::pair<Index, Index>{10, 0}, {4, 0}, {3, 1}, {2, 1}}) {
    suite.classes = classes;
    CAPTURE(classes);
    const auto warnings = diagnose(suite);
    REQUIRE(std::ssize(warnings) == told);
    if (told == 0) continue;
    CHECK(warnings[0].code == "few-classes");
    CHECK(warnings[0].samples == 20);
    CHECK_THAT(warnings[0].message, ContainsSubstring(text("with ", classes, " classes")));
  }
  suite.stages[1].name = "fab-t";
  CHECK(diagnose(suite).empty());
}

TEST_CASE("diagnose: a suite tells when what gradients left falls without them", "[diagnose]") {
  Outcome suite = outcome({}, 20, "linf-autoattack");
  suite.stages = {{"noise", 20, 5, 100, 0}, {"apgd-ce", 15, 3, 200, 200}, {"square", 12, 0, 900, 0}};
  CHECK(diagnose(suite).empty());
  suite.stages[2].fooled = 4;
  const Warning warning = only(diagnose(suite));
  CHECK(warning.code == "scores-beat-gradients");
  CHECK(warning.samples == 4);
  CHECK_THAT(warning.message, ContainsSubstring("of 12 samples") && ContainsSubstring("(square)"));
}
}  // namespace
