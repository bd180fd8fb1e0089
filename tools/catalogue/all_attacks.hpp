// SPDX-License-Identifier: MIT
/// \file
/// The catalogue for foil's own programs and tests, which link the one object that compiles every attack, and
/// what runs them. A user's program includes foil/evaluation/catalogue.hpp instead.
#pragma once

#include "catalogue/runs.hpp"
#include "foil/evaluation/attack_entry.hpp"

namespace programs {

/// What foil::catalogue() returns.
const foil::Catalogue& all_attacks();

}  // namespace programs
