// SPDX-License-Identifier: MIT
/// \file
/// Attacks at each class in turn: what C21 judges.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

#include "foil/core/criteria.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/audit/further.hpp"
#include "foil/run/any_attack.hpp"
#include "foil/run/run_options.hpp"

namespace foil {

/// The distance of each sample to the closest adversarial that an attack finds when it aims at each class but
/// the sample's own, one after the other.
///
/// \param attack  a minimal one
/// \param labels  the class of each sample
/// Model calls: `classes` - 1 times those of the attack.
template <class M>
  requires DecisionModel<M>
TowardsClasses towards_each_class(const AnyAttack& attack, M& model, const input_t<M>& x,
                                  const Labels& labels, Index classes, const run_options_t<M>& options = {}) {
  require(attack.minimal(), "towards_each_class: expected a minimal attack, got ", attack.name());
  require(labels.size() == samples(x), "towards_each_class: expected one label for each of the ", samples(x),
          " samples, got ", labels.size());
  require(classes >= 2, "towards_each_class: expected at least two classes, got ", classes);
  TowardsClasses out{attack.norm(), classes - 1, {}};
  out.distances.assign(static_cast<std::size_t>(samples(x)), std::numeric_limits<double>::infinity());
  for (Index turn = 1; turn < classes; ++turn) {
    Labels targets = labels;  // as many classes further on
    for (Index i = 0; i < targets.size(); ++i) targets[i] = static_cast<int>((labels[i] + turn) % classes);
    const auto result = attack(model, x, TargetedMisclassification(targets), 0, options);
    for (Index i = 0; i < result.size(); ++i) {
      double& nearest = out.distances[static_cast<std::size_t>(i)];
      if (result.success[i]) nearest = std::min(nearest, result.distances[i]);
    }
  }
  return out;
}

}  // namespace foil
