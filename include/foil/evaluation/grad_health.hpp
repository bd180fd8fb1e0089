// SPDX-License-Identifier: MIT
/// \file
/// Whether a model's gradients are of any use to an attack.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/error.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/model.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/random.hpp"
#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// Options of foil::grad_health().
struct GradHealthOptions {
  Loss loss = Loss::lsem;  ///< what foil's attacks ascend; Loss::cross_entropy for what many others do
  int directions = 16;     ///< random ones for each sample, >= 1
  double length = 0;  ///< of the differences along them, relative to a feature's range; 0: 1e-2 in single
                      ///< precision, 1e-5 in double
  std::uint64_t seed = 0;
};

/// What foil::grad_health() found.
struct GradHealth {
  Index samples = 0;
  Index zero = 0;        ///< samples whose gradient is zero in every feature
  Index non_finite = 0;  ///< samples whose gradient holds NaN or infinity
  Index denormal = 0;    ///< samples whose gradient is not zero, but holds nothing but denormal numbers

  /// Of the usable gradients, log10 of the largest entry: the smallest, the median and the largest of these.
  /// NaN where there is none.
  double smallest = std::numeric_limits<double>::quiet_NaN();
  double median = std::numeric_limits<double>::quiet_NaN();
  double largest = std::numeric_limits<double>::quiet_NaN();

  /// Of each sample the cosine between the slopes along the random directions by the gradient, and by
  /// differences of the loss: 1 for a right gradient, 0 for one that has nothing to do with the loss, -1 for
  /// one of the wrong sign. Also 0 where only one of the two sees any slope; NaN where neither does.
  std::vector<double> cosines{};

  Index useless() const { return zero + non_finite + denormal; }
  double useless_share() const { return share(useless(), samples); }
  /// Orders of magnitude between the samples.
  double spread() const { return largest - smallest; }
  /// The median of the cosines that are known; NaN if none is.
  double cosine() const {
    std::vector<double> known;
    for (const double c : cosines)
      if (!std::isnan(c)) known.push_back(c);
    return middle(std::move(known));
  }

  /// The median, the lower one of two; NaN of nothing.
  static double middle(std::vector<double> values) {
    if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
    const auto at = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
    std::nth_element(values.begin(), at, values.end());
    return *at;
  }
};

namespace detail {

/// The cosine of the angle between two lists of slopes, as GradHealth has it.
inline double cosine_of(const std::vector<double>& a, const std::vector<double>& b) {
  const auto largest = [](const std::vector<double>& v) {
    double most = 0;
    for (const double x : v) most = std::max(most, std::isnan(x) ? x : std::abs(x));
    return most;
  };
  const double sa = largest(a), sb = largest(b);
  if (sa == 0 && sb == 0) return std::numeric_limits<double>::quiet_NaN();
  if (!(sa > 0 && sb > 0) || !std::isfinite(sa) || !std::isfinite(sb)) return 0;
  double product = 0, aa = 0, bb = 0;  // of parts of the largest: slopes may be 1e-300
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += (a[i] / sa) * (b[i] / sb);
    aa += (a[i] / sa) * (a[i] / sa);
    bb += (b[i] / sb) * (b[i] / sb);
  }
  return product / std::sqrt(aa) / std::sqrt(bb);
}

}  // namespace detail

/// Looks at a model's gradients at samples: how many say nothing, of which sizes they are, and whether the
/// loss agrees with them. A model whose gradients are zero, or have nothing to do with its loss, only looks
/// robust to attacks that use them: try foil::onnx::Options::stabilise, attacks without gradients, and
/// foil::GradientEstimator. Works through any DifferentiableModel.
///
/// Differences are taken on the actual, rounded and clipped points. They need a length at which the loss
/// changes by more than the rounding of logits; kinks within that length make cosines of right gradients
/// smaller than 1.
///
/// Model calls for each sample: one vjp, and 2 `directions` forward passes.
/// \param labels  the class of each sample
template <class M>
  requires DifferentiableModel<M>
GradHealth grad_health(M&& model, const input_t<M>& x, const Labels& labels,
                       const GradHealthOptions& options = {}) {
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;
  require(labels.size() == samples(x), "grad_health: expected one label for each of the ", samples(x),
          " samples, got ", labels.size());
  require(options.directions >= 1, "grad_health: expected at least one direction, got ", options.directions);
  require(options.length >= 0 && std::isfinite(options.length),
          "grad_health: expected a finite length >= 0, got ", options.length);
  const double length = options.length > 0 ? options.length : std::is_same_v<Scalar, double> ? 1e-5 : 1e-2;
  const Bounds<Scalar> bounds = model.bounds();
  const Index n = features(x);
  bounds.check(n);
  GradHealth out;
  std::vector<double> sizes;
  Index classes = 0;
  Eigen::VectorXd noise(n), slope;
  for (Index i = 0; i < samples(x); ++i) {
    const std::vector<Index> row{i};
    const Input at = gather(x, row);
    auto pass = model.vjp(at);
    check_answer(1, pass.logits.rows(), pass.logits.cols(), classes);
    require(labels[i] >= 0 && labels[i] < classes, "grad_health: expected labels below ", classes, ", got ",
            labels[i]);
    const auto loss = [&](const Logits<Scalar>& z, Index k, Eigen::VectorXd* gradient) {
      const Eigen::VectorXd logits = z.row(k).template cast<double>().transpose();
      return losses::untargeted(options.loss, logits, labels[i], gradient);
    };
    slope.setZero(classes);
    loss(pass.logits, 0, &slope);
    const Input gradient = pass.pullback(Logits<Scalar>(slope.transpose().template cast<Scalar>()));
    check_gradient(gradient, at.dimensions());
    const auto g = sample(gradient, 0);
    Scalar most = 0;
    bool finite = true;
    for (Index j = 0; j < n; ++j) {
      finite = finite && std::isfinite(g[j]);
      most = std::max(most, std::abs(g[j]));
    }
    ++out.samples;
    out.non_finite += !finite;
    out.zero += finite && most == 0;
    out.denormal += finite && most != 0 && most < std::numeric_limits<Scalar>::min();
    if (finite && most >= std::numeric_limits<Scalar>::min())
      sizes.push_back(std::log10(static_cast<double>(most)));

    Input around(resized(x, 2 * Index{options.directions}));
    for (Index k = 0; k < options.directions; ++k) {
      RandomDraw draw(random_key(options.seed, "grad-health"), static_cast<std::uint64_t>(i),
                      Purpose::direction, static_cast<std::uint32_t>(k));
      draw.fill_normal(noise);
      for (Index j = 0; j < n; ++j) {
        const double low = static_cast<double>(bounds.lower(j)), high = static_cast<double>(bounds.upper(j));
        const double step = length * (std::isfinite(high - low) ? high - low : 1) * noise[j];
        const auto value = static_cast<double>(sample(at, 0)[j]);
        sample(around, 2 * k)[j] = static_cast<Scalar>(clip(value + step, low, high));
        sample(around, 2 * k + 1)[j] = static_cast<Scalar>(clip(value - step, low, high));
      }
    }
    const Logits<Scalar> answers = model.logits(around);
    check_answer(samples(around), answers.rows(), answers.cols(), classes);
    std::vector<double> by_gradient, by_difference;
    for (Index k = 0; k < options.directions; ++k) {
      const auto up = sample(around, 2 * k), down = sample(around, 2 * k + 1);
      double along = 0;
      for (Index j = 0; j < n; ++j)
        along += static_cast<double>(g[j]) * (static_cast<double>(up[j]) - static_cast<double>(down[j]));
      by_gradient.push_back(along);
      by_difference.push_back(loss(answers, 2 * k, nullptr) - loss(answers, 2 * k + 1, nullptr));
    }
    out.cosines.push_back(detail::cosine_of(by_gradient, by_difference));
  }
  if (sizes.empty()) return out;
  out.smallest = *std::min_element(sizes.begin(), sizes.end());
  out.largest = *std::max_element(sizes.begin(), sizes.end());
  out.median = GradHealth::middle(std::move(sizes));
  return out;
}

}  // namespace foil
