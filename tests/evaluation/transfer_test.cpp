// SPDX-License-Identifier: MIT
#include "foil/evaluation/transfer.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "foil/attacks/gradient/fast_gradient.hpp"
#include "foil/evaluation/diagnose.hpp"
#include "foil/evaluation/suite.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"

using namespace foil;
using Catch::Matchers::ContainsSubstring;

namespace {

using Rows = Tensor<double, 2>;

/// Class 1 where the first feature is above `at`. FGSM moves it up by the whole radius.
struct Edge {
  using Input = Rows;
  double at;
  double upper = 1;

  Bounds<double> bounds() const { return {0, upper}; }
  Logits<double> logits(const Input& x) const {
    Logits<double> z(samples(x), 2);
    for (Index i = 0; i < samples(x); ++i) z.row(i) << 0, x(i, 0) - at;
    return z;
  }
  auto vjp(const Input& x) const {
    return Vjp{logits(x), [shape = x.dimensions()](const Logits<double>& c) {
                 Input dx(shape);
                 for (Index i = 0; i < c.rows(); ++i) dx(i, 0) = c(i, 1);
                 return dx;
               }};
  }
};

Rows line(Index count) {
  Rows x(count, 1);
  for (Index i = 0; i < count; ++i) x(i, 0) = static_cast<double>(i) / static_cast<double>(count) + 0.003;
  return x;
}

}  // namespace

TEST_CASE("transfer: what kept the attack on the surrogate from working is told of the target",
          "[transfer]") {
  struct Flat : Edge {  // gradients of zero, and NaN about inputs below 0.1
    Logits<double> logits(const Rows& x) const {
      Logits<double> z = Edge::logits(x);
      for (Index i = 0; i < samples(x); ++i)
        if (x(i, 0) < 0.1) z(i, 1) = std::numeric_limits<double>::quiet_NaN();
      return z;
    }
    auto vjp(const Rows& x) const {
      return Vjp{logits(x), [shape = x.dimensions()](const Logits<double>&) {
                   Rows dx(shape);
                   dx.setZero();
                   return dx;
                 }};
    }
  };
  const Rows x = line(20);
  const Flat flat{{0.5}};
  const Edge target{0.6}, other{0.55};
  const Labels labels = Labels::Zero(20);
  const auto told = [&](const Result<Rows>& result, const std::string& code) {
    for (const Warning& warning : diagnose(result))
      if (warning.code == code) return true;
    return false;
  };
  const auto blind = transfer(FGSM(), flat, target, x, labels, 0.15).on_target;
  for (Index i = 0; i < 20; ++i) {
    CAPTURE(x(i, 0));
    const auto at = static_cast<std::size_t>(i);
    if (x(i, 0) < 0.1) CHECK(blind.status[at] == Status::non_finite);
    if (x(i, 0) > 0.1 && x(i, 0) < 0.5) CHECK(blind.zero_gradients[i] == 1);
    CHECK(blind.gradient_queries[i] == 0);
  }
  CHECK(told(blind, "zero-gradients"));
  const auto seeing = transfer(FGSM(), other, target, x, labels, 0.15).on_target;
  CHECK(seeing.zero_gradients.isZero());
  CHECK_FALSE(told(seeing, "zero-gradients"));
}

TEST_CASE("transfer: an adversarial made for one model counts where it fools the other", "[transfer]") {
  const Rows x = line(20);
  const Edge near{0.5}, far{0.6};
  const Labels labels = Labels::Zero(20);
  const auto result = transfer(FGSM(), near, far, x, labels, 0.15);
  for (Index i = 0; i < 20; ++i) {
    CAPTURE(i, x(i, 0));
    const double moved = x(i, 0) + 0.15;
    const bool made = x(i, 0) < 0.5 && moved > 0.5;
    CHECK(result.on_surrogate.success[i] == (x(i, 0) > 0.5 || made));
    CHECK(result.on_target.success[i] == (x(i, 0) > 0.6 || (made && moved > 0.6)));
    if (result.on_target.success[i])
      CHECK(result.on_target.distances[i] == Approx(x(i, 0) > 0.6 ? 0 : 0.15).margin(1e-12));
    else
      CHECK(std::isinf(result.on_target.distances[i]));
    if (x(i, 0) > 0.5 && x(i, 0) < 0.6)  // nothing was made for what the surrogate has wrong
      CHECK(result.on_target.status[static_cast<std::size_t>(i)] == Status::start_failed);
    CHECK(result.on_target.queries[i] == 2);
    CHECK(result.on_target.gradient_queries[i] == 0);
  }
  CHECK(result.on_surrogate.gradient_queries.sum() > 0);
}

TEST_CASE("transfer: no stage of a suite is to blame for what the target gets wrong as it is", "[transfer]") {
  const Rows x = line(20);
  const Edge near{0.3}, far{0.6};
  const AnyAttack list = suite_of("list", {Stage(FGSM())});
  const auto result = transfer(list, far, near, x, Labels(Labels::Zero(20)), 0.15);
  for (Index i = 0; i < 20; ++i) {
    CAPTURE(i, x(i, 0));
    const bool made = x(i, 0) < 0.6 && x(i, 0) + 0.15 > 0.6;
    CHECK(result.on_surrogate.won_by(i) == (made ? 0 : -1));
    CHECK(result.on_target.won_by(i) == -1);  // all of those are above 0.3 as they are
    CHECK(result.on_target.success[i] == (x(i, 0) > 0.3));
  }
}

TEST_CASE("transfer matrix: each cell is what transfer comes to, the diagonal the attack itself",
          "[transfer]") {
  const Rows x = line(50);
  const std::vector<Edge> edges{{0.3}, {0.5}, {0.55}};
  const std::vector<const Edge*> models{&edges[0], &edges[1], &edges[2]};
  const auto matrix = transfer_matrix<const Edge>(FGSM(), models, x, Labels(Labels::Zero(50)), 0.1);
  for (Index made = 0; made < 3; ++made)
    for (Index on = 0; on < 3; ++on) {
      CAPTURE(made, on);
      const double at = edges[static_cast<std::size_t>(made)].at, to = edges[static_cast<std::size_t>(on)].at;
      Index fooled = 0, right = 0;
      for (Index i = 0; i < 50; ++i) {
        right += x(i, 0) < to;
        fooled += x(i, 0) < to && x(i, 0) < at && x(i, 0) + 0.1 > at && x(i, 0) + 0.1 > to;
      }
      CHECK(matrix.fooled(made, on) == fooled);
      CHECK(matrix.right[on] == right);
      CHECK(matrix.rate(made, on) == static_cast<double>(fooled) / static_cast<double>(right));
    }
  CHECK(matrix.fooled(0, 0) > 0);
  CHECK(matrix.fooled(1, 2) > 0);
  CHECK(matrix.fooled(0, 2) == 0);
}

TEST_CASE("transfer: other bounds are refused, what nobody gets right has no rate", "[transfer]") {
  const Rows x = line(5);
  const Edge target{0.5}, wider{0.5, 2};
  const Labels criterion = Labels::Zero(5);
  CHECK_THROWS_WITH(transfer(FGSM(), wider, target, x, criterion, 0.1),
                    ContainsSubstring("the target's bounds, 0 and 1 at feature 0, got 0 and 2"));
  const std::vector<const Edge*> none{}, one{&target};
  CHECK_THROWS_WITH(transfer_matrix<const Edge>(FGSM(), none, x, criterion, 0.1),
                    ContainsSubstring("at least one model"));
  const auto matrix = transfer_matrix<const Edge>(FGSM(), one, x, Labels(Labels::Ones(5)), 0.1);
  CHECK(matrix.right[0] == 2);  // 0.603 and 0.803
  const Edge never{2};
  const std::vector<const Edge*> wrong{&never};
  CHECK(std::isnan(transfer_matrix<const Edge>(FGSM(), wrong, x, Labels(Labels::Ones(5)), 0.1).rate(0, 0)));
}
