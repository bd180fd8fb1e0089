// SPDX-License-Identifier: MIT
#include "catalogue/all_attacks.hpp"

#include "foil/evaluation/catalogue.hpp"

namespace programs {

const foil::Catalogue& all_attacks() {
  return foil::catalogue();
}

}  // namespace programs

template foil::Result<programs::Rows> foil::run(foil::ModelPort<programs::Rows>&, const programs::Rows&,
                                                const foil::Judge&, const foil::AttackTraits&,
                                                const foil::RunOptions<programs::Rows>&, const foil::Launch&);
template foil::Result<programs::Images> foil::run(foil::ModelPort<programs::Images>&, const programs::Images&,
                                                  const foil::Judge&, const foil::AttackTraits&,
                                                  const foil::RunOptions<programs::Images>&,
                                                  const foil::Launch&);
