// SPDX-License-Identifier: MIT
/// \file
/// Semicircle: CGBA's half circle with an estimate and a search whose accuracies follow each other.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include "foil/attacks/decision/planes/directions.hpp"
#include "foil/attacks/decision/planes/plane.hpp"
#include "foil/attacks/decision/planes/search.hpp"
#include "foil/attacks/parts/noise_space.hpp"
#include "foil/attacks/parts/normal_estimate.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::SemicircleAttack.
struct SemicircleOptions {
  int steps = 64;
  int estimates = 30;
  PlaneSearch search = PlaneSearch::circle;
  NoiseSpaceOptions space{};
  StartOptions start{};  ///< how a start is found

  void list(OptionList& option) {
    option("steps", steps, "estimates of the normal, and searches in its plane", at_least(0));
    option(
        "estimates", estimates,
        "points per estimate in the first step; they grow with the root of the steps, to one less than the "
        "dimensions",
        at_least(1));
    option("search", search,
           "circle: along a half circle; halving: towards the input, for targets and round boundaries; "
           "bridge: towards the input");
    option.nested("", space);
    option.nested("start_", start);
  }
};

/// How Semicircle looks around: changed by answers only.
struct SemicircleScale {
  double spread = 0.05;  ///< of the points around, as a share of the distance
  double slope = 0.5;    ///< tangent of the angle at which the boundary was met last

  /// After an estimate: the mean of its answers, each 1 or -1.
  void estimate_was(double mean) {
    if (std::abs(mean) > 0.6)
      spread = std::max(spread / 2, 1e-6);
    else if (std::abs(mean) < 0.3)
      spread = std::max(spread, std::min(1.3 * spread, 0.1));
  }
};

/// Semicircle, foil's own after CGBA (Reza, Rahmati, Wu, Dai 2023, arXiv:2308.03163): minimal L2
/// perturbations of models that return decisions only, for any criterion. At a point of the boundary its
/// normal is estimated from answers around it, in directions that are orthogonal to the way from the input
/// and to each other; on the half circle over that way, in the plane with the estimate, the boundary is met
/// again closer to the input.
///
/// Differs from CGBA: directions are orthogonal; how far around is asked is a share of the distance which
/// follows the answers; the search begins at the last angle, and ends where what is left is small beside what
/// the next estimate can tell. On a flat boundary that comes within 1 % in some 6 answers per dimension.
/// Targeted: by a targeted criterion and a start of the target class, best with search=halving.
///
/// Cost: a start, see next_start(), and 10 forward passes; per step t `estimates` * sqrt(t), at most one less
/// than there are dimensions, and 4 to 15. Time grows with the square of the estimates.
class SemicircleAttack : public MinimalAttack<SemicircleAttack> {
 public:
  using Options = SemicircleOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "semicircle"; }

  explicit SemicircleAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    Eigen::VectorXd x;
    const bool found = co_await find_only_start(oracle, options_.start, x);
    if (!found) co_return;
    co_await walk(oracle, std::numeric_limits<std::int64_t>::max(), x);
  }

  /// Moves x, an adversarial on the boundary, closer, until the next estimate would bring the run to more
  /// than so many questions.
  Task<> walk(Oracle& oracle, std::int64_t questions, Eigen::VectorXd& x) const {
    Eigen::VectorXd along;
    NoiseSpace space(oracle, name(), options_.space);
    const auto dimension = static_cast<double>(space.dimension());
    planes::Directions directions(space, std::min(space.dimension(), memory / oracle.features()));
    std::uint32_t draws = 0;
    const DrawDirection draw = [&](Eigen::VectorXd& u) {
      directions.draw(oracle.random(Purpose::normal_estimate, draws++), along, u);
    };
    NormalEstimate normal;
    SemicircleScale scale;
    for (int step = 1; step <= options_.steps; ++step) {
      const double distance = oracle.distance(x);
      if (!(distance > 0)) co_return;  // the input itself, if the model has taken back its answer
      along = (x - oracle.original()) / distance;
      directions.clear();
      const double wanted = options_.estimates * std::sqrt(static_cast<double>(step));
      const auto points = static_cast<int>(std::min(wanted, std::max(1.0, dimension - 1)));
      if (oracle.queries() > questions - points) co_return;
      co_await estimate_normal(oracle, x, scale.spread * distance, points, draw, normal);
      const double spread = scale.spread;
      scale.estimate_was(normal.mean);
      if (std::abs(normal.mean) == 1 && points >= too_many_alike) {
        co_await tighten(oracle, spread, x);
        continue;
      }
      const planes::Plane plane(oracle, x, normal.direction());
      if (!plane.spans()) co_return;  // nothing else can be represented near x
      const double gap = 0.1 * scale.spread * distance / std::sqrt(dimension);
      if (options_.search == PlaneSearch::circle)
        co_await search_from_last(oracle, plane, gap, scale, x);
      else
        co_await planes::search(oracle, options_.search, plane, gap, x);
    }
  }

 private:
  static constexpr Index memory = 1 << 19;  // numbers, for directions
  static constexpr int too_many_alike = 8;  // answers that are the same by more than chance

  /// Moves x towards the input by less than `share` of its distance, as far as it stays adversarial.
  static Task<> tighten(Oracle& oracle, double share, Eigen::VectorXd& x) {
    const Eigen::VectorXd from = x;
    double outside = 1 - share, inside = 1;
    for (int halving = 0; halving < 6; ++halving) {
      const double middle = halving == 0 ? outside : outside + (inside - outside) / 2;
      Eigen::VectorXd z = oracle.original() + middle * (from - oracle.original());
      oracle.settle(z);
      const bool adversarial = co_await planes::take_closer(oracle, z, x);
      if (adversarial && halving == 0) co_return;
      (adversarial ? inside : outside) = middle;
    }
  }

  /// Moves x along the half circle to the boundary, from the angle at which it was met last.
  static Task<> search_from_last(Oracle& oracle, const planes::Plane& plane, double gap,
                                 SemicircleScale& scale, Eigen::VectorXd& x) {
    constexpr double factor = 1.5;
    constexpr int most_up = 24, most_down = 12;
    planes::Arc arc{.x = x};
    double slope = scale.slope;
    Eigen::VectorXd z = plane.on_circle(std::atan(slope));
    const bool up = co_await planes::take_closer(oracle, z, arc.x);
    (up ? arc.inside : arc.outside) = std::atan(slope);
    bool crossed = false;
    for (int tries = 0; tries < (up ? most_up : most_down) && !crossed; ++tries) {
      slope = up ? slope * factor : slope / factor;
      z = plane.on_circle(std::atan(slope));
      const bool adversarial = co_await planes::take_closer(oracle, z, arc.x);
      (adversarial ? arc.inside : arc.outside) = std::atan(slope);
      crossed = adversarial != up;
    }
    const std::function<bool(const planes::Arc&)> narrow = [&](const planes::Arc& a) {
      return plane.radius() * std::sin(a.outside) * (a.outside - a.inside) <= gap;
    };
    if (crossed) co_await planes::bisect(oracle, plane, arc, 60, narrow);
    scale.slope = arc.inside > 0 ? std::tan(arc.inside) : slope;
    x.swap(arc.x);
  }

  Options options_;
};

}  // namespace foil
