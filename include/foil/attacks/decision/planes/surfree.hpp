// SPDX-License-Identifier: MIT
/// \file
/// SurFree: half circles in random planes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <string>
#include <utility>

#include "foil/attacks/decision/planes/directions.hpp"
#include "foil/attacks/decision/planes/plane.hpp"
#include "foil/attacks/decision/planes/search.hpp"
#include "foil/attacks/parts/noise_space.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::SurFreeAttack.
struct SurFreeOptions {
  int steps = 2000;
  int n_ortho = 100;
  double angle = 30;
  int bisections = 7;
  NoiseSpaceOptions space{};
  StartOptions start{};  ///< how a start is found

  void list(OptionList& option) {
    option("steps", steps, "directions tried", at_least(0));
    option("n_ortho", n_ortho,
           "last directions that the next one is orthogonal to, at most half of what there are; each takes 8 "
           "bytes per feature of each sample being attacked",
           at_least(0));
    option("angle", angle, "first angle tried, in degrees; then it follows the successes", above(0, 60));
    option("bisections", bisections, "of the angle after a success", at_least(0));
    option.nested("", space);
    option.nested("start_", start);
  }
};

/// SurFree, Maho, Furon, Le Merrer 2021, arXiv:2011.12807: minimal L2 perturbations of models that return
/// decisions only, for any criterion, without estimates of gradients. Random directions, orthogonal to the
/// last ones, span planes with the way from the input to the closest adversarial; on the half circle over
/// that way the points at an angle to either side are tried, and from one that is adversarial the angle grows
/// until it is not, and is bisected. The first angle shrinks by a twentieth after a failure, and grows as
/// much after a success. Targeted: by a targeted criterion and a start of the target class.
///
/// Differs from the authors' code: directions are orthogonal to the present way, not the first one; noise is
/// normal, in all features or those of the `subspace`; both ends of a bisection are known; no other side is
/// tried in it; the angle is at most 60 degrees to begin with. Points that would not come closer are not
/// asked about.
///
/// Cost: a start, see next_start(), and 10 forward passes; then 2 per direction without success, 5 to 12 with
/// one.
class SurFreeAttack : public MinimalAttack<SurFreeAttack> {
 public:
  using Options = SurFreeOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "surfree"; }

  explicit SurFreeAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    planes::Arc arc;
    const bool found = co_await find_only_start(oracle, options_.start, arc.x);
    if (!found) co_return;
    NoiseSpace space(oracle, name(), options_.space);
    planes::Directions directions(space, std::min<Index>(options_.n_ortho, (space.dimension() - 1) / 2));
    double angle = options_.angle * degree;
    Eigen::VectorXd direction;
    int unasked = 0;
    for (int step = 0; step < options_.steps; ++step) {
      const double distance = oracle.distance(arc.x);
      if (!(distance > 0)) co_return;  // the input itself, if the model has taken back its answer
      if (unasked == most_unasked) {
        oracle.finish(Status::converged);
        co_return;
      }
      const Eigen::VectorXd along = (arc.x - oracle.original()) / distance;
      directions.draw(oracle.random(Purpose::direction, static_cast<std::uint32_t>(step)), along, direction);
      const planes::Plane plane(oracle, arc.x, direction);
      const std::int64_t before = oracle.queries();
      bool adversarial = false;
      for (int side = 1; side >= -1 && !adversarial && plane.spans(); side -= 2) {
        arc.inside = side * angle;
        Eigen::VectorXd z = plane.on_circle(arc.inside);
        adversarial = co_await planes::take_closer(oracle, z, arc.x);
      }
      unasked = oracle.queries() > before ? 0 : unasked + 1;
      if (adversarial) co_await widen(oracle, plane, angle, arc);
      angle = adversarial ? std::min(angle / shrink, most_angle) : angle * shrink;
    }
  }

 private:
  static constexpr double degree = std::numbers::pi / 180;
  static constexpr double shrink = 0.95;
  static constexpr double most_angle = 60 * degree;
  static constexpr double narrow_arc = 0.01;  // of cosines
  /// So many directions in a row in which rounding leaves nothing to ask about mean that nothing closer can
  /// be represented.
  static constexpr int most_unasked = 200;

  /// From an adversarial point of the half circle on, by steps of `angle`, to one that is not, and halves
  /// what lies between.
  Task<> widen(Oracle& oracle, const planes::Plane& plane, double angle, planes::Arc& arc) const {
    constexpr double right_angle = std::numbers::pi / 2;
    bool grows = true;
    while (grows) {
      arc.outside = std::copysign(std::min(std::abs(arc.inside) + angle, right_angle), arc.inside);
      Eigen::VectorXd z = plane.on_circle(arc.outside);
      grows = std::abs(arc.outside) < right_angle;
      if (grows) grows = co_await planes::take_closer(oracle, z, arc.x);
      if (grows) arc.inside = arc.outside;
    }
    const std::function<bool(const planes::Arc&)> narrow = [](const planes::Arc& a) {
      return std::abs(std::cos(a.inside) - std::cos(a.outside)) <= narrow_arc;
    };
    co_await planes::bisect(oracle, plane, arc, options_.bisections, narrow);
  }

  Options options_;
};

}  // namespace foil
