// SPDX-License-Identifier: MIT
#include "foil/nn/operators/saturating.hpp"

#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "foil/nn/operators/elementwise.hpp"
#include "support/catch.hpp"
#include "support/operator_check.hpp"

namespace {

using foil::Index;
using foil::nn::Elementwise;
using foil::nn::Slopes;
using foil::nn::SteadySlopes;
using foil::test::OperatorCheck;

/// The slopes of the sigmoid and of tanh, to 60 digits.
struct Slope {
  double z, sigmoid, tanh;
};
constexpr Slope slopes[]{{1e-8, 2.49999999999999993750e-1, 9.99999999999999900000e-1},
                         {0.1, 2.49376040192891967822e-1, 9.90066290847439778348e-1},
                         {0.75, 2.17894993761814029480e-1, 5.96585808281331426006e-1},
                         {1, 1.96611933241481852537e-1, 4.19974341614026069394e-1},
                         {2.5, 7.01037165451081569323e-2, 2.65922266831606196560e-2},
                         {5, 6.64805667079015491400e-3, 1.81583230943806684130e-4},
                         {10, 4.53958077359516710324e-5, 8.24461445576739737461e-9},
                         {16, 1.12535149390932291812e-7, 5.06566621963754198438e-14},
                         {16.75, 5.31578468927300918571e-8, 1.13030291484624609811e-14},
                         {20, 2.06115361394184934365e-9, 1.69934170211663558369e-17},
                         {37, 8.53304762574406433802e-17, 2.91251607132865753372e-32},
                         {50, 1.92874984796391778302e-22, 1.48803039040833438518e-43},
                         {75, 2.67863696180807794434e-33, 2.87003838926576564177e-65},
                         {88, 6.05460189540118588453e-39, 1.46632816447182530635e-76},
                         {95, 5.52108227702853273172e-42, 1.21929398038874271391e-82},
                         {100, 3.72007597602083596296e-44, 5.53558610694695012259e-87}};

template <class T, template <class...> class F>
SteadySlopes<T> steady(Index size, int rate, Slopes which = Slopes::exact) {
  return {std::make_unique<Elementwise<T, F<T>>>(size, F<T>{}), size, rate, which};
}
template <class T>
SteadySlopes<T> of_rate(Index size, int rate, Slopes which = Slopes::exact) {
  return rate == 1 ? steady<T, foil::nn::Sigmoid>(size, rate, which)
                   : steady<T, foil::nn::Tanh>(size, rate, which);
}

/// What an operator pulls back with exponents, as numbers.
std::vector<double> scaled(const SteadySlopes<float>& op, const std::vector<float>& z,
                           const std::vector<float>& g) {
  std::vector<float> gradient(z.size());
  Index exponent = 0;
  op.backward_scaled(1, z.data(), g.data(), gradient.data(), &exponent);
  std::vector<double> out;
  for (const float v : gradient)
    out.push_back(std::ldexp(static_cast<double>(v), static_cast<int>(exponent)));
  return out;
}

}  // namespace

TEST_CASE("saturating: slopes are right to six digits wherever they are, on both sides", "[nn][saturating]") {
  for (const Slope& at : slopes)
    for (const double sign : {1., -1.}) {
      CAPTURE(at.z, sign);
      CHECK(foil::nn::sigmoid_slope(sign * at.z) == Catch::Approx(at.sigmoid).epsilon(1e-13));
      CHECK(foil::nn::tanh_slope(sign * at.z) == Catch::Approx(at.tanh).epsilon(1e-13));
      const auto z = static_cast<float>(sign * at.z);
      for (const int rate : {1, 2}) {
        const SteadySlopes<float> op = of_rate<float>(1, rate);
        // The slope at the rounded z, in double precision; that it is right is checked above.
        const double exact = rate == 1 ? foil::nn::sigmoid_slope(static_cast<double>(z))
                                       : foil::nn::tanh_slope(static_cast<double>(z));
        CHECK(scaled(op, {z}, {1.f})[0] == Catch::Approx(exact).epsilon(1e-6));
        const float plain = OperatorCheck<float>{op, {1}, 1}.backward(1, {{z}}, {1.f})[0][0];
        const double least = static_cast<double>(std::numeric_limits<float>::denorm_min());
        CHECK(std::abs(static_cast<double>(plain) - exact) <= std::max(1e-6 * exact, least));
      }
    }
}

TEST_CASE("saturating: beyond what a number type holds, exponents carry what is left", "[nn][saturating]") {
  const SteadySlopes<float> op = of_rate<float>(3, 1);
  std::vector<float> gradient(3);
  Index exponent = 5;
  const std::vector<float> z{2000.f, -1999.f, 1e9f}, g{1.f, -2.f, 1.f};
  op.backward_scaled(1, z.data(), g.data(), gradient.data(), &exponent);
  // e^-1999 * 2 is the largest: 2^-2882.95... more exactly floor(1 - 1999 / log 2).
  const double log2 = 1 - 1999 / std::log(2.);
  CHECK(exponent == 5 + static_cast<Index>(std::floor(log2)));
  CHECK(gradient[1] == Catch::Approx(-std::exp2(log2 - std::floor(log2))).epsilon(1e-6));
  CHECK(gradient[0] / gradient[1] == Catch::Approx(-std::exp(-1.) / 2).epsilon(1e-6));
  CHECK(gradient[2] == 0);
}

TEST_CASE("saturating: zeros, infinities and NaN stay what they are", "[nn][saturating]") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const SteadySlopes<float> op = of_rate<float>(2, 2);
  CHECK(scaled(op, {1.f, 2.f}, {0.f, 0.f}) == std::vector<double>{0, 0});
  CHECK(scaled(op, {infinity, -infinity}, {1.f, 1.f}) == std::vector<double>{0, 0});
  CHECK(std::isnan(scaled(op, {std::nanf(""), 2.f}, {1.f, 1.f})[0]));
  CHECK(scaled(op, {std::nanf(""), 2.f}, {1.f, 1.f})[1] ==
        Catch::Approx(foil::nn::tanh_slope(2)).epsilon(1e-6));
  CHECK(std::isnan(scaled(op, {1.f, 2.f}, {std::nanf(""), 1.f})[0]));
  CHECK(std::isinf(scaled(op, {1.f, 2.f}, {infinity, 1.f})[0]));
}

TEST_CASE("saturating: values are those of the function, samples do not mix, and slopes are its own",
          "[nn][saturating]") {
  for (const int rate : {1, 2})
    for (const Slopes which : {Slopes::exact, Slopes::surrogate}) {
      const SteadySlopes<float> op = of_rate<float>(23, rate, which);
      OperatorCheck<float>{op, {23}, 23}.check_samples_apart(5, -90, 90);
      const auto x = OperatorCheck<float>{op, {23}, 23}.make(2, -30, 30);
      const Elementwise<float, foil::nn::Sigmoid<float>> sigmoid(23, {});
      const Elementwise<float, foil::nn::Tanh<float>> tanh(23, {});
      const foil::nn::Operator<float>& usual =
          rate == 1 ? static_cast<const foil::nn::Operator<float>&>(sigmoid) : tanh;
      CHECK(OperatorCheck<float>{op, {23}, 23}.forward(2, x) ==
            OperatorCheck<float>{usual, {23}, 23}.forward(2, x));
      // Where nothing is saturated, the surrogate is the function itself.
      const SteadySlopes<double> wide = of_rate<double>(23, rate, which);
      OperatorCheck<double>{wide, {23}, 23}.check_pullback(-2.4, 2.4, 1e-6);
    }
}

TEST_CASE("saturating: a surrogate is the slope of the flatter curve whose quantile is five",
          "[nn][saturating]") {
  std::vector<double> z, g;
  for (int i = 0; i <= 100; ++i) z.push_back(i % 2 == 0 ? i : -i), g.push_back(1 + i);
  for (const int rate : {1, 2}) {
    const SteadySlopes<double> op = of_rate<double>(101, rate, Slopes::surrogate);
    const auto dx = OperatorCheck<double>{op, {101}, 101}.backward(1, {z}, g)[0];
    const double flatter = rate * 95 / 5.;  // the quantile of 0, 1, ..., 100
    for (std::size_t i = 0; i < z.size(); ++i) {
      const double t = z[i] / flatter;
      const double slope = rate == 1 ? foil::nn::sigmoid_slope(t) : foil::nn::tanh_slope(t);
      CHECK(dx[i] == Catch::Approx(g[i] * slope / flatter).epsilon(1e-14));
    }
    // With exponents it is the same.
    std::vector<double> gradient(z.size());
    Index exponent = 0;
    op.backward_scaled(1, z.data(), g.data(), gradient.data(), &exponent);
    for (std::size_t i = 0; i < z.size(); ++i)
      CHECK(std::ldexp(gradient[i], static_cast<int>(exponent)) == Catch::Approx(dx[i]).epsilon(1e-12));
  }
}
