// SPDX-License-Identifier: MIT
#include "foil/core/answers.hpp"

#include "foil/core/model.hpp"
#include "support/catch.hpp"

using namespace foil;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("an answer is one row for each sample, of as many classes as before") {
  CHECK_NOTHROW(check_answer(3, 3));
  CHECK_THROWS_WITH(check_answer(3, 2), ContainsSubstring("each of 3 samples, got 2"));
  Index classes = 0;
  CHECK_THROWS_WITH(check_answer(3, 4, 10, classes), ContainsSubstring("each of 3 samples, got 4"));
  CHECK_THROWS_WITH(check_answer(3, 3, 0, classes), ContainsSubstring("at least 2 classes, got 0"));
  CHECK_THROWS_WITH(check_answer(3, 3, 1, classes), ContainsSubstring("the row (0, z)"));
  CHECK_FALSE(check_answer(0, 0, 0, classes));
  CHECK(classes == 0);
  CHECK(check_answer(3, 3, 10, classes));
  CHECK_FALSE(check_answer(2, 2, 10, classes));
  CHECK_THROWS_WITH(check_answer(3, 3, 11, classes), ContainsSubstring("changed from 10 to 11"));
  CHECK_THROWS_AS(check_answer(3, 3, 0, classes), Error);
}

TEST_CASE("a gradient has the shape of its inputs") {
  using Rows = Tensor<float, 2>;
  const Rows x(3, 4);
  CHECK_NOTHROW(check_gradient(Rows(3, 4), x.dimensions()));
  CHECK_THROWS_WITH(check_gradient(Rows(3, 5), x.dimensions()),
                    ContainsSubstring("shape (3, 4), it returned (3, 5)"));
  CHECK_THROWS_AS(check_gradient(Rows(), x.dimensions()), Error);
}

TEST_CASE("decisions about a batch are checked, too") {
  struct Model {
    using Input = Tensor<float, 2>;
    Index rows, columns;
    Bounds<float> bounds() const { return {}; }
    Logits<float> logits(const Input&) const { return Logits<float>::Zero(rows, columns); }
  };
  const Eigen::MatrixXf x = Eigen::MatrixXf::Zero(3, 4);
  const Model right{3, 2}, few{2, 2}, none{3, 0};
  CHECK(predict(right, x) == Labels::Zero(3));
  CHECK_THROWS_WITH(predict(few, x), ContainsSubstring("each of 3 samples, got 2"));
  CHECK_THROWS_WITH(predict(none, x), ContainsSubstring("at least 2 classes, got 0"));
}
