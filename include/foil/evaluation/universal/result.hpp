// SPDX-License-Identifier: MIT
/// \file
/// What is asked of a search for a universal perturbation, and what it finds.
#pragma once

#include <limits>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/result.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// Options of foil::UniversalPerturbation.
struct UniversalOptions {
  int passes = 20;
  double fooling_rate = 0.8;
  double overshoot = 0.02;

  void list(OptionList& option) {
    option("passes", passes, "over all samples at most", at_least(1));
    option("fooling_rate", fooling_rate, "share of the samples fooled that is enough", above(0, 1));
    option("overshoot", overshoot, "share added to what the inner attack changes, which is barely enough",
           at_least(0));
  }
};

/// What foil::UniversalPerturbation found.
template <Batch Input>
struct UniversalResult {
  Input perturbation{};  ///< one sample, to be added to any; within the radius as it is stored
  double fooling_rate = std::numeric_limits<double>::quiet_NaN();  ///< share of `counted`; NaN of none
  Eigen::Array<bool, Eigen::Dynamic, 1> counted{};  ///< valid, answered, and not adversarial as they are
  Eigen::Array<bool, Eigen::Dynamic, 1> fooled{};   ///< of these, by the perturbation
  int passes = 0;                                   ///< over the samples, the last one perhaps cut short
  bool interrupted = false;                         ///< by the observer
  Counts queries{};                                 ///< forward passes, those of all verifications included
  Counts gradient_queries{};                        ///< backward passes
};

/// The inputs with a perturbation of one sample added to each, within the bounds.
template <Batch Input>
Input perturbed(Input inputs, const Input& perturbation, const Bounds<typename Input::Scalar>& bounds) {
  require(samples(perturbation) == 1 && features(perturbation) == features(inputs),
          "perturbed: expected a perturbation of one sample of ", features(inputs), " features, got ",
          shape_text(perturbation));
  using Scalar = typename Input::Scalar;
  bounds.check(features(inputs));
  for (Index row = 0; row < samples(inputs); ++row) {
    auto x = sample(inputs, row);
    for (Index i = 0; i < x.size(); ++i)
      x[i] = static_cast<Scalar>(clip(double{x[i]} + double{sample(perturbation, 0)[i]},
                                      double{bounds.lower(i)}, double{bounds.upper(i)}));
  }
  return inputs;
}

}  // namespace foil
