// SPDX-License-Identifier: MIT
#include "foil/nn/operators/elementwise.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "foil/nn/operators/activations.hpp"
#include "foil/nn/operators/functions.hpp"
#include "foil/nn/operators/steps.hpp"
#include "support/catch.hpp"
#include "support/operator_check.hpp"

namespace {

using foil::Index;
using foil::nn::Elementwise;
using foil::test::OperatorCheck;
using Formula = std::function<double(double)>;

constexpr Index size = 37;

/// A function against its formula over [low, high), and its derivative against differences.
template <template <class...> class F, class... Options>
void check(const Formula& formula, double low, double high, Options... options) {
  const Elementwise<double, F<double>> op(size, F<double>{static_cast<double>(options)...});
  const OperatorCheck<double> checked{op, {size}, size};
  checked.check_pullback(low, high, 1e-6);
  const auto x = checked.make(3, low, high);
  const auto y = checked.forward(3, x);
  const Elementwise<float, F<float>> single(size, F<float>{static_cast<float>(options)...});
  const OperatorCheck<float> narrow{single, {size}, size};
  narrow.check_samples_apart(5, low, high);
  const auto x32 = narrow.make(3, low, high);
  const auto y32 = narrow.forward(3, x32);
  const auto scale = std::max(std::abs(low), std::abs(high));
  for (std::size_t i = 0; i < y.size(); ++i) {
    CAPTURE(x[0][i]);
    REQUIRE(y[i] == Catch::Approx(formula(x[0][i])).epsilon(1e-14).margin(1e-14 * scale));
    const double expected = formula(static_cast<double>(x32[0][i]));
    REQUIRE(static_cast<double>(y32[i]) == Catch::Approx(expected).epsilon(1e-6).margin(5e-7 * scale));
  }
}

/// The derivative of F at a place.
template <class F>
double slope(F f, double x) {
  const Elementwise<double, F> op(1, f);
  return OperatorCheck<double>{op, {1}, 1}.backward(1, {{x}}, {1.})[0][0];
}
template <class F>
double value(F f, double x) {
  const Elementwise<double, F> op(1, f);
  return OperatorCheck<double>{op, {1}, 1}.forward(1, {{x}})[0];
}

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

}  // namespace

TEST_CASE("elementwise: activations are their formulas, and pull back their derivatives",
          "[nn][elementwise]") {
  using namespace foil::nn;
  check<Gelu>([](double x) { return x * 0.5 * std::erfc(-x * std::sqrt(0.5)); }, -4, 4);
  check<GeluTanh>(
      [](double x) {
        return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.)) * (x + 0.044715 * x * x * x)));
      },
      -4, 4);
  check<Swish>([](double x) { return x * sigmoid(0.7 * x); }, -9, 9, 0.7);
  check<HardSigmoid>([](double x) { return std::clamp(0.3 * x + 0.4, 0., 1.); }, -4, 4, 0.3, 0.4);
  check<HardSwish>([](double x) { return x * std::clamp(x + 3, 0., 6.) / 6; }, -4, 4);
  for (const double slope : {0.2, -0.4})
    check<BentLine>([=](double x) { return x < 0 ? slope * x : x; }, -2, 2, slope);
  check<Selu>([](double x) { return 1.1 * (x > 0 ? x : 1.7 * std::expm1(x)); }, -3, 2, 1.7, 1.1);
  for (const double sign : {1., -1.})
    check<SeluOfAnySign>([=](double x) { return sign * (x > 0 ? x : -1.7 * std::expm1(x)); }, -3, 2, -1.7,
                         sign);
  for (const double alpha : {2., -1.5})
    check<Celu>([=](double x) { return x > 0 ? x : alpha * std::expm1(x / alpha); }, -3, 2, alpha);
  check<Softplus>([](double x) { return std::log1p(std::exp(x)); }, -20, 40);
  check<Softsign>([](double x) { return x / (1 + std::abs(x)); }, -5, 5);
  check<Mish>([](double x) { return x * std::tanh(std::log1p(std::exp(x))); }, -30, 60);
  check<ThresholdedRelu>([](double x) { return x > 0.3 ? x : 0; }, -1, 1, 0.3);
  check<Shrink>([](double x) { return x < -0.4 ? x + 0.1 : x > 0.4 ? x - 0.1 : 0; }, -1, 1, 0.4, 0.1);
}

TEST_CASE("elementwise: functions are the standard library's, and pull back their derivatives",
          "[nn][elementwise]") {
  using namespace foil::nn;
  check<Absolute>([](double x) { return std::abs(x); }, -2, 2);
  check<Reciprocal>([](double x) { return 1 / x; }, 0.3, 2);
  check<Square>([](double x) { return x * x; }, -2, 2);
  check<Erf>([](double x) { return std::erf(x); }, -4, 4);
  check<Log>([](double x) { return std::log(x); }, 0.1, 9);
  check<Sqrt>([](double x) { return std::sqrt(x); }, 0.1, 9);
  check<Sin>([](double x) { return std::sin(x); }, -3, 3);
  check<Cos>([](double x) { return std::cos(x); }, -3, 3);
  check<Tan>([](double x) { return std::tan(x); }, -1, 1);
  check<Asin>([](double x) { return std::asin(x); }, -0.9, 0.9);
  check<Acos>([](double x) { return std::acos(x); }, -0.9, 0.9);
  check<Atan>([](double x) { return std::atan(x); }, -3, 3);
  check<Sinh>([](double x) { return std::sinh(x); }, -2, 2);
  check<Cosh>([](double x) { return std::cosh(x); }, -2, 2);
  check<Asinh>([](double x) { return std::asinh(x); }, -2, 2);
  check<Acosh>([](double x) { return std::acosh(x); }, 1.1, 3);
  check<Atanh>([](double x) { return std::atanh(x); }, -0.8, 0.8);
}

TEST_CASE("elementwise: kinks have PyTorch's derivatives", "[nn][elementwise]") {
  using namespace foil::nn;
  CHECK(slope(HardSwish<double>{}, -3) == 0);
  CHECK(slope(HardSwish<double>{}, 3) == 1);
  CHECK(slope(HardSigmoid<double>{0.2, 0.5}, -2.5) == 0);
  CHECK(slope(HardSigmoid<double>{0.2, 0.5}, 2.5) == 0);
  CHECK(slope(BentLine<double>{-0.2}, 0) == -0.2);
  CHECK(slope(Selu<double>{1.5, 2}, 0) == 3);
  CHECK(slope(SeluOfAnySign<double>{1.5, -2}, 0) == -3);
  CHECK(slope(Celu<double>{2}, 0) == 1);
  CHECK(slope(Softsign<double>{}, 0) == 1);
  CHECK(slope(ThresholdedRelu<double>{1}, 1) == 0);
  CHECK(slope(Shrink<double>{0.5, 0.5}, 0.5) == 0);
  CHECK(slope(Shrink<double>{0.5, 0.5}, -0.5) == 0);
  CHECK(slope(Absolute<double>{}, 0) == 0);
}

TEST_CASE("elementwise: saturated activations are neither NaN nor off", "[nn][elementwise]") {
  using namespace foil::nn;
  constexpr double far = 1e4;
  CHECK(value(Softplus<double>{}, far) == far);
  CHECK(slope(Softplus<double>{}, far) == 1);
  CHECK(slope(Softplus<double>{}, -far) == 0);
  CHECK(value(Mish<double>{}, far) == far);
  CHECK(slope(Mish<double>{}, far) == 1);
  CHECK(std::abs(value(Mish<double>{}, -far)) == 0);
  CHECK(slope(Mish<double>{}, -far) == 0);
  CHECK(value(GeluTanh<double>{}, 1e120) == 1e120);
  CHECK(slope(GeluTanh<double>{}, 1e120) == 1);
  CHECK(slope(GeluTanh<double>{}, -far) == 0);
  CHECK(slope(Gelu<double>{}, far) == 1);
  CHECK(slope(SeluOfAnySign<double>{-1, 1}, far) == 1);
  CHECK(slope(Celu<double>{-1}, far) == 1);
}

TEST_CASE("elementwise: steps", "[nn][elementwise]") {
  using namespace foil::nn;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double x : {-2.5, -1.5, -0.5, -0.3, 0., 0.5, 0.7, 1.5, 2.5, 1e15 + 0.5, -1e15 - 0.5,
                         4503599627370495.5, 1e300, -1e300}) {
    CAPTURE(x);
    CHECK(value(Round<double>{}, x) == std::nearbyint(x));
    CHECK(value(Floor<double>{}, x) == std::floor(x));
    CHECK(value(Ceil<double>{}, x) == std::ceil(x));
  }
  CHECK(std::isnan(value(Floor<double>{}, nan)));
  CHECK(value(Ceil<double>{}, -infinity) == -infinity);
  CHECK(value(IsNan<double>{}, nan) == 1);
  CHECK(value(IsNan<double>{}, infinity) == 0);
  CHECK(value(IsInfinite<double>{}, -infinity) == 1);
  CHECK(value(IsInfinite<double>{{}, false, true}, -infinity) == 0);
  CHECK(value(IsInfinite<double>{{}, true, false}, infinity) == 0);
  CHECK(value(IsInfinite<double>{}, nan) == 0);
}
