// SPDX-License-Identifier: MIT
// What the audit measures for C17, C18, C27 and C28, against closed forms and on models made to be caught.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "evaluation/audit/healthy.hpp"
#include "foil/attacks/decision/boundary/boundary.hpp"
#include "foil/attacks/gradient/fmn.hpp"
#include "foil/evaluation/audit/chance.hpp"
#include "foil/evaluation/audit/coverage.hpp"
#include "foil/evaluation/audit/defences.hpp"
#include "foil/evaluation/audit/list.hpp"
#include "foil/evaluation/audit/planting.hpp"
#include "foil/evaluation/audit/targeting.hpp"
#include "foil/evaluation/audit/threats.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Images = Tensor<float, 4>;
using Input = Tensor<float, 2>;

/// Class 1 where the sum of the pixels of the first row is above `edge`.
struct Bright {
  using Input = Images;
  float edge;
  mutable Index asked = 0;
  Bounds<float> bounds() const { return {}; }
  Logits<float> logits(const Images& x) const {
    asked += samples(x);
    Logits<float> z(samples(x), 2);
    for (Index i = 0; i < samples(x); ++i) z.row(i) << 0, sample(x, i).head(3).sum() - edge;
    return z;
  }
};

/// Four images of 3 x 3 pixels with sums of 0.6, 0.9, 1.2 and 1.5 in their first row.
AuditData<Images> images() {
  AuditData<Images> data;
  data.inputs.resize(4, 1, 3, 3);
  for (Index i = 0; i < 4; ++i) sample(data.inputs, i).setConstant(0.2f + 0.1f * static_cast<float>(i));
  data.labels = Labels::Zero(4);
  data.knowledge = Knowledge::scores;
  return data;
}
/// Nothing found within epsilon; or at these distances.
Outcome found(std::optional<double> epsilon, const std::vector<double>& distances) {
  Outcome out("pgd", Linf{}, epsilon);
  for (std::size_t i = 0; i < distances.size(); ++i) {
    const bool success = std::isfinite(distances[i]);
    out.records.push_back({static_cast<std::int64_t>(i), success ? Status::success : Status::not_found,
                           success, true, success, distances[i], 1, 1, 0});
  }
  return out;
}
constexpr double infinity = std::numeric_limits<double>::infinity();

TEST_CASE("audit: chance is counted where no attack succeeded, and costs what it says", "[audit]") {
  const Bright model{1.8f};
  ModelPortTo<const Bright> port(model);
  AuditCalls<Images> calls(port, Knowledge::scores);
  const auto data = images();
  AuditFacts facts;
  facts.outcomes = {found(0.2, {infinity, infinity, infinity, 0.2})};
  const AuditPolicy policy{.noise_draws = 200};
  // The signs of three pixels are all up in an eighth of the draws: enough for 1.2 + 0.6, not for 0.9 + 0.6.
  const RandomChanges noise = change_at_random(calls, data, facts, Linf{}, 0.2000001, policy);
  CHECK(noise.samples == 4);
  CHECK(noise.draws == 200);
  CHECK(noise.only_noise == 1);
  CHECK(model.asked == 3 * 200);
  facts.noise = {noise};
  CHECK(check("C17", facts, policy).verdict() == Verdict::fail);
  facts.noise = {change_at_random(calls, data, facts, Linf{}, 0.09, policy)};
  CHECK(facts.noise[0].only_noise == 0);
  CHECK(check("C17", facts, policy).verdict() == Verdict::warn);  // few samples
}

TEST_CASE("audit: brute force starts below what is known and shrinks", "[audit]") {
  const Bright model{1.8f};
  ModelPortTo<const Bright> port(model);
  AuditCalls<Images> calls(port, Knowledge::scores);
  const auto data = images();
  AuditFacts facts;
  facts.setting.widths = Eigen::VectorXd::Ones(9);
  // The nearest are at 0.4, 0.3, 0.2 and 0.1.
  facts.outcomes = {found(std::nullopt, {0.4, 0.3, 0.2, 0.1})};
  const AuditPolicy policy{.shrink_draws = 3000};
  facts.brute_force = {shrink_at_random(calls, data, facts, Linf{}, policy)};
  for (const double d : facts.brute_force[0].distances) CHECK(d == infinity);
  CHECK(check("C18", facts).verdict() == Verdict::pass);
  facts.outcomes = {found(std::nullopt, {0.4, 0.3, 0.5, infinity})};
  facts.brute_force = {shrink_at_random(calls, data, facts, Linf{}, policy)};
  CHECK(facts.brute_force[0].distances[2] < 0.25);
  CHECK(facts.brute_force[0].distances[2] >= 0.2 - 1e-6);
  CHECK(facts.brute_force[0].distances[3] < 0.15);
  CHECK(check("C18", facts).verdict() == Verdict::warn);
}

TEST_CASE("audit: images are turned and moved exactly", "[audit]") {
  const geometry::ImageLayout layout{1, 3, 3, false};
  Eigen::VectorXd x(9), left(9), down(9), half(9);
  x << 1, 2, 3, 4, 5, 6, 7, 8, 9;
  left << 3, 6, 9, 2, 5, 8, 1, 4, 7;  // a quarter counterclockwise
  down << 0, 0, 0, 1, 2, 3, 4, 5, 6;
  half << 0.5, 1.5, 2.5, 2, 4.5, 5.5, 3.5, 7.5, 8.5;
  CHECK(turned_and_moved(x, layout, 0, 0, 0, 0) == x);
  CHECK(turned_and_moved(x, layout, 90, 0, 0, 0) == left);
  CHECK(turned_and_moved(x, layout, 360, 0, 0, 0) == x);
  CHECK(turned_and_moved(x, layout, -270, 0, 0, 0) == left);
  CHECK(turned_and_moved(x, layout, 0, 1, 0, 0) == down);
  half << 0.5, 1.5, 2.5, 2, 4.5, 5.5, 3.5, 7.5, 8.5;
  CHECK(turned_and_moved(x, layout, 0, 0, 0.5, 0) == half);
  CHECK(turned_and_moved(turned_and_moved(x, layout, 90, 0, 0, 0), layout, -90, 0, 0, 0) == x);
  // The centre stays, and one turns back what another turned.
  CHECK(turned_and_moved(x, layout, 30, 0, 0, 0)[4] == 5);
  const geometry::ImageLayout two{2, 1, 2, true};
  Eigen::VectorXd pixels(4), swapped(4);
  pixels << 1, 2, 3, 4;
  swapped << 3, 4, 1, 2;
  CHECK(turned_and_moved(pixels, two, 180, 0, 0, 0) == swapped);
}

TEST_CASE("audit: disturbances cost what they say, and need images for all of them", "[audit]") {
  const Bright model{1.1f};
  ModelPortTo<const Bright> port(model);
  AuditCalls<Images> calls(port, Knowledge::scores);
  auto data = images();
  data.labels << 0, 0, 1, 1;
  const auto severities = disturb(calls, data, {});
  CHECK(model.asked == 4 * threat_calls(data.inputs));
  REQUIRE(severities.size() == 4);
  for (const Severity& curve : severities) {
    CHECK(curve.accuracies.front() == 1);  // nothing is changed at first
    CHECK(curve.severities.front() == 0);
  }
  CHECK(severities[0].severities.back() == 30);
  CHECK(severities[1].severities.back() == 0.1);
  AuditFacts facts;
  facts.severities = severities;
  CHECK(check("C28", facts).finding.evidence.find("not tried") == std::string::npos);
  CHECK(severities[3].accuracies.back() < 1);

  const auto flat = test::random_affine<Input>(3, 5, 1);
  ModelPortTo<decltype(flat)> flat_port(flat);
  AuditCalls<Input> flat_calls(flat_port, Knowledge::scores);
  AuditData<Input> rows;
  test::Random random(1);
  rows.inputs = test::random_batch<Input>(random, Input::Dimensions(6, 5));
  rows.labels = predict(flat, rows.inputs);
  facts.severities = disturb(flat_calls, rows, {});
  CHECK(facts.severities.size() == 2);
  CHECK(check("C28", facts).finding.evidence.find("not tried: rotation, translation") != std::string::npos);
}

TEST_CASE("audit: planted defences are broken by attacks that need no gradients, and are noticed",
          "[audit]") {
  const test::Mlp<Input> honest(12, 16, 4, 7);
  AuditData<Input> data;
  test::Random random(3);
  data.inputs = test::random_batch<Input>(random, Input::Dimensions(40, 12));
  data.labels = predict(honest, data.inputs);
  const auto break_by = [&](const std::vector<AnyAttack>& attacks) {
    return break_planted(honest, data, [&](const auto& planted, const Input& x, const Labels& labels) {
      std::vector<Outcome> outcomes;
      for (const AnyAttack& attack : attacks) {
        outcomes.emplace_back(attack);
        outcomes.back().add(attack(planted, x, labels));
      }
      return outcomes;
    });
  };
  AuditFacts facts;
  facts.planted = break_by({FMNAttack<L2>({.steps = 30}), BoundaryAttack({.steps = 100})});
  for (const PlantedDefence& planted : facts.planted) {
    CAPTURE(planted.defence);
    CHECK(planted.attacked >= 30);
    CHECK(100 * planted.fooled >= 95 * planted.attacked);
  }
  CHECK(check("C27", facts).verdict() == Verdict::pass);
  // Attacks with gradients alone are stopped.
  facts.planted = break_by({FMNAttack<L2>({.steps = 30})});
  CHECK(check("C27", facts).verdict() == Verdict::fail);
}

TEST_CASE("audit: aimed at each class, attacks find the closest of all", "[audit]") {
  const auto affine = test::random_affine<Input>(4, 6, 2);
  test::Random random(8);
  const Input x = test::random_batch<Input>(random, Input::Dimensions(10, 6), 0.3, 0.7);
  const Labels labels = predict(affine, x);
  const TowardsClasses aimed = towards_each_class(FMNAttack<L2>({.steps = 200}), affine, x, labels, 4);
  CHECK(aimed.classes == 3);
  CHECK(aimed.norm == Lp(L2{}));
  AuditFacts facts;
  facts.towards_classes = {aimed};
  facts.outcomes.emplace_back("fmn", L2{});
  for (Index i = 0; i < 10; ++i) {
    const double exact = affine.distance_to_leave<L2>(x, i, labels[i]);
    const double found = aimed.distances[static_cast<std::size_t>(i)];
    CHECK(found >= exact * (1 - 1e-5));
    CHECK(found <= exact * 1.05);
    facts.outcomes[0].records.push_back({i, Status::success, true, true, 0, exact, 1, 1, 0});
  }
  CHECK(check("C21", facts).verdict() == Verdict::pass);
  for (Record& record : facts.outcomes[0].records) record.distance *= 1.2;  // at another class
  CHECK(check("C21", facts).verdict() == Verdict::warn);
  CHECK_THROWS_AS(towards_each_class(FMNAttack<L2>(), affine, x, labels, 1), Error);
}

/// An affine model that says how far its label holds: a share of what is true.
struct Stating : test::Affine<Input> {
  double share;
  Stating(const test::Affine<Input>& model, double told) : test::Affine<Input>(model), share(told) {}
  Eigen::VectorXd lower_bound_l2(const Input& x, const Labels& labels) const {
    Eigen::VectorXd out(samples(x));
    for (Index i = 0; i < out.size(); ++i)
      out[i] = share * this->template distance_to_leave<L2>(x, i, labels[i]);
    return out;
  }
};

TEST_CASE("audit: a model that states a lower bound is held to it, by adversarials in its norm", "[audit]") {
  static_assert(LowerBoundModel<const Stating> && !LowerBoundModel<test::Affine<Input>>);
  const auto affine = test::random_affine<Input>(4, 6, 7);
  test::Random random(9);
  AuditData<Input> data;
  data.inputs = test::random_batch<Input>(random, Input::Dimensions(10, 6), 0.3, 0.7);
  data.labels = predict(affine, data.inputs);
  AuditFacts facts;
  facts.outcomes.emplace_back("fmn", L2{});
  facts.outcomes[0].add(FMNAttack<L2>({.steps = 200})(affine, data.inputs, data.labels));
  const auto told = [&](const auto& model) { return audit(model, data, facts)["C30"].finding; };
  CHECK(told(Stating(affine, 0.95)).verdict == Verdict::pass);
  const Finding wrong = told(Stating(affine, 1.1));
  CHECK(wrong.verdict == Verdict::fail);
  CHECK(wrong.evidence.find("within the lower bound that the model states in l2") != std::string::npos);
  CHECK(told(affine).verdict == Verdict::skip);
  CHECK(audit(Stating(affine, 0.95), data, facts, {.budget = 10})["C30"].verdict() == Verdict::skip);
  facts.outcomes[0].norm = Linf{};  // of which it says nothing
  CHECK(told(Stating(affine, 1.1)).verdict == Verdict::skip);
}

TEST_CASE("audit: ranks, areas and rates of rejection", "[audit]") {
  CHECK(rank_correlation({1, 2, 3, 4}, {10, 20, 25, 1000}) == Catch::Approx(1));
  CHECK(rank_correlation({1, 2, 3, 4}, {4, 3, 2, 1}) == Catch::Approx(-1));
  CHECK(rank_correlation({1, 2, 2, 3}, {1, 2, 3, 4}) == Catch::Approx(4.5 / std::sqrt(4.5 * 5)));
  CHECK(std::isnan(rank_correlation({1, 1}, {1, 2})));
  CHECK(area_under_roc({1, 2}, {3, 4}) == 1);
  CHECK(area_under_roc({3, 4}, {1, 2}) == 0);
  CHECK(area_under_roc({1, 2, 3}, {2}) == 0.5);
  CHECK(std::isnan(area_under_roc({}, {1})));
  Abstaining model{true, {}, {0.5, 9.5, 100}, {}, ""};
  for (int i = 0; i < 100; ++i) model.clean.push_back(i * 0.1), model.clean_right.push_back(i != 0);
  const AtRejection one = at_rejection(model, 0.01), ten = at_rejection(model, 0.1);
  CHECK(one.accuracy == Catch::Approx(0.98));
  CHECK(one.accepted_adversarials == Catch::Approx(2 / 3.));
  CHECK(ten.accuracy == Catch::Approx(0.89));
  CHECK(ten.accepted_adversarials == Catch::Approx(1 / 3.));
}
}  // namespace
