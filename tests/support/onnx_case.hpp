// SPDX-License-Identifier: MIT
/// \file
/// Small ONNX files with what ONNX Runtime computes from them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "support/catch.hpp"
#include "support/onnx.hpp"
#include "support/onnx_builder.hpp"

namespace foil::test {

/// Number i of the input: eighths from -1 to 1 in an order without pattern.
inline double input_number(Index i) {
  return static_cast<double>((i * 7 + i / 5) % 17 - 8) / 8;
}

/// Compares the network's answers, the pullback with differences along some directions, and the last sample's
/// bits with those that it has alone.
template <int Rank>
void check_file(const OnnxBuilder& file, std::span<const std::int64_t> sample,
                std::span<const double> expected) {
  const auto network = onnx::parse<double, Rank>(file.bytes(), {.keep_output_layer = true});
  const Index samples = 2;
  typename Tensor<double, Rank>::Dimensions dims;
  dims[0] = samples;
  for (std::size_t i = 0; i < sample.size(); ++i) dims[i + 1] = static_cast<Index>(sample[i]);
  Tensor<double, Rank> x(dims);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = input_number(i);

  const auto pass = network.vjp(x);
  REQUIRE(static_cast<std::size_t>(pass.logits.size()) == expected.size());
  for (Index i = 0; i < pass.logits.size(); ++i) {
    CAPTURE(i);
    REQUIRE(pass.logits.data()[i] ==
            Catch::Approx(expected[static_cast<std::size_t>(i)]).epsilon(2e-5).margin(2e-5));
  }
  Logits<double> cotangent(samples, network.classes());
  for (Index i = 0; i < cotangent.size(); ++i)
    cotangent.data()[i] = std::sin(1.3 * static_cast<double>(i) + 0.7);
  const Tensor<double, Rank> gradient = pass.pullback(cotangent);
  for (int direction = 0; direction < 3; ++direction) {
    Tensor<double, Rank> up = x, down = x;
    double slope = 0, difference = 0;
    for (Index i = 0; i < x.size(); ++i) {
      const double along = std::cos(2.1 * static_cast<double>(i) + direction);
      up.data()[i] += 1e-5 * along;
      down.data()[i] -= 1e-5 * along;
      slope += along * gradient.data()[i];
    }
    const Logits<double> above = network.logits(up), below = network.logits(down);
    for (Index i = 0; i < above.size(); ++i)
      difference += cotangent.data()[i] * (above.data()[i] - below.data()[i]) / 2e-5;
    REQUIRE(slope == Catch::Approx(difference).epsilon(1e-6).margin(1e-7));
  }
  const auto alone = network.logits(gather(x, std::array<Index, 1>{samples - 1}));
  REQUIRE(std::memcmp(alone.data(), pass.logits.row(samples - 1).data(),
                      static_cast<std::size_t>(alone.size()) * sizeof(double)) == 0);
}

/// A file of that opset for samples of that shape, any number of them, whose tensor "t" is flattened behind
/// axis 0 into the output; and what it gives for two samples of input_number().
template <std::size_t axes, std::size_t count>
void check_case(const char* name, std::int64_t opset, const std::int64_t (&sample)[axes],
                void (*build)(OnnxBuilder&), const double (&expected)[count]) {
  CAPTURE(name, opset);
  Ints shape(sample, sample + axes);
  shape.insert(shape.begin(), -1);
  OnnxBuilder file(shape, opset);
  build(file);
  file.node("Flatten", {"t"}, "y");
  check_file<static_cast<int>(axes) + 1>(file, sample, expected);
}

}  // namespace foil::test
