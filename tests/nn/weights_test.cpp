// SPDX-License-Identifier: MIT
#include "foil/nn/weights.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "foil/nn/operators/convolution.hpp"
#include "foil/nn/operators/dense.hpp"
#include "support/catch.hpp"

namespace {

using foil::Index;
using foil::nn::Weights;

std::vector<float> numbers(Index count, std::size_t seed) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>((i * 37 + seed * 101) % 97) / 97.f - 0.5f;
  return values;
}

/// Weights that count how often they are fetched.
Weights<float> fetched(const std::vector<float>& values, int& times) {
  return {static_cast<Index>(values.size()), [&values, &times](float* to) {
            ++times;
            std::copy(values.begin(), values.end(), to);
          }};
}

/// The outputs of two samples, then the gradients with a cotangent like the outputs.
std::vector<float> results(foil::nn::Operator<float>& op, Index inputs, Index outputs) {
  const std::vector<float> scales = numbers(outputs, 5), shifts = numbers(outputs, 6);
  REQUIRE(op.absorb(scales.data(), shifts.data(), outputs));
  REQUIRE(op.absorb(shifts.data(), scales.data(), outputs));
  op.prepare();
  const std::vector<float> x = numbers(2 * inputs, 7);
  std::vector<float> out(static_cast<std::size_t>(2 * (inputs + outputs)));
  std::vector<float> scratch(static_cast<std::size_t>(op.scratch()));
  const float* const from = x.data();
  op.forward(2, &from, out.data(), scratch.data());
  float* const gradient = out.data() + 2 * outputs;
  op.backward(2, &from, nullptr, out.data(), &gradient, scratch.data());
  return out;
}

}  // namespace

TEST_CASE("nn: weights are fetched when they are taken, with the factors given before", "[nn]") {
  const std::vector<float> values = numbers(12, 1), factors = numbers(3, 2), more = numbers(3, 3);
  int times = 0;
  Weights<float> late = fetched(values, times), kept = values;
  for (Weights<float>* weights : {&late, &kept}) {
    CHECK(weights->size() == 12);
    weights->scale(factors.data(), 3);
    weights->scale(more.data(), 3);
  }
  CHECK(times == 0);
  std::vector<float> expected = values;
  for (std::size_t i = 0; i < 12; ++i) expected[i] = expected[i] * factors[i / 4] * more[i / 4];
  CHECK(late.take() == expected);
  CHECK(kept.take() == expected);
  CHECK(times == 1);
  CHECK(late.take().empty());
}

TEST_CASE("nn: layers whose weights are fetched give the same bits, and fetch once, when they are prepared",
          "[nn]") {
  for (const Index outputs : {3, 40}) {  // by scalar products and by tiles
    CAPTURE(outputs);
    const std::vector<float> values = numbers(150 * outputs, 1), biases = numbers(outputs, 2);
    int times = 0;
    foil::nn::Dense<float> kept(1, 150, outputs, values, biases);
    foil::nn::Dense<float> late(1, 150, outputs, fetched(values, times), biases);
    CHECK(times == 0);
    CHECK(results(kept, 150, outputs) == results(late, 150, outputs));
    CHECK(times == 1);
  }
  const foil::nn::Window window{5, 3, 3, 1, 1, 0, 0};
  const std::vector<float> values = numbers(9 * 4 * 6, 1), biases = numbers(6, 2);
  int times = 0;
  foil::nn::Convolution<float> kept({window, window, 4, 6, 1}, values, biases);
  foil::nn::Convolution<float> late({window, window, 4, 6, 1}, fetched(values, times), biases);
  const auto run = [](foil::nn::Convolution<float>& op) {
    const std::vector<float> scales = numbers(6, 5), shifts = numbers(6, 6), x = numbers(100, 7);
    REQUIRE(op.absorb(scales.data(), shifts.data(), 6));
    op.prepare();
    std::vector<float> out(54), scratch(static_cast<std::size_t>(op.scratch()));
    const float* const from = x.data();
    op.forward(1, &from, out.data(), scratch.data());
    return out;
  };
  CHECK(run(kept) == run(late));
  CHECK(times == 1);
}
