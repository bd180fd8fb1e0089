// SPDX-License-Identifier: MIT
#include "foil/nn/operators/binary.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

#include "foil/nn/operators/binary_along.hpp"
#include "foil/nn/operators/binary_functions.hpp"
#include "support/catch.hpp"
#include "support/operator_check.hpp"

namespace {

using foil::Index;
using foil::nn::Lines;
using foil::test::OperatorCheck;
using Formula = std::function<double(double, double)>;

constexpr Index size = 37;

/// A function of two activations against its formula, and its derivatives against differences.
template <template <class...> class F>
void check(const Formula& formula, double low, double high) {
  const foil::nn::Binary<double, F<double>> op(size);
  const OperatorCheck<double> checked{op, {size, size}, size};
  checked.check_pullback(low, high, 1e-6);
  checked.check_samples_apart(3, low, high);
  const auto x = checked.make(1, low, high);
  const auto y = checked.forward(1, x);
  for (std::size_t i = 0; i < y.size(); ++i) REQUIRE(y[i] == Catch::Approx(formula(x[0][i], x[1][i])));
}

/// Both derivatives of F at a place.
template <class F>
std::vector<double> slopes(double a, double b) {
  const foil::nn::Binary<double, F> op(1);
  const auto g = OperatorCheck<double>{op, {1, 1}, 1}.backward(1, {{a}, {b}}, {1.});
  return {g[0][0], g[1][0]};
}

}  // namespace

TEST_CASE("binary: functions are their formulas, and pull back their derivatives", "[nn][binary]") {
  using namespace foil::nn;
  check<Plus>([](double a, double b) { return a + b; }, -2, 2);
  check<Minus>([](double a, double b) { return a - b; }, -2, 2);
  check<Times>([](double a, double b) { return a * b; }, -2, 2);
  check<Over>([](double a, double b) { return a / b; }, 0.5, 2);
  check<RaisedTo>([](double a, double b) { return std::pow(a, b); }, 0.5, 2);
  check<Larger>([](double a, double b) { return std::max(a, b); }, -2, 2);
  check<Smaller>([](double a, double b) { return std::min(a, b); }, -2, 2);
  check<Remainder>([](double a, double b) { return std::fmod(a, b); }, 0.3, 2);
  check<EitherAlone>([](double a, double b) { return a + b - 2 * a * b; }, -2, 2);
  check<RectifiedBy>([](double a, double b) { return a < 0 ? a * b : a; }, -2, 2);
}

TEST_CASE("binary: ties, kinks and NaN", "[nn][binary]") {
  using namespace foil::nn;
  CHECK(slopes<Larger<double>>(2, 2) == std::vector<double>{0.5, 0.5});
  CHECK(slopes<Smaller<double>>(2, 2) == std::vector<double>{0.5, 0.5});
  CHECK(slopes<Larger<double>>(3, 2) == std::vector<double>{1, 0});
  CHECK(slopes<Smaller<double>>(3, 2) == std::vector<double>{0, 1});
  CHECK(slopes<RectifiedBy<double>>(0, -0.3) == std::vector<double>{-0.3, 0});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Binary<double, Larger<double>> larger(1);
  CHECK(std::isnan(OperatorCheck<double>{larger, {1, 1}, 1}.forward(1, {{nan}, {1.}})[0]));
  CHECK(std::isnan(OperatorCheck<double>{larger, {1, 1}, 1}.forward(1, {{1.}, {nan}})[0]));
}

TEST_CASE("binary: a constant belongs to positions along an axis", "[nn][binary]") {
  using namespace foil::nn;
  for (const Lines shape : {Lines{1, 50, 1}, Lines{12, 3, 1}, Lines{7, 5, 1}, Lines{2, 4, 3}, Lines{6, 3, 50},
                            Lines{1, 1, 40}, Lines{1, 1, 1}, Lines{5, 200, 1}}) {
    CAPTURE(shape.outer, shape.length, shape.inner);
    const auto c = OperatorCheck<double>::numbers(shape.length, 0.5, 2, 5);
    const auto d = OperatorCheck<double>::numbers(shape.length, -1, 1, 6);
    const WithConstant<double, Over<double>, true> first(shape, c);
    const WithConstant<double, RectifiedBy<double>, false> second(shape, d);
    const ScaleAndShift<double> both(shape, c, d);
    const foil::nn::Operator<double>* const ops[] = {&first, &second, &both};
    for (std::size_t k = 0; k < 3; ++k) {
      const double low = k == 0 ? 0.4 : -2;
      const OperatorCheck<double> checked{*ops[k], {shape.size()}, shape.size()};
      checked.check_pullback(low, 2, 1e-6);
      checked.check_samples_apart(3, low, 2);
      const auto x = checked.make(2, low, 2);
      const auto y = checked.forward(2, x);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const auto l = static_cast<std::size_t>(static_cast<Index>(i) / shape.inner % shape.length);
        const double v = x[0][i];
        const double z = k == 0 ? c[l] / v : k == 1 ? (v < 0 ? v * d[l] : v) : v * c[l] + d[l];
        REQUIRE(y[i] == Catch::Approx(z).margin(1e-14));
      }
    }
  }
}

TEST_CASE("binary: a constant for each element", "[nn][binary]") {
  const auto c = OperatorCheck<double>::numbers(size, 0.5, 2, 5);
  const foil::nn::WithConstant<double, foil::nn::Minus<double>, false> op(c);
  const OperatorCheck<double> checked{op, {size}, size};
  checked.check_samples_apart();
  const auto x = checked.make(2);
  const auto y = checked.forward(2, x);
  for (std::size_t i = 0; i < y.size(); ++i) REQUIRE(y[i] == x[0][i] - c[i % static_cast<std::size_t>(size)]);
}

namespace {

/// F of a full and a short activation is F of the full one and the stretched short one.
template <class F>
void check_along(Lines shape, bool short_first) {
  CAPTURE(shape.outer, shape.length, shape.inner, short_first);
  const Index full = shape.size(), brief = shape.length;
  const foil::nn::BinaryAlong<double, F> op(shape, short_first);
  const OperatorCheck<double> checked{
      op, short_first ? std::vector<Index>{brief, full} : std::vector<Index>{full, brief}, full};
  checked.check_pullback(0.4, 2, 1e-6);
  checked.check_samples_apart(3, 0.4, 2);
  const foil::nn::Binary<double, F> plain(full);
  const OperatorCheck<double> expected{plain, {full, full}, full};
  const auto x = checked.make(1, 0.4, 2);
  auto stretched = x;
  auto& elements = stretched[short_first ? 0 : 1];
  for (Index i = 0; i < full; ++i) {
    const Index at = i / shape.inner % shape.length;
    if (i == 0) elements.clear();
    elements.push_back(x[short_first ? 0 : 1][static_cast<std::size_t>(at)]);
  }
  REQUIRE(checked.forward(1, x) == expected.forward(1, stretched));
}

}  // namespace

TEST_CASE("binary: of two activations, of which one is short", "[nn][binary]") {
  using namespace foil::nn;
  for (const Lines shape : {Lines{9, 20, 1}, Lines{40, 5, 1}, Lines{1, 4, 37}, Lines{3, 2, 50},
                            Lines{2, 3, 5}, Lines{1, 1, 70}, Lines{70, 1, 1}})
    for (const bool short_first : {false, true}) {
      check_along<Times<double>>(shape, short_first);
      check_along<Over<double>>(shape, short_first);
      check_along<Minus<double>>(shape, short_first);
      check_along<Larger<double>>(shape, short_first);
    }
}
