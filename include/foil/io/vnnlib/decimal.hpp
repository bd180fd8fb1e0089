// SPDX-License-Identifier: MIT
/// \file
/// Decimal numbers as they are written, and the floats beside them, exactly.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"

namespace foil::io {

namespace detail {

/// A decimal number in one form: 0.digits times a power of ten, the digits without zeros at either end. Zero
/// has no digits.
struct Digits {
  bool negative = false;
  long long exponent = 0;
  std::string digits{};
};

inline Digits digits_of(std::string_view text) {
  Digits out;
  if (text.starts_with('-') || text.starts_with('+')) {
    out.negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const std::size_t e = text.find_first_of("eE");
  std::string_view mantissa = text.substr(0, e), power = e == text.npos ? "" : text.substr(e + 1);
  const std::size_t point = mantissa.find('.');
  out.digits.assign(mantissa.substr(0, point));
  out.exponent = static_cast<long long>(out.digits.size());
  if (point != mantissa.npos) out.digits += mantissa.substr(point + 1);
  const std::size_t first = out.digits.find_first_not_of('0');
  if (first == std::string::npos) return {};
  out.digits.erase(0, first);
  out.digits.erase(out.digits.find_last_not_of('0') + 1);
  out.exponent -= static_cast<long long>(first);
  if (power.starts_with('+')) power.remove_prefix(1);
  if (!power.empty()) out.exponent += parse_whole<long long>(power).value_or(0);  // a double holds it
  return out;
}

/// Whether it is digits with at most one point, and perhaps a sign before them and an exponent behind.
inline bool is_decimal(std::string_view text) {
  const auto skip_digits = [&] {
    const std::size_t end = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(end);
    return end;
  };
  const auto skip = [&](std::string_view any) {
    const bool found = !text.empty() && any.find(text[0]) != any.npos;
    if (found) text.remove_prefix(1);
    return found;
  };
  skip("+-");
  std::size_t digits = skip_digits();
  if (skip(".")) digits += skip_digits();
  if (digits == 0) return false;
  if (!skip("eE")) return text.empty();
  skip("+-");
  return skip_digits() > 0 && text.empty();
}

}  // namespace detail

/// A decimal number as it is written, and the double that is nearest to it.
class Decimal {
 public:
  Decimal() = default;

  /// Digits with or without a point, a sign and an exponent; nothing for all else, and for numbers that are
  /// beyond what a double holds, at either end.
  static std::optional<Decimal> parse(std::string_view text) {
    if (!detail::is_decimal(text)) return std::nullopt;
    if (text.starts_with('+')) text.remove_prefix(1);
    const auto value = parse_real(text);
    if (!value) return std::nullopt;
    return Decimal(std::string(text), *value);
  }

  /// The shortest decimal, without an exponent, that is nearest to this number and no other of its type.
  template <class Real>
  static Decimal shortest(Real value) {
    char buffer[400];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr;
    return Decimal(std::string(buffer, end), static_cast<double>(value));
  }

  /// Exactly this number, which is finite, without an exponent; up to a thousand digits.
  static Decimal exactly(double value) {
    constexpr int bits = std::numeric_limits<double>::digits;
    int exponent = 0;
    const auto whole = static_cast<std::int64_t>(std::ldexp(std::frexp(value, &exponent), bits));
    const int places = whole == 0 ? 0 : bits - exponent - std::countr_zero(static_cast<std::uint64_t>(whole));
    char buffer[1500];
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed,
                                   std::max(places, 0));  // as many binary places as decimal ones
    return Decimal(std::string(buffer, end.ptr), value);
  }

  const std::string& text() const { return text_; }
  /// The nearest double.
  double value() const { return value_; }

  /// The float that is nearest to that: what is left of the number where it is read by way of a double.
  float nearest_float() const {
    constexpr float most = std::numeric_limits<float>::max(), far = std::numeric_limits<float>::infinity();
    if (std::abs(value_) <= static_cast<double>(most)) return static_cast<float>(value_);
    return value_ < 0 ? -far : far;
  }

  Decimal negated() const {
    const bool minus = text_.starts_with('-');
    return Decimal(minus ? text_.substr(1) : "-" + text_, -value_);
  }

  /// Below 0 where a < b, 0 where they are equal, above 0 where a > b: as the decimals that they are.
  static int compare(const Decimal& a, const Decimal& b) {
    if (a.value_ != b.value_) return a.value_ < b.value_ ? -1 : 1;  // the nearest double keeps the order
    if (a.text_ == b.text_) return 0;
    const detail::Digits x = detail::digits_of(a.text_), y = detail::digits_of(b.text_);
    const auto sign = [](const detail::Digits& d) { return d.digits.empty() ? 0 : d.negative ? -1 : 1; };
    if (sign(x) != sign(y)) return sign(x) < sign(y) ? -1 : 1;
    const int size =
        x.exponent != y.exponent ? (x.exponent < y.exponent ? -1 : 1) : x.digits.compare(y.digits);
    return sign(x) < 0 ? -size : size;
  }
  bool operator==(const Decimal& other) const { return compare(*this, other) == 0; }
  bool operator<(const Decimal& other) const { return compare(*this, other) < 0; }
  bool operator<=(const Decimal& other) const { return compare(*this, other) <= 0; }

  /// The greatest float that is not above the number; minus infinity if there is none.
  float float_below() const {
    constexpr float most = std::numeric_limits<float>::max(), none = std::numeric_limits<float>::infinity();
    if (value_ > static_cast<double>(most)) return most;
    if (value_ < -static_cast<double>(most)) return -none;
    const float nearest = static_cast<float>(value_);
    const double back = static_cast<double>(nearest);
    const bool above = back > value_ || (back == value_ && compare(exactly(back), *this) > 0);
    return (above ? std::nextafterf(nearest, -none) : nearest) + 0.0f;  // without the sign of zero
  }
  /// The least float that is not below it; infinity if there is none.
  float float_above() const { return 0.0f - negated().float_below(); }

 private:
  Decimal(std::string text, double value) : text_(std::move(text)), value_(value) {}

  std::string text_ = "0";
  double value_ = 0;
};

}  // namespace foil::io
