// SPDX-License-Identifier: MIT
/// \file
/// One round of model calls: what many samples ask, gathered into batches, and the answers judged and
/// counted.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/numbers.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/box.hpp"
#include "foil/run/model_calls.hpp"
#include "foil/run/oracle.hpp"
#include "foil/run/run_options.hpp"
#include "foil/run/seat.hpp"
#include "foil/run/task.hpp"

namespace foil {

/// A sample at work.
struct Slot {
  Slot(Shared& shared, Sample sample)
      : seat(std::make_unique<Seat>(shared, std::move(sample))), oracle(*seat) {}
  std::unique_ptr<Seat> seat;
  Oracle oracle;                   // refers to the seat
  std::unique_ptr<Task<>> task{};  // refers to the oracle
  Eigen::VectorXd original{};      // what is being asked, if not the task's question
  std::size_t asked = 0;           // points in the call that is being made
  bool finite = true;              // the last answer
  std::size_t judged = 0;          // of these; the others came after the question's end
  bool retired = false;            // no longer asks; to be verified if something was found
};

/// Called for a sample about which the model said something that is not finite: what it said. May throw.
using BadSample = std::function<void(const Seat&, const char* what)>;

/// Gathers questions, asks them and enters the answers.
template <Batch Input>
class Round {
 public:
  /// `change` is raised by what is asked.
  Round(ModelCalls<Input>& calls, Progress& change, const BadSample& bad_sample)
      : calls_(calls), change_(change), bad_sample_(bad_sample) {}

  void begin() {
    forward_.clear();
    backward_.clear();
  }
  /// The sample's original is asked about first.
  void ask_about_original(Slot& slot) {
    slot.original = slot.seat->sample.original;
    slot.asked = 1;
    forward_.push_back(&slot);
  }
  /// So many of the points that the sample's attack asks about, from those answered on.
  void ask(Slot& slot, std::size_t count) {
    slot.original.resize(0);
    slot.asked = count;
    (slot.seat->question.need == Need::gradient ? backward_ : forward_).push_back(&slot);
  }
  /// Asks the model: one forward call at most, and one vjp for each number of pullbacks that is wanted;
  /// nearly always that is one. `digest(slot)` is called for each sample once its answers are there.
  template <class Digest>
  void call(Digest digest) {
    call_backward(digest);
    call_forward(digest);
  }

 private:
  /// Fills a batch with what these samples ask about.
  void place(const std::vector<Slot*>& slots) {
    std::size_t count = 0;
    for (const Slot* slot : slots) count += slot->asked;
    calls_.begin(count);
    std::size_t i = 0;
    for (const Slot* slot : slots)
      if (slot->original.size() > 0)
        calls_.place(i++, slot->original);
      else
        for (std::size_t k = 0; k < slot->asked; ++k)
          calls_.place(i++, slot->seat->question.points[slot->seat->answered + k]);
  }

  template <class Digest>
  void call_forward(Digest digest) {
    if (forward_.empty()) return;
    place(forward_);
    calls_.forward();
    std::size_t i = 0;
    for (Slot* slot : forward_) {
      judge(*slot, i, 0);
      i += slot->asked;
      digest(*slot);
    }
  }

  template <class Digest>
  void call_backward(Digest digest) {
    while (!backward_.empty()) {
      const std::size_t pulls = pullbacks(*backward_.front());
      group_.clear();
      others_.clear();
      for (Slot* slot : backward_) (pullbacks(*slot) == pulls ? group_ : others_).push_back(slot);
      backward_.swap(others_);
      call_vjp(group_, pulls);
      for (Slot* slot : group_) digest(*slot);
    }
  }

  static std::size_t pullbacks(const Slot& slot) {
    return std::max<std::size_t>(slot.seat->question.classes.size(), 1);
  }

  void call_vjp(const std::vector<Slot*>& slots, std::size_t pulls) {
    place(slots);
    calls_.vjp();
    std::size_t i = 0;
    for (Slot* slot : slots) {
      judge(*slot, i, pulls);
      i += slot->asked;
    }
    for (std::size_t pull = 0; pull < pulls; ++pull) {
      i = 0;
      for (Slot* slot : slots) {
        const Seat& seat = *slot->seat;
        for (std::size_t k = 0; k < slot->judged && !seat.question.classes.empty(); ++k)
          if (seat.answers[seat.answered - slot->judged + k].label >= 0)
            calls_.set_cotangent(i + k, seat.question.classes[pull]);
        i += slot->asked;
      }
      calls_.pull_back();
      i = 0;
      for (Slot* slot : slots) {
        for (std::size_t k = 0; k < slot->judged; ++k)
          read_gradient(*slot->seat, i + k, slot->judged - k, pull);
        i += slot->asked;
      }
    }
    calls_.end_pullbacks();
  }

  /// Takes the i-th gradient of a batch to the answer that is `from_last` away from the end of those given.
  void read_gradient(Seat& seat, std::size_t i, std::size_t from_last, std::size_t pull) {
    Answer& answer = seat.answers[seat.answered - from_last];
    const std::size_t classes = seat.question.classes.size();
    answer.class_gradients.resize(classes);
    Eigen::VectorXd& gradient = classes > 0 ? answer.class_gradients[pull] : answer.gradient;
    const bool finite = calls_.read_gradient(i, gradient);
    if (!finite) {
      ++seat.ledger.bad_rows;
      bad_sample_(seat, "has a gradient with NaN or infinity");
    }
    seat.sample.box->hold_frozen(gradient);
    answer.vanished = answer.vanished && finite && vanishes(gradient, *seat.sample.box);
    if (answer.vanished && pull + 1 >= classes)
      seat.ledger.zero_gradients += static_cast<std::int64_t>(pull + 1);
  }

  /// Whether a gradient is zero wherever the point may move. Mostly the first entry tells.
  static bool vanishes(const Eigen::VectorXd& gradient, const geometry::Box& box) {
    bool moves = false;
    for (Index i = 0; i < gradient.size(); ++i) {
      if (!(box.lower[i] < box.upper[i])) continue;
      if (gradient[i] != 0) return false;
      moves = true;
    }
    return moves;
  }

  /// Judges a sample's answers, the first of which is the `first`-th of the batch, each pulled back so many
  /// times. What comes after the one that ends its question is surplus: neither what is found nor what is
  /// counted depends on how many points share a call.
  void judge(Slot& slot, std::size_t first, std::size_t pulls) {
    Seat& seat = *slot.seat;
    const auto gradients = static_cast<std::int64_t>(pulls);
    slot.judged = 0;
    for (std::size_t k = 0; k < slot.asked; ++k) {
      ++change_.queries;
      change_.gradient_queries += gradients;
      const bool ended = k > 0 && ((seat.adversarial && seat.question.until_adversarial) || seat.ending ||
                                   seat.close_enough());
      if (ended) {
        ++seat.ledger.surplus_queries;
        seat.ledger.surplus_gradient_queries += gradients;
        continue;
      }
      ++seat.ledger.queries;
      seat.ledger.gradient_queries += gradients;
      ++slot.judged;
      judge_one(slot, first + k, pulls > 0);
    }
  }

  /// Judges the i-th answer of a batch, to the next point of the sample's question or to its original.
  void judge_one(Slot& slot, std::size_t i, bool pulled) {
    Seat& seat = *slot.seat;
    if (seat.answers.empty()) seat.answers.resize(1);
    const bool asks = slot.original.size() == 0;
    Answer& answer = seat.answers[asks ? seat.answered : 0];
    const bool scored = asks && seat.question.need != Need::decision && seat.question.classes.empty();
    slot.finite = calls_.read(i, seat.sample.row, answer, scored ? &seat.question.objective : nullptr,
                              pulled ? &cotangent_ : nullptr);
    if (pulled && scored) calls_.set_cotangent(i, cotangent_);
    answer.vanished = pulled && slot.finite && (!answer.adversarial || !scored || !cotangent_.isZero(0));
    seat.adversarial = answer.adversarial;
    seat.ledger.label = answer.label;
    if (asks) {
      if (answer.adversarial && seat.ledger.judged)
        seat.found(seat.question.points[seat.answered], answer.label,
                   scored || pulled ? answer.loss : seat.question.making.worth);
      if (seat.stage.stream && slot.finite) seat.note(seat.question.points[seat.answered], answer.logits);
      ++seat.answered;
    }
    seat.ledger.probability_rows += looks_like_probabilities(answer.logits);
    if (slot.finite) return;
    ++seat.ledger.bad_rows;
    bad_sample_(seat, "made the model answer NaN or infinity");
  }

  ModelCalls<Input>& calls_;
  Progress& change_;
  const BadSample& bad_sample_;
  std::vector<Slot*> forward_{}, backward_{};
  std::vector<Slot*> group_{}, others_{};  // of backward_: those of a call, and the rest
  Eigen::VectorXd cotangent_{};
};

}  // namespace foil
