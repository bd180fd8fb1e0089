// SPDX-License-Identifier: MIT
/// \file
/// ZOO: descends by differences of scores along a few features at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/losses.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::ZooAttack.
struct ZooOptions {
  int rounds = 9;
  int steps = 1000;
  int features = 128;
  double sigma = 1e-4;
  double learning_rate = 0.01;
  double constant = 10;

  void list(OptionList& option) {
    option("rounds", rounds, "descents, each with another constant", between(1, 1000));
    option("steps", steps, "of a round at most", between(1, 1e6));
    option("features", features, "that a step asks about and moves, drawn at random", between(1, 1e6));
    option("sigma", sigma, "half the way between the two points asked about, as a share of a feature's range",
           above(0, 1));
    option("learning_rate", learning_rate, "Adam's steps, as a share of a feature's range", above(0, 1));
    option("constant", constant, "first weight of what the margin lacks, beside the squared distance",
           above(0, 1e9));
  }
};

namespace zoo {

/// One descent: where it is, and Adam's moments of each feature, which count the feature's own steps.
struct Descent {
  explicit Descent(const Eigen::VectorXd& from)
      : x(from),
        mean(Eigen::VectorXd::Zero(from.size())),
        square(mean),
        decay1(Eigen::VectorXd::Ones(from.size())),
        decay2(decay1) {}

  /// Adam's step of feature i for that derivative of what is to become less; about 1 in size.
  double step(Index i, double derivative) {
    constexpr double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    decay1[i] *= beta1;
    decay2[i] *= beta2;
    mean[i] = beta1 * mean[i] + (1 - beta1) * derivative;
    square[i] = beta2 * square[i] + (1 - beta2) * derivative * derivative;
    return -mean[i] / (1 - decay1[i]) / (std::sqrt(square[i] / (1 - decay2[i])) + epsilon);
  }

  Eigen::VectorXd x, mean, square, decay1, decay2;
};

/// The weight of the margin from round to round: ten times as much until one has found an adversarial, then
/// half-way between the largest that has not and the least that has.
struct Weight {
  double value, failed = 0, succeeded = std::numeric_limits<double>::infinity();
  void next(bool hit) {
    (hit ? succeeded : failed) = value;
    value = std::isinf(succeeded) ? std::min(10 * value, 1e100) : failed + (succeeded - failed) / 2;
  }
};

/// How much a point lacks to be adversarial; 0 where it is, NaN where the answer was not finite.
inline double lacking(const Answer& at) {
  return at.loss > 0 ? 0 : -at.loss;
}

}  // namespace zoo

/// ZOO, Chen, Zhang, Sharma, Yi, Hsieh 2017, arXiv:1708.03999: the attack of Carlini & Wagner in L2 by
/// scores. Each step draws a few features, asks about a point on either side of x along each, and moves it by
/// Adam down the squared distance plus a constant times what the margin lacks; rounds begin at the input and
/// search the constant. Score-based, targeted by the criterion. Confidence is a matter of the criterion:
/// foil::MarginAbove. For the gradients that other attacks want, from scores: foil::GradientEstimator.
///
/// As in the authors' code each feature has moments of its own, and steps are clipped to the box. Differs
/// from the paper: the distance's derivative is taken exactly; near a bound, the two points move inwards
/// together; where rounding or a lattice would make them one, they move apart; a round ends where the loss
/// stands still; the first constant is 10, in the authors' code 0.5. On a lattice, steps add up unrounded.
///
/// Cost: at most `rounds` x `steps` x (1 + 2 x `features`) forward passes.
class ZooAttack : public MinimalAttack<ZooAttack> {
 public:
  using Options = ZooOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::scores;
  static std::string name() { return "zoo"; }

  explicit ZooAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle) const {
    Eigen::VectorXd ranges = oracle.upper() - oracle.lower();
    std::vector<Index> moving;
    for (Index i = 0; i < ranges.size(); ++i) {
      if (!std::isfinite(ranges[i])) ranges[i] = 1;
      if (ranges[i] > 0) moving.push_back(i);
    }
    if (moving.empty()) co_return;
    zoo::Weight weight{options_.constant};
    std::uint32_t draws = 0;
    for (int round = 0; round < options_.rounds; ++round) {
      bool hit = false;
      co_await descend(oracle, weight.value, ranges, moving, draws, hit);
      weight.next(hit);
    }
  }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();
  static constexpr std::size_t at_once = 8;  // pairs of points in memory
  static constexpr int most_doublings = 60;

  /// One round. `hit`: it has come to an adversarial.
  Task<> descend(Oracle& oracle, double weight, const Eigen::VectorXd& ranges, std::vector<Index>& moving,
                 std::uint32_t& draws, bool& hit) const {
    zoo::Descent descent(oracle.original());
    const auto count = std::min(static_cast<std::size_t>(options_.features), moving.size());
    double checked_loss = infinity;
    Eigen::VectorXd rounded;
    std::vector<Eigen::VectorXd> points;
    std::vector<double> derivatives(count);
    for (int step = 1; step <= options_.steps; ++step) {
      Eigen::VectorXd& x = oracle.to_ask(descent.x, rounded);
      const Answer& at = co_await oracle.score(x, Loss::margin);
      hit = hit || at.adversarial;
      if (step % std::max(10, options_.steps / 10) == 0) {
        const double length = oracle.distance(x), loss = length * length + weight * zoo::lacking(at);
        if (!(loss <= 0.9999 * checked_loss)) co_return;
        checked_loss = loss;
      }
      RandomDraw random = oracle.random(Purpose::direction, draws++);
      for (std::size_t k = 0; k < count; ++k)
        std::swap(moving[k], moving[k + static_cast<std::size_t>(random.integer(moving.size() - k))]);
      for (std::size_t first = 0; first < count; first += points.size() / 2) {
        points.clear();
        for (std::size_t k = first; k < std::min(first + at_once, count); ++k)
          add_pair(oracle, descent.x, moving[k], options_.sigma * ranges[moving[k]], points);
        const std::span<const Answer> answers = co_await oracle.scores(points, Loss::margin);
        for (std::size_t k = 0; k < points.size() / 2; ++k) {
          const Index i = moving[first + k];
          const double way = points[2 * k + 1][i] - points[2 * k][i];
          const double change = zoo::lacking(answers[2 * k + 1]) - zoo::lacking(answers[2 * k]);
          derivatives[first + k] = way > 0 && std::isfinite(change) ? change / way : 0;
        }
      }
      for (std::size_t k = 0; k < count; ++k) {
        const Index i = moving[k];
        const double derivative = 2 * (descent.x[i] - oracle.original()[i]) + weight * derivatives[k];
        descent.x[i] += options_.learning_rate * ranges[i] * descent.step(i, derivative);
      }
      oracle.box().clip(descent.x);
    }
  }

  /// Adds the two points on either side of x along feature i, the lower one first.
  static void add_pair(const Oracle& oracle, const Eigen::VectorXd& x, Index i, double sigma,
                       std::vector<Eigen::VectorXd>& points) {
    Eigen::VectorXd below, above;
    const double low = oracle.lower()[i], high = oracle.upper()[i];
    for (int doublings = 0; doublings < most_doublings; ++doublings, sigma *= 2) {
      const double reach = std::min(sigma, (high - low) / 2);
      const double middle = std::clamp(x[i], low + reach, std::max(low + reach, high - reach));
      below = above = x;
      below[i] = middle - reach;
      above[i] = middle + reach;
      oracle.settle(below);
      oracle.settle(above);
      if (below[i] != above[i] || reach < sigma) break;
    }
    points.push_back(std::move(below));
    points.push_back(std::move(above));
  }

  Options options_;
};

/// Its entry in the catalogue.
struct ZooFamily {
  static void list(auto& catalogue) {
    catalogue.family("ZOO", "Chen, Zhang, Sharma, Yi, Hsieh 2017, arXiv:1708.03999",
                     "at most `rounds` x `steps` x (1 + 2 x `features`) forward");
    catalogue.add(ZooAttack(), {"l2-zoo"});
  }
};

}  // namespace foil
