// SPDX-License-Identifier: MIT
/// \file
/// Logarithms on machine vectors, accurate to a few units in the last place: log(1 + f) = 2 artanh(f / (2 +
/// f)) near one, whose series converges quickly there, and multiples of log 2 in two parts.
#pragma once

#include <cstddef>
#include <limits>

#include "foil/core/simd.hpp"
#include "foil/nn/math.hpp"

namespace foil::nn {

using namespace simd;

namespace detail {

/// log(1 + f) - f, given 1 + f between the square roots of one half and of two. With s = f / (2 + f) it is
/// -f^2/2 + s (f^2/2 + r), where r = 2 s^2 / 3 + 2 s^4 / 5 + ... and s^2 < 0.03.
template <class T>
inline Pack<T> log_behind_linear(Pack<T> f) {
  constexpr int terms = sizeof(T) == 4 ? 4 : 10;
  const Pack<T> s = f / (f + T(2)), z = s * s;
  Pack<T> r = broadcast<T>(T(2) / T(2 * terms + 1));
  for (int k = terms - 1; k >= 1; --k) r = multiply_add<T>(r, z, broadcast<T>(T(2) / T(2 * k + 1)));
  const Pack<T> half = f * f * T(0.5);
  return multiply_add<T>(s, multiply_add<T>(r, z, half), -half);
}

}  // namespace detail

/// The natural logarithm: minus infinity at zero, NaN below.
template <class T>
inline Pack<T> log(Pack<T> x) {
  using C = detail::ExpConstants<T>;
  constexpr T infinity = std::numeric_limits<T>::infinity(), tiny = std::numeric_limits<T>::min();
  constexpr T up = sizeof(T) == 4 ? T(0x1p32f) : T(0x1p64);  // makes normal numbers of subnormal ones
  constexpr T steps = sizeof(T) == 4 ? T(32) : T(64);
  const Pack<T> zero{};
  const auto subnormal = x < tiny;
  const PackInt<T> bits = reinterpret<PackInt<T>>(subnormal ? x * up : x);
  const PackInt<T> base = reinterpret<PackInt<T>>(broadcast<T>(T(0.70710678118654752)));
  const PackInt<T> exponent = (bits - base) >> C::mantissa;
  const Pack<T> f = reinterpret<Pack<T>>(bits - (exponent << C::mantissa)) - T(1);
  const Pack<T> shift = broadcast<T>(C::shift);
  const Pack<T> whole = reinterpret<Pack<T>>(reinterpret<PackInt<T>>(shift) + exponent) - shift;
  const Pack<T> e = subnormal ? whole - steps : whole;
  const Pack<T> behind = multiply_add<T>(e, broadcast<T>(C::log2_low), detail::log_behind_linear<T>(f));
  Pack<T> y = multiply_add<T>(e, broadcast<T>(C::log2_high), behind + f);
  y = x < infinity ? y : x;  // infinity and NaN stay
  y = x < zero ? broadcast<T>(std::numeric_limits<T>::quiet_NaN()) : y;
  return x == zero ? broadcast<T>(-infinity) : y;
}

/// log(1 + x) for 0 <= x <= 1, without cancellation near zero.
template <class T>
inline Pack<T> log1p_unit(Pack<T> x) {
  using C = detail::ExpConstants<T>;
  const auto doubled = x > T(0.41421356237309505);  // then 1 + x = 2 (1 + f)
  const Pack<T> f = doubled ? x * T(0.5) - T(0.5) : x, zero{};
  const Pack<T> low = doubled ? broadcast<T>(C::log2_low) : zero;
  const Pack<T> high = doubled ? broadcast<T>(C::log2_high) : zero;
  return high + (f + (detail::log_behind_linear<T>(f) + low));
}

/// log(1 + e^x) without overflow: the softplus function.
template <class T>
inline Pack<T> log1p_exp(Pack<T> x) {
  const Pack<T> zero{};
  const Pack<T> rest = log1p_unit<T>(exp<T>(x < zero ? x : -x));
  return x < zero ? rest : x + rest;
}

}  // namespace foil::nn
