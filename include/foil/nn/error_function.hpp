// SPDX-License-Identifier: MIT
/// \file
/// The error function on machine vectors, accurate to a few units in the last place.
#pragma once

#include <cstddef>

#include "foil/core/simd.hpp"
#include "foil/nn/math.hpp"

namespace foil::nn {

using namespace simd;

namespace detail {

/// q(x) = -log(1 - erf x) is smooth from zero up to where erf rounds to one. Hence erf x = 1 - exp(-q), where
/// q(x) = x (c0 + c1 t + c2 t^2 + ...), t = x - centre: minimax polynomials for the relative error of erf,
/// fitted with 60 digits; what they leave is far below the rounding error.
template <class T>
struct ErfConstants;
template <>
struct ErfConstants<float> {
  static constexpr float end = 3.95f, centre = 0.f;
  static constexpr float c[] = {1.12837917f,     0.636619835f,   0.102771277f,    -0.0191176948f,
                                -2.53061227e-4f, 1.79935403e-3f, -7.40686009e-4f, 1.67480998e-4f,
                                -2.13546038e-5f, 1.19329982e-6f};
};
template <>
struct ErfConstants<double> {
  static constexpr double end = 6., centre = 2.;
  static constexpr double c[] = {
      2.6824706323083141,      0.86784508684295409,     0.027952877490407223,   -0.0057438796739990534,
      0.0010865616699399785,   -0.00017708115498072352, 2.088586195116793e-5,   -8.9719488705837313e-8,
      -9.3111687328907215e-7,  3.6383558754924412e-7,   -9.5427972371941415e-8, 1.8647010385855866e-8,
      -2.3269027084120041e-9,  1.2843941954257043e-11,  1.5880508414921398e-10, -9.5864811433869961e-11,
      1.0292027225344627e-11,  3.6164779910445445e-12,  2.6722560163771621e-12, -6.7222050686146688e-13,
      -3.4612862396676484e-13, 4.3721920258522959e-14,  1.180047685046253e-14};
};

}  // namespace detail

/// 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.
template <class T>
inline Pack<T> erf(Pack<T> x) {
  using C = detail::ErfConstants<T>;
  constexpr std::size_t degree = sizeof(C::c) / sizeof(T) - 1;
  const Pack<T> end = broadcast<T>(C::end);
  Pack<T> size = x < T(0) ? -x : x;
  size = size > end ? end : size;
  const Pack<T> t = size - C::centre;
  Pack<T> q = broadcast<T>(C::c[degree]);
  for (std::size_t k = degree; k-- > 0;) q = multiply_add<T>(q, t, broadcast<T>(C::c[k]));
  const Pack<T> below = expm1_negative<T>(-size * q);
  return x < T(0) ? below : -below;
}

}  // namespace foil::nn
