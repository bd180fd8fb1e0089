// SPDX-License-Identifier: MIT
/// \file
/// A sum of products of doubles that loses nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace foil {

/// A sum of products of finite doubles, exact whatever they are: as a number of fixed point that reaches from
/// below the product of the smallest doubles to above that of the largest. For up to 2^28 products; costs
/// some fifty operations each, and about a thousand in value().
class ExactSum {
 public:
  void add(double a, double b = 1) {
    int exponent_a = 0, exponent_b = 0;
    const std::uint64_t whole_a = whole(a, exponent_a), whole_b = whole(b, exponent_b);
    if (whole_a == 0 || whole_b == 0) return;
    const bool negative = std::signbit(a) != std::signbit(b);
    const int place = exponent_a + exponent_b + least;
    const std::uint64_t high_a = whole_a >> bits, low_a = whole_a & mask, high_b = whole_b >> bits,
                        low_b = whole_b & mask;
    add(low_a * low_b, place, negative);
    add(high_a * low_b, place + bits, negative);
    add(low_a * high_b, place + bits, negative);
    add(high_a * high_b, place + 2 * bits, negative);
  }

  /// The sum to within a double's rounding, but always of its sign: 0 only if it is 0, and finite.
  double value() const {
    std::array<std::int64_t, count> digits = digits_;
    const bool negative = carried(digits) < 0;
    if (negative) {
      for (std::int64_t& digit : digits) digit = -digit;
      carried(digits);
    }
    std::size_t top = count;
    while (top > 0 && digits[top - 1] == 0) --top;
    if (top == 0) return 0;
    double size = 0;
    for (std::size_t i = top; i-- > (top > 3 ? top - 3 : 0);)
      size += std::ldexp(static_cast<double>(digits[i]), bits * static_cast<int>(i) - least);
    size = std::clamp(size, std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max());
    return negative ? -size : size;
  }

 private:
  static constexpr int bits = 32;
  static constexpr std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  static constexpr int mantissa = std::numeric_limits<double>::digits;
  /// Binary places behind the point, a whole number of digits.
  static constexpr int least =
      (2 * (mantissa - std::numeric_limits<double>::min_exponent + mantissa) / bits + 1) * bits;
  static constexpr std::size_t count =
      static_cast<std::size_t>((least + 2 * std::numeric_limits<double>::max_exponent) / bits + 2);

  /// |value| as a whole number times a power of two.
  static std::uint64_t whole(double value, int& exponent) {
    const auto out = static_cast<std::uint64_t>(std::ldexp(std::abs(std::frexp(value, &exponent)), mantissa));
    exponent -= mantissa;
    return out;
  }

  void add(std::uint64_t number, int place, bool negative) {
    const int shift = place % bits;
    auto at = static_cast<std::size_t>(place / bits);
    const std::array<std::uint64_t, 3> parts{number << shift & mask, number >> (bits - shift) & mask,
                                             shift == 0 ? 0 : number >> (2 * bits - shift)};
    for (const std::uint64_t part : parts) {
      if (part != 0)
        digits_[at] += negative ? -static_cast<std::int64_t>(part) : static_cast<std::int64_t>(part);
      ++at;
    }
  }

  /// Brings all digits below 2^bits, at least 0. Returns what the highest would carry: -1 of a negative sum.
  static std::int64_t carried(std::array<std::int64_t, count>& digits) {
    std::int64_t carry = 0;
    for (std::int64_t& digit : digits) {
      digit += carry;
      carry = digit >> bits;
      digit &= static_cast<std::int64_t>(mask);
    }
    return carry;
  }

  std::array<std::int64_t, count> digits_{};  // each worth 2^bits times the one before it
};

}  // namespace foil
