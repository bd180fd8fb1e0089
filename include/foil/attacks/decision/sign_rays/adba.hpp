// SPDX-License-Identifier: MIT
/// \file
/// ADBA: compares directions without measuring how far the boundary is in either.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/attacks/decision/sign_rays/density.hpp"
#include "foil/attacks/decision/sign_rays/ray.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Which radius between two others is tried next: the median of where the boundary is thought to be, which
/// the paper calls ADBA-md, or their midpoint, which it calls ADBA.
enum class AdbaSearch { median, midpoint };
constexpr auto option_names(AdbaSearch) {
  return std::array{std::pair{std::string_view("median"), AdbaSearch::median},
                    std::pair{std::string_view("midpoint"), AdbaSearch::midpoint}};
}

/// Options of foil::AdbaAttack.
struct AdbaOptions {
  AdbaSearch search = AdbaSearch::median;
  int steps = 10'000;
  int halvings = 8;
  double tolerance = 2e-3;

  void list(OptionList& option) {
    option("search", search,
           "radius between two others: the median of where the boundary may be, or the midpoint");
    option("steps", steps, "blocks whose halves are compared", at_least(0));
    option("halvings", halvings, "radii tried per comparison where both halves stay adversarial",
           at_least(0));
    option("tolerance", tolerance, "share of the radius below which radii are not told apart",
           strictly_between(0, 1));
  }
};

/// ADBA, approximation decision boundary attack, Wang, Zuo, Huang, Chen 2024, arXiv:2406.04998: small Linf
/// perturbations of models that return decisions only. As RayS, but flips the halves of a block against each
/// other, at the present radius; where both stay adversarial, at a smaller radius that only one of them
/// survives: at the median of a density that the authors fitted to where the boundary is (see
/// sign_rays::BoundaryDensity), or halfway. That takes about four answers where RayS bisects twice. For any
/// criterion.
///
/// Differs from the paper: starts as RaySAttack, from a radius that is known to a tenth; relative tolerance;
/// whenever all single features have been gone through, the radius is bisected, and the attack ends when
/// nothing has changed since. On a linear model that is the optimum.
///
/// Cost: 2 forward passes per block, and 2 for each further radius.
class AdbaAttack : public MinimalAttack<AdbaAttack> {
 public:
  using Options = AdbaOptions;
  using norm = Linf;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "adba"; }

  explicit AdbaAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    sign_rays::Blocks blocks(oracle, 2);
    if (blocks.empty()) co_return;
    sign_rays::Ray best;
    co_await sign_rays::first_ray(oracle, best);
    if (best.found) co_await sign_rays::tighten(oracle, best, coarse);
    for (int step = 0; step < options_.steps && !blocks.idle(); ++step) {
      const std::span<const Index> block = blocks.next();
      const bool kept = co_await compare(oracle, best, block);
      if (kept) blocks.kept();
      if (best.found && blocks.swept()) co_await sign_rays::tighten(oracle, best, options_.tolerance);
    }
    if (!best.found) co_return oracle.finish(Status::start_failed);
    co_await sign_rays::tighten(oracle, best, options_.tolerance);
    if (blocks.idle()) oracle.finish(Status::converged);
  }

 private:
  static constexpr double coarse = 0.1;  // how well the first radius is known

  /// The radius to try, on rays that resemble one whose boundary is at the known radius.
  double between(double outside, double inside, double known) const {
    return options_.search == AdbaSearch::median ? sign_rays::median_radius(outside, inside, known)
                                                 : outside + (inside - outside) / 2;
  }

  /// Flips the half of the block that comes closer. False if neither is adversarial at the radius.
  Task<bool> compare(Oracle& oracle, sign_rays::Ray& best, std::span<const Index> block) const {
    const std::size_t half = (block.size() + 1) / 2;
    std::array<Eigen::VectorXd, 2> signs{best.signs, best.signs};
    for (std::size_t i = 0; i < block.size(); ++i) signs[i < half ? 0 : 1][block[i]] *= -1;
    double outside = 0, inside = best.radius;
    int winner = -1;
    for (int tries = 0; tries <= options_.halvings; ++tries) {
      const double radius = tries == 0 ? inside : between(outside, inside, best.radius);
      std::vector<Eigen::VectorXd> points;
      for (const Eigen::VectorXd& s : signs) points.push_back(sign_rays::point_at(oracle, s, radius));
      // A block of one has a half that changes nothing, and that is known to be adversarial at the radius.
      const bool alone = block.size() == 1 && tries == 0 && best.found;
      const std::span<Eigen::VectorXd> asked(points.data(), alone ? 1 : 2);
      const std::span<const Answer> at = co_await oracle.query_all(asked);
      const bool first = at[0].adversarial, second = alone || at[1].adversarial;
      if (first || second) {
        inside = radius;
        winner = first ? 0 : 1;
      } else {
        outside = radius;
      }
      if (first != second || (tries == 0 && !first)) break;
      if (inside - outside <= options_.tolerance * inside) break;
    }
    if (winner < 0) co_return false;
    const bool changed =
        !best.found || signs[static_cast<std::size_t>(winner)] != best.signs || inside < best.radius;
    if (changed) {
      sign_rays::Ray closer{signs[static_cast<std::size_t>(winner)], outside, inside, true};
      best = std::move(closer);
    }
    co_return changed;
  }

  Options options_;
};

}  // namespace foil
