// SPDX-License-Identifier: MIT
#include "catalogue/all_attacks.hpp"

#include "foil/evaluation/catalogue.hpp"

namespace programs {

const foil::Catalogue& all_attacks() {
  return foil::catalogue();
}

}  // namespace programs
