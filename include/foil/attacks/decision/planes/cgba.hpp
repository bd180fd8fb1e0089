// SPDX-License-Identifier: MIT
/// \file
/// CGBA, CGBA-H and TtBA: searches in the plane of the input, a point of the boundary, and the normal there.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "foil/attacks/decision/planes/plane.hpp"
#include "foil/attacks/decision/planes/search.hpp"
#include "foil/attacks/parts/noise_space.hpp"
#include "foil/attacks/parts/normal_estimate.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/core/sum.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// What the presets differ in.
struct CgbaDefaults {
  static constexpr std::string_view name = "cgba";
  static constexpr int steps = 93;
  static constexpr PlaneSearch search = PlaneSearch::circle;
  static constexpr double noise = 2e-4;
};
struct CgbaHDefaults : CgbaDefaults {
  static constexpr std::string_view name = "cgba-h";
  static constexpr PlaneSearch search = PlaneSearch::halving;
};
struct TtbaDefaults : CgbaDefaults {
  static constexpr std::string_view name = "ttba";
  static constexpr int steps = 100;
  static constexpr PlaneSearch search = PlaneSearch::bridge;
  static constexpr double noise = 3e-4;
};

/// Options of CGBA and its presets.
template <class Defaults>
struct NormalPlaneOptions {
  int steps = Defaults::steps;
  int estimates = 30;
  PlaneSearch search = Defaults::search;
  double noise = Defaults::noise;
  double tolerance = 1e-4;
  NoiseSpaceOptions space{.subspace = 0};
  /// How a start is found. Then the way to it is halved down to the tolerance.
  StartOptions start{.bisections = 0};

  void list(OptionList& option) {
    option("steps", steps, "estimates of the normal, and searches in its plane", at_least(0));
    option("estimates", estimates,
           "points per estimate in the first step; they grow with the root of the steps", at_least(1));
    option("search", search,
           "circle: CGBA's, along a half circle; halving: CGBA-H's, towards the input, for targets and round "
           "boundaries; bridge: TtBA's, towards the input");
    option("noise", noise,
           "deviation of the points' noise in each dimension, as a share of the box's longest side",
           above(0, 1));
    option("tolerance", tolerance, "distance to the boundary, as a share of the box's longest side",
           strictly_between(0, 1));
    option.nested("", space);
    option.nested("start_", start);
  }
};
using CgbaOptions = NormalPlaneOptions<CgbaDefaults>;
using CgbaHOptions = NormalPlaneOptions<CgbaHDefaults>;
using TtbaOptions = NormalPlaneOptions<TtbaDefaults>;

/// CGBA, curvature-aware geometric black-box attack, Reza, Rahmati, Wu, Dai 2023, arXiv:2308.03163: minimal
/// L2 perturbations of models that return decisions only, for any criterion. At a point of the boundary its
/// normal is estimated from answers around it; with the way from the input it spans a plane, in which the
/// boundary is met again, closer, on the half circle over that way. CGBA-H, of the same paper, goes from the
/// half circle towards the input instead, which suits targeted criteria; so does TtBA, two-third bridge
/// approach, Wang, Zuo, Huang, Chen 2025, from a point as far away, turned two thirds of the way that is
/// still adversarial. They are presets, CgbaHAttack and TtbaAttack. Targeted: by a targeted criterion and a
/// start of the target class.
///
/// Differs from the authors' code: lengths are shares of the box's longest side, where that has no end of the
/// start's distance; noise is normal, of one length, clipped before it is asked about, and what is left of it
/// counts, less its mean; searches end where the model's numbers do, and keep the closest point that they
/// met.
///
/// Cost: a start, see next_start(), and some 14 forward passes; per step t `estimates` * sqrt(t), and some 15
/// with search=circle or halving, 24 with bridge.
class CgbaAttack : public MinimalAttack<CgbaAttack> {
 public:
  using Options = CgbaOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::decisions;

  /// A preset has a name of its own, which its random numbers belong to.
  explicit CgbaAttack(Options options = {}, std::string name = std::string(CgbaDefaults::name))
      : options_(checked(name, options)), name_(std::move(name)) {}
  const Options& options() const { return options_; }
  const std::string& name() const { return name_; }

  Task<> attack(Oracle& oracle) const {
    Eigen::VectorXd x;
    const bool found = co_await find_only_start(oracle, options_.start, x);
    if (!found) co_return;
    NoiseSpace space(oracle, name_, options_.space);
    const double side = longest_side(oracle, oracle.distance(x)), gap = options_.tolerance * side;
    const double spread = options_.noise * side * std::sqrt(static_cast<double>(space.dimension()));
    std::uint32_t draws = 0;
    const DrawDirection draw = [&](Eigen::VectorXd& u) {
      space.fill(oracle.random(Purpose::normal_estimate, draws++), u);
      const double length = norm2(u);
      if (length > 0) u /= length;
    };
    co_await planes::to_boundary(oracle, x, gap);
    NormalEstimate normal;
    for (int step = 1; step <= options_.steps; ++step) {
      const double points = options_.estimates * std::sqrt(static_cast<double>(step));
      co_await estimate_normal(oracle, x, spread, static_cast<int>(std::min<double>(points, most_points)),
                               draw, normal);
      const planes::Plane plane(oracle, x, normal.direction());
      if (!plane.spans()) co_return;  // nothing else can be represented near x
      co_await planes::search(oracle, options_.search, plane, gap, x);
    }
  }

 private:
  static constexpr int most_points = std::numeric_limits<int>::max();

  Options options_;
  std::string name_;
};

/// CGBA under another name and with other defaults.
template <class Defaults>
class CgbaPreset : public CgbaAttack {
 public:
  using Options = NormalPlaneOptions<Defaults>;
  explicit CgbaPreset(Options options = {})
      : CgbaAttack(std::bit_cast<CgbaOptions>(options), std::string(Defaults::name)) {}
};

using CgbaHAttack = CgbaPreset<CgbaHDefaults>;
using TtbaAttack = CgbaPreset<TtbaDefaults>;

}  // namespace foil
