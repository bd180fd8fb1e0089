// SPDX-License-Identifier: MIT
/// \file
/// PGD whose step lengths adapt to the loss: APGD, its targeted form, and ACG.
#pragma once

#include <bit>
#include <type_traits>

#include "foil/attacks/gradient/auto_pgd/ascent.hpp"
#include "foil/attacks/gradient/auto_pgd/options.hpp"
#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"

namespace foil {

/// APGD under another name and with other defaults.
template <Norm N, class Defaults>
class AutoPgdPreset : public AutoProjectedGradientDescent<N> {
 public:
  using Options = AutoPgdOptions<Defaults>;
  explicit AutoPgdPreset(Options options = {})
      : AutoProjectedGradientDescent<N>(std::bit_cast<AutoProjectedGradientOptions<N>>(options),
                                        text(N::name, "-", Defaults::name)) {}
};

template <Norm N>
using TargetedApgd =
    AutoPgdPreset<N, std::conditional_t<N::p == 1, TargetedL1ApgdDefaults, TargetedApgdDefaults>>;
using L1TargetedAPGD = TargetedApgd<L1>;
using L2TargetedAPGD = TargetedApgd<L2>;
using LinfTargetedAPGD = TargetedApgd<Linf>;
template <Norm N>
using AutoConjugateGradient = AutoPgdPreset<N, AcgDefaults>;
using L2ACG = AutoConjugateGradient<L2>;
using LinfACG = AutoConjugateGradient<Linf>;

/// Its entries in the catalogue.
struct AutoPgdFamily {
  static void list(auto& catalogue) {
    constexpr const char* papers = "Croce & Hein 2020, arXiv:2003.01690; L1: 2021, arXiv:2103.01208";
    constexpr const char* cost =
        "per restart `steps` x (1 forward + 1 backward) + 1 forward for each of the `radii`";
    catalogue.family("APGD", papers, cost);
    catalogue.add(LinfAPGD(), {"apgd", "linf-auto-pgd"});
    catalogue.add(L2APGD(), {"l2-auto-pgd"});
    catalogue.add(L1APGD(), {"l1-auto-pgd"});
    catalogue.family("Targeted APGD", papers, "that of APGD for each target, and 1 forward");
    catalogue.add(LinfAPGD(LinfTargetedAPGD()), {"apgd-t", "linf-targeted-apgd"});
    catalogue.add(L2APGD(L2TargetedAPGD()), {"l2-targeted-apgd"});
    catalogue.add(L1APGD(L1TargetedAPGD()), {"l1-targeted-apgd"});
    catalogue.family("ACG", "Yamamura et al. 2022, arXiv:2206.09628", cost);
    catalogue.add(LinfAPGD(LinfACG()), {"acg", "linf-auto-conjugate-gradient"});
    catalogue.add(L2APGD(L2ACG()), {"l2-auto-conjugate-gradient"});
  }
};

}  // namespace foil
