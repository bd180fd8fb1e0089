// SPDX-License-Identifier: MIT
/// \file
/// Outputs whose elements each are an element of an input, or a constant: parts, repetitions, borders.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// Element i of the output is element source[i] of the inputs, counted through all of them one after the
/// other, or constant -1 - source[i]. What is copied from consecutive or evenly spaced places goes together:
/// the time is that of copying where rows are long, and about one nanosecond per element where they are not.
template <class T, class = Isa>
class Assemble : public Operator<T> {
 public:
  /// `sizes` are those of a sample of each input.
  Assemble(std::vector<Index> sizes, std::vector<T> constants, const std::vector<std::int32_t>& source)
      : sizes_(std::move(sizes)),
        constants_(std::move(constants)),
        output_(static_cast<Index>(source.size())) {
    find_runs(source);
  }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    for (Index n = 0; n < batch; ++n)
      for (const Run& run : runs_) {
        const T* const from = run.input < 0 ? constants_.data() : inputs[run.input] + n * size(run.input);
        if (run.scattered())
          for (Index i = 0; i < run.count; ++i)
            output[i] = from[places_[static_cast<std::size_t>(run.from + i)]];
        else if (run.step == 1)
          std::copy_n(from + run.from, run.count, output);
        else
          for (Index i = 0; i < run.count; ++i) output[i] = from[run.from + i * run.step];
        output += run.count;
      }
  }

  void backward(Index batch, const T* const*, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    for (std::size_t i = 0; i < sizes_.size(); ++i) std::fill_n(gradients[i], batch * sizes_[i], T(0));
    for (Index n = 0; n < batch; ++n)
      for (const Run& run : runs_) {
        if (run.input >= 0) {
          T* const to = gradients[run.input] + n * size(run.input);
          if (run.scattered())
            for (Index i = 0; i < run.count; ++i)
              to[places_[static_cast<std::size_t>(run.from + i)]] += cotangent[i];
          else if (run.step == 1)
            accumulate<T>(run.count, cotangent, to + run.from);
          else
            for (Index i = 0; i < run.count; ++i) to[run.from + i * run.step] += cotangent[i];
        }
        cotangent += run.count;
      }
  }

 private:
  /// Elements of an input (-1: of the constants) at even steps; or at the places listed from `from` on.
  struct Run {
    static constexpr std::int32_t none = INT32_MIN;
    std::int32_t input, from, step, count;
    bool scattered() const { return step == none; }
  };

  Index size(std::int32_t input) const { return sizes_[static_cast<std::size_t>(input)]; }

  /// The input and the place within it.
  std::pair<std::int32_t, std::int32_t> find(std::int32_t source) const {
    if (source < 0) return {-1, -1 - source};
    Index place = source;
    std::int32_t input = 0;
    for (; place >= size(input); ++input) place -= size(input);
    return {input, static_cast<std::int32_t>(place)};
  }

  void find_runs(const std::vector<std::int32_t>& source) {
    constexpr std::size_t worth = 4;
    for (std::size_t i = 0; i < source.size();) {
      const auto [input, from] = find(source[i]);
      const std::int32_t step =
          i + 1 < source.size() && find(source[i + 1]).first == input ? find(source[i + 1]).second - from : 1;
      std::size_t end = i + 1;
      for (std::int32_t at = from; end < source.size() && find(source[end]) == std::pair(input, at + step);
           ++end)
        at += step;
      if (end - i >= worth || source.size() < worth) {
        runs_.push_back({input, from, step, static_cast<std::int32_t>(end - i)});
      } else {
        if (runs_.empty() || !runs_.back().scattered() || runs_.back().input != input)
          runs_.push_back({input, static_cast<std::int32_t>(places_.size()), Run::none, 0});
        places_.push_back(from);
        ++runs_.back().count;
        end = i + 1;
      }
      i = end;
    }
  }

  std::vector<Index> sizes_;
  std::vector<T> constants_;
  Index output_;
  std::vector<Run> runs_{};
  std::vector<std::int32_t> places_{};
};

}  // namespace foil::nn
