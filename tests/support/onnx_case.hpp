// SPDX-License-Identifier: MIT
/// \file
/// Small ONNX files with what ONNX Runtime computes from them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <functional>
#include <vector>

#include "support/catch.hpp"
#include "support/onnx.hpp"
#include "support/onnx_builder.hpp"

namespace foil::test {

/// A file whose tensor "t" is flattened behind axis 0 into the output, and the output's values for the first
/// samples.
struct OnnxCase {
  const char* name;
  std::int64_t opset;
  Ints sample;  ///< the shape of a sample; the batch is open
  std::function<void(OnnxBuilder&)> build;
  std::vector<double> expected;
};

/// Number i of the input: eighths from -1 to 1 in an order without pattern.
inline double input_number(Index i) {
  return static_cast<double>((i * 7 + i / 5) % 17 - 8) / 8;
}

/// Compares the network's answers, the pullback with differences along some directions, and the last sample's
/// bits with those that it has alone.
template <int Rank>
void check_case(const OnnxCase& c, std::int64_t batch = -1) {
  Ints shape = c.sample;
  shape.insert(shape.begin(), batch);
  OnnxBuilder file(shape, c.opset);
  c.build(file);
  file.node("Flatten", {"t"}, "y");
  const auto network = onnx::parse<double, Rank>(file.bytes(), {.keep_output_layer = true});
  const Index samples = 2;
  typename Tensor<double, Rank>::Dimensions dims;
  dims[0] = samples;
  for (std::size_t i = 0; i < c.sample.size(); ++i) dims[i + 1] = static_cast<Index>(c.sample[i]);
  Tensor<double, Rank> x(dims);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = input_number(i);

  const auto pass = network.vjp(x);
  REQUIRE(static_cast<std::size_t>(pass.logits.size()) == c.expected.size());
  for (Index i = 0; i < pass.logits.size(); ++i) {
    CAPTURE(i);
    REQUIRE(pass.logits.data()[i] ==
            Catch::Approx(c.expected[static_cast<std::size_t>(i)]).epsilon(2e-5).margin(2e-5));
  }
  Logits<double> cotangent(samples, network.classes());
  for (Index i = 0; i < cotangent.size(); ++i)
    cotangent.data()[i] = std::sin(1.3 * static_cast<double>(i) + 0.7);
  const Tensor<double, Rank> gradient = pass.pullback(cotangent);
  for (int direction = 0; direction < 3; ++direction) {
    Tensor<double, Rank> up = x, down = x;
    double slope = 0, expected = 0;
    for (Index i = 0; i < x.size(); ++i) {
      const double along = std::cos(2.1 * static_cast<double>(i) + direction);
      up.data()[i] += 1e-5 * along;
      down.data()[i] -= 1e-5 * along;
      slope += along * gradient.data()[i];
    }
    const Logits<double> above = network.logits(up), below = network.logits(down);
    for (Index i = 0; i < above.size(); ++i)
      expected += cotangent.data()[i] * (above.data()[i] - below.data()[i]) / 2e-5;
    REQUIRE(slope == Catch::Approx(expected).epsilon(1e-6).margin(1e-7));
  }
  const auto alone = network.logits(gather(x, std::array<Index, 1>{samples - 1}));
  REQUIRE(std::memcmp(alone.data(), pass.logits.row(samples - 1).data(),
                      static_cast<std::size_t>(alone.size()) * sizeof(double)) == 0);
}

inline void check_case(const OnnxCase& c) {
  CAPTURE(c.name, c.opset);
  if (c.sample.size() == 1) check_case<2>(c);
  if (c.sample.size() == 2) check_case<3>(c);
  if (c.sample.size() == 3) check_case<4>(c);
  if (c.sample.size() == 4) check_case<5>(c);
}

}  // namespace foil::test
