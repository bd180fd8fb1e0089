// SPDX-License-Identifier: MIT
/// \file
/// The linear models of a decision boundary that gradients give, and the nearest point beyond them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "foil/core/norms.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/half_space/step.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// Calls use(lead, gradient) for every linear model of a boundary that an answer holds: the objective's own,
/// or for each of the classes `among` but the last one, which is the class to leave, that of its logit minus
/// that of the last. `lead` is what the model gives at the point asked about; what is wanted is that it be
/// positive.
template <class Use>
void for_each_boundary(const Oracle& oracle, const Answer& at, std::span<const Index> among, Use&& use) {
  if (at.class_gradients.empty()) use(at.loss, at.gradient);
  for (std::size_t k = 0; k + 1 < at.class_gradients.size(); ++k)
    use(at.logits[among[k]] - at.logits[among.back()] - oracle.goal().lead,
        Eigen::VectorXd(at.class_gradients[k] - at.class_gradients.back()));
}

/// The step from `from` to the nearest point that makes good, by the linear model made at x (what `lead` is
/// there and its `gradient`), `length` times what is lacking for a lead beyond rounding. As far as possible
/// where the box does not let it; an empty point where the gradient shows no way. In Oracle::step_memory().
template <Norm N>
geometry::HalfSpaceStep& step_beyond(const Oracle& oracle, const Eigen::VectorXd& from,
                                     const Eigen::VectorXd& x, const Answer& at, double lead,
                                     const Eigen::VectorXd& gradient, double length) {
  geometry::HalfSpaceMemory& memory = oracle.step_memory();
  const double offset = length * (lead - 16 * oracle.precision() * Linf::size(at.logits));
  if (!(norm2(gradient) > 0 && std::isfinite(norm2(gradient) * offset))) {
    memory.step.point.resize(0);
    return memory.step;
  }
  return geometry::half_space_step<N>({from, x, oracle.box(), -gradient, offset}, memory);
}

/// The nearest of these points over all boundaries that the answer shows; `from` itself if no gradient shows
/// a way.
template <Norm N>
Eigen::VectorXd nearest_beyond(const Oracle& oracle, const Eigen::VectorXd& from, const Eigen::VectorXd& x,
                               const Answer& at, std::span<const Index> among, double length) {
  Eigen::VectorXd best = from;
  double shortest = std::numeric_limits<double>::infinity();
  for_each_boundary(oracle, at, among, [&](double lead, const Eigen::VectorXd& gradient) {
    auto& step = step_beyond<N>(oracle, from, x, at, lead, gradient, length);
    if (step.point.size() == 0) return;
    const double distance = step.reached ? N::size(step.point - from) : std::numeric_limits<double>::max();
    if (distance < shortest) best.swap(step.point);
    shortest = std::min(shortest, distance);
  });
  return best;
}

}  // namespace foil
