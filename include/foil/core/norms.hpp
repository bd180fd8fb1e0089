// SPDX-License-Identifier: MIT
/// \file
/// The norms that perturbations are measured in, as types (L0, L1, L2, Linf) and, where p is only known at
/// run time, as a value (Lp).
#pragma once

#include <cmath>
#include <concepts>
#include <limits>
#include <string>
#include <string_view>

#include "foil/core/error.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// Number of non-zero entries.
struct L0 {
  static constexpr std::string_view name = "l0";
  static constexpr double p = 0;
  template <class V>
  static double size(const V& v) {
    return sum(v.size(), [&](Index i) { return v[i] != 0 ? 1.0 : 0.0; });
  }
};

/// Sum of absolute values.
struct L1 {
  static constexpr std::string_view name = "l1";
  static constexpr double p = 1;
  template <class V>
  static double size(const V& v) {
    return sum(v.size(), [&](Index i) { return std::abs(static_cast<double>(v[i])); });
  }
};

/// Euclidean length.
struct L2 {
  static constexpr std::string_view name = "l2";
  static constexpr double p = 2;
  template <class V>
  static double size(const V& v) {
    return norm2(v);
  }
};

/// Largest absolute value.
struct Linf {
  static constexpr std::string_view name = "linf";
  static constexpr double p = std::numeric_limits<double>::infinity();
  template <class V>
  static double size(const V& v) {
    return maximum(v.size(), [&](Index i) { return std::abs(static_cast<double>(v[i])); });
  }
};

/// The norm of any order p >= 1 or infinity (p = 0 counts entries; 0 < p < 1 is a quasi-norm, allowed where
/// only sizes are taken). Converts from the norm types.
struct Lp {
  double p = 2;

  explicit constexpr Lp(double order) : p(order) {
    if (!(order >= 0)) throw Error(text("norm: expected an order p >= 0, got ", order));
  }
  template <class Norm>
    requires requires { Norm::p; } && (!std::same_as<Norm, Lp>)
  constexpr Lp(Norm) : p(Norm::p) {}

  template <class V>
  double size(const V& v) const {
    if (p == 0) return L0::size(v);
    if (p == 1) return L1::size(v);
    if (p == 2) return L2::size(v);
    const double largest = Linf::size(v);
    if (std::isinf(p) || largest == 0 || !std::isfinite(largest)) return largest;
    const double total =
        sum(v.size(), [&](Index i) { return std::pow(std::abs(static_cast<double>(v[i])) / largest, p); });
    return largest * std::pow(total, 1 / p);
  }

  /// "l0", "l1", "l2", "linf", else for example "l1.5".
  std::string name() const { return std::isinf(p) ? std::string(Linf::name) : text("l", p); }

  friend bool operator==(const Lp&, const Lp&) = default;
};

/// A norm known at compile time.
template <class N>
concept Norm = requires(const Eigen::VectorXd& v) {
  { N::name } -> std::convertible_to<std::string_view>;
  { N::p } -> std::convertible_to<double>;
  { N::size(v) } -> std::same_as<double>;
};

/// The size of a - b, computed in double from the stored values.
template <class A, class B>
double distance(Lp norm, const A& a, const B& b) {
  const Eigen::VectorXd difference = b.template cast<double>() - a.template cast<double>();
  return norm.size(difference);
}

/// Distances between the corresponding samples of two batches of one shape.
template <Batch T>
Eigen::VectorXd distances(Lp norm, const T& a, const T& b) {
  require(a.dimensions() == b.dimensions(), "distances: expected two batches of one shape, got ",
          shape_text(a), " and ", shape_text(b));
  Eigen::VectorXd out(samples(a));
  for (Index i = 0; i < out.size(); ++i) out[i] = distance(norm, sample(a, i), sample(b, i));
  return out;
}

}  // namespace foil
