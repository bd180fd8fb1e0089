// SPDX-License-Identifier: MIT
#include "foil/nn/operators/product.hpp"

#include <cstddef>
#include <vector>

#include "foil/nn/matrix.hpp"
#include "support/catch.hpp"
#include "support/operator_check.hpp"

namespace {

using foil::Index;
using foil::nn::Matrices;
using foil::nn::Product;
using foil::nn::ProductShape;
using foil::test::OperatorCheck;

/// Matrices one after the other, row-major or turned.
Matrices dense(Index count, Index rows, Index columns, bool turned) {
  Matrices m{{}, turned ? 1 : columns, turned ? rows : 1, count * rows * columns};
  for (Index i = 0; i < count; ++i) m.begins.push_back(i * rows * columns);
  return m;
}

template <class T>
std::vector<T> expected(const ProductShape& s, Index batch, const std::vector<T>& left, bool left_constant,
                        const std::vector<T>& right, bool right_constant) {
  std::vector<T> out;
  for (Index n = 0; n < batch; ++n)
    for (std::size_t i = 0; i < s.left.begins.size(); ++i)
      for (Index r = 0; r < s.rows; ++r)
        for (Index c = 0; c < s.columns; ++c) {
          double sum = 0;
          for (Index k = 0; k < s.depth; ++k) {
            const Index a = (left_constant ? 0 : n * s.left.sample) + s.left.begins[i] + r * s.left.row_step +
                            k * s.left.column_step;
            const Index b = (right_constant ? 0 : n * s.right.sample) + s.right.begins[i] +
                            k * s.right.row_step + c * s.right.column_step;
            sum += s.scale * static_cast<double>(left[static_cast<std::size_t>(a)]) *
                   static_cast<double>(right[static_cast<std::size_t>(b)]);
          }
          out.push_back(static_cast<T>(sum));
        }
  return out;
}

template <class T>
void require_close(const std::vector<T>& actual, const std::vector<T>& wanted) {
  REQUIRE(actual.size() == wanted.size());
  const double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-13;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CAPTURE(i);
    REQUIRE(static_cast<double>(actual[i]) ==
            Catch::Approx(static_cast<double>(wanted[i])).epsilon(tolerance).margin(tolerance));
  }
}

}  // namespace

TEMPLATE_TEST_CASE("product: matrices of two activations, whichever way they lie", "[nn][product]", float,
                   double) {
  using T = TestType;
  const Index rows = GENERATE(1, 5, 17, 33), depth = GENERATE(1, 7, 32, 530), columns = GENERATE(1, 9, 40);
  const bool left_turned = GENERATE(false, true), right_turned = GENERATE(false, true);
  const ProductShape shape{rows, depth, columns, dense(2, rows, depth, left_turned),
                           dense(2, depth, columns, right_turned)};
  const Product<T> op(shape);
  const OperatorCheck<T> check{op, {2 * rows * depth, 2 * depth * columns}, 2 * rows * columns};
  const auto x = check.make(3);
  require_close(check.forward(3, x), expected<T>(shape, 3, x[0], false, x[1], false));
  check.check_samples_apart(3);
}

TEST_CASE("product: the pullback is that of the formula", "[nn][product]") {
  const bool left_turned = GENERATE(false, true), right_turned = GENERATE(false, true);
  ProductShape shape{5, 7, 3, dense(2, 5, 7, left_turned), dense(2, 7, 3, right_turned)};
  SECTION("of separate matrices") {
    const Product<double> op(shape);
    OperatorCheck<double>{op, {70, 42}, 30}.check_pullback();
  }
  SECTION("of matrices that occur several times, or not at all") {
    shape.left.begins = {35, 0, 35, 0};
    shape.right.begins = {21, 21, 21, 21};
    const Product<double> op(shape);
    OperatorCheck<double>{op, {70, 42}, 60}.check_pullback();
    OperatorCheck<double>{op, {70, 42}, 60}.check_samples_apart();
  }
  SECTION("with a constant on the right") {
    const Product<double> op(shape, Product<double>::Constant::right,
                             OperatorCheck<double>::numbers(42, -1, 1, 5));
    OperatorCheck<double>{op, {70}, 30}.check_pullback();
    OperatorCheck<double>{op, {70}, 30}.check_samples_apart();
  }
  SECTION("with a constant on the left") {
    const Product<double> op(shape, Product<double>::Constant::left,
                             OperatorCheck<double>::numbers(70, -1, 1, 5));
    OperatorCheck<double>{op, {42}, 30}.check_pullback();
    OperatorCheck<double>{op, {42}, 30}.check_samples_apart();
  }
}

TEST_CASE("product: matrices within wider rows, such as the heads of an attention", "[nn][product]") {
  // Two heads of 3 in rows of 6 for 5 tokens: queries times keys.
  const ProductShape shape{5, 3, 5, {{0, 3}, 6, 1, 30}, {{0, 3}, 1, 6, 30}, 0.3};
  const Product<double> op(shape);
  const OperatorCheck<double> check{op, {30, 30}, 50};
  const auto x = check.make(2);
  require_close(check.forward(2, x), expected<double>(shape, 2, x[0], false, x[1], false));
  check.check_pullback();
  check.check_samples_apart();
}

TEST_CASE("product: neither step of a factor has to be 1", "[nn][product]") {
  const ProductShape shape{4, 3, 5, {{1, 0}, 6, 2, 24}, {{0, 1}, 2, 6, 30}};
  const Product<double> op(shape);
  const OperatorCheck<double> check{op, {24, 30}, 40};
  const auto x = check.make(2);
  require_close(check.forward(2, x), expected<double>(shape, 2, x[0], false, x[1], false));
  check.check_pullback();
}

TEST_CASE("product: constant matrices meet every sample", "[nn][product]") {
  const ProductShape shape{5, 7, 3, dense(2, 5, 7, false), dense(2, 7, 3, true)};
  const auto left = OperatorCheck<double>::numbers(70, -1, 1, 5),
             right = OperatorCheck<double>::numbers(42, -1, 1, 6);
  const Product<double> first(shape, Product<double>::Constant::left, left);
  const OperatorCheck<double> a{first, {42}, 30};
  const auto x = a.make(4);
  require_close(a.forward(4, x), expected(shape, 4, left, true, x[0], false));
  const Product<double> second(shape, Product<double>::Constant::right, right);
  const OperatorCheck<double> b{second, {70}, 30};
  const auto y = b.make(4);
  require_close(b.forward(4, y), expected(shape, 4, y[0], false, right, true));
}

TEST_CASE("product: elements between the matrices, and rows that are the same one", "[nn][product]") {
  const Matrices gaps{{2, 17}, 4, 1, 40}, turned{{1, 20}, 1, 5, 44};
  // As many elements as the sample has, but twice half of them.
  const Matrices same{{0, 3}, 0, 1, 18};
  for (const ProductShape& shape :
       {ProductShape{3, 3, 4, gaps, turned}, ProductShape{3, 3, 4, same, turned}}) {
    const Product<double> op(shape);
    const OperatorCheck<double> check{op, {shape.left.sample, 44}, 24};
    const auto x = check.make(2);
    require_close(check.forward(2, x), expected<double>(shape, 2, x[0], false, x[1], false));
    check.check_pullback();
    check.check_samples_apart();
  }
}
