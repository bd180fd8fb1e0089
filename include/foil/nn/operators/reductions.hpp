// SPDX-License-Identifier: MIT
/// \file
/// Reductions along one axis of a sample.
#pragma once

#include <cstddef>
#include <limits>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/logarithm.hpp"
#include "foil/nn/math.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// One number for each line. F offers value(line, x), which is that number; share(line, g, x, y), what of the
/// cotangent g goes to the elements of a line; and pull(g, x, y), what of that goes to element x. Whether the
/// two look at x and at the result y is said by uses_input and uses_output.
template <class T, class F, class = Isa>
class Reduction : public Divisible<T> {
 public:
  explicit Reduction(Lines lines) : lines_(lines) {}

  bool needs_inputs() const override { return F::uses_input; }
  bool needs_output() const override { return F::uses_output; }

  void forward_share(Share share, Index batch, const T* const* inputs, T* output, std::byte*,
                     T*) const override {
    lines_.visit<T>(share, batch, [&](Index begin, const auto& line, Index at) {
      line.put(output + at, F::value(line, inputs[0] + begin));
    });
  }

  void backward_share(Share share, Index batch, const T* const* inputs, const T* output, const std::byte*,
                      const T* cotangent, T* const* gradients, T*) const override {
    const T* const values = F::uses_input ? inputs[0] : gradients[0];
    const T* const results = F::uses_output ? output : cotangent;
    lines_.visit<T>(share, batch, [&](Index begin, const auto& line, Index at) {
      const T* const x = values + begin;
      T* const dx = gradients[0] + begin;
      const Pack<T> y = line.get(results + at), g = F::share(line, line.get(cotangent + at), x, y);
      line.each([&](Index i, auto n) {
        Pack<T> v{};
        if constexpr (F::uses_input) v = read<T>(x + i, n);
        write<T>(dx + i, F::pull(g, v, y), n);
      });
    });
  }

 private:
  Lines lines_;
};

/// The base of reductions whose cotangent is the same for every element until it is pulled.
template <class T, bool input, bool output, class = Isa>
struct ReductionFunction {
  static constexpr bool uses_input = input, uses_output = output;
  template <class Line>
  static Pack<T> share(const Line&, Pack<T> g, const T*, Pack<T>) {
    return g;
  }
};

template <class T, class = Isa>
struct SumOf : ReductionFunction<T, false, false> {
  template <class Line>
  static Pack<T> value(const Line& line, const T* x) {
    return line.sum([x](Index i, auto n) { return read<T>(x + i, n); });
  }
  static Pack<T> pull(Pack<T> g, Pack<T>, Pack<T>) { return g; }
};

template <class T, class = Isa>
struct MeanOf : SumOf<T> {
  template <class Line>
  static Pack<T> value(const Line& line, const T* x) {
    return SumOf<T>::value(line, x) / static_cast<T>(line.length());
  }
  template <class Line>
  static Pack<T> share(const Line& line, Pack<T> g, const T*, Pack<T>) {
    return g / static_cast<T>(line.length());
  }
};

/// Elements that are equally large share the cotangent.
template <class T, class = Isa>
struct LargestOf : ReductionFunction<T, true, true> {
  template <class Line>
  static Pack<T> value(const Line& line, const T* x) {
    return line.largest([x](Index i, auto n) { return read<T>(x + i, n); });
  }
  template <class Line>
  static Pack<T> share(const Line& line, Pack<T> g, const T* x, Pack<T> y) {
    const Pack<T> zero{}, one = zero + T(1);
    return g / line.sum([&](Index i, auto n) { return read<T>(x + i, n) == y ? one : zero; });
  }
  static Pack<T> pull(Pack<T> g, Pack<T> x, Pack<T> y) { return x == y ? g : Pack<T>{}; }
};

/// Elements that are equally small share the cotangent.
template <class T, class = Isa>
struct SmallestOf : LargestOf<T> {
  template <class Line>
  static Pack<T> value(const Line& line, const T* x) {
    return -line.largest([x](Index i, auto n) { return -read<T>(x + i, n); });
  }
};

/// Σ |x|; the derivative at 0 is 0.
template <class T, class = Isa>
struct SizeOf : ReductionFunction<T, true, false> {
  template <class Line>
  static Pack<T> value(const Line& line, const T* x) {
    return line.sum([x](Index i, auto n) {
      const Pack<T> v = read<T>(x + i, n);
      return v < T(0) ? -v : v;
    });
  }
  static Pack<T> pull(Pack<T> g, Pack<T> x, Pack<T>) { return x > T(0) ? g : x < T(0) ? -g : Pack<T>{}; }
};

template <class T, class = Isa>
struct SumOfSquares : ReductionFunction<T, true, false> {
  template <class Line>
  static Pack<T> value(const Line& line, const T* x) {
    return line.sum([x](Index i, auto n) {
      const Pack<T> v = read<T>(x + i, n);
      return v * v;
    });
  }
  static Pack<T> pull(Pack<T> g, Pack<T> x, Pack<T>) { return g * (x + x); }
};

/// The Euclidean length; the derivative of a length of 0 is 0.
template <class T, class = Isa>
struct LengthOf : ReductionFunction<T, true, true> {
  template <class Line>
  static Pack<T> value(const Line& line, const T* x) {
    return square_root<T>(SumOfSquares<T>::value(line, x));
  }
  template <class Line>
  static Pack<T> share(const Line&, Pack<T> g, const T*, Pack<T> y) {
    return y == T(0) ? Pack<T>{} : g / y;
  }
  static Pack<T> pull(Pack<T> g, Pack<T> x, Pack<T>) { return g * x; }
};

template <class T, class = Isa>
struct LogOfSum : ReductionFunction<T, false, true> {
  template <class Line>
  static Pack<T> value(const Line& line, const T* x) {
    return log<T>(SumOf<T>::value(line, x));
  }
  template <class Line>
  static Pack<T> share(const Line&, Pack<T> g, const T*, Pack<T> y) {
    return g * exp<T>(-y);
  }
  static Pack<T> pull(Pack<T> g, Pack<T>, Pack<T>) { return g; }
};

template <class T, class = Isa>
struct LogOfSumOfExponentials : ReductionFunction<T, true, true> {
  template <class Line>
  static Pack<T> value(const Line& line, const T* x) {
    constexpr T infinity = std::numeric_limits<T>::infinity();
    Pack<T> most = LargestOf<T>::value(line, x);
    most = ((most == infinity) | (most == -infinity)) ? Pack<T>{} : most;
    return most + log<T>(line.sum([&](Index i, auto n) { return exp<T>(read<T>(x + i, n) - most); }));
  }
  static Pack<T> pull(Pack<T> g, Pack<T> x, Pack<T> y) { return g * exp<T>(x - y); }
};

/// The product of each line. Each element's derivative is the product of the others, also where some are
/// zero.
template <class T>
class ProductAlong : public Operator<T> {
 public:
  explicit ProductAlong(Lines lines) : lines_(lines) {}

  bool needs_inputs() const override { return true; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    Index line = 0;
    lines_.for_each(batch, [&](Index begin) {
      double product = 1;
      for (Index i = 0; i < lines_.length; ++i)
        product *= static_cast<double>(inputs[0][begin + i * lines_.inner]);
      output[line++] = static_cast<T>(product);
    });
  }

  void backward(Index batch, const T* const* inputs, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    Index line = 0;
    lines_.for_each(batch, [&](Index begin) {
      const T* const x = inputs[0] + begin;
      T* const dx = gradients[0] + begin;
      double before = static_cast<double>(cotangent[line++]), behind = 1;
      for (Index i = 0; i < lines_.length; before *= static_cast<double>(x[i++ * lines_.inner]))
        dx[i * lines_.inner] = static_cast<T>(before);
      for (Index i = lines_.length; i-- > 0; behind *= static_cast<double>(x[i * lines_.inner]))
        dx[i * lines_.inner] = static_cast<T>(static_cast<double>(dx[i * lines_.inner]) * behind);
    });
  }

 private:
  Lines lines_;
};

/// The sum of each element and all before it, the element itself left out if `exclusive`; of all behind it
/// instead if `reverse`.
template <class T>
class CumulativeSum : public Operator<T> {
 public:
  CumulativeSum(Lines lines, bool exclusive, bool reverse)
      : lines_(lines), exclusive_(exclusive), reverse_(reverse) {}

  bool in_place() const override { return true; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    sum(batch, inputs[0], output, reverse_);
  }
  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    sum(batch, cotangent, gradients[0], !reverse_);
  }

 private:
  void sum(Index batch, const T* from, T* to, bool reverse) const {
    lines_.for_each(batch, [&](Index begin) {
      double sum = 0;
      for (Index i = 0; i < lines_.length; ++i) {
        const Index at = begin + (reverse ? lines_.length - 1 - i : i) * lines_.inner;
        const double before = sum;
        sum += static_cast<double>(from[at]);
        to[at] = static_cast<T>(exclusive_ ? before : sum);
      }
    });
  }

  Lines lines_;
  bool exclusive_, reverse_;
};

}  // namespace foil::nn
