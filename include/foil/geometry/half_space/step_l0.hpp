// SPDX-License-Identifier: MIT
/// \file
/// The step to a half-space for L0.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/half_space/entry_choice.hpp"
#include "foil/geometry/half_space/path.hpp"
#include "foil/geometry/half_space/problem.hpp"

namespace foil::geometry::detail {

/// Fewest entries other than the original's. Without the radius: those with the largest |b| times room, and
/// among these the shortest step. Where that is too long, the multiplier of the half-space is searched for at
/// which the dual bound on the number of entries is largest; the choices on both sides of it and their union
/// are solved exactly. One entry more than the fewest possible is the exception.
inline bool solve_step(StepProblem& p, L0, Array& delta) {
  EntryChoice choice(p);
  std::vector<Index>& chosen = p.memory.lists[0];
  if (choice.fewest(chosen) && choice.solve(chosen, delta)) return true;
  const double shortest = shortest_step(p);
  write_path<PathL2>(p, 0, shortest, delta);
  if (!within_radius(p, delta)) return false;

  EntriesAt above{&p.memory.marks[0]}, below{&p.memory.marks[1]};
  bracket_entries(p, choice, above, below);
  auto& [first, second, both] = p.memory.lists;
  above.list(first);
  below.list(second);
  if (second.size() < first.size()) std::swap(first, second);  // smallest first
  if (choice.solve(first, delta) || choice.solve(second, delta)) return true;
  both.clear();
  std::set_union(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(both));
  if (choice.solve(both, delta)) return true;
  choice.choose(above.nu + (below.nu - above.nu) / 2, above, 0);
  std::size_t count = std::max(first.size(), std::size_t{1});
  for (std::size_t extra = 1; count < static_cast<std::size_t>(p.features); extra *= 2) {
    count = std::min(count + extra, static_cast<std::size_t>(p.features));
    choice.most_gaining(count, chosen);
    if (choice.solve(chosen, delta)) return true;
  }
  write_path<PathL2>(p, 0, shortest, delta);
  return true;
}

}  // namespace foil::geometry::detail
