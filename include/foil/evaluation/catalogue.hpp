// SPDX-License-Identifier: MIT
/// \file
/// All attacks by name, with their options as text: what programs that let their users choose are built on.
/// Costs compile time, as it makes every attack: include it in one source of a program.
#pragma once

#include <string_view>

#include "foil/attacks.hpp"
#include "foil/evaluation/attack_entry.hpp"
#include "foil/evaluation/suite.hpp"

namespace foil {

/// Every attack of the library, family by family, and the suites.
inline const Catalogue& catalogue() {
  static const Catalogue all = [] {
    Catalogue made;
    AllFamilies::list(made);
    SuiteFamily::list(made);
    return made;
  }();
  return all;
}

/// The attack of that name or synonym. Throws foil::Error, naming close matches, if there is none.
inline const AttackEntry& find_attack(std::string_view name) {
  return catalogue().find(name);
}

}  // namespace foil
