// SPDX-License-Identifier: MIT
/// \file
/// A feed-forward graph of operators and the plan by which it is evaluated, forward and backward.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/exponents.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/saturating.hpp"
#include "foil/nn/plan.hpp"
#include "foil/nn/threads.hpp"

namespace foil::nn {

using namespace simd;

/// Operators in topological order over numbered slots; slot 0 is the input. Every operator has an input. Each
/// slot holds a fixed number of elements per sample. Build with add(), then finish() once; after that the
/// graph does not change and may be evaluated by several threads at once.
///
/// Memory: what is alive at once, and no more. An operator writes over its input where nobody reads that
/// again. Of a forward pass that backward() follows, only what the operators ask for is kept.
template <class T, class = Isa>
class Graph : PlannedGraph<T> {
  using Base = PlannedGraph<T>;
  using Base::kept_size_, Base::most_inputs_, Base::most_together_, Base::output_, Base::plans_;
  using Base::none, Base::none_kept, Base::plan_for, Base::scratch_size_, Base::slots_, Base::steps_;
  using typename Base::Direction, typename Base::Home, typename Base::Part, typename Base::Plan;
  using typename Base::Slot, typename Base::Step;

 public:
  explicit Graph(Index input_size) : PlannedGraph<T>(input_size) {}

  using Base::size;

  /// Appends an operator; returns the slot of its output.
  std::size_t add(std::unique_ptr<Operator<T>> op, std::vector<std::size_t> inputs, Index output_size) {
    slots_.push_back(Slot{output_size});
    slots_.back().producer = steps_.size();
    steps_.push_back(Step{std::move(op), std::move(inputs), slots_.size() - 1, {}, 0});
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
    this->drop_dead_steps();
    for (Step& step : steps_) step.op->prepare();
    this->find_uses();
    plans_.push_back(this->plan({{0, steps_.size(), 1}}));
    constexpr Index most = Index(1) << 30;
    const Index numbers =
        kept_size_ + std::max(working_size(Pass::keeping, 1), working_size(Pass::backward, 1));
    require(numbers <= most && scratch_size_ <= most, "network: a sample would need memory for ", numbers,
            " and ", scratch_size_, " numbers, expected at most ", most);
    this->schedule();
  }

  /// Multiplications with an addition per sample, of the products alone.
  Index multiply_adds() const {
    Index sum = 0;
    for (const Step& step : steps_) sum += step.op->multiply_adds();
    return sum;
  }

  /// Number of slots.
  std::size_t slots() const { return slots_.size(); }
  /// The slot that holds the logits.
  std::size_t output() const { return output_; }

  /// Number of operators.
  std::size_t operators() const { return steps_.size(); }

  /// The i-th operator in the order of evaluation, the elements per sample of its inputs and its output, and
  /// how many samples of a large batch it is given at once.
  struct View {
    const Operator<T>& op;
    std::vector<Index> inputs;
    Index output, together;
  };
  View view(std::size_t i) const {
    View view{*steps_[i].op, {}, slots_[steps_[i].output].size, 1};
    for (const std::size_t input : steps_[i].inputs) view.inputs.push_back(slots_[input].size);
    for (const Segment& segment : plans_.back().segments)
      if (segment.begin <= i && i < segment.end) view.together = segment.samples;
    return view;
  }

  Index input_size() const { return slots_[0].size; }
  Index output_size() const { return slots_[output_].size; }

  /// The most samples that should be evaluated by one call.
  Index most_together() const { return most_together_; }

  /// Elements per sample that the backward pass reads again.
  Index kept_size() const { return kept_size_; }
  /// Elements that a pass works in, besides.
  Index working_size(Pass pass, Index batch) const { return plan_for(batch).of(pass).memory.size(batch); }
  /// Elements that operators need, too, whatever the batch; each thread has its own.
  Index scratch_size() const { return scratch_size_; }

  /// Evaluates `batch` samples. `memory` offers scratch_size() elements for each of the worker's team, and
  /// working_size() ones behind them; `logits` receives batch * output_size() elements, and `kept` batch *
  /// kept_size() elements for backward(), unless it is null.
  void forward(Index batch, const T* x, T* kept, T* memory, T* logits, detail::Worker& worker) const {
    const Plan& plan = plan_for(batch);
    const Direction& direction = plan.of(kept == nullptr ? Pass::logits : Pass::keeping);
    T* const scratch = memory + worker.rank() * scratch_size_;
    T* const work = memory + worker.threads() * scratch_size_;
    std::vector<const T*> inputs(most_inputs_);
    if (kept != nullptr && slots_[0].kept_at != none_kept && worker.first())
      std::copy(x, x + batch * input_size(), kept + batch * slots_[0].kept_at);
    for (const Segment& segment : plan.segments)
      for (Index first = 0; first < batch; first += segment.samples) {
        const Part part{batch, segment.part(batch), first, std::min(segment.samples, batch - first)};
        for (std::size_t i = segment.begin; i < segment.end; ++i) {
          const Step& step = steps_[i];
          for (std::size_t k = 0; k < step.inputs.size(); ++k)
            inputs[k] = step.inputs[k] == 0 ? x + first * input_size()
                                            : address(direction, step.inputs[k], part, kept, work, logits);
          T* const output = address(direction, step.output, part, kept, work, logits);
          std::byte* const own =
              kept == nullptr || step.op->kept_bytes() == 0 ? nullptr : notes<std::byte>(step, part, kept);
          worker.step(is_shared(step, part, worker), [&](Share share) {
            if (share.count > 1)
              step.op->divisible()->forward_share(share, part.samples, inputs.data(), output, own, scratch);
            else if (own == nullptr)
              step.op->forward(part.samples, inputs.data(), output, scratch);
            else
              step.op->forward_keeping(part.samples, inputs.data(), output, own, scratch);
          });
        }
      }
    const T* const result = output_ == 0                             ? x
                            : direction.homes[output_] == Home::kept ? kept + batch * slots_[output_].kept_at
                                                                     : logits;
    if (result != logits && worker.first()) std::copy(result, result + batch * output_size(), logits);
  }

  /// Pulls `cotangent` (batch * output_size()) back to the input. `kept` is what forward() left there;
  /// `memory` as there.
  ///
  /// With `exponents`, one for each of slots(), adjoints are kept as numbers times powers of two, which those
  /// of the output begin and those of slot 0 end with: no product becomes zero because it is small.
  void backward(Index batch, const T* kept, const T* cotangent, T* memory, T* dx, detail::Worker& worker,
                Exponents* exponents = nullptr) const {
    const Plan& plan = plan_for(batch);
    const Direction &before = plan.of(Pass::keeping), &direction = plan.of(Pass::backward);
    T* const scratch = memory + worker.rank() * scratch_size_;
    T* const work = memory + worker.threads() * scratch_size_;
    if (output_ == 0 && worker.first())
      std::copy(cotangent, cotangent + batch * output_size(), dx);
    else if (slots_[0].gradient_by == none && worker.first())
      std::fill(dx, dx + batch * input_size(), T(0));
    std::vector<const T*> inputs(most_inputs_);
    std::vector<T*> targets(most_inputs_);
    const auto value = [&](std::size_t slot, const Part& part) -> const T* {
      if (before.homes[slot] != Home::kept) return nullptr;
      return kept + batch * slots_[slot].kept_at + part.first * size(slot);
    };
    const auto slope = [&](std::size_t slot, const Part& part) {
      return address(direction, slot, part, nullptr, work, dx);
    };
    for (auto segment = plan.segments.rbegin(); segment != plan.segments.rend(); ++segment)
      for (Index end = batch; end > 0;) {  // last samples first: they may still be in the cache
        const Index first = (end - 1) / segment->samples * segment->samples;
        const Part part{batch, segment->part(batch), first, end - first};
        end = first;
        for (std::size_t i = segment->end; i-- > segment->begin;) {
          const Step& step = steps_[i];
          bool sums = false;
          for (std::size_t k = 0; k < step.inputs.size(); ++k) {
            inputs[k] = value(step.inputs[k], part);
            sums = sums || step.asides[k] != 0;
            targets[k] = step.asides[k] == 0
                             ? slope(step.inputs[k], part)
                             : work + direction.memory.at(step.asides[k], size(step.inputs[k]), batch,
                                                          part.full, first);
          }
          const T* const g =
              step.output == output_ ? cotangent + first * output_size() : slope(step.output, part);
          const std::byte* const own =
              step.op->kept_bytes() == 0 ? nullptr : notes<const std::byte>(step, part, kept);
          if (exponents != nullptr && step.output != output_)
            worker.step(false, [&](Share) {
              exponents->normalise(step.output, first, part.samples, slope(step.output, part),
                                   size(step.output));
            });
          const Saturating<T>* const saturating = exponents == nullptr ? nullptr : step.op->saturating();
          if (saturating != nullptr)
            worker.step(false, [&](Share) {
              saturating->backward_scaled(part.samples, inputs[0], g, targets[0],
                                          exponents->of(step.output, first));
            });
          else
            worker.step(is_shared(step, part, worker), [&](Share share) {
              if (share.count > 1)
                step.op->divisible()->backward_share(share, part.samples, inputs.data(),
                                                     value(step.output, part), own, g, targets.data(),
                                                     scratch);
              else if (own == nullptr)
                step.op->backward(part.samples, inputs.data(), value(step.output, part), g, targets.data(),
                                  scratch);
              else
                step.op->backward_from(part.samples, own, g, targets.data(), scratch);
            });
          if (exponents != nullptr)
            worker.step(false, [&](Share) {
              for (std::size_t k = 0; k < step.inputs.size(); ++k) {
                const std::size_t input = step.inputs[k];
                const Index* const added = exponents->of(step.output, first);
                if (step.asides[k] == 0)
                  std::copy(added, added + part.samples, exponents->of(input, first));
                else
                  exponents->align(input, first, part.samples, slope(input, part), targets[k], size(input),
                                   added);
              }
            });
          if (sums)
            worker.step(true, [&](Share share) {
              for (std::size_t k = 0; k < step.inputs.size(); ++k) {
                if (step.asides[k] == 0) continue;
                const auto [begin, stop] = share.of(part.samples * size(step.inputs[k]), share_unit);
                accumulate<T>(stop - begin, targets[k] + begin, slope(step.inputs[k], part) + begin);
              }
            });
        }
      }
  }

 private:
  /// Whether threads share a step: it pays if each has some microseconds to do.
  bool is_shared(const Step& step, const Part& part, const detail::Worker& worker) const {
    constexpr Index worth = 1 << 14;
    return !worker.alone() && step.op->divisible() != nullptr &&
           part.samples * (size(step.output) + step.op->multiply_adds() / 16) >= worth;
  }

  T* address(const Direction& direction, std::size_t slot, const Part& part, T* kept, T* work,
             T* outside) const {
    if (direction.homes[slot] == Home::kept)
      return kept + part.batch * slots_[slot].kept_at + part.first * size(slot);
    if (direction.homes[slot] == Home::outside) return outside + part.first * size(slot);
    return work + direction.memory.at(direction.arrays[slot], size(slot), part.batch, part.full, part.first);
  }

  /// Where the notes of an operator on a part of the batch are.
  template <class Byte, class U>
  static Byte* notes(const Step& step, const Part& part, U* kept) {
    return reinterpret_cast<Byte*>(kept + part.batch * step.notes_at) + part.first * step.op->kept_bytes();
  }
};

}  // namespace foil::nn
