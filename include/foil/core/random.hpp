// SPDX-License-Identifier: MIT
/// \file
/// Random numbers as a pure function of (seed, sample, purpose, draw). Nothing is shared and nothing is
/// consumed, so a sample gets the same numbers whatever its batch, its order or its thread.
///
/// Generator: Philox4x32-10, Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numbers>
#include <string_view>

#include "foil/core/error.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// Ten rounds of Philox4x32: 128 pseudo-random bits for a 64-bit key and a 128-bit counter.
constexpr std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 2> key,
                                                  std::array<std::uint32_t, 4> counter) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t even = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t odd = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(odd >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(odd),
               static_cast<std::uint32_t>(even >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(even)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

/// What random numbers are used for; numbers for different purposes are independent.
enum class Purpose : std::uint8_t {
  start,
  proposal,
  freeze,
  normal_estimate,
  permutation,
  crossover,
  mutation,
  window,
  noise,
  model,
  direction
};

namespace detail {

inline double ratio(double r, const std::array<double, 8>& a, const std::array<double, 8>& b) {
  double top = a[7], bottom = b[7];
  for (std::size_t k = 7; k-- > 0;) {
    top = top * r + a[k];
    bottom = bottom * r + b[k];
  }
  return top / bottom;
}

/// The three parts of the standard normal quantile of u = q + 1/2: the middle, |q| <= 0.425, and its absolute
/// value in the tails in terms of r = sqrt(-ln(min(u, 1 - u))), r <= 5 and beyond.
inline double quantile_middle(double q) {
  return q * ratio(0.180625 - q * q,
                   {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                    1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                    3.3430575583588128105e4, 2.5090809287301226727e3},
                   {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
                    2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
                    5.2264952788528545610e3});
}
inline double quantile_tail(double r) {
  return ratio(r - 1.6,
               {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
                3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
                2.27238449892691845833e-2, 7.74545014278341407640e-4},
               {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
                1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
                1.05075007164441684324e-9});
}
inline double quantile_far_tail(double r) {
  return ratio(r - 5,
               {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
                2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                2.71155556874348757815e-5, 2.01033439929228813265e-7},
               {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
                7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
                2.04426310338993978564e-15});
}
/// Natural logarithm of a positive normal number, to 2 units in the last place. Unlike std::log it has the
/// same bits everywhere, and compilers compute it for several numbers side by side.
inline double logarithm(double u) {
  const auto bits = std::bit_cast<std::uint64_t>(u);
  const std::uint64_t from_sqrt_half = bits - std::bit_cast<std::uint64_t>(0.5 * std::numbers::sqrt2);
  const auto exponent = static_cast<double>(static_cast<std::int64_t>(from_sqrt_half) >> 52);
  const auto m = std::bit_cast<double>(bits - (from_sqrt_half & 0xFFF0000000000000u));  // u = 2^exponent m
  const double s = (m - 1) / (m + 1), r = s * s;
  double series = 1.0 / 23;  // of artanh(s) / s = 1 + r / 3 + r^2 / 5 + ...
  for (int odd = 21; odd > 0; odd -= 2) series = series * r + 1.0 / odd;
  return exponent * std::numbers::ln2 + 2 * s * series;
}
inline double quantile_argument(double u) {
  return std::sqrt(-logarithm(u < 0.5 ? u : 1 - u));
}

inline double to_uniform(std::uint32_t word) {
  return (static_cast<double>(word) + 0.5) * 0x1p-32;
}

/// Blocks of a draw that are computed side by side.
inline constexpr std::uint32_t blocks_at_once = 8;

/// The uniform numbers of that many consecutive blocks: philox4x32() with a block in each lane of the
/// machine's vectors.
template <class = simd::Isa>
void uniform_blocks(std::array<std::uint32_t, 2> key, const std::array<std::uint32_t, 4>& counter,
                    std::uint32_t first, double* out) {
  using Words = simd::Vector<std::uint64_t, blocks_at_once>;
  constexpr std::uint64_t low_half = 0xFFFFFFFFu;
  Words a = Words{} + counter[0], b = Words{} + counter[1], c = Words{} + counter[2];
  Words d = (Words{0, 1, 2, 3, 4, 5, 6, 7} + first) | std::uint64_t{counter[3]};
  for (int round = 0; round < 10; ++round) {
    const Words even = a * 0xD2511F53u, odd = c * 0xCD9E8D57u;
    a = (odd >> 32) ^ b ^ std::uint64_t{key[0]};
    b = odd & low_half;
    c = (even >> 32) ^ d ^ std::uint64_t{key[1]};
    d = even & low_half;
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  const Words results[]{a, b, c, d};
  std::array<std::uint64_t, 4 * blocks_at_once> words;
  std::memcpy(words.data(), results, sizeof results);
  for (std::size_t block = 0; block < blocks_at_once; ++block)
    for (std::size_t word = 0; word < 4; ++word)
      out[4 * block + word] = to_uniform(static_cast<std::uint32_t>(words[blocks_at_once * word + block]));
}

}  // namespace detail

/// Standard normal quantile of u in (0, 1). Wichura 1988, algorithm AS 241 (PPND16): about 1e-16 relative.
inline double normal_quantile(double u) {
  const double q = u - 0.5;
  if (std::abs(q) <= 0.425) return detail::quantile_middle(q);
  const double r = detail::quantile_argument(u);
  const double size = r <= 5 ? detail::quantile_tail(r) : detail::quantile_far_tail(r);
  return q < 0 ? -size : size;
}

/// Reads the random words of one draw in order. Each word costs a fixed number of generator steps, so the
/// i-th number of a draw is always the same one.
class RandomDraw {
 public:
  RandomDraw(std::uint64_t key, std::uint64_t sample, Purpose purpose, std::uint32_t draw)
      : key_{static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)},
        counter_{static_cast<std::uint32_t>(sample), static_cast<std::uint32_t>(sample >> 32), draw,
                 static_cast<std::uint32_t>(purpose) << 24} {}

  /// 32 uniform bits.
  std::uint32_t bits() {
    const std::uint32_t word = next_ & 3u;
    if (word == 0) {
      const std::uint32_t block = next_ >> 2;
      if (block >= (1u << 24)) throw Error("random: one draw gives at most 67,108,864 numbers");
      auto counter = counter_;
      counter[3] |= block;
      block_ = philox4x32(key_, counter);
    }
    ++next_;
    return block_[word];
  }

  /// Uniform in the open interval (0, 1).
  double uniform() { return detail::to_uniform(bits()); }
  /// Uniform in (low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Standard normal.
  double normal() { return normal_quantile(uniform()); }
  /// Standard exponential.
  double exponential() { return -std::log(uniform()); }
  /// Uniform integer in [0, count); the bias is below count / 2^64.
  std::uint64_t integer(std::uint64_t count) {
    const std::uint64_t high = bits();
    const std::uint64_t word = (high << 32) | bits();
    // The upper half of the 128-bit product word * count, from 32-bit halves.
    const std::uint64_t low_product = (word & 0xFFFFFFFFu) * (count & 0xFFFFFFFFu);
    const std::uint64_t middle = (word >> 32) * (count & 0xFFFFFFFFu) + (low_product >> 32);
    const std::uint64_t cross = (word & 0xFFFFFFFFu) * (count >> 32) + (middle & 0xFFFFFFFFu);
    return (word >> 32) * (count >> 32) + (middle >> 32) + (cross >> 32);
  }

  /// Fills with the next normal() for each entry, bit for bit, several times faster.
  template <class Isa = simd::Isa>
  void fill_normal(Eigen::Ref<Eigen::VectorXd> out) {
    fill<Isa>(out);
    constexpr Index chunk = 256;
    std::array<double, chunk> q, r;
    std::array<Index, chunk> tails;
    for (Index first = 0; first < out.size(); first += chunk) {
      double* x = out.data() + first;
      const Index size = std::min(out.size() - first, chunk);
      std::size_t count = 0;
      for (Index i = 0; i < size; ++i) {
        tails[count] = i;
        q[count] = x[i] - 0.5;
        count += !(std::abs(q[count]) <= 0.425);
      }
      for (std::size_t k = 0; k < count; ++k) r[k] = x[tails[k]];
      for (std::size_t k = 0; k < count; ++k) r[k] = detail::quantile_argument(r[k]);
      for (Index i = 0; i < size; ++i) x[i] = detail::quantile_middle(x[i] - 0.5);
      // A uniform number of 32 bits is never as far out as the far tail.
      for (std::size_t k = 0; k < count; ++k) r[k] = detail::quantile_tail(r[k]);
      for (std::size_t k = 0; k < count; ++k) x[tails[k]] = q[k] < 0 ? -r[k] : r[k];
    }
  }
  /// Fills with the next uniform(low, high) for each entry.
  template <class Isa = simd::Isa>
  void fill_uniform(Eigen::Ref<Eigen::VectorXd> out, double low, double high) {
    fill<Isa>(out);
    for (Index i = 0; i < out.size(); ++i) out[i] = low + (high - low) * out[i];
  }

 private:
  /// Fills with the next uniform() for each entry.
  template <class Isa>
  void fill(Eigen::Ref<Eigen::VectorXd>& out) {
    Index i = 0;
    constexpr std::uint32_t blocks = detail::blocks_at_once;
    while (i < out.size() && next_ % 4 != 0) out[i++] = uniform();
    for (; i + 4 * blocks <= out.size() && (next_ >> 2) + blocks <= (1u << 24); i += 4 * blocks) {
      detail::uniform_blocks<Isa>(key_, counter_, next_ >> 2, out.data() + i);
      next_ += 4 * blocks;
    }
    while (i < out.size()) out[i++] = uniform();
  }

  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  std::uint32_t next_ = 0;
};

/// A generator key from a user's seed, the name of the attack and the repetition, so that different attacks
/// run with one seed do not share their random numbers.
constexpr std::uint64_t random_key(std::uint64_t seed, std::string_view attack,
                                   std::uint64_t repetition = 0) {
  const auto mix = [](std::uint64_t z) {  // the finaliser of SplitMix64 (Steele, Lea, Flood 2014)
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  };
  std::uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a
  for (const char c : attack) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return mix(mix(seed + 0x9E3779B97F4A7C15u) ^ hash) + mix(repetition);
}

}  // namespace foil
