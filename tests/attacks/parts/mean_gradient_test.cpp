// SPDX-License-Identifier: MIT
#include "foil/attacks/parts/mean_gradient.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

using namespace foil;
using Input = Tensor<double, 2>;

TEST_CASE("mean gradient: is the mean over the finite answers, each of which is counted") {
  const auto affine = test::random_affine<Input>(2, 3, 4);
  test::Tampered drawing(affine);
  // Call 0 is about the input; then one row after the other: shifts of 1 to 4, the third not finite.
  drawing.answer = [](std::int64_t call, const Input&, Logits<double>& z) {
    for (Index i = 0; call > 0 && i < z.rows(); ++i) z(i, 1) += static_cast<double>(call);
    if (call == 3) z.setConstant(std::numeric_limits<double>::quiet_NaN());
  };
  int pulled = 0;
  drawing.gradient = [&](const Input&, Input& gradient) {
    gradient = gradient * static_cast<double>(++pulled);
  };
  Input x(1, 3);
  x.setConstant(0.5);
  Answer mean;
  const test::Scripted<> script([&](Oracle& oracle) -> Task<> {
    Eigen::VectorXd at = oracle.original();
    co_await oracle.query(at);
    at[0] = 0.25;
    co_await mean_gradient(oracle, at, Loss::margin, 4, mean);
  });
  const Labels never = Labels::Constant(1, 1);
  const auto margin = [&](const Eigen::VectorXd& at) {
    const Eigen::VectorXd z = affine.exact_logits(at);
    return z[1] - z[0];
  };
  RunOptions<Input> options;
  options.batch_size = 1;  // one row to a call
  const auto result = script(drawing, x, TargetedMisclassification(never), options);
  CHECK(result.gradient_queries[0] == 4);
  CHECK(result.queries[0] == 5);
  CHECK(mean.label >= 0);
  CHECK_FALSE(mean.vanished);
  CHECK(mean.loss == Catch::Approx(margin(Eigen::Vector3d(0.25, 0.5, 0.5)) + (1 + 2 + 4) / 3.0));
  const Eigen::VectorXd slope = (affine.weights().row(1) - affine.weights().row(0)).transpose();
  CHECK((mean.gradient - slope * (1 + 2 + 4) / 3.0).norm() < 1e-12);
}

TEST_CASE("mean gradient: without a finite answer it says that there is none") {
  const auto affine = test::random_affine<Input>(2, 3, 4);
  test::Tampered broken(affine);
  broken.answer = [](std::int64_t call, const Input&, Logits<double>& z) {
    if (call > 0) z.setConstant(std::numeric_limits<double>::quiet_NaN());
  };
  Input x(1, 3);
  x.setConstant(0.4);
  Answer mean;
  const test::Scripted<> script([&](Oracle& oracle) -> Task<> {
    Eigen::VectorXd at = oracle.original();
    co_await oracle.query(at);
    co_await mean_gradient(oracle, at, Loss::margin, 3, mean);
  });
  script(broken, x, predict(affine, x));
  CHECK(mean.label == -1);
  CHECK(std::isnan(mean.loss));
  CHECK(mean.gradient == Eigen::Vector3d::Zero());
}
