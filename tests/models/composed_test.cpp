// SPDX-License-Identifier: MIT
/// \file
/// Every wrapper around every other one.
#include <cmath>
#include <cstdint>
#include <vector>

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/models/affine.hpp"
#include "foil/models/cached.hpp"
#include "foil/models/ensemble.hpp"
#include "foil/models/fixed_batch.hpp"
#include "foil/models/gradient_estimator.hpp"
#include "foil/models/grouped.hpp"
#include "foil/models/label_only.hpp"
#include "foil/models/lambdas.hpp"
#include "foil/models/log_probabilities.hpp"
#include "foil/models/planted.hpp"
#include "foil/models/preprocessed.hpp"
#include "foil/models/quantised.hpp"
#include "foil/models/query_budget.hpp"
#include "foil/models/redrawn.hpp"
#include "foil/models/single_logit.hpp"
#include "foil/models/voted.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/randomised.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Input = Tensor<double, 2>;

/// The probability of class 1 by a single logit, that of a smooth model.
struct Sigmoid {
  using Input = Tensor<double, 2>;
  test::Mlp<Input> mlp{5, 4, 2, 6};
  Bounds<double> bounds() const { return {0, 1}; }
  Logits<double> logits(const Input& x) const {
    const Logits<double> z = mlp.logits(x);
    return (1 + (z.col(0) - z.col(1)).array().exp()).inverse().matrix();
  }
  auto vjp(const Input& x) const {
    Logits<double> p = logits(x);
    return Vjp{p, [p, pass = mlp.vjp(x)](const Logits<double>& g) {
                 Logits<double> back(p.rows(), 2);
                 back.col(1) = (g.array() * p.array() * (1 - p.array())).matrix();
                 back.col(0) = -back.col(1);
                 return Input(pass.pullback(back));
               }};
  }
};
static_assert(explain_model<Sigmoid>());

/// A randomised model of any other: noise on its inputs.
template <class M>
struct Noisy {
  using Input = input_t<M>;
  const M& model;
  Bounds<double> bounds() const { return model.bounds(); }
  Logits<double> logits(const Input& x, const Seeds& seeds) const { return model.logits(noisy(x, seeds)); }
  auto vjp(const Input& x, const Seeds& seeds) const { return model.vjp(noisy(x, seeds)); }

 private:
  static Input noisy(const Input& x, const Seeds& seeds) {
    Input out = x;
    for (Index i = 0; i < samples(x); ++i) {
      RandomDraw draw(seeds[static_cast<std::size_t>(i)], 0, Purpose::noise, 0);
      for (Index j = 0; j < features(x); ++j) out(i, j) += 0.05 * draw.normal();
    }
    return out;
  }
};

Input points() {
  test::Random random(4);
  return test::random_batch<Input>(random, Input::Dimensions(10, 5));
}

/// The pulled-back gradient against differences of logits.
template <class M>
void check_gradient_of(const M& model, double tolerance) {
  const Input x = points();
  const auto pass = model.vjp(x);
  CHECK(pass.logits == model.logits(x));
  Logits<double> g(10, pass.logits.cols());
  for (Index i = 0; i < g.size(); ++i) g.data()[i] = std::sin(static_cast<double>(i));
  const Input slope = pass.pullback(g);
  for (Index j = 0; j < 5; ++j) {
    Input plus = x, minus = x;
    for (Index i = 0; i < 10; ++i) plus(i, j) += 1e-5, minus(i, j) -= 1e-5;
    const Logits<double> difference = (model.logits(plus) - model.logits(minus)) / 2e-5;
    for (Index i = 0; i < 10; ++i)
      CHECK(slope(i, j) ==
            Catch::Approx(difference.row(i).dot(g.row(i))).epsilon(tolerance).margin(tolerance));
  }
}

}  // namespace

TEST_CASE("wrappers: all of them around one another are a model with the right gradients", "[models]") {
  const Sigmoid sigmoid;
  const test::CountingModel counting(sigmoid);
  const LogProbabilities odds(counting, Probabilities::independent);
  const SingleLogit two(odds);
  const Affine standardised(two, Eigen::VectorXd::Constant(1, 0.25), Eigen::VectorXd::Constant(1, 0.5));
  const test::Mlp<Input> many(5, 4, 5, 8);
  const Grouped other(many, Categories(5, {"first", "second"}, {{0, 3}, {4, 1}}));
  const MeanEnsemble mean(standardised, other);
  const FixedBatch fixed(mean, 4);
  const Preprocessed shifted(fixed, [](const Input& x) {
    Input out = x;
    for (Index i = 0; i < out.size(); ++i) out.data()[i] += 0.01;
    return out;
  });
  const QueryBudget budget(shifted, 1'000'000);
  using Random = Noisy<std::remove_cvref_t<decltype(budget)>>;
  const Random noisy{budget};
  const Redrawn<Random> drawn(noisy,
                              {.draws = 3, .policy = SeedPolicy::fixed, .averaged = Averaged::probabilities});
  const Cached cached(drawn);
  const Planted steep(cached, Plant::steep_logits);
  static_assert(DifferentiableModel<decltype(steep)> && shareable<decltype(steep)>);
  check_gradient_of(cached, 1e-6);
  check_gradient_of(steep, 1e-2);
  // Straight through eight levels on top of it all, and no gradients but by differences below.
  const Quantised coarse(cached, 8);
  const Input x = points();
  CHECK(coarse.vjp(x).logits == cached.logits(Quantise<Input>({0, 1}, 8)(x)));
  const auto scores = make_model<Input>(coarse.bounds(), [&](const Input& at) { return coarse.logits(at); });
  const GradientEstimator estimated(scores, {.samples = 8});
  const EveryMember every(coarse, estimated, other);
  const Cached remembered(every);
  static_assert(DifferentiableModel<decltype(remembered)> && shareable<decltype(remembered)>);

  const Labels y = predict(coarse, x);
  const auto result = LinfPGD({.steps = 5})(remembered, x, every.criterion(y), 0.3);
  for (Index i = 0; i < 10; ++i) {
    if (!result.success[i]) continue;
    const Input at = gather(result.adversarials, std::vector<Index>{i});
    CHECK((predict(coarse, at)[0] != y[i] && predict(other, at)[0] != y[i]));
  }
  CHECK(result.success.any());
  CHECK(budget.used() > 0);
  // Batches of four, of which the padding counts, are all that the innermost model has seen.
  CHECK(counting.forward % 4 == 0);
  CHECK(counting.forward >= budget.used());

  // The same bits in any batch: no wrapper mixes rows.
  for (const Index batch_size : {1, 3})
    CHECK(test::same_bits(
        LinfPGD({.steps = 5})(remembered, x, every.criterion(y), 0.3, {.batch_size = batch_size}), result));
}

TEST_CASE("wrappers: all of them around labels offer labels and no more", "[models]") {
  const test::Mlp<Input> mlp(5, 4, 3, 6), other(5, 4, 3, 7);
  const LabelOnly labels(mlp);
  const Grouped turned(labels, Categories(3, {"one", "two", "three"}, {{1}, {2}, {0}}));
  const Affine standardised(turned, Eigen::VectorXd::Constant(1, 0.1), Eigen::VectorXd::Constant(1, 1.1));
  const Quantised coarse(standardised, 16);
  const Preprocessed same(coarse, [](const Input& x) { return x; });
  const QueryBudget budget(same, 1'000'000);
  const Cached cached(budget);
  struct Random {
    using Input = Tensor<double, 2>;
    const std::remove_cvref_t<decltype(cached)>& model;
    Bounds<double> bounds() const { return {0, 1}; }
    Labels predict(const Input& x, const Seeds& seeds) const {
      Input out = x;
      for (Index i = 0; i < samples(x); ++i)
        out(i, 0) += 1e-3 * static_cast<double>(seeds[static_cast<std::size_t>(i)] % 3);
      return foil::predict(model, out);
    }
  };
  const Random random{cached};
  const Voted<Random> voted(random, {.draws = 3});
  const MeanEnsemble mean(voted, other, mlp);
  const EveryMember every(mean, cached);
  static_assert(DecisionModel<decltype(every)> && !ScoreModel<decltype(every)> && shareable<decltype(every)>);
  const Input x = points();
  const Labels y = predict(mean, x);
  const L2RepeatedAdditiveGaussianNoiseAttack attack({.repeats = 100});
  const auto result = attack(every, x, every.criterion(y), 1.0);
  for (Index i = 0; i < 10; ++i) {
    if (!result.success[i]) continue;
    const Input at = gather(result.adversarials, std::vector<Index>{i});
    CHECK((predict(mean, at)[0] != y[i] && predict(cached, at)[0] != y[i]));
  }
  CHECK(result.success.any());
  CHECK(budget.used() == cached.asked());
  CHECK(cached.hits() > 0);
  CHECK(test::same_bits(attack(every, x, every.criterion(y), 1.0, {.batch_size = 3}), result));
}
