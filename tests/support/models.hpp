// SPDX-License-Identifier: MIT
/// \file
/// Classifiers that the tests attack: an affine one whose nearest adversarials are known in closed form, a
/// smooth nonlinear one, and wrappers that count what a model is asked or tamper with what it answers. A
/// sample's answer never depends on the other rows.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"

namespace foil::test {

/// Random numbers for the tests, on purpose not those of foil: SplitMix64.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  double uniform(double low = 0, double high = 1) {
    return low + (high - low) * (static_cast<double>(bits() >> 11) + 0.5) * 0x1p-53;
  }
  double normal() { return std::sqrt(-2 * std::log(uniform())) * std::cos(6.283185307179586 * uniform()); }
  Index integer(Index count) { return static_cast<Index>(bits() % static_cast<std::uint64_t>(count)); }
  Eigen::VectorXd normals(Index count) {
    Eigen::VectorXd out(count);
    for (Index i = 0; i < count; ++i) out[i] = normal();
    return out;
  }
  Eigen::VectorXd uniforms(Index count, double low = 0, double high = 1) {
    Eigen::VectorXd out(count);
    for (Index i = 0; i < count; ++i) out[i] = uniform(low, high);
    return out;
  }

 private:
  std::uint64_t state_;
};

/// A batch of the given shape with entries uniform in (low, high).
template <Batch T>
T random_batch(Random& random, const typename T::Dimensions& shape, double low = 0, double high = 1) {
  using Scalar = typename T::Scalar;
  T out(shape);
  for (Index i = 0; i < out.size(); ++i)
    out.data()[i] = std::clamp(static_cast<Scalar>(random.uniform(low, high)), static_cast<Scalar>(low),
                               static_cast<Scalar>(high));
  return out;
}

/// The smallest change d of x in the norm N with w . d >= gap that keeps x + d in the box, exact up to the
/// rounding of doubles; none if the gap cannot be met. Zero if gap <= 0.
template <Norm N>
std::optional<Eigen::VectorXd> nearest_in_half_space(const Eigen::VectorXd& x, const Eigen::VectorXd& w,
                                                     double gap, const Eigen::VectorXd& lower,
                                                     const Eigen::VectorXd& upper) {
  const Index n = x.size();
  Eigen::VectorXd d = Eigen::VectorXd::Zero(n);
  if (gap <= 0) return d;
  const auto room = [&](Index i) { return w[i] > 0 ? upper[i] - x[i] : w[i] < 0 ? x[i] - lower[i] : 0.0; };
  const auto reach = [&](Index i) { return w[i] == 0 ? 0.0 : std::abs(w[i]) * room(i); };
  double most = 0;
  for (Index i = 0; i < n; ++i) most += reach(i);
  if (most < gap) return std::nullopt;

  if constexpr (N::p == 0 || N::p == 1) {  // greedily: the features that give most per unit of the norm
    std::vector<Index> order;
    for (Index i = 0; i < n; ++i)
      if (reach(i) > 0) order.push_back(i);
    std::sort(order.begin(), order.end(), [&](Index a, Index b) {
      return N::p == 0 ? reach(a) > reach(b) : std::abs(w[a]) > std::abs(w[b]);
    });
    for (const Index i : order) {
      const double needed = gap / std::abs(w[i]);
      d[i] = std::copysign(std::min(room(i), needed), w[i]);
      if (needed <= room(i)) break;  // no matter what rounding leaves of the gap
      gap -= std::abs(w[i] * d[i]);
    }
    return d;
  } else {  // L2 moves along w, Linf along its signs, each feature until it meets its bound
    const auto at = [&](double scale) {
      for (Index i = 0; i < n; ++i)
        d[i] = std::copysign(std::min(room(i), scale * (N::p == 2 ? std::abs(w[i]) : w[i] != 0)), w[i]);
      return w.dot(d);
    };
    double low = 0, high = 1;
    while (at(high) < gap && high < 1e300) low = high, high *= 2;
    for (double middle = low + (high - low) / 2; middle > low && middle < high;
         middle = low + (high - low) / 2)
      (at(middle) < gap ? low : high) = middle;
    at(high);
    return d;
  }
}

/// Logits W x + b on flattened inputs, computed row by row in double.
template <Batch T>
class Affine {
 public:
  using Input = T;
  using Scalar = typename T::Scalar;

  /// `weights` has one row per class and one column per feature.
  Affine(Eigen::MatrixXd weights, Eigen::VectorXd offsets, Bounds<Scalar> bounds = {})
      : weights_(std::move(weights)), offsets_(std::move(offsets)), bounds_(std::move(bounds)) {}

  const Eigen::MatrixXd& weights() const { return weights_; }
  const Eigen::VectorXd& offsets() const { return offsets_; }
  Bounds<Scalar> bounds() const { return bounds_; }

  Eigen::VectorXd exact_logits(const Eigen::VectorXd& x) const {
    Eigen::VectorXd z = offsets_;
    for (Index k = 0; k < z.size(); ++k)
      for (Index j = 0; j < x.size(); ++j) z[k] += weights_(k, j) * x[j];
    return z;
  }
  Logits<Scalar> logits(const Input& x) const {
    Logits<Scalar> out(samples(x), offsets_.size());
    for (Index i = 0; i < out.rows(); ++i)
      out.row(i) = exact_logits(sample(x, i).template cast<double>()).template cast<Scalar>().transpose();
    return out;
  }
  auto vjp(const Input& x) const {
    return Vjp{logits(x), [this, shape = x.dimensions()](const Logits<Scalar>& cotangent) {
                 Input out(shape);
                 for (Index i = 0; i < cotangent.rows(); ++i) {
                   auto row = sample(out, i);
                   for (Index j = 0; j < row.size(); ++j) {
                     double sum = 0;
                     for (Index k = 0; k < cotangent.cols(); ++k)
                       sum += weights_(k, j) * static_cast<double>(cotangent(i, k));
                     row[j] = static_cast<Scalar>(sum);
                   }
                 }
                 return out;
               }};
  }

  /// The nearest point, as a change of x, at which class `other` draws level with class `own`.
  template <Norm N>
  std::optional<Eigen::VectorXd> nearest_tie(const Eigen::VectorXd& x, Index own, Index other) const {
    Eigen::VectorXd lower(x.size()), upper(x.size());
    for (Index i = 0; i < x.size(); ++i) {
      lower[i] = static_cast<double>(bounds_.lower(i));
      upper[i] = static_cast<double>(bounds_.upper(i));
    }
    const Eigen::VectorXd z = exact_logits(x), w = weights_.row(other) - weights_.row(own);
    return nearest_in_half_space<N>(x, w, z[own] - z[other], lower, upper);
  }

  /// Distance from sample `row` of `inputs` to where it leaves class `label`: the infimum over all
  /// adversarials, +inf if the box holds none.
  template <Norm N>
  double distance_to_leave(const Input& inputs, Index row, Index label) const {
    const Eigen::VectorXd x = sample(inputs, row).template cast<double>();
    double nearest = std::numeric_limits<double>::infinity();
    for (Index other = 0; other < offsets_.size(); ++other) {
      if (other == label) continue;
      if (const auto change = nearest_tie<N>(x, label, other)) nearest = std::min(nearest, N::size(*change));
    }
    return nearest;
  }

  /// For two classes: distance from sample `row` to where it enters class `target`.
  template <Norm N>
  double distance_to_enter(const Input& inputs, Index row, Index target) const {
    return distance_to_leave<N>(inputs, row, 1 - target);
  }

 private:
  Eigen::MatrixXd weights_;
  Eigen::VectorXd offsets_;
  Bounds<Scalar> bounds_;
};

/// An affine model with standard normal weights, whose logits all vanish at the centre of the unit box. (With
/// per-feature bounds `centre` gives it.)
template <Batch T>
Affine<T> random_affine(Index classes, Index n, std::uint64_t seed,
                        const Bounds<typename T::Scalar>& bounds = {}, double centre = 0.5) {
  Random random(seed);
  Eigen::MatrixXd weights(classes, n);
  for (Index k = 0; k < classes; ++k) weights.row(k) = random.normals(n).transpose();
  Eigen::VectorXd offsets = -weights * Eigen::VectorXd::Constant(n, centre);
  return {std::move(weights), std::move(offsets), bounds};
}

/// A smooth classifier, W2 tanh(W1 x + b1) + b2, with random weights; row by row in double.
template <Batch T>
class Mlp {
 public:
  using Input = T;
  using Scalar = typename T::Scalar;

  Mlp(Index features, Index hidden, Index classes, std::uint64_t seed, Bounds<Scalar> bounds = {})
      : bounds_(std::move(bounds)) {
    Random random(seed);
    const auto layer = [&](Index rows, Index columns) {
      Eigen::MatrixXd w(rows, columns);
      for (Index i = 0; i < rows; ++i)
        w.row(i) = 2 / std::sqrt(static_cast<double>(columns)) * random.normals(columns).transpose();
      return w;
    };
    w1_ = layer(hidden, features);
    w2_ = layer(classes, hidden);
    b1_ = -w1_ * Eigen::VectorXd::Constant(features, 0.5) + 0.3 * random.normals(hidden);
    b2_ = 0.3 * random.normals(classes);
  }

  Bounds<Scalar> bounds() const { return bounds_; }
  Logits<Scalar> logits(const Input& x) const {
    Logits<Scalar> out(samples(x), b2_.size());
    for (Index i = 0; i < out.rows(); ++i) {
      const Eigen::VectorXd z = w2_ * hidden(x, i) + b2_;
      out.row(i) = z.template cast<Scalar>().transpose();
    }
    return out;
  }
  auto vjp(const Input& x) const {
    return Vjp{logits(x), [this, x](const Logits<Scalar>& cotangent) {
                 Input out(x.dimensions());
                 for (Index i = 0; i < cotangent.rows(); ++i) {
                   const Eigen::VectorXd h = hidden(x, i);
                   const Eigen::VectorXd back =
                       w2_.transpose() * cotangent.row(i).transpose().template cast<double>();
                   const Eigen::VectorXd inner = back.array() * (1 - h.array().square());
                   const Eigen::VectorXd gradient = w1_.transpose() * inner;
                   sample(out, i) = gradient.template cast<Scalar>();
                 }
                 return out;
               }};
  }

 private:
  Eigen::VectorXd hidden(const Input& x, Index i) const {
    const Eigen::VectorXd flat = sample(x, i).template cast<double>();  // aligned alike in every batch
    const Eigen::VectorXd before = w1_ * flat + b1_;
    return before.array().tanh();
  }

  Eigen::MatrixXd w1_, w2_;
  Eigen::VectorXd b1_, b2_;
  Bounds<Scalar> bounds_;
};

/// Counts the rows that any model is asked about; refers to it. May be shared by threads.
template <DifferentiableModel M>
class CountingModel {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;
  explicit CountingModel(const M& model) : model_(model) {}

  Bounds<Scalar> bounds() const { return model_.bounds(); }
  Logits<Scalar> logits(const Input& x) const {
    ++calls;
    forward += samples(x);
    return model_.logits(x);
  }
  auto vjp(const Input& x) const {
    ++calls;
    forward += samples(x);
    auto pass = model_.vjp(x);
    return Vjp{Logits<Scalar>(pass.logits), [this, pass](const Logits<Scalar>& cotangent) -> Input {
                 backward += cotangent.rows();
                 return pass.pullback(cotangent);
               }};
  }

  mutable std::atomic<std::int64_t> calls{0};     ///< forward calls
  mutable std::atomic<std::int64_t> forward{0};   ///< rows sent forward
  mutable std::atomic<std::int64_t> backward{0};  ///< rows pulled back

 private:
  const M& model_;
};

/// A model whose answers a test may alter: `answer(call, x, logits)` after every forward pass (the first is
/// call 0), `gradient(x, gradient)` after every backward pass. Either may throw. Refers to the model.
template <DifferentiableModel M>
class Tampered {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;
  explicit Tampered(const M& model) : model_(model) {}

  std::function<void(std::int64_t call, const Input&, Logits<Scalar>&)> answer{};
  std::function<void(const Input&, Input&)> gradient{};

  Bounds<Scalar> bounds() const { return model_.bounds(); }
  Logits<Scalar> logits(const Input& x) const {
    Logits<Scalar> z = model_.logits(x);
    if (answer) answer(calls_++, x, z);
    return z;
  }
  auto vjp(const Input& x) const {
    auto pass = model_.vjp(x);
    Logits<Scalar> z = pass.logits;
    if (answer) answer(calls_++, x, z);
    return Vjp{std::move(z), [this, pass, x](const Logits<Scalar>& cotangent) -> Input {
                 Input out = pass.pullback(cotangent);
                 if (gradient) gradient(x, out);
                 return out;
               }};
  }

 private:
  const M& model_;
  mutable std::atomic<std::int64_t> calls_{0};
};

}  // namespace foil::test
