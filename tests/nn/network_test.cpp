// SPDX-License-Identifier: MIT
#include "foil/nn/network.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/onnx.hpp"
#include "support/onnx_builder.hpp"

namespace {

using foil::Index;
using foil::test::attribute;
using foil::test::Ints;
using foil::test::spread;
using Batch = foil::Tensor<float, 4>;
using Matrix = foil::Logits<float>;

static_assert(foil::DifferentiableModel<foil::nn::Network<float, 4>>);
static_assert(foil::DifferentiableModel<foil::nn::Network<double, 2>>);
static_assert(foil::shareable<foil::nn::Network<float, 4>>);

/// A residual classifier of 2 x 9 x 9 images with one of everything whose speed matters.
foil::nn::Network<float, 4> classifier(int threads = 1) {
  foil::test::OnnxBuilder file({-1, 2, 9, 9});
  file.constant("w1", {20, 2, 3, 3}, spread(20 * 2 * 9, -0.4, 0.4, 1))
      .constant("b1", {20}, spread(20, -1, 1, 2));
  file.constant("w2", {20, 20, 3, 3}, spread(20 * 20 * 9, -0.1, 0.1, 3));
  file.constant("w3", {6, 20, 4, 4}, spread(6 * 20 * 16, -0.1, 0.1, 4));
  file.constant("w4", {40, 20}, spread(800, -0.3, 0.3, 5))
      .constant("w5", {10, 46}, spread(460, -0.3, 0.3, 6));
  file.constant("scale", {20, 1, 1}, spread(20, 0.5, 1.5, 7)).constant("axes", Ints{2, 3});
  const auto same = attribute("pads", Ints{1, 1, 1, 1});
  file.node("Conv", {"x", "w1", "b1"}, "c1", {same}).node("Elu", {"c1"}, "e1");
  file.node("MaxPool", {"e1"}, "p1",
            {attribute("kernel_shape", Ints{2, 2}), attribute("strides", Ints{2, 2})});
  file.node("Conv", {"p1", "w2"}, "c2", {same}).node("Mul", {"c2", "scale"}, "m2").node("Tanh", {"m2"}, "t2");
  file.node("Add", {"t2", "p1"}, "r").node("Conv", {"r", "w3"}, "c3").node("Flatten", {"c3"}, "f3");
  file.node("GlobalAveragePool", {"r"}, "g").node("Squeeze", {"g", "axes"}, "s");
  file.node("Gemm", {"s", "w4"}, "d4", {attribute("transB", 1)}).node("Sigmoid", {"d4"}, "s4");
  file.node("Concat", {"f3", "s4"}, "c", {attribute("axis", 1)});
  file.node("Gemm", {"c", "w5"}, "y", {attribute("transB", 1)});
  return foil::onnx::parse(file.bytes(), {.threads = threads});
}

Batch images(Index count) {
  Batch x(count, 2, 9, 9);
  const auto values = spread(static_cast<std::size_t>(x.size()), 0, 1, 9);
  std::copy(values.begin(), values.end(), x.data());
  return x;
}

Matrix cotangents(Index count) {
  Matrix c(count, 10);
  const auto values = spread(static_cast<std::size_t>(c.size()), -1, 1, 10);
  std::copy(values.begin(), values.end(), c.data());
  return c;
}

/// Logits and gradient of a batch, sample after sample.
struct Pass {
  Matrix logits;
  Batch gradient;

  Pass(const foil::nn::Network<float, 4>& network, const Batch& x, const Matrix& cotangent) {
    auto vjp = network.vjp(x);
    gradient = vjp.pullback(cotangent);
    logits = std::move(vjp.logits);
  }

  /// Whether sample i has the same bits as sample j of another pass.
  bool same(Index i, const Pass& other, Index j) const {
    const auto n = static_cast<std::size_t>(foil::features(gradient)) * sizeof(float);
    return std::memcmp(logits.row(i).data(), other.logits.row(j).data(), 10 * sizeof(float)) == 0 &&
           std::memcmp(foil::sample(gradient, i).data(), foil::sample(other.gradient, j).data(), n) == 0;
  }
};

}  // namespace

TEST_CASE("network: a sample's bits do not depend on its batch, its position, or the threads",
          "[nn][network]") {
  const Index most = 17;
  const Batch x = images(most);
  const Matrix c = cotangents(most);
  const auto network = classifier();
  std::vector<Pass> alone;
  for (Index i = 0; i < most; ++i)
    alone.emplace_back(network, foil::gather(x, std::array<Index, 1>{i}), Matrix(c.row(i)));
  for (const int threads : {1, 2, 3}) {
    const auto other = classifier(threads);
    for (Index count = 1; count <= most; ++count)
      for (Index shift = 0; shift < count; ++shift) {  // every sample at every position
        std::vector<Index> rows;
        Matrix some(count, 10);
        for (Index i = 0; i < count; ++i) {
          rows.push_back((i + shift) % count);
          some.row(i) = c.row(rows.back());
        }
        const Batch batch = foil::gather(x, rows);
        const Pass pass(other, batch, some);
        REQUIRE(other.logits(batch) == pass.logits);
        for (Index i = 0; i < count; ++i) {
          CAPTURE(threads, count, i);
          REQUIRE(pass.same(i, alone[static_cast<std::size_t>(rows[static_cast<std::size_t>(i)])], 0));
        }
      }
  }
}

TEST_CASE("network: a pullback may be called repeatedly, after the network is gone", "[nn][network]") {
  const Batch x = images(5);
  const Matrix c = cotangents(5);
  auto network = std::make_optional(classifier());
  const auto vjp = network->vjp(x);
  const Batch first = vjp.pullback(c);
  network->vjp(images(3)).pullback(cotangents(3));  // works in the same memory pool
  network.reset();
  const auto copy = vjp.pullback;
  const Batch zero = copy(Matrix::Zero(5, 10));
  const Batch second = copy(c);
  for (Index i = 0; i < x.size(); ++i) {
    CHECK(zero.data()[i] == 0.f);
    CHECK(first.data()[i] == second.data()[i]);
  }
  CHECK(foil::as_matrix(first).norm() > 0.f);
}

TEST_CASE("network: several threads may evaluate one network at once", "[nn][network]") {
  const auto network = classifier();
  const Batch x = images(9);
  const Matrix c = cotangents(9);
  const Pass expected(network, x, c);
  std::array<int, 4> different{};
  std::vector<std::thread> pool;
  for (int& failures : different)
    pool.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        const Pass pass(network, x, c);
        for (Index i = 0; i < 9; ++i) failures += !pass.same(i, expected, i);
      }
    });
  for (std::thread& thread : pool) thread.join();
  for (const int failures : different) CHECK(failures == 0);
}

TEST_CASE("network: shows its operators and their work", "[nn][network]") {
  const auto network = classifier();
  const auto& graph = network.engine().graph;
  REQUIRE(graph.operators() > 10);
  CHECK(graph.view(0).inputs == std::vector<Index>{2 * 9 * 9});
  CHECK(graph.view(graph.operators() - 1).output == 10);
  Index work = 0;
  for (std::size_t i = 0; i < graph.operators(); ++i) work += graph.view(i).op.multiply_adds();
  CHECK(work == 81 * 20 * 18 + 16 * 20 * 180 + 6 * 320 + 20 * 40 + 46 * 10);
}

TEST_CASE("network: says what it is and what it expected", "[nn][network]") {
  using Catch::Matchers::Equals;
  const auto network = classifier();
  CHECK(network.classes() == 10);
  CHECK(network.input_shape() == std::array<Index, 3>{2, 9, 9});
  CHECK(network.bounds().lower(0) == 0.f);
  CHECK(network.bounds().upper(0) == 1.f);
  const auto message = [](const auto& call) {
    try {
      call();
    } catch (const foil::Error& problem) {
      return std::string(problem.what());
    }
    return std::string();
  };
  CHECK_THAT(message([&] { network.logits(Batch(3, 2, 9, 8)); }),
             Equals("network: expected a batch of shape (N, 2, 9, 9) with N >= 1, got (3, 2, 9, 8)"));
  CHECK_THAT(message([&] { network.vjp(Batch(0, 2, 9, 9)); }),
             Equals("network: expected a batch of shape (N, 2, 9, 9) with N >= 1, got (0, 2, 9, 9)"));
  CHECK_THAT(message([&] { network.vjp(images(3)).pullback(Matrix::Zero(2, 10)); }),
             Equals("pullback: expected a cotangent of 3 x 10 like the logits, got 2 x 10"));
  CHECK_THAT(message([] { classifier(0); }), Equals("network: expected at least one thread, got 0"));
}
