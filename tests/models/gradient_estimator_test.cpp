// SPDX-License-Identifier: MIT
#include "foil/models/gradient_estimator.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/models/lambdas.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Input = Tensor<double, 2>;
using Catch::Matchers::ContainsSubstring;

/// A model's scores and nothing else.
template <class M>
auto scores_of(const M& model) {
  return make_model<input_t<M>>(model.bounds(), [&model](const input_t<M>& x) { return model.logits(x); });
}

/// Row 0 minus row 1 of an affine model is what this cotangent pulls back.
Logits<double> difference(Index rows, Index classes) {
  Logits<double> out = Logits<double>::Zero(rows, classes);
  out.col(0).setConstant(1);
  out.col(1).setConstant(-1);
  return out;
}

struct Errors {
  double bias;    ///< of the mean of all estimates, relative to the gradient's length
  double square;  ///< mean of the squared errors, relative to the gradient's square
};

/// Of many estimates at one point of an affine model. Lengths are those of features scaled to one range.
Errors errors_at(const test::Affine<Input>& model, const Input& x, GradientEstimatorOptions options,
                 int seeds) {
  const auto scores = scores_of(model);
  Eigen::VectorXd w = (model.weights().row(0) - model.weights().row(1)).transpose(), width(w.size());
  for (Index i = 0; i < w.size(); ++i) {
    width[i] = model.bounds().upper(i) - model.bounds().lower(i);
    if (std::isinf(width[i])) width[i] = 1;
  }
  w = w.cwiseProduct(width);
  Eigen::VectorXd sum = Eigen::VectorXd::Zero(w.size());
  double square = 0;
  for (int seed = 0; seed < seeds; ++seed) {
    options.seed = static_cast<std::uint64_t>(seed);
    const Input pulled = GradientEstimator(scores, options).vjp(x).pullback(difference(1, 2));
    const Eigen::VectorXd estimate = sample(pulled, 0).cwiseProduct(width);
    sum += estimate;
    square += (estimate - w).squaredNorm();
  }
  return {(sum / seeds - w).norm() / w.norm(), square / seeds / w.squaredNorm()};
}

TEST_CASE("gradient estimator: unbiased on affine models, with the error that is stated", "[estimator]") {
  constexpr int seeds = 3000, d = 20, samples = 8;
  test::Random random(1);
  for (const auto& bounds : {Bounds<double>(), Bounds<double>(-3, 5)}) {
    const auto model = test::random_affine<Input>(2, d, 1, bounds);
    Input inside(1, d), corner(1, d);
    for (Index i = 0; i < d; ++i) {
      inside(0, i) = random.uniform(0.3, 0.7);
      corner(0, i) = random.uniform() < 0.5 ? bounds.lower(i) : bounds.upper(i);
    }
    for (const Input& x : {inside, corner}) {
      const double pairs = samples / 2;
      const auto normal = errors_at(model, x, {.samples = samples}, seeds);
      CHECK(normal.square == Catch::Approx((d + 1) / pairs).epsilon(0.06));
      CHECK(normal.bias < 2 * std::sqrt((d + 1) / pairs / seeds));
      const auto signs =
          errors_at(model, x, {.samples = samples, .noise = EstimatorNoise::rademacher}, seeds);
      CHECK(signs.square == Catch::Approx((d - 1) / pairs).epsilon(0.06));
      CHECK(signs.bias < 2 * std::sqrt((d - 1) / pairs / seeds));
      const auto features =
          errors_at(model, x, {.samples = samples, .noise = EstimatorNoise::coordinate}, seeds);
      CHECK(features.square == Catch::Approx(d / pairs - 1).epsilon(0.06));
      CHECK(features.bias < 2 * std::sqrt((d / pairs - 1) / seeds));
    }
  }
}

TEST_CASE("gradient estimator: every feature has noise of its own range, and frozen ones have none",
          "[estimator]") {
  constexpr Index d = 6;
  Eigen::VectorXd lower(d), upper(d);
  lower << 0, -100, 0, 2, -std::numeric_limits<double>::infinity(), 0;
  upper << 1, 100, 1e-3, 2, 0, std::numeric_limits<double>::infinity();
  const auto model = test::random_affine<Input>(2, d, 2, {lower, upper});
  Input x(1, d);
  x.setValues({{1, 30, 0, 2, 0, 0}});
  const auto errors = errors_at(model, x, {.samples = 8}, 3000);
  CHECK(errors.bias < 0.04);
  const auto scores = scores_of(model);
  CHECK(GradientEstimator(scores).vjp(x).pullback(difference(1, 2))(0, 3) == 0);
}

TEST_CASE("gradient estimator: two points along each feature are all that is asked, and exact on quadratics",
          "[estimator]") {
  constexpr Index d = 7;
  Eigen::VectorXd lower = Eigen::VectorXd::Constant(d, -1), upper = Eigen::VectorXd::Constant(d, 3);
  lower[2] = upper[2] = 0.5;  // no room
  const auto squares = make_model<Input>({lower, upper}, [](const Input& x) {
    Logits<double> z(samples(x), 2);
    for (Index i = 0; i < samples(x); ++i) {
      const Eigen::VectorXd row = sample(x, i);
      z(i, 0) = row.squaredNorm() + row[0] * row[1];
      z(i, 1) = 0;
    }
    return z;
  });
  Input x(2, d);
  x.setConstant(0.5);
  x(1, 3) = 2;
  const GradientEstimator estimator(squares,
                                    {.samples = 128, .sigma = 0.01, .noise = EstimatorNoise::coordinate});
  const Input pulled = estimator.vjp(x).pullback(difference(2, 2));
  CHECK(estimator.queries() == 2 * (1 + 2 * (d - 1)));
  for (Index row = 0; row < 2; ++row)
    for (Index i = 0; i < d; ++i)
      CHECK(pulled(row, i) == Catch::Approx(i == 2 ? 0 : 2 * x(row, i) + (i < 2 ? 0.5 : 0)).margin(1e-10));
  // Fewer than that: different features at each point, so many of them.
  const GradientEstimator few(squares, {.samples = 4, .sigma = 0.01, .noise = EstimatorNoise::coordinate});
  const Input some = few.vjp(x).pullback(difference(2, 2));
  for (Index row = 0; row < 2; ++row) CHECK(L0::size(sample(some, row)) == 2);
  CHECK(few.queries() == 2 * 5);
  // None where nothing can move.
  const auto still = make_model<Input>({lower, lower}, [&](const Input& y) { return squares.logits(y); });
  const GradientEstimator nowhere(still, {.samples = 4, .noise = EstimatorNoise::coordinate});
  Input there(1, d);
  for (Index i = 0; i < d; ++i) there(0, i) = lower[i];
  CHECK(L0::size(sample(nowhere.vjp(there).pullback(difference(1, 2)), 0)) == 0);
}

TEST_CASE("gradient estimator: only points of the box are asked about", "[estimator]") {
  const auto affine = test::random_affine<Tensor<float, 2>>(3, 5, 3, {-1, 2});
  int outside = 0, moved = 0;
  const auto watched = make_model<Tensor<float, 2>>(affine.bounds(), [&](const Tensor<float, 2>& x) {
    for (Index i = 0; i < x.size(); ++i) {
      outside += !(x.data()[i] >= -1 && x.data()[i] <= 2);
      moved += x.data()[i] != -1 && x.data()[i] != 2;
    }
    return affine.logits(x);
  });
  Tensor<float, 2> x(2, 5);
  x.setValues({{-1, 2, -1, 2, -1}, {2, 2, 2, -1, -1}});
  for (const double sigma : {1e-3, 0.1, 10.0}) {
    moved = 0;
    GradientEstimator(watched, {.samples = 20, .sigma = sigma}).vjp(x);
    CHECK(outside == 0);
    CHECK(moved > 0);
  }
}

TEST_CASE("gradient estimator: bits do not depend on the other rows, their order or the size of calls",
          "[estimator]") {
  const test::Mlp<Input> model(7, 9, 4, 1);
  const auto scores = scores_of(model);
  test::Random random(4);
  const auto x = test::random_batch<Input>(random, Input::Dimensions(6, 7));
  const Logits<double> cotangent = Logits<double>::Random(6, 4);
  const auto pulled = [&](const Input& rows, const Logits<double>& pull, Index most) {
    return GradientEstimator(scores, {.samples = 10, .seed = 3, .rows_per_call = most})
        .vjp(rows)
        .pullback(pull);
  };
  const Input all = pulled(x, cotangent, 512);
  for (const Index most : {2, 3, 16}) CHECK(as_matrix(pulled(x, cotangent, most)) == as_matrix(all));
  const std::vector<Index> backwards{5, 4, 3, 2, 1, 0};
  CHECK(as_matrix(pulled(gather(x, backwards), cotangent.colwise().reverse(), 512)) ==
        as_matrix(all).colwise().reverse());
  for (Index row = 0; row < 6; ++row)
    CHECK(as_matrix(pulled(gather(x, std::vector<Index>{row}), cotangent.row(row), 512)) ==
          as_matrix(all).row(row));
  CHECK(as_matrix(GradientEstimator(scores, {.samples = 10, .seed = 4}).vjp(x).pullback(cotangent)) !=
        as_matrix(all));
}

TEST_CASE("gradient estimator: any number of pullbacks, linear in the cotangent, for one set of answers",
          "[estimator]") {
  const test::Mlp<Input> mlp(7, 9, 4, 2);
  const test::CountingModel counting(mlp);
  const auto scores = scores_of(counting);
  test::Random random(5);
  const auto x = test::random_batch<Input>(random, Input::Dimensions(3, 7));
  const GradientEstimator model(scores, {.samples = 32, .rows_per_call = 50});
  static_assert(DifferentiableModel<decltype(model)> && shareable<decltype(model)>);
  const auto pass = model.vjp(x);
  CHECK(pass.logits == mlp.logits(x));
  CHECK(counting.forward == 3 * 33);
  CHECK(model.queries() == 3 * 33);
  const Logits<double> a = Logits<double>::Random(3, 4), b = Logits<double>::Random(3, 4);
  const Input of_a = pass.pullback(a), of_b = pass.pullback(b), of_both = pass.pullback(2 * a - b);
  CHECK((as_matrix(of_both) - 2 * as_matrix(of_a) + as_matrix(of_b)).cwiseAbs().maxCoeff() < 1e-11);
  CHECK(as_matrix(pass.pullback(Logits<double>::Zero(3, 4))).isZero(0));
  CHECK(counting.forward == 3 * 33);
  CHECK(counting.calls == 1 + 2);
  model.logits(x);
  CHECK(model.queries() == 3 * 34);
}

TEST_CASE("gradient estimator: close to the gradient of a smooth model", "[estimator]") {
  const test::Mlp<Input> mlp(7, 9, 4, 3);
  const auto scores = scores_of(mlp);
  test::Random random(6);
  const auto x = test::random_batch<Input>(random, Input::Dimensions(4, 7));
  const Logits<double> cotangent = Logits<double>::Random(4, 4);
  const Input truth = mlp.vjp(x).pullback(cotangent);
  const Input estimate = GradientEstimator(scores, {.samples = 8000}).vjp(x).pullback(cotangent);
  CHECK((as_matrix(estimate) - as_matrix(truth)).norm() < 0.08 * as_matrix(truth).norm());
}

TEST_CASE("gradient estimator: PGD runs on a model of scores and succeeds where it does with gradients",
          "[estimator]") {
  using Floats = Tensor<float, 2>;
  const auto p = test::affine_problem<Floats>(2, 30, 25, 7);
  const auto scores = scores_of(p.model);
  const GradientEstimator model(scores, {.samples = 100});
  const Eigen::VectorXd radii = 1.3 * p.distances<Linf>();
  const LinfPGD attack({.steps = 40});
  REQUIRE(attack(p.model, p.inputs, p.labels, radii).success.all());
  const auto reference = attack(model, p.inputs, p.labels, radii);
  CHECK(reference.success.all());
  CHECK(model.queries() == reference.queries.sum() + reference.verification_queries.sum() +
                               100 * reference.gradient_queries.sum());
  for (const Index batch_size : {1, 7})
    CHECK(test::same_bits(attack(model, p.inputs, p.labels, radii, {.batch_size = batch_size}), reference));
  CHECK(test::same_bits(attack(model, p.inputs, p.labels, radii, {.threads = 3}), reference));
}

TEST_CASE("gradient estimator: answers of another shape are errors", "[estimator]") {
  const auto affine = test::random_affine<Input>(3, 4, 1);
  Input x(3, 4);
  x.setConstant(0.5);
  const auto refused = [&](auto spoil, const char* said) {
    test::Tampered broken(affine);
    broken.answer = [&](std::int64_t call, const Input&, Logits<double>& z) { spoil(call, z); };
    CHECK_THROWS_WITH(GradientEstimator(broken).vjp(x), ContainsSubstring(said));
  };
  refused([](auto, auto& z) { z.setZero(1, 3); }, "each of 3 samples, got 1");
  refused([](auto call, auto& z) { z.conservativeResize(z.rows() - call, 3); }, "samples, got");
  refused([](auto call, auto& z) { z.setZero(z.rows(), 3 + call); },
          "the number of classes changed from 3 to 4");
  struct Narrow : test::Affine<Input> {
    Bounds<double> bounds() const { return {Eigen::VectorXd::Zero(2), Eigen::VectorXd::Ones(2)}; }
  };
  const Narrow narrow{affine};
  CHECK_THROWS_WITH(GradientEstimator(narrow).vjp(x), ContainsSubstring("given for 2 features"));
}

TEST_CASE("gradient estimator: odds and ends", "[estimator]") {
  const auto affine = test::random_affine<Input>(2, 3, 1);
  CHECK_THROWS_WITH(GradientEstimator(affine, {.samples = 3}),
                    ContainsSubstring("even number of samples >= 2, got 3"));
  CHECK_THROWS_WITH(GradientEstimator(affine, {.samples = 0}), ContainsSubstring("got 0"));
  CHECK_THROWS_WITH(GradientEstimator(affine, {.sigma = 0}), ContainsSubstring("sigma > 0, got 0"));
  CHECK_THROWS_WITH(GradientEstimator(affine, {.rows_per_call = 1}), ContainsSubstring(">= 2, got 1"));
  CHECK(GradientEstimator(affine).vjp(Input(0, 3)).logits.rows() == 0);
  auto changing = make_model<Input>(Bounds<double>(), [calls = 0](const Input& x) mutable {
    return Logits<double>(Logits<double>::Constant(samples(x), 2, ++calls));
  });
  GradientEstimator model(changing, {.samples = 2});
  static_assert(DifferentiableModel<decltype(model)> && !shareable<decltype(model)>);
  Input x(1, 2);
  x.setConstant(0.5);
  CHECK(model.vjp(x).logits(0, 0) == 1);
  CHECK(model.logits(x)(0, 0) == 3);
}
}  // namespace
