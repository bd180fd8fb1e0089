// SPDX-License-Identifier: MIT
#include "foil/core/random.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "support/catch.hpp"

namespace {
using namespace foil;
using Words = std::array<std::uint32_t, 4>;

// The known answers that Random123 publishes for philox4x32-10: counter and key all zeros, all ones, and the
// digits of pi.
static_assert(philox4x32({0, 0}, {0, 0, 0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
static_assert(philox4x32({0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}) ==
              Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
static_assert(philox4x32({0xa4093822, 0x299f31d0}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}) ==
              Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});

TEST_CASE("random: philox at run time gives the published answers too", "[random]") {
  volatile std::uint32_t zero = 0;
  CHECK(philox4x32({zero, zero}, {zero, zero, zero, zero}) ==
        Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
}

TEST_CASE("random: a draw reads philox under key, sample, draw, purpose and block", "[random]") {
  const std::uint64_t key = 0x0123456789abcdef, id = 0xfedcba9876543210;
  RandomDraw random(key, id, Purpose::noise, 77);
  for (std::uint32_t block = 0; block < 3; ++block) {
    const Words expected =
        philox4x32({0x89abcdef, 0x01234567},
                   {0x76543210, 0xfedcba98, 77, static_cast<std::uint32_t>(Purpose::noise) << 24 | block});
    for (const std::uint32_t word : expected) CHECK(random.bits() == word);
  }
}

TEST_CASE("random: streams of other keys, samples, purposes and draws differ", "[random]") {
  std::set<std::uint32_t> firsts;
  int streams = 0;
  for (std::uint64_t key : {0u, 1u})
    for (std::uint64_t id : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 32})
      for (Purpose purpose : {Purpose::start, Purpose::noise, Purpose::direction})
        for (std::uint32_t draw : {0u, 1u}) {
          firsts.insert(RandomDraw(key, id, purpose, draw).bits());
          ++streams;
        }
  CHECK(firsts.size() == static_cast<std::size_t>(streams));
}

TEST_CASE("random: the i-th number is the same whatever else is drawn in between", "[random]") {
  RandomDraw alone(1, 2, Purpose::start, 3), interrupted(1, 2, Purpose::start, 3);
  RandomDraw other(1, 2, Purpose::start, 4);
  for (int i = 0; i < 100; ++i) {
    for (int k = 0; k < i % 3; ++k) other.normal();
    CHECK(alone.bits() == interrupted.bits());
  }
  // uniform, normal and exponential read one word each, an integer two.
  RandomDraw mixed(1, 2, Purpose::start, 3), words(1, 2, Purpose::start, 3);
  mixed.uniform();
  mixed.normal();
  mixed.exponential();
  mixed.integer(5);
  for (int i = 0; i < 5; ++i) words.bits();
  CHECK(mixed.bits() == words.bits());
  // A copy goes on from where the original stands, and does not move it.
  RandomDraw copy = mixed;
  const std::uint32_t next = copy.bits();
  CHECK(mixed.bits() == next);
}

TEST_CASE("random: filling a vector gives the numbers that would be drawn one by one, wherever it begins",
          "[random]") {
  for (const Index size : {0, 1, 3, 31, 32, 33, 64, 100, 255, 256, 257, 1000})
    for (int before = 0; before < 6; ++before) {
      CAPTURE(size, before);
      RandomDraw filling(3, 4, Purpose::noise, 5), single(3, 4, Purpose::noise, 5);
      for (int i = 0; i < before; ++i) CHECK(filling.bits() == single.bits());
      Eigen::VectorXd normals(size), uniforms(size);
      filling.fill_normal(normals);
      filling.fill_uniform(uniforms, -2, 5);
      bool same = true;
      for (Index i = 0; i < size; ++i) same = same && normals[i] == single.normal();
      for (Index i = 0; i < size; ++i) same = same && uniforms[i] == single.uniform(-2, 5);
      CHECK(same);
      CHECK(filling.bits() == single.bits());
    }
}

TEST_CASE("random: a draw that is used up says so, and does not repeat itself", "[random]") {
  RandomDraw random(1, 2, Purpose::noise, 3);
  Eigen::VectorXd numbers(1 << 20);
  for (int part = 0; part < 64; ++part) random.fill_uniform(numbers, 0, 1);
  CHECK_THROWS_WITH(random.bits(), Catch::Matchers::ContainsSubstring("67,108,864"));
  CHECK_THROWS_AS(random.normal(), Error);
}

TEST_CASE("random: uniform numbers stay inside the open interval, at its very ends too", "[random]") {
  RandomDraw random(5, 6, Purpose::noise, 0);
  double sum = 0, squares = 0;
  constexpr int count = 200'000;
  for (int i = 0; i < count; ++i) {
    const double u = random.uniform();
    REQUIRE((u > 0 && u < 1));
    sum += u;
    squares += u * u;
  }
  CHECK(sum / count == Catch::Approx(0.5).margin(4 / std::sqrt(12.0 * count)));
  CHECK(squares / count == Catch::Approx(1 / 3.0).margin(4 * std::sqrt(4 / 45.0 / count)));
  Eigen::VectorXd filled(1000);
  random.fill_uniform(filled, -3, 2);
  CHECK(filled.minCoeff() > -3);
  CHECK(filled.minCoeff() < -2.9);
  CHECK(filled.maxCoeff() < 2);
  CHECK(filled.maxCoeff() > 1.9);
}

TEST_CASE("the logarithm is right to two units in the last place", "[random]") {
  const auto check = [](double u) {
    const double expected = std::log(u);
    CAPTURE(u);
    REQUIRE(std::abs(detail::logarithm(u) - expected) <= 0x1p-51 * std::abs(expected));
  };
  for (int i = 1; i < 100'000; ++i) check(i / 100'000.0);
  for (int exponent = -1022; exponent < 1023; ++exponent) check(std::ldexp(1.3, exponent));
  check(0x1p-33);
  check(std::numeric_limits<double>::max());
  CHECK(detail::logarithm(1) == 0);
}

TEST_CASE("random: the normal quantile undoes the normal distribution function", "[random]") {
  // Phi(x) = erfc(-x / sqrt(2)) / 2. An error of the quantile shows in Phi magnified by x Phi'(x) / Phi(x),
  // about x^2 in the lower tail; rounding of u itself limits what the upper tail can show.
  const auto phi = [](double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; };
  double worst = 0;
  for (double exponent = -300; exponent < -0.302; exponent += 0.01) {
    const double u = std::pow(10, exponent), x = normal_quantile(u);
    const double relative = std::abs(phi(x) / u - 1) / std::max(1.0, x * x);
    worst = std::max(worst, relative);
    REQUIRE(x < 0);
  }
  CHECK(worst < 1e-14);
  for (double u = 1e-4; u < 1; u += 1e-4) {
    worst = std::max(worst, std::abs(phi(normal_quantile(u)) - u) / u);
  }
  CHECK(worst < 1e-14);
  CHECK(normal_quantile(0.5) == 0);
  for (const double u : {0x1p-33, 0x1p-20, 0x1p-10, 0.375})
    CHECK(normal_quantile(1 - u) == -normal_quantile(u));
  CHECK(normal_quantile(0.975) == Catch::Approx(1.959963984540054).epsilon(1e-15));
  CHECK(normal_quantile(1e-20) == Catch::Approx(-9.262340089798408).epsilon(1e-15));
}

TEST_CASE("random: the normal quantile increases across the seams of its three pieces", "[random]") {
  for (const double seam : {0.075, 0.925, std::exp(-25.0), 1 - std::exp(-25.0)}) {
    double below = seam, last = -std::numeric_limits<double>::infinity();
    for (int i = 0; i < 40; ++i) below = std::nextafter(below, 0);
    for (int i = 0; i < 80; ++i) {
      const double x = normal_quantile(below);
      CHECK(x >= last - 4e-15 * std::abs(x));
      last = x;
      below = std::nextafter(below, 1);
    }
  }
}

TEST_CASE("random: normal numbers have the moments and the distribution of the normal law", "[random]") {
  constexpr int count = 100'000;
  RandomDraw random(random_key(7, "test"), 0, Purpose::noise, 0);
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
  for (int i = 0; i < count; ++i) {
    const double v = random.normal();
    m1 += v / count;
    m2 += v * v / count;
    m3 += v * v * v / count;
    m4 += v * v * v * v / count;
  }
  const double unit = 4 / std::sqrt(count);  // four standard errors of a statistic of variance one
  CHECK(std::abs(m1) < unit);
  CHECK(std::abs(m2 - 1) < unit * std::sqrt(2));
  CHECK(std::abs(m3) < unit * std::sqrt(15));
  CHECK(std::abs(m4 - 3) < unit * std::sqrt(96));
}

TEST_CASE("random: the normal numbers of many streams are distributed as Kolmogorov and Smirnov expect",
          "[random]") {
  constexpr int streams = 20, count = 20'000;
  double mean = 0;
  for (std::uint64_t seed = 0; seed < streams; ++seed) {
    RandomDraw random(random_key(seed, "test"), seed, Purpose::noise, 0);
    std::vector<double> x(count);
    for (double& v : x) v = random.normal();
    std::sort(x.begin(), x.end());
    double gap = 0;
    for (int i = 0; i < count; ++i) {
      const double phi = std::erfc(-x[static_cast<std::size_t>(i)] / std::sqrt(2.0)) / 2;
      gap = std::max({gap, std::abs(phi - double(i) / count), std::abs(phi - double(i + 1) / count)});
    }
    CHECK(gap * std::sqrt(count) < 2);  // exceeded once in 1,500 streams
    mean += gap * std::sqrt(count) / streams;
  }
  CHECK(mean == Catch::Approx(0.8687).margin(4 * 0.2603 / std::sqrt(streams)));
}

TEST_CASE("random: exponential numbers have mean and variance one", "[random]") {
  constexpr int count = 100'000;
  RandomDraw random(8, 0, Purpose::noise, 0);
  double sum = 0, squares = 0;
  for (int i = 0; i < count; ++i) {
    const double e = random.exponential();
    REQUIRE(e > 0);
    sum += e / count;
    squares += e * e / count;
  }
  CHECK(sum == Catch::Approx(1).margin(4 / std::sqrt(count)));
  CHECK(squares == Catch::Approx(2).margin(4 * std::sqrt(20.0 / count)));
}

TEST_CASE("random: integers are uniform below their count", "[random]") {
  RandomDraw random(9, 0, Purpose::permutation, 0);
  std::array<int, 10> seen{};
  constexpr int count = 100'000;
  for (int i = 0; i < count; ++i) {
    const auto k = random.integer(10);
    REQUIRE(k < 10);
    ++seen[static_cast<std::size_t>(k)];
  }
  double chi_square = 0;
  for (const int n : seen) chi_square += (n - count / 10.0) * (n - count / 10.0) / (count / 10.0);
  CHECK(chi_square < 21.7);  // the 1 % point for nine degrees of freedom
  for (int i = 0; i < 100; ++i) CHECK(random.integer(1) == 0);
}

TEST_CASE("random: an integer is the upper half of a 128-bit product", "[random]") {
  for (const std::uint64_t count : {std::uint64_t{3}, std::uint64_t{0xffffffff}, std::uint64_t{0x100000000},
                                    std::uint64_t{0xfedcba9876543211}, ~std::uint64_t{0}}) {
    RandomDraw random(10, 1, Purpose::mutation, 0), words(10, 1, Purpose::mutation, 0);
    for (int i = 0; i < 1000; ++i) {
      const std::uint64_t high = words.bits(), word = high << 32 | words.bits();
      __extension__ using Wide = unsigned __int128;
      REQUIRE(random.integer(count) == static_cast<std::uint64_t>(Wide{word} * count >> 64));
    }
  }
}

TEST_CASE("random: keys of other seeds, attacks and repetitions differ", "[random]") {
  std::set<std::uint64_t> keys;
  std::size_t made = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    for (const char* attack : {"", "fgsm", "linf-pgd", "l2-pgd", "linf-pgd2"})
      for (std::uint64_t repetition = 0; repetition < 20; ++repetition, ++made)
        keys.insert(random_key(seed, attack, repetition));
  CHECK(keys.size() == made);
  CHECK(random_key(3, "fgsm") == random_key(3, "fgsm", 0));
}
}  // namespace
