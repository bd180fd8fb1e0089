// SPDX-License-Identifier: MIT
/// \file
/// Attacks of the catalogue on samples that are no images.
#pragma once

#include "foil/evaluation/attack_entry.hpp"
#include "foil/run/options_list.hpp"

namespace foil::test {

/// The options without which an attack wants images; none for most.
inline OptionValues for_rows(const AttackEntry& entry) {
  OptionValues values;
  for (const OptionInfo& option : entry.options) {
    if (option.name == "diversity" && option.value != "0") values["diversity"] = "0";
    if (option.name == "smoothing" && option.value != "none") values["smoothing"] = "none";
  }
  return values;
}

}  // namespace foil::test
