// SPDX-License-Identifier: MIT
/// \file
/// A byte per lane: what is kept of choices that are made lane by lane.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"

namespace foil::nn {

using namespace simd;

/// Writes the lowest bytes of the first n lanes, 0 < n <= lanes.
template <class T>
inline void store_bytes(std::byte* to, PackInt<T> v, Index n) {
  const auto bytes = __builtin_convertvector(v, Vector<std::int8_t, vector_bytes / sizeof(T)>);
  if (n == lanes<T>)
    std::memcpy(to, &bytes, sizeof bytes);
  else
    std::memcpy(to, &bytes, static_cast<std::size_t>(n));
}

/// Reads n bytes with their signs into the first n lanes, 0 < n <= lanes; the others are zero. Widens step by
/// step, since GCC 12 goes element by element otherwise.
template <class T>
inline PackInt<T> load_bytes(const std::byte* from, Index n) {
  constexpr std::size_t count = vector_bytes / sizeof(T);
  Vector<std::int8_t, count> bytes{};
  if (n == lanes<T>)
    std::memcpy(&bytes, from, sizeof bytes);
  else
    std::memcpy(&bytes, from, static_cast<std::size_t>(n));
  const auto doubled = __builtin_convertvector(bytes, Vector<std::int16_t, count>);
  if constexpr (sizeof(T) == 4)
    return __builtin_convertvector(doubled, PackInt<T>);
  else
    return __builtin_convertvector(__builtin_convertvector(doubled, Vector<std::int32_t, count>), PackInt<T>);
}

}  // namespace foil::nn
