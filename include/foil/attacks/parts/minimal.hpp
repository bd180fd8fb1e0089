// SPDX-License-Identifier: MIT
/// \file
/// Turns a fixed-budget attack into a minimal one: a search for the smallest radius at which it succeeds.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "foil/attacks/parts/radius.hpp"
#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/any_attack.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// How the smallest radius is searched for.
struct RadiusSearch {
  double first_epsilon = 0;
  int doublings = 10;
  int bisections = 30;
  double relative_tolerance = 1e-3;

  void list(OptionList& option) {
    option("first_epsilon", first_epsilon,
           "first radius tried; 0: what the first gradient suggests, without gradients a hundredth of the "
           "largest distance in the box or a 25th of the input's own size, whichever is less",
           at_least(0));
    option("doublings", doublings,
           "larger radii tried until the attack succeeds: five of them twice the last, then 4, 16, 256, ... "
           "times",
           at_least(0));
    option("bisections", bisections, "radii tried at most below one that succeeded", at_least(0));
    option("relative_tolerance", relative_tolerance,
           "the search ends when success and failure are within this share of each other", half_open(0, 1));
  }
};

namespace detail {

/// By how much the next radius differs, after so many: moderately at first, then ever more, so that any
/// number is reached in a few steps. A geometric bisection makes good for large factors within a few steps.
inline double radius_factor(int steps) {
  return std::ldexp(1.0, 1 << std::clamp(steps - 4, 0, 6));
}

}  // namespace detail

/// Searches a sample's smallest successful radius: enlarges it until the attack succeeds, reduces it until it
/// fails, then bisects their ratio; in L0, whose radii count features, by whole numbers. Every run draws its
/// own random numbers. `attack` must outlive the task.
inline Task<> smallest_radius(Oracle& oracle, RadiusSearch search, Knowledge knowledge,
                              const AnyAttack::Start& attack) {
  const double most = largest_radius(oracle);
  const auto radius = [&](double wanted) { return oracle.norm().p == 0 ? std::ceil(wanted) : wanted; };
  double epsilon = search.first_epsilon;
  if (epsilon == 0 && knowledge == Knowledge::gradients) {
    Eigen::VectorXd x = oracle.original();
    const Answer& at = co_await oracle.gradient(x, Loss::margin);
    epsilon = linear_distance(oracle, at, at.loss);
  }
  if (!(epsilon > 0 && std::isfinite(epsilon))) epsilon = guessed_radius(oracle);
  epsilon = std::min(radius(epsilon), most);
  std::uint64_t attempt = 0;
  double failed = 0;
  for (int larger = 0; !oracle.found(); ++larger) {
    oracle.set_repetition(attempt++);
    const bool succeeded = co_await oracle.within(epsilon, attack(oracle, epsilon));
    if (succeeded) break;
    if (larger == search.doublings || epsilon >= most) co_return;
    failed = epsilon;
    epsilon = std::min(radius(epsilon * detail::radius_factor(larger)), most);
  }
  for (int below = 0; below < search.bisections; ++below) {
    const double best = oracle.best_distance();
    if (best <= failed * (1 + search.relative_tolerance)) break;
    epsilon = radius(failed > 0 ? std::sqrt(failed) * std::sqrt(best) : best / detail::radius_factor(below));
    if (!(epsilon > failed && epsilon < best)) break;
    oracle.set_repetition(attempt++);
    const bool succeeded = co_await oracle.within(epsilon, attack(oracle, epsilon));
    if (!succeeded) failed = epsilon;
  }
}

/// Options of foil::Minimal.
template <class Attack>
struct MinimalOptions {
  typename Attack::Options attack{};  ///< of the attack that is run at each radius
  double first_epsilon = 0;           ///< as in RadiusSearch, as are the others
  int doublings = 10;
  int bisections = 30;
  double relative_tolerance = 1e-3;
};

/// Searches each sample's smallest successful radius, see smallest_radius(). All samples search side by side,
/// one batch per step of the attack. Cost: that of the attack, at most 1 + doublings + bisections times,
/// about a dozen in practice, and with gradients 1 forward and 1 backward pass.
template <class Attack>
class Minimal : public MinimalAttack<Minimal<Attack>> {
 public:
  static_assert(
      !requires(const Attack& attack) { attack.stages(); },
      "foil: a suite works within one radius; foil::ClosestAttack looks for the smallest");
  using Options = MinimalOptions<Attack>;
  using norm = typename Attack::norm;
  static constexpr Knowledge knowledge = Attack::knowledge;

  explicit Minimal(Options options = {})
      : options_(std::move(options)),
        search_(checked("minimal", RadiusSearch{options_.first_epsilon, options_.doublings,
                                                options_.bisections, options_.relative_tolerance})),
        attack_(Attack(options_.attack)) {}
  const Options& options() const { return options_; }
  std::string name() const { return text("minimal-", attack_.name()); }
  std::string stream() const { return text("minimal-", attack_.stream()); }

  Task<> attack(Oracle& oracle) const { return smallest_radius(oracle, search_, knowledge, attack_.start()); }

 private:
  Options options_;
  RadiusSearch search_;
  AnyAttack attack_;
};

/// The same at run time.
inline AnyAttack minimal_form(const AnyAttack& attack, const RadiusSearch& search) {
  const std::string name = text("minimal-", attack.name());
  require(attack.stages().empty(), name, ": a suite works within one radius");
  return {name,
          text("minimal-", attack.stream()),
          attack.norm(),
          attack.knowledge(),
          true,
          [start = attack.start(), search = checked(name, search), knowledge = attack.knowledge()](
              Oracle& oracle, double) { return smallest_radius(oracle, search, knowledge, start); }};
}

}  // namespace foil
