// SPDX-License-Identifier: MIT
/// \file
/// RayS and ADBA: Linf by the signs of rays.
#pragma once

#include "foil/attacks/decision/sign_rays/adba.hpp"
#include "foil/attacks/decision/sign_rays/rays.hpp"

namespace foil {

/// Their entries in the catalogue.
struct SignRayFamily {
  static void list(auto& catalogue) {
    catalogue.family("RayS", "Chen, Gu 2020, arXiv:2006.12792",
                     "1 forward per flip, about 10 more where it is kept");
    catalogue.add(RaySAttack(), {"linf-rays"});
    catalogue.family("ADBA", "Wang, Zuo, Huang, Chen 2024, arXiv:2406.04998",
                     "2 to 4 forward per block, mostly");
    catalogue.add(AdbaAttack(), {"linf-adba"});
  }
};

}  // namespace foil
