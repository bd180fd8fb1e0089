// SPDX-License-Identifier: MIT
#include "foil/core/simd.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "support/catch.hpp"

using foil::Index;
using foil::simd::Pack;

TEMPLATE_TEST_CASE("simd: map treats every length alike and writes nothing beyond it", "[core][simd]", float,
                   double) {
  using T = TestType;
  for (Index n = 0; n <= 3 * foil::simd::lanes<T> + 1; ++n) {
    std::vector<T> a, b, out(static_cast<std::size_t>(n) + 1, T(-7));
    for (Index i = 0; i < n; ++i) {
      a.push_back(T(1) / static_cast<T>(i + 3));
      b.push_back(std::sqrt(static_cast<T>(i + 1)));
    }
    foil::simd::map<T>(
        n, out.data(), [](Pack<T> x, Pack<T> y) { return foil::simd::multiply_add<T>(x, y, x); }, a.data(),
        b.data());
    for (std::size_t i = 0; i < a.size(); ++i) {
      T alone = 0;  // the same element in a batch of its own
      foil::simd::map<T>(
          1, &alone, [](Pack<T> x, Pack<T> y) { return foil::simd::multiply_add<T>(x, y, x); }, &a[i], &b[i]);
      REQUIRE(out[i] == alone);
      REQUIRE(out[i] == Catch::Approx(a[i] * b[i] + a[i]));
    }
    REQUIRE(out.back() == T(-7));
  }
}

TEMPLATE_TEST_CASE("simd: broadcast keeps the sign of zero", "[core][simd]", float, double) {
  using T = TestType;
  CHECK(std::signbit(static_cast<T>(foil::simd::broadcast<T>(-T(0))[0])));
  CHECK_FALSE(std::signbit(static_cast<T>(foil::simd::broadcast<T>(T(0))[0])));
}

TEMPLATE_TEST_CASE("simd: horizontal_sum adds every lane once", "[core][simd]", float, double) {
  using T = TestType;
  Pack<T> v{};
  for (Index i = 0; i < foil::simd::lanes<T>; ++i) v[i] = static_cast<T>(Index(1) << i);
  CHECK(foil::simd::horizontal_sum<T>(v) == static_cast<T>((Index(1) << foil::simd::lanes<T>)-1));
}

TEMPLATE_TEST_CASE("simd: load_between reads its lanes and leaves the others zero", "[core][simd]", float,
                   double) {
  using T = TestType;
  constexpr auto lanes = foil::simd::lanes<T>;
  for (foil::Index begin = 0; begin < lanes; ++begin)
    for (foil::Index end = begin + 1; end <= lanes; ++end) {
      std::vector<T> values(static_cast<std::size_t>(lanes));  // the sanitizer would see a read beyond
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(i + 1);
      const auto v = foil::simd::load_between<T>(values.data(), begin, end);
      for (foil::Index i = 0; i < lanes; ++i)
        REQUIRE(static_cast<T>(v[i]) == (i >= begin && i < end ? static_cast<T>(i + 1) : T(0)));
    }
}

TEMPLATE_TEST_CASE("simd: round_up gives whole vectors", "[core][simd]", float, double) {
  using T = TestType;
  for (Index n = 0; n <= 3 * foil::simd::lanes<T>; ++n) {
    const Index rounded = foil::simd::round_up<T>(n);
    CHECK(rounded % foil::simd::lanes<T> == 0);
    CHECK((rounded >= n && rounded < n + foil::simd::lanes<T>));
  }
}

TEMPLATE_TEST_CASE("simd: sums over rows take every entry once, and gather in double", "[core][simd]", float,
                   double) {
  using T = TestType;
  foil::simd::RowSums<T> sums;
  double expected = 0;
  for (int row = 0; row < 3; ++row) {
    Pack<T> columns[foil::simd::row_vectors];
    for (std::size_t k = 0; k < foil::simd::row_vectors; ++k)
      for (Index lane = 0; lane < foil::simd::lanes<T>; ++lane) {
        const auto entry = static_cast<Index>(k) * foil::simd::lanes<T> + lane;
        columns[k][lane] = static_cast<T>((row + 1) * (entry + 1) * (entry + 1));
        expected += static_cast<double>(columns[k][lane]);
      }
    sums.add(columns);
  }
  const double before = sums.total();
  CHECK(before == expected);
  Pack<T> large[foil::simd::row_vectors]{};
  large[0][0] = T(1 << 24);  // a float would lose the odd part of the sum
  sums.add(large);
  large[0][0] = T(1);
  sums.add(large);
  CHECK(sums.total() == expected + (1 << 24) + 1);
}

TEST_CASE("simd: several sums at once, for any number of whole vectors", "[core][simd]") {
  constexpr Index lanes = foil::simd::lanes<double>;
  for (Index vectors = 0; vectors <= 5; ++vectors) {
    const Index n = vectors * lanes;
    std::vector<double> x(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i + 1);
    const auto [count, sum, square] = foil::simd::sums<3>(n, [&](Index first, Pack<double>(&out)[3]) {
      const Pack<double> v = foil::simd::load(x.data() + first);
      out[0] += foil::simd::broadcast(1.0);
      out[1] += v;
      out[2] += v * v;
    });
    const auto size = static_cast<double>(n);
    CHECK(count == size);
    CHECK(sum == size * (size + 1) / 2);
    CHECK(square == size * (size + 1) * (2 * size + 1) / 6);
  }
}
