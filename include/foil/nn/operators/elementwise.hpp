// SPDX-License-Identifier: MIT
/// \file
/// Functions of single elements.
#pragma once

#include <utility>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/logarithm.hpp"
#include "foil/nn/math.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// What the derivative of an elementwise function is computed from.
enum class From { nothing, input, output };

/// y = f(x) for every element. F offers `static constexpr From from`, `Pack<T> value(Pack<T> x)` and
/// `Pack<T> pull(Pack<T> cotangent, Pack<T> v)`, where v is the input or the output, or the cotangent again
/// if the derivative needs neither.
template <class T, class F, class = Isa>
class Elementwise : public Operator<T> {
 public:
  Elementwise(Index size, F f) : size_(size), f_(std::move(f)) {}

  bool needs_inputs() const override { return F::from == From::input; }
  bool needs_output() const override { return F::from == From::output; }
  bool in_place() const override { return true; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    map<T>(batch * size_, output, [this](Pack<T> x) { return f_.value(x); }, inputs[0]);
  }

  void backward(Index batch, const T* const* inputs, const T* output, const T* cotangent, T* const* gradients,
                T*) const override {
    const T* const v = F::from == From::input ? inputs[0] : F::from == From::output ? output : cotangent;
    map<T>(batch * size_, gradients[0], [this](Pack<T> g, Pack<T> p) { return f_.pull(g, p); }, cotangent, v);
  }

 private:
  Index size_;
  F f_;
};

/// Applies a function of the standard library to every lane, where speed does not matter.
template <class T, class F>
inline Pack<T> by_lane(Pack<T> x, F&& f) {
  for (Index i = 0; i < lanes<T>; ++i) x[i] = f(static_cast<T>(x[i]));
  return x;
}
template <class T, class F>
inline Pack<T> by_lane(Pack<T> a, Pack<T> b, F&& f) {
  for (Index i = 0; i < lanes<T>; ++i) a[i] = f(static_cast<T>(a[i]), static_cast<T>(b[i]));
  return a;
}

template <class T, class = Isa>
struct Relu {
  static constexpr From from = From::output;
  Pack<T> value(Pack<T> x) const { return x < T(0) ? Pack<T>{} : x; }
  Pack<T> pull(Pack<T> g, Pack<T> y) const { return y > T(0) ? g : Pack<T>{}; }
};

/// slope >= 0 for x < 0.
template <class T, class = Isa>
struct LeakyRelu {
  static constexpr From from = From::output;
  T slope;
  Pack<T> value(Pack<T> x) const { return x < T(0) ? x * slope : x; }
  Pack<T> pull(Pack<T> g, Pack<T> y) const { return y > T(0) ? g : g * slope; }
};

/// alpha (e^x - 1) for x < 0, alpha >= 0.
template <class T, class = Isa>
struct Elu {
  static constexpr From from = From::output;
  T alpha;
  Pack<T> value(Pack<T> x) const { return x > T(0) ? x : expm1_negative<T>(x) * alpha; }
  Pack<T> pull(Pack<T> g, Pack<T> y) const { return y > T(0) ? g : g * (y + alpha); }
};

template <class T, class = Isa>
struct Sigmoid {
  static constexpr From from = From::output;
  Pack<T> value(Pack<T> x) const { return T(1) / (T(1) + exp<T>(-x)); }
  Pack<T> pull(Pack<T> g, Pack<T> y) const { return g * (y * (T(1) - y)); }
};

template <class T, class = Isa>
struct Tanh {
  static constexpr From from = From::output;
  Pack<T> value(Pack<T> x) const {
    const Pack<T> m = expm1_negative<T>((x < T(0) ? x : -x) * T(2));
    const Pack<T> size = -m / (m + T(2));
    return x < T(0) ? -size : size;
  }
  Pack<T> pull(Pack<T> g, Pack<T> y) const { return g * ((T(1) - y) * (T(1) + y)); }
};

template <class T, class = Isa>
struct Exp {
  static constexpr From from = From::output;
  Pack<T> value(Pack<T> x) const { return exp<T>(x); }
  Pack<T> pull(Pack<T> g, Pack<T> y) const { return g * y; }
};

template <class T, class = Isa>
struct Log {
  static constexpr From from = From::input;
  Pack<T> value(Pack<T> x) const { return log<T>(x); }
  Pack<T> pull(Pack<T> g, Pack<T> x) const { return g / x; }
};

template <class T, class = Isa>
struct Sqrt {
  static constexpr From from = From::output;
  Pack<T> value(Pack<T> x) const { return square_root<T>(x); }
  Pack<T> pull(Pack<T> g, Pack<T> y) const { return g / (y * T(2)); }
};

template <class T, class = Isa>
struct Negate {
  static constexpr From from = From::nothing;
  Pack<T> value(Pack<T> x) const { return -x; }
  Pack<T> pull(Pack<T> g, Pack<T>) const { return -g; }
};

/// Clamps to [low, high]; the ends pass the gradient, as in PyTorch.
template <class T, class = Isa>
struct Clip {
  static constexpr From from = From::input;
  T low, high;
  Pack<T> value(Pack<T> x) const {
    const Pack<T> l = broadcast<T>(low), h = broadcast<T>(high);
    x = x < l ? l : x;
    return x > h ? h : x;
  }
  Pack<T> pull(Pack<T> g, Pack<T> x) const {
    const Pack<T> zero{};
    g = x < low ? zero : g;
    return x > high ? zero : g;
  }
};

}  // namespace foil::nn
