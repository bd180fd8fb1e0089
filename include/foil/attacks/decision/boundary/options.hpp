// SPDX-License-Identifier: MIT
/// \file
/// The options of the Boundary Attack.
#pragma once

#include <array>
#include <functional>
#include <string_view>
#include <utility>

#include "foil/attacks/parts/start.hpp"

namespace foil {

/// How the step sizes of the Boundary Attack are adapted.
enum class BoundaryMode {
  tied,  ///< one size per sample, adapted after every query
  paper  ///< two sizes and windows of outcomes, as in the authors' own implementation
};

/// The texts that stand for the values of an option.
constexpr auto option_names(BoundaryMode) {
  return std::array{std::pair{std::string_view("tied"), BoundaryMode::tied},
                    std::pair{std::string_view("paper"), BoundaryMode::paper}};
}

/// A direction in which adversarials are likely to be found from x: the gradient of a surrogate model, a mask
/// of the pixels that matter, ... Any length. A pure function, safe to call from several threads.
using BoundaryPrior = std::function<Eigen::VectorXd(const Oracle&, const Eigen::VectorXd& x)>;

/// Options of foil::BoundaryAttack.
struct BoundaryOptions {
  BoundaryMode mode = BoundaryMode::tied;  ///< tied needs far fewer queries; paper is for reproducing papers
  int steps = 25'000;                      ///< proposals after the start, >= 0
  bool kappa = false;  ///< tied: adapt the orthogonal step to the curvature, for 5 % more queries; helps
                       ///< where the boundary is round on the scale of the distance, costs some on networks
  double release = 0.02;  ///< tied: chance of features at a bound to take part in a proposal; 1: no freezing
  int starts = 2;         ///< tied: starts that race each other until the closest is left, in [1, 256]
  int challengers = 16;   ///< tied: starts tried after convergence, each dropped once it falls behind, >= 0
  int speculation = 1;  ///< tied: proposals per sample and model call, where the batch has room; same result
  double tolerance = 1e-3;     ///< tied: relative distance that is not worth going on for; 0: never converges
  int subspace = 1;            ///< images: only the lowest 1 / subspace frequencies of each axis; 1: all
  bool channels_last = false;  ///< images are (H, W, C); only matters for the subspace
  BoundaryPrior prior{};       ///< where to look first
  double prior_weight = 0.5;   ///< cosine between a proposal and the prior, in [0, 1)
  StartOptions start{};        ///< how a start is found

  void validate() const {
    start.validate();
    require(steps >= 0, "boundary: expected steps >= 0, got ", steps);
    require(release >= 0 && release <= 1, "boundary: expected a release in [0, 1], got ", release);
    require(starts >= 1 && starts <= 256, "boundary: expected starts in [1, 256], got ", starts);
    require(challengers >= 0, "boundary: expected challengers >= 0, got ", challengers);
    require(speculation >= 1, "boundary: expected speculation >= 1, got ", speculation);
    require(speculation == 1 || mode == BoundaryMode::tied,
            "boundary: only mode tied can speculate, got speculation ", speculation);
    require(tolerance >= 0 && tolerance < 1, "boundary: expected a tolerance in [0, 1), got ", tolerance);
    require(subspace >= 1, "boundary: expected subspace >= 1, got ", subspace);
    require(prior_weight >= 0 && prior_weight < 1, "boundary: expected a prior_weight in [0, 1), got ",
            prior_weight);
  }
  template <class Visit>
  static void describe(Visit visit) {
    using O = BoundaryOptions;
    visit("mode", &O::mode, "tied: few queries; paper: as in the paper");
    visit("steps", &O::steps, "proposals after the start");
    visit("kappa", &O::kappa, "adapt to the curvature of the boundary");
    visit("release", &O::release, "chance of features at a bound to take part in a proposal");
    visit("starts", &O::starts, "starts that race each other");
    visit("challengers", &O::challengers, "starts tried after convergence");
    visit("speculation", &O::speculation, "proposals per sample and model call");
    visit("tolerance", &O::tolerance, "relative distance that is not worth going on for");
    visit("subspace", &O::subspace, "images: only the lowest 1 / subspace frequencies");
    visit("channels_last", &O::channels_last, "images are (H, W, C)");
    describe_start(visit);
  }

 private:
  template <class Visit>
  static void describe_start(Visit visit) {
    const auto nested = [](auto member) {
      return [member](auto& options) -> auto& { return options.start.*member; };
    };
    visit("start_fallback", nested(&StartOptions::fallback),
          "search on if the given start is not adversarial");
    visit("start_noise_draws", nested(&StartOptions::noise_draws), "points of noise tried as a start");
    visit("start_bisections", nested(&StartOptions::bisections), "between the input and the start");
  }
};

}  // namespace foil
