// SPDX-License-Identifier: MIT
/// \file
/// Where arrays lie that are alive at different times, in as little memory as possible.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"

namespace foil::nn {

/// An array, and the steps at which it is alive, the first and the last among them.
struct Lifetime {
  Index size = 0;
  std::size_t first = 0, last = 0;
  Index offset = 0;  ///< set by place()
};

/// Gives every array an offset such that no two overlap that are alive at the same time, and returns the size
/// of all. Large arrays come first, each at the lowest place that is free. Cost: quadratic in the number of
/// arrays up to 2^14 of them; of more, each 2^14 have a space of their own.
template <class = simd::Isa>
Index place(std::vector<Lifetime*> arrays) {
  constexpr std::ptrdiff_t most = 1 << 14;
  Index total = 0;
  const auto earlier = [](const Lifetime* a, const Lifetime* b) {
    return std::pair(a->first, a->last) < std::pair(b->first, b->last);
  };
  std::sort(arrays.begin(), arrays.end(), earlier);
  for (auto begin = arrays.begin(); begin != arrays.end();) {
    const auto end = arrays.end() - begin > most ? begin + most : arrays.end();
    std::sort(begin, end, [&](const Lifetime* a, const Lifetime* b) {
      return a->size != b->size ? a->size > b->size : earlier(a, b);
    });
    const Index floor = total;
    std::vector<const Lifetime*> placed;  // by offset
    for (; begin != end; ++begin) {
      Lifetime& array = **begin;
      array.offset = floor;
      for (const Lifetime* other : placed) {
        if (other->last < array.first || array.last < other->first) continue;
        if (other->offset >= array.offset + array.size) break;
        array.offset = std::max(array.offset, other->offset + other->size);
      }
      const auto above = [](Index offset, const Lifetime* other) { return offset < other->offset; };
      placed.insert(std::upper_bound(placed.begin(), placed.end(), array.offset, above), &array);
      total = std::max(total, array.offset + array.size);
    }
  }
  return total;
}

/// Steps that a part of a batch goes through before the next part does, and how many samples are a part.
struct Segment {
  std::size_t begin = 0, end = 0;
  Index samples = 1;

  /// Samples of a full part of a batch.
  Index part(Index batch) const { return std::min(samples, batch); }
};

/// The working memory of one direction of evaluation. Arrays that live in one segment only have room for a
/// part of the batch, in a space that all segments share; what passes from one segment to another, for the
/// whole batch.
template <class = simd::Isa>
class WorkingMemory {
 public:
  struct Place {
    bool whole_batch = false;
    Index offset = 0;  ///< per sample
  };

  WorkingMemory() = default;

  /// The lifetimes count steps from 0 on; `segments` cover them in order.
  WorkingMemory(std::vector<Lifetime> arrays, const std::vector<Segment>& segments) : places_(arrays.size()) {
    const auto segment_of = [&](std::size_t step) {
      return static_cast<std::size_t>(
          std::upper_bound(segments.begin(), segments.end(), step,
                           [](std::size_t s, const Segment& segment) { return s < segment.end; }) -
          segments.begin());
    };
    std::vector<Lifetime*> across;
    std::vector<std::vector<Lifetime*>> inside(segments.size());
    for (std::size_t a = 0; a < arrays.size(); ++a) {
      if (arrays[a].size == 0) continue;
      const std::size_t first = segment_of(arrays[a].first), last = segment_of(arrays[a].last);
      places_[a].whole_batch = first != last;
      (first == last ? inside[first] : across).push_back(&arrays[a]);
      if (first == last) continue;  // parts of the batch go through the whole segment, one after the other
      arrays[a].first = segments[first].begin;
      arrays[a].last = segments[last].end - 1;
    }
    across_ = place(std::move(across));
    for (std::size_t s = 0; s < segments.size(); ++s)
      inside_.push_back({place(std::move(inside[s])), segments[s]});
    for (std::size_t a = 0; a < arrays.size(); ++a) places_[a].offset = arrays[a].offset;
  }

  /// Elements for a batch.
  Index size(Index batch) const {
    Index most = 0;
    for (const auto& [size, segment] : inside_) most = std::max(most, size * segment.part(batch));
    return across_ * batch + most;
  }

  /// Where the elements of sample `first` of an array begin, of `size` elements per sample, while parts of
  /// `part` samples of a batch are evaluated, from this one on.
  Index at(std::size_t array, Index size, Index batch, Index part, Index first) const {
    const Place& place = places_[array];
    return place.whole_batch ? batch * place.offset + first * size : batch * across_ + part * place.offset;
  }

 private:
  std::vector<Place> places_;
  Index across_ = 0;
  std::vector<std::pair<Index, Segment>> inside_;
};

}  // namespace foil::nn
