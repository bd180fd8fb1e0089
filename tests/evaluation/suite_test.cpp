// SPDX-License-Identifier: MIT
#include "foil/evaluation/suite.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/parts/minimal.hpp"
#include "foil/evaluation/record.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;
using Input = Tensor<double, 2>;
using Options = RunOptions<Input>;

constexpr Index count = 12, width = 8;

const test::Mlp<Input>& model() {
  static const test::Mlp<Input> smooth(width, 12, 5, 3);
  return smooth;
}
const Input& inputs() {
  static const Input batch = [] {
    test::Random random(4);
    return test::random_batch<Input>(random, Input::Dimensions(count, width));
  }();
  return batch;
}
Labels labels() {
  static const Labels own = predict(model(), inputs());
  return own;
}

/// Three attacks of growing strength, so that each of them finds something.
std::vector<AnyAttack> attacks() {
  return {LinfSquareAttack({.steps = 5}), LinfFabAttack({.steps = 6}),
          LinfAPGD(LinfTargetedAPGD({.steps = 30, .restarts = 1})), LinfAPGD({.steps = 20, .restarts = 2})};
}
std::vector<Stage> stages() {
  std::vector<Stage> all;
  for (const AnyAttack& attack : attacks()) all.emplace_back(text("stage ", all.size()), attack);
  return all;
}

Options options() {
  Options with;
  with.seed = 9;
  with.threads = 1;
  return with;
}

}  // namespace

TEST_CASE("suite: is its stages one after the other, each on what the others left") {
  const double epsilon = 0.08;
  const auto whole = LinfSuite("test-suite", stages())(model(), inputs(), labels(), epsilon, options());
  std::vector<Index> left(count), wins(4);
  std::iota(left.begin(), left.end(), Index{0});
  const auto all = attacks();
  for (std::size_t k = 0; k < all.size() && !left.empty(); ++k) {
    Options with = options();
    with.sample_ids.assign(left.begin(), left.end());
    const auto alone = all[k](model(), gather(inputs(), left), Labels(labels()(left)), epsilon, with);
    std::vector<Index> still;
    for (Index i = 0; i < alone.size(); ++i) {
      const Index row = left[static_cast<std::size_t>(i)];
      CAPTURE(k, row);
      const bool found = alone.success[i] && alone.distances[i] <= epsilon;
      CHECK(found == (whole.won_by(row) == static_cast<int>(k)));
      const StageCalls& spent = whole.stages[static_cast<std::size_t>(row)][k];
      CHECK(spent.gradient_queries ==
            (found && all[k].minimal() ? spent.gradient_queries : alone.gradient_queries[i]));
      // Alone each of them asks about the input: as its first question, FAB and targeted APGD; or beside it.
      if (!found) CHECK(spent.queries == alone.queries[i] + (k == 0 ? 1 : k == 3 ? -1 : 0));
      if (!found) still.push_back(row);
      if (!found || all[k].minimal()) continue;
      CHECK(sample(whole.adversarials, row) == sample(alone.adversarials, i));
    }
    wins[k] = static_cast<Index>(left.size() - still.size());
    left = still;
  }
  for (Index i = 0; i < count; ++i) CHECK(whole.success[i] == (whole.won_by(i) >= 0));
  CAPTURE(wins);
  CHECK(wins[0] > 0);
  CHECK(wins[1] > 0);
  CHECK(wins[0] < count);
}

TEST_CASE(
    "suite: the calls of the stages are those that the model saw, and a stage has what it costs alone") {
  const double epsilon = 0.02;  // too little for most
  const test::CountingModel counted(model());
  const auto result = LinfSuite("test-suite", stages())(counted, inputs(), labels(), epsilon, options());
  std::int64_t forward = 0, backward = 0;
  for (Index i = 0; i < count; ++i) {
    std::int64_t queries = 0, gradients = 0;
    int last = -1;
    for (const StageCalls& calls : result.stages[static_cast<std::size_t>(i)]) {
      CHECK(calls.stage > last);
      last = calls.stage;
      queries += calls.queries;
      gradients += calls.gradient_queries;
    }
    CHECK(queries == result.queries[i]);
    CHECK(gradients == result.gradient_queries[i]);
    CHECK((result.success[i] || last == 3));
    forward += queries + result.verification_queries[i] + result.surplus_queries[i];
    backward += gradients;
  }
  CHECK((!result.success).any());
  CHECK(counted.forward == forward);
  CHECK(counted.backward == backward);
}

TEST_CASE("suite: a stage of the same attack draws other numbers") {
  const LinfAPGD attack({.steps = 1, .restarts = 1});
  const auto model = test::random_affine<Input>(3, width, 2);  // never fooled at that radius
  std::vector<std::vector<double>> asked;
  test::Tampered watched(model);
  watched.answer = [&](std::int64_t, const Input& x, Logits<double>&) {
    asked.emplace_back(x.data(), x.data() + width);
  };
  const Input one = gather(inputs(), std::vector<Index>{0});
  LinfSuite("test-suite", {{"a", attack}, {"b", attack}})(watched, one, predict(model, one), 1e-4, options());
  REQUIRE(asked.size() == 6);  // the input twice, and a start and a step for each stage
  CHECK(asked[0] == asked[1]);
  CHECK(asked[2] != asked[4]);
}

TEST_CASE("suite: adversarials that a stage finds beyond the radius do not count, whatever ends the run") {
  const auto affine = test::random_affine<Input>(3, width, 2);
  const Labels y = predict(affine, inputs());
  const double nearest = [&] {
    double least = 1;
    for (Index i = 0; i < count; ++i)
      least = std::min(least, affine.distance_to_leave<Linf>(inputs(), i, y[i]));
    return least;
  }();
  Options with = options();
  with.trace = true;
  for (const std::int64_t budget : {10, 1000000}) {
    with.query_budget = budget;
    const auto result = LinfSuite("test-suite", {Stage(AnyAttack(LinfFabAttack()))})(affine, inputs(), y,
                                                                                     0.9 * nearest, with);
    CHECK_FALSE(result.success.any());
    CHECK(result.distances.minCoeff() == std::numeric_limits<double>::infinity());
    for (Index i = 0; i < count; ++i) {
      CHECK(result.won_by(i) == -1);
      CHECK(result.traces[static_cast<std::size_t>(i)].empty());
      CHECK(result.status[static_cast<std::size_t>(i)] ==
            (budget < 1000 ? Status::budget_exhausted : Status::not_found));
    }
  }
}

TEST_CASE("suite: samples that are wrong as they are go through no stage") {
  Labels wrong = labels();
  wrong[1] = (wrong[1] + 1) % 5;
  const auto result = LinfSuite("test-suite", stages())(model(), inputs(), wrong, 0.08, options());
  CHECK(result.status[1] == Status::already_adversarial);
  CHECK(result.stages[1].empty());
  CHECK(result.won_by(1) == -1);
  CHECK(result.queries[1] == 1);
}

TEST_CASE("suite: stages for models that change their answers, and for those that do not") {
  std::vector<Stage> chosen{{"steady", LinfAPGD({.steps = 1, .restarts = 1}), When::answers_hold},
                            {"noisy", LinfSquareAttack({.steps = 1}), When::answers_change},
                            {"masked", LinfSquareAttack({.steps = 2}), When::gradients_look_wrong}};
  const LinfSuite suite("test-suite", chosen);
  const Input one = gather(inputs(), std::vector<Index>{0});
  const Labels y = labels().head(1);
  const auto run_on = [&](const auto& given) { return suite(given, one, y, 1e-6, options()); };
  const auto ran = [](const Result<Input>& result) {
    std::vector<int> all;
    for (const StageCalls& calls : result.stages[0]) all.push_back(calls.stage);
    return all;
  };
  CHECK(ran(run_on(model())) == std::vector<int>{0});
  CHECK(run_on(model()).changed_answers[0] == 0);
  test::Tampered noisy(model());
  noisy.answer = [](std::int64_t call, const Input&, Logits<double>& z) {
    z(0, 4) += 0.01 * (call % 2 == 0);
  };
  CHECK(ran(run_on(noisy)) == std::vector<int>{1, 2});  // no gradients have come as far
  CHECK(run_on(noisy).changed_answers[0] == 1);
  test::Tampered blind(model());
  blind.gradient = [](const Input&, Input& gradient) { gradient.setZero(); };
  CHECK(ran(run_on(blind)) == std::vector<int>{0, 2});
}

TEST_CASE("suite: what cannot be stages is refused in words") {
  const AnyAttack other = L2APGD(), nested = LinfAutoAttack(), square = LinfSquareAttack();
  using Blind = Suite<Linf, Knowledge::decisions>;
  CHECK_THROWS_WITH(LinfSuite("mine", {}), ContainsSubstring("mine: expected at least one stage, got none"));
  CHECK_THROWS_WITH(LinfSuite("mine", {Stage(other)}), ContainsSubstring("stages in linf, got l2-apgd"));
  CHECK_THROWS_WITH(LinfSuite("mine", {Stage(nested)}), ContainsSubstring("got the suite linf-autoattack"));
  CHECK_THROWS_WITH(Blind("mine", {Stage(square)}), ContainsSubstring("linf-square needs more of the model"));
  CHECK_THROWS_WITH(minimal_form(nested, {}), ContainsSubstring("a suite works within one radius"));
  CHECK_THROWS_WITH(LinfSuite("mine", {Stage(square), Stage(square)}),
                    ContainsSubstring("'linf-square' twice"));
}

TEST_CASE("suite: an outcome sums up what the stages came to") {
  const AnyAttack suite = LinfSuite("test-suite", stages());
  REQUIRE(suite.stages().size() == 4);
  Labels wrong = labels();
  wrong[1] = (wrong[1] + 1) % 5;
  const auto result = suite(model(), inputs(), wrong, 0.06, options());
  Outcome outcome(suite, 0.06);
  outcome.add(result);
  REQUIRE(outcome.stages.size() == 4);
  CHECK(outcome.stages[0].name == "stage 0");
  CHECK(outcome.stages[0].attacked == count - 1);
  CHECK(outcome.stages[0].attack == stages()[0].attack.name());
  CHECK(outcome.stages[0].knowledge == stages()[0].attack.knowledge());
  Index left = count - 1;
  std::int64_t queries = 1, gradients = 0;
  for (const StageOutcome& stage : outcome.stages) {
    CHECK(stage.attacked == left);
    left -= stage.fooled;
    queries += stage.queries;
    gradients += stage.gradient_queries;
  }
  CHECK(left == outcome.summary().robust);
  CHECK(queries == outcome.cost().queries);
  CHECK(gradients == outcome.cost().gradient_queries);
  for (Index i = 0; i < count; ++i)
    CHECK(outcome.records[static_cast<std::size_t>(i)].stage == result.won_by(i));
}

TEST_CASE("autoattack: versions have the stages of the original") {
  using Names = std::vector<std::string>;
  const auto names = [](const AnyAttack& attack) {
    Names out;
    for (const StageInfo& stage : attack.stages()) out.push_back(stage.name);
    return out;
  };
  CHECK(names(LinfAutoAttack()) == Names{"apgd-ce", "apgd-t", "fab-t", "square"});
  CHECK(names(L1AutoAttack({.version = AutoAttackVersion::plus})) ==
        Names{"apgd-ce", "apgd-dlr", "fab", "square", "apgd-t", "fab-t"});
  CHECK(names(L2AutoAttack({.version = AutoAttackVersion::custom, .stages = "square+fab"})) ==
        Names{"square", "fab"});
  CHECK_THROWS_WITH(L2AutoAttack({.version = AutoAttackVersion::custom, .stages = "square+squares"}),
                    ContainsSubstring("l2-autoattack: option stages: expected some of apgd-ce") &&
                        ContainsSubstring("got 'squares'; did you mean square?"));
}

TEST_CASE("autoattack: makes no more calls than the original of a sample that stands") {
  const test::Mlp<Input> ten(width, 16, 10, 8);
  const Input one = gather(inputs(), std::vector<Index>{2});
  const auto result = L2AutoAttack()(ten, one, predict(ten, one), 1e-3, options());
  REQUIRE_FALSE(result.success[0]);
  const auto& stages = result.stages[0];
  REQUIRE(stages.size() == 4);
  // Points that come up again are not asked about again.
  CHECK(stages[0].gradient_queries <= 100);
  CHECK(stages[0].queries <= 2 + 101);
  CHECK(stages[1].gradient_queries <= 9 * 100);
  CHECK(stages[1].queries <= 1 + 9 * 101);
  CHECK(stages[1].gradient_queries > 9 * 20);
  CHECK(stages[2].gradient_queries <= 9 * 100 + 10);
  CHECK(stages[2].gradient_queries > 9 * 20);
  CHECK(stages[3].gradient_queries == 0);
  CHECK(stages[3].queries <= 5001);
  CHECK(stages[3].queries > 4900);
}

TEST_CASE("autoattack: averages twenty gradients a step of models that draw random numbers") {
  const test::Mlp<Input> ten(width, 16, 10, 8);
  const Input one = gather(inputs(), std::vector<Index>{2});
  const auto result =
      L2AutoAttack({.version = AutoAttackVersion::rand})(ten, one, predict(ten, one), 1e-3, options());
  REQUIRE_FALSE(result.success[0]);
  REQUIRE(result.stages[0].size() == 2);
  for (const StageCalls& stage : result.stages[0]) {
    CHECK(stage.gradient_queries % 20 == 0);
    CHECK(stage.gradient_queries <= 2000);
    CHECK(stage.gradient_queries > 400);
  }
}

TEST_CASE("autoattack: does with two and three classes") {
  for (const Index classes : {2, 3}) {
    const auto model = test::random_affine<Input>(classes, width, 6);
    const Labels y = predict(model, inputs());
    double nearest = 0;
    for (Index i = 0; i < count; ++i)
      nearest = std::max(nearest, model.distance_to_leave<L2>(inputs(), i, y[i]));
    const AutoAttackOptions options{.version = AutoAttackVersion::custom, .stages = "apgd-dlr"};
    const AutoAttackOptions targeted{.version = AutoAttackVersion::custom, .stages = "apgd-t"};
    CHECK(L2AutoAttack(options)(model, inputs(), y, 1.1 * nearest).success.all());
    CHECK(L2AutoAttack(targeted)(model, inputs(), y, 1.1 * nearest).success.all());
  }
}
