// SPDX-License-Identifier: MIT
/// \file
/// The negative of an image.
#pragma once

#include <string>

#include "foil/attacks/parts/first_on_way.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::InversionAttack.
struct InversionOptions {
  int bisections = 0;

  void list(OptionList& option) {
    option("bisections", bisections, "between the input and its negative", at_least(0));
  }
};

/// Mirrors every feature in the middle of its bounds: lower + upper - x, the negative of an image. Hosseini,
/// Xiao, Jaiswal, Poovendran 2017, arXiv:1703.06857. Decision-based; distances in L2; features that a mask
/// freezes stay. Needs finite bounds, else the status is start_failed. Cost: 1 forward pass for the input, 1
/// for its negative and at most 1 per bisection.
class InversionAttack : public MinimalAttack<InversionAttack> {
 public:
  using Options = InversionOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "inversion"; }

  explicit InversionAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    if (!oracle.box().bounded()) co_return oracle.finish(Status::start_failed);
    const Eigen::VectorXd change = oracle.lower() + (oracle.upper() - oracle.original()) - oracle.original();
    const auto way = [&](double share) -> Eigen::VectorXd { return oracle.original() + share * change; };
    co_await first_on_way(oracle, way, 1, options_.bisections);
  }

 private:
  Options options_;
};

/// Its entries in the catalogue.
struct InversionFamily {
  static void list(auto& catalogue) {
    catalogue.family("Inversion", "Hosseini, Xiao, Jaiswal, Poovendran 2017, arXiv:1703.06857",
                     "2 forward, at most 1 per bisection");
    catalogue.add(InversionAttack());
  }
};

}  // namespace foil
