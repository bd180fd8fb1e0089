// SPDX-License-Identifier: MIT
/// \file
/// Sigmoid and tanh with slopes for networks whose units are saturated: exact ones, or those of a flatter
/// curve. The phenomenon: Brendel, Bethge 2017, arXiv:1704.01547.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <numbers>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

/// The slope of 1 / (1 + e^-z), of any size of z: t / (1 + t)^2 with t = e^-|z|, and not y (1 - y) of the
/// rounded value y, which is 0 in single precision from z = 16.6 on.
inline double sigmoid_slope(double z) {
  const double t = std::exp(-std::abs(z));
  return t / ((1 + t) * (1 + t));
}

/// The slope of tanh, likewise: 4 t / (1 + t)^2 with t = e^(-2 |z|).
inline double tanh_slope(double z) {
  return 4 * sigmoid_slope(2 * z);
}

/// Which slopes a saturating function pulls back by.
enum class Slopes {
  exact,     ///< its own
  surrogate  ///< of the same function of z / T, where T makes the sample's 0.95 quantile of |z| / T five, and
             ///< is 1 at least: a backward pass of another function than the forward pass
};

/// An operator that pulls back with exponents: what it leaves in a sample's gradient, times 2^exponents[i],
/// is the product of the sample's cotangent with its slopes, however small that is.
template <class T>
class Saturating : public Operator<T> {
 public:
  virtual void backward_scaled(Index batch, const T* input, const T* cotangent, T* gradient,
                               Index* exponents) const = 0;
  const Saturating<T>* saturating() const override { return this; }
};

/// A sigmoid or tanh whose values are those of the operator `function`, and whose slopes are computed from
/// its inputs, in double precision.
template <class T, class = simd::Isa>
class SteadySlopes : public Saturating<T> {
 public:
  /// \param function  computes the values of a sample of `size` elements
  /// \param rate  2 for tanh(z) = 2 sigmoid(2 z) - 1; 1 for the sigmoid
  SteadySlopes(std::unique_ptr<Operator<T>> function, Index size, int rate, Slopes slopes)
      : function_(std::move(function)), size_(size), rate_(rate), slopes_(slopes) {}

  bool needs_inputs() const override { return true; }
  bool in_place() const override { return function_->in_place(); }
  Index scratch() const override { return function_->scratch(); }
  void prepare() override { function_->prepare(); }

  void forward(Index batch, const T* const* inputs, T* output, T* scratch) const override {
    function_->forward(batch, inputs, output, scratch);
  }

  void backward(Index batch, const T* const* inputs, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    for (Index n = 0; n < batch; ++n) {
      const T* const z = inputs[0] + n * size_;
      const T* const g = cotangent + n * size_;
      const double flatter = flattening(z);
      for (Index i = 0; i < size_; ++i)
        gradients[0][n * size_ + i] = static_cast<T>(static_cast<double>(g[i]) *
                                                     (slope(static_cast<double>(z[i]) / flatter) / flatter));
    }
  }

  void backward_scaled(Index batch, const T* input, const T* cotangent, T* gradient,
                       Index* exponents) const override {
    for (Index n = 0; n < batch; ++n)
      pull(input + n * size_, cotangent + n * size_, gradient + n * size_, exponents[n]);
  }

 private:
  double slope(double z) const { return rate_ == 2 ? tanh_slope(z) : sigmoid_slope(z); }

  /// T of a sample.
  double flattening(const T* z) const {
    if (slopes_ == Slopes::exact || size_ == 0) return 1;
    std::vector<T> sizes(z, z + size_);
    for (T& v : sizes) v = std::isnan(v) ? std::numeric_limits<T>::infinity() : std::abs(v);
    const auto place = sizes.begin() + static_cast<std::ptrdiff_t>(0.95 * static_cast<double>(size_ - 1));
    std::nth_element(sizes.begin(), place, sizes.end());
    const double quantile = rate_ * static_cast<double>(*place) / 5;
    return std::isfinite(quantile) ? std::max(1.0, quantile) : 1.0;
  }

  /// One sample. Slopes are multiplied as logarithms, since e^-|z| may be beyond every number type.
  void pull(const T* z, const T* g, T* gradient, Index& exponent) const {
    constexpr double beyond = 0x1p40;  // what is as small as 2^-beyond counts as zero
    const double flatter = flattening(z);
    const auto size_log = [&](Index i) {
      return std::log(std::abs(static_cast<double>(g[i]))) -
             rate_ * std::abs(static_cast<double>(z[i]) / flatter);
    };
    double most = -beyond;
    for (Index i = 0; i < size_; ++i)
      if (const double log = size_log(i); log > most && std::isfinite(log)) most = log;
    const double power = most == -beyond ? 0 : std::floor(most / std::numbers::ln2);
    for (Index i = 0; i < size_; ++i) {
      const double at = static_cast<double>(z[i]) / flatter, cotangent = static_cast<double>(g[i]);
      const double t = std::exp(-rate_ * std::abs(at));
      const double rest = rate_ * rate_ / ((1 + t) * (1 + t)) / flatter;
      const double size = std::exp(size_log(i) - power * std::numbers::ln2);
      gradient[i] = static_cast<T>(std::isfinite(cotangent) ? std::copysign(size, cotangent) * rest
                                                            : cotangent * (slope(at) / flatter));
    }
    exponent += static_cast<Index>(power);
  }

  std::unique_ptr<Operator<T>> function_;
  Index size_;
  int rate_;
  Slopes slopes_;
};

}  // namespace foil::nn
