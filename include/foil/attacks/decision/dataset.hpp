// SPDX-License-Identifier: MIT
/// \file
/// The nearest image of a data set that the criterion accepts.
#pragma once

#include <string>
#include <type_traits>

#include "foil/attacks/parts/start.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::DatasetAttack.
struct DatasetOptions {
  int bisections = 0;

  void list(OptionList& option) {
    option("bisections", bisections, "between the input and the row found", at_least(0));
  }
};

/// Takes the nearest row of the run's pool (RunOptions::pool) that is adversarial for the sample; the first
/// of them on a tie. Rows that a mask or a lattice changes have to be asked about, the nearest of every class
/// first, until one is adversarial. Without a pool, or without such a row, the status is start_failed. No
/// random numbers. Cost: 1 forward pass for the input and 1 per bisection; the pool's outputs are known.
template <Norm N>
class NearestInDatasetAttack : public MinimalAttack<NearestInDatasetAttack<N>> {
 public:
  using Options = DatasetOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return std::is_same_v<N, L2> ? "dataset" : text(N::name, "-dataset"); }

  explicit NearestInDatasetAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    Bisection segment{oracle.original(), {}, 0};
    bool found = false;
    for (const PoolRow& row : oracle.rank_pool(most_start_rows)) {
      found = co_await take_row(oracle, row.row, segment.inside);
      if (found) break;
    }
    if (!found) {
      oracle.finish(Status::start_failed);
      co_return;
    }
    co_await bisect(oracle, segment, options_.bisections);
  }

 private:
  Options options_;
};

using DatasetAttack = NearestInDatasetAttack<L2>;
using L1DatasetAttack = NearestInDatasetAttack<L1>;
using LinfDatasetAttack = NearestInDatasetAttack<Linf>;

/// Its entries in the catalogue.
struct DatasetFamily {
  static void list(auto& catalogue) {
    catalogue.family("Nearest in a data set", "",
                     "1 forward, and 1 per bisection; the pool's outputs are known");
    catalogue.add(DatasetAttack(), {"l2-dataset"});
    catalogue.add(L1DatasetAttack());
    catalogue.add(LinfDatasetAttack());
  }
};

}  // namespace foil
