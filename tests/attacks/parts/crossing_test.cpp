// SPDX-License-Identifier: MIT
#include "foil/attacks/parts/crossing.hpp"

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/scripted.hpp"

using namespace foil;
using namespace foil::test;

namespace {

using Rows = Tensor<double, 2>;

}  // namespace

TEST_CASE("crossing: beyond an affine boundary at once, then at its nearest point, and that is all") {
  const auto p = affine_problem<Rows>(2, 30, 20, 5, Box::wide);
  const Scripted<L2> attack([](Oracle& oracle) -> Task<> {
    Crossing walk{oracle.original()};
    for (int step = 0; step < 10; ++step) {
      const Answer& at = co_await oracle.gradient(walk.x, Loss::margin);
      const bool further = crossing_step<L2>(oracle, walk, at, {}, 0.1);
      if (walk.found() && walk.distance != oracle.best_distance()) co_return;
      if (!further) co_return;
    }
  });
  const auto result = attack(p.model, p.inputs, p.labels);
  const auto distances = p.distances<L2>();
  for (Index i = 0; i < 20; ++i) {
    CHECK(result.distances[i] == Catch::Approx(distances[i]).epsilon(1e-6));
    CHECK(result.queries[i] == 3);  // the input, beyond the boundary by a tenth, on it
  }
}

TEST_CASE("crossing: on a curved boundary every adversarial is closer than the one before, or half way") {
  const Mlp<Rows> model(20, 30, 4, 1);
  Random random(2);
  const auto inputs = random_batch<Rows>(random, Rows::Dimensions(20, 20));
  const Labels labels = predict(model, inputs);
  const auto steps = [](int most) {
    return [most](Oracle& oracle) -> Task<> {
      Crossing walk{oracle.original()};
      bool further = true;
      for (int step = 0; further && step < most; ++step) {
        const double before = walk.distance;
        const Answer& at = co_await oracle.gradient(walk.x, Loss::margin);
        further = crossing_step<L2>(oracle, walk, at, {}, 0.05) && walk.distance <= before;
      }
    };
  };
  const auto few = Scripted<L2>(steps(10))(model, inputs, labels),
             many = Scripted<L2>(steps(60))(model, inputs, labels);
  CHECK(few.success.all());
  CHECK((many.distances.array() <= few.distances.array()).all());
  CHECK((many.queries.array() < 60).all());  // it ends where the linear model has nothing more to give
}

TEST_CASE("crossing: without a gradient there is no step") {
  const Affine<Rows> flat(Eigen::MatrixXd::Zero(2, 3), Eigen::Vector2d(0, 1));
  Rows inputs(1, 3);
  inputs.setConstant(0.5);
  bool moved = true;
  const Scripted<L2> attack([&moved](Oracle& oracle) -> Task<> {
    Crossing walk{oracle.original()};
    const Answer& at = co_await oracle.gradient(walk.x, Loss::margin);
    moved = crossing_step<L2>(oracle, walk, at, {}, 0.05);
  });
  CHECK(attack(flat, inputs, Labels::Constant(1, 1)).success.count() == 0);
  CHECK(!moved);
}
