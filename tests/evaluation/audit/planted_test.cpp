// SPDX-License-Identifier: MIT
// What the audit measures of models: of an honest one, and of those that are broken on purpose.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "catalogue/all_attacks.hpp"
#include "foil/evaluation/audit.hpp"
#include "foil/evaluation/audit/planting.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Rows = Tensor<float, 2>;

/// A smooth network with logits of some size.
const test::Mlp<Rows> honest(12, 16, 4, 7);

/// The network's answers, spoilt in one way: what it is shown, what it answers, what it passes back.
struct Broken {
  using Input = Rows;
  std::function<void(Input&)> shown{};
  std::function<void(std::int64_t, Logits<float>&)> answer{};
  std::function<void(Input&)> gradient{};
  mutable std::int64_t calls = 0;

  Bounds<float> bounds() const { return {}; }
  Logits<float> logits(const Input& x) const {
    Input y = x;
    if (shown) shown(y);
    Logits<float> z = honest.logits(y);
    if (answer) answer(calls++, z);
    return z;
  }
  auto vjp(const Input& x) const {
    Input y = x;
    if (shown) shown(y);
    auto pass = honest.vjp(y);
    Logits<float> z = pass.logits;
    if (answer) answer(calls++, z);
    return Vjp{std::move(z), [this, pass](const Logits<float>& cotangent) -> Input {
                 Input out = pass.pullback(cotangent);
                 if (gradient) gradient(out);
                 return out;
               }};
  }
};

AuditData<Rows> samples_of_all_classes() {
  test::Random random(3);
  AuditData<Rows> data;
  data.inputs = test::random_batch<Rows>(random, Rows::Dimensions(40, 12));
  data.labels = predict(honest, data.inputs);
  return data;
}

AuditFacts facts_of(const Outcome& outcome) {
  AuditFacts facts;
  facts.outcomes = {outcome};
  facts.seed = 0;
  facts.version = "1";
  facts.setting.widths = Eigen::VectorXd::Ones(12);
  return facts;
}

/// An attack of the catalogue with its options, run on a model.
template <class M>
Outcome attacked(const std::string& name, const M& model, AuditData<Rows>& data,
                 const OptionValues& values = {}) {
  const AttackEntry& entry = programs::all_attacks().find(name);
  const AnyAttack attack = entry.make(values);
  Outcome outcome(attack, 0.1);
  const auto result = attack(model, data.inputs, data.labels, 0.1);
  outcome.add(result);
  for (const OptionInfo& option : entry.resolve(values))
    outcome.options.emplace_back(option.name, option.value);
  data.adversarials.push_back(result.adversarials);
  return outcome;
}

/// The checks that fail.
std::set<std::string> failing(const AuditReport& report) {
  std::set<std::string> ids;
  for (const Check& check : report.checks)
    if (check.verdict() == Verdict::fail) ids.insert(check.id);
  return ids;
}
using Ids = std::set<std::string>;

TEST_CASE("audit: models that are broken on purpose", "[audit]") {
  const AuditData<Rows> data = samples_of_all_classes();
  const auto fails = [&](const Broken& model) {
    const AuditReport report = audit(model, data, {});
    for (const Check& check : report.checks) UNSCOPED_INFO(check.id << ' ' << check.finding.evidence);
    return failing(report);
  };
  const auto scale = [](float by) { return [by](std::int64_t, Logits<float>& z) { z *= by; }; };
  CHECK(fails({}).empty());
  CHECK(fails({.answer = scale(0.01f), .gradient = [](Rows& g) { g = g * 0.01f; }}).empty());
  CHECK(fails({.answer = scale(1e4f), .gradient = [](Rows& g) { g = g * 1e4f; }}) == Ids{"C5"});
  CHECK(fails({.gradient = [](Rows& g) { g.setZero(); }}) == Ids{"C4", "C5"});
  CHECK(fails({.gradient = [](Rows& g) { g = -g; }}) == Ids{"C4", "C5"});
  CHECK(fails({.gradient = [](Rows& g) { g.setConstant(std::nanf("")); }}).contains("C5"));
  const auto coarse = [](Rows& x) { x = (x * 4.f).round() / 4.f; };
  CHECK(fails({.shown = coarse}).contains("C4"));  // straight through what rounds
  CHECK(fails({.shown = coarse, .gradient = [](Rows& g) { g.setZero(); }}).contains("C5"));
  const auto saturate = [](std::int64_t, Logits<float>& z) {  // a steep sigmoid on top of everything
    z = z.unaryExpr([](float v) { return 1 / (1 + std::exp(-1000 * v)); }).eval();
  };
  CHECK(fails({.answer = saturate, .gradient = [](Rows& g) { g.setZero(); }}).contains("C5"));
  const auto noise = [](std::int64_t call, Logits<float>& z) {
    test::Random random(static_cast<std::uint64_t>(call));
    for (Index i = 0; i < z.size(); ++i) z.data()[i] += static_cast<float>(0.1 * random.normal());
  };
  CHECK(fails({.answer = noise}).contains("C3"));
  const auto mixing = [](std::int64_t, Logits<float>& z) { z.rowwise() -= z.colwise().mean().eval(); };
  CHECK(fails({.answer = mixing}).contains("C3"));
}

TEST_CASE("audit: a step below the resolution of the samples is told", "[audit]") {
  ModelPortTo<const test::Mlp<Rows>> port(honest);
  AuditCalls<Rows> calls(port, Knowledge::gradients);
  const AuditData<Rows> data = samples_of_all_classes();
  const GradientsInUse tiny = gradients_in_use(calls, data, Linf{}, 1e-10, {}),
                       usual = gradients_in_use(calls, data, Linf{}, 1e-3, {});
  CHECK(tiny.samples == 40);
  CHECK(tiny.unmoved == 40);
  CHECK(tiny.risen == 0);
  CHECK(usual.unmoved == 0);
}

TEST_CASE("audit: what a quick one costs is known, and no attack is run", "[audit]") {
  const test::CountingModel counting(honest);
  AuditData<Rows> data = samples_of_all_classes();
  const Outcome outcome = attacked("linf-pgd", counting, data);
  const AuditFacts facts = facts_of(outcome);
  const Index found = outcome.summary().fooled;
  REQUIRE(found > 10);
  counting.forward = counting.backward = 0;
  const AuditPolicy policy{.gradient_samples = 5, .gradient_directions = 3};
  ModelPortTo<const test::CountingModel<test::Mlp<Rows>>> port(counting);
  AuditCalls<Rows> calls(port, Knowledge::gradients);
  const auto steps = model_steps(calls, data, facts, policy);
  CHECK(counting.forward + counting.backward == 0);
  CHECK(audit_cost(model_steps(calls, data, facts, {.gradient_directions = 2000000000})) > 1e10);
  const AuditReport report = audit(counting, data, facts, policy);
  CHECK(audit_cost(steps) == static_cast<double>(counting.forward + counting.backward));
  CHECK(counting.forward == found + 4 * 40 + 5 * (1 + 6 * 3) + 4 * 40 + 40);
  CHECK(counting.backward == 5 + 40);
  CHECK(failing(report) == Ids{"C19"});  // with gradients alone
  for (const char* const id : {"C2", "C3", "C4", "C5"}) CHECK(report[id].verdict() == Verdict::pass);

  // Of a model that gives labels, what labels tell.
  data.knowledge = Knowledge::decisions;
  const AuditReport labels = audit(honest, data, facts, policy);
  CHECK(labels["C3"].verdict() == Verdict::pass);
  CHECK(labels["C4"].verdict() == Verdict::skip);

  // A budget leaves out what does not fit, and says so.
  const AuditReport poor = audit(honest, data, facts, {.budget = static_cast<double>(found)});
  CHECK(poor["C2"].verdict() == Verdict::pass);
  CHECK(poor["C3"].verdict() == Verdict::skip);
  CHECK(poor["C3"].finding.evidence.find("needs 160 model calls, the budget leaves 0") != std::string::npos);
}

TEST_CASE("audit: adversarials are measured again", "[audit]") {
  AuditData<Rows> data = samples_of_all_classes();
  const AuditFacts facts = facts_of(attacked("linf-pgd", honest, data));
  Index row = 0;
  while (!facts.outcomes[0].records[static_cast<std::size_t>(row)].success) ++row;
  const auto fails = [&](const std::function<void(AuditFacts&, Rows&)>& spoil) {
    AuditFacts spoilt = facts;
    AuditData<Rows> changed = data;
    spoil(spoilt, changed.adversarials[0]);
    return failing(audit(honest, changed, spoilt));
  };
  CHECK(fails([](AuditFacts&, Rows&) {}) == Ids{"C19"});  // with gradients alone
  CHECK(fails([&](AuditFacts&, Rows& x) { sample(x, row) = sample(data.inputs, row); }) == Ids{"C19", "C2"});
  CHECK(fails([&](AuditFacts&, Rows& x) { x(row, 0) = 1.5f; }) == Ids{"C19", "C2"});
  CHECK(fails([&](AuditFacts&, Rows& x) { x(row, 0) = std::nanf(""); }) == Ids{"C19", "C2"});
  CHECK(fails([&](AuditFacts& f, Rows&) {
          f.outcomes[0].records[static_cast<std::size_t>(row)].distance *= 0.9;
        }) == Ids{"C19", "C2"});
}

TEST_CASE("audit: a full one runs again what there is, and what is missing", "[audit]") {
  AuditData<Rows> data = samples_of_all_classes();
  const AuditFacts facts = facts_of(attacked("linf-pgd", honest, data, {{"steps", "20"}}));
  const AuditPolicy policy{.noise_draws = 100, .shrink_draws = 100, .target_classes = 2};
  const AuditReport report = audit(honest, data, facts, policy, &programs::all_attacks());
  const Ids unknown{"C1", "C16", "C22", "C23", "C25", "C26", "C27", "C29", "C30"};
  const Ids little{"C12", "C17", "C28"};  // one restart, few samples, and no images
  for (const Check& check : report.checks) {
    CAPTURE(check.id, check.finding.evidence);
    const Verdict expected = unknown.contains(check.id)  ? Verdict::skip
                             : little.contains(check.id) ? Verdict::warn
                                                         : Verdict::pass;
    CHECK(check.verdict() == expected);
  }
  // An attack that has not converged is found out.
  AuditData<Rows> same = samples_of_all_classes();
  const OptionValues few{{"steps", "2"}, {"relative_step", "0.1"}, {"random_start", "false"}};
  const auto weak = audit(honest, same, facts_of(attacked("linf-pgd", honest, same, few)), policy,
                          &programs::all_attacks());
  INFO(weak.lines());
  CHECK(weak["C11"].verdict() == Verdict::fail);
  CHECK(weak["C13"].verdict() == Verdict::warn);
}

TEST_CASE(
    "audit: attacks are run again and watched with the options of the "
    "evaluation",
    "[audit]") {
  AuditData<Rows> data = samples_of_all_classes();
  data.targets = data.labels.unaryExpr([](int label) { return (label + 1) % 4; });
  Rows mask(40, 12);
  for (Index i = 0; i < mask.size(); ++i) mask.data()[i] = i % 12 < 8 ? 1.f : 0.f;
  const AttackEntry& entry = programs::all_attacks().find("linf-pgd");
  const AnyAttack attack = entry.make({{"steps", "10"}});
  const RunOptions<Rows> options{.seed = 3, .mask = mask};
  Outcome outcome(attack, 0.3);
  outcome.add(attack(honest, data.inputs, TargetedMisclassification(data.targets), 0.3, options));
  for (const OptionInfo& option : entry.resolve({{"steps", "10"}}))
    outcome.options.emplace_back(option.name, option.value);
  AuditFacts facts = facts_of(outcome);
  facts.seed = 3;
  const AuditReport report =
      audit(honest, data, facts, {.budget = 30000, .replayed = 5}, &programs::all_attacks(), options);
  INFO(report.lines());
  CHECK(report["C14"].verdict() == Verdict::pass);
  CHECK(report["C31"].verdict() == Verdict::pass);
  CHECK(report["C10"].finding.evidence == "needs attacks without a mask");

  // What is traced is the loss of the class to be reached, and where nothing
  // may move it stays.
  ModelPortTo<const test::Mlp<Rows>> port(honest);
  AuditCalls<Rows> calls(port, Knowledge::gradients);
  const auto traced = [&](const Rows& free) {
    return detail::watch_losses<Rows>(calls, data, attack, outcome, 1,
                                      [&](const WatchedModel<Rows>& model, const AnyAttack& run,
                                          std::optional<double> epsilon, Index i) {
                                        const std::vector<Index> row{i};
                                        run(model, gather(data.inputs, row),
                                            TargetedMisclassification(data.targets.segment(i, 1)),
                                            epsilon.value_or(0), {.mask = free});
                                      })
        .losses;
  };
  const auto moved = traced(gather(mask, std::vector<Index>{0}));
  REQUIRE(moved.size() > 1);
  CHECK(moved.back() > moved.front());
  Rows none(1, 12);
  none.setZero();
  for (const double loss : traced(none)) CHECK(loss < 0);
}

TEST_CASE("audit: the standard suite breaks every planted defence, and the checks notice", "[audit]") {
  AuditData<Rows> data = samples_of_all_classes();
  const AnyAttack suite = programs::all_attacks().find("linf-standard").make({{"steps", "1000"}});
  AuditFacts facts;
  facts.planted = break_planted(honest, data, [&](const auto& planted, const Rows& x, const Labels& labels) {
    Outcome outcome(suite, 0.4);
    outcome.add(suite(planted, x, labels, 0.4));
    return std::vector{outcome};
  });
  const Check told = check("C27", facts);
  for (const PlantedDefence& planted : facts.planted)
    UNSCOPED_INFO(planted.defence << ": " << planted.fooled << " of " << planted.attacked);
  INFO(told.finding.evidence);
  CHECK(told.verdict() == Verdict::pass);
}

TEST_CASE("audit: data that do not belong to the outcomes are refused", "[audit]") {
  AuditData<Rows> data = samples_of_all_classes();
  AuditFacts facts = facts_of(attacked("fgsm", honest, data));
  facts.outcomes[0].records.pop_back();
  CHECK_THROWS_AS(audit(honest, data, facts), Error);
  AuditData<Rows> unlabelled = samples_of_all_classes();
  unlabelled.labels.conservativeResize(3);
  CHECK_THROWS_AS(audit(honest, unlabelled, {}), Error);
  AuditData<Rows> outside = samples_of_all_classes();
  outside.inputs(7, 3) = 1.5f;
  CHECK_THROWS_AS(audit(honest, outside, {}), Error);
}
}  // namespace
