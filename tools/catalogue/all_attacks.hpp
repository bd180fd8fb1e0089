// SPDX-License-Identifier: MIT
/// \file
/// The catalogue for foil's own programs and tests, which link the one object that compiles every attack, and
/// the engine for the inputs that most of them have. A user's program includes
/// foil/evaluation/catalogue.hpp instead.
#pragma once

#include "foil/evaluation/attack_entry.hpp"

namespace programs {

/// What foil::catalogue() returns.
const foil::Catalogue& all_attacks();

using Rows = foil::Tensor<float, 2>;
using Images = foil::Tensor<float, 4>;

}  // namespace programs

extern template foil::Result<programs::Rows> foil::run(foil::ModelPort<programs::Rows>&,
                                                       const programs::Rows&, const foil::Judge&,
                                                       const foil::AttackTraits&,
                                                       const foil::RunOptions<programs::Rows>&,
                                                       const foil::Launch&);
extern template foil::Result<programs::Images> foil::run(foil::ModelPort<programs::Images>&,
                                                         const programs::Images&, const foil::Judge&,
                                                         const foil::AttackTraits&,
                                                         const foil::RunOptions<programs::Images>&,
                                                         const foil::Launch&);
