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

#include "foil/core/tensor.hpp"
#include "foil/run/any_attack.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// How the smallest radius is searched for.
struct RadiusSearch {
  double first_epsilon = 0;
  int doublings = 8;
  int bisections = 10;

  void list(OptionList& option) {
    option("first_epsilon", first_epsilon,
           "first radius tried; 0: a hundredth of the largest distance in the box", at_least(0));
    option("doublings", doublings, "radii tried, each twice the last, until the attack succeeds",
           at_least(0));
    option("bisections", bisections, "radii tried between failure and success", at_least(0));
  }
};

/// Searches a sample's smallest successful radius: doubles until the attack succeeds, then bisects. Every run
/// draws its own random numbers. `attack` must outlive the task.
inline Task<> smallest_radius(Oracle& oracle, RadiusSearch search, const AnyAttack::Start& attack) {
  Eigen::VectorXd farthest(oracle.features());
  for (Index i = 0; i < farthest.size(); ++i)
    farthest[i] =
        std::max(oracle.upper()[i] - oracle.original()[i], oracle.original()[i] - oracle.lower()[i]);
  const double most = oracle.norm().size(farthest);
  double epsilon = search.first_epsilon > 0 ? search.first_epsilon : std::isinf(most) ? 1.0 : most / 100;
  std::uint64_t attempt = 0;
  double failed = 0;
  for (int doubling = 0; !oracle.found(); ++doubling) {
    oracle.set_repetition(attempt++);
    const bool succeeded = co_await oracle.within(epsilon, attack(oracle, epsilon));
    if (succeeded) break;
    if (doubling == search.doublings || epsilon >= most) co_return;
    failed = epsilon;
    epsilon = std::min(2 * epsilon, most);
  }
  for (int bisection = 0; bisection < search.bisections; ++bisection) {
    epsilon = failed + (oracle.best_distance() - failed) / 2;
    if (!(epsilon > failed && epsilon < oracle.best_distance())) break;
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
  int doublings = 8;
  int bisections = 10;
};

/// Searches each sample's smallest successful radius, see smallest_radius(). All samples search side by side,
/// one batch per step of the attack. Cost: that of the attack, at most 1 + doublings + bisections times.
template <class Attack>
class Minimal : public MinimalAttack<Minimal<Attack>> {
 public:
  using Options = MinimalOptions<Attack>;
  using norm = typename Attack::norm;
  static constexpr Knowledge knowledge = Attack::knowledge;

  explicit Minimal(Options options = {})
      : options_(std::move(options)),
        search_(checked("minimal",
                        RadiusSearch{options_.first_epsilon, options_.doublings, options_.bisections})),
        attack_(Attack(options_.attack)) {}
  const Options& options() const { return options_; }
  std::string name() const { return text("minimal-", attack_.name()); }
  std::string stream() const { return text("minimal-", attack_.stream()); }

  Task<> attack(Oracle& oracle) const { return smallest_radius(oracle, search_, attack_.start()); }

 private:
  Options options_;
  RadiusSearch search_;
  AnyAttack attack_;
};

/// The same at run time.
inline AnyAttack minimal_form(const AnyAttack& attack, const RadiusSearch& search) {
  const std::string name = text("minimal-", attack.name());
  return {name,
          text("minimal-", attack.stream()),
          attack.norm(),
          attack.knowledge(),
          true,
          [start = attack.start(), search = checked(name, search)](Oracle& oracle, double) {
            return smallest_radius(oracle, search, start);
          }};
}

}  // namespace foil
