// SPDX-License-Identifier: MIT
/// \file
/// What a graph consists of, and the plan by which it is evaluated: who shares memory with whom, what is
/// kept, and how many samples go through together.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/layout.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/schedule.hpp"

namespace foil::nn {

using namespace simd;

/// The ways to go through a graph: forward for the logits alone, forward such that backward may follow, and
/// backward.
enum class Pass { logits, keeping, backward };

/// Steps over slots and their memory; the base of Graph, which evaluates them.
template <class T, class = Isa>
class PlannedGraph {
 public:
  explicit PlannedGraph(Index input_size) : slots_{Slot{input_size}} {}

  /// Elements per sample of a slot.
  Index size(std::size_t slot) const { return slots_[slot].size; }

 protected:
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
  static constexpr Index none_kept = -1;

  struct Slot {
    Index size = 0;
    std::size_t producer = none;
    std::size_t last_use = 0;        ///< the last step that reads it
    bool needed = false;             ///< whether the backward pass reads it
    Index kept_at = none_kept;       ///< per sample
    std::size_t gradient_by = none;  ///< the step that writes its gradient first
  };

  struct Step {
    std::unique_ptr<Operator<T>> op;
    std::vector<std::size_t> inputs;
    std::size_t output;
    /// Per input: the array in which what is to be added to its gradient is written first, if it already
    /// holds another step's contribution; else 0.
    std::vector<std::size_t> asides;
    Index notes_at;  ///< of what the operator keeps itself, per sample
  };

  /// Where the values, or gradients, of a slot are.
  enum class Home { outside, kept, working };

  struct Direction {
    std::vector<Home> homes;          ///< by slot
    std::vector<std::size_t> arrays;  ///< by slot, of those in working memory
    WorkingMemory<> memory;
  };

  struct Plan {
    std::vector<Segment> segments;
    Direction directions[3];
    const Direction& of(Pass pass) const { return directions[static_cast<std::size_t>(pass)]; }
  };

  /// Consecutive samples of a batch that go through a segment together; `full` is the size of a full part.
  struct Part {
    Index batch, full, first, samples;
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

  /// Who reads each slot last, what the backward pass reads, and who writes gradients first.
  void find_uses() {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      most_inputs_ = std::max(most_inputs_, step.inputs.size());
      scratch_size_ = std::max(scratch_size_, round_up<T>(step.op->scratch()));
      if (step.op->needs_output()) slots_[step.output].needed = true;
      for (const std::size_t input : step.inputs) {
        slots_[input].last_use = i;
        if (step.op->needs_inputs()) slots_[input].needed = true;
      }
    }
    slots_[output_].last_use = steps_.size();
    std::size_t asides = slots_.size();
    for (std::size_t i = steps_.size(); i-- > 0;)
      for (const std::size_t input : steps_[i].inputs) {
        const bool first = slots_[input].gradient_by == none;
        if (first) slots_[input].gradient_by = i;
        steps_[i].asides.push_back(first ? 0 : asides++);
      }
    const std::vector<std::size_t> owner = owners(true);
    const auto keep = [&](Index size) { return std::exchange(kept_size_, kept_size_ + round_up<T>(size)); };
    for (std::size_t s = 0; s < slots_.size(); ++s)
      if (slots_[s].needed && slots_[owner[s]].kept_at == none_kept)
        slots_[owner[s]].kept_at = keep(slots_[s].size);
    for (std::size_t s = 0; s < slots_.size(); ++s) slots_[s].kept_at = slots_[owner[s]].kept_at;
    const Index element = static_cast<Index>(sizeof(T));
    for (Step& step : steps_) step.notes_at = keep((step.op->kept_bytes() + element - 1) / element);
  }

  /// For each slot, the one whose memory it uses in a forward pass.
  std::vector<std::size_t> owners(bool keeping) const {
    std::vector<std::size_t> owner(slots_.size());
    for (std::size_t s = 0; s < slots_.size(); ++s) owner[s] = s;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (!steps_[i].op->in_place()) continue;
      for (const std::size_t input : steps_[i].inputs) {
        const Slot& slot = slots_[input];
        if (input == 0 || slot.last_use != i || (keeping && slot.needed) ||
            slot.size != slots_[steps_[i].output].size)
          continue;
        owner[steps_[i].output] = owner[input];
        break;
      }
    }
    return owner;
  }

  /// The memory of a forward pass.
  Direction plan_forward(bool keeping, const std::vector<Segment>& segments) const {
    Direction direction{std::vector<Home>(slots_.size(), Home::working), owners(keeping), {}};
    std::vector<Lifetime> arrays(slots_.size());
    const std::size_t result = direction.arrays[output_];
    for (std::size_t s = 0; s < slots_.size(); ++s) {
      const std::size_t owner = direction.arrays[s];
      if (keeping && slots_[s].kept_at != none_kept)
        direction.homes[s] = Home::kept;
      else if (s == 0 || owner == result)
        direction.homes[s] = Home::outside;
      if (direction.homes[s] != Home::working || slots_[s].producer == none) continue;
      if (owner == s) arrays[s] = {round_up<T>(slots_[s].size), slots_[s].producer, 0, 0};
      arrays[owner].last = slots_[s].last_use;
    }
    direction.memory = WorkingMemory<>(std::move(arrays), segments);
    return direction;
  }

  /// The memory of a backward pass, whose first step is the last one of the forward pass.
  Direction plan_backward(const std::vector<Segment>& segments) const {
    Direction direction{
        std::vector<Home>(slots_.size(), Home::working), std::vector<std::size_t>(slots_.size()), {}};
    direction.homes[0] = direction.homes[output_] = Home::outside;
    std::vector<Lifetime> arrays(slots_.size());
    for (std::size_t s = 0; s < slots_.size(); ++s) direction.arrays[s] = s;
    for (std::size_t step = 0; step < steps_.size(); ++step) {
      const Step& now = steps_[steps_.size() - 1 - step];
      const std::size_t own = direction.arrays[now.output];
      if (now.output != output_) arrays[own].last = step;
      bool passed_on = !now.op->in_place() || now.output == output_;
      for (std::size_t k = 0; k < now.inputs.size(); ++k) {
        const std::size_t input = now.inputs[k];
        const Index size = round_up<T>(slots_[input].size);
        if (now.asides[k] != 0) {
          arrays.resize(std::max(arrays.size(), now.asides[k] + 1));
          arrays[now.asides[k]] = {size, step, step, 0};
        } else if (input != 0 && !passed_on && slots_[input].size == slots_[now.output].size) {
          direction.arrays[input] = own;
          passed_on = true;
        } else if (input != 0) {
          arrays[input] = {size, step, step, 0};
        }
      }
    }
    std::vector<Segment> reversed;
    for (auto s = segments.rbegin(); s != segments.rend(); ++s)
      reversed.push_back({steps_.size() - s->end, steps_.size() - s->begin, s->samples});
    direction.memory = WorkingMemory<>(std::move(arrays), reversed);
    return direction;
  }

  Plan plan(std::vector<Segment> segments) const {
    Plan plan;
    plan.directions[0] = plan_forward(false, segments);
    plan.directions[1] = plan_forward(true, segments);
    plan.directions[2] = plan_backward(segments);
    plan.segments = std::move(segments);
    return plan;
  }

  /// Plans for batches: as many samples together as pays, in at most 64 MB of working memory, or one sample's
  /// if that is more.
  void schedule() {
    constexpr Index element = static_cast<Index>(sizeof(T)), room = (Index(64) << 20) / element;
    std::vector<Traffic> traffic;
    Index alive = 0;
    std::vector<Index> ending(steps_.size() + 1, 0);
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      Index moved = size(step.output);
      for (const std::size_t input : step.inputs) moved += size(input);
      traffic.push_back({element * moved, element * step.op->weights(), element * alive});
      alive += size(step.output);
      ending[slots_[step.output].last_use] += size(step.output);
      alive -= ending[i];
    }
    for (Index most = 128;; most = most_together_ / 2) {
      Plan batch = plan(segments_of(traffic, most));
      most_together_ = 1;
      for (const Segment& segment : batch.segments)
        most_together_ = std::max(most_together_, segment.samples);
      Index numbers = 0;
      for (const Direction& direction : batch.directions)
        numbers = std::max(numbers, direction.memory.size(most_together_));
      if (numbers > room && most_together_ > 1) continue;
      plans_.push_back(std::move(batch));
      return;
    }
  }

  const Plan& plan_for(Index batch) const { return batch == 1 ? plans_.front() : plans_.back(); }

  std::vector<Slot> slots_;
  std::vector<Step> steps_;
  std::vector<Plan> plans_;  ///< for a single sample, and for many
  std::size_t output_ = 0, most_inputs_ = 0;
  Index most_together_ = 1, kept_size_ = 0, scratch_size_ = 0;
};

}  // namespace foil::nn
