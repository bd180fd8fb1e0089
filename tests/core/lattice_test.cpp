// SPDX-License-Identifier: MIT
#include "foil/core/lattice.hpp"

#include <limits>

#include "support/catch.hpp"

using foil::Index;
using foil::Lattice;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("a lattice of 8 bits has the numbers that images divided by 255 have") {
  const Lattice lattice(0, 1, 255);
  CHECK_FALSE(lattice.empty());
  CHECK(lattice.uniform());
  CHECK(lattice.step(7) == 1.0 / 255);
  for (int k = 0; k <= 255; ++k) {
    CHECK(lattice.value(3, k) == k / 255.0);
    CHECK(static_cast<float>(lattice.value(3, k)) == static_cast<float>(k) / 255.f);
    for (const double at : {k / 255.0, static_cast<double>(static_cast<float>(k) / 255.f),
                            static_cast<double>(static_cast<float>(k) * (1 / 255.f))}) {
      CHECK(lattice.index(0, at) == k);
      CHECK(lattice.near(0, at));
    }
    CHECK(lattice.index(0, (k + 0.49) / 255) == k);
    CHECK(lattice.index(0, (k - 0.49) / 255) == k);
    CHECK_FALSE(lattice.near(0, (k + 0.49) / 255));
    CHECK(lattice.near(0, (k + 0.9e-3) / 255));
    CHECK_FALSE(lattice.near(0, (k + 1.1e-3) / 255));
  }
}

TEST_CASE("a lattice goes on beyond its span, on both sides") {
  const Lattice whole(0, 1, 1);
  CHECK(whole.index(0, -7.2) == -7);
  CHECK(whole.value(0, -7) == -7);
  CHECK(whole.index(0, 1e6 + 0.4) == 1e6);
  const Lattice quarters(-1, 2, 8);
  CHECK(quarters.value(0, 0) == -1);
  CHECK(quarters.value(0, 8) == 1);
  CHECK(quarters.value(0, 11) == 1.75);
  CHECK(quarters.index(0, -1.3) == -1);
}

TEST_CASE("a lattice of its own for every feature, or none") {
  const Lattice lattice(Eigen::Vector3d(0, 10, 0), Eigen::Vector3d(1, 2, 1), Eigen::Vector3d(4, 1, 0));
  CHECK_FALSE(lattice.uniform());
  CHECK(lattice.restricts(0));
  CHECK(lattice.restricts(1));
  CHECK_FALSE(lattice.restricts(2));
  CHECK(lattice.value(0, 3) == 0.75);
  CHECK(lattice.value(1, 3) == 16);
  CHECK(lattice.index(1, 16.9) == 3);
  CHECK_NOTHROW(lattice.check(3));
  CHECK_THROWS_WITH(lattice.check(4), "lattice: given for 3 features, but the input has 4");
  CHECK_NOTHROW(Lattice(0, 1, 255).check(4));

  const Lattice none;
  CHECK(none.empty());
  CHECK_FALSE(none.restricts(5));
  CHECK_NOTHROW(none.check(4));
}

TEST_CASE("lattices refuse what is not one") {
  CHECK_THROWS_WITH(Lattice(not_a_number, 1, 1), Catch::Matchers::ContainsSubstring("finite origin"));
  CHECK_THROWS_WITH(Lattice(0, 0, 1), "lattice: expected a finite span > 0, got 0 at index 0");
  CHECK_THROWS_WITH(Lattice(0, infinity, 1), Catch::Matchers::ContainsSubstring("finite span"));
  CHECK_THROWS_WITH(Lattice(0, not_a_number, 1), Catch::Matchers::ContainsSubstring("finite span"));
  CHECK_THROWS_WITH(Lattice(0, 1, -1), Catch::Matchers::ContainsSubstring("whole number of levels"));
  CHECK_THROWS_WITH(Lattice(0, 1, 2.5),
                    "lattice: expected a whole number of levels >= 0, got 2.5 at index 0");
  CHECK_THROWS_WITH(Lattice(0, 1, infinity), Catch::Matchers::ContainsSubstring("whole number of levels"));
  CHECK_THROWS_WITH(Lattice(Eigen::Vector2d(0, 0), Eigen::Vector2d(1, -1), Eigen::Vector2d(1, 1)),
                    Catch::Matchers::ContainsSubstring("got -1 at index 1"));
  CHECK_THROWS_WITH(Lattice(Eigen::Vector2d(0, 0), Eigen::Vector3d(1, 1, 1), Eigen::Vector2d(1, 1)),
                    Catch::Matchers::ContainsSubstring("got 2, 3 and 2"));
  CHECK_THROWS_AS(Lattice(Eigen::VectorXd(), Eigen::VectorXd(), Eigen::VectorXd()), foil::Error);
}
