// SPDX-License-Identifier: MIT
#include "foil/nn/operators/shape.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "foil/nn/operators/binary.hpp"
#include "foil/nn/table.hpp"
#include "support/catch.hpp"

namespace {

using foil::Index;
using Sizes = std::vector<Index>;

template <class T>
std::vector<T> numbers(Index count, int seed) {
  std::vector<T> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<T>((i * 37 + static_cast<std::size_t>(seed) * 101) % 1009) / T(64) - T(4);
  return values;
}

/// Compares with element after element by a table of offsets.
template <class T>
void check(Index input, const Sizes& dims, const Sizes& strides) {
  const std::vector<std::int32_t> offsets = foil::nn::index_map(dims, strides);
  const Index batch = 2, output = static_cast<Index>(offsets.size());
  const std::vector<T> x = numbers<T>(batch * input, 1), g = numbers<T>(batch * output, 2);
  std::vector<T> y(g.size()), dx(x.size(), T(0)), got(g.size(), T(-9)), gradient(x.size(), T(-9));
  for (Index n = 0; n < batch; ++n)
    for (Index i = 0; i < output; ++i) {
      const Index from = n * input + offsets[static_cast<std::size_t>(i)], to = n * output + i;
      y[static_cast<std::size_t>(to)] = x[static_cast<std::size_t>(from)];
      dx[static_cast<std::size_t>(from)] += g[static_cast<std::size_t>(to)];
    }
  const foil::nn::Rearrange<T> op(input, dims, strides);
  const T* const inputs[] = {x.data()};
  T* const gradients[] = {gradient.data()};
  op.forward(batch, inputs, got.data(), nullptr);
  op.backward(batch, inputs, nullptr, g.data(), gradients, nullptr);
  CAPTURE(dims, strides);
  CHECK(got == y);
  CHECK(gradient == dx);
}

}  // namespace

TEST_CASE("shape: rearrangements move every element to its place and back", "[nn][shape]") {
  for (const Index channels : {1, 2, 3, 5, 16, 17, 33, 64})
    for (const Index pixels : {1, 3, 4, 7, 16, 49, 64}) {
      check<float>(channels * pixels, {pixels, channels}, {1, pixels});    // channels last
      check<float>(channels * pixels, {channels, pixels}, {1, channels});  // and back
      check<double>(channels * pixels, {pixels, channels}, {1, pixels});
    }
  check<float>(120, {4, 5, 6}, {30, 6, 1});  // nothing
  check<float>(120, {6, 5, 4}, {1, 6, 30});  // all axes turned
  check<float>(120, {5, 4, 6}, {6, 30, 1});  // runs
  check<float>(2 * 3 * 20 * 20, {3, 20, 2, 20}, {400, 1, 1200, 20});
  check<float>(20, {20, 7, 9}, {1, 0, 0});   // stretched behind
  check<float>(20, {7, 9, 20}, {0, 0, 1});   // and in front
  check<float>(60, {20, 9, 3}, {1, 0, 20});  // and turned besides
  check<float>(100, {3, 8}, {20, 2});        // a part
  check<float>(100, {4, 20}, {1, 5});        // a part, turned
  check<float>(1, {1, 1}, {5, 7});
  check<float>(1, {4}, {0});
}

TEST_CASE("shape: concatenation takes blocks by turns", "[nn][shape]") {
  const Sizes widths{3, 16, 1, 37};
  const Index blocks = 5, batch = 2, total = 57;
  std::vector<std::vector<float>> parts, slopes;
  std::vector<const float*> inputs;
  std::vector<float*> gradients;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    parts.push_back(numbers<float>(batch * blocks * widths[i], static_cast<int>(i)));
    slopes.emplace_back(parts.back().size());
  }
  for (std::size_t i = 0; i < widths.size(); ++i) {
    inputs.push_back(parts[i].data());
    gradients.push_back(slopes[i].data());
  }
  const foil::nn::Concatenate<float> op(blocks, widths);
  std::vector<float> y(static_cast<std::size_t>(batch * blocks * total));
  op.forward(batch, inputs.data(), y.data(), nullptr);
  auto at = y.begin();
  for (Index b = 0; b < batch * blocks; ++b)
    for (std::size_t i = 0; i < widths.size(); at += widths[i++])
      CHECK(std::equal(at, at + widths[i], parts[i].begin() + b * widths[i]));
  op.backward(batch, nullptr, nullptr, y.data(), gradients.data(), nullptr);
  CHECK(slopes == parts);
}

TEST_CASE("binary: constants that repeat need little memory", "[nn][binary]") {
  const auto check = [](std::vector<float> constant, Index most) {
    const Index size = static_cast<Index>(constant.size()), batch = 3;
    const foil::nn::Table<float> repeating(constant);
    CAPTURE(size, most);
    CHECK(repeating.sample_size() == size);
    CHECK(repeating.size() <= most);
    const foil::nn::WithConstant<float, foil::nn::Minus<float>, true> op(constant);
    const std::vector<float> x = numbers<float>(batch * size, 3);
    std::vector<float> y(x.size()), expected(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) expected[i] = constant[i % constant.size()] - x[i];
    const float* const inputs[] = {x.data()};
    op.forward(batch, inputs, y.data(), nullptr);
    CHECK(y == expected);
    const foil::nn::WithConstant<float, foil::nn::Times<float>, false> factor(constant);
    for (std::size_t i = 0; i < x.size(); ++i) expected[i] = constant[i % constant.size()] * x[i];
    float* const gradients[] = {y.data()};
    factor.backward(batch, inputs, nullptr, x.data(), gradients, nullptr);
    CHECK(y == expected);
  };
  const auto repeated = [](Index channels, Index run, Index times) {  // per channel
    std::vector<float> out;
    for (Index t = 0; t < times; ++t)
      for (Index c = 0; c < channels; ++c)
        out.insert(out.end(), static_cast<std::size_t>(run), static_cast<float>(c * c + 1));
    return out;
  };
  const Index table = 8 * foil::nn::lanes<float>;
  check(repeated(1, 5000, 1), 1);
  check(repeated(1, 5, 1), 5);
  check(repeated(3, 4000, 1), 3);
  check(repeated(20, 1, 3000), table);
  check(repeated(2000, 1, 30), 2000);
  check(repeated(20, 7, 1), 20 * 7);
  check(repeated(3, 4000, 2), 3);
  std::vector<float> irregular = numbers<float>(700, 5);
  check(irregular, 700);
  irregular.assign(1000, 1.f);
  irregular.back() = 2.f;
  check(irregular, 1000);
}
