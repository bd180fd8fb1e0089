// SPDX-License-Identifier: MIT
#include "foil/core/sum.hpp"

#include <limits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;

TEST_CASE("sum: every term once, for all lengths around the lanes", "[sum]") {
  for (Index count = 0; count < 40; ++count) {
    std::vector<int> seen(static_cast<std::size_t>(count));
    const double total = sum(count, [&](Index i) {
      ++seen[static_cast<std::size_t>(i)];
      return static_cast<double>(i + 1);
    });
    CHECK(total == static_cast<double>(count * (count + 1) / 2));
    CHECK(std::count(seen.begin(), seen.end(), 1) == count);
    for (Index peak = 0; peak < count; ++peak)
      CHECK(maximum(count, [&](Index i) { return i == peak ? 2.0 : 1.0; }) == 2);
  }
  CHECK(maximum(0, [](Index) { return 1.0; }) == 0);
  CHECK(maximum(9, [](Index) { return -1.0; }) == 0);
}

TEST_CASE("sum: two at once are the same two to the bit", "[sum]") {
  test::Random random(2);
  for (const Index count : {0, 1, 15, 16, 17, 40, 1037}) {
    const Eigen::VectorXd one = random.normals(count), other = random.normals(count);
    const auto [first, second] = two_sums(count, [&](Index i) { return std::pair(one[i], other[i]); });
    CHECK(first == sum(count, [&](Index i) { return one[i]; }));
    CHECK(second == sum(count, [&](Index i) { return other[i]; }));
  }
}

TEST_CASE("sum: the order is fixed: the bits do not depend on where the data lies in memory", "[sum]") {
  test::Random random(1);
  const Eigen::VectorXf values = (10 * random.normals(1037)).cast<float>();
  std::vector<float> room(2000);
  const double first = norm2(values);
  for (std::size_t shift = 0; shift < 16; ++shift) {
    std::copy(values.data(), values.data() + values.size(),
              room.begin() + static_cast<std::ptrdiff_t>(shift));
    const ConstSampleView<float> moved(room.data() + shift, values.size());
    CHECK(norm2(moved) == first);
    CHECK(dot(moved, values) == dot(values, values));
  }
}

TEST_CASE("sum: floats are added up in double", "[sum]") {
  const Eigen::VectorXf values = Eigen::VectorXf::Constant(100'000, 0.1f);
  CHECK(dot(values, Eigen::VectorXf::Ones(100'000)) ==
        Catch::Approx(100'000 * static_cast<double>(0.1f)).epsilon(1e-12));
}

TEST_CASE("sum: the Euclidean length neither overflows nor underflows", "[sum]") {
  for (const double scale : {1e-320, 1e-300, 1e-160, 1e-140, 1.0, 1e140, 1e160, 1e307}) {
    CAPTURE(scale);
    CHECK(norm2(Eigen::Vector2d(3 * scale, -4 * scale)) ==
          Catch::Approx(5 * scale).epsilon(scale < 1e-310 ? 1e-3 : 1e-14));
  }
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(norm2(Eigen::VectorXd(Eigen::VectorXd::Zero(3))) == 0);
  CHECK(norm2(Eigen::Vector2d(1, -infinity)) == infinity);
  CHECK(std::isnan(norm2(Eigen::Vector2d(1, std::numeric_limits<double>::quiet_NaN()))));
}
}  // namespace
