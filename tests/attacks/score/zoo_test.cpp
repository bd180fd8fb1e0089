// SPDX-License-Identifier: MIT
#include "foil/attacks/score/zoo.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/watched.hpp"

using namespace foil;
using Images = test::DoubleImages;
using test::two_classes;
using test::watch;

TEST_CASE("zoo: comes close to the nearest adversarial of affine models, in boxes of any kind") {
  using Rows = Tensor<double, 2>;
  for (const test::Box box : {test::Box::unit, test::Box::wide, test::Box::half_infinite}) {
    const auto p = test::affine_problem<Rows>(3, 8, 2, 4, box);
    const Eigen::VectorXd exact = p.distances<L2>();
    const auto result = ZooAttack({.steps = 150, .constant = 1})(p.model, p.inputs, p.labels);
    REQUIRE(result.success.all());
    for (Index i = 0; i < exact.size(); ++i) {
      CHECK(result.distances[i] >= exact[i] * (1 - 1e-12));
      CHECK(result.distances[i] <= 1.25 * exact[i]);
    }
  }
}

TEST_CASE("zoo: a step asks about x and two points along each of so many features, other ones each time") {
  test::Random random(1);
  const auto model = two_classes(random.normals(60), 100, 1);
  const ZooAttack attack({.rounds = 1, .steps = 9, .features = 20, .sigma = 1e-3, .constant = 1e3});
  const auto seen = watch(attack, model, Images::Dimensions(1, 2, 5, 6), {});
  CHECK(seen.result.queries[0] == 9 * 41);
  REQUIRE(seen.asked.size() == 9 * 41);
  Eigen::VectorXd moved = Eigen::VectorXd::Zero(60);
  for (std::size_t step = 0; step < 9; ++step) {
    const Eigen::VectorXd& x = seen.asked[41 * step];
    Eigen::VectorXd along = Eigen::VectorXd::Zero(60);
    for (std::size_t k = 0; k < 20; ++k) {
      const Eigen::VectorXd &below = seen.asked[41 * step + 1 + 2 * k],
                            &above = seen.asked[41 * step + 2 + 2 * k];
      CHECK((above - x).norm() == Catch::Approx(2e-3));
      CHECK((above + below - 2 * x).norm() < 1e-12);
      CHECK(L0::size(above - below) == 1);
      along += above - below;
    }
    CHECK(L0::size(along) == 20);
    if (step < 8) {
      const Eigen::VectorXd gone = seen.asked[41 * (step + 1)] - x;
      for (Index i = 0; i < 60; ++i) CHECK((gone[i] != 0) == (along[i] != 0));
      CHECK(Linf::size(gone) <= 0.02 * 1.5);
      CHECK(gone.dot(model.weights().row(1)) > 0);
    }
    moved += along;
  }
  CHECK(L0::size(moved) > 45);
}

TEST_CASE("zoo: Adam counts each feature's own steps") {
  zoo::Descent descent(Eigen::VectorXd::Zero(2));
  CHECK(descent.step(0, 5) == Catch::Approx(-1));
  CHECK(descent.step(0, 5) == Catch::Approx(-1));
  CHECK(descent.step(1, -0.01) == Catch::Approx(1).epsilon(1e-5));
  CHECK(descent.step(0, 0) > -1);
}

TEST_CASE("zoo: the constant grows until something is found, then it is bisected") {
  zoo::Weight weight{0.01};
  weight.next(false);
  CHECK(weight.value == Catch::Approx(0.1));
  weight.next(false);
  CHECK(weight.value == Catch::Approx(1));
  weight.next(true);
  CHECK(weight.value == Catch::Approx(0.55));
  weight.next(false);
  CHECK(weight.value == Catch::Approx(0.775));
}

TEST_CASE("zoo: at a bound both points lie within it, as far apart as elsewhere") {
  const Eigen::MatrixXd weights = Eigen::MatrixXd::Identity(2, 9);
  for (const double low : {0.0, -1.0}) {  // the input is at the lower bound, then at the upper one
    const test::Affine<Images> model{weights, Eigen::Vector2d(100, 0), {low, low + 1}};
    const ZooAttack attack({.rounds = 1, .steps = 1, .features = 9, .sigma = 1e-3});
    const auto seen = watch(attack, model, Images::Dimensions(1, 1, 3, 3), {});
    REQUIRE(seen.asked.size() == 19);
    for (std::size_t k = 1; k < 19; k += 2) {
      CHECK((seen.asked[k + 1] - seen.asked[k]).norm() == Catch::Approx(2e-3));
      CHECK(std::min(seen.asked[k].norm(), seen.asked[k + 1].norm()) == 0);
    }
  }
}

TEST_CASE("zoo: at bounds and on lattices the two points lie apart, within the box, and steps add up") {
  test::Random random(2);
  const Eigen::VectorXd w = random.normals(16);
  RunOptions<Images> options;
  options.lattice = Lattice(-1, 2, 20);  // a step of Adam is a fifth of one of its own
  options.mask = Images(1, 1, 4, 4);
  for (Index i = 0; i < 16; ++i) options.mask.data()[i] = i != 5;
  const auto seen = watch(ZooAttack({.rounds = 4, .steps = 50, .constant = 1}), two_classes(w, 2, 1),
                          Images::Dimensions(1, 1, 4, 4), options);
  REQUIRE(seen.result.success[0]);
  for (const Eigen::VectorXd& x : seen.asked)
    for (Index i = 0; i < 16; ++i) {
      REQUIRE(std::abs(x[i]) <= 1);
      REQUIRE((i != 5 || x[i] == 0));
      REQUIRE(std::abs(10 * x[i] - std::round(10 * x[i])) < 1e-9);
    }
  CHECK(seen.result.distances[0] < 1.5 * 2 / w.norm());
}

TEST_CASE(
    "zoo: keeps to its budget, ends where nothing says anything, reaches targets, survives bad answers") {
  const Images::Dimensions shape(1, 1, 3, 3);
  const auto flat = two_classes(Eigen::VectorXd::Zero(9), 1, 1);
  CHECK(watch(ZooAttack({.rounds = 3, .steps = 100}), flat, shape, {}).result.queries[0] <= 3 * 20 * 19);
  CHECK(watch(ZooAttack(), flat, shape, {.query_budget = 33}).result.queries[0] == 33);
  RunOptions<Images> frozen;
  frozen.mask = Images(shape);
  frozen.mask.setZero();
  CHECK(watch(ZooAttack(), flat, shape, frozen).result.queries[0] <= 1);

  test::Random random(5);
  const auto model = test::random_affine<Images>(4, 12, 6);
  const Images inputs = test::random_batch<Images>(random, Images::Dimensions(4, 1, 3, 4));
  const Labels own = predict(model, inputs);
  const Labels targets = own.unaryExpr([](int label) { return (label + 1) % 4; });
  const auto result =
      ZooAttack({.rounds = 5, .steps = 100})(model, inputs, TargetedMisclassification(targets));
  CHECK(result.success.all());
  CHECK(predict(model, result.adversarials) == targets);
  test::Tampered odd(model);
  odd.answer = [](std::int64_t call, const Images&, Logits<double>& z) {
    if (call % 5 == 2) z.setConstant(std::numeric_limits<double>::quiet_NaN());
  };
  const auto tampered = ZooAttack({.rounds = 3, .steps = 60})(odd, inputs, own, {.threads = 1});
  CHECK(tampered.success.any());
  CHECK(tampered.bad_rows.sum() > 0);
  CHECK_THROWS_WITH(ZooAttack({.features = 0}), Catch::Matchers::ContainsSubstring("features in [1, "));
}
