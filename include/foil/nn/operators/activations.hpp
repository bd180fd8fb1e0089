// SPDX-License-Identifier: MIT
/// \file
/// Activations besides those of elementwise.hpp, for the same operator. Where they have a kink, the
/// derivative is PyTorch's.
#pragma once

#include "foil/core/simd.hpp"
#include "foil/nn/error_function.hpp"
#include "foil/nn/logarithm.hpp"
#include "foil/nn/math.hpp"
#include "foil/nn/operators/elementwise.hpp"

namespace foil::nn {

using namespace simd;

/// 1 / (1 + e^-x).
template <class T>
inline Pack<T> logistic(Pack<T> x) {
  return T(1) / (T(1) + exp<T>(-x));
}

/// x times the probability that a normal number is below x.
template <class T, class = Isa>
struct Gelu {
  static constexpr From from = From::input;
  static Pack<T> below(Pack<T> x) { return erf<T>(x * T(0.70710678118654752)) * T(0.5) + T(0.5); }
  Pack<T> value(Pack<T> x) const { return x * below(x); }
  Pack<T> pull(Pack<T> g, Pack<T> x) const {
    const Pack<T> density = exp<T>(x * x * T(-0.5)) * T(0.39894228040143268);
    return g * multiply_add<T>(x, density, below(x));
  }
};

/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, which is near Gelu.
template <class T, class = Isa>
struct GeluTanh {
  static constexpr From from = From::input;
  static constexpr T rate = T(1.5957691216057308), cube = T(0.044715);  // twice the root
  Pack<T> value(Pack<T> x) const { return x * logistic<T>(x * (x * x * (rate * cube) + rate)); }
  Pack<T> pull(Pack<T> g, Pack<T> x) const {
    const Pack<T> square = x * x, s = logistic<T>(x * (square * (rate * cube) + rate));
    const Pack<T> slope = square * (T(3) * rate * cube) + rate;
    const Pack<T> rest = s * (T(1) - s);
    return g * (s + (rest == T(0) ? rest : x * slope * rest));
  }
};

/// x / (1 + e^(-rate x)): SiLU where rate is 1.
template <class T, class = Isa>
struct Swish {
  static constexpr From from = From::input;
  T rate;
  Pack<T> value(Pack<T> x) const { return x * logistic<T>(x * rate); }
  Pack<T> pull(Pack<T> g, Pack<T> x) const {
    const Pack<T> s = logistic<T>(x * rate);
    return g * (s + x * rate * (s * (T(1) - s)));
  }
};

/// Clamps slope x + shift to [0, 1].
template <class T, class = Isa>
struct HardSigmoid {
  static constexpr From from = From::input;
  T slope, shift;
  Pack<T> value(Pack<T> x) const {
    const Pack<T> zero{}, one = zero + T(1), line = x * slope + shift;
    return line < zero ? zero : line > one ? one : line;
  }
  Pack<T> pull(Pack<T> g, Pack<T> x) const {
    const Pack<T> line = x * slope + shift, zero{};
    return ((line > T(0)) & (line < T(1))) ? g * slope : zero;
  }
};

/// x times x / 6 + 1/2 clamped to [0, 1].
template <class T, class = Isa>
struct HardSwish {
  static constexpr From from = From::input;
  Pack<T> value(Pack<T> x) const {
    const Pack<T> zero{}, six = zero + T(6), line = x + T(3);
    return x * ((line < zero ? zero : line > six ? six : line) / T(6));
  }
  Pack<T> pull(Pack<T> g, Pack<T> x) const {
    const Pack<T> zero{};
    return x <= T(-3) ? zero : x < T(3) ? g * (x / T(3) + T(0.5)) : g;
  }
};

/// x, times slope where x < 0; any slope.
template <class T, class = Isa>
struct BentLine {
  static constexpr From from = From::input;
  T slope;
  Pack<T> value(Pack<T> x) const { return x < T(0) ? x * slope : x; }
  Pack<T> pull(Pack<T> g, Pack<T> x) const { return x > T(0) ? g : g * slope; }
};

/// gain x, or gain alpha (e^x - 1) where x < 0: gain > 0 and alpha >= 0.
template <class T, class = Isa>
struct Selu {
  static constexpr From from = From::output;
  T alpha, gain;
  Pack<T> value(Pack<T> x) const { return x > T(0) ? x * gain : expm1_negative<T>(x) * (alpha * gain); }
  Pack<T> pull(Pack<T> g, Pack<T> y) const { return g * (y > T(0) ? y - y + gain : y + alpha * gain); }
};

/// The same with any gain and alpha.
template <class T, class = Isa>
struct SeluOfAnySign {
  static constexpr From from = From::input;
  T alpha, gain;
  Pack<T> value(Pack<T> x) const { return x > T(0) ? x * gain : expm1_negative<T>(x) * (alpha * gain); }
  Pack<T> pull(Pack<T> g, Pack<T> x) const {
    return x > T(0) ? g * gain : g * (exp<T>(x < T(0) ? x : Pack<T>{}) * (alpha * gain));
  }
};

/// x, or alpha (e^(x / alpha) - 1) where x < 0; alpha is not zero.
template <class T, class = Isa>
struct Celu {
  static constexpr From from = From::input;
  T alpha;
  Pack<T> value(Pack<T> x) const {
    const Pack<T> z = x / alpha;
    return x > T(0) ? x : alpha * (alpha > T(0) ? expm1_negative<T>(z) : exp<T>(z) - T(1));
  }
  Pack<T> pull(Pack<T> g, Pack<T> x) const { return x > T(0) ? g : g * exp<T>(x / alpha); }
};

/// log(1 + e^x).
template <class T, class = Isa>
struct Softplus {
  static constexpr From from = From::input;
  Pack<T> value(Pack<T> x) const { return log1p_exp<T>(x); }
  Pack<T> pull(Pack<T> g, Pack<T> x) const { return g * logistic<T>(x); }
};

/// x / (1 + |x|).
template <class T, class = Isa>
struct Softsign {
  static constexpr From from = From::input;
  Pack<T> value(Pack<T> x) const { return x / (T(1) + (x < T(0) ? -x : x)); }
  Pack<T> pull(Pack<T> g, Pack<T> x) const {
    const Pack<T> size = T(1) + (x < T(0) ? -x : x);
    return g / size / size;
  }
};

/// x tanh(log(1 + e^x)). With n = e^x (e^x + 2) that hyperbolic tangent is n / (n + 2).
template <class T, class = Isa>
struct Mish {
  static constexpr From from = From::input;
  static Pack<T> power(Pack<T> x) { return exp<T>(x > T(40) ? Pack<T>{} + T(40) : x); }
  Pack<T> value(Pack<T> x) const {
    const Pack<T> e = power(x), n = e * (e + T(2));
    return x * (n / (n + T(2)));
  }
  Pack<T> pull(Pack<T> g, Pack<T> x) const {
    const Pack<T> e = power(x), n = e * (e + T(2)), d = n + T(2);
    return g * (n / d + x * (T(4) * e * (e + T(1)) / d / d));
  }
};

/// x where it is above the threshold, else 0.
template <class T, class = Isa>
struct ThresholdedRelu {
  static constexpr From from = From::input;
  T threshold;
  Pack<T> value(Pack<T> x) const { return x > threshold ? x : x <= threshold ? Pack<T>{} : x; }
  Pack<T> pull(Pack<T> g, Pack<T> x) const { return x > threshold ? g : Pack<T>{}; }
};

/// Moves x by `shift` towards zero where it is beyond the limit on either side, else 0.
template <class T, class = Isa>
struct Shrink {
  static constexpr From from = From::input;
  T limit, shift;
  Pack<T> value(Pack<T> x) const {
    const Pack<T> zero{};
    return x < -limit ? x + shift : x > limit ? x - shift : zero;
  }
  Pack<T> pull(Pack<T> g, Pack<T> x) const {
    const Pack<T> zero{};
    return ((x < -limit) | (x > limit)) ? g : zero;
  }
};

}  // namespace foil::nn
