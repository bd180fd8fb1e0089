// SPDX-License-Identifier: MIT
#include "foil/nn/operators/volume.hpp"

#include <cmath>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "foil/nn/operators/convolution.hpp"
#include "foil/nn/operators/norm_pooling.hpp"
#include "support/catch.hpp"
#include "support/operator_check.hpp"

namespace {

using foil::Index;
using foil::nn::Convolution;
using foil::nn::Window;
using foil::test::OperatorCheck;
using Check = OperatorCheck<double>;

Window window(Index input, Index kernel, Index stride, Index dilation, Index before, Index behind) {
  Window w{input, 1, kernel, stride, dilation, before, behind};
  w.output = (input + before + behind - (kernel - 1) * dilation - 1) / stride + 1;
  return w;
}

std::vector<double> zeros(Index n) {
  return std::vector<double>(static_cast<std::size_t>(n), 0.);
}

/// work(output position, input position, tap) for all taps inside the input, along three axes.
template <class F>
void for_each_tap(const Window (&w)[3], F&& work) {
  Index o[3], k[3];
  for (o[0] = 0; o[0] < w[0].output; ++o[0])
    for (o[1] = 0; o[1] < w[1].output; ++o[1])
      for (o[2] = 0; o[2] < w[2].output; ++o[2])
        for (k[0] = 0; k[0] < w[0].kernel; ++k[0])
          for (k[1] = 0; k[1] < w[1].kernel; ++k[1])
            for (k[2] = 0; k[2] < w[2].kernel; ++k[2]) {
              bool inside = true;
              Index in = 0, out = 0, tap = 0;
              for (std::size_t a = 0; a < 3; ++a) {
                inside = inside && w[a].inside(w[a].at(o[a], k[a]));
                in = in * w[a].input + w[a].at(o[a], k[a]);
                out = out * w[a].output + o[a];
                tap = tap * w[a].kernel + k[a];
              }
              if (inside) work(out, in, tap);
            }
}

}  // namespace

TEST_CASE("transposed: a convolution the other way round, with biases", "[nn][volume]") {
  const Window rows = window(5, 3, 2, 1, 1, 0), columns = window(7, 2, 1, 2, 0, 1);
  const Index groups = GENERATE(1, 2), wide = 4, narrow = 2;  // channels of the output, and of the input
  const auto weights = Check::numbers(narrow * wide / groups * 6, -1, 1, 3),
             biases = Check::numbers(wide, -1, 1, 4);
  const Index inputs = rows.output * columns.output * narrow, outputs = 5 * 7 * wide;
  foil::nn::Transposed<double> op(
      std::make_unique<Convolution<double>>(foil::nn::ConvolutionShape{rows, columns, wide, narrow, groups},
                                            weights, zeros(narrow)),
      outputs, biases);
  op.prepare();
  const Check check{op, {inputs}, outputs};
  const auto x = check.make(2);
  std::vector<double> wanted;
  for (Index i = 0; i < 2 * outputs; ++i) wanted.push_back(biases[static_cast<std::size_t>(i % wide)]);
  for (Index n = 0; n < 2; ++n)
    for_each_tap({Window{}, rows, columns}, [&](Index from, Index to, Index tap) {
      for (Index o = 0; o < narrow; ++o)
        for (Index c = 0; c < wide / groups; ++c) {
          const Index channel = o / (narrow / groups) * (wide / groups) + c;
          wanted[static_cast<std::size_t>(n * outputs + to * wide + channel)] +=
              x[0][static_cast<std::size_t>(n * inputs + from * narrow + o)] *
              weights[static_cast<std::size_t>((o * (wide / groups) + c) * 6 + tap)];
        }
    });
  const auto y = check.forward(2, x);
  for (std::size_t i = 0; i < y.size(); ++i) REQUIRE(y[i] == Catch::Approx(wanted[i]).margin(1e-12));
  check.check_pullback();
  check.check_samples_apart();
}

TEST_CASE("sliced convolution: a volume by its slices", "[nn][volume]") {
  const Window depth = window(4, 3, 2, 1, 2, 1), rows = window(4, 2, 1, 1, 1, 0),
               columns = window(5, 2, 2, 2, 0, 1);
  const Index in = 3, out = 2, taps = 3 * 2 * 2;
  const auto weights = Check::numbers(out * in * taps, -1, 1, 3), biases = Check::numbers(out, -1, 1, 4);
  std::vector<std::unique_ptr<foil::nn::Operator<double>>> slices;
  for (Index k = 0; k < 3; ++k) {
    std::vector<double> part;
    for (Index i = 0; i < out * in; ++i)
      for (Index t = 0; t < 4; ++t) part.push_back(weights[static_cast<std::size_t>(i * taps + k * 4 + t)]);
    slices.push_back(std::make_unique<Convolution<double>>(
        foil::nn::ConvolutionShape{rows, columns, in, out, 1}, part, zeros(out)));
  }
  const Index plane = rows.output * columns.output;
  foil::nn::SlicedConvolution<double> op(depth, std::move(slices), 20 * in, plane * out, biases);
  op.prepare();
  const Check check{op, {80 * in}, depth.output * plane * out};
  const auto x = check.make(1);
  std::vector<double> wanted;
  for (Index i = 0; i < check.output; ++i) wanted.push_back(biases[static_cast<std::size_t>(i % out)]);
  for_each_tap({depth, rows, columns}, [&](Index to, Index from, Index tap) {
    for (Index o = 0; o < out; ++o)
      for (Index c = 0; c < in; ++c)
        wanted[static_cast<std::size_t>(to * out + o)] +=
            x[0][static_cast<std::size_t>(from * in + c)] *
            weights[static_cast<std::size_t>((o * in + c) * taps + tap)];
  });
  const auto y = check.forward(1, x);
  for (std::size_t i = 0; i < y.size(); ++i) REQUIRE(y[i] == Catch::Approx(wanted[i]).margin(1e-12));
  check.check_pullback();
  check.check_samples_apart();
}

TEST_CASE("norm pooling: the p-norm of windows", "[nn][volume]") {
  const int p = GENERATE(1, 2, 3);
  const Index channels = GENERATE(1, 9);
  const Window rows = window(5, 3, 2, 1, 1, 1), columns = window(4, 2, 1, 2, 1, 0);
  const foil::nn::NormPooling<double> op(rows, columns, channels, p);
  const Check check{op, {20 * channels}, rows.output * columns.output * channels};
  const auto x = check.make(1);
  std::vector<double> wanted = zeros(check.output);
  for_each_tap({Window{}, rows, columns}, [&](Index to, Index from, Index) {
    for (Index c = 0; c < channels; ++c)
      wanted[static_cast<std::size_t>(to * channels + c)] +=
          std::pow(std::abs(x[0][static_cast<std::size_t>(from * channels + c)]), p);
  });
  const auto y = check.forward(1, x);
  for (std::size_t i = 0; i < y.size(); ++i)
    REQUIRE(y[i] == Catch::Approx(std::pow(wanted[i], 1. / p)).epsilon(1e-12).margin(1e-12));
  check.check_pullback(-1, 1, 1e-6);
  check.check_samples_apart();
  const std::vector<double> nothing = zeros(check.inputs[0]), g(static_cast<std::size_t>(check.output), 1.);
  REQUIRE(check.backward(1, {nothing}, g)[0] == nothing);
}
