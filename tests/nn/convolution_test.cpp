// SPDX-License-Identifier: MIT
#include "foil/nn/operators/convolution.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/nn/memory.hpp"
#include "support/catch.hpp"

using foil::Index;
using foil::nn::ConvolutionShape;
using foil::nn::Window;

namespace {

/// A window over `input` positions; the output's size follows.
Window window(Index input, Index kernel, Index stride, Index dilation, Index before, Index after) {
  Window w{input, 1, kernel, stride, dilation, before, after};
  w.output = (input + before + after - (kernel - 1) * dilation - 1) / stride + 1;
  return w;
}

std::string text(const ConvolutionShape& s) {
  std::string out = foil::text(s.inputs, " -> ", s.outputs, " channels in ", s.groups, " groups");
  for (const Window& w : {s.rows, s.columns})
    out += foil::text("; size ", w.input, ", kernel ", w.kernel, ", stride ", w.stride, ", dilation ",
                      w.dilation, ", padding ", w.pad_begin, " and ", w.pad_end);
  return out;
}

std::size_t at(Index i) {
  return static_cast<std::size_t>(i);
}

/// A convolution with weights, and `batch` samples with their cotangents.
template <class T>
class Case {
 public:
  static constexpr Index batch = 3;

  Case(const ConvolutionShape& shape, unsigned seed)
      : shape_(shape),
        random_(seed),
        weights_(numbers(shape.outputs * (shape.inputs / shape.groups) * shape.rows.kernel *
                         shape.columns.kernel)),
        biases_(numbers(shape.outputs)),
        x_(numbers(batch * in_size())),
        c_(numbers(batch * out_size())),
        op_(shape, weights_, biases_) {
    op_.prepare();
  }

  Index in_size() const { return shape_.rows.input * shape_.columns.input * shape_.inputs; }
  Index out_size() const { return shape_.rows.output * shape_.columns.output * shape_.outputs; }

  /// By so many shares, outputs or gradients of samples first .. first + count - 1. One more element guards
  /// the end, scratch memory is full of NaN.
  std::vector<T> run(bool forward, Index first, Index count, Index shares = 1) const {
    const Index size = count * (forward ? out_size() : in_size());
    std::vector<T> result(at(size + 1), T(-7));
    foil::nn::Buffer<T> scratch(op_.scratch());
    std::fill_n(scratch.data(), scratch.size(), std::numeric_limits<T>::quiet_NaN());
    const T* const x = x_.data() + first * in_size();
    T* const to = result.data();
    for (Index share = 0; share < shares; ++share)
      if (forward)
        op_.forward_share({share, shares}, count, &x, to, nullptr, scratch.data());
      else
        op_.backward_share({share, shares}, count, nullptr, nullptr, nullptr, c_.data() + first * out_size(),
                           &to, scratch.data());
    REQUIRE(result.back() == T(-7));
    result.pop_back();
    return result;
  }

  /// By definition, in double, and the sums of the terms' magnitudes.
  struct Sums {
    std::vector<double> value, magnitude;
    Sums(Index size) : value(at(size)), magnitude(at(size)) {}
    void add(Index i, double term) {
      value[at(i)] += term;
      magnitude[at(i)] += std::abs(term);
    }
  };
  void define(Sums& y, Sums& gradient) const {
    const Window &rows = shape_.rows, &columns = shape_.columns;
    const Index in = shape_.inputs / shape_.groups, out = shape_.outputs / shape_.groups;
    for (Index i = 0; i < batch * out_size(); ++i) {
      const Index o = i % shape_.outputs, pixel = i / shape_.outputs, x = pixel % columns.output;
      const Index row = pixel / columns.output % rows.output, n = pixel / columns.output / rows.output;
      y.add(i, static_cast<double>(biases_[at(o)]));
      for (Index k = 0; k < in * rows.kernel * columns.kernel; ++k) {
        const Index kx = k % columns.kernel, ky = k / columns.kernel % rows.kernel;
        const Index c = k / columns.kernel / rows.kernel;
        if (!rows.inside(rows.at(row, ky)) || !columns.inside(columns.at(x, kx))) continue;
        const Index from =
            ((n * rows.input + rows.at(row, ky)) * columns.input + columns.at(x, kx)) * shape_.inputs +
            o / out * in + c;
        const double w = static_cast<double>(weights_[at(o * in * rows.kernel * columns.kernel + k)]);
        y.add(i, w * static_cast<double>(x_[at(from)]));
        gradient.add(from, w * static_cast<double>(c_[at(i)]));
      }
    }
  }

  /// The largest error beside the definition, in units of the terms' magnitudes: of the element's own or, if
  /// `shared`, of the largest, as tiles of neighbours share their rounding errors.
  static double error(const std::vector<T>& got, const Sums& expected, bool shared) {
    const double largest = *std::max_element(expected.magnitude.begin(), expected.magnitude.end());
    double worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double off = std::abs(static_cast<double>(got[i]) - expected.value[i]);
      const double relative = off == 0 ? 0 : off / ((shared ? largest : expected.magnitude[i]) + 1e-300);
      if (!(relative <= worst)) worst = relative;  // NaN as well
    }
    return worst;
  }

  void check() const {
    const bool shared = shape_.groups == 1 && shape_.rows.kernel == 3 && shape_.columns.kernel == 3;
    INFO(text(shape_));
    Sums y(batch * out_size()), gradient(batch * in_size());
    define(y, gradient);
    const double tolerance = 16 * static_cast<double>(std::numeric_limits<T>::epsilon());
    for (const bool forward : {true, false}) {
      const std::vector<T> all = run(forward, 0, batch);
      REQUIRE(error(all, forward ? y : gradient, shared) < tolerance);
      REQUIRE(run(forward, 0, batch, 5) == all);
      const Index size = forward ? out_size() : in_size();
      for (const Index count : {Index(1), batch - 1}) {
        const std::vector<T> some = run(forward, 1, count);
        REQUIRE(std::equal(some.begin(), some.end(), all.begin() + size));
      }
    }
  }

 private:
  std::vector<T> numbers(Index n) {
    std::vector<T> values;
    for (Index i = 0; i < n; ++i)
      values.push_back(static_cast<T>(static_cast<double>(random_()) * 0x1p-31 - 1.));
    return values;
  }

  ConvolutionShape shape_;
  std::mt19937 random_;
  std::vector<T> weights_, biases_, x_, c_;
  foil::nn::Convolution<T> op_;
};

/// Geometries by chance: `groups` of `in` inputs and `out` outputs each.
class Geometries {
 public:
  explicit Geometries(unsigned seed) : random_(seed) {}

  Index number(Index low, Index high) {
    return low + static_cast<Index>(random_() % static_cast<unsigned>(high - low + 1));
  }

  Window axis() {
    if (number(0, 9) == 0) return Window{};  // a signal in one dimension
    const bool plain = number(0, 2) == 0;
    const Index kernel = number(1, 5), dilation = plain ? 1 : number(1, 3), stride = plain ? 1 : number(1, 4);
    const Index span = (kernel - 1) * dilation + 1;
    return window(std::max(span, number(1, 19)), kernel, stride, dilation, number(0, 3), number(0, 3));
  }

  ConvolutionShape shape(Index groups, Index in, Index out) {
    return {axis(), axis(), groups * in, groups * out, groups};
  }

 private:
  std::mt19937 random_;
};

}  // namespace

TEMPLATE_TEST_CASE("convolution: outputs and gradients are those of the definition, bits those of one sample",
                   "[nn][convolution]", float, double) {
  Geometries any(3);
  for (unsigned i = 0; i < 60; ++i) {
    Case<TestType>(any.shape(any.number(1, 40), 1, any.number(1, 3)), i).check();  // depthwise
    const Index width = Index(1) << any.number(1, 5);
    Case<TestType>(any.shape(any.number(2, 8), width, width), i).check();  // groups
    Case<TestType>(any.shape(any.number(1, 6), any.number(1, 9), any.number(1, 9)), i).check();
    Case<TestType>(any.shape(1, any.number(1, 70), any.number(1, 70)), i).check();
  }
  for (unsigned i = 0; i < 12; ++i) {  // minimal filtering, in tiles of two and, in larger images, of four
    const Index in = any.number(16, 70), out = any.number(16, 70);
    const auto axis = [&] { return window(any.number(8, 31), 3, 1, 1, any.number(0, 3), any.number(0, 3)); };
    Case<TestType>({axis(), axis(), in, out, 1}, i).check();
  }
  // Weights that do not fit the second-level cache: tiles are gathered, several at a time.
  Case<TestType>({window(7, 3, 2, 1, 1, 1), window(7, 3, 2, 1, 1, 1), 130, 130, 1}, 1).check();
  Case<TestType>({window(9, 1, 1, 1, 0, 0), window(9, 1, 1, 1, 0, 0), 512, 70, 1}, 1).check();
}

TEST_CASE("convolution: gradients are those of central differences", "[nn][convolution]") {
  Geometries any(5);
  for (const Index groups : {1, 6}) {
    // Linear in the input: a step of any size will do. One output at a time has cotangent 1.
    const ConvolutionShape shape{window(5, 3, 2, 1, 1, 1), window(6, 3, 1, 2, 2, 1), 6, 12, groups};
    std::vector<double> weights(at(12 * (6 / groups) * 9)), biases(12, 0.5), x(5 * 6 * 6);
    for (double& w : weights) w = static_cast<double>(any.number(-100, 100)) * 0.01;
    for (double& v : x) v = static_cast<double>(any.number(-100, 100)) * 0.01;
    foil::nn::Convolution<double> op(shape, weights, biases);
    op.prepare();
    foil::nn::Buffer<double> scratch(op.scratch());
    const Index outputs = shape.rows.output * shape.columns.output * 12;
    const auto evaluate = [&](const std::vector<double>& input) {
      std::vector<double> y(at(outputs));
      const double* const from = input.data();
      op.forward(1, &from, y.data(), scratch.data());
      return y;
    };
    for (Index i = 0; i < static_cast<Index>(x.size()); i += 7) {
      std::vector<double> above = x, below = x;
      above[at(i)] += 0.5;
      below[at(i)] -= 0.5;
      above = evaluate(above);
      below = evaluate(below);
      for (Index o = 0; o < outputs; o += 11) {
        std::vector<double> cotangent(at(outputs)), gradient(x.size());
        cotangent[at(o)] = 1;
        double* const to = gradient.data();
        op.backward(1, nullptr, nullptr, cotangent.data(), &to, scratch.data());
        REQUIRE(gradient[at(i)] == Catch::Approx(above[at(o)] - below[at(o)]).margin(1e-12));
      }
    }
  }
}

TEST_CASE("convolution: filtering rounds at most twice as much as one chain of products",
          "[nn][convolution]") {
  for (const bool forward : {true, false}) {
    // What the target sees has been through a rectifier forward, is as often negative backward.
    const Index channels = forward ? 64 : 512, others = 20, size = 28, patch = 9 * channels;
    const Window w = window(size, 3, 1, 1, 1, 1);
    const ConvolutionShape shape{w, w, forward ? channels : others, forward ? others : channels, 1};
    std::mt19937 random(1);
    const auto number = [&] {  // nearly normal
      double sum = -6;
      for (int i = 0; i < 12; ++i) sum += static_cast<double>(random()) * 0x1p-32;
      return sum;
    };
    std::vector<float> weights(at(patch * others)), source(at(size * size * channels)),
        got(at(size * size * others));
    for (float& v : weights) v = static_cast<float>(number());
    for (float& v : source) v = static_cast<float>(forward ? std::max(0., number()) : number());
    foil::nn::Convolution<float> op(shape, weights, std::vector<float>(at(shape.outputs)));
    op.prepare();
    foil::nn::Buffer<float> scratch(op.scratch());
    const float* const from = source.data();
    float* const to = got.data();
    if (forward)
      op.forward(1, &from, to, scratch.data());
    else
      op.backward(1, nullptr, nullptr, from, &to, scratch.data());
    double filtered = 0, chained = 0;
    for (Index i = 0; i < size * size * others; ++i) {
      const Index t = i % others, x = i / others % size, y = i / others / size;
      double exact = 0;
      float chain = 0;
      for (Index k = 0; k < patch; ++k) {
        const Index c = k % channels, kx = k / channels % 3, ky = k / channels / 3;
        const Index row = y + ky - 1, column = x + kx - 1;
        if (row < 0 || column < 0 || row >= size || column >= size) continue;
        const float value = source[at((row * size + column) * channels + c)];
        const float weight = forward ? weights[at((t * channels + c) * 9 + ky * 3 + kx)]
                                     : weights[at((c * others + t) * 9 + (2 - ky) * 3 + 2 - kx)];
        exact += static_cast<double>(value) * static_cast<double>(weight);
        chain = std::fma(value, weight, chain);
      }
      filtered += std::pow(static_cast<double>(got[at(i)]) - exact, 2);
      chained += std::pow(static_cast<double>(chain) - exact, 2);
    }
    REQUIRE(std::sqrt(filtered) < 2 * std::sqrt(chained));
    REQUIRE(filtered > 0);
  }
}
