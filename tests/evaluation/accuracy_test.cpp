// SPDX-License-Identifier: MIT
#include "foil/evaluation/accuracy.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("accuracy: batches of any size give the same decisions, none larger than asked for", "[accuracy]") {
  const auto affine = test::random_affine<Input>(4, 3, 1);
  test::Random random(2);
  const auto x = test::random_batch<Input>(random, Input::Dimensions(23, 3));
  const Labels expected = predict(affine, x);
  for (const Index batch_size : {1, 7, 23, 100}) {
    Index largest = 0, calls = 0;
    auto model = make_model<Input>(affine.bounds(), [&](const Input& batch) {
      largest = std::max(largest, samples(batch));
      ++calls;
      return affine.logits(batch);
    });
    CHECK(predict_in_batches(model, x, batch_size) == expected);
    CHECK(largest == std::min<Index>(batch_size, 23));
    CHECK(calls == (23 + batch_size - 1) / batch_size);
  }
  Labels half = expected;
  for (Index i = 0; i < 23; i += 2) half[i] = (half[i] + 1) % 4;
  CHECK(accuracy(affine, x, expected) == 1);
  CHECK(accuracy(affine, x, half, 5) == Catch::Approx(11.0 / 23));
}

TEST_CASE("accuracy: an answer of NaN or infinity is no class, and wrong", "[accuracy]") {
  Logits<float> logits(3, 3);
  logits << 1, 2, 0, std::nanf(""), 2, 0, 1, 0, std::numeric_limits<float>::infinity();
  Labels expected(3);
  expected << 1, -1, -1;
  CHECK(decide(logits) == expected);
  const auto model = make_model<Input>(Bounds<float>(), [&](const Input&) { return logits; });
  CHECK(predict_in_batches(model, Input(3, 3)) == expected);
  Labels labels(3);
  labels << 1, 0, 2;  // what argmax makes of them
  CHECK(accuracy(model, Input(3, 3), labels) == Catch::Approx(1.0 / 3));
}

TEST_CASE("accuracy: what makes no sense is refused in words", "[accuracy]") {
  const auto affine = test::random_affine<Input>(4, 3, 1);
  Input x(5, 3);
  x.setConstant(0.5f);
  CHECK_THROWS_WITH(predict_in_batches(affine, x, 0),
                    ContainsSubstring("batch size >= 1") && ContainsSubstring("got 0"));
  CHECK_THROWS_WITH(accuracy(affine, x, Labels(3)),
                    ContainsSubstring("each of the 5") && ContainsSubstring("got 3"));
  CHECK_THROWS_WITH(accuracy(affine, Input(0, 3), Labels()), ContainsSubstring("at least one sample"));
  const auto forgetful =
      make_model<Input>(Bounds<float>(), [](const Input&) { return Labels(Labels::Zero(1)); });
  CHECK_THROWS_WITH(predict_in_batches(forgetful, x),
                    ContainsSubstring("each of 5 samples") && ContainsSubstring("got 1"));
  CHECK(predict_in_batches(affine, Input(0, 3)).size() == 0);
  CHECK_THROWS_WITH(predict_in_batches(affine, x, -3), ContainsSubstring("got -3"));
  test::Tampered broken(affine);
  const auto refused = [&](auto spoil, const char* said) {
    broken.answer = [&](std::int64_t call, const Input&, Logits<float>& z) { spoil(call, z); };
    CHECK_THROWS_WITH(accuracy(broken, x, Labels(Labels::Zero(5)), 2), ContainsSubstring(said));
  };
  refused([](auto, auto& z) { z.setZero(1, 4); }, "each of 2 samples, got 1");
  refused([](auto, auto& z) { z.resize(2, 0); }, "at least 2 classes, got 0");
  refused([](auto call, auto& z) { z.setZero(z.rows(), 4 + call); }, "the number of classes changed from");
}

TEST_CASE("accuracy: matrices and labels of any integer type do", "[accuracy]") {
  const auto affine = test::random_affine<Input>(4, 3, 1);
  const Eigen::MatrixXf x = Eigen::MatrixXf::Constant(5, 3, 0.5f);
  const std::vector<std::int64_t> said(5, predict_in_batches(affine, x)[0]);
  CHECK(accuracy(affine, x, said, 2) == 1);
}
}  // namespace
