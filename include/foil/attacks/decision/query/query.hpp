// SPDX-License-Identifier: MIT
/// \file
/// foil's own attacks for models that return decisions only.
#pragma once

#include <concepts>
#include <type_traits>

#include "foil/attacks/decision/query/l2_query.hpp"
#include "foil/attacks/decision/query/linf_query.hpp"
#include "foil/core/norms.hpp"

namespace foil {

/// The query attack in L2 or Linf.
template <Norm N>
  requires std::same_as<N, L2> || std::same_as<N, Linf>
using QueryAttack = std::conditional_t<std::same_as<N, L2>, L2QueryAttack, LinfQueryAttack>;

/// Its entries in the catalogue.
struct QueryFamily {
  static void list(auto& catalogue) {
    catalogue.family("Query attack", "foil's own", "1 forward per question; the start");
    catalogue.add(L2QueryAttack());
    catalogue.add(LinfQueryAttack());
  }
};

}  // namespace foil
