// SPDX-License-Identifier: MIT
/// \file
/// Functions of single elements.
#pragma once

#include <cstddef>
#include <utility>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/bytes.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/logarithm.hpp"
#include "foil/nn/math.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// What the derivative of an elementwise function is computed from.
enum class From { nothing, input, output, choice };

/// y = f(x) for every element. F offers `static constexpr From from`, `Pack<T> value(Pack<T> x)` and
/// `Pack<T> pull(Pack<T> cotangent, Pack<T> v)`, where v is the input or the output, or the cotangent again
/// if the derivative needs neither. If it has but two values, F chooses between them, lane by lane, by
/// `PackInt<T> chosen(Pack<T> x)` and `Pack<T> pull(Pack<T> cotangent, PackInt<T> chosen)`, where all bits or
/// none are set, and a byte per element is kept instead of an activation.
template <class T, class F, class = Isa>
class Elementwise : public Divisible<T> {
 public:
  Elementwise(Index size, F f) : size_(size), f_(std::move(f)) {}

  bool needs_inputs() const override { return F::from == From::input; }
  bool needs_output() const override { return F::from == From::output; }
  bool in_place() const override { return true; }
  Index kept_bytes() const override { return F::from == From::choice ? size_ : 0; }

  void forward_share(Share share, Index batch, const T* const* inputs, T* output, std::byte* kept,
                     T*) const override {
    const auto [begin, end] = share.of(batch * size_, share_unit);
    const T* const x = inputs[0] + begin;
    T* const y = output + begin;
    if constexpr (F::from == From::choice) {
      if (kept != nullptr) {
        std::byte* const notes = kept + begin;
        for_vectors<T>(end - begin, [&](Index i, auto count) {
          const Pack<T> v = read<T>(x + i, count);
          store_bytes<T>(notes + i, f_.chosen(v), count);
          write<T>(y + i, f_.value(v), count);
        });
        return;
      }
    }
    map<T>(end - begin, y, [this](Pack<T> v) { return f_.value(v); }, x);
  }

  void backward_share(Share share, Index batch, const T* const* inputs, const T* output,
                      const std::byte* kept, const T* cotangent, T* const* gradients, T*) const override {
    const auto [begin, end] = share.of(batch * size_, share_unit);
    const T* const g = cotangent + begin;
    T* const dx = gradients[0] + begin;
    if constexpr (F::from == From::choice) {
      const std::byte* const notes = kept + begin;
      for_vectors<T>(end - begin, [&](Index i, auto count) {
        const auto chosen = load_bytes<T>(notes + i, count);
        write<T>(dx + i, f_.pull(read<T>(g + i, count), chosen), count);
      });
    } else {
      map<T>(
          end - begin, dx, [this](Pack<T> slope, Pack<T> v) { return f_.pull(slope, v); }, g,
          F::from == From::input    ? inputs[0] + begin
          : F::from == From::output ? output + begin
                                    : g);
    }
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
  static constexpr From from = From::choice;
  Pack<T> value(Pack<T> x) const { return x < T(0) ? Pack<T>{} : x; }
  PackInt<T> chosen(Pack<T> x) const { return x > T(0); }
  Pack<T> pull(Pack<T> g, PackInt<T> positive) const { return positive ? g : Pack<T>{}; }
};

/// slope for x < 0, of any sign.
template <class T, class = Isa>
struct LeakyRelu {
  static constexpr From from = From::choice;
  T slope;
  Pack<T> value(Pack<T> x) const { return x < T(0) ? x * slope : x; }
  PackInt<T> chosen(Pack<T> x) const { return x > T(0); }
  Pack<T> pull(Pack<T> g, PackInt<T> positive) const { return positive ? g : g * slope; }
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
  static constexpr From from = From::choice;
  T low, high;
  Pack<T> value(Pack<T> x) const {
    const Pack<T> l = broadcast<T>(low), h = broadcast<T>(high);
    x = x < l ? l : x;
    return x > h ? h : x;
  }
  PackInt<T> chosen(Pack<T> x) const { return ~((x < low) | (x > high)); }
  Pack<T> pull(Pack<T> g, PackInt<T> inside) const { return inside ? g : Pack<T>{}; }
};

}  // namespace foil::nn
