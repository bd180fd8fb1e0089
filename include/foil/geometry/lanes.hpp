// SPDX-License-Identifier: MIT
/// \file
/// Vectors of the machine's width, read from whatever has operator[]. Rows of a fixed number of entries, so
/// that sums over their columns have the same bits on every width and wherever the data lies.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "foil/core/tensor.hpp"

namespace foil::geometry::detail {

#if defined(__AVX512F__)
inline constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX2__)
inline constexpr std::size_t vector_bytes = 32;
#else
inline constexpr std::size_t vector_bytes = 16;
#endif

/// Entries in a row.
template <class Scalar>
inline constexpr Index row_size = static_cast<Index>(128 / sizeof(Scalar));

template <class Scalar>
struct LanesOf {
  typedef Scalar type __attribute__((vector_size(vector_bytes)));
};
/// A machine vector.
template <class Scalar>
using Lanes = typename LanesOf<Scalar>::type;

template <class Scalar>
inline constexpr Index lane_count = static_cast<Index>(vector_bytes / sizeof(Scalar));
/// Machine vectors in a row.
inline constexpr std::size_t row_vectors = 128 / vector_bytes;

template <class Scalar>
Lanes<Scalar> broadcast(Scalar value) {
  return Lanes<Scalar>{} + value;
}

/// Entry i of an array, or the number itself where one stands for all entries.
template <class T>
auto entry(const T& values, Index i) {
  if constexpr (std::is_arithmetic_v<T>) {
    return values;
  } else if constexpr (requires { values.size(); }) {
    return std::decay_t<decltype(values[0])>(values[static_cast<decltype(values.size())>(i)]);
  } else {
    return std::decay_t<decltype(values[0])>(values[i]);
  }
}
template <class T>
using EntryOf = decltype(entry(std::declval<const T&>(), 0));

template <class T>
Index size_of(const T& values) {
  return static_cast<Index>(values.size());
}

/// Whether the entries lie in memory one after the other.
template <class T, class Scalar>
constexpr bool contiguous() {
  if constexpr (requires(const T& values) {
                  { values.data() } -> std::convertible_to<const Scalar*>;
                  values.innerStride();
                }) {
    return int{T::InnerStrideAtCompileTime} == 1;
  } else {
    return requires(const T& values) {
      { values.data() } -> std::convertible_to<const Scalar*>;
    };
  }
}

/// The entries from `first` on. Of the last row, `count` are left; the lanes beyond become 0.
template <class Scalar, class T>
Lanes<Scalar> load(const T& values, Index first, Index count = lane_count<Scalar>) {
  Lanes<Scalar> out{};
  if constexpr (std::is_arithmetic_v<T>) {
    out += static_cast<Scalar>(values);
  } else if (count < lane_count<Scalar>) {
    for (Index lane = 0; lane < count; ++lane) out[lane] = static_cast<Scalar>(entry(values, first + lane));
  } else if constexpr (contiguous<T, Scalar>()) {
    std::memcpy(&out, values.data() + first, sizeof out);
  } else {
    Scalar entries[lane_count<Scalar>];
    for (Index lane = 0; lane < lane_count<Scalar>; ++lane)
      entries[lane] = static_cast<Scalar>(entry(values, first + lane));
    std::memcpy(&out, entries, sizeof out);
  }
  return out;
}

/// Adds the upper half of the entries to the lower one until a single one is left.
template <std::size_t count>
double fold(double (&values)[count]) {
  for (std::size_t half = count / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) values[i] += values[i + half];
  return values[0];
}

}  // namespace foil::geometry::detail
