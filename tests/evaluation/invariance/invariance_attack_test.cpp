// SPDX-License-Identifier: MIT
#include "foil/evaluation/invariance/invariance_attack.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "foil/core/sum.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {

using Catch::Matchers::ContainsSubstring;
using foil::Index;
using foil::Logits;
using foil::Status;
using foil::test::Random;
using foil::test::random_batch;

template <class Scalar>
using Vectors = foil::Tensor<Scalar, 2>;

/// The classifier of Jacobsen et al.: on which side of the middle between two spheres a point is, by all of
/// its coordinates but the last.
struct Spheres {
  using Input = Vectors<double>;
  double inner = 1, outer = 10;

  foil::Bounds<double> bounds() const { return {-20.0, 20.0}; }
  static double radius(const auto& x) { return foil::norm2(x.head(x.size() - 1)); }
  Logits<double> logits(const Input& x) const {
    Logits<double> out(foil::samples(x), 2);
    for (Index i = 0; i < out.rows(); ++i) {
      const double beyond = radius(foil::sample(x, i)) - (inner + outer) / 2;
      out.row(i) << -beyond, beyond;
    }
    return out;
  }
  auto vjp(const Input& x) const {
    return foil::Vjp{logits(x), [x](const Logits<double>& cotangent) {
                       Input out(x.dimensions());
                       for (Index i = 0; i < foil::samples(x); ++i) {
                         const auto row = foil::sample(x, i);
                         foil::sample(out, i) = (cotangent(i, 1) - cotangent(i, 0)) / radius(row) * row;
                         foil::sample(out, i)[row.size() - 1] = 0;
                       }
                       return out;
                     }};
  }
};

}  // namespace

TEST_CASE("nearest_in: the point meets the conditions of the optimum", "[evaluation]") {
  Random random(1);
  const Index n = 30;
  int bound_problems = 0;
  for (int problem = 0; problem < 200; ++problem) {
    const Index bands = 1 + random.integer(8);
    foil::BandedBox box;
    box.lower = -random.uniforms(n);
    box.upper = random.uniforms(n);
    box.normals.resize(bands, n);
    const Eigen::VectorXd common = random.normals(n);  // bands that are nearly the same are the hard ones
    for (Index k = 0; k < bands; ++k)
      box.normals.row(k) = std::exp(random.normal()) * (common + 0.3 * random.normals(n)).transpose();
    box.low = -random.uniforms(bands, 0, 0.2);
    box.high = random.uniforms(bands, 0, 0.2);
    const Eigen::VectorXd goal = 2 * random.normals(n);
    const auto found = foil::nearest_in(box, goal);
    CHECK(found.outside < 1e-9);
    const Eigen::VectorXd pull = goal - box.normals.transpose() * found.multipliers;
    CHECK((pull.cwiseMax(box.lower).cwiseMin(box.upper) - found.point).cwiseAbs().maxCoeff() < 1e-9);
    const Eigen::VectorXd at = box.normals * found.point;
    bool bound = false;
    for (Index k = 0; k < bands; ++k) {
      if (found.multipliers[k] > 0) CHECK(at[k] == Catch::Approx(box.high[k]).margin(1e-9));
      if (found.multipliers[k] < 0) CHECK(at[k] == Catch::Approx(box.low[k]).margin(1e-9));
      bound = bound || found.multipliers[k] != 0;
    }
    bound_problems += bound;
  }
  CHECK(bound_problems > 180);  // which random problems have none is the compiler's choice
}

TEST_CASE("invariance_attack: of an affine model, the nearest image in closed form", "[evaluation]") {
  // Logits along orthogonal axes: each is brought into its band by itself.
  Random random(2);
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(3, 6);
  weights(0, 0) = 3;
  weights(0, 1) = 4;
  weights(1, 2) = 2;
  weights(2, 4) = -1;
  const foil::test::Affine<Vectors<double>> model(weights, random.normals(3), {-100.0, 100.0});
  const auto x = random_batch<Vectors<double>>(random, Vectors<double>::Dimensions(5, 6), -2, 2);
  const auto to = random_batch<Vectors<double>>(random, Vectors<double>::Dimensions(5, 6), -2, 2);
  const double tolerance = 0.5;
  const auto result = foil::invariance_attack(model, x, to, {.tolerance = tolerance});
  for (Index i = 0; i < 5; ++i) {
    const Eigen::VectorXd way = weights * (foil::sample(to, i) - foil::sample(x, i));
    const auto nearest = [&](double allowed) {
      double square = 0;
      for (Index k = 0; k < 3; ++k)
        square += std::pow(std::max(0.0, std::abs(way[k]) - allowed) / weights.row(k).norm(), 2);
      return std::sqrt(square);
    };
    CHECK(result.distances[i] >= nearest(tolerance) - 1e-9);
    CHECK(result.distances[i] <= nearest(0.99 * tolerance) + 1e-9);
    CHECK(result.from_input[i] ==
          Catch::Approx((foil::sample(to, i) - foil::sample(x, i)).norm()).epsilon(1e-12));
    CHECK(result.drifts[i] <= tolerance);
    CHECK(result.status[static_cast<std::size_t>(i)] == Status::converged);
  }
  CHECK(result.distances.maxCoeff() > 0.5);
}

TEST_CASE("invariance_attack: the spheres, in closed form", "[evaluation]") {
  const Spheres model;
  Random random(3);
  const Index d = 100;
  Vectors<double> x(3, d), moved(3, d), to(3, d);
  for (Index i = 0; i < 3; ++i) {
    Eigen::VectorXd inner = random.normals(d), outer = random.normals(d);
    inner[d - 1] = 0;
    foil::sample(x, i) = inner.normalized();
    foil::sample(moved, i) = foil::sample(x, i);
    foil::sample(moved, i)[d - 1] = std::sqrt(model.outer * model.outer - model.inner * model.inner);
    foil::sample(to, i) = model.outer * outer.normalized();
  }
  // Along the coordinate that the model does not look at, the other sphere is reached for nothing.
  CHECK(model.logits(moved) == model.logits(x));
  const auto free = foil::invariance_attack(model, x, moved, {.tolerance = 1e-3});
  const auto result = foil::invariance_attack(model, x, to, {.tolerance = 1e-3});
  for (Index i = 0; i < 3; ++i) {
    CHECK(foil::sample(moved, i).norm() == Catch::Approx(model.outer).epsilon(1e-12));
    CHECK(free.distances[i] == 0);
    CHECK(free.drifts[i] == 0);
    CHECK(free.status[static_cast<std::size_t>(i)] == Status::converged);
    // Any other point of the sphere is approached up to the shell that the logits allow.
    const double nearest = Spheres::radius(foil::sample(to, i)) - Spheres::radius(foil::sample(x, i));
    CHECK(result.distances[i] >= nearest - 1e-3 - 1e-9);
    CHECK(result.distances[i] <= nearest - 0.99e-3 + 1e-6);
    CHECK(result.drifts[i] <= 1e-3);
    const Status status = result.status[static_cast<std::size_t>(i)];
    CHECK((status == Status::converged || status == Status::success));
  }
}

TEST_CASE("invariance_attack: what is returned holds, is counted, and depends on no batch", "[evaluation]") {
  const foil::test::Mlp<Vectors<float>> network(12, 10, 4, 4);
  const foil::test::CountingModel model(network);
  Random random(5);
  const auto x = random_batch<Vectors<float>>(random, Vectors<float>::Dimensions(9, 12));
  const auto to = random_batch<Vectors<float>>(random, Vectors<float>::Dimensions(9, 12));
  const auto result = foil::invariance_attack(model, x, to);
  std::int64_t forward = 0, backward = 0;
  const Logits<float> before = network.logits(x), after = network.logits(result.images);
  for (Index i = 0; i < 9; ++i) {
    const auto at = static_cast<std::size_t>(i);
    forward += result.forward[at];
    backward += result.backward[at];
    const double drift = (after.row(i).cast<double>() - before.row(i).cast<double>()).cwiseAbs().maxCoeff();
    CHECK(result.drifts[i] == drift);
    CHECK(drift <= 0.01);
    CHECK(model.bounds().contain(foil::sample(result.images, i)));
    CHECK(result.distances[i] ==
          foil::distance(foil::L2{}, foil::sample(result.images, i), foil::sample(to, i)));
    CHECK(result.distances[i] < 0.9 * result.from_input[i]);
    CHECK((result.status[at] == Status::converged || result.status[at] == Status::success));
  }
  CHECK(forward == model.forward.load());
  CHECK(backward == model.backward.load());

  const auto one_by_one = foil::invariance_attack(model, x, to, {.batch_size = 1});
  CHECK(foil::as_matrix(one_by_one.images) == foil::as_matrix(result.images));
  CHECK(one_by_one.forward == result.forward);

  const auto short_of_steps = foil::invariance_attack(model, x, to, {.steps = 2, .descent = 0});
  CHECK((short_of_steps.distances.array() >= result.distances.array() - 1e-6).all());
  CHECK((short_of_steps.drifts.array() <= 0.01).all());
}

TEST_CASE("invariance_attack: a sample that cannot be is told, and spoils no other", "[evaluation]") {
  const foil::test::Mlp<Vectors<double>> network(4, 6, 3, 6);
  Random random(7);
  const Vectors<double>::Dimensions shape(4, 4);
  auto x = random_batch<Vectors<double>>(random, shape), to = random_batch<Vectors<double>>(random, shape);
  const auto alone = foil::invariance_attack(network, x, to);
  x(1, 2) = 1.5;
  to(2, 0) = std::numeric_limits<double>::quiet_NaN();
  const double marked = x(3, 0);
  foil::test::Tampered model(network);
  model.answer = [&](auto, const auto& given, auto& logits) {
    for (Index i = 0; i < foil::samples(given); ++i)
      if (given(i, 0) == marked) logits(i, 1) = std::numeric_limits<double>::infinity();
  };
  const auto result = foil::invariance_attack(model, x, to);
  CHECK(result.status[1] == Status::invalid_input);
  CHECK(result.status[2] == Status::invalid_input);
  CHECK(result.status[3] == Status::non_finite);
  CHECK(std::isnan(result.drifts[1]));
  CHECK(result.forward[1] == 0);
  CHECK(result.distances[3] == result.from_input[3]);
  CHECK(foil::sample(result.images, 1) == foil::sample(x, 1));
  CHECK(foil::sample(result.images, 0) == foil::sample(alone.images, 0));
  CHECK(result.status[0] == alone.status[0]);

  // A model that answers otherwise in the final check, which is the last of its calls.
  const std::vector<Index> first{0};
  const auto last = foil::invariance_attack(network, foil::gather(x, first), foil::gather(to, first));
  CHECK(last.status[0] == alone.status[0]);
  foil::test::Tampered fickle(network);
  fickle.answer = [&](std::int64_t call, const auto&, auto& logits) {
    if (call == last.forward[0] - 1) logits(0, 0) += 1;
  };
  const auto unstable = foil::invariance_attack(fickle, foil::gather(x, first), foil::gather(to, first));
  CHECK(unstable.status[0] == Status::unstable);
  CHECK(foil::sample(unstable.images, 0) == foil::sample(x, 0));
  CHECK(unstable.distances[0] == unstable.from_input[0]);
  CHECK(unstable.drifts[0] == 0);
  CHECK(unstable.forward[0] == last.forward[0] + 1);

  CHECK_THROWS_WITH(foil::invariance_attack(network, x, foil::gather(to, std::vector<Index>{0})),
                    ContainsSubstring("expected a target for each input"));
  CHECK_THROWS_WITH(foil::invariance_attack(network, x, to, {.tolerance = 0}),
                    ContainsSubstring("tolerance > 0"));
}
