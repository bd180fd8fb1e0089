// SPDX-License-Identifier: MIT
/// \file
/// Looks for an input of a box whose outputs meet a condition: what verifiers do before they prove.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/falsify/hunt.hpp"
#include "foil/evaluation/falsify/problem.hpp"
#include "foil/evaluation/falsify/search.hpp"
#include "foil/evaluation/falsify/smallest.hpp"

namespace foil {

/// Looks for a counterexample: an input within the box of one of the cases whose outputs meet its condition.
/// That none is found proves nothing.
///
/// The model's own bounds play no part. Inputs are of the model's numbers and inside their box exactly; where
/// no number of the model lies between the ends of a feature, it is the nearest to the lower one. The bits
/// depend on the seed and the calls alone, unless there is a limit of `seconds`, by which the points of one
/// call are chosen on models that are slow. Threads are the model's (onnx::Options::threads).
///
/// Cost: at most FalsifyOptions::calls.
/// \param shape  of a batch of inputs, of whatever number: Dimensions(1, 784)
/// \throws Error for cases or options that make no sense
template <DifferentiableModel M>
Falsification<input_t<M>> falsify(M& model, const typename input_t<M>::Dimensions& shape,
                                  const std::vector<FalsifyCase>& cases, const FalsifyOptions& options = {}) {
  options.check();
  detail::FalsifySearch<M> search(model, shape, cases, options);
  std::vector<detail::FalsifyHunt<M>> hunts;
  hunts.reserve(cases.size());
  for (std::size_t c = 0; c < cases.size(); ++c) hunts.emplace_back(search, c);
  try {
    constexpr std::size_t many = 16;
    if (hunts.size() > many)
      for (auto& hunt : hunts)
        if (hunt.open()) hunt.glance();
    bool open = true;
    for (std::size_t round = 0; open; ++round) {
      open = false;
      const auto order =
          detail::smallest(hunts.size(), hunts.size(), [&](std::size_t c) { return hunts[c].nearest(); });
      std::size_t rank = 0;  // among those that are open
      for (const std::size_t c : order) {
        if (!hunts[c].open()) continue;
        open = true;
        if (round % ++rank == 0) hunts[c].go_on();
      }
    }
  } catch (const detail::SearchOver&) {
  }
  return std::move(search).result();
}

}  // namespace foil
