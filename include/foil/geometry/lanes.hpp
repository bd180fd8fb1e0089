// SPDX-License-Identifier: MIT
/// \file
/// Vectors of the machine's width, read from whatever has operator[], and sums over the columns of rows of
/// them. Which column an entry belongs to depends on its index alone, so that the bits of a sum do not depend
/// on where in memory the entries lie.
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

template <class Scalar>
struct LanesOf {
  typedef Scalar type __attribute__((vector_size(vector_bytes)));
};
/// A machine vector.
template <class Scalar>
using Lanes = typename LanesOf<Scalar>::type;

template <class Scalar>
inline constexpr Index lane_count = static_cast<Index>(vector_bytes / sizeof(Scalar));
/// Machine vectors in a row, enough to hide the latency of adding to one sum per column.
inline constexpr std::size_t row_vectors = 4;
/// Entries in a row.
template <class Scalar>
inline constexpr Index row_size = static_cast<Index>(row_vectors) * lane_count<Scalar>;

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
template <class Scalar, class T>
struct Reader {
  const T& values;
  explicit Reader(const T& array) : values(array) {}

  /// The entries from `first` on, of which `count` are left; the lanes beyond them become 0.
  Lanes<Scalar> operator()(Index first, Index count) const {
    Scalar entries[lane_count<Scalar>]{};
    for (Index lane = 0; lane < count; ++lane)
      entries[lane] = static_cast<Scalar>(entry(values, first + lane));
    Lanes<Scalar> out;
    std::memcpy(&out, entries, sizeof out);
    return out;
  }
};

template <class Scalar, class T>
  requires(contiguous<T, Scalar>())
struct Reader<Scalar, T> {
  const Scalar* values;
  explicit Reader(const T& array) : values(array.data()) {}

  Lanes<Scalar> operator()(Index first, Index count) const {
    Lanes<Scalar> out{};
    if (count == lane_count<Scalar>)
      std::memcpy(&out, values + first, sizeof out);
    else
      for (Index lane = 0; lane < count; ++lane) out[lane] = values[first + lane];
    return out;
  }
};

template <class Scalar, class T>
  requires std::is_arithmetic_v<T>
struct Reader<Scalar, T> {
  Lanes<Scalar> values;
  explicit Reader(T value) : values(broadcast(static_cast<Scalar>(value))) {}

  Lanes<Scalar> operator()(Index, Index) const { return values; }
};

/// Sums over rows, in double.
template <class Scalar>
class RowSums {
 public:
  /// Adds the sums over the columns of a few rows.
  void add(const Lanes<Scalar> (&columns)[row_vectors]) {
    static_assert(row_vectors == 4);
    const Lanes<Scalar> lanes = (columns[0] + columns[2]) + (columns[1] + columns[3]);
    typedef Scalar Part __attribute__((vector_size(lane_count<double> * sizeof(Scalar))));
    Part parts[vectors];
    std::memcpy(parts, &lanes, sizeof parts);
    for (std::size_t k = 0; k < vectors; ++k) sums_[k] += __builtin_convertvector(parts[k], Lanes<double>);
  }

  /// The sum over all lanes, the upper half added to the lower one until a single number is left.
  double total() const {
    constexpr Index lanes = lane_count<double>;
    double sums[static_cast<Index>(vectors) * lanes];
    std::memcpy(sums, sums_, sizeof sums);
    for (Index half = static_cast<Index>(vectors) * lanes / 2; half > 0; half /= 2)
      for (Index lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
    return sums[0];
  }

 private:
  static constexpr std::size_t vectors = sizeof(double) / sizeof(Scalar);
  Lanes<double> sums_[vectors]{};
};

}  // namespace foil::geometry::detail
