// SPDX-License-Identifier: MIT
/// \file
/// The nearest image of a data set that the criterion accepts.
#pragma once

#include <string_view>

#include "foil/attacks/parts/start.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::DatasetAttack.
struct DatasetOptions {
  int bisections = 0;  ///< between the input and the row found, >= 0

  void validate() const { require(bisections >= 0, "dataset: expected bisections >= 0, got ", bisections); }
  template <class Visit>
  static void describe(Visit visit) {
    visit("bisections", &DatasetOptions::bisections, "between the input and the row found");
  }
};

/// Takes the nearest row of the run's pool (RunOptions::pool) that is adversarial for the sample; the first
/// of them on a tie. Without a pool, or without such a row, the status is start_failed. No random numbers.
/// Cost: 1 forward pass for the input and 1 per bisection; the pool's outputs are known.
template <Norm N>
class NearestInDatasetAttack : public MinimalAttack<NearestInDatasetAttack<N>> {
 public:
  using Options = DatasetOptions;
  using norm = N;
  static constexpr std::string_view name_part = "-dataset";
  static constexpr std::string_view name =
      std::is_same_v<N, L2> ? std::string_view("dataset") : detail::joined<N::name, name_part>;
  static constexpr Knowledge knowledge = Knowledge::decisions;

  explicit NearestInDatasetAttack(Options options = {}) : options_(options) { options_.validate(); }
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    const auto rows = oracle.rank_pool(1);
    if (rows.empty()) {
      oracle.finish(Status::start_failed);
      co_return;
    }
    Bisection segment{oracle.original(), oracle.take_from_pool(rows.front().row), 0};
    co_await bisect(oracle, segment, options_.bisections);
  }

 private:
  Options options_;
};

using DatasetAttack = NearestInDatasetAttack<L2>;
using L1DatasetAttack = NearestInDatasetAttack<L1>;
using LinfDatasetAttack = NearestInDatasetAttack<Linf>;

}  // namespace foil
