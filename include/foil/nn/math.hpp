// SPDX-License-Identifier: MIT
/// \file
/// Exponential functions on machine vectors, accurate to a few units in the last place: range reduction by
/// multiples of log 2 in two parts (Cody and Waite 1980), then the Taylor polynomial on |r| <= log(2) / 2,
/// whose remainder is below the rounding error.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "foil/core/simd.hpp"

namespace foil::nn {

using namespace simd;

namespace detail {

template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  static constexpr float log2_high = 0.693359375f, log2_low = -2.12194440e-4f, shift = 12582912.f;
  static constexpr float smallest = -104.f, largest = 89.f, to_minus_one = -30.f;
  static constexpr std::size_t degree = 7;
  static constexpr int mantissa = 23, bias = 127;
};
template <>
struct ExpConstants<double> {
  static constexpr double log2_high = 6.93145751953125e-1, log2_low = 1.42860682030941723212e-6,
                          shift = 6755399441055744.;
  static constexpr double smallest = -746., largest = 710., to_minus_one = -50.;
  static constexpr std::size_t degree = 13;
  static constexpr int mantissa = 52, bias = 1023;
};

/// 1 / k! for k = 0 .. degree.
template <class T>
inline constexpr auto inverse_factorials = [] {
  std::array<T, ExpConstants<T>::degree + 1> table{};
  double factorial = 1;
  for (std::size_t k = 0; k < table.size(); ++k) {
    if (k > 0) factorial *= static_cast<double>(k);
    table[k] = static_cast<T>(1 / factorial);
  }
  return table;
}();

/// 2^n for n in the range of normal exponents.
template <class T>
inline Pack<T> power_of_two(PackInt<T> n) {
  return reinterpret<Pack<T>>(reinterpret<PackBits<T>>(n + ExpConstants<T>::bias)
                              << ExpConstants<T>::mantissa);
}

/// x = n log 2 + r: returns exp(r) - 1 and sets n.
template <class T>
inline Pack<T> reduced_expm1(Pack<T> x, PackInt<T>& n) {
  using C = ExpConstants<T>;
  const Pack<T> shift = broadcast<T>(C::shift);
  const Pack<T> shifted = multiply_add<T>(x, broadcast<T>(T(1.4426950408889634)), shift);
  n = reinterpret<PackInt<T>>(reinterpret<PackBits<T>>(shifted) - reinterpret<PackBits<T>>(shift));
  const Pack<T> whole = shifted - shift;
  Pack<T> r = multiply_add<T>(whole, broadcast<T>(-C::log2_high), x);
  r = multiply_add<T>(whole, broadcast<T>(-C::log2_low), r);
  Pack<T> p = broadcast<T>(inverse_factorials<T>[C::degree]);
  for (std::size_t k = C::degree - 1; k >= 2; --k)
    p = multiply_add<T>(p, r, broadcast<T>(inverse_factorials<T>[k]));
  return multiply_add<T>(p * r, r, r);
}

}  // namespace detail

/// e^x; overflows to infinity, underflows gradually, NaN stays NaN.
template <class T>
inline Pack<T> exp(Pack<T> x) {
  using C = detail::ExpConstants<T>;
  const Pack<T> low = broadcast<T>(C::smallest), high = broadcast<T>(C::largest);
  x = x < low ? low : x;
  x = x > high ? high : x;
  PackInt<T> n;
  const Pack<T> p = detail::reduced_expm1<T>(x, n);
  const PackInt<T> half = n >> 1;
  const Pack<T> first = detail::power_of_two<T>(half);
  return multiply_add<T>(first, p, first) * detail::power_of_two<T>(n - half);
}

/// e^x - 1 for x <= 0, without cancellation near zero.
template <class T>
inline Pack<T> expm1_negative(Pack<T> x) {
  const Pack<T> low = broadcast<T>(detail::ExpConstants<T>::to_minus_one);
  x = x < low ? low : x;
  PackInt<T> n;
  const Pack<T> p = detail::reduced_expm1<T>(x, n);
  const Pack<T> scale = detail::power_of_two<T>(n);
  return multiply_add<T>(scale, p, scale - T(1));
}

}  // namespace foil::nn
