// SPDX-License-Identifier: MIT
/// \file
/// The oracle: all that an attack knows about one sample and the only way it reaches the model. Attacks
/// propose points; the oracle has them judged and counted, and remembers the best adversarial ever queried.
#pragma once

#include <cmath>
#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/random.hpp"
#include "foil/core/result.hpp"
#include "foil/run/task.hpp"

namespace foil {

/// The answer to one score query.
struct Score {
  bool adversarial;  ///< the point meets the criterion
  double loss;       ///< to be ascended; NaN if the model's answer was not finite
};

/// The answer to points that were asked about in turn.
struct InTurn {
  std::size_t answered;  ///< so many of the points have been judged
  bool adversarial;      ///< the last of these meets the criterion; those before never do
};

/// The answer to one gradient query.
struct Evaluation {
  bool adversarial;                 ///< the point meets the criterion
  double loss;                      ///< to be ascended; NaN if the model's answer was not finite
  const Eigen::VectorXd& gradient;  ///< of the loss with respect to the point; non-finite entries are 0.
                                    ///< Valid until the next query.
};

/// A sample's account apart from its attack's own variables: what has been found and spent. Kept after a run
/// that was ended by its budget, it lets another one continue; see MinimalAttack::run.
struct Memory {
  struct Found {
    Eigen::VectorXd x;
    double distance;
    double loss;
    int label;
  };
  std::vector<Found> best{};  ///< the best adversarial last; before it the fallback of the verification
  std::vector<TracePoint> trace{};
  std::int64_t queries = 0, gradient_queries = 0, surplus_queries = 0, bad_rows = 0;
  int label = -1;                   ///< class given to the point last asked about
  int original_label = -1;          ///< class given to the original
  bool judged = false;              ///< the original has been asked about
  bool ended = false;               ///< by the attack itself: nothing is left to continue
  Status status = Status::not_run;  ///< by the attack's own word, then as the run ended
};

/// What the samples that one scheduler runs have in common.
struct Setting {
  Eigen::VectorXd lower, upper;  ///< the box, one entry per feature
  bool single_precision;         ///< the model computes with floats
  Lp norm;                       ///< what distances are measured in
  std::uint64_t seed;
  std::string_view attack;                ///< enters the random streams
  std::deque<Eigen::VectorXd> scratch{};  ///< see Oracle::scratch()
};

/// One sample as its attack sees it. All vectors are flattened samples in double; every point is rounded to
/// the model's scalar type and clipped to the bounds before it is queried, so that what was judged is what is
/// stored.
class Oracle {
 public:
  enum class Kind : std::uint8_t { decision, score, gradient };

  /// Suspends the attack until the model has answered.
  struct Answer {
    Oracle& oracle;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> attack) const noexcept { oracle.waiting_ = attack; }
  };

  Oracle(Setting& setting, Eigen::VectorXd original, std::int64_t sample_id)
      : setting_(setting), original_(std::move(original)), sample_id_(sample_id) {}
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  // --- the sample ---

  Index features() const { return original_.size(); }
  /// The dimensions of one sample: {features}, or for images {C, H, W}.
  const std::vector<Index>& shape() const { return shape_; }
  void set_shape(std::vector<Index> shape) { shape_ = std::move(shape); }
  std::int64_t sample_id() const { return sample_id_; }
  const Eigen::VectorXd& original() const { return original_; }
  const Eigen::VectorXd& lower() const { return setting_.lower; }
  const Eigen::VectorXd& upper() const { return setting_.upper; }
  /// The user's starting point, empty if none was given.
  const Eigen::VectorXd& starting_point() const { return starting_point_; }
  void set_starting_point(Eigen::VectorXd start) { starting_point_ = std::move(start); }
  Lp norm() const { return setting_.norm; }
  /// Distance from 1 to the next larger number of the model's scalar type.
  double precision() const { return setting_.single_precision ? 0x1p-23 : 0x1p-52; }
  double distance(const Eigen::VectorXd& x) const { return norm().size(x - original_); }

  /// Working memory `number` (counted from 0) of the size of a sample, any content. The samples that run side
  /// by side share it, and it stays in the nearest cache: it is another's after the next co_await.
  Eigen::VectorXd& scratch(std::size_t number) const {
    if (setting_.scratch.size() <= number) setting_.scratch.resize(number + 1);
    setting_.scratch[number].resize(features());
    return setting_.scratch[number];
  }

  // --- the model ---

  /// `co_await oracle.query(x)`: is x adversarial? One forward pass. Works with every model.
  auto query(Eigen::VectorXd& x) {
    struct Awaiter : Answer {
      bool await_resume() const noexcept { return this->oracle.adversarial_; }
    };
    return ask(Kind::decision, x, Loss::lsem), Awaiter{{*this}};
  }

  /// `co_await oracle.query_in_turn(points, count)`: an InTurn. Asks about points one after the other until
  /// one is adversarial, but in a single model call. At least the first is asked about, the others as far as
  /// there is room. Answers beyond the first adversarial are discarded and counted apart, in
  /// Result::surplus_queries, not in the budget: what is found and counted does not depend on how many points
  /// share a call.
  auto query_in_turn(std::vector<Eigen::VectorXd>& points, std::size_t count) {
    struct Awaiter : Answer {
      InTurn await_resume() const noexcept { return {this->oracle.answered_, this->oracle.adversarial_}; }
    };
    for (std::size_t i = 1; i < count; ++i) settle(points[i]);
    return ask(Kind::decision, points.front(), Loss::lsem, count), Awaiter{{*this}};
  }
  /// How many points query_in_turn() can be expected to take at once; at least 1.
  std::size_t room() const { return room_; }

  /// `co_await oracle.score(x, loss)`: a Score. One forward pass. Needs scores and a criterion with a margin.
  auto score(Eigen::VectorXd& x, Loss loss = Loss::lsem) {
    struct Awaiter : Answer {
      Score await_resume() const noexcept { return {this->oracle.adversarial_, this->oracle.loss_}; }
    };
    return ask(Kind::score, x, loss), Awaiter{{*this}};
  }

  /// `co_await oracle.gradient(x, loss)`: an Evaluation at x. One forward and one backward pass. Needs
  /// gradients and a criterion with a margin.
  auto gradient(Eigen::VectorXd& x, Loss loss = Loss::lsem) {
    struct Awaiter : Answer {
      Evaluation await_resume() const noexcept {
        return {this->oracle.adversarial_, this->oracle.loss_, this->oracle.gradient_};
      }
    };
    return ask(Kind::gradient, x, loss), Awaiter{{*this}};
  }

  /// `co_await oracle.within(epsilon, attack)`: runs an attack that is confined to the ball of that radius,
  /// and abandons it the moment one of its points is adversarial within the radius. True if that happened.
  auto within(double epsilon, Task<> attack) {
    struct Awaiter {
      Oracle& oracle;
      Task<> attack;
      Scope scope;
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> outer) {
        scope.outer = outer;
        scope.enclosing = std::exchange(oracle.scope_, &scope);
        return attack.await_suspend(outer);
      }
      bool await_resume() {
        oracle.scope_ = scope.enclosing;
        if (!scope.reached) attack.result();
        return scope.reached;
      }
    };
    return Awaiter{*this, std::move(attack), Scope{epsilon, {}, nullptr, false}};
  }

  /// Rounds x to the model's scalar type, clips it to the bounds, and, for a finite epsilon, moves it towards
  /// the original by as many units in the last place as rounding took it beyond that distance. In place.
  void settle(Eigen::VectorXd& x, double epsilon = std::numeric_limits<double>::infinity()) const;

  // --- memory ---

  /// An adversarial row of the run's pool and the class that the model gives it.
  struct PoolRow {
    Index row;
    int label;
  };
  /// At most so many adversarial rows of the run's pool, without a query: the nearest of every class by
  /// distance, then the second of every class, and so on.
  std::vector<PoolRow> rank_pool(std::size_t most) const {
    return rank_pool_ ? rank_pool_(most) : std::vector<PoolRow>();
  }
  /// A copy of one of these rows, which counts as an adversarial found.
  Eigen::VectorXd take_from_pool(Index row) {
    Eigen::VectorXd x = pool_row_(row);
    remember(x, -1, true);
    return x;
  }
  /// The best adversarial so far: the closest, or the one of highest loss after prefer_highest_loss().
  bool found() const { return !memory_.best.empty(); }
  const Eigen::VectorXd& best() const { return memory_.best.back().x; }
  double best_distance() const {
    return found() ? memory_.best.back().distance : std::numeric_limits<double>::infinity();
  }
  /// Remember the adversarial of highest loss instead of the closest, and do not stop at the first one.
  /// Only for attacks within a fixed budget; for minimal ones the closest always counts.
  void prefer_highest_loss() { highest_loss_ = std::isfinite(limit_); }
  /// How the attack ended (converged, start_failed), where "ran to its end" does not say it all.
  void finish(Status status) { memory_.status = status; }
  /// The class given to the point last asked about; -1 if the answer was not finite.
  int label() const { return memory_.label; }
  std::int64_t queries() const { return memory_.queries; }
  std::int64_t gradient_queries() const { return memory_.gradient_queries; }

  // --- chance ---

  /// Random numbers for one purpose; `draw` distinguishes repeated uses. Depends on nothing but the seed, the
  /// attack's name, the sample's id and the repetition.
  RandomDraw random(Purpose purpose, std::uint32_t draw = 0) const {
    return {random_key(setting_.seed, setting_.attack, repetition_), static_cast<std::uint64_t>(sample_id_),
            purpose, draw};
  }
  /// From now on, draw the random numbers of another, independent run.
  void set_repetition(std::uint64_t repetition) { repetition_ = repetition; }

 private:
  template <class, class>
  friend class Scheduler;

  struct Scope {
    double epsilon;
    std::coroutine_handle<> outer;
    Scope* enclosing;
    bool reached;
  };

  /// The interval of representable values in bounds and within epsilon, for each feature.
  void fit_ball(double epsilon) const;

  /// To the model's scalar type, and into the bounds; what is not finite then is put back to the original.
  void round(Eigen::VectorXd& x) const {
    const Index n = x.size();
    double* const value = x.data();
    if (setting_.single_precision)
      for (Index i = 0; i < n; ++i) value[i] = static_cast<double>(static_cast<float>(value[i]));
    const double *const low = lower().data(), *const high = upper().data();
    for (Index i = 0; i < n; ++i) {
      const double raised = value[i] < low[i] ? low[i] : value[i];
      value[i] = raised > high[i] ? high[i] : raised;
    }
    const bool finite = all_finite(x);
    for (Index i = 0; i < n && !finite; ++i)
      if (!std::isfinite(value[i])) value[i] = original_[i];
  }

  void ask(Kind kind, Eigen::VectorXd& x, Loss loss, std::size_t count = 1) {
    settle(x);
    kind_ = kind;
    point_ = &x;
    count_ = count;
    loss_kind_ = loss;
  }

  /// Notes a point that was judged adversarial: keeps it if it is the best, and ends the outermost scope that
  /// it fulfils.
  void remember(const Eigen::VectorXd& x, int label, bool trace) {
    const double length = distance(x);
    if (!(length <= limit_) || std::isinf(length)) return;
    if (!found() ||
        (highest_loss_ ? loss_ > memory_.best.back().loss : length < memory_.best.back().distance)) {
      if (memory_.best.size() == 2)
        memory_.best.erase(memory_.best.begin());  // the last but one is the fallback of the verification
      memory_.best.push_back({x, length, loss_, label});
      if (trace) memory_.trace.push_back({memory_.queries, length});
    }
    if (highest_loss_) return;
    for (Scope* scope = scope_; scope; scope = scope->enclosing) {
      if (!(length <= scope->epsilon)) continue;
      scope->reached = true;
      waiting_ = scope->outer;
    }
  }

  Setting& setting_;
  Eigen::VectorXd original_, starting_point_{};
  mutable Eigen::VectorXd ball_lower_{}, ball_upper_{};  // of settle(), for the last epsilon in Linf
  mutable double ball_epsilon_ = -1;
  std::int64_t sample_id_;
  std::vector<Index> shape_{};
  std::function<std::vector<PoolRow>(std::size_t)> rank_pool_{};
  std::function<Eigen::VectorXd(Index)> pool_row_{};
  std::uint64_t repetition_ = 0;

  Kind kind_ = Kind::decision;
  Eigen::VectorXd* point_ = nullptr;  // the first of `count_` points to be asked about
  std::size_t count_ = 1, answered_ = 0, room_ = 1;
  Loss loss_kind_ = Loss::lsem;
  std::coroutine_handle<> waiting_{};
  Scope* scope_ = nullptr;

  bool adversarial_ = false, finite_ = true;
  double loss_ = std::numeric_limits<double>::quiet_NaN();
  Eigen::VectorXd gradient_{};

  double limit_ = std::numeric_limits<double>::infinity();  // points farther away do not count
  bool highest_loss_ = false;
  Memory memory_{};
};

inline void Oracle::fit_ball(double epsilon) const {
  const auto rounded = [this](double value) {
    return setting_.single_precision ? static_cast<double>(static_cast<float>(value)) : value;
  };
  const auto inward = [this](double value, double target) {
    return setting_.single_precision
               ? static_cast<double>(std::nextafterf(static_cast<float>(value), static_cast<float>(target)))
               : std::nextafter(value, target);
  };
  ball_lower_.resize(features());
  ball_upper_.resize(features());
  for (Index i = 0; i < features(); ++i) {
    const double centre = original_[i];
    double low = rounded(std::max(centre - epsilon, lower()[i]));
    double high = rounded(std::min(centre + epsilon, upper()[i]));
    while (centre - low > epsilon) low = inward(low, centre);
    while (high - centre > epsilon) high = inward(high, centre);
    ball_lower_[i] = low;
    ball_upper_[i] = high;
  }
  ball_epsilon_ = epsilon;
}

inline void Oracle::settle(Eigen::VectorXd& x, double epsilon) const {
  round(x);
  if (std::isinf(epsilon) || norm().p == 0) return;
  if (std::isinf(norm().p)) {
    if (epsilon != ball_epsilon_) fit_ball(epsilon);
    for (Index i = 0; i < x.size(); ++i) x[i] = std::min(std::max(x[i], ball_lower_[i]), ball_upper_[i]);
    return;
  }
  double shrink = setting_.single_precision ? 0x1p-22 : 0x1p-50;
  for (double length = distance(x); length > epsilon; length = distance(x), shrink *= 2) {
    const double factor = epsilon / length * (1 - std::min(1.0, shrink));
    for (Index i = 0; i < x.size(); ++i) x[i] = original_[i] + factor * (x[i] - original_[i]);
    round(x);
  }
}

}  // namespace foil
