// SPDX-License-Identifier: MIT
/// \file
/// Suites: several attacks within one radius as one, each on what the others have left.
#pragma once

#include <algorithm>
#include <memory>
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

/// The same at run time: a list of attacks in the norm of the first, of which each sample skips those behind
/// the first that fools it. Needs of the model what the most demanding stage needs.
/// \throws Error as Suite does
inline AnyAttack suite_of(std::string name, std::vector<Stage> stages) {
  require(!stages.empty(), name, ": expected at least one stage, got none");
  const Lp norm = stages.front().attack.norm();
  Knowledge knowledge = Knowledge::decisions;
  for (const Stage& stage : stages) knowledge = std::max(knowledge, stage.attack.knowledge());
  const auto list =
      std::make_shared<const std::vector<Stage>>(checked_stages(name, std::move(stages), norm, knowledge));
  std::vector<StageInfo> infos;
  for (const Stage& stage : *list)
    infos.push_back({stage.name, stage.attack.name(), stage.attack.knowledge()});
  return AnyAttack(
      name, name, norm, knowledge, false,
      [list, knowledge](Oracle& oracle, double epsilon) {
        return detail::run_stages(oracle, epsilon, *list, knowledge);
      },
      std::move(infos));
}

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
