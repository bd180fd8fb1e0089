// SPDX-License-Identifier: MIT
/// \file
/// What a model that may be looked into says about where another one is fooled.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "foil/core/criteria.hpp"
#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/judge.hpp"
#include "foil/run/model_calls.hpp"
#include "foil/run/model_port.hpp"

namespace foil {

/// For each input the direction in which a surrogate is fooled soonest: the gradient of the criterion's
/// margin there. To be given to attacks on another model as RunOptions::prior. 0, that is none, where the
/// surrogate's answer or gradient is not finite.
///
/// Cost: 1 forward and 1 backward pass of the surrogate per input, in calls of `batch_size`; none of the
/// model to be attacked. Rows are independent of each other as far as those of the surrogate are.
///
/// \param surrogate  a DifferentiableModel; const if it can be
/// \param inputs     see as_batch() for what may stand for the surrogate's `Input`
/// \param criterion  labels, see foil::GivenLabels, or any criterion with a margin
template <class M, class X, class C>
  requires DifferentiableModel<M>
input_t<M> surrogate_directions(M&& surrogate, const X& inputs, const C& criterion, Index batch_size = 128) {
  using Input = input_t<M>;
  require(batch_size >= 1, "surrogate: expected a batch size >= 1, got ", batch_size);
  const auto by = as_criterion(criterion);
  const JudgeBy judge(by);
  const Input& batch = as_batch<Input>(inputs);
  ModelPortTo<std::remove_reference_t<M>> port(surrogate);
  ModelCalls<Input> calls(port, judge, batch, Knowledge::gradients);
  const Objective margin(Loss::margin);
  Input directions(batch.dimensions());
  Answer answer;
  Eigen::VectorXd vector;
  for (Index first = 0; first < samples(batch); first += batch_size) {
    const Index count = std::min(batch_size, samples(batch) - first);
    calls.begin(static_cast<std::size_t>(count));
    for (Index i = 0; i < count; ++i)
      calls.place(static_cast<std::size_t>(i),
                  Eigen::VectorXd(sample(batch, first + i).template cast<double>()));
    calls.vjp();
    for (Index i = 0; i < count; ++i) {
      calls.read(static_cast<std::size_t>(i), first + i, answer, &margin, &vector);
      calls.set_cotangent(static_cast<std::size_t>(i), vector);
    }
    calls.pull_back();
    for (Index i = 0; i < count; ++i) {
      if (!calls.read_gradient(static_cast<std::size_t>(i), vector)) vector.setZero();
      sample(directions, first + i) = vector.template cast<typename Input::Scalar>();
    }
    calls.end_pullbacks();
  }
  return directions;
}

}  // namespace foil
