// SPDX-License-Identifier: MIT
/// \file
/// The negative of an image.
#pragma once

#include <string>

#include "foil/run/attack.hpp"

namespace foil {

/// foil::InversionAttack has no options.
struct InversionOptions {
  void list(OptionList&) {}
};

/// Mirrors every feature in the middle of its bounds: lower + upper - x, the negative of an image. Hosseini,
/// Xiao, Jaiswal, Poovendran 2017, arXiv:1703.06857. Decision-based; distances in L2; features that a mask
/// freezes stay. Needs finite bounds, else the status is start_failed. Nothing is done to come closer. Cost:
/// 1 forward pass for the input and 1 for its negative.
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
    Eigen::VectorXd x = oracle.lower() + (oracle.upper() - oracle.original());
    oracle.settle(x);
    if (x != oracle.original()) co_await oracle.query(x);
  }

 private:
  Options options_;
};

/// Its entries in the catalogue.
struct InversionFamily {
  static void list(auto& catalogue) {
    catalogue.family("Inversion", "Hosseini, Xiao, Jaiswal, Poovendran 2017, arXiv:1703.06857", "2 forward");
    catalogue.add(InversionAttack());
  }
};

}  // namespace foil
