// SPDX-License-Identifier: MIT
/// \file
/// Two classes from one logit.
#pragma once

#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/wrapper.hpp"

namespace foil {

/// Makes of a model with a single logit z, of class 1 against class 0, one with the logits (0, z) of two
/// classes, which is what attacks and criteria ask for: class 1 where z > 0. Where z is exactly 0 the first
/// logit is the smallest normal number instead, so that class 0 has won there. For a model whose single
/// answer is the probability of class 1, put foil::LogProbabilities between them. Refers to the model; can be
/// shared by threads if the model can. Throws foil::Error if the model answers with more than one column.
template <ScoreModel M>
class SingleLogit : public Wrapper<SingleLogit<M>, M, knowledge_of<M>> {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  explicit SingleLogit(M& model) : Wrapper<SingleLogit, M, knowledge_of<M>>(model) {}

  Logits<Scalar> answer_logits(const Input& x) const { return two_classes(this->model().logits(x)); }

  auto answer_vjp(const Input& x) const
    requires DifferentiableModel<M>
  {
    auto pass = this->model().vjp(x);
    return Vjp{two_classes(pass.logits),
               [pullback = Changeable{std::move(pass.pullback)}](const Logits<Scalar>& cotangent) {
                 return Input(pullback.value(Logits<Scalar>(cotangent.rightCols(1))));
               }};
  }

 private:
  static Logits<Scalar> two_classes(const Logits<Scalar>& single) {
    require(single.cols() == 1, "single logit: expected a model with one logit per sample, got ",
            single.cols());
    Logits<Scalar> out = Logits<Scalar>::Zero(single.rows(), 2);
    out.col(1) = single.col(0);
    for (Index i = 0; i < out.rows(); ++i) out(i, 0) = won_tie(out(i, 0), out(i, 1));
    return out;
  }
};

}  // namespace foil
