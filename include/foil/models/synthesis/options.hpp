// SPDX-License-Identifier: MIT
/// \file
/// How a model by analysis and synthesis looks for latent vectors.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// How a latent vector that is longer than the radius is brought back.
enum class SphereClip {
  radial,    ///< along itself
  reference  ///< as in the authors' code, which also takes the absolute value of each of its entries
};

/// Options of foil::AnalysisBySynthesis. The defaults are those published, but for `clip`.
struct SynthesisOptions {
  int steps = 49;               ///< of Adam for each class, >= 0; the paper's 50 iterations make 49 steps
  double learning_rate = 0.05;  ///< > 0
  double beta = 1;              ///< weight of the latent vector's length, >= 0
  double radius = 5;            ///< of the ball that latent vectors stay in, > 0
  SphereClip clip = SphereClip::radial;
  std::optional<double> threshold{};  ///< binary inputs: 1 from there on, 0 below; none: as they are
  std::vector<double> factors{};      ///< of the energy of each class, > 0; empty: 1

  /// Throws foil::Error naming the first that makes no sense for so many classes.
  void check(Index classes) const {
    require(steps >= 0, "analysis by synthesis: expected steps >= 0, got ", steps);
    require(learning_rate > 0 && std::isfinite(learning_rate),
            "analysis by synthesis: expected a finite learning_rate > 0, got ", learning_rate);
    require(beta >= 0 && std::isfinite(beta), "analysis by synthesis: expected a finite beta >= 0, got ",
            beta);
    require(radius > 0, "analysis by synthesis: expected a radius > 0, got ", radius);
    require(!threshold || std::isfinite(*threshold),
            "analysis by synthesis: expected a finite threshold, got ", threshold.value_or(0));
    require(factors.empty() || static_cast<Index>(factors.size()) == classes,
            "analysis by synthesis: expected a factor for each of the ", classes, " classes, got ",
            factors.size());
    for (const double factor : factors)
      require(factor > 0 && std::isfinite(factor), "analysis by synthesis: expected finite factors > 0, got ",
              factor);
  }
  double factor(Index of) const { return factors.empty() ? 1 : factors[static_cast<std::size_t>(of)]; }
};

/// Options of foil::latent_bank().
struct LatentBankOptions {
  int samples = 8000;      ///< vectors that are kept, >= 1
  double dismissed = 0.1;  ///< share of those drawn that is not, in [0, 1)
  std::uint64_t seed = 0;
};

}  // namespace foil
