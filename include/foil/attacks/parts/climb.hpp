// SPDX-License-Identifier: MIT
/// \file
/// Where attacks that see gradients get a start from when nothing else has given one.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "foil/attacks/parts/start.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/status.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// Once next_start() has found nothing: ascends the criterion's loss from the input by signed gradient steps,
/// within radii that grow from 1/16 of each feature's range, every time twice as large as before, until they
/// are the box. (A feature without finite bounds counts as having the range 1, or its own size if that is
/// larger, and radii grow to 2^12 times that.) Not where the user's start was refused: it was to be that one.
/// Uses no random numbers. 8 steps per radius, each a forward and a backward pass: 40 at most where bounds
/// are finite, and a forward pass.
///
/// \return true if `start` is adversarial now; the word that there is no start is taken back then.
inline Task<bool> climb_to_start(Oracle& oracle, const StartState& search, Eigen::VectorXd& start) {
  constexpr int steps = 8, first = -4, last_bounded = 0, last_unbounded = 12;
  const bool refused = search.candidate == 0;
  if (refused) co_return false;
  const Eigen::VectorXd& original = oracle.original();
  Eigen::VectorXd range = oracle.upper() - oracle.lower();
  const int last = range.allFinite() ? last_bounded : last_unbounded;
  for (Index i = 0; i < range.size(); ++i)
    if (!std::isfinite(range[i])) range[i] = std::max(1.0, std::abs(original[i]));
  Eigen::VectorXd x = original, asked;  // on a lattice, small steps add up until they count
  for (int k = first; k <= last; ++k) {
    const double share = std::ldexp(1.0, k);
    for (int step = 0; step < steps; ++step) {
      asked = x;
      const auto& at = co_await oracle.gradient(asked);
      if (at.adversarial) {
        start = std::move(asked);
        oracle.finish(Status::not_run);
        co_return true;
      }
      if (at.vanished || at.label < 0) co_return false;
      for (Index i = 0; i < x.size(); ++i) {
        const double reach = share * range[i], slope = at.gradient[i];
        const double to = x[i] + 2 * reach / steps * (slope > 0 ? 1 : slope < 0 ? -1 : 0);
        x[i] = clip(clip(to, original[i] - reach, original[i] + reach), oracle.lower()[i], oracle.upper()[i]);
      }
    }
  }
  const bool adversarial = co_await oracle.query(x);
  if (!adversarial) co_return false;
  start = std::move(x);
  oracle.finish(Status::not_run);
  co_return true;
}

}  // namespace foil
