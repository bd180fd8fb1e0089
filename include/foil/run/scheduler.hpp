// SPDX-License-Identifier: MIT
/// \file
/// Runs the attacks of many samples side by side: gathers what they ask into model calls, judges and counts
/// the answers, retires finished samples and has verified what was found. Single-threaded; see
/// run/threads.hpp.
#pragma once

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/result.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/admission.hpp"
#include "foil/run/ledger.hpp"
#include "foil/run/model_calls.hpp"
#include "foil/run/oracle.hpp"
#include "foil/run/round.hpp"
#include "foil/run/run_options.hpp"
#include "foil/run/seat.hpp"
#include "foil/run/task.hpp"
#include "foil/run/verify.hpp"

namespace foil {

/// What the engine needs to know of an attack.
struct AttackTraits {
  std::string name;            ///< for messages
  std::string stream;          ///< what random numbers belong to: mostly the name
  Lp norm;                     ///< what distances are measured in
  Knowledge knowledge;         ///< the most that it asks for
  Eigen::VectorXd epsilons{};  ///< one radius per row for a fixed budget; empty for a minimal attack
  std::vector<Ledger>* ledgers = nullptr;  ///< one per row: what to continue from; updated as samples end
};

/// Starts the attack on one row; the task refers to the oracle.
using Launch = std::function<Task<>(Oracle&, Index row)>;

/// What a scheduler has to do. May pass to another one between two of their rounds.
struct Workload {
  std::vector<std::unique_ptr<Slot>> active{};  ///< samples at work
  std::vector<Index> fresh{};                   ///< rows to begin with, the next one last

  bool empty() const { return active.empty() && fresh.empty(); }
};

template <Batch Input, class Options>
class Scheduler {
 public:
  Scheduler(ModelPort<Input>& model, const Input& inputs, const Judge& judge, const AttackTraits& traits,
            const Options& options, const Launch& launch, Result<Input>& result)
      : traits_(traits),
        options_(options),
        launch_(launch),
        result_(result),
        admission_(inputs, model.bounds(), judge, options, traits.norm),
        calls_(model, judge, inputs, traits.knowledge),
        round_(calls_, change_, bad_sample_),
        verifier_(calls_, inputs, result, bad_sample_),
        shared_{.seed = options.seed, .stream = traits.stream, .trace = options.trace} {
    if (options.pool.empty()) return;
    shared_.rank_pool = [this, &judge](const Sample& sample, std::size_t most) {
      return options_.pool.nearest_by_class(judge, sample, admission_.box(), most);
    };
    shared_.pool_row = [this](Index row) {
      return Eigen::VectorXd(foil::sample(options_.pool.inputs(), row).template cast<double>());
    };
  }

  /// Whether anything is left to do.
  bool busy() { return !work_.empty() || !verifier_.waiting().empty(); }
  const Workload& work() const { return work_; }
  /// Leaves it with nothing but what waits for its verification.
  Workload hand_over() { return std::exchange(work_, {}); }
  /// Samples may have been another scheduler's.
  void take_over(Workload work) {
    work_ = std::move(work);
    for (auto& slot : work_.active) slot->seat->shared = &shared_;
  }

  /// Goes on for so many rounds of model calls, or until all is done, and writes the results of what has
  /// ended. `report(change)` is given the change in progress after every round and may stop the run.
  template <class Report>
  void run(Index rounds, Report report) {
    for (; rounds > 0 && busy(); --rounds) {
      while (!work_.fresh.empty() && std::ssize(work_.active) < options_.batch_size) {
        const Index row = work_.fresh.back();
        work_.fresh.pop_back();
        admit(row);
      }
      ask();
      if (work_.empty()) verify();
      if (report(std::exchange(change_, {})) == Control::proceed) continue;
      for (auto& slot : work_.active) retire(*slot, Status::interrupted, false);
      collect();
      for (const Index row : work_.fresh) result_.status[static_cast<std::size_t>(row)] = Status::interrupted;
      work_.fresh.clear();
    }
  }

  /// Of the model, by the logits that it gave; 0 if it gave none.
  Index classes() const { return calls_.classes(); }

  /// After an exception: hands over what the unfinished samples had found, unverified.
  void salvage() {
    collect();
    for (auto& slot : work_.active) {
      if (!slot->retired) keep_ledger(*slot->seat);
      verifier_.waiting().push_back(std::move(slot->seat));
    }
    for (auto& seat : verifier_.waiting()) {
      seat->ledger.forget_beyond(seat->limit);
      const Ledger& ledger = seat->ledger;
      const Index row = seat->sample.row;
      if (result_.status[static_cast<std::size_t>(row)] != Status::not_run) continue;
      record(result_, *seat, Status::failed, ledger.found() ? ledger.best().label : ledger.original_label);
      if (ledger.found())
        sample(result_.adversarials, row) = ledger.best().x.template cast<typename Input::Scalar>();
    }
  }

 private:
  // --- life of a sample ---

  void admit(Index row) {
    if (const std::string reason = admission_.why_not(row); !reason.empty()) {
      result_.status[static_cast<std::size_t>(row)] = Status::invalid_input;
      ++change_.finished;
      raise_if_asked(row, text("cannot be attacked: ", reason).c_str());
      return;
    }
    auto slot = std::make_unique<Slot>(shared_, admission_.sample(row));
    Seat& seat = *slot->seat;
    if (traits_.epsilons.size() > 0) seat.limit = traits_.epsilons[row];
    if (traits_.ledgers) seat.ledger = (*traits_.ledgers)[static_cast<std::size_t>(row)];
    if (traits_.epsilons.size() == 0) seat.early_stop = options_.early_stop;  // need not get any closer
    if (seat.ledger.ended || (seat.ledger.judged && seat.close_enough())) {
      slot->retired = true;
    } else {
      seat.ledger.status = Status::not_run;
      slot->task = std::make_unique<Task<>>(launch_(slot->oracle, row));
    }
    work_.active.push_back(std::move(slot));  // before the attack's first step, which may throw
    if (work_.active.back()->task) resume(*work_.active.back(), work_.active.back()->task->handle());
  }

  void resume(Slot& slot, std::coroutine_handle<> suspended) {
    suspended.resume();
    if (slot.task->done()) slot.task->result();  // rethrows what the attack threw
  }

  /// Ends a sample's attack. It waits in `work_.active` for collect().
  void retire(Slot& slot, Status status, bool ended = true) {
    slot.retired = true;
    slot.task.reset();
    Ledger& ledger = slot.seat->ledger;
    ledger.forget_beyond(slot.seat->limit);
    if (status == Status::success && ledger.status != Status::not_run) status = ledger.status;
    if (!ledger.found() && (status == Status::success || status == Status::converged))
      status = Status::not_found;
    if (!ledger.found() && ledger.bad_rows > 0 &&
        (status == Status::not_found || status == Status::budget_exhausted))
      status = Status::non_finite;  // whatever ended the attack: such a sample has not withstood it
    ledger.status = status;
    ledger.ended = ended;
  }

  /// Moves the retired samples on: to the verification, or out.
  void collect() {
    std::size_t kept = 0;
    for (auto& slot : work_.active) {
      if (!slot->retired) {
        work_.active[kept++] = std::move(slot);
        continue;
      }
      const Seat& seat = *slot->seat;
      keep_ledger(seat);
      const bool as_it_is = seat.ledger.status == Status::already_adversarial;
      ++change_.finished;
      change_.found += !as_it_is && seat.ledger.found();
      if (as_it_is) {
        result_.success[seat.sample.row] = true;
        result_.distances[seat.sample.row] = 0;
      }
      if (!as_it_is && seat.ledger.found())
        verifier_.waiting().push_back(std::move(slot->seat));
      else
        record(result_, seat, seat.ledger.status, seat.ledger.original_label);
    }
    work_.active.resize(kept);
  }

  void keep_ledger(const Seat& seat) {
    if (traits_.ledgers) (*traits_.ledgers)[static_cast<std::size_t>(seat.sample.row)] = seat.ledger;
  }

  // --- one round of model calls ---

  /// Asks what the active samples want to know.
  void ask() {
    round_.begin();
    for (auto& slot : work_.active) {
      if (slot->retired) continue;
      Seat& seat = *slot->seat;
      while (seat.ledger.judged && seat.ending && !slot->task->done())  // reached by a row of the pool
        resume(*slot, std::exchange(seat.ending, {}));
      const bool asks = !slot->task->done(), judged = seat.ledger.judged;
      if (judged && !asks) {
        retire(*slot, Status::success);
      } else if (seat.ledger.queries >= options_.query_budget) {
        retire(*slot, Status::budget_exhausted, false);
      } else if (!judged && !(asks && seat.question.points.front() == seat.sample.original)) {
        round_.ask_about_original(*slot);
      } else {
        calls_.check(traits_.name, seat.question);
        round_.ask(*slot, take(seat));
      }
    }
    round_.call([&](Slot& slot) { digest(slot); });
    collect();
    if (static_cast<Index>(verifier_.waiting().size()) >= options_.batch_size) verify();
  }

  /// How many of the points that a sample asks about go into this call: the next, and more of them as far as
  /// its share of a full batch and its budget go.
  std::size_t take(Seat& seat) {
    const Index share =
        seat.ledger.judged ? options_.batch_size / static_cast<Index>(work_.active.size()) : 1;
    seat.room = static_cast<std::size_t>(std::max<Index>(share, 1));
    const auto left = static_cast<std::uint64_t>(options_.query_budget - seat.ledger.queries);
    return std::min({seat.question.points.size() - seat.answered, seat.room, static_cast<std::size_t>(left)});
  }

  /// Takes the latest answers to the sample: ends its attack or lets it go on.
  void digest(Slot& slot) {
    Seat& seat = *slot.seat;
    Ledger& ledger = seat.ledger;
    if (!ledger.judged) {
      ledger.judged = true;
      ledger.original_label = ledger.label;
      if (seat.adversarial) {
        ledger.clear();
        return retire(slot, Status::already_adversarial);
      }
      if (!slot.finite) return retire(slot, Status::non_finite);
    }
    if (slot.original.size() == 0) {  // else the task's own question comes next
      const bool answered = seat.answered == seat.question.points.size() || seat.question.until_adversarial;
      if (seat.ending || answered) resume(slot, seat.ending ? std::exchange(seat.ending, {}) : seat.waiting);
    }
    if (slot.task->done())
      retire(slot, Status::success);
    else if (seat.close_enough())
      retire(slot, Status::success, false);
  }

  void verify() { change_.found -= verifier_.run(options_.batch_size, change_.queries); }

  void raise_if_asked(Index row, const char* what) const {
    if (options_.on_bad_sample == OnBadSample::raise)
      throw Error(text("sample ", row, " (id ", options_.sample_id(row), ") ", what));
  }

  const AttackTraits& traits_;
  const Options& options_;
  const Launch& launch_;
  Result<Input>& result_;
  Admission<Input, Options> admission_;
  ModelCalls<Input> calls_;
  BadSample bad_sample_ = [this](const Seat& seat, const char* what) {
    raise_if_asked(seat.sample.row, what);
  };
  Progress change_{};
  Round<Input> round_;
  Verifier<Input> verifier_;
  Shared shared_;

  Workload work_{};
};

}  // namespace foil
