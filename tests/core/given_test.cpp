// SPDX-License-Identifier: MIT
#include "foil/core/given.hpp"

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "foil/core/criteria.hpp"
#include "support/catch.hpp"

using namespace foil;
using Catch::Matchers::ContainsSubstring;

namespace {

using Rows = Tensor<float, 2>;

Rows counting() {
  Rows x(2, 3);
  for (Index i = 0; i < 6; ++i) x.data()[i] = static_cast<float>(i);
  return x;
}

}  // namespace

TEST_CASE("a batch that is what the model takes is passed on, not copied") {
  const Rows x = counting();
  CHECK(&as_batch<Rows>(x) == &x);
  const GivenBatch<Rows> field = x;
  CHECK(static_cast<const Rows*>(&as_batch<Rows>(field)) == &field);
  GivenBatch<Rows> other;
  CHECK(other.size() == 0);
  other = x;
  other = field;
  CHECK(as_matrix<Rows>(other) == as_matrix(x));
  other = {};
  CHECK(other.size() == 0);
}

TEST_CASE("a batch is made of tensor expressions, and of matrices in either storage order") {
  const Rows x = counting();
  const Rows doubled = as_batch<Rows>(x * 2.f);
  CHECK(as_matrix(doubled) == 2 * as_matrix(x));
  const Eigen::MatrixXf columns = as_matrix(x);
  const Eigen::Matrix<float, 2, 3, Eigen::RowMajor> rows = as_matrix(x);
  const auto same = [&](const Rows& made) { return as_matrix(made) == as_matrix(x); };
  CHECK(same(as_batch<Rows>(columns)));
  CHECK(same(as_batch<Rows>(rows)));
  CHECK(same(as_batch<Rows>(columns.array() + 0.f)));
  CHECK(same(as_batch<Rows>(as_matrix(x))));
  const Rows last = as_batch<Rows>(columns.row(1));
  CHECK(samples(last) == 1);
  CHECK(last(0, 2) == 5);
}

TEST_CASE("a criterion is not taken for labels, but badly meant labels are") {
  static_assert(!detail::LabelsLike<Misclassification>);
  static_assert(detail::LabelsLike<std::vector<double>>);  // to be refused in words
}

TEST_CASE("class labels are vectors of any integer type") {
  const Labels wanted = Labels::LinSpaced(3, 0, 2);
  CHECK(GivenLabels(wanted) == wanted);
  CHECK(GivenLabels(std::vector<int>{0, 1, 2}) == wanted);
  CHECK(GivenLabels(std::vector<std::uint8_t>{0, 1, 2}) == wanted);
  CHECK(GivenLabels(std::array<std::uint64_t, 3>{0, 1, 2}) == wanted);
  CHECK(GivenLabels(wanted.cast<long>().eval()) == wanted);
  CHECK(GivenLabels(wanted.cast<std::int16_t>()) == wanted);
  CHECK(GivenLabels(wanted.array() + 0) == wanted);
  CHECK(GivenLabels(wanted.transpose()) == wanted);
  CHECK(GivenLabels(Eigen::MatrixXi(wanted)) == wanted);
  Tensor<std::int64_t, 1> tensor(3);
  tensor.setValues({0, 1, 2});
  CHECK(GivenLabels(tensor) == wanted);
  CHECK(GivenLabels(std::vector<long>{}).size() == 0);
}

TEST_CASE("labels that are none are refused, never wrapped into another class") {
  using Limits = std::numeric_limits<int>;
  CHECK(GivenLabels(std::vector<std::int64_t>{Limits::max(), Limits::min()})[1] == Limits::min());
  CHECK_THROWS_WITH(GivenLabels(std::vector<std::int64_t>{0, (std::int64_t{1} << 32) + 1}),
                    ContainsSubstring("from 0 to 2147483647, got 4294967297 for sample 1"));
  CHECK_THROWS_AS(GivenLabels(std::vector<std::int64_t>{Limits::min() - std::int64_t{1}}), Error);
  CHECK_THROWS_AS(GivenLabels(std::vector<std::uint32_t>{0xFFFFFFFFu}), Error);
  CHECK_THROWS_AS(GivenLabels(std::vector<std::uint64_t>{~std::uint64_t{0}}), Error);
  CHECK_THROWS_WITH(GivenLabels(Eigen::MatrixXi::Zero(3, 2)), ContainsSubstring("shape (3, 2)"));
  CHECK_THROWS_WITH(Misclassification(std::vector<long>{0, -1}).check(2, 0), ContainsSubstring("class -1"));
}

TEST_CASE("criteria take them, bare or named") {
  const std::vector<std::int64_t> two{1, 0};
  CHECK(as_criterion(two).labels() == Eigen::Vector2i(1, 0));
  CHECK(as_criterion(Eigen::Vector2<long>(1, 0)).labels() == Eigen::Vector2i(1, 0));
  CHECK(as_criterion(TargetedMisclassification(two)).targets() == Eigen::Vector2i(1, 0));
  CHECK(MarginAbove(two, 0.5).labels() == Eigen::Vector2i(1, 0));
  CHECK(TopKMisclassification(two, 1).labels() == Eigen::Vector2i(1, 0));
  CHECK(ConfidentMisclassification(two, 0.5).labels() == Eigen::Vector2i(1, 0));
}
