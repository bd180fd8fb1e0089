// SPDX-License-Identifier: MIT
#include "foil/geometry/clipped_step.hpp"

#include <cmath>
#include <limits>
#include <random>

#include "support/catch.hpp"

using foil::Bounds;
using foil::Index;
using foil::L1;
using foil::L2;
using foil::Linf;
using foil::Lp;
using foil::geometry::step_clipped;
using foil::geometry::step_of_size;

namespace {

template <class Scalar>
struct Pair {
  Eigen::Matrix<Scalar, Eigen::Dynamic, 1> x, d;
};

template <class Scalar>
Pair<Scalar> random_pair(Index size) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> unit;
  Pair<Scalar> out;
  out.x.resize(size);
  out.d.resize(size);
  for (Index i = 0; i < size; ++i) {
    out.x[i] = static_cast<Scalar>(unit(random));
    out.d[i] = static_cast<Scalar>(normal(random));
  }
  return out;
}

}  // namespace

TEST_CASE("a clipped step ends exactly on the bounds that it meets") {
  const Eigen::Vector4f x(0.1f, 0.9f, 0.3f, 0.5f), d(-1, 2, 0, 0.25f);
  Eigen::Vector4f out;
  step_clipped(x, d, 0.05f, 0.95f, 1, out);
  CHECK(out == Eigen::Vector4f(0.05f, 0.95f, 0.3f, 0.75f));

  const Eigen::VectorXf low = Eigen::Vector4f(-1, 0, 0, 0.6f), high = Eigen::Vector4f(1, 1, 1, 1);
  Eigen::VectorXf in_place = x;
  step_clipped(in_place, d, Bounds<float>(low, high), 1, in_place);
  CHECK(in_place == Eigen::Vector4f(-0.9f, 1, 0.3f, 0.75f));
}

TEMPLATE_TEST_CASE("a step of given size stays in the box and has that size", "", float, double) {
  const auto [x, d] = random_pair<TestType>(3072);
  for (const double order : {0.5, 1.0, 2.0, 3.0})
    for (const double share : {0.001, 0.1, 0.7}) {
      const Bounds<TestType> bounds;
      const double epsilon = share * Lp{order}.size(d);
      Eigen::Matrix<TestType, Eigen::Dynamic, 1> out(x.size());
      const auto found = step_of_size(x, d, bounds, epsilon, Lp{order}, out);
      INFO("p = " << order << ", share " << share);
      if (!found.reached) continue;
      CHECK(out.minCoeff() >= 0);
      CHECK(out.maxCoeff() <= 1);
      CHECK(foil::distance(Lp{order}, x, out) ==
            Catch::Approx(epsilon).epsilon(std::is_same_v<TestType, float> ? 1e-6 : 1e-12));
    }
}

TEST_CASE("steps so small that rounding to float lengthens them are corrected") {
  const auto [x, d] = random_pair<float>(150'528);
  const double epsilon = 2e-3;
  const auto plain = foil::geometry::rescale(x, d, Bounds<float>{}, epsilon, L2{});
  Eigen::VectorXf out(x.size());
  step_clipped(x, d, Bounds<float>{}, plain.eta, out);
  CHECK(std::abs(foil::distance(L2{}, x, out) / epsilon - 1) > 2e-6);  // what there is to correct
  const auto corrected = step_of_size(x, d, Bounds<float>{}, epsilon, L2{}, out);
  CHECK(corrected.reached);
  CHECK(corrected.eta < plain.eta);
  CHECK(std::abs(foil::distance(L2{}, x, out) / epsilon - 1) < 1e-6);
}

TEST_CASE("where the size is out of reach, the step goes into the corner") {
  const Eigen::Vector3d x(0.5, 0.5, 0.5), d(1, -1, 0);
  Eigen::Vector3d out;
  CHECK_FALSE(step_of_size(x, d, Bounds<double>{}, 7, L2{}, out).reached);
  CHECK(out == Eigen::Vector3d(1, 0, 0.5));
}

TEST_CASE("a batch of steps has the bits of its samples") {
  const auto [x, d] = random_pair<float>(3 * 48);
  foil::Tensor<float, 4> inputs(3, 3, 4, 4), directions(3, 3, 4, 4);
  std::copy(x.begin(), x.end(), inputs.data());
  std::copy(d.begin(), d.end(), directions.data());
  const Eigen::Vector3d epsilons(0, 0.4, 100);
  const auto all = step_of_size(inputs, directions, Bounds<float>{}, epsilons, L2{});
  CHECK(foil::sample(all.points, 0) == foil::sample(inputs, 0));
  for (Index i = 0; i < 3; ++i) {
    Eigen::VectorXf out(48);
    const auto one = step_of_size(foil::sample(inputs, i), foil::sample(directions, i), Bounds<float>{},
                                  epsilons[i], L2{}, out);
    CHECK(foil::sample(all.points, i) == out);
    CHECK(all.rescalings.eta[i] == one.eta);
    CHECK(all.rescalings.reached[i] == one.reached);
  }
  CHECK_FALSE(all.rescalings.reached[2]);
  CHECK_THROWS_AS(step_of_size(inputs, directions, Bounds<float>{}, Eigen::VectorXd(2), L2{}), foil::Error);
}
