// SPDX-License-Identifier: MIT
/// \file
/// Mathematical functions of single elements, for the operator of elementwise.hpp.
#pragma once

#include <cmath>

#include "foil/core/simd.hpp"
#include "foil/nn/error_function.hpp"
#include "foil/nn/math.hpp"
#include "foil/nn/operators/elementwise.hpp"

namespace foil::nn {

using namespace simd;

#include "foil/nn/operators/functions.inc"

/// A function of the standard library, one element at a time: F offers value(x) and slope(x).
template <class T, class F, class = Isa>
struct OneByOne {
  static constexpr From from = From::input;
  Pack<T> value(Pack<T> x) const {
    return by_lane<T>(x, [](T v) { return F::value(v); });
  }
  Pack<T> pull(Pack<T> g, Pack<T> x) const {
    return g * by_lane<T>(x, [](T v) { return F::slope(v); });
  }
};

namespace detail {

struct SinOf {
  template <class T>
  static T value(T x) {
    return std::sin(x);
  }
  template <class T>
  static T slope(T x) {
    return std::cos(x);
  }
};
struct CosOf {
  template <class T>
  static T value(T x) {
    return std::cos(x);
  }
  template <class T>
  static T slope(T x) {
    return -std::sin(x);
  }
};
struct TanOf {
  template <class T>
  static T value(T x) {
    return std::tan(x);
  }
  template <class T>
  static T slope(T x) {
    return T(1) / (std::cos(x) * std::cos(x));
  }
};
struct AsinOf {
  template <class T>
  static T value(T x) {
    return std::asin(x);
  }
  template <class T>
  static T slope(T x) {
    return T(1) / std::sqrt((T(1) - x) * (T(1) + x));
  }
};
struct AcosOf {
  template <class T>
  static T value(T x) {
    return std::acos(x);
  }
  template <class T>
  static T slope(T x) {
    return -AsinOf::slope(x);
  }
};
struct AtanOf {
  template <class T>
  static T value(T x) {
    return std::atan(x);
  }
  template <class T>
  static T slope(T x) {
    return T(1) / (T(1) + x * x);
  }
};
struct SinhOf {
  template <class T>
  static T value(T x) {
    return std::sinh(x);
  }
  template <class T>
  static T slope(T x) {
    return std::cosh(x);
  }
};
struct CoshOf {
  template <class T>
  static T value(T x) {
    return std::cosh(x);
  }
  template <class T>
  static T slope(T x) {
    return std::sinh(x);
  }
};
struct AsinhOf {
  template <class T>
  static T value(T x) {
    return std::asinh(x);
  }
  template <class T>
  static T slope(T x) {
    return T(1) / std::hypot(x, T(1));
  }
};
struct AcoshOf {
  template <class T>
  static T value(T x) {
    return std::acosh(x);
  }
  template <class T>
  static T slope(T x) {
    return T(1) / std::sqrt((x - T(1)) * (x + T(1)));
  }
};
struct AtanhOf {
  template <class T>
  static T value(T x) {
    return std::atanh(x);
  }
  template <class T>
  static T slope(T x) {
    return T(1) / ((T(1) - x) * (T(1) + x));
  }
};

}  // namespace detail

template <class T>
using Sin = OneByOne<T, detail::SinOf>;
template <class T>
using Cos = OneByOne<T, detail::CosOf>;
template <class T>
using Tan = OneByOne<T, detail::TanOf>;
template <class T>
using Asin = OneByOne<T, detail::AsinOf>;
template <class T>
using Acos = OneByOne<T, detail::AcosOf>;
template <class T>
using Atan = OneByOne<T, detail::AtanOf>;
template <class T>
using Sinh = OneByOne<T, detail::SinhOf>;
template <class T>
using Cosh = OneByOne<T, detail::CoshOf>;
template <class T>
using Asinh = OneByOne<T, detail::AsinhOf>;
template <class T>
using Acosh = OneByOne<T, detail::AcoshOf>;
template <class T>
using Atanh = OneByOne<T, detail::AtanhOf>;

}  // namespace foil::nn
