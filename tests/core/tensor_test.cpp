// SPDX-License-Identifier: MIT
#include "foil/core/tensor.hpp"

#include <numeric>
#include <vector>

#include "support/catch.hpp"

namespace {
using namespace foil;

Tensor<float, 4> counted() {
  Tensor<float, 4> x(3, 2, 2, 4);
  std::iota(x.data(), x.data() + x.size(), 0.0f);
  return x;
}

static_assert(Batch<Tensor<float, 2>> && Batch<Tensor<double, 4>>);
static_assert(!Batch<Tensor<float, 1>> && !Batch<Tensor<int, 2>> && !Batch<Eigen::MatrixXf>);
static_assert(!Batch<Eigen::Tensor<float, 2>>, "column-major tensors are no batches");

TEST_CASE("tensor: a batch is row-major, its samples are contiguous", "[tensor]") {
  const auto x = counted();
  CHECK(samples(x) == 3);
  CHECK(features(x) == 16);
  CHECK(x(1, 1, 0, 3) == 16 + 8 + 3);
  CHECK(sample(x, 1)[11] == x(1, 1, 0, 3));
  CHECK(as_matrix(x)(1, 11) == x(1, 1, 0, 3));
  CHECK(as_matrix(x).rows() == 3);
  CHECK(as_matrix(x).cols() == 16);
}

TEST_CASE("tensor: views write through without copying", "[tensor]") {
  auto x = counted();
  sample(x, 2)[15] = -1;
  CHECK(x(2, 1, 1, 3) == -1);
  as_matrix(x)(0, 4) = -2;
  CHECK(x(0, 0, 1, 0) == -2);
  CHECK(sample(x, 1).data() == x.data() + 16);
}

TEST_CASE("tensor: gather copies the samples asked for, in order, repeats included", "[tensor]") {
  const auto x = counted();
  const auto y = gather(x, std::vector<Index>{2, 0, 2});
  CHECK(y.dimensions() == x.dimensions());
  CHECK(sample(y, 0) == sample(x, 2));
  CHECK(sample(y, 1) == sample(x, 0));
  CHECK(sample(y, 2) == sample(x, 2));
  const auto none = gather(x, std::vector<Index>{});
  CHECK(samples(none) == 0);
  CHECK(features(none) == 16);
}

TEST_CASE("tensor: shapes in words and with another number of samples", "[tensor]") {
  CHECK(shape_text(counted()) == "(3, 2, 2, 4)");
  CHECK(shape_text(Tensor<double, 2>(0, 5)) == "(0, 5)");
  const auto shape = resized(counted(), 7);
  CHECK(shape[0] == 7);
  CHECK(shape[3] == 4);
}
}  // namespace
