// SPDX-License-Identifier: MIT
#include "foil/attacks/parts/secant.hpp"

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

TEST_CASE("secant: finds the boundary between the input and the best adversarial") {
  using Rows = Tensor<double, 2>;
  const Mlp<Rows> model(20, 30, 2, 1);
  Random random(2);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(20, 20));
  const Labels labels = predict(model, inputs);
  const auto ending = [](int steps) {
    return [steps](Oracle& oracle) -> Task<> {
      Eigen::VectorXd x = oracle.original();
      const auto& clean = co_await oracle.gradient(x, Loss::margin);
      const double below = clean.loss;
      const Eigen::VectorXd slope = clean.gradient / norm2(clean.gradient);
      double above = 0;
      for (double length = 0.1; !oracle.found() && length < 100; length *= 1.5) {
        x = oracle.original() + length * slope;
        above = (co_await oracle.score(x, Loss::margin)).loss;
      }
      if (oracle.found()) co_await secant(oracle, below, above, steps);
    };
  };
  const auto before = Scripted<L2>(ending(0))(model, inputs, labels),
             three = Scripted<L2>(ending(3))(model, inputs, labels),
             many = Scripted<L2>(ending(30))(model, inputs, labels);
  REQUIRE(before.success.count() > 15);
  for (Index i = 0; i < before.size(); ++i) {
    if (!before.success[i]) continue;
    CHECK(three.distances[i] < before.distances[i]);
    CHECK(three.distances[i] < 1.05 * many.distances[i]);
    CHECK(three.queries[i] <= before.queries[i] + 3);
  }
}
