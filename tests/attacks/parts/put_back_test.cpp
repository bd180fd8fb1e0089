// SPDX-License-Identifier: MIT
#include "foil/attacks/parts/put_back.hpp"

#include <limits>

#include "foil/attacks/parts/feature_units.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<double, 2>;

Rows row(std::initializer_list<double> values) {
  Rows out(1, static_cast<Index>(values.size()));
  std::copy(values.begin(), values.end(), out.data());
  return out;
}

/// Class 1 where the weighted sum exceeds 1.
Affine<Rows> above_one(const Eigen::RowVectorXd& weights, const Bounds<double>& bounds = {}) {
  Eigen::MatrixXd both = Eigen::MatrixXd::Zero(2, weights.size());
  both.row(1) = weights;
  return {both, Eigen::Vector2d(1, 0), bounds};
}

}  // namespace

TEST_CASE("put back: what can be spared goes, and the others go to their bounds") {
  const auto model = above_one(Eigen::RowVector4d(0.7, 0.1, 0.6, -0.3));
  Eigen::VectorXd x(4), gradient(4);
  x << 0.9, 0.8, 0.8, 0;
  gradient << 0.7, 0.1, 0.6, -0.3;
  for (const int most : {0, 1, 9}) {
    const Scripted<L0> attack([&](Oracle& oracle) -> Task<> {
      Eigen::VectorXd first = x;
      co_await oracle.query(first);
      co_await put_back(oracle, x, gradient, most);
    });
    const auto result = attack(model, row({0, 0, 0, 0.5}), Labels::Zero(1));
    REQUIRE(result.success[0]);
    CHECK(result.distances[0] == (most == 0 ? 4 : most == 1 ? 3 : 2));
    // The input with the first, then each on trial but for the last.
    CHECK(result.queries[0] == 1 + 1 + std::min(most, 4));
    if (most == 9) CHECK(same_bits(attack(model, row({0, 0, 0, 0.5}), Labels::Zero(1)), result));
    if (most == 9) CHECK(result.adversarials(0, 0) == 1);
    if (most == 9) CHECK(result.adversarials(0, 3) == 0.5);
  }
}

TEST_CASE("put back: without bounds a change stays what it is, and one change is enough") {
  const double inf = std::numeric_limits<double>::infinity();
  const auto model = above_one(Eigen::RowVector3d(2, 0.1, 0.1), {-inf, inf});
  Eigen::VectorXd x(3), gradient(3);
  x << 0.9, 0.8, 0.8;
  gradient << 2, 0.1, 0.1;
  const Scripted<L0> attack([&](Oracle& oracle) -> Task<> { co_await put_back(oracle, x, gradient, 10); });
  const auto result = attack(model, row({0, 0, 0}), Labels::Zero(1));
  CHECK(result.distances[0] == 1);
  CHECK(result.adversarials(0, 0) == 0.9);
  CHECK(result.queries[0] == 3);
}

TEST_CASE("feature units: the range, or what a linear model says") {
  const double inf = std::numeric_limits<double>::infinity();
  Eigen::VectorXd units;
  const auto look = [&](const auto& model, const Rows& x) {
    const Scripted<L0> attack([&](Oracle& oracle) -> Task<> {
      Eigen::VectorXd at = oracle.original();
      const auto& answer = co_await oracle.gradient(at, Loss::margin);
      units = feature_units(oracle, answer.loss, answer.gradient);
    });
    attack(model, x, Labels::Zero(1));
  };
  Eigen::VectorXd low(3), high(3);
  low << -1, -inf, 2;
  high << 3, 5, 2;
  look(above_one(Eigen::RowVector3d(0.25, 0.1, 0.1), {low, high}), row({0, 0, 2}));
  CHECK(units[0] == 4);
  CHECK(units[1] == Catch::Approx(2 * 0.8 / 0.25));
  CHECK(units[2] == 0);
  look(above_one(Eigen::RowVector3d::Zero(), {low, high}), row({0, -7, 2}));
  CHECK(units[1] == 7);
}
