// SPDX-License-Identifier: MIT
#include "foil/geometry/representable.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using geometry::Box;
using geometry::Representable;
using test::Random;
using Vector = Eigen::VectorXd;

constexpr double infinity = std::numeric_limits<double>::infinity();

double stored(bool single, double value) {
  return single ? static_cast<double>(static_cast<float>(value)) : value;
}

bool same_bits(double a, double b) {
  return a == b && std::signbit(a) == std::signbit(b);
}

/// A sample, and a point to settle.
struct Case {
  bool single;
  Vector original;
  Box box;
  Vector x;
  Lattice lattice{};

  Index size() const { return original.size(); }
  double rounded(double value) const { return stored(single, value); }
  /// Entry i of the point as it is without a lattice.
  double clipped(Index i) const { return std::min(std::max(rounded(x[i]), box.lower[i]), box.upper[i]); }
  Representable points(Lp norm) const { return {original, box, norm, single, &lattice}; }
};

/// Any scale, infinite bounds, masks, points that are not finite.
Case random_case(Random& random) {
  const Index n = 1 + random.integer(40);
  Case c{random.integer(2) == 0, {}, {Vector(n), Vector(n)}, {}};
  const bool masked = random.integer(2) == 0;
  if (masked) c.box.frozen.setConstant(n, false);
  const double size = std::pow(10, random.uniform(-3, 6));
  c.original = size * random.normals(n);
  c.x = c.original + size * std::pow(10, random.uniform(-9, 25)) * random.normals(n);
  for (Index i = 0; i < n; ++i) {
    c.original[i] = c.rounded(c.original[i]);
    c.box.lower[i] = random.integer(3) == 0 ? -infinity : c.rounded(c.original[i] - size * random.uniform());
    c.box.upper[i] = random.integer(3) == 0 ? infinity : c.rounded(c.original[i] + size * random.uniform());
    if (random.integer(8) == 0) {
      c.box.lower[i] = c.box.upper[i] = c.original[i];
      if (masked) c.box.frozen[i] = true;
    }
    if (random.integer(30) == 0) c.x[i] = random.integer(2) == 0 ? infinity : -infinity;
    if (random.integer(30) == 0) c.x[i] = std::numeric_limits<double>::quiet_NaN();
  }
  return c;
}

double random_epsilon(Random& random) {
  return std::vector{
      0.0, 1e-300, 1e-12, std::pow(10, random.uniform(-8, 8)), 1e30, infinity}[static_cast<std::size_t>(
      random.integer(6))];
}

// --- any value ---

TEMPLATE_TEST_CASE("a settled point is stored exactly, in the box and within epsilon, in every bit", "", L1,
                   L2, Linf) {
  Random random(1);
  for (int repeat = 0; repeat < 4000; ++repeat) {
    const Case c = random_case(random);
    const Representable points = c.points(TestType{});
    const double epsilon = random_epsilon(random);
    Vector x = c.x;
    points.settle(x, epsilon);
    CAPTURE(repeat, epsilon, c.single, c.original.transpose(), c.x.transpose(), x.transpose());
    REQUIRE(c.box.contains(x));
    bool sound = true;
    for (Index i = 0; i < x.size(); ++i) {
      sound = sound && x[i] == c.rounded(x[i]);
      if (c.box.is_frozen(i)) sound = sound && same_bits(x[i], c.original[i]);
    }
    REQUIRE(sound);
    REQUIRE(points.holds(x));
    REQUIRE(TestType::size(Vector(x - c.original)) <= epsilon);
    Vector again = x;
    points.settle(again, epsilon);
    REQUIRE(again == x);
  }
}

TEMPLATE_TEST_CASE("settling takes no more of the radius than rounding does", "", L1, L2, Linf) {
  Random random(2);
  for (int repeat = 0; repeat < 500; ++repeat) {
    const Index n = 1 + random.integer(50);
    const bool single = repeat % 2 == 0;
    Vector original = random.uniforms(n);
    if (single) original = original.cast<float>().cast<double>();
    const Box box{Vector::Constant(n, -infinity), Vector::Constant(n, infinity)};
    const Representable points(original, box, TestType{}, single);
    const double epsilon = std::pow(10, random.uniform(-2, 3));
    // Just beyond the ball, as a projection that forgot about rounding leaves it.
    Vector x = random.normals(n);
    x = original + x * (epsilon * (1 + 1e-15) / TestType::size(x));
    const Vector before = x;
    points.settle(x, epsilon);
    const double unit = (single ? 0x1p-23 : 0x1p-52) * std::max(1.0, epsilon);
    const double size = TestType::size(Vector(x - original));
    CHECK(size <= epsilon);
    CHECK(size >= epsilon - 32 * static_cast<double>(n) * unit);
    CHECK((x - before).template lpNorm<Eigen::Infinity>() <= 32 * static_cast<double>(n) * unit);
  }
}

TEST_CASE("a point that may stay, stays bit for bit") {
  Random random(3);
  for (const Lp norm : {Lp(L0{}), Lp(L1{}), Lp(L2{}), Lp(3), Lp(Linf{})}) {
    const Vector original = random.uniforms(20).cast<float>().cast<double>();
    const Box box{Vector::Zero(20), Vector::Ones(20)};
    const Representable points(original, box, norm, true);
    const Vector x = random.uniforms(20).cast<float>().cast<double>();
    CHECK(points.holds(x));
    Vector settled = x;
    points.settle(settled, norm.size(x - original));
    CHECK(settled == x);
    settled = original;
    points.settle(settled, 0);
    CHECK(settled == original);
  }
}

TEST_CASE("what cannot be stored is not held") {
  const Vector original = Eigen::Vector3d(0.5, 0.5, -0.0);
  Box box{Eigen::Vector3d(0, 0.5, -0.0), Eigen::Vector3d(1, 0.5, -0.0)};
  box.frozen = Eigen::Array3i(0, 0, 1).cast<bool>();
  const Representable floats(original, box, L2{}, true), doubles(original, box, L2{}, false);
  const auto third = Eigen::Vector3d(1.0 / 3, 0.5, 0);
  CHECK_FALSE(floats.holds(third));
  CHECK(doubles.holds(third));
  CHECK_FALSE(doubles.holds(Eigen::Vector3d(0.5, 0.25, 0)));
  CHECK_FALSE(doubles.holds(Eigen::Vector3d(1.5, 0.5, 0)));
  CHECK_FALSE(doubles.holds(Eigen::Vector3d(0.5, 0.5, 0.1)));
  CHECK_FALSE(doubles.holds(Eigen::Vector3d(std::nan(""), 0.5, 0)));
  CHECK(floats.on_lattice(third));

  for (const double value : {0.0, 3.0, std::nan("")}) {
    Vector x = Eigen::Vector3d(0.5, 0.5, value);
    floats.settle(x);
    CHECK(same_bits(x[2], -0.0));
  }
}

TEST_CASE("in doubles as large as they come, settling neither overflows nor leaves the ball") {
  const double huge = std::numeric_limits<double>::max();
  for (const Lp norm : {Lp(L1{}), Lp(L2{}), Lp(Linf{})}) {
    const Vector original = Eigen::Vector2d(-0.9 * huge, 0.5), end = Eigen::Vector2d(huge, huge);
    const Box box{-end, end};
    const Representable points(original, box, norm, false);
    for (const double epsilon : {1.0, 1e300, huge}) {
      Vector x = Eigen::Vector2d(0.9 * huge, -0.9 * huge);
      points.settle(x, epsilon);
      CHECK(x.allFinite());
      CHECK(norm.size(x - original) <= epsilon);
    }
  }
}

TEST_CASE("an interval that was fitted for one epsilon is not used for another") {
  const Vector original = Eigen::Vector2d(0.25, 0.75);
  const Box box{Vector::Zero(2), Vector::Ones(2)};
  const Representable points(original, box, Linf{}, false);
  for (const double epsilon : {0.125, 0.5, 0.125, 0.0}) {
    Vector x = Eigen::Vector2d(1, 0.5);
    points.settle(x, epsilon);
    CHECK(x[0] == 0.25 + epsilon);
    CHECK(x[1] == 0.75 - std::min(epsilon, 0.25));
  }
}

// --- on a lattice ---

/// What an entry may be: the lattice points in the box, rounded, with the original's own bits in place of the
/// point that it is; and the original's own value.
std::vector<double> admissible(const Case& c, Index i) {
  if (c.box.is_frozen(i)) return {c.original[i]};
  std::vector<double> out;
  for (double k = -60; k <= 60; ++k) {
    double value = c.rounded(c.lattice.value(i, k));
    const bool own = std::abs(c.original[i] - c.lattice.value(i, k)) <= 1e-3 * c.lattice.step(i);
    if (own) value = c.original[i];
    if (value >= c.box.lower[i] && value <= c.box.upper[i]) out.push_back(value);
  }
  return out;
}

bool is_one_of(const std::vector<double>& values, double value) {
  for (const double v : values)
    if (same_bits(v, value)) return true;
  return false;
}

/// Lattices of any place and width, the same for all features or one each; originals on it, up to a tenth of
/// the tolerance, or, one in five, anywhere; boxes that end on it, between its points, or not at all; points
/// anywhere, on the lattice, half way between its points, at the original.
Case random_lattice_case(Random& random, Index n, bool off_lattice) {
  Case c{random.integer(2) == 0, Vector(n), {Vector(n), Vector(n)}, Vector(n)};
  Vector origins(n), spans(n), levels(n);
  const bool uniform = random.integer(2) == 0;
  for (Index i = 0; i < n; ++i) {
    origins[i] = random.uniform(-1, 1);
    spans[i] = random.uniform(0.1, 4);
    levels[i] = static_cast<double>(1 + random.integer(20));
  }
  c.lattice = uniform ? Lattice(origins[0], spans[0], levels[0]) : Lattice(origins, spans, levels);
  if (random.integer(2) == 0) c.box.frozen.setConstant(n, false);
  for (Index i = 0; i < n; ++i) {
    const double step = c.lattice.step(i);
    const auto near = [&](double k) { return c.lattice.value(i, k); };
    const auto k = static_cast<double>(random.integer(21) - 10);
    c.original[i] = near(k + (off_lattice ? random.uniform(-0.5, 0.5) : 0.0));
    if (!off_lattice && random.integer(2) == 0) c.original[i] += 1e-4 * step * random.uniform(-1, 1);
    c.original[i] = c.rounded(c.original[i]);
    const auto end = [&](double side) {
      switch (random.integer(4)) {
        case 0:
          return side * infinity;
        case 1:
          return c.original[i];
        case 2:
          return c.rounded(near(k + side * static_cast<double>(1 + random.integer(8))));
        default:
          return c.rounded(c.original[i] + side * step * random.uniform(0, 8));
      }
    };
    c.box.lower[i] = std::min(end(-1), c.original[i]);
    c.box.upper[i] = std::max(end(1), c.original[i]);
    const double away = random.uniform(-10, 10);
    const double choices[] = {c.original[i] + away * step, near(k + std::round(away)),
                              near(k + std::round(away) + 0.5), c.original[i],
                              c.original[i] + 0.3 * away * step};
    c.x[i] = choices[random.integer(5)];
    if (c.box.frozen.size() > 0 && random.integer(4) == 0) {
      c.box.frozen[i] = true;
      c.original[i] = c.rounded(random.normal());
      c.box.lower[i] = c.box.upper[i] = c.original[i];
    }
  }
  return c;
}

TEST_CASE("settling to a lattice goes to the nearest of the admissible values, entry by entry") {
  Random random(4);
  int moved = 0, home = 0;
  for (int repeat = 0; repeat < 3000; ++repeat) {
    const Case c = random_lattice_case(random, 1 + random.integer(6), repeat % 3 == 0);
    for (const Lp norm : {Lp(L0{}), Lp(L2{}), Lp(Linf{})}) {
      const Representable points = c.points(norm);
      Vector x = c.x;
      points.settle(x, norm.p == 0 ? 1e-9 : infinity);
      for (Index i = 0; i < x.size(); ++i) {
        CAPTURE(repeat, c.single, i, c.original[i], c.box.lower[i], c.box.upper[i], c.x[i], x[i],
                c.lattice.value(i, 0), c.lattice.step(i));
        const auto values = admissible(c, i);
        const double from = c.clipped(i);
        if (from == c.original[i] || values.empty()) {
          REQUIRE(same_bits(x[i], c.original[i]));
          continue;
        }
        REQUIRE(is_one_of(values, x[i]));
        for (const double v : values)
          REQUIRE(std::abs(x[i] - from) <= std::abs(v - from) + 2e-3 * c.lattice.step(i));
        (x[i] == c.original[i] ? home : moved) += 1;
      }
      REQUIRE(points.holds(x));
      Vector again = x;
      points.settle(again);
      REQUIRE(again == x);
    }
  }
  CHECK(moved > 10'000);
  CHECK(home > 1'000);
}

/// A radius of which rounding to the nearest points takes away something, mostly.
double lattice_epsilon(Random& random, const Case& c, Lp norm) {
  const double size = norm.size(Vector(c.x - c.original));
  const double choices[] = {0, 1e-9, size, size * random.uniform(), size * random.uniform(), 1e30};
  return choices[random.integer(6)];
}

TEST_CASE("settling to a lattice within epsilon ends on it, in the box, within epsilon, and stays there") {
  Random random(5);
  for (int repeat = 0; repeat < 6000; ++repeat) {
    const bool off = repeat % 4 == 0;
    const Case c = random_lattice_case(random, 1 + random.integer(40), off);
    for (const Lp norm : {Lp(0.5), Lp(L1{}), Lp(1.5), Lp(L2{}), Lp(7), Lp(Linf{})}) {
      const Representable points = c.points(norm);
      const double epsilon = lattice_epsilon(random, c, norm);
      Vector x = c.x;
      points.settle(x, epsilon);
      CAPTURE(repeat, norm.p, epsilon, c.single, c.original.transpose(), c.x.transpose(), x.transpose());
      REQUIRE(norm.size(x - c.original) <= epsilon);
      REQUIRE(c.box.contains(x));
      REQUIRE(points.holds(x));
      for (Index i = 0; i < x.size(); ++i) {
        if (same_bits(x[i], c.original[i])) continue;
        REQUIRE_FALSE(c.box.is_frozen(i));
        REQUIRE(is_one_of(admissible(c, i), x[i]));
      }
      if (!off) REQUIRE(points.on_lattice(x));
      Vector again = x;
      points.settle(again, epsilon);
      REQUIRE(again == x);
      points.settle(again);  // as when the model is asked
      REQUIRE(again == x);
    }
  }
}

TEST_CASE("in Linf every entry is the admissible value within epsilon that is nearest") {
  Random random(6);
  int limited = 0;
  for (int repeat = 0; repeat < 3000; ++repeat) {
    const Case c = random_lattice_case(random, 5, repeat % 4 == 0);
    const Representable points = c.points(Linf{});
    const double epsilon = lattice_epsilon(random, c, Linf{});
    Vector x = c.x;
    points.settle(x, epsilon);
    for (Index i = 0; i < x.size(); ++i) {
      CAPTURE(repeat, i, c.original[i], c.x[i], x[i], epsilon, c.lattice.value(i, 0), c.lattice.step(i));
      REQUIRE(std::abs(x[i] - c.original[i]) <= epsilon);
      const double from = c.clipped(i);
      if (from == c.original[i]) continue;
      for (const double v : admissible(c, i)) {
        if (std::abs(v - c.original[i]) > epsilon) {
          limited += std::abs(v - from) < std::abs(x[i] - from);
          continue;
        }
        REQUIRE(std::abs(x[i] - from) <= std::abs(v - from) + 2e-3 * c.lattice.step(i));
      }
    }
  }
  CHECK(limited > 300);
}

/// The least sum of distances that rounding has to move a point of the ball by, over all choices of the
/// nearest lattice point or its neighbour on the side of the original.
double least_detour(const Case& c, Lp norm, const Vector& inside, double epsilon) {
  const Index n = c.size();
  double least = infinity;
  for (unsigned choice = 0; choice < (1u << n); ++choice) {
    Vector x(n);
    for (Index i = 0; i < n; ++i) {
      const double k = c.lattice.index(i, inside[i]), away = c.lattice.value(i, k) - inside[i];
      const double side = inside[i] > c.original[i] ? 1 : -1;
      const bool back = (choice >> i & 1u) != 0;
      x[i] = c.rounded(c.lattice.value(i, back && away * side > 0 ? k - side : k));
    }
    if (norm.size(x - c.original) <= epsilon) least = std::min(least, L1::size(Vector(x - inside)));
  }
  return least;
}

TEST_CASE("roundings are taken back at the least expense: in L1 on equal steps exactly, in L2 nearly") {
  Random random(7);
  const Lattice lattice(0, 1, 255);
  int needed = 0;
  double total = 0, best = 0;
  for (int repeat = 0; repeat < 2000; ++repeat) {
    const Index n = 1 + random.integer(9);
    Case c{repeat % 2 == 0, Vector(n), {Vector::Zero(n), Vector::Ones(n)}, Vector(n), lattice};
    for (Index i = 0; i < n; ++i) {
      c.original[i] = c.rounded(static_cast<double>(100 + random.integer(56)) / 255);
      c.x[i] = c.rounded(c.original[i] + random.uniform(-6, 6) / 255);
    }
    for (const Lp norm : {Lp(L1{}), Lp(L2{})}) {
      const double epsilon = norm.size(c.x - c.original);
      Vector x = c.x;
      c.points(norm).settle(x, epsilon);
      const double detour = L1::size(Vector(x - c.x)), least = least_detour(c, norm, c.x, epsilon);
      CAPTURE(repeat, norm.p, c.single, detour * 255, least * 255, n);
      REQUIRE(norm.size(x - c.original) <= epsilon);
      if (norm.p == 1) REQUIRE(detour <= least * (1 + 1e-6) + 1e-12);
      // The last one taken back may be more than was needed.
      REQUIRE(detour <= least + 1.0 / 255);
      total += detour;
      best += least;
      Vector nearest = c.x;
      c.points(norm).settle(nearest);
      needed += nearest != x;
    }
  }
  CHECK(needed > 1'000);
  CHECK(total <= 1.05 * best);
}

TEMPLATE_TEST_CASE("images of 8 bits stay images of 8 bits", "", float, double) {
  const bool single = std::is_same_v<TestType, float>;
  Random random(8);
  const Index n = 500;
  const Lattice lattice(0, 1, 255);
  const auto by_division = [](int k) {
    return static_cast<double>(static_cast<TestType>(k) / TestType(255));
  };
  const auto by_factor = [](int k) {
    return static_cast<double>(static_cast<TestType>(k) * (1 / TestType(255)));
  };
  Vector original(n);
  for (Index i = 0; i < n; ++i) {
    const int k = static_cast<int>(random.integer(256));
    original[i] = i % 2 == 0 ? by_division(k) : by_factor(k);
  }
  const Box box{Vector::Zero(n), Vector::Ones(n).cwiseMax(original)};
  for (const Lp norm : {Lp(L0{}), Lp(L1{}), Lp(L2{}), Lp(Linf{})}) {
    const Representable points(original, box, norm, single, &lattice);
    CHECK(points.on_lattice(original));
    Vector x = original;
    points.settle(x);
    CHECK(x == original);
    x = original + 0.4 / 255 * random.uniforms(n, -1, 1);
    CHECK_FALSE(points.on_lattice(x));
    CHECK_FALSE(points.holds(x));
    points.settle(x);
    CHECK(x == original);

    x = original + 0.05 * random.normals(n);
    points.settle(x, norm.size(x - original));
    for (Index i = 0; i < n; ++i) {
      const int k = static_cast<int>(std::lround(255 * x[i]));
      REQUIRE((x[i] == original[i] || x[i] == by_division(k)));
    }
    CHECK(points.on_lattice(x));
  }
}

TEST_CASE("features without a lattice beside such with one are settled as if there were none") {
  Random random(9);
  for (int repeat = 0; repeat < 500; ++repeat) {
    const Index n = 2 + random.integer(20);
    Vector levels = Vector::Constant(n, 10);
    for (Index i = 0; i < n; ++i)
      if (random.integer(2) == 0) levels[i] = 0;
    const Lattice lattice(Vector::Zero(n), Vector::Ones(n), levels);
    Vector original(n);
    for (Index i = 0; i < n; ++i)
      original[i] =
          stored(true, levels[i] > 0 ? static_cast<double>(random.integer(11)) / 10 : random.uniform());
    const Box box{Vector::Zero(n), Vector::Ones(n)};
    for (const Lp norm : {Lp(L1{}), Lp(L2{}), Lp(Linf{})}) {
      const Representable points(original, box, norm, true, &lattice), free(original, box, norm, true);
      Vector x = random.uniforms(n), without = x;
      const double epsilon = random.uniform() * norm.size(x - original);
      points.settle(x, epsilon);
      free.settle(without, epsilon);
      CAPTURE(repeat, norm.p);
      REQUIRE(norm.size(x - original) <= epsilon);
      REQUIRE(points.holds(x));
      for (Index i = 0; i < n; ++i)
        if (levels[i] == 0) REQUIRE(x[i] == without[i]);
      Vector again = x;
      points.settle(again, epsilon);
      REQUIRE(again == x);
    }
  }
}

TEST_CASE("an original is alone within less than the way to the nearest point that can be stored") {
  Vector original = Eigen::Vector3d(0.75, 0.25, 0.5);
  Box box{Vector::Zero(3), Vector::Ones(3)};
  const auto nearest = [&](Lp norm, bool single, const Lattice& lattice, double distance) {
    const Representable points(original, box, norm, single, &lattice);
    return points.alone(std::nextafter(distance, 0.0)) && !points.alone(distance);
  };
  for (const Lp norm : {Lp(L1{}), Lp(L2{}), Lp(Linf{}), Lp(3)}) {
    CHECK(nearest(norm, true, {}, 0x1p-26));  // below 0.25
    CHECK(nearest(norm, false, {}, 0x1p-55));
    CHECK(nearest(norm, true, Lattice(0, 1, 8), 0.125));
    CHECK(nearest(norm, true, Lattice(0, 1, 10), 0.25 - static_cast<double>(0.2f)));
    CHECK(Representable(original, box, norm, true).alone(0));
  }
  CHECK(nearest(L0{}, true, {}, 1));
  CHECK(nearest(L0{}, true, Lattice(0, 1, 8), 1));
  box.lower[1] = 0.25;  // no way down
  CHECK(nearest(L2{}, true, {}, 0x1p-25));
  box.frozen = (Eigen::Array<bool, Eigen::Dynamic, 1>(3) << false, true, false).finished();
  box.upper[1] = 0.25;
  CHECK(nearest(L2{}, true, {}, 0x1p-25));  // below 0.5
  original[2] = 0;
  CHECK(nearest(L2{}, true, {}, 0x1p-149));
  CHECK(nearest(L2{}, false, {}, 0x1p-1074));
  box.upper = box.lower = original;
  CHECK(Representable(original, box, L2{}, false).alone(infinity));
}

TEST_CASE("an empty lattice is none, and one for other features is refused") {
  const Vector original = Vector::Constant(2, 0.5);
  const Box box{Vector::Zero(2), Vector::Ones(2)};
  const Lattice none, three(Vector::Zero(3), Vector::Ones(3), Vector::Ones(3));
  Vector x = Vector::Constant(2, 0.25);
  Representable(original, box, L2{}, true, &none).settle(x);
  CHECK(x == Vector::Constant(2, 0.25));
  CHECK_THROWS_WITH(Representable(original, box, L2{}, true, &three),
                    Catch::Matchers::ContainsSubstring("3 features, but the input has 2"));
}

TEST_CASE("originals off the lattice: unchanged entries stay, the others go to it as far as epsilon allows") {
  const Vector original = Eigen::Vector3d(0.5, 0.5, 0.5);
  Box box{Vector::Zero(3), Vector::Ones(3)};
  const Lattice fifths(0, 1, 5);
  const Representable points(original, box, Linf{}, false, &fifths);
  CHECK_FALSE(points.on_lattice(original));
  Vector x = Eigen::Vector3d(0.5, 0.52, 0.7);
  points.settle(x);
  CHECK(x == Eigen::Vector3d(0.5, 0.6, 0.8));
  x << 0.5, 0.52, 0.9;
  points.settle(x, 0.15);
  CHECK(x == Eigen::Vector3d(0.5, 0.6, 0.6));
  x << 0.5, 0.52, 0.9;
  points.settle(x, 0.05);
  CHECK(x == original);
  box.frozen.setConstant(3, true);
  CHECK(points.on_lattice(original));
}

TEST_CASE("floats too coarse for the tolerance are lattice points all the same") {
  const Lattice fine(0, 1, 65535);  // images of 16 bits
  Vector original(65536);
  for (Index k = 0; k < original.size(); ++k)
    original[k] = static_cast<double>(static_cast<float>(k) / 65535.f);
  const Box box{Vector::Zero(original.size()), Vector::Ones(original.size())};
  const Representable points(original, box, L2{}, true, &fine);
  CHECK(points.on_lattice(original));
  Vector x = original.array() + 0.3 / 65535;
  points.settle(x);
  CHECK(x == original);
}

TEST_CASE("numbers too large for a lattice point are put back to the original") {
  const double huge = std::numeric_limits<double>::max();
  const Vector original = Vector::Zero(2);
  const Box box{Vector::Constant(2, -infinity), Vector::Constant(2, infinity)};
  const Lattice lattice(0, 1, 255);
  for (const Lp norm : {Lp(L1{}), Lp(L2{}), Lp(Linf{})}) {
    const Representable points(original, box, norm, false, &lattice);
    for (const double epsilon : {1.0, 1e30, huge, infinity}) {
      Vector x = Eigen::Vector2d(huge, -infinity);
      points.settle(x, epsilon);
      CHECK(x.allFinite());
      CHECK(norm.size(x) <= epsilon);
      CHECK(points.holds(x));
      x << 1e6, 0.1 / 255;
      points.settle(x, epsilon);
      CHECK(x[0] == (epsilon == 1 ? 1 : 1e6));
      CHECK(x[1] == 0);
    }
  }
}
}  // namespace
