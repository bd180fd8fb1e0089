// SPDX-License-Identifier: MIT
/// \file
/// Square: random search by square patches.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "foil/attacks/score/square/content.hpp"
#include "foil/attacks/score/square/options.hpp"
#include "foil/attacks/score/square/window.hpp"
#include "foil/geometry/project.hpp"
#include "foil/geometry/rescale.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Square for L1, L2 and Linf: writes random content into a random square window of the best perturbation so
/// far and keeps it where that raises the loss; windows shrink on a schedule. Score-based. Andriushchenko,
/// Croce, Flammarion, Hein 2020, arXiv:1912.00049; for L1, and with these defaults, as in AutoAttack.
///
/// Linf: stripes of +-epsilon to begin with, then windows of +-epsilon, one sign per channel. L2 and L1: five
/// by five bumps to begin with (see square::bump()), then a bump on top of what the window holds, paid for by
/// what is left of epsilon and by a second window that is emptied. Samples that are no images are rows of
/// pixels, whose windows are stretches.
///
/// Differs from the usual implementations: windows reach the last row and column; every sample has windows of
/// its own; a window as long as the image is narrow keeps its share of non-square images; what would change
/// nothing is drawn again, up to 16 times, and not asked about; L2 keeps all of epsilon where the bounds clip
/// it; for L1 a window's share of epsilon does not grow with the number of channels; small images have their
/// bumps, too.
///
/// Cost per restart: at most 1 + `steps` forward passes; besides, 1 for the input.
template <Norm N>
class SquareAttack : public FixedBudgetAttack<SquareAttack<N>> {
 public:
  using Options = SquareOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::scores;
  static std::string name() { return text(N::name, "-square"); }

  explicit SquareAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle, double epsilon) const {
    if (epsilon == 0 || oracle.box().free_features() == 0) co_return;
    const geometry::ImageLayout image = geometry::image_or_row(oracle.shape(), options_.channels_last);
    const geometry::Region<N> region = oracle.region<N>(epsilon);
    Eigen::VectorXd best, best_asked, x, asked;
    for (int restart = 0; restart < options_.restarts; ++restart) {
      double highest = -std::numeric_limits<double>::infinity();
      for (int step = 0; step <= options_.steps; ++step) {
        const auto draw =
            static_cast<std::uint32_t>(restart) * 0x9E3779B9u + static_cast<std::uint32_t>(step);
        RandomDraw random = oracle.random(step == 0 ? Purpose::start : Purpose::window, draw);
        bool changed = step == 0;
        if (step == 0) {
          x = start(region, image, random);
          asked = x;
          oracle.settle(asked, epsilon);
        }
        for (int attempt = 0; attempt < most_attempts && !changed; ++attempt) {
          x = best;
          change(region, image, share_at(step - 1), random, x);
          asked = x;
          oracle.settle(asked, epsilon);
          changed = asked != best_asked;
        }
        if (!changed) continue;
        const Answer& at = co_await oracle.score(asked, options_.loss);
        if (step > 0 && !(at.loss > highest)) continue;
        if (at.loss > highest) highest = at.loss;
        best.swap(x);
        best_asked.swap(asked);
      }
    }
  }

 private:
  static constexpr int most_attempts = 16;
  static constexpr bool bumps = !std::is_same_v<N, Linf>;
  static constexpr square::Power power{N::p};

  double share_at(int step) const {
    const auto of_all = static_cast<std::int64_t>(step) * 10000 / options_.steps;
    return square::covered(options_.share, options_.rescale ? of_all : step);
  }

  static Eigen::VectorXd start(const geometry::Region<N>& region, const geometry::ImageLayout& image,
                               RandomDraw& random) {
    Eigen::VectorXd d = Eigen::VectorXd::Zero(region.centre.size());
    if constexpr (bumps)
      square::tile(image, power, random, d);
    else
      square::stripe(image, region.radius, random, d);
    return within(region, d, true);
  }

  /// The point that a perturbation leads to. L2, and any to be filled: of the radius' size after clipping.
  static Eigen::VectorXd within(const geometry::Region<N>& region, Eigen::VectorXd& d, bool fill) {
    region.box.hold_frozen(d);
    if (bumps && (fill || N::p == 2)) {
      const double size = N::size(d);
      if (size > 0) d *= geometry::rescale(region.centre, d, region.box, region.radius, N{}).eta;
    }
    Eigen::VectorXd x = region.centre + d;
    geometry::project(x, region);
    return x;
  }

  /// Writes into one window.
  static void change(const geometry::Region<N>& region, const geometry::ImageLayout& image, double share,
                     RandomDraw& random, Eigen::VectorXd& x) {
    square::Window window = square::window_of(image, share, bumps);
    square::place(window, image, random);
    Eigen::VectorXd d = x - region.centre;
    if constexpr (bumps) {
      square::Window emptied = window;
      square::place(emptied, image, random);
      d /= region.radius;
      square::pile(image, window, emptied, power, random, d);
      d *= region.radius;
    } else {
      square::paint(image, window, region.radius, random, d);
    }
    x = within(region, d, false);
  }

  Options options_;
};

using L1SquareAttack = SquareAttack<L1>;
using L2SquareAttack = SquareAttack<L2>;
using LinfSquareAttack = SquareAttack<Linf>;

/// Its entries in the catalogue.
struct SquareFamily {
  static void list(auto& catalogue) {
    catalogue.family("Square", "Andriushchenko, Croce, Flammarion, Hein 2020, arXiv:1912.00049",
                     "per restart at most 1 + `steps` forward");
    catalogue.add(LinfSquareAttack(), {"square"});
    catalogue.add(L2SquareAttack());
    catalogue.add(L1SquareAttack());
  }
};

}  // namespace foil
