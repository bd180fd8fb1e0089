// SPDX-License-Identifier: MIT
/// \file
/// Suites: several attacks within one radius as one, each on what the others have left.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "foil/evaluation/suite/autoattack.hpp"
#include "foil/evaluation/suite/stage.hpp"
#include "foil/evaluation/suite/standard.hpp"

namespace foil {

/// A suite of one's own: any attacks in one norm.
template <Norm N, Knowledge needed = Knowledge::gradients>
class Suite : public SuiteAttack<Suite<N, needed>, N, needed> {
 public:
  /// \throws Error if there are no stages, or one of another norm, of more knowledge, or a suite itself
  Suite(std::string name, std::vector<Stage> stages)
      : SuiteAttack<Suite<N, needed>, N, needed>(std::move(name), std::move(stages)) {}
  /// None: those of its stages are chosen.
  struct Options {};
  Options options() const { return {}; }
};

using L0Suite = Suite<L0>;
using L1Suite = Suite<L1>;
using L2Suite = Suite<L2>;
using LinfSuite = Suite<Linf>;

/// Their entries in the catalogue.
struct SuiteFamily {
  static void list(auto& catalogue) {
    catalogue.family("AutoAttack", "Croce & Hein 2020, arXiv:2003.01690; L1: 2021, arXiv:2103.01208",
                     "2 forward, and what the stages cost that are run");
    catalogue.add(LinfAutoAttack(), {"autoattack"});
    catalogue.add(L2AutoAttack());
    catalogue.add(L1AutoAttack());
    catalogue.family("Standard suite", "foil's own", "2 forward, and what the stages cost that are run");
    catalogue.add(LinfStandardSuite(), {"standard"});
    catalogue.add(L2StandardSuite());
    catalogue.add(L1StandardSuite());
    catalogue.add(L0StandardSuite());
  }
};

}  // namespace foil
