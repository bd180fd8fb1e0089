// SPDX-License-Identifier: MIT
#include "foil/nn/operators/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "support/catch.hpp"
#include "support/operator_check.hpp"

namespace {

using foil::Index;
using foil::nn::Lines;
using foil::test::OperatorCheck;

/// The softmax over lines, or its logarithm, as defined.
template <class T>
std::vector<double> expected(Lines shape, Index batch, const std::vector<T>& x, bool logarithm) {
  std::vector<double> out(x.size());
  for (Index o = 0; o < batch * shape.outer; ++o)
    for (Index i = 0; i < shape.inner; ++i) {
      const auto at = [&](Index l) {
        return static_cast<std::size_t>((o * shape.length + l) * shape.inner + i);
      };
      double most = static_cast<double>(x[at(0)]), sum = 0;
      for (Index l = 0; l < shape.length; ++l) most = std::max(most, static_cast<double>(x[at(l)]));
      for (Index l = 0; l < shape.length; ++l) sum += std::exp(static_cast<double>(x[at(l)]) - most);
      for (Index l = 0; l < shape.length; ++l) {
        const double z = static_cast<double>(x[at(l)]) - most - std::log(sum);
        out[at(l)] = logarithm ? z : std::exp(z);
      }
    }
  return out;
}

template <template <class...> class Op>
void check(bool logarithm) {
  for (const Lines shape :
       {Lines{3, 5, 1}, Lines{2, 77, 1}, Lines{2, 4, 21}, Lines{1, 70, 3}, Lines{2, 1, 2}}) {
    CAPTURE(shape.outer, shape.length, shape.inner);
    const Op<double> op(shape);
    const OperatorCheck<double> checked{op, {shape.size()}, shape.size()};
    checked.check_pullback(-4, 4);
    const auto x = checked.make(2, -4, 4);
    const auto y = checked.forward(2, x), z = expected(shape, 2, x[0], logarithm);
    for (std::size_t i = 0; i < y.size(); ++i)
      REQUIRE(y[i] == Catch::Approx(z[i]).epsilon(1e-13).margin(1e-15));
    const Op<float> single(shape);
    const OperatorCheck<float> narrow{single, {shape.size()}, shape.size()};
    narrow.check_samples_apart(3, -4, 4);
    const auto x32 = narrow.make(2, -40, 40);
    const auto y32 = narrow.forward(2, x32);
    const auto z32 = expected(shape, 2, x32[0], logarithm);
    for (std::size_t i = 0; i < y32.size(); ++i)
      REQUIRE(static_cast<double>(y32[i]) == Catch::Approx(z32[i]).epsilon(1e-6).margin(1e-6));
  }
}

}  // namespace

TEST_CASE("softmax: is its formula along any axis, and pulls back its derivative", "[nn][softmax]") {
  check<foil::nn::Softmax>(false);
}

TEST_CASE("softmax: its logarithm likewise", "[nn][softmax]") {
  check<foil::nn::LogSoftmax>(true);
}
