// SPDX-License-Identifier: MIT
/// \file
/// The last word: nothing is returned that the model has not confirmed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/norms.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/result.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/model_calls.hpp"
#include "foil/run/round.hpp"
#include "foil/run/seat.hpp"

namespace foil {

/// Writes what is known of a sample into its row of the result. `label` is the class of the row that is
/// returned.
template <Batch Input>
void record(Result<Input>& result, const Seat& seat, Status status, int label) {
  const Index row = seat.sample.row;
  const Ledger& ledger = seat.ledger;
  result.status[static_cast<std::size_t>(row)] = status;
  result.queries[row] = ledger.queries;
  result.gradient_queries[row] = ledger.gradient_queries;
  result.surplus_queries[row] = ledger.surplus_queries;
  result.surplus_gradient_queries[row] = ledger.surplus_gradient_queries;
  result.bad_rows[row] = ledger.bad_rows;
  result.zero_gradients[row] = ledger.zero_gradients;
  result.probability_rows[row] = ledger.probability_rows;
  result.changed_answers[row] = ledger.changed_answers;
  result.stages[static_cast<std::size_t>(row)] = ledger.stage_calls();
  result.predictions[row] = label;
  result.traces[static_cast<std::size_t>(row)] = ledger.trace;
}

/// Asks the model once more about what is to be returned. What it does not confirm falls back to the closest
/// of the points found before, as far as they are remembered, and of points pulled outwards, farther and
/// farther; each of the latter has to be called adversarial twice. Where the model denies all of them, the
/// sample is reported as unstable.
template <Batch Input>
class Verifier {
 public:
  using Scalar = typename Input::Scalar;

  Verifier(ModelCalls<Input>& calls, const Input& inputs, Result<Input>& result, const BadSample& bad_sample)
      : calls_(calls), inputs_(inputs), result_(result), bad_sample_(bad_sample) {}

  /// Samples whose attack has ended with something found, and waits for its confirmation.
  std::vector<std::unique_ptr<Seat>>& waiting() { return waiting_; }

  /// Confirms all that wait, at most `batch_size` points in a call. Returns how many were found in vain;
  /// `asked` is raised by the model's forward passes.
  Index run(Index batch_size, std::int64_t& asked) {
    Index lost = 0;
    while (!waiting_.empty()) {
      const std::size_t count = std::min(waiting_.size(), static_cast<std::size_t>(batch_size));
      calls_.begin(count);
      for (std::size_t i = 0; i < count; ++i) calls_.place(i, waiting_[i]->ledger.best().x);
      calls_.forward();
      for (std::size_t i = 0; i < count; ++i) {
        Seat& seat = *waiting_[i];
        ++result_.verification_queries[seat.sample.row];
        ++asked;
        if (!calls_.read(i, seat.sample.row, answer_, nullptr, nullptr)) {
          ++seat.ledger.bad_rows;
          bad_sample_(seat, "made the model answer NaN or infinity");
        }
        seat.ledger.probability_rows += looks_like_probabilities(answer_.logits);
        seat.ledger.label = answer_.label;
        const bool known = !seat.pulled || std::exchange(seat.held, answer_.adversarial);
        if (answer_.adversarial && (!known || confirm(seat))) continue;
        if (next_candidate(seat)) continue;
        record(result_, seat, Status::unstable, seat.ledger.original_label);
        ++lost;
      }
      std::erase_if(waiting_, [&](const std::unique_ptr<Seat>& seat) {
        return result_.status[static_cast<std::size_t>(seat->sample.row)] != Status::not_run;
      });
    }
    return lost;
  }

 private:
  /// Pulls outwards: by 2^-22 of the distance, and then by four times as much as before, up to a sixteenth.
  static constexpr int most_pulls = 10, first_pull = -22;

  /// Finds something else to confirm: the closer one of what was found before and the next point outwards.
  /// False if nothing is left.
  bool next_candidate(Seat& seat) const {
    if (seat.denied.size() == 0) seat.denied = seat.ledger.best().x;
    Eigen::VectorXd last = seat.ledger.best().x;
    seat.ledger.fall_back();
    seat.pulled = seat.held = false;
    const Eigen::VectorXd& original = seat.sample.original;
    const double length = seat.distance(seat.denied);
    for (; seat.pulls < most_pulls; ++seat.pulls) {
      double reach = 1 + std::ldexp(1.0, first_pull + 2 * seat.pulls);
      if (reach * length >= seat.ledger.best_distance()) break;
      if (seat.sample.norm.p > 0) reach = std::min(reach, seat.limit / length);
      Eigen::VectorXd x = original + reach * (seat.denied - original);
      seat.stored.settle(x, seat.limit);
      const double size = seat.distance(x);
      if (x == last || x == seat.denied || !(size <= seat.limit) || std::isinf(size)) continue;
      ++seat.pulls;
      seat.pulled = true;
      seat.ledger.propose({std::move(x), size, std::numeric_limits<double>::quiet_NaN(), -1});
      return true;
    }
    return seat.ledger.found();
  }

  /// Stores the adversarial if it is what is promised, measured on the stored bits.
  bool confirm(Seat& seat) {
    const Index row = seat.sample.row;
    const auto original = foil::sample(inputs_, row);
    auto stored = foil::sample(result_.adversarials, row);
    stored = seat.ledger.best().x.template cast<Scalar>();
    const double length = distance(seat.sample.norm, original, stored);
    if (!(length <= seat.limit) || !seat.stored.holds(stored.template cast<double>())) {
      stored = original;
      return false;
    }
    result_.success[row] = true;
    result_.distances[row] = length;
    result_.parameters[static_cast<std::size_t>(row)] = seat.ledger.best().parameters;
    record(result_, seat, seat.ledger.status, seat.ledger.label);
    return true;
  }

  ModelCalls<Input>& calls_;
  const Input& inputs_;
  Result<Input>& result_;
  const BadSample& bad_sample_;
  std::vector<std::unique_ptr<Seat>> waiting_{};
  Answer answer_{};
};

}  // namespace foil
