// SPDX-License-Identifier: MIT
/// \file
/// GeoDA: steps from the input along the normal of a boundary that is nearly flat.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "foil/attacks/parts/approach.hpp"
#include "foil/attacks/parts/noise_space.hpp"
#include "foil/attacks/parts/normal_estimate.hpp"
#include "foil/attacks/parts/ray.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/core/sum.hpp"
#include "foil/geometry/image.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::GeodaAttack.
struct GeodaOptions {
  int steps = 12;
  int estimates = 70;
  double decay = 0.6;
  int subspace = 3;
  double spread = 2e-4;
  double tolerance = 1e-4;
  geometry::ChannelsLast channels_last{};
  /// How a start is found. Then the way to it is halved as in every step.
  StartOptions start{.bisections = 0};

  void list(OptionList& option) {
    option("steps", steps, "estimates of the normal, and steps along it", at_least(0));
    option("estimates", estimates, "points of the first estimate", at_least(1));
    option("decay", decay,
           "of the distance beyond the optimum in a step: estimate i has decay^(-2i/3) times the points of "
           "the first",
           above(0, 1));
    option("subspace", subspace, "images: only the lowest 1 / subspace frequencies of each axis; 1: all",
           at_least(1));
    option("spread", spread, "of the points around the boundary, as a share of the box's longest side",
           above(0, 1));
    option("tolerance", tolerance, "length to which the boundary is bisected, as a share of the same",
           above(0, 1));
    option("channels_last", channels_last,
           foil::text(geometry::ChannelsLast::meaning, "; only matters for the subspace"));
    option.nested("start_", start);
  }
};

/// GeoDA, Rahmati, Moosavi-Dezfooli, Frossard, Dai 2020, arXiv:2003.06468: minimal perturbations in L1, L2 or
/// Linf of models that return decisions only, for any criterion. Takes the boundary for a plane: the sum of
/// points drawn around one at the boundary, those that are not adversarial with a minus, is its normal, and
/// the next point is where the best direction for that normal crosses the boundary. Normals of all steps are
/// added up, and made of few low frequencies, where images are attacked. Targeted: by a targeted criterion
/// and a start of the target class.
///
/// Differs from the authors' code: works in any box, and goes in the direction that is best within it (see
/// point_on_ray()), in L1 that of few features; a boundary that is closer is found without steps of a fixed
/// length; the number of points does not follow from the budget, but from the first step's, on which
/// their budget of 10,000 settles; draws at least as far as the model's numbers or a lattice resolve.
///
/// Cost: a start, see next_start(); per step i, from 0 on, `estimates` `decay`^(-2i/3) forward passes, and
/// some 15 for the boundary: 10,000 in all by default.
template <Norm N>
class GeodaAttack : public MinimalAttack<GeodaAttack<N>> {
 public:
  using Options = GeodaOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return text(N::name, "-geoda"); }

  explicit GeodaAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    Eigen::VectorXd x;
    const bool found = co_await find_only_start(oracle, options_.start, x);
    if (!found) co_return;
    const double unit = longest_side(oracle, oracle.distance(x)), length = options_.tolerance * unit;
    co_await approach<N>(oracle, x, halvings(x, oracle, length));
    const bool images = oracle.shape().size() == 3;
    NoiseSpace space(oracle, name(), images ? options_.subspace : 1, options_.channels_last);
    std::uint32_t draws = 0;
    const DrawDirection draw = [&](Eigen::VectorXd& noise) {
      space.fill(oracle.random(Purpose::normal_estimate, draws++), noise);
    };
    Eigen::VectorXd normal = Eigen::VectorXd::Zero(x.size());
    double points = options_.estimates;
    for (int step = 0; step < options_.steps; ++step, points /= std::pow(options_.decay, 2.0 / 3)) {
      NormalEstimate estimate;
      const int count = static_cast<int>(std::min<double>(points, std::numeric_limits<int>::max()));
      co_await estimate_normal(oracle, x, options_.spread * unit, count, draw, estimate);
      normal += estimate.direction();
      if (normal.isZero(0)) co_return;  // nothing else can be represented near x
      co_await step_along(oracle, normal, length, x);
    }
  }

 private:
  static constexpr int most_doublings = 60;

  /// How often the way to x is to be halved until no more than a length is left of it, at most 60 times.
  static int halvings(const Eigen::VectorXd& x, const Oracle& oracle, double length) {
    const double most = std::sqrt(static_cast<double>(x.size())) * Linf::size(x - oracle.original());
    return most > length ? static_cast<int>(std::min(std::ceil(std::log2(most / length)), 60.0)) : 0;
  }

  /// Moves x to where the ray of a normal crosses the boundary, to a length. It stays where that ray has no
  /// adversarial.
  static Task<> step_along(Oracle& oracle, const Eigen::VectorXd& normal, double length, Eigen::VectorXd& x) {
    RaySegment segment{0, oracle.distance(x), {}};
    for (int doublings = 0;; ++doublings) {
      Eigen::VectorXd farther = point_on_ray(oracle, normal, segment.radius);
      const bool moved = doublings == 0 || farther != segment.x;
      if (!moved || doublings == most_doublings) co_return;  // as far as the box goes
      segment.x.swap(farther);
      const bool adversarial = co_await oracle.query(segment.x);
      if (adversarial) break;
      segment.outside = segment.radius;
      segment.radius *= 2;
    }
    co_await narrow(oracle, normal, segment, length);
    x.swap(segment.x);
  }

  Options options_;
};

using L1GeodaAttack = GeodaAttack<L1>;
using L2GeodaAttack = GeodaAttack<L2>;
using LinfGeodaAttack = GeodaAttack<Linf>;

/// Its entries in the catalogue.
struct GeodaFamily {
  static void list(auto& catalogue) {
    catalogue.family("GeoDA", "Rahmati, Moosavi-Dezfooli, Frossard, Dai 2020, arXiv:2003.06468",
                     "a start; per step i `estimates` `decay`^(-2i/3) forward, and some 15");
    catalogue.add(L2GeodaAttack(), {"geoda"});
    catalogue.add(LinfGeodaAttack());
    catalogue.add(L1GeodaAttack());
  }
};

}  // namespace foil
