// SPDX-License-Identifier: MIT
#include "foil/nn/operators/reductions.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/operator_check.hpp"

namespace {

using foil::Index;
using foil::nn::Lines;
using foil::test::OperatorCheck;
using Line = std::vector<double>;

/// Lines side by side and behind each other, longer than a few vectors and shorter than one.
const Lines shapes[] = {{3, 5, 1}, {2, 77, 1}, {2, 4, 21}, {1, 70, 3}, {2, 1, 2}, {1, 1, 1}};

/// All lines of `batch` samples, in the order of their results.
template <class T>
std::vector<Line> lines_of(Lines shape, Index batch, const std::vector<T>& x) {
  std::vector<Line> out;
  for (Index o = 0; o < batch * shape.outer; ++o)
    for (Index i = 0; i < shape.inner; ++i) {
      Line line;
      for (Index l = 0; l < shape.length; ++l)
        line.push_back(
            static_cast<double>(x[static_cast<std::size_t>((o * shape.length + l) * shape.inner + i)]));
      out.push_back(line);
    }
  return out;
}

/// Op<T> over lines against a formula for one line.
template <template <class> class Op>
void check(const std::function<double(const Line&)>& formula, double low, double high) {
  for (const Lines shape : shapes) {
    CAPTURE(shape.outer, shape.length, shape.inner);
    const Index results = shape.outer * shape.inner;
    const Op<double> op(shape);
    const OperatorCheck<double> checked{op, {shape.size()}, results};
    checked.check_pullback(low, high, 1e-6);
    const Op<float> single(shape);
    const OperatorCheck<float> narrow{single, {shape.size()}, results};
    narrow.check_samples_apart(3, low, high);
    const auto x = checked.make(2, low, high);
    const auto x32 = narrow.make(2, low, high);
    const auto y = checked.forward(2, x);
    const auto y32 = narrow.forward(2, x32);
    const auto lines = lines_of(shape, 2, x[0]), lines32 = lines_of(shape, 2, x32[0]);
    for (std::size_t i = 0; i < y.size(); ++i) {
      REQUIRE(y[i] == Catch::Approx(formula(lines[i])).epsilon(1e-13).margin(1e-13));
      REQUIRE(static_cast<double>(y32[i]) == Catch::Approx(formula(lines32[i])).epsilon(5e-7).margin(1e-6));
    }
  }
}

template <class T>
using Sum = foil::nn::Reduction<T, foil::nn::SumOf<T>>;
template <class T>
using Mean = foil::nn::Reduction<T, foil::nn::MeanOf<T>>;
template <class T>
using Largest = foil::nn::Reduction<T, foil::nn::LargestOf<T>>;
template <class T>
using Smallest = foil::nn::Reduction<T, foil::nn::SmallestOf<T>>;
template <class T>
using Size = foil::nn::Reduction<T, foil::nn::SizeOf<T>>;
template <class T>
using Squares = foil::nn::Reduction<T, foil::nn::SumOfSquares<T>>;
template <class T>
using Length = foil::nn::Reduction<T, foil::nn::LengthOf<T>>;
template <class T>
using LogSum = foil::nn::Reduction<T, foil::nn::LogOfSum<T>>;
template <class T>
using LogSumExp = foil::nn::Reduction<T, foil::nn::LogOfSumOfExponentials<T>>;

double total(const Line& x, const std::function<double(double)>& f = [](double v) { return v; }) {
  double sum = 0;
  for (const double v : x) sum += f(v);
  return sum;
}

template <class Op>
std::vector<double> pulled(const Op& op, const Line& x, Index results = 1) {
  const OperatorCheck<double> checked{op, {static_cast<Index>(x.size())}, results};
  return checked.backward(1, {x}, std::vector<double>(static_cast<std::size_t>(results), 6.))[0];
}

}  // namespace

TEST_CASE("reductions: are their formulas, and pull back their derivatives", "[nn][reductions]") {
  const auto square = [](double v) { return v * v; };
  check<Sum>([](const Line& x) { return total(x); }, -1, 1);
  check<Mean>([](const Line& x) { return total(x) / static_cast<double>(x.size()); }, -1, 1);
  check<Largest>([](const Line& x) { return *std::max_element(x.begin(), x.end()); }, -1, 1);
  check<Smallest>([](const Line& x) { return *std::min_element(x.begin(), x.end()); }, -1, 1);
  check<Size>([](const Line& x) { return total(x, [](double v) { return std::abs(v); }); }, -1, 1);
  check<Squares>([&](const Line& x) { return total(x, square); }, -1, 1);
  check<Length>([&](const Line& x) { return std::sqrt(total(x, square)); }, -1, 1);
  check<LogSum>([](const Line& x) { return std::log(total(x)); }, 0.1, 1);
  check<LogSumExp>([](const Line& x) { return std::log(total(x, [](double v) { return std::exp(v); })); }, -9,
                   9);
  check<foil::nn::ProductAlong>(
      [](const Line& x) {
        double product = 1;
        for (const double v : x) product *= v;
        return product;
      },
      0.7, 1.3);
}

TEST_CASE("reductions: ties, zeros and infinities", "[nn][reductions]") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Lines three{1, 3, 1};
  CHECK(pulled(Largest<double>(three), {2, 1, 2}) == Line{3, 0, 3});
  CHECK(pulled(Smallest<double>(three), {2, 1, 1}) == Line{0, 3, 3});
  CHECK(pulled(Length<double>(three), {0, 0, 0}) == Line{0, 0, 0});
  CHECK(pulled(Size<double>(three), {0, 2, -2}) == Line{0, 6, -6});
  CHECK(pulled(foil::nn::ProductAlong<double>(three), {0, 2, 5}) == Line{60, 0, 0});
  CHECK(pulled(foil::nn::ProductAlong<double>(three), {0, 2, 0}) == Line{0, 0, 0});
  const LogSumExp<double> log_sum_exp(three);
  const OperatorCheck<double> checked{log_sum_exp, {3}, 1};
  CHECK(checked.forward(1, {{1e4, 1e4, -1e4}})[0] == Catch::Approx(1e4 + std::log(2.)));
  CHECK(checked.forward(1, {{-infinity, -infinity, -infinity}})[0] == -infinity);
  CHECK(checked.forward(1, {{infinity, 0, 0}})[0] == infinity);
  const Largest<double> largest(three);
  CHECK(std::isnan(OperatorCheck<double>{largest, {3}, 1}.forward(
      1, {{1, std::numeric_limits<double>::quiet_NaN(), 2}})[0]));
}

TEST_CASE("reductions: long sums in single precision do not lose what is small", "[nn][reductions]") {
  for (const Lines shape : {Lines{1, 1 << 20, 1}, Lines{1, 1 << 19, 2}}) {
    const Mean<float> op(shape);
    const OperatorCheck<float> checked{op, {shape.size()}, shape.inner};
    for (const float mean :
         checked.forward(1, {std::vector<float>(static_cast<std::size_t>(shape.size()), 0.1f)}))
      CHECK(mean == Catch::Approx(0.1f).epsilon(3e-7));
  }
}

TEST_CASE("reductions: cumulative sums", "[nn][reductions]") {
  for (const bool exclusive : {false, true})
    for (const bool reverse : {false, true})
      for (const Lines shape : shapes) {
        const foil::nn::CumulativeSum<double> op(shape, exclusive, reverse);
        const OperatorCheck<double> checked{op, {shape.size()}, shape.size()};
        checked.check_pullback();
        checked.check_samples_apart();
        const auto x = checked.make(1);
        const auto in = lines_of(shape, 1, x[0]), out = lines_of(shape, 1, checked.forward(1, x));
        for (std::size_t l = 0; l < in.size(); ++l) {
          const auto n = static_cast<Index>(in[l].size());
          for (Index i = 0; i < n; ++i) {
            double sum = 0;
            for (Index k = 0; k < n; ++k)
              if ((reverse ? k > i : k < i) || (k == i && !exclusive))
                sum += in[l][static_cast<std::size_t>(k)];
            REQUIRE(out[l][static_cast<std::size_t>(i)] == Catch::Approx(sum).margin(1e-13));
          }
        }
      }
}
