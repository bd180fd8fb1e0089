// SPDX-License-Identifier: MIT
#include "foil/nn/operators/assemble.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "foil/nn/operators/along_axis.hpp"
#include "support/catch.hpp"
#include "support/operator_check.hpp"

namespace {

using foil::Index;
using foil::nn::AlongAxis;
using foil::nn::Assemble;
using foil::test::OperatorCheck;
using Check = OperatorCheck<double>;
using Places = std::vector<std::int32_t>;

/// Checks everything that an assembly promises.
void check_assembly(const std::vector<Index>& sizes, const std::vector<double>& constants,
                    const Places& source) {
  const Assemble<double> op(sizes, constants, source);
  const Check check{op, sizes, static_cast<Index>(source.size())};
  const auto x = check.make(3);
  const auto y = check.forward(3, x);
  for (std::size_t n = 0; n < 3; ++n)
    for (std::size_t i = 0; i < source.size(); ++i) {
      CAPTURE(n, i);
      Index place = source[i];
      std::size_t input = 0;
      for (; place >= 0 && place >= sizes[input]; ++input) place -= sizes[input];
      const double wanted =
          place < 0 ? constants[static_cast<std::size_t>(-1 - place)]
                    : x[input][n * static_cast<std::size_t>(sizes[input]) + static_cast<std::size_t>(place)];
      REQUIRE(y[n * source.size() + i] == wanted);
    }
  check.check_pullback();
  check.check_samples_apart();
}

}  // namespace

TEST_CASE("assemble: elements of inputs and constants in any order", "[nn][assemble]") {
  check_assembly({4}, {}, {2});
  check_assembly({4}, {}, {3, 2, 1, 0});
  check_assembly({4}, {}, {0, 1, 2, 3});
  check_assembly({2}, {}, {0, 0, 0, 0, 0, 1, 1, 1, 1, 1});
  check_assembly({3, 2, 4}, {5, 6, 7, 8, 9},
                 {-1, 5, 6, 7, 8, 0, 1, 2, 3, 4, 3, -2, 8, 6, 4, 2, 0, -5, -4, -3, -2, -1});
  check_assembly({8}, {1.5}, {-1, -1, -1, -1, -1, 0, 2, 4, 6, -1, -1, 7, 1, 6, 3, 3, 3, -1, 2, 5, 0});
  check_assembly({6, 6}, {}, {3, 4, 5, 6, 7, 8, 9, 10, 11, 0});
}

TEST_CASE("assemble: any places", "[nn][assemble]") {
  const auto places = Check::numbers(300, -9, 40, 5);
  Places source;
  for (const double p : places) source.push_back(static_cast<std::int32_t>(p));
  for (std::int32_t i = 0; i < 40; ++i) source.push_back(i / 5 * 3);
  for (std::int32_t i = 0; i < 30; ++i) source.push_back(i);
  check_assembly({7, 30, 3}, Check::numbers(9, -1, 1, 6), source);
}

TEMPLATE_TEST_CASE("along axis: a sparse matrix, entries in their order", "[nn][along_axis]", float, double) {
  using T = TestType;
  const Index inner = GENERATE(1, 3, 21), outer = 2, length = 4;
  foil::nn::SparseRows<T> matrix;
  matrix.add(1, T(0.25)), matrix.add(3, T(-2)), matrix.end_row();
  matrix.end_row();  // of zeros
  matrix.add(2, T(1)), matrix.end_row();
  matrix.add(0, T(1)), matrix.add(1, T(2)), matrix.add(0, T(3)), matrix.end_row(), matrix.end_row();
  const AlongAxis<T> op(outer, length, inner, matrix);
  const OperatorCheck<T> check{op, {outer * length * inner}, outer * 5 * inner};
  const auto x = check.make(2);
  const auto y = check.forward(2, x);
  for (Index o = 0; o < 2 * outer; ++o)
    for (Index i = 0; i < inner; ++i) {
      const auto in = [&](Index k) { return x[0][static_cast<std::size_t>((o * length + k) * inner + i)]; };
      const auto out = [&](Index k) { return y[static_cast<std::size_t>((o * 5 + k) * inner + i)]; };
      REQUIRE(out(0) == Catch::Approx(in(1) / 4 - 2 * in(3)).epsilon(1e-6));
      REQUIRE(out(1) == 0);
      REQUIRE(out(2) == in(2));
      REQUIRE(out(3) == Catch::Approx(4 * in(0) + 2 * in(1)).epsilon(1e-6).margin(1e-6));
      REQUIRE(out(4) == 0);
    }
  check.check_samples_apart();
  if constexpr (sizeof(T) == 8) check.check_pullback();
}
