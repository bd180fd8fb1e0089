// SPDX-License-Identifier: MIT
/// \file
/// Models of standardised inputs, attacked in the units of the data.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <type_traits>
#include <utility>

#include "foil/core/answers.hpp"
#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/wrapper.hpp"

namespace foil {

/// Gives a model (x - mean) / deviation instead of x, so that bounds, epsilon and distances are in the units
/// of x, and gradients are with respect to x. Refers to the model, whose bounds are taken to be those of x:
/// they are not converted. Costs one pass over the batch per call. Can be shared by threads if the model can.
template <DecisionModel M>
class Affine : public Wrapper<Affine<M>, M, knowledge_of<M>> {
 public:
  using Scalar = scalar_t<M>;
  using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

  /// One number for all features, one for each channel (the first axis of a sample), or one for each feature
  /// in memory order. Throws foil::Error unless all are finite and the deviations above 0; calls throw if the
  /// numbers do not fit the inputs.
  Affine(M& model, Vector mean, Vector deviation)
      : Wrapper<Affine, M, knowledge_of<M>>(model), mean_(std::move(mean)), deviation_(std::move(deviation)) {
    require(mean_.size() > 0 && deviation_.size() > 0,
            "affine: expected at least one mean and one deviation, got ", mean_.size(), " and ",
            deviation_.size());
    for (Index i = 0; i < mean_.size(); ++i)
      require(std::isfinite(mean_[i]), "affine: expected finite means, got ", mean_[i], " at index ", i);
    for (Index i = 0; i < deviation_.size(); ++i)
      require(std::isfinite(deviation_[i]) && deviation_[i] > 0,
              "affine: expected finite deviations above 0, got ", deviation_[i], " at index ", i);
  }

  Labels answer_predict(const input_t<M>& x) const { return foil::predict(this->model(), given(x)); }
  Logits<Scalar> answer_logits(const input_t<M>& x) const { return this->model().logits(given(x)); }
  auto answer_vjp(const input_t<M>& x) const {
    auto inner = this->model().vjp(given(x));
    auto pullback = [this, of_model = Changeable{std::move(inner.pullback)},
                     shape = x.dimensions()](const Logits<Scalar>& cotangent) {
      input_t<M> gradient = of_model.value(cotangent);
      check_gradient(gradient, shape);
      change(gradient, deviation_, [](auto&& row, const auto& deviation) { row.array() /= deviation; });
      return gradient;
    };
    return Vjp<Scalar, decltype(pullback)>{std::move(inner.logits), std::move(pullback)};
  }

 private:
  input_t<M> given(const input_t<M>& x) const {
    input_t<M> out = x;
    change(out, mean_, [](auto&& row, const auto& mean) { row.array() -= mean; });
    change(out, deviation_, [](auto&& row, const auto& deviation) { row.array() /= deviation; });
    return out;
  }

  /// Calls function(features, number) for features that share a number, or function(features, numbers).
  template <class Function>
  static void change(input_t<M>& x, const Vector& numbers, const Function& function) {
    const Index n = features(x), channels = input_t<M>::NumIndices > 1 ? x.dimensions()[1] : 1;
    const Index count = numbers.size();
    require(count == 1 || count == channels || count == n, "affine: expected 1, ", channels, " or ", n,
            " means and deviations for these inputs, got ", count);
    for (Index i = 0; i < samples(x); ++i)
      if (count == n)
        function(sample(x, i), numbers.array());
      else
        for (Index c = 0; c < count; ++c)
          function(sample(x, i).segment(c * (n / count), n / count), numbers[c]);
  }

  Vector mean_, deviation_;
};

}  // namespace foil
