// SPDX-License-Identifier: MIT
/// \file
/// A feed-forward graph of operators and the plan by which it is evaluated, forward and backward.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// Operators in topological order over numbered slots; slot 0 is the input. Every operator has an input. Each
/// slot holds a fixed number of elements per sample. Build with add(), then finish() once; after that the
/// graph does not change and may be evaluated by several threads at once.
template <class T, class = Isa>
class Graph {
 public:
  explicit Graph(Index input_size) : slots_{Slot{input_size}} {}

  Index size(std::size_t slot) const { return slots_[slot].size; }

  /// Appends an operator; returns the slot of its output.
  std::size_t add(std::unique_ptr<Operator<T>> op, std::vector<std::size_t> inputs, Index output_size) {
    slots_.push_back(Slot{output_size});
    slots_.back().producer = steps_.size();
    steps_.push_back(Step{std::move(op), std::move(inputs), slots_.size() - 1, {}, {}});
    return slots_.size() - 1;
  }

  /// The operator that writes a slot; null for the input.
  Operator<T>* producer(std::size_t slot) {
    return slots_[slot].producer == none ? nullptr : steps_[slots_[slot].producer].op.get();
  }

  /// Fixes the output, drops what it does not depend on, and lays out memory; throws foil::Error if a sample
  /// would need more than 2^30 numbers.
  void finish(std::size_t output) {
    output_ = output;
    drop_dead_steps();
    for (Step& step : steps_) step.op->prepare();
    share_memory();
    lay_out();
    plan_gradients();
    constexpr Index most = Index(1) << 30;
    require(kept_size_ + transient_size_ + gradient_size_ <= most && scratch_size_ <= most,
            "network: a sample would need memory for ", kept_size_ + transient_size_ + gradient_size_,
            " and ", scratch_size_, " numbers, expected at most ", most);
  }

  /// Number of operators.
  std::size_t operators() const { return steps_.size(); }

  /// The i-th operator in the order of evaluation, and the elements per sample of its inputs and its output.
  struct View {
    const Operator<T>& op;
    std::vector<Index> inputs;
    Index output;
  };
  View view(std::size_t i) const {
    View view{*steps_[i].op, {}, slots_[steps_[i].output].size};
    for (const std::size_t input : steps_[i].inputs) view.inputs.push_back(slots_[input].size);
    return view;
  }

  Index input_size() const { return slots_[0].size; }
  Index output_size() const { return slots_[output_].size; }

  /// Elements per sample that the backward pass reads again, and that only the forward pass needs.
  Index kept_size() const { return kept_size_; }
  Index transient_size() const { return transient_size_; }
  /// Elements per sample of all gradients.
  Index gradient_size() const { return gradient_size_; }
  /// Elements that operators need besides, whatever the batch.
  Index scratch_size() const { return scratch_size_; }

  /// Evaluates `batch` samples. `kept` and `transient` offer batch * kept_size() and batch *
  /// transient_size() elements. `logits` receives batch * output_size() elements.
  void forward(Index batch, const T* x, T* kept, T* transient, T* scratch, T* logits) const {
    const std::vector<T*> memory = addresses<T>(batch, kept, transient);
    std::vector<const T*> inputs(most_inputs_);
    if (slots_[0].kept) std::copy(x, x + batch * input_size(), memory[0]);
    for (const Step& step : steps_) {
      for (std::size_t i = 0; i < step.inputs.size(); ++i)
        inputs[i] = step.inputs[i] == 0 ? x : memory[step.inputs[i]];
      step.op->forward(batch, inputs.data(), memory[step.output], scratch);
    }
    const T* const result = output_ == 0 ? x : memory[output_];
    std::copy(result, result + batch * output_size(), logits);
  }

  /// Pulls `cotangent` (batch * output_size()) back to the input. `kept` is what forward() left there;
  /// `gradients` offers batch * gradient_size() elements.
  void backward(Index batch, const T* kept, const T* cotangent, T* gradients, T* scratch, T* dx) const {
    const std::vector<const T*> memory = addresses<const T>(batch, kept, nullptr);
    std::vector<T*> slopes(slots_.size());
    for (std::size_t s = 0; s < slots_.size(); ++s)
      slopes[s] = s == 0 ? dx : gradients + batch * slots_[slots_[s].shares].gradient_offset;
    std::copy(cotangent, cotangent + batch * output_size(), slopes[output_]);
    std::vector<const T*> inputs(most_inputs_);
    std::vector<T*> targets(most_inputs_);
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
      for (std::size_t i = 0; i < step->inputs.size(); ++i) {
        inputs[i] = memory[step->inputs[i]];
        targets[i] = step->adds[i] ? gradients + batch * step->aside[i] : slopes[step->inputs[i]];
      }
      step->op->backward(batch, inputs.data(), memory[step->output], slopes[step->output], targets.data(),
                         scratch);
      for (std::size_t i = 0; i < step->inputs.size(); ++i)
        if (step->adds[i]) accumulate<T>(batch * size(step->inputs[i]), targets[i], slopes[step->inputs[i]]);
    }
  }

 private:
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  struct Slot {
    Index size = 0;
    std::size_t producer = none;
    std::size_t consumers = 0;
    std::size_t shares = 0;  ///< the slot whose memory this one uses; itself unless in place
    bool kept = false;
    Index offset = 0;
    Index gradient_offset = 0;
  };

  struct Step {
    std::unique_ptr<Operator<T>> op;
    std::vector<std::size_t> inputs;
    std::size_t output;
    std::vector<bool> adds;    ///< per input: its gradient already holds another consumer's contribution
    std::vector<Index> aside;  ///< where the contribution to be added is written first
  };

  void drop_dead_steps() {
    std::vector<bool> alive(slots_.size(), false);
    alive[output_] = true;
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step)
      if (alive[step->output])
        for (const std::size_t input : step->inputs) alive[input] = true;
    std::erase_if(steps_, [&](const Step& step) { return !alive[step.output]; });
    for (Slot& slot : slots_) slot.producer = none;
    for (std::size_t i = 0; i < steps_.size(); ++i) slots_[steps_[i].output].producer = i;
  }

  void share_memory() {
    for (std::size_t s = 0; s < slots_.size(); ++s) slots_[s].shares = s;
    for (const Step& step : steps_) {
      most_inputs_ = std::max(most_inputs_, step.inputs.size());
      for (const std::size_t input : step.inputs) ++slots_[input].consumers;
    }
    for (const Step& step : steps_) {
      if (!step.op->in_place() || step.op->needs_inputs()) continue;
      const Slot& input = slots_[step.inputs[0]];
      const bool written = input.producer != none && !steps_[input.producer].op->needs_output();
      if (written && input.consumers == 1 && step.inputs[0] != output_)
        slots_[step.output].shares = input.shares;
    }
  }

  void lay_out() {
    for (const Step& step : steps_) {
      if (step.op->needs_output()) slots_[slots_[step.output].shares].kept = true;
      if (step.op->needs_inputs())
        for (const std::size_t input : step.inputs) slots_[slots_[input].shares].kept = true;
      scratch_size_ = std::max(scratch_size_, round_up<T>(step.op->scratch()));
    }
    for (std::size_t s = 0; s < slots_.size(); ++s) {
      Slot& slot = slots_[s];
      if (slot.shares != s || (s == 0 ? !slot.kept : slot.producer == none)) continue;
      Index& total = slot.kept ? kept_size_ : transient_size_;
      slot.offset = total;
      total += round_up<T>(slot.size);
      if (s == 0) continue;
      slot.gradient_offset = gradient_size_;
      gradient_size_ += round_up<T>(slot.size);
    }
  }

  void plan_gradients() {
    std::vector<bool> written(slots_.size(), false);
    written[output_] = true;
    Index aside = 0;
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
      Index used = 0;
      for (const std::size_t input : step->inputs) {
        step->adds.push_back(written[input]);
        step->aside.push_back(gradient_size_ + used);
        if (written[input]) used += round_up<T>(size(input));
        written[input] = true;
      }
      aside = std::max(aside, used);
    }
    gradient_size_ += aside;
  }

  /// Where each slot lies; null where there is no memory for it.
  template <class U>
  std::vector<U*> addresses(Index batch, U* kept, U* transient) const {
    std::vector<U*> memory(slots_.size(), nullptr);
    for (std::size_t s = 0; s < slots_.size(); ++s) {
      const Slot& slot = slots_[slots_[s].shares];
      if (slot.kept)
        memory[s] = kept + batch * slot.offset;
      else if (transient != nullptr)
        memory[s] = transient + batch * slot.offset;
    }
    return memory;
  }

  std::vector<Slot> slots_;
  std::vector<Step> steps_;
  std::size_t output_ = 0, most_inputs_ = 0;
  Index kept_size_ = 0, transient_size_ = 0, gradient_size_ = 0, scratch_size_ = 0;
};

}  // namespace foil::nn
