// SPDX-License-Identifier: MIT
#include "foil/geometry/minimax_step.hpp"

#include <algorithm>
#include <cmath>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using foil::Index;
using foil::geometry::minimax_step;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

TEST_CASE("geometry/minimax_step: of one function, to the corner where it is smallest", "[geometry]") {
  const Matrix slope{{2, -0.5, 0, 1}};
  const Vector lower{{-1, -2, -1, 0}}, upper{{0.5, 3, 1, 0}};
  CHECK(minimax_step(Vector{{7}}, slope, lower, upper) == Vector{{-1, 3, 0, 0}});
  CHECK(minimax_step(Vector{{7}}, 0 * slope, lower, upper).isZero(0));
  CHECK(minimax_step(Vector{{7}}, 1e-200 * slope, 1e-9 * lower, 1e-9 * upper)
            .isApprox(1e-9 * Vector{{-1, 3, 0, 0}}, 1e-12));
}

TEST_CASE("geometry/minimax_step: of opposite functions, to where they meet", "[geometry]") {
  const Vector one = Vector::Ones(1);
  const Matrix slopes{{1}, {-3}};
  CHECK(minimax_step(Vector{{0.2, 1.4}}, slopes, -one, one)[0] == Approx(0.3).epsilon(1e-6));
  CHECK(minimax_step(Vector{{0.2, 1.4}}, slopes, -one, 0.1 * one)[0] == 0.1);
}

TEST_CASE("geometry/minimax_step: nearly the best of all steps in the box", "[geometry]") {
  foil::test::Random random(4);
  for (int repeat = 0; repeat < 100; ++repeat) {
    const Index functions = 2 + random.integer(8), features = 1 + random.integer(60);
    Matrix slopes(functions, features);
    for (double& g : slopes.reshaped()) g = random.normal();
    const Vector values = random.normals(functions), upper = random.uniforms(features, 0, 0.3),
                 lower = -random.uniforms(features, 0, 0.3);
    const Vector step = minimax_step(values, slopes, lower, upper);
    CHECK((step.array() >= lower.array()).all());
    CHECK((step.array() <= upper.array()).all());
    // The least of any weighted mean of the functions is below what a step can reach. The weights: ascent.
    double bound = -1e300;
    Vector weights = Vector::Constant(functions, 1.0 / static_cast<double>(functions));
    for (int t = 1; t < 2000; ++t) {
      const Vector slope = slopes.transpose() * weights;
      const Vector corner = (slope.array() > 0).select(lower, upper);
      const Vector reached = values + slopes * corner;
      bound = std::max(bound, weights.dot(reached));
      weights = weights.array() * (2 / std::sqrt(t) * (reached.array() - reached.maxCoeff())).exp();
      weights /= weights.sum();
    }
    const double now = (values + slopes * step).maxCoeff(), gain = values.maxCoeff() - bound;
    CAPTURE(repeat, functions, features, now, bound, gain);
    CHECK(now <= bound + 0.2 * gain + 1e-9);
  }
}

}  // namespace
