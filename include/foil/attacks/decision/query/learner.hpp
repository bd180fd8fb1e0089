// SPDX-License-Identifier: MIT
/// \file
/// Learns where the boundary is by questions whose answers tell most.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "foil/attacks/decision/query/belief.hpp"
#include "foil/attacks/decision/query/groups.hpp"
#include "foil/attacks/decision/query/ray.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/image.hpp"
#include "foil/run/oracle.hpp"
#include "foil/run/task.hpp"

namespace foil::query {

/// An adversarial and the class that the model gives it.
struct Sighting {
  int label;
  double distance;
  Eigen::VectorXd x;
};

/// The closest adversarial seen of each class, of no more classes than told, the closest ones.
class Sightings {
 public:
  explicit Sightings(std::size_t most) : most_(most) {}

  void add(int label, double distance, const Eigen::VectorXd& x) {
    if (!(distance > 0)) return;  // the input itself: a row of the pool
    const auto known = std::find_if(list_.begin(), list_.end(),
                                    [&](const Sighting& sighting) { return sighting.label == label; });
    if (known != list_.end()) {
      if (distance < known->distance) *known = {label, distance, x};
      return;
    }
    if (std::find(closed_.begin(), closed_.end(), label) != closed_.end()) return;
    list_.push_back({label, distance, x});
    if (list_.size() > most_) list_.erase(std::max_element(list_.begin(), list_.end(), closer));
  }
  bool empty() const { return list_.empty(); }
  /// The closest one. Its class is not looked at any more.
  Sighting take() {
    const auto first = std::min_element(list_.begin(), list_.end(), closer);
    Sighting taken = std::move(*first);
    list_.erase(first);
    closed_.push_back(taken.label);
    return taken;
  }
  void close(int label) {
    std::erase_if(list_, [&](const Sighting& sighting) { return sighting.label == label; });
    closed_.push_back(label);
  }

 private:
  static bool closer(const Sighting& a, const Sighting& b) { return a.distance < b.distance; }

  std::size_t most_;
  std::vector<Sighting> list_{};
  std::vector<int> closed_{};
};

/// What has been learned about the boundary from one point of it.
struct Lesson {
  Belief belief;
  Eigen::VectorXd x;            ///< the closest adversarial
  double distance;              ///< of it
  double unit;                  ///< distance at first: what the belief's numbers are relative to
  int wanted;                   ///< the class that its questions are about; -1: any
  int label;                    ///< of x, where known
  std::uint32_t number;         ///< lessons have random numbers of their own
  int questions = 0;            ///< asked so far
  bool again = false;           ///< the last one came closer
  bool certain = false;         ///< no question would tell anything
  std::vector<double> heats{};  ///< distances after each hundred questions

  /// Whether the last so many heats have gained less than that share.
  bool gained_less(double share, std::size_t heats_ago) const {
    return heats.size() > heats_ago && distance > (1 - share) * heats[heats.size() - 1 - heats_ago];
  }
};

/// Asks about points on rays from the input: in four of five questions on a ray that is drawn from what it
/// believes, where either answer is as likely; else along the likeliest one, closer than the best so far, for
/// as long as that is adversarial.
class Learner {
 public:
  static constexpr int heat = 100;  ///< questions

  Learner(Oracle& oracle, int unknowns, geometry::ChannelsLast channels_last)
      : oracle_(oracle), groups_(oracle, unknowns, channels_last), corners_(std::isinf(oracle.norm().p)) {}

  const Groups& groups() const { return groups_; }

  /// Begins at an adversarial on the boundary that is not the input itself.
  Lesson begin(Eigen::VectorXd x, int wanted, std::uint32_t number) const {
    const double distance = oracle_.distance(x);
    const auto n = static_cast<double>(groups_.count());
    const Eigen::VectorXd deviations =
        prior / (corners_ ? n : std::sqrt(n)) * groups_.liveliness(oracle_.original());
    Belief belief(groups_.count(), noise,
                  [&](Index i, Index j) { return deviations[i] * deviations[j] * groups_.likeness(i, j); });
    belief.learn_crossing(groups_.means(x - oracle_.original()) / distance, width);
    return {std::move(belief), std::move(x), distance, distance, wanted, wanted, number};
  }

  /// A hundred questions, or as many as there are steps.
  Task<> run_heat(Lesson& lesson, Sightings& seen, int& steps) const {
    for (int k = 0; k < heat; ++k) {
      if (steps <= 0 || lesson.certain) co_return;
      ++lesson.questions;
      const Eigen::VectorXd slopes = groups_.shares(lesson.belief.mean()) / lesson.unit;
      Eigen::VectorXd x;
      const bool closer = (lesson.again || lesson.questions % period == 0) && aim_closer(lesson, slopes, x);
      lesson.certain = !closer && !aim_at_doubt(lesson, slopes, x);
      if (lesson.certain) co_return;
      --steps;
      const bool adversarial = co_await oracle_.query(x);
      const int label = oracle_.label();
      const double reached = oracle_.distance(x);
      if (adversarial) seen.add(label, reached, x);
      const bool met = adversarial && (lesson.wanted < 0 || label == lesson.wanted);
      lesson.belief.learn(groups_.means(x - oracle_.original()) / lesson.unit, met);
      lesson.again = met && closer;
      if (!met || !(reached < lesson.distance) || !(reached > 0)) continue;
      lesson.belief.widen(lesson.distance / reached);
      lesson.distance = reached;
      lesson.label = label;
      lesson.x.swap(x);
    }
    lesson.heats.push_back(lesson.distance);
  }

 private:
  static constexpr double width = 1.0 / 32;  // of the boundary at the start, relative to its distance
  static constexpr double prior = 4;         // length of the normal in the dual norm, over that distance
  static constexpr double noise = 0.005;     // of the boundary as a plane
  static constexpr double breadth = 0.3;     // of drawn rays: 1 is as uncertain as the belief
  static constexpr int period = 5;           // questions of which one is about the likeliest normal
  static constexpr double leap = 0.2;        // largest share of the distance at a time
  static constexpr double beyond = 1.5;      // distance up to which questions are asked, times the best
  /// Least share of the distance at a time.
  double gain() const { return corners_ ? 0.00125 : 0.0025; }

  /// A point of the likeliest ray, closer than the best. False if the plane is not believed to be there.
  bool aim_closer(const Lesson& lesson, const Eigen::VectorXd& slopes, Eigen::VectorXd& x) const {
    const Ray ray(oracle_, slopes);
    const double most = ray.stretch((1 - gain()) * lesson.distance), at = ray.crossing(slopes, most);
    if (!(at < most)) return false;
    x = ray.at(std::max(at, ray.stretch((1 - leap) * lesson.distance)));
    return true;
  }
  /// Where a drawn ray is believed to cross the plane. False if there is no doubt.
  bool aim_at_doubt(const Lesson& lesson, const Eigen::VectorXd& slopes, Eigen::VectorXd& x) const {
    const Belief& belief = lesson.belief;
    Eigen::VectorXd drawn(groups_.count());
    const std::uint32_t draw = (lesson.number << 20) + static_cast<std::uint32_t>(lesson.questions);
    oracle_.random(Purpose::direction, draw).fill_normal(drawn);
    drawn = belief.spread(drawn);
    const double length = norm2(drawn) / std::sqrt(static_cast<double>(drawn.size()));
    if (!(length > 0)) return false;
    const Ray ray(oracle_, groups_.shares(belief.mean() + breadth * belief.deviation() / length * drawn));
    x = ray.at(ray.crossing(slopes, ray.stretch(beyond * lesson.distance)));
    return true;
  }

  Oracle& oracle_;
  Groups groups_;
  bool corners_;
};

}  // namespace foil::query
