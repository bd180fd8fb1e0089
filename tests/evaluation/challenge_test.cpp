// SPDX-License-Identifier: MIT
// The Adversarial Vision Challenge: its scores on cases by hand, and its mock model against every attack.
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "catalogue/all_attacks.hpp"
#include "catalogue/runs.hpp"
#include "foil/evaluation/challenge.hpp"
#include "foil/models/label_only.hpp"
#include "foil/models/quantised.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;
using Images = Tensor<float, 4>;

/// Knows images and their classes; calls everything beyond an L2 distance of 50 grey levels from the one that
/// it takes it for, by the first 1,000 values, something else.
class MockModel {
 public:
  using Input = Images;

  explicit MockModel(Images known) : known_(std::move(known)) {}

  Bounds<float> bounds() const { return {0, 1}; }
  Labels predict(const Images& x) const {
    Labels said(samples(x));
    for (Index i = 0; i < said.size(); ++i) {
      double nearest = std::numeric_limits<double>::infinity();
      for (Index k = 0; k < samples(known_); ++k) {
        const auto difference = [&](Index values) {
          return (sample(x, i).head(values) - sample(known_, k).head(values)).cast<double>();
        };
        const double looked_at = difference(1000).matrix().squaredNorm();
        if (looked_at >= nearest) continue;
        nearest = looked_at;
        const double far = difference(features(x)).matrix().norm() * 255;
        said[i] = static_cast<int>(far < 50 ? k : samples(known_));
      }
    }
    return said;
  }

 private:
  Images known_;
};

/// Smooth images of 8 bits. A quarter of the challenge's pixels: attacks take as long as there are.
Images known_images(Index count) {
  constexpr Index side = 32;
  Images images(count, 3, side, side);
  for (Index i = 0; i < count; ++i)
    for (Index c = 0; c < 3; ++c)
      for (Index y = 0; y < side; ++y)
        for (Index x = 0; x < side; ++x) {
          const double at = static_cast<double>((3 * i + c + 1) * x + (i + 2) * y) / side;
          images(i, c, y, x) = static_cast<float>(std::round(127.5 + 100 * std::sin(at))) / 255;
        }
  return images;
}

Eigen::VectorXd numbers(std::initializer_list<double> values) {
  return Eigen::Map<const Eigen::VectorXd>(values.begin(), static_cast<Index>(values.size()));
}

Outcome outcome_of(std::vector<Record> records) {
  Outcome out("an attack", L2{});
  out.records = std::move(records);
  return out;
}

Record record(Status status, bool success, double distance) {
  return {0, status, success, true, 0, distance, 1, 0, 1};
}

}  // namespace

TEST_CASE("Challenge: what fails counts as the corner that is farthest away", "[evaluation][challenge]") {
  Images image(1, 1, 2, 2);
  image.setValues({{{{0, 127.f / 255}, {128.f / 255, 1}}}});
  const Images corner = worst_cases(image, Bounds<float>(0, 1));
  CHECK(corner(0, 0, 0, 0) == 1);
  CHECK(corner(0, 0, 0, 1) == 1);
  CHECK(corner(0, 0, 1, 0) == 0);
  CHECK(corner(0, 0, 1, 1) == 0);
  const double by_hand = std::sqrt(2 + 2 * std::pow(128.0 / 255, 2));
  CHECK(worst_case_distances(image, Bounds<float>(0, 1))[0] == Approx(by_hand).epsilon(1e-6));
  const Images bytes = image * 255.f;
  CHECK(worst_case_distances(bytes, Bounds<float>(0, 255))[0] == Approx(by_hand).epsilon(1e-6));

  CHECK_THROWS_WITH(worst_cases(bytes, Bounds<float>(0, 1)), ContainsSubstring("image 0"));
  Bounds<float>::Vector lower = Bounds<float>::Vector::Zero(4), upper = Bounds<float>::Vector::Ones(4);
  upper[2] = 2;
  CHECK_THROWS_WITH(worst_case_distances(image, Bounds<float>(lower, upper)),
                    ContainsSubstring("one finite width"));
  CHECK_THROWS_WITH(challenge_range(Bounds<double>(0, std::numeric_limits<double>::infinity())),
                    ContainsSubstring("finite"));
}

TEST_CASE("Challenge: the distances that count", "[evaluation][challenge]") {
  const Eigen::VectorXd worst = numbers({9, 8, 7, 6});
  const Outcome outcome =
      outcome_of({record(Status::already_adversarial, true, 0), record(Status::success, true, 51),
                  record(Status::not_found, false, 3), record(Status::budget_exhausted, false, 3)});
  CHECK(challenge_distances(outcome, 255, worst) == numbers({0, 0.2, 7, 6}));

  const auto refused = [&](Record odd, const char* why) {
    Outcome other = outcome;
    other.records[2] = odd;
    CHECK_THROWS_WITH(challenge_distances(other, 255, worst), ContainsSubstring(why));
  };
  for (const Status status : {Status::not_run, Status::unstable, Status::invalid_input, Status::non_finite,
                              Status::interrupted, Status::failed})
    refused(record(status, false, 0), "no verdict");
  refused(record(Status::interrupted, true, 3), "no verdict");  // it might have come closer
  Record nan = record(Status::not_found, false, 0);
  nan.bad_rows = 1;
  refused(nan, "no verdict");
  CHECK_THROWS_WITH(challenge_distances(outcome, 255, numbers({1})), ContainsSubstring("record"));
  Outcome other("l0", L0{});
  CHECK_THROWS_WITH(challenge_distances(other, 1, worst), ContainsSubstring("l2"));
}

TEST_CASE("Challenge: the scores of a model and of an attack", "[evaluation][challenge]") {
  const std::vector<Eigen::VectorXd> table = {numbers({4, 1, 9, 4}), numbers({2, 2, 2, 9}),
                                              numbers({0, 3, 3, 9})};
  CHECK(attack_score(std::span(table).first(1)) == 4);
  CHECK(attack_score(table) == Approx((4 + 2 + 3) / 3.0));
  CHECK(best_attacks(table) == std::vector<std::size_t>{1, 2, 0});
  CHECK(best_attacks(table, 2) == std::vector<std::size_t>{1, 2});
  CHECK(model_score(table) == 1.5);   // of 0, 1, 2, 4
  CHECK(model_score(table, 2) == 2);  // of 0, 2, 2, 9
  CHECK(model_score(table, 1) == 2);
  const std::vector<Eigen::VectorXd> equal = {numbers({2}), numbers({2})};
  CHECK(best_attacks(equal, 1) == std::vector<std::size_t>{0});

  const std::vector<Eigen::VectorXd> ragged = {numbers({1, 2}), numbers({1})}, empty = {numbers({})};
  CHECK_THROWS_WITH(model_score(ragged), ContainsSubstring("same images"));
  CHECK_THROWS_WITH(model_score({}), ContainsSubstring("no attacks"));
  CHECK_THROWS_WITH(attack_score({}), ContainsSubstring("no models"));
  CHECK_THROWS_WITH(attack_score(empty), ContainsSubstring("no images"));
}

TEST_CASE("Challenge: within its rules every decision-based attack comes close on the mock model",
          "[evaluation][challenge]") {
  const Index count = 2;
  const Images images = known_images(count);
  const MockModel mock(images);
  const Quantised bytes(mock, ChallengeRules::levels);
  const LabelOnly service(bytes);
  const Labels labels = predict(service, images);
  const double range = challenge_range(service.bounds()), optimum = 50 / 255.0;
  const Eigen::VectorXd worst = worst_case_distances(images, service.bounds());
  // These ask about images of a kind, and find what is close by chance only.
  const std::set<std::string> others = {"dataset", "inversion", "binarization-refinement", "spatial"};
  for (const AttackEntry& entry : programs::all_attacks().entries()) {
    if (entry.knowledge != Knowledge::decisions || !entry.minimal || entry.minimal_form) continue;
    if (!(entry.norm == Lp(L2{})) || others.contains(entry.name)) continue;
    INFO(entry.name);
    const AnyAttack attack = entry.make({});
    RunOptions<Images> options{.query_budget = ChallengeRules::queries};
    options.lattice = Lattice(0, 1, ChallengeRules::levels - 1);
    const auto result = attack(service, images, labels, options);
    Outcome outcome(attack);
    outcome.add(result);
    const Eigen::VectorXd found = challenge_distances(outcome, range, worst);
    CHECK(result.queries.maxCoeff() <= ChallengeRules::queries);
    CHECK(found.minCoeff() >= optimum * (1 - 1e-6));
    CHECK(challenge_median(found) <= 1.5 * optimum);
    const Labels said = predict(mock, result.adversarials);
    for (Index i = 0; i < count; ++i) CHECK((said[i] != labels[i]) == result.success[i]);
  }
}
