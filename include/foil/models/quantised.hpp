// SPDX-License-Identifier: MIT
/// \file
/// A model that sees so many levels of each feature and no more.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <utility>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/lattice.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/preprocessed.hpp"

namespace foil {

/// Rounds every feature to the nearest of so many evenly spaced levels, of which the first and the last are
/// the bounds; halfway, away from the lower one. What lies on a level stays there.
template <Batch Input>
class Quantise {
 public:
  using Scalar = typename Input::Scalar;

  /// Throws foil::Error unless levels are from 2 to 2^24, which is as many as single precision tells apart,
  /// and all bounds finite.
  Quantise(Bounds<Scalar> bounds, Index levels)
      : bounds_(std::move(bounds)), last_(static_cast<double>(levels - 1)) {
    require(levels >= 2 && levels <= Index{1} << 24, "quantised: expected 2 to 2^24 levels, got ", levels);
    const Index count = bounds_.intervals();
    Eigen::VectorXd lower(count), width(count), steps(count);
    for (Index i = 0; i < count; ++i) {
      lower[i] = static_cast<double>(bounds_.lower(i));
      width[i] = static_cast<double>(bounds_.upper(i)) - lower[i];
      require(std::isfinite(width[i]), "quantised: expected finite bounds, got [", bounds_.lower(i), ", ",
              bounds_.upper(i), "] for feature ", i);
      steps[i] = width[i] > 0 ? last_ : 0;  // a frozen feature has no levels
      if (steps[i] == 0) width[i] = 1;
    }
    lattice_ = bounds_.uniform() ? Lattice(lower[0], width[0], steps[0]) : Lattice(lower, width, steps);
  }

  Input operator()(const Input& x) const {
    bounds_.check(features(x));
    Input out = x;
    for (Index i = 0; i < samples(out); ++i) {
      auto row = sample(out, i);
      for (Index j = 0; j < row.size(); ++j) {
        if (!lattice_.restricts(j)) continue;
        const double k = lattice_.index(j, static_cast<double>(row[j]));
        row[j] = k == last_ ? bounds_.upper(j) : static_cast<Scalar>(lattice_.value(j, k));
      }
    }
    return out;
  }

 private:
  Bounds<Scalar> bounds_;
  double last_;  // level
  Lattice lattice_{};
};

/// Gives a model its inputs rounded to `levels` levels over its bounds: a camera, a file of few bits, or the
/// defence (Xu, Evans, Qi 2018, arXiv:1704.01155). Labels and scores are exactly those of the model that
/// rounds. Gradients pass the rounding as if it were the identity (straight through), which is an
/// approximation, see foil::Preprocessed; the rounding's own derivative is zero. Where attacks are to know of
/// the levels, give them those: RunOptions::lattice {lower, width, levels - 1}.
///
/// Refers to the model; can be shared by threads if the model can. Costs one pass over the batch per call.
template <DecisionModel M>
class Quantised : public Preprocessed<M, Quantise<input_t<M>>> {
 public:
  /// Throws foil::Error for what foil::Quantise does not take.
  Quantised(M& model, Index levels)
      : Preprocessed<M, Quantise<input_t<M>>>(model, Quantise<input_t<M>>(model.bounds(), levels)) {}
};

}  // namespace foil
