// SPDX-License-Identifier: MIT
#include "foil/models/redrawn.hpp"

#include <cmath>
#include <limits>
#include <set>

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/randomised.hpp"

namespace {
using namespace foil;
using Input = test::NoisyAffine::Input;

Input points(Index count = 6) {
  test::Random random(4);
  return test::random_batch<Input>(random, Input::Dimensions(count, 5));
}
Logits<double> weights(Index count) {
  Logits<double> g(count, 3);
  for (Index i = 0; i < g.size(); ++i) g.data()[i] = std::sin(static_cast<double>(i));
  return g;
}

}  // namespace

TEST_CASE("redrawn: the mean over draws, and its gradient", "[models]") {
  const test::NoisyAffine model(0.5);
  const Redrawn<test::NoisyAffine> mean(model, {.draws = 7, .seed = 3});
  static_assert(DifferentiableModel<Redrawn<test::NoisyAffine>>);
  static_assert(shareable<Redrawn<test::NoisyAffine>>);
  const Input x = points();
  const Logits<double> z = mean.logits(x), g = weights(6);
  auto pass = mean.vjp(x);
  CHECK(pass.logits == z);
  Logits<double> want = Logits<double>::Zero(6, 3);
  Eigen::MatrixXd slope = Eigen::MatrixXd::Zero(6, 5);
  for (Index k = 0; k < 7; ++k) {
    Seeds seeds;
    for (Index i = 0; i < 6; ++i) seeds.push_back(mean.seed_of(x, i, k));
    auto once = model.vjp(x, seeds);
    want += once.logits / 7;
    slope += as_matrix(once.pullback(g)) / 7;
  }
  CHECK((z - want).cwiseAbs().maxCoeff() < 1e-12);
  CHECK((as_matrix(pass.pullback(g)) - slope).cwiseAbs().maxCoeff() < 1e-12);
}

TEST_CASE("redrawn: bits depend on the row, not on the batch or on the rows of a call", "[models]") {
  const test::NoisyAffine model(0.5);
  const Input x = points();
  for (const SeedPolicy policy : {SeedPolicy::fixed, SeedPolicy::fresh}) {
    const Redrawn<test::NoisyAffine> mean(model, {.draws = 5, .policy = policy}),
        narrow(model, {.draws = 5, .policy = policy, .rows_per_call = 3});
    auto pass = mean.vjp(x), other = narrow.vjp(x);
    const Logits<double> g = weights(6);
    CHECK(pass.logits == narrow.logits(x));
    CHECK(as_matrix(pass.pullback(g)) == as_matrix(other.pullback(g)));
    for (Index i = 0; i < 6; ++i) {
      const std::vector<Index> row{i};
      CHECK(mean.logits(gather(x, row)) == pass.logits.row(i));
    }
  }
}

TEST_CASE("redrawn: fixed seeds are the same at every point, fresh ones at none", "[models]") {
  const test::NoisyAffine model(1);
  const Input x = points();
  const auto seeds = [&](SeedPolicy policy, std::uint64_t seed) {
    const Redrawn<test::NoisyAffine> once(model, {.policy = policy, .seed = seed});
    std::set<std::uint64_t> all;
    for (Index i = 0; i < 6; ++i) all.insert(once.seed_of(x, i, 0));
    CHECK(once.seed_of(x, 0, 0) != once.seed_of(x, 0, 1));
    return all;
  };
  CHECK(seeds(SeedPolicy::fixed, 0).size() == 1);
  CHECK(seeds(SeedPolicy::fresh, 0).size() == 6);
  CHECK(seeds(SeedPolicy::fixed, 0) != seeds(SeedPolicy::fixed, 1));
  CHECK(RedrawOptions{.draws = 30, .seed = 2}.text() == "30 draws, seeds fresh, from 2");
}

TEST_CASE("redrawn: asks the model for every draw, and refuses none", "[models]") {
  const test::NoisyAffine model(1);
  const Redrawn<test::NoisyAffine> mean(model, {.draws = 4});
  const Input x = points();
  mean.logits(x);
  CHECK(model.rows == 24);
  mean.vjp(x).pullback(weights(6));
  CHECK(model.rows == 48);
  CHECK_THROWS_AS(Redrawn<test::NoisyAffine>(model, {.draws = 0}), Error);
  CHECK_THROWS_AS(Redrawn<test::NoisyAffine>(model, {.rows_per_call = 0}), Error);
}

TEST_CASE("redrawn: the logarithm of the mean probability, and its gradient", "[models]") {
  const test::NoisyAffine model(0.8);
  const Redrawn<test::NoisyAffine> mean(model, {.draws = 6, .averaged = Averaged::probabilities}),
      narrow(model, {.draws = 6, .rows_per_call = 4, .averaged = Averaged::probabilities});
  const Input x = points();
  const Logits<double> z = mean.logits(x), g = weights(6);
  Eigen::MatrixXd want = Eigen::MatrixXd::Zero(6, 3);
  for (Index k = 0; k < 6; ++k) {
    Seeds seeds;
    for (Index i = 0; i < 6; ++i) seeds.push_back(mean.seed_of(x, i, k));
    const Eigen::MatrixXd e = model.logits(x, seeds).array().exp();
    for (Index i = 0; i < 6; ++i) want.row(i) += e.row(i) / e.row(i).sum() / 6;
  }
  CHECK((z.array().exp().matrix() - want).cwiseAbs().maxCoeff() < 1e-12);
  const auto pass = mean.vjp(x);
  CHECK(pass.logits == z);
  CHECK(narrow.vjp(x).logits == z);
  const Input slope = pass.pullback(g);
  CHECK(as_matrix(narrow.vjp(x).pullback(g)) == as_matrix(slope));
  // With fixed seeds the mean is a smooth function, whose differences are known.
  const Redrawn<test::NoisyAffine> smooth(
      model, {.draws = 6, .policy = SeedPolicy::fixed, .averaged = Averaged::probabilities});
  const Input exact = smooth.vjp(x).pullback(g);
  for (Index j = 0; j < 5; ++j) {
    Input plus = x, minus = x;
    for (Index i = 0; i < 6; ++i) plus(i, j) += 1e-5, minus(i, j) -= 1e-5;
    const Logits<double> difference = (smooth.logits(plus) - smooth.logits(minus)) / 2e-5;
    for (Index i = 0; i < 6; ++i)
      CHECK(exact(i, j) == Catch::Approx(difference.row(i).dot(g.row(i))).margin(1e-7));
  }
  CHECK(RedrawOptions{.draws = 2, .averaged = Averaged::probabilities}.text() ==
        "2 draws, seeds fresh, from 0, of probabilities");
}

TEST_CASE("redrawn: of one draw, probabilities are the logits but for a summand, and huge ones stay finite",
          "[models]") {
  const test::NoisyAffine model(0.5);
  const Redrawn<test::NoisyAffine> logits(model), log_p(model, {.averaged = Averaged::probabilities});
  const Input x = points();
  const Logits<double> z = logits.logits(x), p = log_p.logits(x);
  for (Index i = 0; i < 6; ++i)
    for (Index k = 1; k < 3; ++k) CHECK(p(i, k) - p(i, 0) == Catch::Approx(z(i, k) - z(i, 0)).margin(1e-12));

  struct Spoilt {
    using Input = Tensor<double, 2>;
    double last;
    Bounds<double> bounds() const { return {}; }
    Logits<double> logits(const Input& at, const Seeds& seeds) const {
      Logits<double> out(samples(at), 2);
      for (Index i = 0; i < out.rows(); ++i) {
        const bool first = seeds[static_cast<std::size_t>(i)] % 2 == 0;
        out.row(i) << (first ? 1e30 : 0), (first ? 0 : last);
      }
      return out;
    }
  };
  const auto said = [&](double last) {
    const Spoilt spoilt{last};
    return Redrawn<Spoilt>(spoilt, {.draws = 50, .averaged = Averaged::probabilities}).logits(x).eval();
  };
  // One draw of huge logits has no more than its share.
  CHECK(said(1).array().exp().matrix().rowwise().sum().isApproxToConstant(1));
  CHECK(said(1).minCoeff() > -2);
  CHECK_FALSE(std::isfinite(said(std::numeric_limits<double>::quiet_NaN()).sum()));
  CHECK_FALSE(std::isfinite(said(std::numeric_limits<double>::infinity()).sum()));
}
