// SPDX-License-Identifier: MIT
/// \file
/// Where one sample sits during a run: the scheduler's side of what its attack sees as an Oracle.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/half_space/memory.hpp"
#include "foil/geometry/representable.hpp"
#include "foil/run/ledger.hpp"
#include "foil/run/pool.hpp"
#include "foil/run/question.hpp"
#include "foil/run/sample.hpp"

namespace foil {

/// What the samples of one scheduler have in common.
struct Shared {
  std::uint64_t seed = 0;
  std::string stream{};                   ///< what random numbers belong to: mostly the attack's name
  bool trace = false;                     ///< record Result::traces
  std::deque<Eigen::VectorXd> scratch{};  ///< see Oracle::scratch()
  geometry::HalfSpaceMemory steps{};      ///< see Oracle::step_memory()
  /// At most so many adversarial rows of the pool for a sample, see Oracle::rank_pool(); empty: no pool.
  std::function<std::vector<PoolRow>(const Sample&, std::size_t most)> rank_pool{};
  std::function<Eigen::VectorXd(Index row)> pool_row{};
};

/// A stretch of an attack that ends at the first adversarial within a radius.
struct Scope {
  double epsilon;
  std::coroutine_handle<> outer;  ///< what goes on then
  Scope* enclosing;
  bool reached;
};

/// What a suite's stage at work has of its own; see Oracle::begin_stage().
struct StageAtWork {
  const std::string* stream = nullptr;  ///< what random numbers belong to; null: no stage, the run's
  std::uint64_t occurrence = 0;         ///< how many stages before had the same
  double reach = 0;           ///< adversarials so far away are remembered as long as the stage lasts
  bool by_gradients = false;  ///< or by scores or decisions alone
  /// How far stages without gradients, and those with, have brought the sample within the radius towards what
  /// the criterion wants: the margin of the logits, where it is about one class.
  std::array<double, 2> leads{-std::numeric_limits<double>::infinity(),
                              -std::numeric_limits<double>::infinity()};
};

/// One sample, its account, what its attack asks and what it was answered.
struct Seat {
  Seat(Shared& shared_by_all, Sample facts)
      : shared(&shared_by_all),
        sample(std::move(facts)),
        stored(sample.original, *sample.box, sample.norm, sample.single_precision, sample.lattice) {}
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  Shared* shared;  ///< of the scheduler that has the sample now
  const Sample sample;
  geometry::Representable stored;  ///< what points are rounded to; refers to the sample
  Ledger ledger{};
  double limit = std::numeric_limits<double>::infinity();  ///< points farther away do not count
  double early_stop = -1;                                  ///< nothing more is asked once it is this close
  bool highest_loss = false;                               ///< of those found, not the closest, is the best
  std::uint64_t repetition = 0;

  StageAtWork stage{};

  Making making{};  ///< of what is asked about next
  Question question{};
  std::size_t room = 1;           ///< how many points can be expected to share a call
  std::size_t answered = 0;       ///< of the question's points
  std::vector<Answer> answers{};  ///< one for each of them
  bool adversarial = false;       ///< the last answer's verdict
  Eigen::VectorXd denied{};       ///< what the verification has asked about in vain, closest to the original
  int pulls = 0;                  ///< how often it has pulled that outwards
  bool pulled = false;            ///< the best of the ledger is such a point,
  bool held = false;              ///< and the model has called it adversarial once
  std::coroutine_handle<> waiting{};
  Scope* scope = nullptr;            ///< the innermost
  std::coroutine_handle<> ending{};  ///< what goes on since a scope was reached; none if none was

  /// Rounds the points and waits for the answers.
  void ask(const Question& asked) {
    for (Eigen::VectorXd& point : asked.points) {
      require(point.size() == sample.original.size(), shared->stream, ": asks about a point of ",
              point.size(), " features, the sample has ", sample.original.size());
      stored.settle(point);
    }
    question = asked;
    question.making = std::exchange(making, {});
    answered = 0;
    if (answers.size() < asked.points.size()) answers.resize(asked.points.size());
  }

  double distance(const Eigen::VectorXd& x) const { return sample.norm.size(x - sample.original); }

  /// Notes what the model gave a point in a suite.
  void note(const Eigen::VectorXd& x, const Eigen::VectorXd& logits) {
    const int wanted = sample.goal.leave >= 0 ? sample.goal.leave : sample.goal.reach;
    if (wanted < 0 || logits.size() < 2) return;
    const double margin = losses::margin(logits, wanted);
    const double lead = sample.goal.leave >= 0 ? margin : -margin;
    double& best = stage.leads[stage.by_gradients];
    if (lead > best && distance(x) <= limit) best = lead;
  }

  bool close_enough() const { return ledger.found() && ledger.best_distance() <= early_stop; }

  /// Enters a point that was judged adversarial. If it fulfils scopes, the outermost of these ends.
  void found(const Eigen::VectorXd& x, int label, double loss) {
    const double length = distance(x);
    if (!(length <= std::max(limit, stage.reach)) || std::isinf(length)) return;
    const bool valued = highest_loss || !std::isnan(question.making.worth);
    ledger.consider({x, length, loss, label, question.making.parameters}, valued, shared->trace);
    for (Scope* at = highest_loss ? nullptr : scope; at; at = at->enclosing) {
      if (!(length <= at->epsilon)) continue;
      at->reached = true;
      ending = at->outer;
    }
  }
};

}  // namespace foil
