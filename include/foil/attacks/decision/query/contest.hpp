// SPDX-License-Identifier: MIT
/// \file
/// Which class is closest: the boundaries of several are learned about.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "foil/attacks/decision/query/learner.hpp"
#include "foil/attacks/decision/query/ray.hpp"
#include "foil/attacks/parts/start.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/oracle.hpp"
#include "foil/run/task.hpp"

namespace foil::query {

/// Learns about the boundary that the start leads to. When little is gained any more, other classes challenge
/// the best, the closest first: those that were seen behind it, that a few looks around meet or that the pool
/// has. Each learns about its own boundary alone, until it falls behind what the best was after as many
/// questions. Then the best goes on until a round of questions gains less than the tolerance.
class Contest {
 public:
  Contest(Oracle& oracle, const Learner& learner, int challengers, double tolerance)
      : oracle_(oracle), learner_(learner), challengers_(challengers), tolerance_(tolerance) {}

  /// From an adversarial on the boundary to the closest one. What was seen before may challenge it, too.
  Task<> run(Eigen::VectorXd& best, Sightings& seen, int& steps) const {
    Lesson champion = learner_.begin(std::move(best), -1, 0);
    while (goes_on(champion, little, heats(half)) && steps > 0)
      co_await learner_.run_heat(champion, seen, steps);
    if (challengers_ > 0) co_await look_around(champion, seen, steps);
    if (champion.label >= 0) seen.close(champion.label);
    for (int challenge = 1; challenge <= challengers_ && !seen.empty() && steps > 0; ++challenge)
      co_await be_challenged(champion, seen, challenge, steps);
    while (goes_on(champion, tolerance_, heats(1)) && steps > 0)
      co_await learner_.run_heat(champion, seen, steps);
    best = std::move(champion.x);
  }

 private:
  static constexpr double little = 0.03, half = 0.5;  // gain, in half as many questions as there are groups
  static constexpr int halvings = 6;                  // of the way to a challenger's first point
  static constexpr std::size_t grace = 2;             // heats before it is compared with the best
  static constexpr double allowance = 0.5;  // how much farther it may be after one heat; less with each
  static constexpr int looks = 16;          // questions in all directions
  static constexpr double far = 3;          // their distance, times the best

  /// Heats in which so many questions per group are asked, at least one.
  std::size_t heats(double per_group) const {
    const double questions = per_group * static_cast<double>(learner_.groups().count());
    return static_cast<std::size_t>(std::max(1.0, std::round(questions / Learner::heat)));
  }
  static bool goes_on(const Lesson& lesson, double share, std::size_t heats) {
    return !lesson.certain && !lesson.gained_less(share, heats);
  }

  /// Looks which other classes there are: in directions that are as alike as slopes, and in the pool.
  Task<> look_around(const Lesson& champion, Sightings& seen, int& steps) const {
    for (std::uint32_t look = 0; look < looks && steps > 0; ++look) {
      Eigen::VectorXd drawn(learner_.groups().count());
      oracle_.random(Purpose::noise, look).fill_normal(drawn);
      const Ray ray(oracle_, learner_.groups().shares(learner_.groups().alike(drawn)));
      Eigen::VectorXd x = ray.at(ray.stretch(far * champion.distance));
      --steps;
      const bool adversarial = co_await oracle_.query(x);
      if (adversarial) seen.add(oracle_.label(), oracle_.distance(x), x);
    }
    for (const auto& [row, label] : oracle_.rank_pool(static_cast<std::size_t>(challengers_) + 1)) {
      Eigen::VectorXd x;
      const bool adversarial = co_await take_row(oracle_, row, x);
      if (adversarial) seen.add(label, oracle_.distance(x), x);
    }
  }

  /// The closest class that has not been looked at; if it comes closer, it is the best.
  Task<> be_challenged(Lesson& champion, Sightings& seen, int challenge, int& steps) const {
    const Sighting first = seen.take();
    Eigen::VectorXd inside = first.x, outside = oracle_.original();
    for (int halving = 0; halving < halvings && steps > 0; ++halving) {
      Eigen::VectorXd middle = outside + (inside - outside) / 2;
      oracle_.settle(middle);
      if (middle == inside || middle == outside) break;
      --steps;
      const bool adversarial = co_await oracle_.query(middle);
      (adversarial && oracle_.label() == first.label ? inside : outside).swap(middle);
    }
    Lesson other = learner_.begin(std::move(inside), first.label, static_cast<std::uint32_t>(challenge));
    while (goes_on(other, little, heats(half)) && !falls_behind(other, champion) && steps > 0)
      co_await learner_.run_heat(other, seen, steps);
    if (other.distance < champion.distance) champion = std::move(other);
  }

  /// Farther than the other was after as many questions, by more than can be told so early.
  static bool falls_behind(const Lesson& lesson, const Lesson& other) {
    const std::size_t heats = lesson.heats.size();
    if (heats < grace || other.heats.empty()) return false;
    const double pace = other.heats[std::min(heats, other.heats.size()) - 1];
    return lesson.distance > (1 + allowance / static_cast<double>(heats)) * pace;
  }

  Oracle& oracle_;
  const Learner& learner_;
  int challengers_;
  double tolerance_;
};

}  // namespace foil::query
