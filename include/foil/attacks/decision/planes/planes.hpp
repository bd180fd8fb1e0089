// SPDX-License-Identifier: MIT
/// \file
/// SurFree, Semicircle, CGBA, CGBA-H and TtBA: L2 by searches in planes through the input.
#pragma once

#include "foil/attacks/decision/planes/cgba.hpp"
#include "foil/attacks/decision/planes/semicircle.hpp"
#include "foil/attacks/decision/planes/surfree.hpp"

namespace foil {

/// Their entries in the catalogue.
struct PlaneFamily {
  static void list(auto& catalogue) {
    catalogue.family("SurFree", "Maho, Furon, Le Merrer 2021, arXiv:2011.12807",
                     "a start; 2 forward per direction, 5 to 12 where it leads closer");
    catalogue.add(SurFreeAttack(), {"l2-surfree"});
    constexpr const char* cost = "a start; per step t `estimates` sqrt(t) forward, and some 15";
    catalogue.family("Semicircle", "foil's own, after CGBA", cost);
    catalogue.add(SemicircleAttack(), {"l2-semicircle"});
    catalogue.family("CGBA", "Reza, Rahmati, Wu, Dai 2023, arXiv:2308.03163", cost);
    catalogue.add(CgbaAttack(), {"l2-cgba"});
    catalogue.add(CgbaAttack(CgbaHAttack()), {"l2-cgba-h"});
    catalogue.family("TtBA", "Wang, Zuo, Huang, Chen 2025, ICML",
                     "a start; per step t `estimates` sqrt(t) forward, and some 24");
    catalogue.add(CgbaAttack(TtbaAttack()), {"l2-ttba"});
  }
};

}  // namespace foil
