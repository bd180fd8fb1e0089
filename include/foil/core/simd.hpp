// SPDX-License-Identifier: MIT
/// \file
/// Vectors as wide as the machine's, through compiler extensions. Whatever is computed for a full vector is
/// computed the same way for a tail, so that results never depend on where in memory an element lies.
///
/// How wide a vector is follows from the flags of a translation unit, and a program may be linked from
/// objects of different flags. Hence all of this lives in an inline namespace named for the instruction set.
/// A template elsewhere whose code or memory depends on it takes `class = simd::Isa` as its last parameter, a
/// function that is none a type that does: then its symbols, too, are one per instruction set, and the linker
/// never takes one object's code for another's.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#if defined(__AVX512F__) || defined(__FMA__)
#include <immintrin.h>
#endif

#include "foil/core/tensor.hpp"

namespace foil::simd {

#if defined(__AVX512F__)
inline namespace avx512 {
inline constexpr std::size_t vector_bytes = 64, registers = 32;
#elif defined(__AVX2__) && defined(__FMA__)
inline namespace avx2_fma {
inline constexpr std::size_t vector_bytes = 32, registers = 16;
#elif defined(__AVX2__)
inline namespace avx2 {
inline constexpr std::size_t vector_bytes = 32, registers = 16;
#elif defined(__AVX__)
inline namespace avx {
inline constexpr std::size_t vector_bytes = 16, registers = 16;
#elif defined(__SSE2__)
inline namespace sse2 {
inline constexpr std::size_t vector_bytes = 16, registers = 16;
#else
inline namespace generic {
inline constexpr std::size_t vector_bytes = 16, registers = 16;
#endif

/// Stands for the instruction set in the symbols of what depends on it.
struct Isa {};

template <class T, std::size_t count>
struct VectorOf {
  typedef T type __attribute__((vector_size(count * sizeof(T))));
};
/// A vector of `count` numbers, a power of two, whatever the machine offers for it.
template <class T, std::size_t count>
using Vector = typename VectorOf<T, count>::type;

/// Number of elements in a Pack.
template <class T>
inline constexpr Index lanes = static_cast<Index>(vector_bytes / sizeof(T));

template <class T>
struct PackOf {
  using type = Vector<T, vector_bytes / sizeof(T)>;
  using integer =
      Vector<std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>, vector_bytes / sizeof(T)>;
  using bits =
      Vector<std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>, vector_bytes / sizeof(T)>;
};
/// A machine vector of float or double, and the integers of its elements' size.
template <class T>
using Pack = typename PackOf<T>::type;
template <class T>
using PackInt = typename PackOf<T>::integer;
template <class T>
using PackBits = typename PackOf<T>::bits;

/// The next multiple of the number of lanes.
template <class T>
constexpr Index round_up(Index n) {
  return (n + lanes<T> - 1) / lanes<T> * lanes<T>;
}

/// Calls f(0), ..., f(count - 1) with compile-time indices: a loop that is unrolled at any optimisation
/// level.
template <std::size_t count, class F>
inline __attribute__((always_inline)) void unroll(F&& f) {
  [&]<std::size_t... i>(std::index_sequence<i...>) __attribute__((always_inline)) {
    (f(std::integral_constant<std::size_t, i>{}), ...);
  }(std::make_index_sequence<count>{});
}

template <class T>
inline Pack<T> load(const T* from) {
  Pack<T> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <class T>
inline void store(T* to, Pack<T> v) {
  std::memcpy(to, &v, sizeof v);
}

/// The first n elements, 0 < n <= lanes, the others zero; reads nothing beyond them.
template <class T>
inline Pack<T> load_partial(const T* from, Index n) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>)
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1u), from);
  else
    return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1u), from);
#else
  Pack<T> v{};
  std::memcpy(&v, from, static_cast<std::size_t>(n) * sizeof(T));
  return v;
#endif
}

/// Elements begin .. end - 1 in their lanes, 0 <= begin < end <= lanes, the others zero; reads nothing else.
template <class T>
inline Pack<T> load_between(const T* from, Index begin, Index end) {
#if defined(__AVX512F__)
  const unsigned mask = ((1u << end) - 1u) & ~((1u << begin) - 1u);
  if constexpr (std::is_same_v<T, float>)
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>(mask), from);
  else
    return _mm512_maskz_loadu_pd(static_cast<__mmask8>(mask), from);
#else
  if (begin == 0 && end == lanes<T>) return load<T>(from);
  T part[static_cast<std::size_t>(lanes<T>)] = {};
  for (Index i = begin; i < end; ++i) part[i] = from[i];
  return load<T>(part);
#endif
}

/// Writes the first n elements, 0 < n <= lanes, and nothing beyond them.
template <class T>
inline void store_partial(T* to, Pack<T> v, Index n) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>)
    _mm512_mask_storeu_ps(to, static_cast<__mmask16>((1u << n) - 1u), v);
  else
    _mm512_mask_storeu_pd(to, static_cast<__mmask8>((1u << n) - 1u), v);
#else
  std::memcpy(to, &v, static_cast<std::size_t>(n) * sizeof(T));
#endif
}

/// The bits of one vector as another of the same size.
template <class To, class From>
inline To reinterpret(From v) {
  static_assert(sizeof(To) == sizeof(From));
  To out;
  std::memcpy(&out, &v, sizeof out);
  return out;
}

/// The number in every lane, -0 as well.
template <class T>
inline Pack<T> broadcast(T value) {
  return value - Pack<T>{};  // exact for every value, so compilers drop the subtraction (not so an addition)
}

/// a * b + c, fused wherever the machine can, explicitly: left to the compiler it might be fused in one place
/// and not in another.
template <class T>
inline Pack<T> multiply_add(Pack<T> a, Pack<T> b, Pack<T> c) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>)
    return _mm512_fmadd_ps(a, b, c);
  else
    return _mm512_fmadd_pd(a, b, c);
#elif defined(__AVX2__) && defined(__FMA__)
  if constexpr (std::is_same_v<T, float>)
    return _mm256_fmadd_ps(a, b, c);
  else
    return _mm256_fmadd_pd(a, b, c);
#else
  return a * b + c;
#endif
}

/// The square roots, correctly rounded.
template <class T>
inline Pack<T> square_root(Pack<T> v) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>)
    return _mm512_maskz_sqrt_ps(static_cast<__mmask16>(-1), v);
  else
    return _mm512_maskz_sqrt_pd(static_cast<__mmask8>(-1), v);
#elif defined(__AVX2__) && defined(__FMA__)
  if constexpr (std::is_same_v<T, float>)
    return _mm256_sqrt_ps(v);
  else
    return _mm256_sqrt_pd(v);
#else
  for (Index i = 0; i < lanes<T>; ++i) v[i] = std::sqrt(static_cast<T>(v[i]));
  return v;
#endif
}

/// The first n elements, 0 < n <= lanes, the others from `rest`.
template <class T>
inline Pack<T> first_of(Pack<T> v, Index n, Pack<T> rest) {
  PackInt<T> lane{};
  for (Index i = 0; i < lanes<T>; ++i) lane[i] = static_cast<std::decay_t<decltype(lane[0])>>(i);
  return lane < static_cast<std::decay_t<decltype(lane[0])>>(n) ? v : rest;
}

/// The sum of the elements, always added in the same order: halves onto halves.
template <class T>
inline T horizontal_sum(Pack<T> v) {
  T part[static_cast<std::size_t>(lanes<T>)];
  std::memcpy(part, &v, sizeof v);
  for (Index half = lanes<T> / 2; half > 0; half /= 2)
    for (Index i = 0; i < half; ++i) part[i] += part[i + half];
  return part[0];
}

/// to[i] = f(in[i]...) for n elements, where f maps Packs to a Pack. `to` may be one of the inputs.
template <class T, class F, class... In>
inline void map(Index n, T* to, F&& f, const In*... in) {
  const Index whole = n / lanes<T> * lanes<T>;
  for (Index i = 0; i < whole; i += lanes<T>) store<T>(to + i, f(load<T>(in + i)...));
  if (whole < n) store_partial<T>(to + whole, f(load_partial<T>(in + whole, n - whole)...), n - whole);
}

/// to[i] += from[i] for n elements.
template <class T>
inline void accumulate(Index n, const T* from, T* to) {
  map<T>(n, to, [](Pack<T> a, Pack<T> b) { return a + b; }, to, from);
}

/// Sums of `count` quantities at once over n entries, a multiple of the lanes: `add(first, sums)` adds the
/// terms of one vector of entries. Which lane an entry is added to depends on its index alone.
template <std::size_t count, class Add>
std::array<double, count> sums(Index n, Add add) {
  constexpr Index width = lanes<double>;
  Pack<double> even[count]{}, odd[count]{};
  Index first = 0;
  for (; first + 2 * width <= n; first += 2 * width) {
    add(first, even);
    add(first + width, odd);
  }
  if (first < n) add(first, even);
  std::array<double, count> out{};
  for (std::size_t k = 0; k < count; ++k) out[k] = horizontal_sum<double>(even[k] + odd[k]);
  return out;
}

/// Vectors in a row, enough to hide the latency of adding to one sum per column.
inline constexpr std::size_t row_vectors = 4;
/// Entries in a row.
template <class T>
inline constexpr Index row_size = static_cast<Index>(row_vectors) * lanes<T>;

/// Sums over rows, in double.
template <class T>
class RowSums {
 public:
  /// Adds the sums over the columns of a few rows.
  void add(const Pack<T> (&columns)[row_vectors]) {
    static_assert(row_vectors == 4);
    const Pack<T> sum = (columns[0] + columns[2]) + (columns[1] + columns[3]);
    Vector<T, static_cast<std::size_t>(lanes<double>)> parts[vectors];
    std::memcpy(parts, &sum, sizeof parts);
    for (std::size_t k = 0; k < vectors; ++k) sums_[k] += __builtin_convertvector(parts[k], Pack<double>);
  }

  /// The sum over all lanes, the upper half added to the lower one until a single number is left.
  double total() const {
    return horizontal_sum<double>(vectors == 1 ? sums_[0] : sums_[0] + sums_[vectors - 1]);
  }

 private:
  static constexpr std::size_t vectors = sizeof(double) / sizeof(T);
  static_assert(vectors <= 2);
  Pack<double> sums_[vectors]{};
};

}  // the namespace of the instruction set
}  // namespace foil::simd
