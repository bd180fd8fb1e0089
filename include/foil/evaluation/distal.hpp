// SPDX-License-Identifier: MIT
/// \file
/// Distal adversarials: noise that a model is sure of.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/model.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// Options of foil::distal().
struct DistalOptions {
  int steps = 10000;
  double learning_rate = 1;
  double momentum = 0.95;
  double confidence = 0.9;
  std::uint64_t seed = 0;  ///< of the noise

  void list(OptionList& option) {
    option("steps", steps, "of gradient descent at most", at_least(0));
    option("learning_rate", learning_rate, "length of a step, in gradients", above(0, 1e300));
    option("momentum", momentum, "weight of the steps before", half_open(0, 1));
    option("confidence", confidence, "in the target class that is enough", above(0, 1));
  }
};

/// What foil::distal() found, row by row.
template <Batch Input>
struct DistalResult {
  Input inputs{};                                   ///< where each descent ended
  Eigen::VectorXd confidences{};                    ///< in the target class, there
  Eigen::VectorXi steps{};                          ///< that it took
  Eigen::Array<bool, Eigen::Dynamic, 1> success{};  ///< the confidence asked for was reached
};

/// Looks for inputs far from all data that a model puts into a class with confidence: from uniform noise in
/// the bounds by gradient descent with momentum on the cross-entropy of the class, within the bounds, until
/// the confidence is reached. Schott, Rauber, Bethge, Brendel 2019, arXiv:1805.09190.
///
/// Cost of a row: 1 forward + 1 backward for each step, and 1 + 1 more.
/// \param shape       of the batch of noise: Dimensions(8, 1, 28, 28)
/// \param target      the class
/// \param confidence  makes probabilities, one row for each, of logits: calibrated_softmax() with the model's
///                    own parameters
/// \throws Error for infinite bounds, or a class or answers that make no sense
template <DifferentiableModel M, class Confidence>
DistalResult<input_t<M>> distal(M& model, const typename input_t<M>::Dimensions& shape, Index target,
                                const Confidence& confidence, const DistalOptions& options = {}) {
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;
  checked("distal", options);
  require(shape[0] >= 1, "distal: expected a shape of at least one sample, got ", shape_text<Input>(shape));
  Input x(shape), velocity(shape);
  as_matrix(velocity).setZero();
  const Bounds<Scalar> bounds = model.bounds();
  bounds.check(features(x));
  for (Index i = 0; i < samples(x); ++i) {
    Eigen::VectorXd noise(features(x));
    RandomDraw draw(random_key(options.seed, "distal"), static_cast<std::uint64_t>(i), Purpose::start, 0);
    draw.fill_uniform(noise, 0, 1);
    for (Index j = 0; j < noise.size(); ++j) {
      const double low = static_cast<double>(bounds.lower(j)), high = static_cast<double>(bounds.upper(j));
      require(std::isfinite(high - low), "distal: expected finite bounds, feature ", j, " has none");
      sample(x, i)[j] =
          std::clamp(static_cast<Scalar>(low + (high - low) * noise[j]), bounds.lower(j), bounds.upper(j));
    }
  }
  DistalResult<Input> result{x, Eigen::VectorXd::Zero(samples(x)), Eigen::VectorXi::Zero(samples(x)), {}};
  result.success.setConstant(samples(x), false);
  std::vector<Index> left(static_cast<std::size_t>(samples(x)));
  for (std::size_t i = 0; i < left.size(); ++i) left[i] = static_cast<Index>(i);
  Index classes = 0;
  for (int step = 0; step <= options.steps && !left.empty(); ++step) {
    const Input now = gather(result.inputs, left);
    auto pass = model.vjp(now);
    const Logits<Scalar> logits = pass.logits;
    check_answer(samples(now), logits.rows(), logits.cols(), classes);
    require(target >= 0 && target < classes, "distal: target ", target,
            " is out of range, the model has classes 0 to ", classes - 1);
    const Logits<double> sure = confidence(logits);
    require(sure.rows() == logits.rows() && sure.cols() == classes, "distal: expected confidences of ",
            logits.rows(), " x ", classes, ", got ", sure.rows(), " x ", sure.cols());
    Logits<Scalar> cotangent(logits.rows(), classes);
    for (Index r = 0; r < logits.rows(); ++r) {
      Eigen::VectorXd slope(classes);
      const Eigen::VectorXd z = logits.row(r).template cast<double>();
      losses::cross_entropy(z, target, &slope);
      cotangent.row(r) = slope.template cast<Scalar>();
    }
    const Input gradient = pass.pullback(cotangent);
    check_gradient(gradient, now.dimensions());
    std::vector<Index> open;
    for (std::size_t r = 0; r < left.size(); ++r) {
      const Index row = left[r];
      result.confidences[row] = sure(static_cast<Index>(r), target);
      result.success[row] = result.confidences[row] >= options.confidence;
      if (result.success[row] || step == options.steps) continue;
      ++result.steps[row];
      const auto slope = sample(gradient, static_cast<Index>(r));
      for (Index j = 0; j < slope.size(); ++j) {
        Scalar &speed = sample(velocity, row)[j], &value = sample(result.inputs, row)[j];
        const double pushed = options.momentum * static_cast<double>(speed) + static_cast<double>(slope[j]);
        speed = static_cast<Scalar>(pushed);
        value = std::clamp(static_cast<Scalar>(static_cast<double>(value) - options.learning_rate * pushed),
                           bounds.lower(j), bounds.upper(j));
      }
      open.push_back(row);
    }
    left.swap(open);
  }
  return result;
}

}  // namespace foil
