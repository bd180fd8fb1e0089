// SPDX-License-Identifier: MIT
/// \file
/// Iterated gradient steps, projected back onto ball and box: BIM and PGD, each plain or with Adam.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include "foil/geometry/maximise.hpp"
#include "foil/geometry/project.hpp"
#include "foil/geometry/sampling.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of the iterated gradient attacks; the defaults of PGD (`pgd`) and BIM differ.
template <bool pgd>
struct IteratedGradientOptions {
  int steps = pgd ? 100 : 10;              ///< gradient steps per restart, >= 1
  double relative_step = pgd ? 0.1 : 0.2;  ///< first step length as a fraction of epsilon
  double absolute_step = 0;                ///< first step length in the inputs' units instead, if > 0
  double final_step =
      pgd ? 0.1 : 1;           ///< last step as a fraction of the first, cosine in between; 1: constant
  bool random_start = pgd;     ///< start uniform in the ball, else at the input
  int restarts = 1;            ///< independent runs from random starts until one succeeds, >= 1
  Loss loss = Loss::lsem;      ///< what is ascended
  double quantile = 0.99;      ///< L1 only: a step moves the features of largest gradient, above this
  bool maximize_loss = false;  ///< do not stop at the first adversarial; return that of highest loss

  void validate() const {
    require(steps >= 1, "iterated gradient: expected steps >= 1, got ", steps);
    require(std::isfinite(relative_step) && relative_step > 0,
            "iterated gradient: expected relative_step > 0, got ", relative_step);
    require(std::isfinite(absolute_step) && absolute_step >= 0,
            "iterated gradient: expected absolute_step >= 0 (0: relative), got ", absolute_step);
    require(final_step >= 0 && final_step <= 1, "iterated gradient: expected final_step in [0, 1], got ",
            final_step);
    require(restarts >= 1, "iterated gradient: expected restarts >= 1, got ", restarts);
    require(restarts == 1 || random_start, "iterated gradient: ", restarts,
            " restarts are all the same without random_start");
    require(quantile >= 0 && quantile < 1, "iterated gradient: expected quantile in [0, 1), got ", quantile);
  }
  template <class Visit>
  static void describe(Visit visit) {
    using O = IteratedGradientOptions;
    visit("steps", &O::steps, "gradient steps per restart");
    visit("relative_step", &O::relative_step, "first step length as a fraction of epsilon");
    visit("absolute_step", &O::absolute_step, "first step length in input units instead, if > 0");
    visit("final_step", &O::final_step, "last step as a fraction of the first (cosine decay)");
    visit("random_start", &O::random_start, "start uniform in the ball, else at the input");
    visit("restarts", &O::restarts, "independent runs until one succeeds");
    visit("loss", &O::loss, "loss to ascend");
    visit("quantile", &O::quantile, "L1 only: share of features that a step leaves alone");
    visit("maximize_loss", &O::maximize_loss, "go on after success and return the highest loss");
  }
};

/// Options of foil::ProjectedGradientDescent and foil::AdamProjectedGradientDescent.
using ProjectedGradientOptions = IteratedGradientOptions<true>;
/// Options of foil::BasicIterativeMethod and foil::AdamBasicIterativeMethod.
using BasicIterativeOptions = IteratedGradientOptions<false>;

namespace detail {

/// The step of a given length that ascends most in the dual of the norm: signs for Linf, the normalised
/// gradient for L2. For L1 the features of largest gradient move (Tramèr & Boneh 2019), strongest first, each
/// by an equal share of the length (1 - quantile of the features would use it up) and no farther than its
/// bound, until the length is spent.
template <Norm N>
void steepest_ascent(const geometry::Box& box, const Eigen::VectorXd& x, const Eigen::VectorXd& gradient,
                     double length, double quantile, Eigen::VectorXd& step) {
  const Index n = x.size();
  if constexpr (std::is_same_v<N, Linf>) {
    for (Index i = 0; i < n; ++i) step[i] = gradient[i] > 0 ? length : gradient[i] < 0 ? -length : 0.0;
  } else if constexpr (std::is_same_v<N, L2>) {
    const double largest = Linf::size(gradient);
    step.setZero();
    if (largest == 0) return;
    for (Index i = 0; i < n; ++i) step[i] = gradient[i] / largest;
    step *= length / norm2(step);
  } else {
    const double share = length / std::max(1.0, std::round((1 - quantile) * static_cast<double>(n)));
    step = geometry::sparse_ascent(gradient, x, box, length, share);
  }
}

/// Adam's running moments (Kingma & Ba 2015) on one sample.
class Adam {
 public:
  explicit Adam(Index n) : mean_(Eigen::VectorXd::Zero(n)), square_(Eigen::VectorXd::Zero(n)) {}

  /// Replaces a direction of ascent by Adam's.
  void refine(Eigen::VectorXd& direction) {
    constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    decay1_ *= beta1;
    decay2_ *= beta2;
    for (Index i = 0; i < direction.size(); ++i) {
      mean_[i] = beta1 * mean_[i] + (1 - beta1) * direction[i];
      square_[i] = beta2 * square_[i] + (1 - beta2) * direction[i] * direction[i];
      direction[i] = mean_[i] / (1 - decay1_) / (std::sqrt(square_[i] / (1 - decay2_)) + epsilon);
    }
  }

 private:
  Eigen::VectorXd mean_, square_;
  double decay1_ = 1, decay2_ = 1;
};

inline constexpr std::string_view pgd_suffix = "-pgd", bim_suffix = "-bim", adam_pgd_suffix = "-adam-pgd",
                                  adam_bim_suffix = "-adam-bim";

}  // namespace detail

/// BIM and PGD for L1, L2 and Linf, targeted or not: x <- P(x + step * direction(gradient)), P the exact
/// Euclidean projection onto ball ∩ box. Kurakin, Goodfellow, Bengio 2017, arXiv:1607.02533; Madry et al.
/// 2018, arXiv:1706.06083.
///
/// Differs from the usual implementations: every iterate counts, not only the last; a sample is finished at
/// its first success; the loss is LSEM (see foil::Loss); L1 steps are sparse and L1 projections exact. Cost:
/// steps x (1 forward + 1 backward) + 1 forward per restart, and 1 forward for the input if it is not the
/// start.
template <Norm N, bool pgd, bool adam>
class IteratedGradientAttack : public FixedBudgetAttack<IteratedGradientAttack<N, pgd, adam>> {
 public:
  using Options = IteratedGradientOptions<pgd>;
  using norm = N;
  static constexpr std::string_view name =
      detail::joined<N::name, (pgd ? (adam ? detail::adam_pgd_suffix : detail::pgd_suffix)
                                   : (adam ? detail::adam_bim_suffix : detail::bim_suffix))>;
  static constexpr Knowledge knowledge = Knowledge::gradients;

  explicit IteratedGradientAttack(Options options = {}) : options_(options) { options_.validate(); }
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle, double epsilon) const {
    if (epsilon == 0) co_return;
    if (options_.maximize_loss) oracle.prefer_highest_loss();
    const Eigen::VectorXd& original = oracle.original();
    const geometry::Box box{oracle.lower(), oracle.upper()};
    const geometry::Region<N> region{original, box, epsilon};
    const double first_step =
        options_.absolute_step > 0 ? options_.absolute_step : options_.relative_step * epsilon;
    Eigen::VectorXd direction(original.size());
    for (int restart = 0; restart < options_.restarts; ++restart) {
      Eigen::VectorXd x = original;
      if (options_.random_start) {
        x += epsilon * geometry::uniform_in_ball<N>(
                           box, oracle.random(Purpose::start, static_cast<std::uint32_t>(restart)));
        oracle.settle(x, epsilon);
      }
      detail::Adam moments(adam ? x.size() : 0);
      for (int step = 0; step < options_.steps; ++step) {
        const auto evaluation = co_await oracle.gradient(x, options_.loss);
        const double length = first_step * decay(step);
        detail::steepest_ascent<N>(box, x, evaluation.gradient, length, options_.quantile, direction);
        if (adam && length > 0) {
          direction /= length;  // Adam's own epsilon is meant for directions of size 1
          moments.refine(direction);
          direction *= length;
        }
        x += direction;
        geometry::project(x, region);
        oracle.settle(x, epsilon);
      }
      co_await oracle.score(x, options_.loss);
    }
  }

 private:
  double decay(int step) const {
    if (options_.steps == 1) return 1;
    const double share = static_cast<double>(step) / (options_.steps - 1);
    return options_.final_step + (1 - options_.final_step) * (1 + std::cos(std::numbers::pi * share)) / 2;
  }

  Options options_;
};

template <Norm N>
using ProjectedGradientDescent = IteratedGradientAttack<N, true, false>;
template <Norm N>
using AdamProjectedGradientDescent = IteratedGradientAttack<N, true, true>;
template <Norm N>
using BasicIterativeMethod = IteratedGradientAttack<N, false, false>;
template <Norm N>
using AdamBasicIterativeMethod = IteratedGradientAttack<N, false, true>;

using L1PGD = ProjectedGradientDescent<L1>;
using L2PGD = ProjectedGradientDescent<L2>;
using LinfPGD = ProjectedGradientDescent<Linf>;
using PGD = LinfPGD;
using L1AdamPGD = AdamProjectedGradientDescent<L1>;
using L2AdamPGD = AdamProjectedGradientDescent<L2>;
using LinfAdamPGD = AdamProjectedGradientDescent<Linf>;
using AdamPGD = LinfAdamPGD;
using L1BasicIterativeAttack = BasicIterativeMethod<L1>;
using L2BasicIterativeAttack = BasicIterativeMethod<L2>;
using LinfBasicIterativeAttack = BasicIterativeMethod<Linf>;
using L1AdamBasicIterativeAttack = AdamBasicIterativeMethod<L1>;
using L2AdamBasicIterativeAttack = AdamBasicIterativeMethod<L2>;
using LinfAdamBasicIterativeAttack = AdamBasicIterativeMethod<Linf>;

}  // namespace foil
