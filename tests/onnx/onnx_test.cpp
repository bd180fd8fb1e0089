// SPDX-License-Identifier: MIT
#include "support/onnx.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/onnx_builder.hpp"

namespace {

using foil::Index;
using foil::test::attribute;
using foil::test::Attributes;
using foil::test::Ints;
using foil::test::OnnxBuilder;
using foil::test::spread;
using foil::test::Storage;

using Sample = std::vector<double>;
using Shape = std::array<Index, 3>;
using Batch = foil::Tensor<double, 4>;

Index size(const Shape& s) {
  return s[0] * s[1] * s[2];
}

/// Loads the file and compares, on three samples, logits with the expected ones and the pullback of a
/// cotangent with central differences.
void check(const OnnxBuilder& file, Shape shape, const std::function<Sample(const Sample&)>& expected,
           double low = -1, double high = 1) {
  const auto network = foil::onnx::parse<double>(file.bytes(), {.keep_output_layer = true});
  REQUIRE(network.input_shape() == shape);
  Batch x(3, shape[0], shape[1], shape[2]);
  const auto values = spread(static_cast<std::size_t>(x.size()), low, high);
  std::copy(values.begin(), values.end(), x.data());

  const auto pass = network.vjp(x);
  REQUIRE(pass.logits == network.logits(x));
  for (Index n = 0; n < 3; ++n) {
    const double* const begin = x.data() + n * size(shape);
    const Sample want = expected(Sample(begin, begin + size(shape)));
    REQUIRE(network.classes() == static_cast<Index>(want.size()));
    for (std::size_t k = 0; k < want.size(); ++k) {
      CAPTURE(n, k);
      REQUIRE(pass.logits(n, static_cast<Index>(k)) == Catch::Approx(want[k]).epsilon(1e-9).margin(1e-9));
    }
  }

  foil::Logits<double> cotangent(3, network.classes());
  const auto weights = spread(static_cast<std::size_t>(cotangent.size()), -1, 1, 7);
  std::copy(weights.begin(), weights.end(), cotangent.data());
  const Batch gradient = pass.pullback(cotangent);
  REQUIRE(gradient.dimensions() == x.dimensions());
  const double h = 1e-5;
  for (Index i = 0; i < x.size(); ++i) {
    Batch up = x, down = x;
    up.data()[i] += h;
    down.data()[i] -= h;
    const foil::Logits<double> change = network.logits(up) - network.logits(down);
    double slope = 0;
    for (Index k = 0; k < change.size(); ++k) slope += change.data()[k] * cotangent.data()[k] / (2 * h);
    CAPTURE(i);
    REQUIRE(gradient.data()[i] == Catch::Approx(slope).epsilon(1e-6).margin(1e-7));
  }
}

/// A file with one node between the input and a Flatten.
OnnxBuilder single(const std::string& type, const Shape& s, const Attributes& attributes = {},
                   const foil::test::Names& more_inputs = {}, std::int64_t opset = 13) {
  OnnxBuilder file({-1, s[0], s[1], s[2]}, opset);
  foil::test::Names inputs{"x"};
  inputs.insert(inputs.end(), more_inputs.begin(), more_inputs.end());
  return file.node(type, inputs, "h", attributes, "node").node("Flatten", {"h"}, "y");
}

void check_function(const std::string& type, double (*f)(double), double low = -2, double high = 2,
                    const Attributes& attributes = {}, std::int64_t opset = 13) {
  CAPTURE(type);
  const Shape shape{2, 3, 3};
  check(
      single(type, shape, attributes, {}, opset), shape,
      [f](Sample x) {
        for (double& v : x) v = f(v);
        return x;
      },
      low, high);
}

/// The message of the foil::Error that loading raises.
std::string message(const std::string& bytes) {
  try {
    foil::onnx::parse<double>(bytes);
  } catch (const foil::Error& problem) {
    return problem.what();
  }
  return "no error";
}
std::string message(const OnnxBuilder& file) {
  return message(file.bytes());
}

struct Sliding {
  Index kernel = 1, stride = 1, dilation = 1, begin = 0, end = 0;
  Index output(Index input) const { return (input + begin + end - dilation * (kernel - 1) - 1) / stride + 1; }
};

/// Convolution by its definition.
Sample convolve(const Sample& x, const Shape& s, const foil::test::Floats& w, const foil::test::Floats& b,
                Index groups, Sliding rows, Sliding columns) {
  const Index outputs = static_cast<Index>(b.size()), in = s[0] / groups, out = outputs / groups;
  const Index height = rows.output(s[1]), width = columns.output(s[2]);
  Sample y;
  for (Index o = 0; o < outputs; ++o)
    for (Index i = 0; i < height; ++i)
      for (Index j = 0; j < width; ++j) {
        double sum = static_cast<double>(b[static_cast<std::size_t>(o)]);
        for (Index c = 0; c < in; ++c)
          for (Index p = 0; p < rows.kernel; ++p)
            for (Index q = 0; q < columns.kernel; ++q) {
              const Index r = i * rows.stride + p * rows.dilation - rows.begin;
              const Index t = j * columns.stride + q * columns.dilation - columns.begin;
              if (r < 0 || r >= s[1] || t < 0 || t >= s[2]) continue;
              const auto at_w =
                  static_cast<std::size_t>(((o * in + c) * rows.kernel + p) * columns.kernel + q);
              const auto at_x = static_cast<std::size_t>(((o / out * in + c) * s[1] + r) * s[2] + t);
              sum += static_cast<double>(w[at_w]) * x[at_x];
            }
        y.push_back(sum);
      }
  return y;
}

void check_convolution(const Shape& s, Index outputs, Index groups, Sliding rows, Sliding columns,
                       Attributes attributes) {
  const auto weights =
      spread(static_cast<std::size_t>(outputs * s[0] / groups * rows.kernel * columns.kernel), -1, 1, 11);
  const auto biases = spread(static_cast<std::size_t>(outputs), -1, 1, 12);
  attributes.push_back(attribute("group", static_cast<std::int64_t>(groups)));
  OnnxBuilder file = single("Conv", s, attributes, {"w", "b"});
  file.constant("w", {outputs, s[0] / groups, rows.kernel, columns.kernel}, weights);
  file.constant("b", {outputs}, biases);
  check(file, s, [&](const Sample& x) { return convolve(x, s, weights, biases, groups, rows, columns); });
}

}  // namespace

TEST_CASE("onnx: functions of single elements", "[nn][onnx]") {
  check_function("Relu", [](double x) { return std::max(x, 0.); });
  check_function("LeakyRelu", [](double x) { return x < 0 ? x * static_cast<double>(0.3f) : x; }, -2, 2,
                 {attribute("alpha", 0.3)});
  check_function("Elu", [](double x) { return x < 0 ? std::expm1(x) : x; });
  check_function("Elu", [](double x) { return x < 0 ? 0.5 * std::expm1(x) : x; }, -2, 2,
                 {attribute("alpha", 0.5)});
  check_function("Sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }, -40, 40);
  check_function("Tanh", [](double x) { return std::tanh(x); }, -5, 5);
  check_function("Neg", [](double x) { return -x; });
  check_function("Sign", [](double x) { return x > 0 ? 1. : x < 0 ? -1. : 0.; });
  check_function("Exp", [](double x) { return std::exp(x); }, -4, 4);
  check_function("Log", [](double x) { return std::log(x); }, 0.2, 4);
  check_function("Sqrt", [](double x) { return std::sqrt(x); }, 0.2, 4);
  check_function("Identity", [](double x) { return x; });
  check_function("Dropout", [](double x) { return x; });
  check_function("Cast", [](double x) { return x; }, -2, 2, {attribute("to", 1)});
  check_function(
      "Clip", [](double x) { return std::clamp(x, -0.5, 1.); }, -2, 2,
      {attribute("min", -0.5), attribute("max", 1.0)}, 9);
}

TEST_CASE("onnx: Clip takes its ends as inputs since opset 11", "[nn][onnx]") {
  const Shape shape{1, 2, 4};
  OnnxBuilder both = single("Clip", shape, {}, {"low", "high"});
  both.constant("low", {}, {-0.25f}).constant("high", {}, {0.5f});
  check(both, shape, [](Sample x) {
    for (double& v : x) v = std::clamp(v, -0.25, 0.5);
    return x;
  });
  OnnxBuilder upper = single("Clip", shape, {}, {"", "high"});
  upper.constant("high", {1}, {0.5f});
  check(upper, shape, [](Sample x) {
    for (double& v : x) v = std::min(v, 0.5);
    return x;
  });
}

TEST_CASE("onnx: Softmax along one axis, and along the rest before opset 13", "[nn][onnx]") {
  const Shape shape{3, 2, 4};
  const auto softmax = [](Index outer, Index length, Index inner) {
    return [=](Sample x) {
      for (Index o = 0; o < outer; ++o)
        for (Index i = 0; i < inner; ++i) {
          double sum = 0;
          for (Index k = 0; k < length; ++k)
            sum += std::exp(x[static_cast<std::size_t>((o * length + k) * inner + i)]);
          for (Index k = 0; k < length; ++k) {
            double& v = x[static_cast<std::size_t>((o * length + k) * inner + i)];
            v = std::exp(v) / sum;
          }
        }
      return x;
    };
  };
  check(single("Softmax", shape), shape, softmax(6, 4, 1));
  check(single("Softmax", shape, {attribute("axis", 1)}), shape, softmax(1, 3, 8));
  check(single("Softmax", shape, {attribute("axis", -2)}), shape, softmax(3, 2, 4));
  check(single("Softmax", shape, {}, {}, 11), shape, softmax(1, 24, 1));
  check(single("Softmax", shape, {attribute("axis", 2)}, {}, 11), shape, softmax(3, 8, 1));
}

TEST_CASE("onnx: arithmetic with constants on either side, broadcast", "[nn][onnx]") {
  const Shape shape{2, 3, 2};
  struct Operation {
    std::string type;
    double (*f)(double, double);
  };
  const auto operation =
      GENERATE(values<Operation>({{"Add", [](double a, double b) { return a + b; }},
                                  {"Sub", [](double a, double b) { return a - b; }},
                                  {"Mul", [](double a, double b) { return a * b; }},
                                  {"Div", [](double a, double b) { return a / b; }},
                                  {"Pow", [](double a, double b) { return std::pow(a, b); }}}));
  struct Operand {
    Ints dims;
    std::array<std::size_t, 3> strides;
  };
  const auto operand = GENERATE(values<Operand>({{{}, {0, 0, 0}},
                                                 {{2}, {0, 0, 1}},
                                                 {{2, 1, 1}, {1, 0, 0}},
                                                 {{1, 2, 3, 1}, {3, 1, 0}},
                                                 {{2, 3, 2}, {6, 2, 1}}}));
  const bool first = GENERATE(false, true);
  std::size_t count = 1;
  for (const auto d : operand.dims) count *= static_cast<std::size_t>(d);
  const auto constant = spread(count, 0.5, 2, 21);
  CAPTURE(operation.type, count, first);
  OnnxBuilder file({-1, 2, 3, 2});
  file.constant("c", operand.dims, constant);
  file.node(operation.type, first ? foil::test::Names{"c", "x"} : foil::test::Names{"x", "c"}, "h");
  check(
      file.node("Flatten", {"h"}, "y"), shape,
      [&](Sample x) {
        for (std::size_t i = 0; i < x.size(); ++i) {
          const std::size_t at =
              i / 6 * operand.strides[0] + i / 2 % 3 * operand.strides[1] + i % 2 * operand.strides[2];
          const double c = static_cast<double>(constant[at]);
          x[i] = first ? operation.f(c, x[i]) : operation.f(x[i], c);
        }
        return x;
      },
      0.5, 2);
}

TEST_CASE("onnx: arithmetic between activations, broadcast over pixels, and of a tensor with itself",
          "[nn][onnx]") {
  const Shape shape{2, 3, 2};
  struct Operation {
    std::string type;
    double (*f)(double, double);
  };
  const auto operation =
      GENERATE(values<Operation>({{"Add", [](double a, double b) { return a + b; }},
                                  {"Sub", [](double a, double b) { return a - b; }},
                                  {"Mul", [](double a, double b) { return a * b; }},
                                  {"Div", [](double a, double b) { return a / b; }},
                                  {"Pow", [](double a, double b) { return std::pow(a, b); }}}));
  CAPTURE(operation.type);
  OnnxBuilder file({-1, 2, 3, 2});
  file.node("GlobalAveragePool", {"x"}, "mean")
      .node(operation.type, {"mean", "x"}, "h")
      .node("Flatten", {"h"}, "y");
  check(
      file, shape,
      [&](Sample x) {
        for (std::size_t c = 0; c < 2; ++c) {
          double mean = 0;
          for (std::size_t i = 0; i < 6; ++i) mean += x[6 * c + i] / 6;
          for (std::size_t i = 0; i < 6; ++i) x[6 * c + i] = operation.f(mean, x[6 * c + i]);
        }
        return x;
      },
      0.5, 2);
  OnnxBuilder square({-1, 2, 3, 2});
  square.node(operation.type, {"x", "x"}, "h").node("Flatten", {"h"}, "y");
  check(
      square, shape,
      [&](Sample x) {
        for (double& v : x) v = operation.f(v, v);
        return x;
      },
      0.5, 2);
}

TEST_CASE("onnx: convolutions agree with the definition", "[nn][onnx]") {
  check_convolution({1, 6, 7}, 3, 1, {3}, {2}, {});
  check_convolution({3, 7, 6}, 20, 1, {4, 2}, {3, 2}, {attribute("strides", Ints{2, 2})});
  check_convolution({2, 5, 5}, 3, 1, {3, 1, 1, 1, 2}, {3, 2, 1, 2, 0},
                    {attribute("pads", Ints{1, 2, 2, 0}), attribute("strides", Ints{1, 2})});
  check_convolution({2, 7, 8}, 2, 1, {3, 1, 2, 1, 1}, {2, 1, 3, 0, 2},
                    {attribute("pads", Ints{1, 0, 1, 2}), attribute("dilations", Ints{2, 3})});
  check_convolution({4, 5, 4}, 6, 2, {3, 1, 1, 1, 1}, {2}, {attribute("pads", Ints{1, 0, 1, 0})});
  check_convolution({4, 4, 4}, 4, 4, {3}, {3, 1, 1, 1, 0}, {attribute("pads", Ints{0, 1, 0, 0})});
  check_convolution({3, 4, 5}, 7, 1, {4}, {5}, {});  // one patch: fully connected
  check_convolution({2, 6, 5}, 3, 1, {3, 2, 1, 0, 1}, {3, 2, 1, 1, 1},
                    {attribute("auto_pad", "SAME_UPPER"), attribute("strides", Ints{2, 2})});
  check_convolution({2, 6, 5}, 3, 1, {3, 2, 1, 1, 0}, {3, 2, 1, 1, 1},
                    {attribute("auto_pad", "SAME_LOWER"), attribute("strides", Ints{2, 2})});
  check_convolution({2, 6, 5}, 3, 1, {3}, {2}, {attribute("auto_pad", "VALID")});
}

TEST_CASE("onnx: wide convolutions, whose patches are read where they lie, agree with the definition",
          "[nn][onnx]") {
  check_convolution({1, 6, 22}, 3, 1, {3}, {4}, {});  // short patches, more pixels than a tile
  check_convolution({3, 4, 16}, 9, 1, {2}, {3, 2}, {attribute("strides", Ints{1, 2})});
  check_convolution({1, 5, 9}, 2, 1, {3, 2, 1, 3, 1}, {4, 1, 1, 2, 5},
                    {attribute("pads", Ints{3, 2, 1, 5}), attribute("strides", Ints{2, 1})});
  check_convolution({2, 7, 17}, 3, 1, {3, 1, 2, 1, 2}, {3, 2, 1, 1, 0},
                    {attribute("pads", Ints{1, 1, 2, 0}), attribute("strides", Ints{1, 2}),
                     attribute("dilations", Ints{2, 1})});
  check_convolution({5, 3, 8}, 4, 1, {2, 1, 1, 2, 2}, {3, 1, 1, 1, 1}, {attribute("pads", Ints{2, 1, 2, 1})});
  check_convolution({1, 2, 3}, 2, 1, {1}, {2, 1, 1, 4, 4}, {attribute("pads", Ints{0, 4, 0, 4})});
  check_convolution({256, 1, 9}, 2, 1, {1}, {1}, {});  // pixels that would collide in the cache
}

TEST_CASE("onnx: one-dimensional convolution and pooling", "[nn][onnx]") {
  const auto weights = spread(3 * 2 * 3, -1, 1, 11), biases = spread(3, -1, 1, 12);
  OnnxBuilder file({-1, 1, 2, 8});
  file.constant("axis", Ints{1}).constant("w", {3, 2, 3}, weights).constant("b", {3}, biases);
  file.node("Squeeze", {"x", "axis"}, "line")
      .node("Conv", {"line", "w", "b"}, "h", {attribute("strides", Ints{2})});
  file.node("AveragePool", {"h"}, "p", {attribute("kernel_shape", Ints{2})}).node("Flatten", {"p"}, "y");
  check(file, {1, 2, 8}, [&](const Sample& x) {
    const Sample c = convolve(x, {2, 1, 8}, weights, biases, 1, {}, {3, 2});
    Sample y;
    for (std::size_t o = 0; o < 3; ++o)
      for (std::size_t i = 0; i < 2; ++i) y.push_back((c[3 * o + i] + c[3 * o + i + 1]) / 2);
    return y;
  });
}

namespace {
void check_pooling(const std::string& type, const Shape& s, Sliding rows, Sliding columns, Index height,
                   Index width, bool count_padding, Attributes attributes) {
  CAPTURE(type, rows.kernel, columns.kernel, height, width);
  attributes.push_back(attribute("kernel_shape", Ints{rows.kernel, columns.kernel}));
  attributes.push_back(attribute("strides", Ints{rows.stride, columns.stride}));
  attributes.push_back(attribute("pads", Ints{rows.begin, columns.begin, rows.end, columns.end}));
  check(single(type, s, attributes), s, [&](const Sample& x) {
    Sample y;
    for (Index c = 0; c < s[0]; ++c)
      for (Index i = 0; i < height; ++i)
        for (Index j = 0; j < width; ++j) {
          double sum = 0, largest = -1e300;
          int count = 0;
          for (Index p = 0; p < rows.kernel; ++p)
            for (Index q = 0; q < columns.kernel; ++q) {
              const Index r = i * rows.stride + p * rows.dilation - rows.begin;
              const Index t = j * columns.stride + q * columns.dilation - columns.begin;
              const bool inside = r >= 0 && r < s[1] && t >= 0 && t < s[2];
              if (inside || (count_padding && r < s[1] + rows.end && t < s[2] + columns.end)) ++count;
              if (!inside) continue;
              const double v = x[static_cast<std::size_t>((c * s[1] + r) * s[2] + t)];
              sum += v;
              largest = std::max(largest, v);
            }
          y.push_back(type == "MaxPool" ? largest : sum / count);
        }
    return y;
  });
}
}  // namespace

TEST_CASE("onnx: poolings agree with the definition", "[nn][onnx]") {
  for (const std::string type : {"MaxPool", "AveragePool"}) {
    check_pooling(type, {2, 4, 6}, {2, 2}, {2, 2}, 2, 3, false, {});
    check_pooling(type, {19, 5, 5}, {3, 2}, {2, 1}, 2, 4, false, {});
    check_pooling(type, {2, 5, 6}, {3, 2, 1, 1, 1}, {3, 2, 1, 1, 0}, 3, 3, false, {});
    check_pooling(type, {2, 6, 6}, {3, 2}, {3, 2}, 3, 3, false, {attribute("ceil_mode", 1)});
    // A last window that would start in the padding is dropped.
    check_pooling(type, {1, 4, 4}, {2, 3, 1, 1, 1}, {2, 3, 1, 1, 1}, 2, 2, false,
                  {attribute("ceil_mode", 1)});
  }
  check_pooling("MaxPool", {2, 6, 5}, {2, 1, 2}, {2, 1, 3}, 4, 2, false,
                {attribute("dilations", Ints{2, 3})});
  check_pooling("AveragePool", {2, 5, 5}, {3, 2, 1, 1, 1}, {3, 2, 1, 1, 1}, 3, 3, true,
                {attribute("count_include_pad", 1)});
  check_pooling("AveragePool", {2, 6, 6}, {3, 2, 1, 1, 1}, {3, 2, 1, 1, 1}, 4, 4, true,
                {attribute("count_include_pad", 1), attribute("ceil_mode", 1)});
  // A window larger than the input has a place if rounding up makes room for one.
  check_pooling("MaxPool", {2, 2, 2}, {3, 3}, {3, 3}, 1, 1, false, {attribute("ceil_mode", 1)});
  check_pooling("AveragePool", {2, 2, 2}, {3, 3}, {3, 3}, 1, 1, false, {attribute("ceil_mode", 1)});
  // A kernel that is mostly padding.
  check_pooling("AveragePool", {1, 3, 3}, {40, 2, 1, 39, 38}, {2}, 21, 2, false, {});
}

TEST_CASE("onnx: MaxPool of a window of nothing but padding is the lowest number", "[nn][onnx]") {
  const auto network = foil::onnx::parse<double>(
      single("MaxPool", {1, 4, 4},
             {attribute("kernel_shape", Ints{2, 2}), attribute("dilations", Ints{5, 5}),
              attribute("pads", Ints{1, 1, 1, 1})})
          .bytes(),
      {.binary = true});
  Batch x(1, 1, 4, 4);
  x.setConstant(0.5);
  const auto pass = network.vjp(x);
  REQUIRE(pass.logits.size() == 2);
  CHECK(pass.logits(0, 1) == std::numeric_limits<double>::lowest());
  const Batch gradient = pass.pullback(foil::Logits<double>::Ones(1, 2));
  CHECK(std::all_of(gradient.data(), gradient.data() + 16, [](double g) { return g == 0; }));
}

TEST_CASE("onnx: the first of equal elements receives MaxPool's gradient", "[nn][onnx]") {
  const auto network = foil::onnx::parse<double>(
      single("MaxPool", {1, 2, 2}, {attribute("kernel_shape", Ints{2, 2})}).bytes(), {.binary = true});
  Batch x(1, 1, 2, 2);
  x.setConstant(0.5);
  const Batch gradient = network.vjp(x).pullback(foil::Logits<double>::Constant(1, 2, 3.));
  CHECK(gradient.data()[0] == 3.);
  for (Index i = 1; i < 4; ++i) CHECK(gradient.data()[i] == 0.);
}

TEST_CASE("onnx: fully connected layers", "[nn][onnx]") {
  const Shape shape{2, 1, 3};
  const bool transposed = GENERATE(false, true);
  const Index outputs = GENERATE(2, 5, 40);
  const auto weights = spread(static_cast<std::size_t>(6 * outputs), -1, 1, 31);
  const auto biases = spread(static_cast<std::size_t>(outputs), -1, 1, 32);
  OnnxBuilder file({-1, 2, 1, 3});
  file.constant("w", transposed ? Ints{outputs, 6} : Ints{6, outputs}, weights)
      .constant("b", {1, outputs}, biases);
  file.node("Flatten", {"x"}, "h");
  file.node("Gemm", {"h", "w", "b"}, "y",
            {attribute("transB", transposed ? 1 : 0), attribute("alpha", 0.5), attribute("beta", 2.)});
  check(file, shape, [&](const Sample& x) {
    Sample y;
    for (std::size_t o = 0; o < biases.size(); ++o) {
      double sum = 2 * static_cast<double>(biases[o]);
      for (std::size_t i = 0; i < 6; ++i)
        sum += 0.5 * static_cast<double>(weights[transposed ? o * 6 + i : i * biases.size() + o]) * x[i];
      y.push_back(sum);
    }
    return y;
  });
}

TEST_CASE("onnx: a deep product with few outputs", "[nn][onnx]") {
  const Shape shape{1, 5, 15};
  const auto weights = spread(75 * 7, -1, 1, 33);
  OnnxBuilder file({-1, 1, 5, 15});
  file.constant("w", {75, 7}, weights).node("Flatten", {"x"}, "h").node("MatMul", {"h", "w"}, "y");
  check(file, shape, [&](const Sample& x) {
    Sample y(7, 0.);
    for (std::size_t i = 0; i < 75; ++i)
      for (std::size_t o = 0; o < 7; ++o) y[o] += static_cast<double>(weights[7 * i + o]) * x[i];
    return y;
  });
}

TEST_CASE("onnx: MatMul on the last of several axes", "[nn][onnx]") {
  const Shape shape{2, 3, 4};
  const auto weights = spread(4 * 5, -1, 1, 34);
  OnnxBuilder file = single("MatMul", shape, {}, {"w"});
  check(file.constant("w", {4, 5}, weights), shape, [&](const Sample& x) {
    Sample y(30, 0.);
    for (std::size_t r = 0; r < 6; ++r)
      for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t o = 0; o < 5; ++o)
          y[5 * r + o] += static_cast<double>(weights[5 * i + o]) * x[4 * r + i];
    return y;
  });
}

TEST_CASE("onnx: batch normalisation, absorbed by the layer before or not", "[nn][onnx]") {
  const Shape shape{2, 3, 3};
  const bool shared = GENERATE(false, true);  // a second consumer of the convolution forbids absorbing it
  const auto weights = spread(4 * 2 * 2 * 2, -1, 1, 41), biases = spread(4, -1, 1, 42);
  const auto scale = spread(4, 0.5, 2, 43), shift = spread(4, -1, 1, 44), mean = spread(4, -1, 1, 45);
  const auto variance = spread(4, 0.2, 2, 46);
  OnnxBuilder file({-1, 2, 3, 3});
  file.constant("w", {4, 2, 2, 2}, weights).constant("b", {4}, biases).constant("scale", {4}, scale);
  file.constant("shift", {4}, shift).constant("mean", {4}, mean).constant("variance", {4}, variance);
  file.node("Conv", {"x", "w", "b"}, "c");
  file.node("BatchNormalization", {"c", "scale", "shift", "mean", "variance"}, "n",
            {attribute("epsilon", 0.01)});
  if (shared)
    file.node("Add", {"n", "c"}, "h");
  else
    file.node("Identity", {"n"}, "h");
  file.node("Flatten", {"h"}, "y");
  check(file, shape, [&](const Sample& x) {
    Sample y = convolve(x, shape, weights, biases, 1, {2}, {2});
    for (std::size_t i = 0; i < y.size(); ++i) {
      const auto get = [i](const foil::test::Floats& v) { return static_cast<double>(v[i / 4]); };
      const double factor = get(scale) / std::sqrt(get(variance) + static_cast<double>(0.01f));
      y[i] = (y[i] - get(mean)) * factor + get(shift) + (shared ? y[i] : 0.);
    }
    return y;
  });
}

TEST_CASE("onnx: shapes change without touching the batch", "[nn][onnx]") {
  const Shape shape{2, 3, 4};
  const auto keep = [](const Sample& x) { return x; };
  const auto reshape = [&](Ints target, std::int64_t batch) {
    OnnxBuilder file({batch, 2, 3, 4});
    return file.constant("s", std::move(target)).node("Reshape", {"x", "s"}, "y");
  };
  check(reshape({-1, 24}, -1), shape, keep);
  check(reshape({0, -1}, -1), shape, keep);
  check(reshape({1, 24}, 1), shape, keep);
  check(reshape({1, -1}, 1), shape, keep);

  for (const int axis : {1, 2, -2, -3})  // an axis of length one may join the batch
    check(single("Flatten", {1, 3, 4}, {attribute("axis", axis)}), {1, 3, 4}, keep);

  // Through channels-last memory: a convolution with the identity before and after.
  OnnxBuilder file({-1, 2, 3, 4});
  file.constant("w", {2, 2, 1, 1}, {1, 0, 0, 1})
      .constant("v", {4, 4, 1, 1}, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1});
  file.constant("s", Ints{0, 4, 3, 2}).constant("axes", Ints{1, 3}).constant("back", Ints{1, 3});
  file.node("Conv", {"x", "w"}, "a").node("Reshape", {"a", "s"}, "b").node("Conv", {"b", "v"}, "c");
  file.node("Unsqueeze", {"c", "axes"}, "d").node("Squeeze", {"d", "back"}, "e").node("Flatten", {"e"}, "y");
  check(file, shape, keep);
}

TEST_CASE("onnx: axes of Squeeze and Unsqueeze are attributes before opset 13", "[nn][onnx]") {
  OnnxBuilder file({-1, 2, 1, 3}, 11);
  file.node("Squeeze", {"x"}, "a", {attribute("axes", Ints{2})});
  file.node("Unsqueeze", {"a"}, "b", {attribute("axes", Ints{-1})}).node("Flatten", {"b"}, "y");
  check(file, {2, 1, 3}, [](const Sample& x) { return x; });
}

TEST_CASE("onnx: Transpose, from either memory order", "[nn][onnx]") {
  const Shape shape{2, 3, 4};
  const bool last = GENERATE(false, true);
  OnnxBuilder file({-1, 2, 3, 4});
  file.constant("w", {2, 2, 1, 1}, {1, 0, 0, 1}).node("Conv", {"x", "w"}, "k");
  file.node("Identity", {last ? "k" : "x"}, "h");
  file.node("Transpose", {"h"}, "t", {attribute("perm", Ints{0, 3, 1, 2})}).node("Flatten", {"t"}, "y");
  check(file, shape, [](const Sample& x) {
    Sample y;
    for (std::size_t w = 0; w < 4; ++w)
      for (std::size_t c = 0; c < 2; ++c)
        for (std::size_t h = 0; h < 3; ++h) y.push_back(x[(c * 3 + h) * 4 + w]);
    return y;
  });
}

TEST_CASE("onnx: Concat along each axis, in either memory order", "[nn][onnx]") {
  const Shape shape{2, 3, 4};
  const std::int64_t axis = GENERATE(1, 2, 3);
  const bool last = GENERATE(false, true);
  OnnxBuilder file({-1, 2, 3, 4});
  file.constant("w", {2, 2, 1, 1}, {1, 0, 0, 1}).node("Conv", {"x", "w"}, "k");
  file.node("Identity", {last ? "k" : "x"}, "h");
  file.node("Neg", {"x"}, "n").node("Concat", {"h", "n", "x"}, "c", {attribute("axis", axis)});
  check(file.node("Flatten", {"c"}, "y"), shape, [axis](const Sample& x) {
    const std::size_t width = axis == 1 ? 24 : axis == 2 ? 12 : 4;
    Sample y;
    for (std::size_t b = 0; b < 24 / width; ++b)
      for (const double sign : {1., -1., 1.})
        for (std::size_t i = 0; i < width; ++i) y.push_back(sign * x[b * width + i]);
    return y;
  });
}

TEST_CASE("onnx: a residual network with several consumers of one tensor", "[nn][onnx]") {
  const Shape shape{2, 4, 4};
  const auto weights = spread(2 * 2 * 3 * 3, -0.5, 0.5, 51), biases = spread(2, -1, 1, 52);
  OnnxBuilder file({-1, 2, 4, 4});
  file.constant("w", {2, 2, 3, 3}, weights).constant("b", {2}, biases);
  file.node("Conv", {"x", "w", "b"}, "c", {attribute("pads", Ints{1, 1, 1, 1})}).node("Sigmoid", {"c"}, "s");
  file.node("Mul", {"c", "s"}, "m").node("Add", {"m", "x"}, "r").node("Tanh", {"r"}, "t");
  file.node("Add", {"t", "r"}, "u").node("Add", {"u", "s"}, "v").node("Exp", {"x"}, "unused");
  check(file.node("Flatten", {"v"}, "y"), shape, [&](const Sample& x) {
    Sample c = convolve(x, shape, weights, biases, 1, {3, 1, 1, 1, 1}, {3, 1, 1, 1, 1});
    for (std::size_t i = 0; i < c.size(); ++i) {
      const double s = 1 / (1 + std::exp(-c[i])), r = c[i] * s + x[i];
      c[i] = std::tanh(r) + r + s;
    }
    return c;
  });
}

TEST_CASE("onnx: constants may be computed in the file", "[nn][onnx]") {
  OnnxBuilder file({-1, 2, 1, 3});
  file.node("Constant", {}, "two",
            {{"value", foil::test::EncodedTensor{foil::test::onnx_tensor("", {1}, Ints{6})}}});
  file.constant("batch", Ints{-1}).node("Concat", {"batch", "two"}, "target", {attribute("axis", 0)});
  file.constant("w", {2, 6}, spread(12, -1, 1, 61)).node("Transpose", {"w"}, "t");
  file.node("Constant", {}, "half", {attribute("value_float", 0.5)}).node("Mul", {"t", "half"}, "v");
  file.node("Reshape", {"x", "target"}, "h").node("MatMul", {"h", "v"}, "y");
  const auto weights = spread(12, -1, 1, 61);
  check(file, {2, 1, 3}, [&](const Sample& x) {
    Sample y(2, 0.);
    for (std::size_t o = 0; o < 2; ++o)
      for (std::size_t i = 0; i < 6; ++i) y[o] += 0.5 * static_cast<double>(weights[6 * o + i]) * x[i];
    return y;
  });
}

TEST_CASE("onnx: weights in every form of storage", "[nn][onnx]") {
  const auto weights = spread(6, -1, 1, 71);
  const auto network = [&](const std::string& tensor, const std::filesystem::path& directory) {
    OnnxBuilder file({-1, 6});
    const std::filesystem::path path = directory / "model.onnx";
    std::ofstream(path, std::ios::binary) << file.encoded(tensor).node("Mul", {"x", "w"}, "y").bytes();
    return foil::onnx::load<double, 2>(path);
  };
  const auto directory = std::filesystem::temp_directory_path() / "foil-onnx-test";
  std::filesystem::create_directories(directory / "inner");
  const std::vector<char> padding(8, 'x');
  std::ofstream data(directory / "weights.bin", std::ios::binary);
  data.write(padding.data(), 8);
  data.write(reinterpret_cast<const char*>(weights.data()), 24);
  data.close();
  std::filesystem::copy_file(directory / "weights.bin", directory / "inner" / "weights.bin",
                             std::filesystem::copy_options::overwrite_existing);
  const auto external = [](const std::string& location, const std::string& offset,
                           const std::string& length) {
    return foil::test::onnx_external_tensor("w", {1, 6},
                                            {{"location", location}, {"offset", offset}, {"length", length}});
  };
  foil::Tensor<double, 2> x(1, 6);
  x.setConstant(1.);
  for (const std::string& tensor :
       {foil::test::onnx_tensor("w", {1, 6}, weights, Storage::raw),
        foil::test::onnx_tensor("w", {1, 6}, weights, Storage::typed),
        foil::test::onnx_tensor("w", {1, 6}, weights, Storage::packed), external("weights.bin", "8", "24"),
        external("inner/weights.bin", "8", "24")}) {
    const auto logits = network(tensor, directory).logits(x);
    for (Index i = 0; i < 6; ++i)
      CHECK(logits(0, i) == static_cast<double>(weights[static_cast<std::size_t>(i)]));
  }
  const foil::onnx::File file(
      OnnxBuilder({-1, 1, 1, 6}).encoded(external("inner/weights.bin", "8", "24")).bytes(), directory);
  CHECK(file.external_files() ==
        std::vector<std::filesystem::path>{std::filesystem::canonical(directory) / "inner/weights.bin"});
  CHECK(foil::onnx::File(OnnxBuilder({-1, 1, 1, 6}).bytes(), directory).external_files().empty());
  const auto refused = [&](const std::string& tensor) {
    try {
      network(tensor, directory / "inner");
    } catch (const foil::Error& problem) {
      return std::string(problem.what());
    }
    return std::string();
  };
  using Catch::Matchers::ContainsSubstring;
  CHECK_THAT(refused(external("../weights.bin", "8", "24")), ContainsSubstring("outside the directory"));
  CHECK_THAT(refused(external((directory / "weights.bin").string(), "8", "24")),
             ContainsSubstring("outside the directory"));
  CHECK_THAT(refused(external("weights.bin", "9", "24")),
             ContainsSubstring("has 32 bytes, expected 24 from byte 9"));
  CHECK_THAT(refused(external("weights.bin", "99", "24")), ContainsSubstring("expected data from byte 99"));
  CHECK_THAT(refused(external("weights.bin", "8", "20")), ContainsSubstring("expected 24 for its shape"));
  CHECK_THAT(refused(external("weights.bin", "8x", "24")), ContainsSubstring("got '8x'"));
  CHECK_THAT(refused(external("missing.bin", "8", "24")), ContainsSubstring("cannot read"));
  CHECK_THAT(message(OnnxBuilder({-1, 1, 1, 6}).encoded(external("weights.bin", "8", "24"))),
             ContainsSubstring("given as bytes"));
  std::filesystem::remove_all(directory);
}

TEST_CASE("onnx: what cannot be imported is refused with node and reason", "[nn][onnx]") {
  const Shape s{2, 4, 4};
  const auto refused = [&](const std::string& reason, const OnnxBuilder& file) {
    CHECK_THAT(message(file), Catch::Matchers::ContainsSubstring(reason));
  };
  const auto conv = [&](const Attributes& attributes, Ints dims = {4, 2, 3, 3}) {
    std::size_t count = 1;
    for (const auto d : dims) count *= static_cast<std::size_t>(d);
    return single("Conv", s, attributes, {"w"}).constant("w", dims, foil::test::Floats(count, 1.f));
  };
  refused("node 'node' (Scan): the operator Scan is not supported", single("Scan", s));
  refused("domain 'com.example'",
          OnnxBuilder({-1, 2, 4, 4}).node("Relu", {"x"}, "y", {}, "r", "com.example"));
  refused("expected an opset from 7 on, got 6", single("Relu", s, {}, {}, 6));
  refused("its input 'nowhere' is no input", OnnxBuilder({-1, 2, 4, 4}).node("Relu", {"nowhere"}, "y"));
  refused("the graph is cyclic",
          OnnxBuilder({-1, 2, 4, 4}).node("Add", {"x", "b"}, "y").node("Relu", {"y"}, "b"));
  refused("'h' is defined twice",
          OnnxBuilder({-1, 2, 4, 4}).node("Relu", {"x"}, "h").node("Relu", {"x"}, "h"));
  refused("is written by no node", OnnxBuilder({-1, 2, 4, 4}));
  refused("does not depend on the input", OnnxBuilder({-1, 2, 4, 4}).constant("y", {1, 2}, {1, 2}));
  refused("expected an output of shape (N, classes)", OnnxBuilder({-1, 2, 4, 4}).node("Relu", {"x"}, "y"));
  refused("has rank 2, expected 4", OnnxBuilder({-1, 2}).node("Relu", {"x"}, "y"));
  refused("is open or empty", OnnxBuilder({-1, 2, -1, 4}).node("Relu", {"x"}, "y"));
  refused("too large", OnnxBuilder({-1, 1 << 20, 1 << 20, 1 << 20}).node("Relu", {"x"}, "y"));

  refused("node 'node' (Conv): its inputs: expected 2 to 3, got 1", single("Conv", s));
  refused("node 'node' (Conv): input 1 is missing", single("Conv", s, {}, {""}));
  refused("values from 1 to 2^20 in attribute 'strides', got 0", conv({attribute("strides", Ints{0, 1})}));
  refused("values from 1 to 2^20 in attribute 'dilations', got -1",
          conv({attribute("dilations", Ints{1, -1})}));
  refused("values from 0 to 2^20 in attribute 'pads', got -1", conv({attribute("pads", Ints{0, 0, -1, 0})}));
  refused("expected 4 values in attribute 'pads', got 2", conv({attribute("pads", Ints{1, 1})}));
  refused("got 9223372036854775807", conv({attribute("strides", Ints{1, INT64_MAX})}));
  refused("expected an integer as attribute 'group'", conv({attribute("group", "two")}));
  refused("3 groups do not divide", conv({attribute("group", 3)}));
  refused("0 groups do not divide", conv({attribute("group", 0)}));
  refused("unknown auto_pad 'ROUND'", conv({attribute("auto_pad", "ROUND")}));
  refused("does not fit an input of 4", conv({}, {4, 2, 5, 5}));
  refused("expected weights for 2 input channels per group, got 3", conv({}, {4, 3, 3, 3}));
  refused("expected weights of rank 4, got 3", conv({}, {4, 2, 3}));
  refused("kernel_shape differs", conv({attribute("kernel_shape", Ints{2, 3})}));
  refused("a kernel of size 0", conv({}, {4, 2, 0, 3}));
  refused("expected 4 biases, got 3", single("Conv", s, {}, {"w", "b"})
                                          .constant("w", {4, 2, 1, 1}, foil::test::Floats(8, 1.f))
                                          .constant("b", {3}, {1, 2, 3}));
  refused("'kernel_shape' is missing", single("MaxPool", s));
  refused("windows of 2 empty",
          single("MaxPool", s, {attribute("kernel_shape", Ints{2, 2}), attribute("pads", Ints{2, 0, 0, 0})}));
  refused("training mode", single("Dropout", s, {}, {"", "t"}).constant("t", Ints{1}));
  refused("expected a cast to floats", single("Cast", s, {attribute("to", 7)}));

  refused("would mix samples", single("Transpose", s, {attribute("perm", Ints{1, 0, 2, 3})}));
  refused("occurs twice", single("Transpose", s, {attribute("perm", Ints{0, 1, 1, 3})}));
  refused("would mix samples", single("Concat", s, {attribute("axis", 0)}, {"x"}));
  refused("would mix samples", single("Softmax", s, {attribute("axis", 0)}));
  refused("axis 4 is out of range for rank 4", single("Softmax", s, {attribute("axis", 4)}));
  refused("would mix samples", single("Reshape", s, {}, {"s"}).constant("s", Ints{-1, 16}));
  refused("would mix samples", single("Reshape", s, {}, {"s"}).constant("s", Ints{2, 32}));
  refused("would mix samples", single("Flatten", s, {attribute("axis", 2)}));
  refused("would mix samples", single("Flatten", {1, 4, 4}, {attribute("axis", 3)}));
  refused("would mix samples", single("Flatten", {1, 4, 4}, {attribute("axis", -4)}));
  refused("axis 5 is out of range", single("Flatten", s, {attribute("axis", 5)}));
  refused("would mix samples", single("Unsqueeze", s, {}, {"s"}).constant("s", Ints{0}));
  refused("would mix samples", single("Squeeze", s, {}, {"s"}).constant("s", Ints{0}));
  refused("would mix samples",
          OnnxBuilder({-1, 32, 1, 1}).node("Flatten", {"x"}, "f").node("Add", {"x", "f"}, "y"));
  refused("would mix samples", single("Add", s, {}, {"c"}).constant("c", {2, 1, 1, 1}, {1, 2}));
  refused("cannot combine (N, 2, 4, 4) and (1, 1, 1, 3)",
          single("Add", s, {}, {"c"}).constant("c", {3}, {1, 2, 3}));
  refused("along axis 0 of (N, 32) it would mix samples",
          OnnxBuilder({-1, 2, 4, 4})
              .constant("w", {1, 1}, {1})
              .node("Flatten", {"x"}, "f")
              .node("Gemm", {"f", "w"}, "y", {attribute("transA", 1)}));
  refused("expected 4 rows, got 3", single("MatMul", s, {}, {"w"}).constant("w", {3, 1}, {1, 2, 3}));
  refused("has 8 bytes, expected 12",
          OnnxBuilder({-1, 1, 1, 3}).constant("c", {3}, foil::test::Floats{1, 2}));
  refused("has 2 elements, expected 3",
          OnnxBuilder({-1, 1, 1, 3}).constant("c", {3}, foil::test::Floats{1, 2}, Storage::typed));
  refused("impossible dimension", OnnxBuilder({-1, 1, 1, 3}).constant("c", {-3}, foil::test::Floats{1}));
  refused("impossible dimension",
          OnnxBuilder({-1, 1, 1, 3}).constant("c", {INT64_MAX, INT64_MAX}, foil::test::Floats{1}));
  CHECK_THAT(message(std::string()), Catch::Matchers::ContainsSubstring("empty"));
  CHECK_THAT(message("not an ONNX file"), Catch::Matchers::ContainsSubstring("damaged or no ONNX file"));
  CHECK_THROWS_AS(foil::onnx::load<double>("/nowhere/net.onnx"), foil::Error);
}

TEST_CASE("onnx: a damaged file raises foil::Error or loads, and never does anything else", "[nn][onnx]") {
  const std::string whole = foil::test::network_of_everything().bytes();
  Batch x(2, 2, 6, 6);
  x.setConstant(0.25);
  int loaded = 0, refused = 0;
  const auto attempt = [&](const std::string& bytes) {
    try {
      const auto network = foil::onnx::parse<double>(bytes);
      ++loaded;
      if (network.input_shape() == Shape{2, 6, 6})
        network.vjp(x).pullback(foil::Logits<double>::Constant(2, network.classes(), 1.));
    } catch (const foil::Error&) {
      ++refused;
    }
  };
  attempt(whole);
  REQUIRE(loaded == 1);
  for (std::size_t length = 0; length < whole.size(); ++length) attempt(whole.substr(0, length));
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const int mask : {0x01, 0x04, 0x10, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ mask);
      attempt(damaged);
    }
  CHECK(loaded + refused == 1 + 6 * static_cast<int>(whole.size()));
  CHECK(loaded > 1000);  // flipped weights and names do no harm
  CHECK(refused > 1000);
}
