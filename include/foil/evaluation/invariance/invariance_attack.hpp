// SPDX-License-Identifier: MIT
/// \file
/// How much an input can change before a model notices: the search for other inputs of the same logits.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/model.hpp"
#include "foil/core/status.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/invariance/options.hpp"
#include "foil/evaluation/invariance/search.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// The input's image among those that the model answers alike that is nearest to a target: minimises the L2
/// distance to the target subject to no logit changing by more than the tolerance, within the bounds. What
/// comes near to a target of another class, as people see it, shows that the model does not look at what
/// makes the difference: excessive invariance (Jacobsen, Behrmann, Zemel, Bethge 2019, arXiv:1811.00401, who
/// construct such inputs for invertible networks; see metameric_sample()). For any differentiable model;
/// where a layer is meant rather than logits, give a model whose logits are the layer.
///
/// The method is foil's own: sequential quadratic programming (foil::LevelWalk) from the input, and from
/// where a descent from the target ends (foil::LevelDescent). Of an affine model it finds the nearest image
/// there is, up to a hundredth of the tolerance; of others one that is nearest among those around, so that
/// the distance is an upper bound. What is returned was asked about once more in the end: its drift is within
/// the tolerance, or its status is `unstable`.
///
/// Status: `converged` if no better step is left around the image; `success` if it is nearer than the input
/// but steps ran out, or became too small; `not_found` if nothing nearer than the input was found;
/// `invalid_input` if input or target are not within the bounds; `non_finite` if the model's logits of the
/// input are not; `unstable` if the model did not confirm the image: the input is then returned.
///
/// Cost: for each step of a walk 1 forward pass, and where the last one was taken 1 more and a pullback for
/// each logit; for each step of the descent a forward pass and a pullback; 2 forward passes for the input and
/// the final check.
/// \param targets  one for each input, of the same shape
template <class M, class X, class T>
  requires DifferentiableModel<M>
InvarianceResult<input_t<M>> invariance_attack(M&& model, const X& inputs, const T& targets,
                                               const InvarianceOptions& options = {}) {
  using Input = input_t<M>;
  const InvarianceOptions chosen = checked("invariance_attack", options);
  const Input& x = as_batch<Input>(inputs);
  const Input& to = as_batch<Input>(targets);
  require(x.dimensions() == to.dimensions(), "invariance_attack: expected a target for each input, of shape ",
          shape_text(x), ", got ", shape_text(to));
  model.bounds().check(features(x));
  const Index count = samples(x);
  const auto rows = static_cast<std::size_t>(count);
  InvarianceResult<Input> out{x,
                              Eigen::VectorXd::Zero(count),
                              Eigen::VectorXd::Zero(count),
                              Eigen::VectorXd::Zero(count),
                              std::vector<Status>(rows, Status::not_run),
                              std::vector<std::int64_t>(rows),
                              std::vector<std::int64_t>(rows)};
  detail::InvarianceSearch<std::remove_reference_t<M>> search(model, x, to, chosen, out);
  for (Index first = 0; first < count; first += chosen.batch_size)
    search.run(first, std::min<Index>(count, first + chosen.batch_size));
  return out;
}

}  // namespace foil
