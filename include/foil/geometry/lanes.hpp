// SPDX-License-Identifier: MIT
/// \file
/// Entries of whatever has operator[], and of numbers that stand for arrays: one by one, or by vectors of the
/// machine's width.
#pragma once

#include <concepts>
#include <cstring>
#include <type_traits>
#include <utility>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"

namespace foil::geometry::detail {

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

/// Whether the entries are of this type and lie in memory one after the other.
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

/// Reads machine vectors from an array, or from a number that stands for all entries.
template <class Scalar, class T, class = simd::Isa>
struct Reader {
  const T& values;
  explicit Reader(const T& array) : values(array) {}

  /// The entries from `first` on, of which `count` are left; the lanes beyond them become 0.
  simd::Pack<Scalar> operator()(Index first, Index count) const {
    Scalar entries[simd::lanes<Scalar>]{};
    for (Index lane = 0; lane < count; ++lane)
      entries[lane] = static_cast<Scalar>(entry(values, first + lane));
    simd::Pack<Scalar> out;
    std::memcpy(&out, entries, sizeof out);
    return out;
  }
};

template <class Scalar, class T, class Isa>
  requires(contiguous<T, Scalar>())
struct Reader<Scalar, T, Isa> {
  const Scalar* values;
  explicit Reader(const T& array) : values(array.data()) {}

  simd::Pack<Scalar> operator()(Index first, Index count) const {
    simd::Pack<Scalar> out{};
    if (count == simd::lanes<Scalar>)
      std::memcpy(&out, values + first, sizeof out);
    else
      for (Index lane = 0; lane < count; ++lane) out[lane] = values[first + lane];
    return out;
  }
};

template <class Scalar, class T, class Isa>
  requires std::is_arithmetic_v<T>
struct Reader<Scalar, T, Isa> {
  simd::Pack<Scalar> values;
  explicit Reader(T value) : values(simd::broadcast(static_cast<Scalar>(value))) {}

  simd::Pack<Scalar> operator()(Index, Index) const { return values; }
};

}  // namespace foil::geometry::detail
