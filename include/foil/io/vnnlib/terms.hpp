// SPDX-License-Identifier: MIT
/// \file
/// Linear terms of a VNN-LIB property: constants that are exact where they can be, and know how far they are
/// off where they cannot.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/io/vnnlib/decimal.hpp"

namespace foil::io::detail {

/// A constant: as it is written, or computed of others to within `error`.
class Constant {
 public:
  explicit Constant(Decimal written) : value_(written.value()), written_(std::move(written)) {}
  explicit Constant(double value, double error = 0) : value_(value), error_(error) {}

  double value() const { return value_; }
  /// How far the value may be off; 0 if it is exact.
  double error() const {
    if (!written_) return error_;
    return Decimal::exactly(value_) == *written_ ? 0 : std::abs(value_) * 0x1p-53 + smallest;
  }
  bool is_finite() const { return std::isfinite(value_) && std::isfinite(error_); }
  bool is(double other) const { return value_ == other && error() == 0; }

  /// Whether limit() is the number itself.
  bool has_limit() const { return written_ || error_ == 0; }
  /// The number itself, or where it is known to within an error only, the next one that is surely below it,
  /// or above.
  Decimal limit(bool below) const {
    if (written_) return *written_;
    if (error_ == 0) return Decimal::exactly(value_);
    const double away = (below ? -1 : 1) * std::numeric_limits<double>::infinity();
    double safe = below ? value_ - error_ : value_ + error_;
    for (int i = 0; i < 2; ++i) safe = std::nextafter(safe, away);  // this sum was rounded, and the text is
    return Decimal::shortest(safe);
  }

  /// The greatest double that is surely not above the number; may be minus infinity.
  double floor() const {
    if (!written_) return error_ == 0 ? value_ : limit(true).value();
    const bool above = *written_ < Decimal::exactly(value_);
    return above ? std::nextafter(value_, -std::numeric_limits<double>::infinity()) : value_;
  }

  friend Constant operator-(const Constant& a) {
    return a.written_ ? Constant(a.written_->negated()) : Constant(-a.value_, a.error_);
  }
  friend Constant operator+(const Constant& a, const Constant& b) {
    if (a.is(0)) return b;
    if (b.is(0)) return a;
    if (a.written_ && b.written_ && *a.written_ == b.written_->negated()) return Constant(0.0);
    const double sum = a.value_ + b.value_, rest = sum - a.value_;
    const double lost = std::abs((a.value_ - (sum - rest)) + (b.value_ - rest));
    return Constant(sum, widened(a.error() + b.error() + lost));
  }
  friend Constant operator*(const Constant& a, const Constant& b) {
    for (const auto& [one, other] : {std::pair(&a, &b), std::pair(&b, &a)}) {
      if (one->is(1)) return *other;
      if (one->is(-1)) return -*other;
    }
    if (a.is(0) || b.is(0)) return Constant(0);
    const double product = a.value_ * b.value_, e = a.error(), f = b.error();
    const double lost =
        std::abs(product) < small ? rounding(product) : std::abs(std::fma(a.value_, b.value_, -product));
    return Constant(product,
                    widened(kept(std::abs(a.value_) * f + std::abs(b.value_) * e + e * f, e + f) + lost));
  }
  /// Not by 0.
  friend Constant operator/(const Constant& a, const Constant& b) {
    if (b.is(1)) return a;
    if (b.is(-1)) return -a;
    if (a.is(0)) return Constant(0);
    const double quotient = a.value_ / b.value_, e = a.error(), f = b.error(), least = std::abs(b.value_) - f;
    const double left = std::abs(std::fma(quotient, b.value_, -a.value_));
    const bool tiny = std::abs(a.value_) < small || std::abs(quotient) < small;
    const double lost = tiny ? rounding(quotient) : kept(left / least, left);
    return Constant(quotient, widened(kept((e + kept(std::abs(quotient) * f, f)) / least, e + f) + lost));
  }

 private:
  static constexpr double smallest = std::numeric_limits<double>::denorm_min();
  /// Below this a product, or what is left of a division, may lose digits that fma() does not see.
  static constexpr double small = 0x1p-900;
  /// What rounding may have taken of this number.
  static double rounding(double value) { return std::abs(value) * 0x1p-52 + smallest; }
  /// Room for the rounding of the error itself; none stays none.
  static double widened(double error) { return error * (1 + 0x1p-40); }
  /// An error computed of others, which does not vanish where these do not; a few products of it may
  /// underflow.
  static double kept(double error, double others) { return others > 0 ? error + 4 * smallest : error; }

  double value_, error_ = 0;
  std::optional<Decimal> written_{};
};

/// Constants times variables, and a constant. A variable may come up more than once until gather().
struct LinearTerm {
  std::vector<std::pair<Index, Constant>> parts{};
  Constant constant{0.0};

  void add(LinearTerm other) {
    constant = constant + other.constant;
    if (parts.empty())
      parts = std::move(other.parts);
    else
      parts.insert(parts.end(), std::make_move_iterator(other.parts.begin()),
                   std::make_move_iterator(other.parts.end()));
  }
  void scale(const Constant& by) {
    constant = constant * by;
    for (auto& [variable, factor] : parts) factor = factor * by;
  }
  void negate() {
    constant = -constant;
    for (auto& [variable, factor] : parts) factor = -factor;
  }
  /// Each variable once, in their order, none times what is surely 0.
  void gather() {
    const auto before = [](const auto& a, const auto& b) { return a.first < b.first; };
    if (!std::is_sorted(parts.begin(), parts.end(), before)) std::sort(parts.begin(), parts.end(), before);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < parts.size();) {
      auto sum = std::move(parts[i]);
      for (++i; i < parts.size() && parts[i].first == sum.first; ++i)
        sum.second = sum.second + parts[i].second;
      if (!sum.second.is(0)) parts[kept++] = std::move(sum);
    }
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(kept), parts.end());
  }
};

}  // namespace foil::io::detail
