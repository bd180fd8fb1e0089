// SPDX-License-Identifier: MIT
#include "foil/nn/operators/normalization.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <vector>

#include "foil/nn/operators/local_response.hpp"
#include "support/catch.hpp"
#include "support/operator_check.hpp"

namespace {

using foil::Index;
using foil::nn::Groups;
using foil::nn::Lines;
using foil::test::OperatorCheck;

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

/// The normalisation as defined.
template <class T>
std::vector<double> expected(Groups shape, double epsilon, bool centred, const std::vector<T>& scale,
                             const std::vector<T>& shift, const std::vector<T>& x) {
  std::vector<double> y(x.size());
  const Index block = shape.rows * shape.columns;
  for (Index o = 0; o < static_cast<Index>(x.size()) / block; ++o)
    for (Index first = 0; first < shape.columns; first += shape.run) {
      const auto each = [&](auto&& f) {
        for (Index r = 0; r < shape.rows; ++r)
          for (Index c = first; c < first + shape.run; ++c) f(o * block + r * shape.columns + c, c);
      };
      double mean = 0, variance = 0;
      const double n = static_cast<double>(shape.elements());
      if (centred) each([&](Index i, Index) { mean += static_cast<double>(x[at(i)]) / n; });
      each([&](Index i, Index) { variance += std::pow(static_cast<double>(x[at(i)]) - mean, 2) / n; });
      each([&](Index i, Index c) {
        const Index k = shape.rows == 1 ? c - first : c;
        double v = (static_cast<double>(x[at(i)]) - mean) / std::sqrt(variance + epsilon);
        if (!scale.empty()) v *= static_cast<double>(scale[at(k)]);
        if (!shift.empty()) v += static_cast<double>(shift[at(k)]);
        y[at(i)] = v;
      });
    }
  return y;
}

}  // namespace

TEST_CASE("normalization: is its formula over layers, instances and groups, and pulls back its derivative",
          "[nn][normalization]") {
  const Groups shapes[] = {{3, 1, 20, 20}, {1, 1, 12, 4}, {2, 1, 37, 37}, {1, 9, 5, 1},
                           {1, 7, 33, 1},  {1, 9, 12, 3}, {2, 5, 6, 6},   {1, 40, 20, 10}};
  for (const Groups shape : shapes)
    for (const bool centred : {true, false})
      for (const bool affine : {true, false}) {
        CAPTURE(shape.outer, shape.rows, shape.columns, shape.run, centred, affine);
        const Index length = affine ? (shape.rows == 1 ? shape.run : shape.columns) : 0;
        const auto scale = OperatorCheck<double>::numbers(length, 0.5, 2, 3);
        const auto shift = OperatorCheck<double>::numbers(length, -1, 1, 4);
        const double epsilon = 0.01;
        const foil::nn::Normalization<double> op(shape, epsilon, centred, scale, shift);
        const OperatorCheck<double> checked{op, {shape.size()}, shape.size()};
        checked.check_pullback(-1, 2, 1e-6);
        const auto x = checked.make(2, -1, 2);
        const auto y = checked.forward(2, x), z = expected(shape, epsilon, centred, scale, shift, x[0]);
        for (std::size_t i = 0; i < y.size(); ++i)
          REQUIRE(y[i] == Catch::Approx(z[i]).epsilon(1e-12).margin(1e-12));
        const std::vector<float> scale32(scale.begin(), scale.end()), shift32(shift.begin(), shift.end());
        const foil::nn::Normalization<float> single(shape, epsilon, centred, scale32, shift32);
        const OperatorCheck<float> narrow{single, {shape.size()}, shape.size()};
        narrow.check_samples_apart(3, -1, 2);
        const auto x32 = narrow.make(2, 10, 12);  // a mean well away from zero
        const auto y32 = narrow.forward(2, x32);
        const auto z32 = expected(shape, static_cast<double>(static_cast<float>(epsilon)), centred, scale32,
                                  shift32, x32[0]);
        for (std::size_t i = 0; i < y32.size(); ++i)
          REQUIRE(static_cast<double>(y32[i]) == Catch::Approx(z32[i]).epsilon(1e-5).margin(1e-5));
      }
}

TEST_CASE("normalization: of lengths", "[nn][normalization]") {
  for (const bool euclidean : {true, false})
    for (const Lines shape : {Lines{2, 5, 1}, Lines{1, 40, 1}, Lines{2, 4, 19}}) {
      const foil::nn::LengthNormalization<double> op(shape, euclidean);
      const OperatorCheck<double> checked{op, {shape.size()}, shape.size()};
      checked.check_pullback(-1, 1, 1e-6);
      checked.check_samples_apart();
      const auto x = checked.make(1);
      const auto y = checked.forward(1, x);
      for (Index o = 0; o < shape.outer; ++o)
        for (Index i = 0; i < shape.inner; ++i) {
          double length = 0;
          for (Index l = 0; l < shape.length; ++l) {
            const double v = x[0][at((o * shape.length + l) * shape.inner + i)];
            length += euclidean ? v * v : std::abs(v);
          }
          length = euclidean ? std::sqrt(length) : length;
          for (Index l = 0; l < shape.length; ++l) {
            const Index k = (o * shape.length + l) * shape.inner + i;
            REQUIRE(y[at(k)] == Catch::Approx(x[0][at(k)] / length));
          }
        }
      const std::vector<double> zeros(at(shape.size()), 0.);
      CHECK(checked.forward(1, {zeros}) == zeros);
      CHECK(checked.backward(1, {zeros}, checked.cotangent(1))[0] == zeros);
    }
}

TEST_CASE("normalization: of local responses", "[nn][normalization]") {
  for (const Lines shape : {Lines{3, 7, 1}, Lines{2, 40, 1}, Lines{1, 6, 37}, Lines{2, 5, 70}})
    for (const foil::nn::ResponseWindow window :
         {foil::nn::ResponseWindow{2, 2, 0.1, 0.75, 1}, foil::nn::ResponseWindow{1, 2, 0.3, 1.5, 0.5},
          foil::nn::ResponseWindow{40, 41, 0.02, 0.5, 2}, foil::nn::ResponseWindow{0, 0, 0.4, 0.75, 1}}) {
      CAPTURE(shape.outer, shape.length, shape.inner, window.before);
      const foil::nn::LocalResponse<double> op(shape, window);
      const OperatorCheck<double> checked{op, {shape.size()}, shape.size()};
      checked.check_pullback(-2, 2, 1e-6);
      const auto x = checked.make(1, -2, 2);
      const auto y = checked.forward(1, x);
      for (Index o = 0; o < shape.outer; ++o)
        for (Index l = 0; l < shape.length; ++l)
          for (Index i = 0; i < shape.inner; ++i) {
            const auto offset = [&](Index k) { return at((o * shape.length + k) * shape.inner + i); };
            double sum = 0;
            for (Index k = std::max<Index>(0, l - window.before);
                 k <= std::min(shape.length - 1, l + window.behind); ++k)
              sum += x[0][offset(k)] * x[0][offset(k)];
            const double z = x[0][offset(l)] * std::pow(window.bias + window.rate * sum, -window.beta);
            REQUIRE(y[offset(l)] == Catch::Approx(z).epsilon(1e-12));
          }
      const foil::nn::LocalResponse<float> single(shape, window);
      const OperatorCheck<float> narrow{single, {shape.size()}, shape.size()};
      narrow.check_samples_apart(3, -2, 2);
      const auto y32 = narrow.forward(1, {std::vector<float>(x[0].begin(), x[0].end())});
      for (std::size_t i = 0; i < y32.size(); ++i)
        REQUIRE(static_cast<double>(y32[i]) == Catch::Approx(y[i]).epsilon(2e-6).margin(1e-7));
    }
}
