// SPDX-License-Identifier: MIT
/// \file
/// Softmax along one axis of a sample, and its logarithm.
#pragma once

#include <cstddef>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/logarithm.hpp"
#include "foil/nn/math.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// What is done to each line by itself and differentiated from its result. F offers forward(line, x, y) and
/// backward(line, y, cotangent, dx), where line is a ContiguousLine or a Strip.
template <class T, class F, class = Isa>
class AlongLines : public Divisible<T> {
 public:
  explicit AlongLines(Lines lines) : lines_(lines) {}

  bool needs_output() const override { return true; }
  bool in_place() const override { return true; }

  void forward_share(Share share, Index batch, const T* const* inputs, T* output, std::byte*,
                     T*) const override {
    lines_.visit<T>(share, batch, [&](Index begin, const auto& line, Index) {
      F::forward(line, inputs[0] + begin, output + begin);
    });
  }

  void backward_share(Share share, Index batch, const T* const*, const T* output, const std::byte*,
                      const T* cotangent, T* const* gradients, T*) const override {
    lines_.visit<T>(share, batch, [&](Index begin, const auto& line, Index) {
      F::backward(line, output + begin, cotangent + begin, gradients[0] + begin);
    });
  }

 private:
  Lines lines_;
};

namespace detail {

template <class T, class = Isa>
struct SoftmaxLine {
  template <class Line>
  static void forward(const Line& line, const T* x, T* y) {
    const Pack<T> largest = line.largest([x](Index i, auto n) { return read<T>(x + i, n); });
    const Pack<T> sum = line.sum([&](Index i, auto n) {
      const Pack<T> e = exp<T>(read<T>(x + i, n) - largest);
      write<T>(y + i, e, n);
      return e;
    });
    line.each([&](Index i, auto n) { write<T>(y + i, read<T>(y + i, n) / sum, n); });
  }
  template <class Line>
  static void backward(const Line& line, const T* y, const T* g, T* dx) {
    const Pack<T> mean = line.sum([&](Index i, auto n) { return read<T>(y + i, n) * read<T>(g + i, n); });
    line.each([&](Index i, auto n) { write<T>(dx + i, read<T>(y + i, n) * (read<T>(g + i, n) - mean), n); });
  }
};

template <class T, class = Isa>
struct LogSoftmaxLine {
  template <class Line>
  static void forward(const Line& line, const T* x, T* y) {
    const Pack<T> largest = line.largest([x](Index i, auto n) { return read<T>(x + i, n); });
    const Pack<T> size =
        log<T>(line.sum([&](Index i, auto n) { return exp<T>(read<T>(x + i, n) - largest); }));
    line.each([&](Index i, auto n) { write<T>(y + i, (read<T>(x + i, n) - largest) - size, n); });
  }
  template <class Line>
  static void backward(const Line& line, const T* y, const T* g, T* dx) {
    const Pack<T> sum = line.sum([&](Index i, auto n) { return read<T>(g + i, n); });
    line.each(
        [&](Index i, auto n) { write<T>(dx + i, read<T>(g + i, n) - exp<T>(read<T>(y + i, n)) * sum, n); });
  }
};

}  // namespace detail

/// Softmax over lines.
template <class T, class = Isa>
class Softmax : public AlongLines<T, detail::SoftmaxLine<T>> {
 public:
  using AlongLines<T, detail::SoftmaxLine<T>>::AlongLines;
};

/// The logarithm of the softmax over lines.
template <class T, class = Isa>
class LogSoftmax : public AlongLines<T, detail::LogSoftmaxLine<T>> {
 public:
  using AlongLines<T, detail::LogSoftmaxLine<T>>::AlongLines;
};

}  // namespace foil::nn
