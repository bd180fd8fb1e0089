// SPDX-License-Identifier: MIT
/// \file
/// Inputs that an invertible classifier answers like others, without any search.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/flow/bijective.hpp"

namespace foil {

/// Metamers, and what they are worth.
template <Batch Input>
struct Metamers {
  Input images;  ///< as the model's inverse has them: never clipped, since that would change their logits
  Eigen::VectorXd drifts;   ///< the largest change of a logit from those that were asked for, as the model
                            ///< answers about the image; NaN if an answer is
  Eigen::VectorXd outside;  ///< how far a feature is outside the bounds, at most; 0 within, NaN if one is
  Eigen::VectorXi features_outside;      ///< how many are, NaN included
  Eigen::VectorXd from_nuisances_owner;  ///< L2 distance to the input whose nuisances they have

  Index size() const { return drifts.size(); }
  /// Whether an image is one that the model may be given.
  bool within(Index i) const { return features_outside[i] == 0; }
};

/// The input with the logits of the one input, and nuisances on the way from its own, t = 0, to those of
/// another one, t = 1, along a straight line of codes: F^-1(z_s(a), (1 - t) z_n(a) + t z_n(b)). Costs 1
/// forward pass for each of the two inputs, 1 inverse, and 1 forward pass for the drift.
/// \param semantics_of  the inputs whose logits are kept
/// \param nuisances_of  as many others
/// \param t  any finite number
template <class M, class X, class Y>
  requires BijectiveModel<M>
Metamers<input_t<M>> metamer_interpolate(M&& model, const X& semantics_of, const Y& nuisances_of, double t) {
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;
  const Input& a = as_batch<Input>(semantics_of);
  const Input& b = as_batch<Input>(nuisances_of);
  require(a.dimensions() == b.dimensions(), "metamers: expected as many inputs of the same shape, got ",
          shape_text(a), " and ", shape_text(b));
  require(std::isfinite(t), "metamers: expected a finite t, got ", t);
  const Bounds<Scalar> bounds = model.bounds();
  const Index n = features(a);
  bounds.check(n);
  Logits<Scalar> codes = codes_of(model, a);
  const Index semantic = model.semantic_size();
  const Logits<Scalar> of_a = codes, of_b = codes_of(model, b);
  const auto share = static_cast<Scalar>(t);
  codes.rightCols(n - semantic) =
      (1 - share) * of_a.rightCols(n - semantic) + share * of_b.rightCols(n - semantic);
  Metamers<Input> out{model.inverse(codes), {}, {}, {}, {}};
  require(out.images.dimensions() == a.dimensions(), "metamers: the inverse was expected to return shape ",
          shape_text(a), ", it returned ", shape_text(out.images));
  const Logits<Scalar> now = codes_of(model, out.images);
  const Index count = samples(a);
  out.drifts.setZero(count);
  out.outside.setZero(count);
  out.features_outside.setZero(count);
  out.from_nuisances_owner.setZero(count);
  const auto most = [](double so_far, double next) {
    return std::isnan(so_far) || std::isnan(next) ? std::numeric_limits<double>::quiet_NaN()
                                                  : std::max(so_far, next);
  };
  for (Index i = 0; i < count; ++i) {
    for (Index k = 0; k < semantic; ++k)
      out.drifts[i] =
          most(out.drifts[i], std::abs(static_cast<double>(now(i, k)) - static_cast<double>(of_a(i, k))));
    const auto image = sample(out.images, i);
    for (Index j = 0; j < n; ++j) {
      const auto x = static_cast<double>(image[j]);
      const double beyond =
          most(static_cast<double>(bounds.lower(j)) - x, x - static_cast<double>(bounds.upper(j)));
      out.features_outside[i] += !(beyond <= 0);
      out.outside[i] = most(out.outside[i], beyond);
    }
    out.from_nuisances_owner[i] = distance(L2{}, image, sample(b, i));
  }
  return out;
}

/// Metameric sampling: inputs with the logits of the ones and the nuisances of the others, F^-1(z_s(a),
/// z_n(b)) (Jacobsen, Behrmann, Zemel, Bethge 2019, arXiv:1811.00401). If they look like the others, as they
/// do where a classifier is excessively invariant, the logits do not tell what the image shows. The same as
/// metamer_interpolate() at t = 1, and as costly.
template <class M, class X, class Y>
  requires BijectiveModel<M>
Metamers<input_t<M>> metameric_sample(M&& model, const X& semantics_of, const Y& nuisances_of) {
  return metamer_interpolate(model, semantics_of, nuisances_of, 1);
}

}  // namespace foil
