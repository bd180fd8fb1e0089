// SPDX-License-Identifier: MIT
#include "foil/models/voted.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/models/redrawn.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/randomised.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Input = test::NoisyAffine::Input;
using Catch::Matchers::ContainsSubstring;

Input points(Index count = 20) {
  test::Random random(4);
  return test::random_batch<Input>(random, Input::Dimensions(count, 5));
}

/// Labels and nothing else: of a draw with that seed.
struct NoisyLabels {
  using Input = test::NoisyAffine::Input;
  const test::NoisyAffine& model;
  Bounds<double> bounds() const { return model.bounds(); }
  Labels predict(const Input& x, const Seeds& seeds) const { return argmax<double>(model.logits(x, seeds)); }
};

}  // namespace

TEST_CASE("elected: the label said most often, of several the smallest", "[models]") {
  Eigen::MatrixXi votes(7, 5);
  votes << 3, 1, 3, 2, 3,  //
      2, 1, 2, 1, 0,       //
      4, 3, 2, 1, 0,       //
      -1, 5, -7, 5, -1,    // all negative ones are one
      9, -1, 9, -1, 4,     //
      6, 6, 6, 6, 6,       //
      0, 0, 7, 7, 7;
  CHECK(elected(votes) == (Labels(7) << 3, 1, 0, -1, -1, 6, 7).finished());
  CHECK(elected(Eigen::MatrixXi(0, 3)).size() == 0);
}

TEST_CASE("voted: what most draws say, of models of logits and of labels", "[models]") {
  const test::NoisyAffine model(0.8);
  const NoisyLabels labels{model};
  const Input x = points();
  const Voted<test::NoisyAffine> voted(model, {.draws = 9, .seed = 3});
  const Voted<NoisyLabels> of_labels(labels, {.draws = 9, .seed = 3, .rows_per_call = 7});
  static_assert(DecisionModel<decltype(voted)> && !ScoreModel<decltype(voted)> && shareable<decltype(voted)>);
  static_assert(RandomisedDecisionModel<NoisyLabels> && !RandomisedModel<NoisyLabels>);
  const Redrawn<test::NoisyAffine> same_draws(model, {.draws = 9, .seed = 3});
  Eigen::MatrixXi votes = Eigen::MatrixXi::Zero(20, 3);
  for (Index k = 0; k < 9; ++k) {
    Seeds seeds;
    for (Index i = 0; i < 20; ++i) seeds.push_back(same_draws.seed_of(x, i, k));
    const Labels said = argmax<double>(model.logits(x, seeds));
    for (Index i = 0; i < 20; ++i) ++votes(i, said[i]);
  }
  const std::int64_t before = model.rows;
  const Labels elected_by = voted.predict(x);
  CHECK(model.rows - before == 9 * 20);
  CHECK(of_labels.predict(x) == elected_by);
  int contested = 0;
  for (Index i = 0; i < 20; ++i) {
    CHECK(votes(i, elected_by[i]) == votes.row(i).maxCoeff());
    contested += votes.row(i).maxCoeff() < 9;
  }
  CHECK(contested > 3);
}

TEST_CASE("voted: an attack has the same bits in any batch, with any threads", "[models]") {
  const test::NoisyAffine model(0.2);
  const Voted<test::NoisyAffine> voted(model, {.draws = 5});
  const Input x = points();
  const Labels y = predict(voted, x);
  const L2RepeatedAdditiveGaussianNoiseAttack attack({.repeats = 30});
  const auto reference = attack(voted, x, y, 1.0);
  REQUIRE(reference.success.count() > 3);
  for (const Index batch_size : {1, 3})
    CHECK(test::same_bits(attack(voted, x, y, 1.0, {.batch_size = batch_size}), reference));
  CHECK(test::same_bits(attack(voted, x, y, 1.0, {.threads = 3}), reference));
  const Voted<test::NoisyAffine> other(model, {.draws = 5, .seed = 1});
  CHECK_FALSE(test::same_bits(attack(other, x, y, 1.0), reference));
}

TEST_CASE("voted: draws without an answer vote for none, and what is refused", "[models]") {
  struct Sometimes {
    using Input = Tensor<double, 2>;
    std::uint64_t of_ten;
    Index extra = 0;
    Bounds<double> bounds() const { return {}; }
    Logits<double> logits(const Input& x, const Seeds& seeds) const {
      Logits<double> z = Logits<double>::Zero(samples(x) + extra, 3);
      z.col(2).setConstant(1);
      for (Index i = 0; i < samples(x); ++i)
        if (seeds[static_cast<std::size_t>(i)] % 10 < of_ten)
          z(i, 0) = std::numeric_limits<double>::quiet_NaN();
      return z;
    }
  };
  const Input x = points(3);
  const Sometimes seldom{1}, mostly{9}, wrong{0, 1};
  CHECK((Voted<Sometimes>(seldom).predict(x).array() == 2).all());
  CHECK((Voted<Sometimes>(mostly).predict(x).array() == -1).all());
  CHECK_THROWS_WITH(Voted<Sometimes>(wrong).predict(x), ContainsSubstring("each of 45 samples, got 46"));
  CHECK_THROWS_WITH(Voted<Sometimes>(seldom, {.draws = 4}), ContainsSubstring("odd number of draws, got 4"));
  CHECK_THROWS_WITH(Voted<Sometimes>(seldom, {.draws = -1}), ContainsSubstring("at least one draw, got -1"));
  CHECK_THROWS_WITH(Voted<Sometimes>(seldom, {.rows_per_call = 0}), ContainsSubstring("rows_per_call >= 1"));
}
