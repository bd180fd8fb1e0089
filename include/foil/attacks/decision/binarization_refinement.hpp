// SPDX-License-Identifier: MIT
/// \file
/// Against models that first make every feature one of two values: no change but the least that they see.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "foil/attacks/parts/start.hpp"
#include "foil/core/numbers.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Which side of the threshold the threshold itself belongs to.
enum class ThresholdSide { upper, lower };

/// The texts that stand for the values of an option.
constexpr auto option_names(ThresholdSide) {
  return std::array{std::pair{std::string_view("upper"), ThresholdSide::upper},
                    std::pair{std::string_view("lower"), ThresholdSide::lower}};
}

/// Options of foil::BinarizationRefinementAttack.
struct BinarizationRefinementOptions {
  double threshold = 0.5;
  ThresholdSide included_in = ThresholdSide::upper;
  StartOptions start{.bisections = 0};

  void list(OptionList& option) {
    option("threshold", threshold,
           "where the model divides values, from the lower end of the bounds, 0, to the upper, 1; rounded "
           "to the model's numbers",
           between(0, 1));
    option("included_in", included_in, "the side that the threshold itself belongs to");
    option.nested("start_", start);
  }
};

/// For a model that binarises its inputs, and an adversarial of it: the point closest to the input that the
/// model cannot tell from the adversarial. Features that are on the input's side of the threshold get the
/// input's values, the others the first value beyond the threshold that the model's numbers (on a lattice,
/// the lattice) have. Rauber, Brendel, Bethge 2017, arXiv:1707.04131 (Foolbox). Decision-based; distances in
/// L2, but closest in every norm. Needs finite bounds, else the status is start_failed.
///
/// The adversarial is the user's starting point, or what next_start() finds. Where the model disagrees, as
/// one that does not binarise there, it remains the result. Cost: 1 forward pass for the input, a start,
/// and 1.
class BinarizationRefinementAttack : public MinimalAttack<BinarizationRefinementAttack> {
 public:
  using Options = BinarizationRefinementOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::decisions;
  static std::string name() { return "binarization-refinement"; }

  explicit BinarizationRefinementAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    Eigen::VectorXd threshold = oracle.lower() + options_.threshold * (oracle.upper() - oracle.lower());
    if (oracle.sample().single_precision) threshold = threshold.cast<float>().cast<double>().eval();
    if (!all_finite(threshold)) co_return oracle.finish(Status::start_failed);
    StartState state;
    const bool found = co_await find_start(oracle, options_.start, state);
    if (!found) co_return;
    const Eigen::VectorXd& start = state.bisection.inside;
    Eigen::VectorXd x = refined(oracle, threshold, start);
    if (x == start) co_return;
    co_await oracle.query(x);
  }

 private:
  bool above(double value, double threshold) const {
    return options_.included_in == ThresholdSide::upper ? value >= threshold : value > threshold;
  }

  /// The point closest to the original whose features are on the same sides as those of `start`.
  Eigen::VectorXd refined(const Oracle& oracle, const Eigen::VectorXd& threshold,
                          const Eigen::VectorXd& start) const {
    const Eigen::VectorXd& original = oracle.original();
    const auto crossed = [&](Index i, double value) {
      return above(value, threshold[i]) != above(original[i], threshold[i]);
    };
    Eigen::VectorXd x = original, aim = original;
    for (Index i = 0; i < x.size(); ++i)
      if (crossed(i, start[i])) aim[i] = threshold[i];
    // From the threshold on in steps that double, the first so short that it is rounded to the next number.
    const double least = oracle.sample().single_precision ? 0x1p-151 : 0x1p-1074;
    for (double factor = 1;; factor *= 2) {
      x = aim;
      oracle.settle(x);
      bool done = true;
      for (Index i = 0; i < x.size(); ++i) {
        if (!crossed(i, start[i]) || crossed(i, x[i])) continue;
        const double way = start[i] - threshold[i];
        const double step = factor * std::max(least, oracle.precision() * std::abs(threshold[i]) / 8);
        aim[i] = std::abs(way) > step ? threshold[i] + std::copysign(step, way) : start[i];
        done = false;
      }
      if (done) return x;
    }
  }

  Options options_;
};

/// Its entries in the catalogue.
struct BinarizationRefinementFamily {
  static void list(auto& catalogue) {
    catalogue.family("Binarisation refinement", "Rauber, Brendel, Bethge 2017, arXiv:1707.04131 (Foolbox)",
                     "1 forward, a start, and 1");
    catalogue.add(BinarizationRefinementAttack());
  }
};

}  // namespace foil
