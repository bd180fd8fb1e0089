// SPDX-License-Identifier: MIT
#include "foil/evaluation/judge_again.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "foil/evaluation/worst_of.hpp"
#include "foil/models/lambdas.hpp"
#include "foil/models/preprocessed.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/randomised.hpp"

namespace {
using namespace foil;
using Input = Tensor<double, 2>;

/// Class 1 where the first feature is above `edge`.
auto edge(double at) {
  return make_model<Input>(Bounds<double>(), [at](const Input& x) {
    Logits<double> z(samples(x), 2);
    for (Index i = 0; i < samples(x); ++i) z.row(i) << 0, x(i, 0) - at;
    return z;
  });
}

/// Five samples of class 0, and what an attack on edge(0.5) found: a near and a far adversarial, nothing, one
/// that is adversarial as it is, and an attack that did not end.
struct Case {
  Input x{5, 1};
  Labels labels = Labels::Zero(5);
  Result<Input> result;

  Case() : result(init(x)) {
    const double found[]{0.55, 0.9, 0.2, 0.6, 0.2};
    for (Index i = 0; i < 5; ++i) result.adversarials(i, 0) = found[i];
    const Status status[]{Status::success, Status::success, Status::not_found, Status::already_adversarial,
                          Status::interrupted};
    for (Index i = 0; i < 5; ++i) {
      result.status[static_cast<std::size_t>(i)] = status[i];
      result.success[i] = i == 0 || i == 1 || i == 3;
      if (result.success[i]) result.distances[i] = found[i] - x(i, 0);
    }
  }
  static Input& init(Input& x) {
    const double values[]{0.2, 0.2, 0.2, 0.6, 0.2};
    for (Index i = 0; i < 5; ++i) x(i, 0) = values[i];
    return x;
  }
};

/// A third of the draws of this one are NaN.
struct Failing {
  using Input = Tensor<double, 2>;
  Bounds<double> bounds() const { return {}; }
  Logits<double> logits(const Input& x, const Seeds& seeds) const {
    Logits<double> z(samples(x), 2);
    for (Index i = 0; i < samples(x); ++i)
      z.row(i) << 0, (seeds[static_cast<std::size_t>(i)] % 3 == 0 ? std::numeric_limits<double>::quiet_NaN()
                                                                  : x(i, 0) - 0.5);
    return z;
  }
};

}  // namespace

TEST_CASE("judge_again: adversarials count where they hold, at the distance that they had", "[evaluation]") {
  const Case c;
  const auto defended = edge(0.7);
  const Result<Input> out = judge_again(defended, c.x, Misclassification(c.labels), c.result);
  const std::vector<Status> want{Status::not_found, Status::success, Status::not_found, Status::start_failed,
                                 Status::interrupted};
  CHECK(out.status == want);
  for (Index i = 0; i < 5; ++i) {
    CAPTURE(i);
    CHECK(out.success[i] == (i == 1));
    CHECK(out.distances[i] == (i == 1 ? c.result.distances[1] : std::numeric_limits<double>::infinity()));
    CHECK(out.adversarials(i, 0) == (i == 1 ? 0.9 : c.x(i, 0)));
    CHECK(out.predictions[i] == (i == 1));
  }
  // On the model that it was found on, nothing changes.
  const auto same = edge(0.5);
  const Result<Input> again = judge_again(same, c.x, Misclassification(c.labels), c.result);
  CHECK(again.status == c.result.status);
  CHECK((again.success == c.result.success).all());
  CHECK(again.distances == c.result.distances);
}

TEST_CASE("judge_again: what the other model gets wrong is adversarial as it is", "[evaluation]") {
  const Case c;
  const auto wrong = edge(0.1);
  const Result<Input> out = judge_again(wrong, c.x, Misclassification(c.labels), c.result);
  for (Index i = 0; i < 5; ++i) {
    CHECK(out.status[static_cast<std::size_t>(i)] == Status::already_adversarial);
    CHECK(out.distances[i] == 0);
    CHECK(out.success[i]);
  }
}

TEST_CASE("judge_again: an invalid input stays one, whatever a model says of it", "[evaluation]") {
  Input x(2, 1);
  x.setValues({{-0.5}, {std::numeric_limits<double>::quiet_NaN()}});
  Result<Input> attack(x);
  attack.status.assign(2, Status::invalid_input);
  const auto wrong = edge(-1);
  const Result<Input> out = judge_again(wrong, x, Misclassification(Labels::Zero(2)), attack);
  CHECK(out.status == attack.status);
  CHECK_FALSE(out.success.any());
  CHECK(out.distances == attack.distances);
  CHECK((out.predictions.array() == -1).all());
  CHECK((out.bad_rows.array() == 0).all());
  x(1, 0) = 1.5;
  const Failing noisy;
  const auto [drawn, redraws] = redraw(noisy, x, Misclassification(Labels::Zero(2)), attack, 20);
  CHECK(drawn.status == attack.status);
  CHECK_FALSE(drawn.success.any());
  CHECK(redraws.share.isZero(0));
}

TEST_CASE("judge_again: of a preprocessing defence the better of two attacks counts", "[evaluation]") {
  const Case c;
  const auto bare = edge(0.5);
  const Preprocessed defended(bare, [](const Input& x) {
    Input out = x;
    for (Index i = 0; i < out.size(); ++i) out.data()[i] = std::round(2 * out.data()[i]) / 2;
    return out;
  });
  // Behind three levels class 1 begins at 0.75: the far adversarial of the direct attack holds.
  const Result<Input> direct = judge_again(defended, c.x, Misclassification(c.labels), c.result);
  CHECK_FALSE(direct.success[0]);
  CHECK(direct.success[1]);
  Result<Input> through(c.x);  // an attack through the defence that found but the first
  through.status.assign(5, Status::not_found);
  through.status[0] = Status::success;
  through.success[0] = true;
  through.distances[0] = 0.6;
  const auto worst = worst_of(std::vector{through, direct});
  CHECK(worst.winner == std::vector<Index>{0, 1, -1, -1, -1});
  CHECK(worst.result.status[3] == Status::not_found);
}

TEST_CASE("judge_again: redraws count what at least half of them confirm", "[evaluation]") {
  const test::NoisyAffine model(0.05);
  test::Random random(9);
  Input x = test::random_batch<Input>(random, Input::Dimensions(8, 5), 0.3, 0.7);
  const Labels labels = argmax<double>(model.bare().logits(x));
  Result<Input> result(x);
  // Towards the corner of another class, from the tie on by 0, 1, 2, ... parts of the way.
  for (Index i = 0; i < 8; ++i) {
    const Eigen::VectorXd from = sample(x, i);
    const auto tie = model.bare().nearest_tie<L2>(from, labels[i], (labels[i] + 1) % 3);
    REQUIRE(tie);
    sample(result.adversarials, i) = from + *tie * (0.5 + 0.15 * static_cast<double>(i));
    result.status[static_cast<std::size_t>(i)] = Status::success;
    result.success[i] = true;
    result.distances[i] = tie->norm();
  }
  model.rows = 0;
  const auto [out, redraws] = redraw(model, x, Misclassification(labels), result, 60, 5);
  CHECK(model.rows == 2 * 8 * 60);
  CHECK(redraws.draws == 60);
  CHECK(redraws.seed == 5);
  Index held = 0;
  for (Index i = 0; i < 8; ++i) {
    const Status status = out.status[static_cast<std::size_t>(i)];
    CAPTURE(i, redraws.share[i]);
    if (status == Status::already_adversarial) continue;
    CHECK(out.success[i] == (redraws.share[i] >= 0.5));
    CHECK(status == (out.success[i] ? Status::success : Status::unstable));
    held += out.success[i];
  }
  CHECK(held >= 2);
  CHECK(held <= 7);
  CHECK(redraw(model, x, Misclassification(labels), result, 60, 5).second.share == redraws.share);
  CHECK_THROWS_AS(redraw(model, x, Misclassification(labels), result, 0), Error);
}

TEST_CASE("judge_again: NaN is never right and an attack that was cut short has no verdict", "[evaluation]") {
  // NaN above 0.8, class 1 above 0.7.
  const auto defended = make_model<Input>(Bounds<double>(), [](const Input& x) {
    Logits<double> z(samples(x), 2);
    for (Index i = 0; i < samples(x); ++i)
      z.row(i) << 0, (x(i, 0) > 0.8 ? std::numeric_limits<double>::quiet_NaN() : x(i, 0) - 0.7);
    return z;
  });
  Input x(7, 1);
  x.setConstant(0.2);
  x(3, 0) = x(5, 0) = 0.9;
  Result<Input> attack(x);
  const double found[]{0.9, 0.6, 0.2, 0.9, 0.9, 0.75, 0.6};
  const Status status[]{Status::success,     Status::interrupted, Status::not_found,       Status::not_found,
                        Status::interrupted, Status::success,     Status::budget_exhausted};
  for (Index i = 0; i < 7; ++i) {
    attack.adversarials(i, 0) = found[i];
    attack.status[static_cast<std::size_t>(i)] = status[i];
    attack.success[i] = i != 2 && i != 3;
    if (attack.success[i]) attack.distances[i] = std::abs(found[i] - x(i, 0));
  }
  const Result<Input> out = judge_again(defended, x, Misclassification(Labels::Zero(7)), attack);
  CHECK(out.status == std::vector<Status>{Status::non_finite, Status::interrupted, Status::not_found,
                                          Status::non_finite, Status::interrupted, Status::non_finite,
                                          Status::budget_exhausted});
  CHECK_FALSE(out.success.any());
  CHECK(out.predictions.transpose() == Labels{{0, 0, 0, -1, 0, -1, 0}}.transpose());
  CHECK(out.bad_rows.transpose() == Counts{{1, 0, 0, 2, 1, 1, 0}}.transpose());
  const Summary summary = out.summary();
  CHECK(summary.robust == 2);
  CHECK(summary.non_finite == 3);
  CHECK(summary.unfinished == 2);
  CHECK(summary.attacked == 3);
}

TEST_CASE("judge_again: redraws that are NaN are never right", "[evaluation]") {
  const Failing model;
  // Nothing found, fooled, not confirmed, adversarial as it is, cut short.
  Input x(5, 1);
  x.setConstant(0.2);
  x(3, 0) = 0.7;
  Result<Input> attack(x);
  attack.status = {Status::not_found, Status::success, Status::success, Status::not_found,
                   Status::interrupted};
  attack.adversarials(1, 0) = 0.8;
  attack.adversarials(2, 0) = 0.3;
  attack.success << false, true, true, false, false;
  attack.distances << attack.distances[0], 0.6, 0.1, attack.distances[3], attack.distances[4];
  attack.predictions.setConstant(1);
  const auto [out, redraws] = redraw(model, x, Misclassification(Labels::Zero(5)), attack, 60);
  CHECK(out.status == std::vector<Status>{Status::non_finite, Status::success, Status::unstable,
                                          Status::already_adversarial, Status::interrupted});
  CHECK(out.predictions.transpose() == Labels{{0, 1, 0, 1, 0}}.transpose());
  CHECK((out.bad_rows.array() > 0).all());
  CHECK(out.summary().robust == 0);
  CHECK(out.summary().non_finite == 1);
  CHECK(out.summary().unfinished == 1);
  CHECK(redraws.share[0] == 0);
  CHECK(redraws.share[1] < 1);

  // One that is NaN in every draw was not right to begin with.
  x(0, 0) = std::numeric_limits<double>::quiet_NaN();
  const auto never = redraw(model, x, Misclassification(Labels::Zero(5)), attack, 20).first;
  CHECK(never.status[0] == Status::non_finite);
  CHECK(never.predictions[0] == -1);
  CHECK_FALSE(never.correct(0));
}
