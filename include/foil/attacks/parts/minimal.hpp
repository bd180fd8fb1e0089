// SPDX-License-Identifier: MIT
/// \file
/// Turns a fixed-budget attack into a minimal one: a search for the smallest radius at which it succeeds.
#pragma once

#include <cmath>
#include <utility>

#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::Minimal.
template <class Attack>
struct MinimalOptions {
  typename Attack::Options attack{};  ///< options of the attack that is run at each radius
  double first_epsilon = 0;  ///< first radius tried; 0: a hundredth of the largest distance in the box
  int doublings = 8;         ///< radii tried, each twice the last, until the attack succeeds, >= 0
  int bisections = 10;       ///< radii tried between failure and success, >= 0

  void validate() const {
    attack.validate();
    require(std::isfinite(first_epsilon) && first_epsilon >= 0, "minimal: expected first_epsilon >= 0, got ",
            first_epsilon);
    require(doublings >= 0, "minimal: expected doublings >= 0, got ", doublings);
    require(bisections >= 0, "minimal: expected bisections >= 0, got ", bisections);
  }
  template <class Visit>
  static void describe(Visit visit) {
    using O = MinimalOptions;
    visit("first_epsilon", &O::first_epsilon, "first radius tried; 0: a hundredth of the box");
    visit("doublings", &O::doublings, "radii tried upwards until the attack succeeds");
    visit("bisections", &O::bisections, "radii tried between failure and success");
    Attack::Options::describe([&](const char* name, auto member, const char* meaning) {
      visit(name, [member](auto& options) -> auto& { return options.attack.*member; }, meaning);
    });
  }
};

namespace detail {
inline constexpr std::string_view minimal_prefix = "minimal-";
}

/// Searches each sample's smallest successful radius: doubles until the attack succeeds, then bisects. All
/// samples search side by side, one batch per step of the attack. Every run draws its own random numbers.
/// Cost: that of the attack, at most 1 + doublings + bisections times.
template <class Attack>
class Minimal : public MinimalAttack<Minimal<Attack>> {
 public:
  using Options = MinimalOptions<Attack>;
  using norm = typename Attack::norm;
  static constexpr std::string_view name = detail::joined<detail::minimal_prefix, Attack::name>;
  static constexpr Knowledge knowledge = Attack::knowledge;

  explicit Minimal(Options options = {}) : options_(std::move(options)), attack_(options_.attack) {
    options_.validate();
  }
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    Eigen::VectorXd farthest(oracle.features());
    for (Index i = 0; i < farthest.size(); ++i)
      farthest[i] =
          std::max(oracle.upper()[i] - oracle.original()[i], oracle.original()[i] - oracle.lower()[i]);
    const double most = oracle.norm().size(farthest);
    double epsilon = options_.first_epsilon > 0 ? options_.first_epsilon
                     : std::isinf(most)         ? 1.0
                                                : most / 100;
    std::uint64_t attempt = 0;
    double failed = 0;
    for (int doubling = 0; !oracle.found(); ++doubling) {
      oracle.set_repetition(attempt++);
      if (co_await oracle.within(epsilon, attack_.attack(oracle, epsilon))) break;
      if (doubling == options_.doublings || epsilon >= most) co_return;
      failed = epsilon;
      epsilon = std::min(2 * epsilon, most);
    }
    for (int bisection = 0; bisection < options_.bisections; ++bisection) {
      epsilon = failed + (oracle.best_distance() - failed) / 2;
      if (!(epsilon > failed && epsilon < oracle.best_distance())) break;
      oracle.set_repetition(attempt++);
      if (!co_await oracle.within(epsilon, attack_.attack(oracle, epsilon))) failed = epsilon;
    }
  }

 private:
  Options options_;
  Attack attack_;
};

}  // namespace foil
