// SPDX-License-Identifier: MIT
/// \file
/// How the Boundary Attack adapts its step sizes: values without a model, changed by outcomes only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace foil {

/// One angle theta for both steps: epsilon = 1 - cos(theta) and delta = kappa * tan(theta). On a flat
/// boundary that relation makes success likeliest for a given epsilon; the proposal is then a point of the
/// sphere whose diameter leads from the original to x. The angle follows the share of successes, kappa the
/// share of adversarial points on the sphere around the original (it stays near 1 on flat boundaries).
struct TiedSteps {
  double log_tan = std::log(0.1);  ///< ln tan(theta)
  double log_kappa = 0;

  double angle() const { return std::atan(std::exp(log_tan)); }
  double epsilon() const { return 2 * std::pow(std::sin(angle() / 2), 2); }
  double delta() const { return std::exp(log_kappa + log_tan); }

  void proposal_was(bool adversarial) {
    log_tan = std::min(log_tan + 0.10 * ((adversarial ? 1.0 : 0.0) - 0.20), std::log(1.2));
  }
  void spherical_was(bool adversarial) {
    log_kappa = std::clamp(log_kappa + 0.10 * ((adversarial ? 1.0 : 0.0) - 0.40), -4.0, 4.0);
  }
  /// Large steps again, to see whether small ones were a mistake.
  void restart() { log_tan = std::log(0.1); }
};

/// The last outcomes of some kind.
class Window {
 public:
  explicit Window(std::size_t size) : size_(size) {}
  void add(bool success) {
    if (full()) outcomes_.erase(outcomes_.begin());
    outcomes_.push_back(success);
  }
  void clear() { outcomes_.clear(); }
  bool full() const { return outcomes_.size() == size_; }
  double mean() const {
    return static_cast<double>(std::count(outcomes_.begin(), outcomes_.end(), true)) /
           static_cast<double>(outcomes_.size());
  }

 private:
  std::size_t size_;
  std::vector<bool> outcomes_{};
};

/// The authors' adaptation (Foolbox 1): independent steps, changed by a factor of 1.5 when more than half or
/// less than a fifth of a window of outcomes was adversarial. Outcomes are gathered in every tenth iteration;
/// an iteration ends with its first success or after 25 proposals.
struct PaperSteps {
  double delta = 1e-2, epsilon = 1e-2;
  Window spherical{100}, source{30};
  std::int64_t iteration = 0;
  int tries = 0;                ///< proposals in this iteration
  bool spherical_held = false;  ///< the spherical point of the next proposal is known to be adversarial
  bool confirming = false;      ///< converged once, restarted with large steps
  int confirmed = 0;            ///< iterations for which the second convergence has lasted

  bool gathers() const { return confirming || iteration % 10 == 0; }

  void adapt() {
    if (const double factor = change(spherical); factor != 1) {
      delta *= factor;
      epsilon *= factor;
      spherical.clear();
    }
    if (const double factor = change(source); factor != 1) {
      epsilon *= factor;
      source.clear();
    }
  }

  /// Counts a proposal whose answers are complete. True once the attack has converged twice in a row.
  bool proposal_was(bool adversarial) {
    adapt();
    if (!adversarial && ++tries < 25) return false;
    tries = 0;
    ++iteration;
    if (!confirming) {
      confirming = epsilon < 1e-7;
      if (confirming) restart();
      return false;
    }
    if (confirmed == 0 && epsilon >= 1e-7) return false;
    if (epsilon < 2e-7) return ++confirmed == 100;
    confirming = false;
    confirmed = 0;
    return false;
  }

 private:
  static double change(const Window& outcomes) {
    if (!outcomes.full()) return 1;
    return outcomes.mean() > 0.5 ? 1.5 : outcomes.mean() < 0.2 ? 1 / 1.5 : 1.0;
  }
  void restart() {
    delta = epsilon = 1e-2;
    spherical.clear();
    source.clear();
  }
};

}  // namespace foil
