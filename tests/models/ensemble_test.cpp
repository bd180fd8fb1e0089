// SPDX-License-Identifier: MIT
#include "foil/models/ensemble.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/attacks/gradient/deepfool.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/models/label_only.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Input = Tensor<double, 2>;
using Catch::Matchers::ContainsSubstring;

Input points(Index count = 12) {
  test::Random random(7);
  return test::random_batch<Input>(random, Input::Dimensions(count, 6));
}
Logits<double> weights(Index rows, Index columns) {
  Logits<double> g(rows, columns);
  for (Index i = 0; i < g.size(); ++i) g.data()[i] = std::sin(static_cast<double>(i) + 1);
  return g;
}

}  // namespace

TEST_CASE("mean ensemble: the mean of the logits, its gradient, and the votes of labels", "[models]") {
  const auto a = test::random_affine<Input>(3, 6, 1), b = test::random_affine<Input>(3, 6, 2);
  const test::Mlp<Input> c(6, 5, 3, 3);
  const test::CountingModel counting(a);
  const MeanEnsemble mean(counting, b, c);
  static_assert(DifferentiableModel<decltype(mean)> && shareable<decltype(mean)>);
  const Input x = points();
  const Logits<double> want = (a.logits(x) + b.logits(x) + c.logits(x)) / 3, g = weights(12, 3);
  CHECK((mean.logits(x) - want).cwiseAbs().maxCoeff() < 1e-12);
  const auto pass = mean.vjp(x);
  CHECK(pass.logits == mean.logits(x));
  CHECK(counting.forward == 3 * 12);
  const Eigen::MatrixXd slope =
      (as_matrix(a.vjp(x).pullback(g)) + as_matrix(b.vjp(x).pullback(g)) + as_matrix(c.vjp(x).pullback(g))) /
      3;
  for (int repeat = 0; repeat < 2; ++repeat)
    CHECK((as_matrix(pass.pullback(g)) - slope).cwiseAbs().maxCoeff() < 1e-12);
  CHECK(counting.forward == 3 * 12);
  const MeanEnsemble alone(a);
  CHECK(alone.logits(x) == a.logits(x));

  const LabelOnly first(a), second(b);
  const LabelOnly third(c);
  const MeanEnsemble voting(first, second, third);
  const MeanEnsemble mixed(a, second);
  static_assert(DecisionModel<decltype(voting)> && !ScoreModel<decltype(voting)>);
  static_assert(DecisionModel<decltype(mixed)> && !ScoreModel<decltype(mixed)>);
  const Labels said = voting.predict(x);
  int agreed = 0;
  for (Index i = 0; i < 12; ++i) {
    const int one = argmax<double>(a.logits(x))[i], two = argmax<double>(b.logits(x))[i],
              three = argmax<double>(c.logits(x))[i];
    if (one == two || one == three)
      CHECK(said[i] == one);
    else if (two == three)
      CHECK(said[i] == two);
    else
      CHECK(said[i] == std::min({one, two, three}));
    agreed += one == two && two == three;
  }
  CHECK(agreed < 12);
}

TEST_CASE("every member: adversarial for the ensemble is adversarial for all, by every kind of attack",
          "[models]") {
  const auto a = test::random_affine<Input>(3, 6, 1), b = test::random_affine<Input>(3, 6, 12);
  const test::Mlp<Input> c(6, 5, 3, 3);
  const EveryMember all(a, b, c);
  static_assert(DifferentiableModel<decltype(all)> && shareable<decltype(all)>);
  const Input x = points(40);
  const Labels y = predict(a, x);
  const auto fooled = [&](const auto& model, const auto& result, Index i) {
    return predict(model, gather(result.adversarials, std::vector<Index>{i}))[0] != y[i];
  };
  const auto check = [&](const auto& result, Index least) {
    for (Index i = 0; i < 40; ++i)
      if (result.success[i]) CHECK((fooled(a, result, i) && fooled(b, result, i) && fooled(c, result, i)));
    Index found = 0;
    for (Index i = 0; i < 40; ++i)
      found += result.success[i] && result.status[static_cast<std::size_t>(i)] != Status::already_adversarial;
    CHECK(found >= least);
  };
  check(LinfPGD({.steps = 60})(all, x, all.criterion(y), 0.5), 30);
  check(L2DeepFoolAttack()(all, x, all.criterion(y)), 20);
  check(L2RepeatedAdditiveGaussianNoiseAttack({.repeats = 200})(all, x, all.criterion(y), 1.0), 10);
  const LabelOnly first(a), second(b);
  const LabelOnly third(c);
  const EveryMember labels(first, second, third);
  static_assert(DecisionModel<decltype(labels)> && !ScoreModel<decltype(labels)>);
  const L2RepeatedAdditiveGaussianNoiseAttack noise({.repeats = 200});
  check(noise(labels, x, labels.criterion(y), 1.0), 10);
  // The same questions, the same verdicts.
  CHECK(as_matrix(noise(labels, x, labels.criterion(y), 1.0).adversarials) ==
        as_matrix(noise(all, x, all.criterion(y), 1.0).adversarials));
  // A callable that looks at labels, on a model of logits.
  const auto other = [&](const Decision& d) { return d.label != y[d.sample]; };
  CHECK(as_matrix(noise(all, x, all.criterion(other), 1.0).adversarials) ==
        as_matrix(noise(all, x, all.criterion(y), 1.0).adversarials));
}

TEST_CASE("every member: the margin is that of the member farthest from being fooled, and so is its gradient",
          "[models]") {
  const auto a = test::random_affine<Input>(3, 6, 1), b = test::random_affine<Input>(3, 6, 2);
  const EveryMember all(a, b);
  const Input x = points();
  const Labels y = predict(a, x);
  const Misclassification single(y);
  const auto every = all.criterion(y);
  const auto pass = all.vjp(x);
  CHECK(pass.logits == all.logits(x));
  REQUIRE(pass.logits.cols() == 7);
  CHECK_NOTHROW(every.check(12, 7));
  Logits<double> cotangent(12, 7);
  int first = 0;
  for (Index i = 0; i < 12; ++i) {
    const Eigen::VectorXd z = pass.logits.row(i), za = a.logits(x).row(i), zb = b.logits(x).row(i);
    CHECK(z.head(3) == za);
    CHECK(z.segment(3, 3) == zb);
    CHECK(z[6] > z.head(6).maxCoeff());
    const double of_a = single.margin({i, za}), of_b = single.margin({i, zb});
    Eigen::VectorXd gradient(7);
    CHECK(every.margin({i, z}, &gradient) == std::max(of_a, of_b));
    CHECK(every({i, z}) == (of_a < 0 && of_b < 0));
    CHECK(every({i, z}) == (every.margin({i, z}) < 0));
    cotangent.row(i) = gradient;
    first += of_a >= of_b;
    for (const Loss loss : {Loss::margin, Loss::cross_entropy}) {
      Eigen::VectorXd of_loss(7), of_part(3);
      const Eigen::VectorXd& own = of_a >= of_b ? za : zb;
      CHECK(loss_of(every, loss, {i, z}, &of_loss) == loss_of(single, loss, {i, own}, &of_part));
      CHECK(of_loss.segment(of_a >= of_b ? 0 : 3, 3) == of_part);
      CHECK(of_loss.segment(of_a >= of_b ? 3 : 0, 3).isZero(0));
      CHECK(of_loss[6] == 0);
    }
  }
  CHECK((first > 0 && first < 12));
  const Input slope = pass.pullback(cotangent);
  const Eigen::MatrixXd want = as_matrix(a.vjp(x).pullback(Logits<double>(cotangent.leftCols(3)))) +
                               as_matrix(b.vjp(x).pullback(Logits<double>(cotangent.middleCols(3, 3))));
  CHECK((as_matrix(slope) - want).cwiseAbs().maxCoeff() < 1e-12);
}

TEST_CASE("every member: of one, it is that one", "[models]") {
  const auto a = test::random_affine<Input>(3, 6, 1);
  const EveryMember one(a);
  const Input x = points();
  const Labels y = predict(a, x);
  const auto result = LinfPGD()(one, x, one.criterion(y), 0.05), bare = LinfPGD()(a, x, y, 0.05);
  CHECK(result.status == bare.status);
  CHECK(result.distances == bare.distances);
  CHECK(as_matrix(result.adversarials) == as_matrix(bare.adversarials));
  CHECK(result.success.any());
  CHECK_FALSE(result.success.all());
}

TEST_CASE("every member: read by another criterion all is adversarial as it is, which nobody can miss",
          "[models]") {
  const auto a = test::random_affine<Input>(3, 6, 1), b = test::random_affine<Input>(3, 6, 2);
  const LabelOnly first(a), second(b);
  const EveryMember scores(a, b);
  const EveryMember labels(first, second);
  const Input x = points();
  const Labels y = predict(a, x);
  const L2RepeatedAdditiveGaussianNoiseAttack noise({.repeats = 2});
  CHECK(noise(scores, x, y, 1.0).robust_accuracy() == 0);
  CHECK(noise(labels, x, y, 1.0).robust_accuracy() == 0);
  for (const auto& result : {noise(scores, x, y, 1.0), noise(labels, x, y, 1.0)})
    for (const Status status : result.status) CHECK(status == Status::already_adversarial);
  // And labels that were made of the logits afterwards are refused.
  const LabelOnly on_top(scores);
  CHECK_THROWS_WITH(noise(on_top, x, scores.criterion(y), 1.0),
                    ContainsSubstring("the labels of 2 members, as foil::EveryMember gives them, got 6"));
  CHECK_THROWS_WITH(noise(a, x, scores.criterion(y), 1.0), ContainsSubstring("those of 2 members, got 3"));
  const auto five = test::random_affine<Input>(5, 6, 1);
  CHECK_THROWS_WITH(noise(five, x, scores.criterion(predict(five, x).cwiseMin(1).eval()), 1.0),
                    ContainsSubstring("those of 2 members, got others"));
  CHECK(labels_in_one(Eigen::RowVector2i(3, -1)) == -1);
  CHECK_THROWS_WITH(labels_in_one(Eigen::RowVector3i(3, 1024, 0)),
                    ContainsSubstring("below 1024 of 3 members"));
  CHECK_NOTHROW(labels_in_one(Eigen::RowVector3i(1023, 1023, 1023)));
}

TEST_CASE("ensembles: members that do not go together are refused, and the weakest decides", "[models]") {
  const auto a = test::random_affine<Input>(3, 6, 1), wide = test::random_affine<Input>(3, 6, 1, {-1, 1}),
             more = test::random_affine<Input>(4, 6, 1);
  const Input x = points();
  CHECK_THROWS_WITH(MeanEnsemble(a, wide), ContainsSubstring("members with the same bounds"));
  const MeanEnsemble mean(a, more);
  const EveryMember every(a, more);
  const auto changed = ContainsSubstring("the number of classes changed from 3 to 4");
  CHECK_THROWS_WITH(mean.logits(x), changed);
  CHECK_THROWS_WITH(mean.vjp(x), changed);
  CHECK_THROWS_WITH(every.logits(x), changed);
  CHECK_THROWS_WITH(every.vjp(x), changed);
  test::Tampered broken(a);
  broken.gradient = [](const Input&, Input& g) { g = Input(1, 6); };
  const MeanEnsemble pulled(a, broken);
  CHECK_THROWS_WITH(pulled.vjp(x).pullback(weights(12, 3)),
                    ContainsSubstring("expected to return shape (12, 6)"));
  const auto scores = make_model<Input>(a.bounds(), [&](const Input& at) { return a.logits(at); });
  const MeanEnsemble of_scores(a, scores);
  static_assert(ScoreModel<decltype(of_scores)> && !DifferentiableModel<decltype(of_scores)>);
  auto changing = make_model<Input>(a.bounds(), [calls = 0](const Input& at) mutable {
    return Logits<double>(Logits<double>::Constant(samples(at), 3, ++calls));
  });
  MeanEnsemble unshared(a, changing);
  static_assert(ScoreModel<decltype(unshared)> && !shareable<decltype(unshared)>);
  CHECK(unshared.logits(x) != unshared.logits(x));
}
