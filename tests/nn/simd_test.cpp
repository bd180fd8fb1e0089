// SPDX-License-Identifier: MIT
#include "foil/nn/simd.hpp"

#include <cmath>
#include <vector>

#include "support/catch.hpp"

using foil::Index;
using foil::nn::Pack;

TEMPLATE_TEST_CASE("simd: map treats every length alike and writes nothing beyond it", "[nn][simd]", float,
                   double) {
  using T = TestType;
  for (Index n = 0; n <= 3 * foil::nn::lanes<T> + 1; ++n) {
    std::vector<T> a, b, out(static_cast<std::size_t>(n) + 1, T(-7));
    for (Index i = 0; i < n; ++i) {
      a.push_back(T(1) / static_cast<T>(i + 3));
      b.push_back(std::sqrt(static_cast<T>(i + 1)));
    }
    foil::nn::map<T>(
        n, out.data(), [](Pack<T> x, Pack<T> y) { return foil::nn::multiply_add<T>(x, y, x); }, a.data(),
        b.data());
    for (std::size_t i = 0; i < a.size(); ++i) {
      T alone = 0;  // the same element in a batch of its own
      foil::nn::map<T>(
          1, &alone, [](Pack<T> x, Pack<T> y) { return foil::nn::multiply_add<T>(x, y, x); }, &a[i], &b[i]);
      REQUIRE(out[i] == alone);
      REQUIRE(out[i] == Catch::Approx(a[i] * b[i] + a[i]));
    }
    REQUIRE(out.back() == T(-7));
  }
}

TEMPLATE_TEST_CASE("simd: broadcast keeps the sign of zero", "[nn][simd]", float, double) {
  using T = TestType;
  CHECK(std::signbit(static_cast<T>(foil::nn::broadcast<T>(-T(0))[0])));
  CHECK_FALSE(std::signbit(static_cast<T>(foil::nn::broadcast<T>(T(0))[0])));
}

TEMPLATE_TEST_CASE("simd: horizontal_sum adds every lane once", "[nn][simd]", float, double) {
  using T = TestType;
  Pack<T> v{};
  for (Index i = 0; i < foil::nn::lanes<T>; ++i) v[i] = static_cast<T>(Index(1) << i);
  CHECK(foil::nn::horizontal_sum<T>(v) == static_cast<T>((Index(1) << foil::nn::lanes<T>)-1));
}

TEMPLATE_TEST_CASE("simd: load_between reads its lanes and leaves the others zero", "[nn][simd]", float,
                   double) {
  using T = TestType;
  constexpr auto lanes = foil::nn::lanes<T>;
  for (foil::Index begin = 0; begin < lanes; ++begin)
    for (foil::Index end = begin + 1; end <= lanes; ++end) {
      std::vector<T> values(static_cast<std::size_t>(lanes));  // the sanitizer would see a read beyond
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(i + 1);
      const auto v = foil::nn::load_between<T>(values.data(), begin, end);
      for (foil::Index i = 0; i < lanes; ++i)
        REQUIRE(static_cast<T>(v[i]) == (i >= begin && i < end ? static_cast<T>(i + 1) : T(0)));
    }
}
