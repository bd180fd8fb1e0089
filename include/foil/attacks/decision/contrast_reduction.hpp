// SPDX-License-Identifier: MIT
/// \file
/// Less contrast: the way from the input to a uniform grey.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

#include "foil/attacks/parts/first_on_way.hpp"
#include "foil/core/numbers.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Where contrast reduction leads to: the same share of the way through the bounds of every feature that may
/// move. Not finite without finite bounds.
inline Eigen::VectorXd without_contrast(const Oracle& oracle, double target) {
  return oracle.lower() + target * (oracle.upper() - oracle.lower());
}

/// Options of foil::L2ContrastReductionAttack.
struct ContrastReductionOptions {
  double target = 0.5;

  void list(OptionList& option) {
    option("target", target, "grey to go to, from the lower end of the bounds, 0, to the upper, 1",
           between(0, 1));
  }
};

/// Goes from the input straight towards a uniform grey, by epsilon, or all the way where that is shorter.
/// Decision-based; L2; features that a mask freezes stay. Needs finite bounds, else the status is
/// start_failed. Cost: 1 forward pass for the input and 1 for the result.
class L2ContrastReductionAttack : public FixedBudgetAttack<L2ContrastReductionAttack> {
 public:
  using Options = ContrastReductionOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "l2-contrast-reduction"; }

  explicit L2ContrastReductionAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle, double epsilon) const {
    const Eigen::VectorXd change = without_contrast(oracle, options_.target) - oracle.original();
    const double length = L2::size(change);
    if (!std::isfinite(length)) co_return oracle.finish(Status::start_failed);
    if (length == 0) co_return;
    Eigen::VectorXd x = oracle.original() + std::min(1.0, epsilon / length) * change;
    oracle.settle(x, epsilon);
    if (x != oracle.original()) co_await oracle.query(x);
  }

 private:
  Options options_;
};

/// The presets: bisection of the way, or one step after the other.
enum class ContrastSearch { binary, linear };

/// Options of the searches for the least reduction.
template <ContrastSearch search>
struct ContrastReductionSearchOptions {
  double target = 0.5;
  int steps = search == ContrastSearch::linear ? 1000 : 1;
  int bisections = search == ContrastSearch::linear ? 0 : 15;

  void list(OptionList& option) {
    option("target", target, "grey to go to, from the lower end of the bounds, 0, to the upper, 1",
           between(0, 1));
    option("steps", steps, "equal steps of the way, from the input on, until one is adversarial",
           between(1, 1e6));
    option("bisections", bisections, "then, of the last step", at_least(0));
  }
};

/// Looks for the least reduction of contrast that is adversarial: the point closest to the input on the
/// straight way to a uniform grey. Decision-based; distances in L2; features that a mask freezes stay. Needs
/// finite bounds, else the status is start_failed. Rauber, Brendel, Bethge 2017, arXiv:1707.04131 (Foolbox).
///
/// `contrast-reduction` asks about the grey itself and then bisects, which is exact where the adversarials of
/// the way are one interval that reaches the grey; `linear-search-contrast-reduction` takes 1,000 steps, for
/// where they may not be. Differs from Foolbox: the grey is asked about before it is called adversarial.
/// Cost: 1 forward pass for the input, at most 1 per step and bisection.
class ContrastReductionSearchAttack : public MinimalAttack<ContrastReductionSearchAttack> {
 public:
  using Options = ContrastReductionSearchOptions<ContrastSearch::binary>;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::decisions;

  explicit ContrastReductionSearchAttack(Options options = {}, std::string name = "contrast-reduction")
      : options_(checked(name, options)), name_(std::move(name)) {}
  const Options& options() const { return options_; }
  const std::string& name() const { return name_; }

  Task<> attack(Oracle& oracle) const {
    const Eigen::VectorXd grey = without_contrast(oracle, options_.target);
    if (!all_finite(grey)) co_return oracle.finish(Status::start_failed);
    if (grey == oracle.original()) co_return;
    const auto way = [&](double share) -> Eigen::VectorXd {
      return oracle.original() + share * (grey - oracle.original());
    };
    co_await first_on_way(oracle, way, options_.steps, options_.bisections);
  }

 private:
  Options options_;
  std::string name_;
};

/// The search under its other name and with that one's defaults.
class LinearSearchContrastReductionAttack : public ContrastReductionSearchAttack {
 public:
  using Options = ContrastReductionSearchOptions<ContrastSearch::linear>;
  explicit LinearSearchContrastReductionAttack(Options options = {})
      : ContrastReductionSearchAttack(std::bit_cast<ContrastReductionSearchAttack::Options>(options),
                                      "linear-search-contrast-reduction") {}
};
using BinarySearchContrastReductionAttack = ContrastReductionSearchAttack;

/// Its entries in the catalogue.
struct ContrastReductionFamily {
  static void list(auto& catalogue) {
    constexpr const char* paper = "Rauber, Brendel, Bethge 2017, arXiv:1707.04131 (Foolbox)";
    catalogue.family("Contrast reduction", paper, "2 forward");
    catalogue.add(L2ContrastReductionAttack());
    catalogue.family("Contrast reduction, least", paper, "1 forward, at most 1 per step and bisection");
    catalogue.add(ContrastReductionSearchAttack(), {"binary-search-contrast-reduction"});
    catalogue.add(ContrastReductionSearchAttack(LinearSearchContrastReductionAttack()));
  }
};

}  // namespace foil
