// SPDX-License-Identifier: MIT
/// \file
/// Vectors as wide as the machine's, through compiler extensions, with one code path for every element:
/// whatever is computed for a full vector is computed the same way for a tail, so that results never depend
/// on where in memory an element lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#if defined(__AVX512F__) || defined(__FMA__)
#include <immintrin.h>
#endif

#include "foil/core/tensor.hpp"

namespace foil::nn {

#if defined(__AVX512F__)
inline constexpr std::size_t vector_bytes = 64;
#elif defined(__AVX2__)
inline constexpr std::size_t vector_bytes = 32;
#else
inline constexpr std::size_t vector_bytes = 16;
#endif

namespace detail {
template <class T>
struct PackOf;
template <>
struct PackOf<float> {
  typedef float type __attribute__((vector_size(vector_bytes)));
  typedef std::int32_t integer __attribute__((vector_size(vector_bytes)));
  typedef std::uint32_t bits __attribute__((vector_size(vector_bytes)));
};
template <>
struct PackOf<double> {
  typedef double type __attribute__((vector_size(vector_bytes)));
  typedef std::int64_t integer __attribute__((vector_size(vector_bytes)));
  typedef std::uint64_t bits __attribute__((vector_size(vector_bytes)));
};

/// Calls f(0), ..., f(count - 1) with compile-time indices: a loop that is unrolled at any optimisation
/// level.
template <std::size_t count, class F>
inline __attribute__((always_inline)) void unroll(F&& f) {
  [&]<std::size_t... i>(std::index_sequence<i...>) __attribute__((always_inline)) {
    (f(std::integral_constant<std::size_t, i>{}), ...);
  }(std::make_index_sequence<count>{});
}
}  // namespace detail

/// A machine vector of float or double.
template <class T>
using Pack = typename detail::PackOf<T>::type;
template <class T>
using PackInt = typename detail::PackOf<T>::integer;
template <class T>
using PackBits = typename detail::PackOf<T>::bits;

/// Number of elements in a Pack.
template <class T>
inline constexpr Index lanes = static_cast<Index>(vector_bytes / sizeof(T));

/// The next multiple of the number of lanes.
template <class T>
constexpr Index round_up(Index n) {
  return (n + lanes<T> - 1) / lanes<T> * lanes<T>;
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

}  // namespace foil::nn
