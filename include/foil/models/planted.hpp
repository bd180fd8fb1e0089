// SPDX-License-Identifier: MIT
/// \file
/// Models that are broken on purpose, for attacks and checks to prove themselves on.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/model.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/quantised.hpp"
#include "foil/models/wrapper.hpp"

namespace foil {

/// What makes a model look robust that is not.
enum class Plant {
  quantised_input,    ///< inputs are rounded to eight levels, whose derivative is zero
  steep_logits,       ///< logits times 10^4: cross-entropy has no gradient left
  saturated_sigmoid,  ///< a steep sigmoid of the logits, by its rounded value's slope, which is mostly zero
  noisy_logits,       ///< noise on the logits, another one for every question
  zero_gradients,     ///< gradients are zero
  reversed_gradients  ///< gradients have the wrong sign
};

/// All of them.
inline constexpr std::array plants{Plant::quantised_input, Plant::steep_logits,   Plant::saturated_sigmoid,
                                   Plant::noisy_logits,    Plant::zero_gradients, Plant::reversed_gradients};

/// Their names, as an audit has them.
constexpr std::string_view to_string(Plant plant) {
  constexpr std::array<std::string_view, 6> names{"quantised input", "steep logits",   "saturated sigmoid",
                                                  "noisy logits",    "zero gradients", "reversed gradients"};
  return names[static_cast<std::size_t>(plant)];
}

/// A model spoilt in one of these ways: attacks that fool it on few samples are stopped by masking alone, as
/// the model behind it is no more robust than before. The class is the model's own, but for the rounding of
/// quantised inputs and for noise, of a twentieth of what lies between the largest and the smallest logit.
///
/// Refers to the model; can be shared by threads if the model can. Noise depends on the order of questions.
/// Costs no model calls. Throws foil::Error where inputs to be rounded have infinite bounds.
template <DifferentiableModel M>
class Planted : public Wrapper<Planted<M>, M, Knowledge::gradients> {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  Planted(M& model, Plant plant, std::uint64_t seed = 0)
      : Wrapper<Planted, M, Knowledge::gradients>(model), plant_(plant), seed_(seed) {}
  Plant plant() const { return plant_; }

  Logits<Scalar> answer_logits(const Input& x) const {
    Logits<Scalar> z = this->model().logits(shown(x));
    spoil(z, nullptr);
    return z;
  }

  auto answer_vjp(const Input& x) const {
    auto pass = this->model().vjp(shown(x));
    Logits<Scalar> slopes = Logits<Scalar>::Ones(pass.logits.rows(), pass.logits.cols());
    spoil(pass.logits, &slopes);
    return Vjp{std::move(pass.logits),
               [plant = plant_, slopes = std::move(slopes),
                pullback = Changeable{std::move(pass.pullback)}](const Logits<Scalar>& cotangent) {
                 Input gradient = pullback.value(Logits<Scalar>(cotangent.cwiseProduct(slopes)));
                 for (Index i = 0; i < gradient.size(); ++i) {
                   Scalar& g = gradient.data()[i];
                   if (plant == Plant::quantised_input || plant == Plant::zero_gradients) g = 0;
                   if (plant == Plant::reversed_gradients) g = -g;
                 }
                 return gradient;
               }};
  }

 private:
  Input shown(const Input& x) const {
    return plant_ == Plant::quantised_input ? Quantise<Input>(this->model().bounds(), 8)(x) : x;
  }

  /// Changes logits, and writes the slope of each.
  void spoil(Logits<Scalar>& z, Logits<Scalar>* slopes) const {
    if (plant_ == Plant::steep_logits) {
      z *= Scalar(1e4);
      if (slopes != nullptr) slopes->setConstant(Scalar(1e4));
    }
    if (plant_ == Plant::noisy_logits)
      for (Index i = 0; i < z.rows(); ++i) {
        const Scalar size = (z.row(i).maxCoeff() - z.row(i).minCoeff()) / Scalar(20);
        RandomDraw noise(random_key(seed_, "planted"), asked_++, Purpose::model, 0);
        for (Index k = 0; k < z.cols(); ++k) z(i, k) += size * static_cast<Scalar>(noise.normal());
      }
    if (plant_ != Plant::saturated_sigmoid) return;
    for (Index i = 0; i < z.rows(); ++i) {
      // Halfway between the best two, so that one is on either side. That this moves, gradients do not know.
      Scalar first = -std::numeric_limits<Scalar>::infinity(), second = first;
      for (Index k = 0; k < z.cols(); ++k) {
        const Scalar v = z(i, k);
        second = std::max(second, std::min(v, first));
        first = std::max(first, v);
      }
      const Scalar middle = second + (first - second) / 2;
      for (Index k = 0; k < z.cols(); ++k) {
        constexpr Scalar steepness = 1000;
        const Scalar y = 1 / (1 + std::exp(-steepness * (z(i, k) - middle)));
        if (slopes != nullptr) (*slopes)(i, k) = steepness * (y * (1 - y));
        z(i, k) = y;
      }
    }
  }

  Plant plant_;
  std::uint64_t seed_;
  mutable std::atomic<std::uint64_t> asked_{0};
};

}  // namespace foil
