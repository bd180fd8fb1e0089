// SPDX-License-Identifier: MIT
/// \file
/// Runs the attacks of many samples side by side: gathers what they ask into model calls, judges and counts
/// the answers, retires finished samples and verifies what was found. Single-threaded; see attacks/run.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/criteria.hpp"
#include "foil/core/model.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/result.hpp"
#include "foil/run/oracle.hpp"
#include "foil/run/run_options.hpp"

namespace foil {

/// What the scheduler needs to know of an attack.
struct AttackSetup {
  std::string_view name;       ///< enters the random streams
  Lp norm;                     ///< what distances are measured in
  Eigen::VectorXd epsilons{};  ///< one radius per row for a fixed budget; empty for a minimal attack
  std::vector<Memory>* memories = nullptr;  ///< one per row: what to continue from; updated as samples end
};

/// Starts the attack on one row; the task refers to the oracle.
using Launch = std::function<Task<>(Oracle&, Index row)>;

template <class Model, class Criterion>
class Scheduler {
 public:
  using Input = input_t<Model>;
  using Scalar = scalar_t<Model>;
  using Options = RunOptions<Input, shareable<Model>>;

  Scheduler(Model& model, const Input& inputs, const Criterion& criterion, const AttackSetup& setup,
            const Options& options, const Launch& launch, Result<Input>& result)
      : model_(model),
        inputs_(inputs),
        criterion_(criterion),
        setup_(setup),
        options_(options),
        launch_(launch),
        result_(result),
        bounds_(model.bounds()),
        setting_{Eigen::VectorXd(features(inputs)),
                 Eigen::VectorXd(features(inputs)),
                 std::is_same_v<Scalar, float>,
                 setup.norm,
                 options.seed,
                 setup.name} {
    for (Index i = 0; i < features(inputs); ++i) {
      setting_.lower[i] = static_cast<double>(bounds_.lower(i));
      setting_.upper[i] = static_cast<double>(bounds_.upper(i));
    }
  }

  /// Attacks the rows [first, last) and writes their results. `report(change)` is given the change in
  /// progress after every round of model calls and may stop the run.
  template <class Report>
  void run(Index first, Index last, Report report) {
    Index next = first;
    while (next < last || !active_.empty() || !unverified_.empty()) {
      for (; next < last && static_cast<Index>(active_.size()) < options_.batch_size; ++next) admit(next);
      ask();
      if (active_.empty() && next == last) verify();
      if (report(std::exchange(change_, {})) == Control::stop && !stopped_) {
        stopped_ = true;
        for (auto& slot : active_) retire(*slot, Status::interrupted, false);
        collect();
        for (; next < last; ++next) result_.status[static_cast<std::size_t>(next)] = Status::interrupted;
      }
    }
  }

  /// After an exception: hands over what the unfinished samples had found, unverified.
  void salvage() {
    collect();
    for (auto* slots : {&active_, &unverified_})
      for (auto& slot : *slots) {
        if (result_.status[static_cast<std::size_t>(slot->row)] != Status::not_run) continue;
        const Memory& memory = slot->oracle.memory_;
        const bool found = slot->oracle.found();
        record(*slot, Status::failed, found ? memory.best.back().label : memory.original_label);
        if (!slot->retired) keep_memory(*slot);
        if (found) sample(result_.adversarials, slot->row) = slot->oracle.best().template cast<Scalar>();
      }
  }

 private:
  struct Slot {
    Slot(Index r, Setting& setting, Eigen::VectorXd original, std::int64_t sample_id)
        : row(r), oracle(setting, std::move(original), sample_id) {}
    Index row;
    Oracle oracle;
    std::unique_ptr<Task<>> task{};  // refers to the oracle
    Eigen::VectorXd question{};      // what is being asked, if not the task's point
    bool retired = false;            // no longer asks; to be verified if something was found
  };
  using Slots = std::vector<std::unique_ptr<Slot>>;
  struct Row {
    Slot* slot;
    const Eigen::VectorXd* point;
  };

  // --- life of a sample ---

  void admit(Index row) {
    const auto original = sample(inputs_, row);
    for (Index i = 0; i < original.size(); ++i) {
      if (original[i] >= bounds_.lower(i) && original[i] <= bounds_.upper(i) && std::isfinite(original[i]))
        continue;
      result_.status[static_cast<std::size_t>(row)] = Status::invalid_input;
      ++change_.finished;
      raise_if_asked(row, "is not within the bounds");
      return;
    }
    auto slot =
        std::make_unique<Slot>(row, setting_, original.template cast<double>(), options_.sample_id(row));
    Oracle& oracle = slot->oracle;
    const auto dimensions = inputs_.dimensions();
    oracle.set_shape({dimensions.begin() + 1, dimensions.end()});
    if (setup_.epsilons.size() > 0) oracle.limit_ = setup_.epsilons[row];
    if (options_.starting_points.size() > 0)
      oracle.set_starting_point(sample(options_.starting_points, row).template cast<double>());
    if (!options_.pool.empty()) {
      oracle.rank_pool_ = [this, row](std::size_t most) {
        std::vector<Oracle::PoolRow> rows;
        for (const Index found : options_.pool.nearest_by_class(criterion_, row, sample(inputs_, row),
                                                                setup_.norm, bounds_, most))
          rows.push_back({found, options_.pool.predictions()[found]});
        return rows;
      };
      oracle.pool_row_ = [this](Index found) {
        return Eigen::VectorXd(sample(options_.pool.inputs(), found).template cast<double>());
      };
    }
    if (setup_.memories) oracle.memory_ = (*setup_.memories)[static_cast<std::size_t>(row)];
    if (oracle.memory_.ended || (oracle.memory_.judged && close_enough(oracle))) {
      slot->retired = true;
    } else {
      oracle.memory_.status = Status::not_run;
      slot->task = std::make_unique<Task<>>(launch_(oracle, row));
    }
    active_.push_back(std::move(slot));  // before the attack's first step, which may throw
    if (active_.back()->task) resume(*active_.back(), active_.back()->task->handle());
  }

  /// A minimal attack need not get any closer.
  bool close_enough(const Oracle& oracle) const {
    return oracle.found() && oracle.best_distance() <= options_.early_stop && setup_.epsilons.size() == 0;
  }

  void resume(Slot& slot, std::coroutine_handle<> suspended) {
    suspended.resume();
    if (slot.task->done()) slot.task->result();  // rethrows what the attack threw
  }

  /// Ends a sample's attack. It waits in `active_` for collect().
  void retire(Slot& slot, Status status, bool ended = true) {
    slot.retired = true;
    slot.task.reset();
    Memory& memory = slot.oracle.memory_;
    if (status == Status::success && memory.status != Status::not_run) status = memory.status;
    if (!slot.oracle.found() && (status == Status::success || status == Status::converged))
      status = memory.bad_rows > 0 ? Status::non_finite : Status::not_found;
    memory.status = status;
    memory.ended = ended;
  }

  /// Moves the retired samples on: to the verification, or out.
  void collect() {
    std::size_t kept = 0;
    for (auto& slot : active_) {
      if (!slot->retired) {
        active_[kept++] = std::move(slot);
        continue;
      }
      keep_memory(*slot);
      const bool as_it_is = slot->oracle.memory_.status == Status::already_adversarial;
      ++change_.finished;
      change_.found += as_it_is || slot->oracle.found();
      if (as_it_is) {
        result_.success[slot->row] = true;
        result_.distances[slot->row] = 0;
      }
      if (!as_it_is && slot->oracle.found())
        unverified_.push_back(std::move(slot));
      else
        record(*slot, slot->oracle.memory_.status, slot->oracle.memory_.original_label);
    }
    active_.resize(kept);
  }

  void keep_memory(const Slot& slot) {
    if (setup_.memories) (*setup_.memories)[static_cast<std::size_t>(slot.row)] = slot.oracle.memory_;
  }

  /// `label` is the class of the row that is returned.
  void record(const Slot& slot, Status status, int label) {
    const Index row = slot.row;
    const Memory& memory = slot.oracle.memory_;
    result_.status[static_cast<std::size_t>(row)] = status;
    result_.queries[row] = memory.queries;
    result_.gradient_queries[row] = memory.gradient_queries;
    result_.surplus_queries[row] = memory.surplus_queries;
    result_.bad_rows[row] = memory.bad_rows;
    result_.predictions[row] = label;
    result_.traces[static_cast<std::size_t>(row)] = memory.trace;
  }

  // --- one round of model calls ---

  /// Asks what the active samples want to know: one vjp and one forward call at most.
  void ask() {
    forward_.clear();
    backward_.clear();
    for (auto& slot : active_) {
      if (slot->retired) continue;
      Oracle& oracle = slot->oracle;
      const bool asks = !slot->task->done();
      const bool original = asks && *oracle.point_ == oracle.original();
      if (oracle.memory_.judged && !asks) {
        retire(*slot, Status::success);
      } else if (oracle.memory_.queries >= options_.query_budget) {
        retire(*slot, Status::budget_exhausted, false);
      } else if (!oracle.memory_.judged && !original) {
        slot->question = oracle.original();
        forward_.push_back({slot.get(), &slot->question});
      } else {
        slot->question.resize(0);
        require(can_answer(oracle.kind_), setup_.name, ": asks for a ",
                oracle.kind_ == Oracle::Kind::gradient ? "gradient" : "score",
                ", which this model or this criterion does not offer");
        if (oracle.kind_ == Oracle::Kind::gradient)
          backward_.push_back({slot.get(), oracle.point_});
        else
          ask_ahead(*slot);
      }
    }
    if constexpr (DifferentiableModel<Model> && MarginCriterion<Criterion>)
      if (!backward_.empty()) call_backward();
    if (!forward_.empty()) {
      const auto answers = call_forward();
      for (std::size_t i = 0; i < forward_.size();) {
        Slot& slot = *forward_[i].slot;
        slot.oracle.answered_ = 0;
        slot.oracle.adversarial_ = false;
        for (; i < forward_.size() && forward_[i].slot == &slot; ++i) {
          ++change_.queries;
          if (slot.oracle.adversarial_) {
            ++slot.oracle.memory_.surplus_queries;
            continue;
          }
          ++slot.oracle.memory_.queries;
          ++slot.oracle.answered_;
          judge(slot, answers, static_cast<Index>(i), nullptr);
        }
        digest(slot);
      }
    }
    collect();
    if (static_cast<Index>(unverified_.size()) >= options_.batch_size) verify();
  }

  /// Takes up the points that a sample asks about: the first, and more of them as far as its share of a full
  /// batch and its budget go.
  void ask_ahead(Slot& slot) {
    Oracle& oracle = slot.oracle;
    const Index share = oracle.memory_.judged ? options_.batch_size / static_cast<Index>(active_.size()) : 1;
    oracle.room_ = static_cast<std::size_t>(std::max<Index>(share, 1));
    const auto left = static_cast<std::uint64_t>(options_.query_budget - oracle.memory_.queries);
    const std::size_t count = std::min({oracle.count_, oracle.room_, static_cast<std::size_t>(left)});
    for (std::size_t i = 0; i < count; ++i) forward_.push_back({&slot, oracle.point_ + i});
  }

  /// Takes the latest answer to the sample: ends its attack or lets it go on.
  void digest(Slot& slot) {
    Oracle& oracle = slot.oracle;
    const bool asked_original = !oracle.memory_.judged;
    oracle.memory_.judged = true;
    if (asked_original) oracle.memory_.original_label = oracle.memory_.label;
    if (asked_original && oracle.adversarial_) {
      oracle.memory_.best.clear();
      oracle.memory_.trace.clear();
      return retire(slot, Status::already_adversarial);
    }
    if (asked_original && !oracle.finite_) return retire(slot, Status::non_finite);
    if (slot.question.size() == 0) {  // else the task's own question comes next
      if (oracle.adversarial_)
        oracle.remember(oracle.point_[oracle.answered_ - 1], oracle.memory_.label, options_.trace);
      resume(slot, oracle.waiting_);
    }
    if (slot.task->done())
      retire(slot, Status::success);
    else if (close_enough(oracle))
      retire(slot, Status::success, false);
  }

  void call_backward()
    requires DifferentiableModel<Model> && MarginCriterion<Criterion>
  {
    fill(backward_);
    auto vjp = model_.vjp(batch_);
    check_answer(vjp.logits.rows(), vjp.logits.cols());
    cotangent_.resize(vjp.logits.rows(), vjp.logits.cols());
    for (std::size_t i = 0; i < backward_.size(); ++i) {
      Oracle& oracle = backward_[i].slot->oracle;
      oracle.answered_ = 1;
      ++oracle.memory_.queries;
      ++oracle.memory_.gradient_queries;
      ++change_.queries;
      ++change_.gradient_queries;
      judge(*backward_[i].slot, vjp.logits, static_cast<Index>(i), &cotangent_);
    }
    const Input gradients = vjp.pullback(cotangent_);
    require(gradients.dimensions() == batch_.dimensions(),
            "model: the pullback was expected to return shape ", shape_text(batch_), ", it returned ",
            shape_text(gradients));
    for (std::size_t i = 0; i < backward_.size(); ++i) {
      Slot& slot = *backward_[i].slot;
      auto& gradient = slot.oracle.gradient_;
      gradient.resize(features(batch_));
      detail::copy_entries(sample(gradients, static_cast<Index>(i)), gradient);
      const bool finite = all_finite(gradient);
      if (!finite) gradient = gradient.unaryExpr([](double g) { return std::isfinite(g) ? g : 0.0; }).eval();
      if (!finite) {
        ++slot.oracle.memory_.bad_rows;
        raise_if_asked(slot.row, "has a gradient with NaN or infinity");
      }
      digest(slot);
    }
  }

  auto call_forward() {
    fill(forward_);
    if constexpr (asks_logits) {
      Logits<Scalar> logits = model_.logits(batch_);
      check_answer(logits.rows(), logits.cols());
      return logits;
    } else {
      Labels labels = foil::predict(model_, batch_);
      check_answer(labels.size(), 0);
      return labels;
    }
  }

  static constexpr bool asks_logits =
      ScoreModel<Model> && (ScoreCriterion<Criterion> || !detail::HasPredict<Model>);

  static constexpr bool can_answer(Oracle::Kind kind) {
    return kind == Oracle::Kind::decision ||
           (MarginCriterion<Criterion> &&
            (kind == Oracle::Kind::score ? asks_logits : DifferentiableModel<Model>));
  }

  void fill(const std::vector<Row>& rows) {
    const Index count = static_cast<Index>(rows.size());
    if (batch_.size() == 0 || samples(batch_) != count) batch_.resize(resized(inputs_, count));
    for (Index i = 0; i < count; ++i)
      detail::copy_entries(*rows[static_cast<std::size_t>(i)].point, sample(batch_, i));
  }

  void check_answer(Index rows, Index classes) {
    require(rows == samples(batch_), "model: expected one answer for each of ", samples(batch_),
            " samples, got ", rows);
    if (asks_logits && classes != classes_) {
      require(classes >= 2, "model: expected logits of at least 2 classes, got ", classes,
              "; turn a single logit z into the row (0, z)");
      require(classes_ == 0, "model: the number of classes changed from ", classes_, " to ", classes);
      detail::check_criterion(criterion_, samples(inputs_), classes);
      classes_ = classes;
    }
  }

  /// Judges row i of an answer; sets the oracle's verdict, loss and, where asked, the cotangent.
  template <class Answers>
  void judge(Slot& slot, const Answers& answers, Index i, Logits<Scalar>* cotangent) {
    Oracle& oracle = slot.oracle;
    oracle.adversarial_ = false;
    oracle.loss_ = std::numeric_limits<double>::quiet_NaN();
    if constexpr (std::is_same_v<Answers, Labels>) {
      oracle.memory_.label = answers[i];
      oracle.adversarial_ = criterion_(Decision{slot.row, answers[i]});
    } else {
      row_ = answers.row(i).transpose().template cast<double>();
      if (cotangent) cotangent->row(i).setZero();
      bool finite = true;
      Index best = 0;
      for (Index k = 0; k < row_.size(); ++k) {
        finite = finite && std::isfinite(row_[k]);
        if (row_[k] > row_[best]) best = k;
      }
      oracle.memory_.label = finite ? static_cast<int>(best) : -1;
      oracle.finite_ = finite;
      if (!finite) {
        ++oracle.memory_.bad_rows;
        return raise_if_asked(slot.row, "made the model answer NaN or infinity");
      }
      if constexpr (ScoreCriterion<Criterion>)
        oracle.adversarial_ = criterion_(Scores{slot.row, row_});
      else
        oracle.adversarial_ = criterion_(Decision{slot.row, oracle.memory_.label});
      if constexpr (MarginCriterion<Criterion>) {
        if (cotangent) {
          row_gradient_.resize(row_.size());
          oracle.loss_ = loss_of(criterion_, oracle.loss_kind_, Scores{slot.row, row_}, &row_gradient_);
          cotangent->row(i) = row_gradient_.transpose().template cast<Scalar>();
        } else if (oracle.kind_ == Oracle::Kind::score) {
          oracle.loss_ = loss_of(criterion_, oracle.loss_kind_, Scores{slot.row, row_}, nullptr);
        }
      }
    }
  }

  // --- the last word ---

  /// Asks the model once more about what is to be returned. What it does not confirm falls back to the point
  /// found before, else it is reported as unstable.
  void verify() {
    while (!unverified_.empty()) {
      forward_.clear();
      for (std::size_t i = 0; i < unverified_.size() && static_cast<Index>(i) < options_.batch_size; ++i)
        forward_.push_back({unverified_[i].get(), &unverified_[i]->oracle.best()});
      const auto answers = call_forward();
      for (std::size_t i = 0; i < forward_.size(); ++i) {
        Slot& slot = *forward_[i].slot;
        ++result_.verification_queries[slot.row];
        ++change_.queries;
        judge(slot, answers, static_cast<Index>(i), nullptr);
        if (confirm(slot)) continue;
        slot.oracle.memory_.best.pop_back();
        if (slot.oracle.found()) continue;
        record(slot, Status::unstable, slot.oracle.memory_.original_label);
        --change_.found;
      }
      std::erase_if(unverified_, [&](const std::unique_ptr<Slot>& slot) {
        return result_.status[static_cast<std::size_t>(slot->row)] != Status::not_run;
      });
    }
  }

  bool confirm(Slot& slot) {
    if (!slot.oracle.adversarial_) return false;
    const auto original = sample(inputs_, slot.row);
    auto stored = sample(result_.adversarials, slot.row);
    stored = slot.oracle.best().template cast<Scalar>();
    const double length = distance(setup_.norm, original, stored);
    bool sound = length <= slot.oracle.limit_;
    for (Index i = 0; i < stored.size(); ++i)
      sound = sound && stored[i] >= bounds_.lower(i) && stored[i] <= bounds_.upper(i);
    if (!sound) {
      stored = original;
      return false;
    }
    result_.success[slot.row] = true;
    result_.distances[slot.row] = length;
    record(slot, slot.oracle.memory_.status, slot.oracle.memory_.label);
    return true;
  }

  void raise_if_asked(Index row, const char* what) const {
    if (options_.on_bad_sample == OnBadSample::raise)
      throw Error(text("sample ", row, " (id ", options_.sample_id(row), ") ", what));
  }

  Model& model_;
  const Input& inputs_;
  const Criterion& criterion_;
  const AttackSetup& setup_;
  const Options& options_;
  const Launch& launch_;
  Result<Input>& result_;
  Bounds<Scalar> bounds_;
  Setting setting_;

  Slots active_{}, unverified_{};
  std::vector<Row> forward_{}, backward_{};
  Input batch_{};
  Logits<Scalar> cotangent_{};
  Eigen::VectorXd row_{}, row_gradient_{};
  Index classes_ = 0;
  Progress change_{};
  bool stopped_ = false;
};

}  // namespace foil
