// SPDX-License-Identifier: MIT
/// \file
/// Constants that belong to positions along one axis of a sample, one per channel, say.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// The numbers of all elements of a sample as those of positions along lines, in as few as possible: one, if
/// all are the same, or one per channel.
template <class T>
struct Repeats {
  Lines lines;
  std::vector<T> numbers;

  explicit Repeats(const std::vector<T>& elements) {
    const std::size_t size = elements.size();
    const auto same = [&](std::size_t i, std::size_t j) {  // the same bits: 0 and -0 are two numbers
      return std::memcmp(&elements[i], &elements[j], sizeof(T)) == 0;
    };
    std::size_t run = std::max<std::size_t>(size, 1);
    for (std::size_t i = 1; i < size; ++i)
      if (!same(i - 1, i)) run = std::gcd(run, i);
    const std::size_t runs = size / run;
    std::vector<std::size_t> border(runs, 0);  // the longest end of each beginning that is a beginning, too
    for (std::size_t i = 1, k = 0; i < runs; border[i++] = k) {
      while (k > 0 && !same(i * run, k * run)) k = border[k - 1];
      if (same(i * run, k * run)) ++k;
    }
    std::size_t period = runs == 0 ? 0 : runs - border.back();
    if (period == 0 || runs % period != 0) period = runs;
    for (std::size_t i = 0; i < period; ++i) numbers.push_back(elements[i * run]);
    lines = {static_cast<Index>(period == 0 ? 1 : runs / period), static_cast<Index>(period),
             static_cast<Index>(run)};
  }
};

/// One number for each position of lines, all samples alike. Where neighbours along the axis lie side by
/// side, or nearly so, the numbers are repeated until they fill some vectors, so that the elements of a
/// sample meet them in order.
template <class T, class = Isa>
class Table {
 public:
  /// The most elements that a table of `length` numbers may have.
  static constexpr Index most_elements(Index length) { return (length + 4) * lanes<T>; }

  /// A number for each element of a sample.
  explicit Table(const std::vector<T>& elements) : Table(Repeats<T>(elements)) {}

  Table(Lines lines, std::vector<T> numbers) : lines_(lines), numbers_(std::move(numbers)) {
    if (lines_.inner > 1 && lines_.inner < lanes<T>) {
      std::vector<T> stretched;
      for (const T number : numbers_)
        stretched.insert(stretched.end(), static_cast<std::size_t>(lines_.inner), number);
      numbers_ = std::move(stretched);
      lines_ = {lines_.outer, lines_.length * lines_.inner, 1};
    }
    if (lines_.inner > 1) return;
    Index copies = 1;
    for (Index n = 2; n <= std::min(lines_.outer, 4 * lanes<T>) && copies * lines_.length < 2 * lanes<T>; ++n)
      if (lines_.outer % n == 0) copies = n;
    const std::vector<T> once = numbers_;
    for (Index n = 1; n < copies; ++n) numbers_.insert(numbers_.end(), once.begin(), once.end());
    lines_ = {lines_.outer / copies, lines_.length * copies, 1};
  }

  Index sample_size() const { return lines_.size(); }
  const Lines& lines() const { return lines_; }
  const T* numbers() const { return numbers_.data(); }
  Index size() const { return static_cast<Index>(numbers_.size()); }

 private:
  explicit Table(Repeats<T> of) : Table(of.lines, std::move(of.numbers)) {}

  Lines lines_;
  std::vector<T> numbers_;
};

/// to[i] = f(in[i]..., numbers...) for a share of all elements of `batch` samples, where the numbers are
/// those of the element's position in tables of the same lines.
template <class T, class F, std::size_t tables, class... In>
inline void map_with(Share share, Index batch, const Table<T>* const (&table)[tables], T* to, F&& f,
                     const In*... in) {
  const Lines lines = table[0]->lines();
  if (lines.inner == 1) {
    const auto [begin, end] = share.of(batch * lines.outer);
    for (Index o = begin; o < end; ++o) {
      const Index first = o * lines.length;
      if constexpr (tables == 1)
        map<T>(lines.length, to + first, f, (in + first)..., table[0]->numbers());
      else
        map<T>(lines.length, to + first, f, (in + first)..., table[0]->numbers(), table[1]->numbers());
    }
    return;
  }
  const auto [begin, end] = share.of(batch * lines.outer * lines.length);
  for (Index line = begin; line < end; ++line) {
    const Index first = line * lines.inner;
    const Pack<T> c = broadcast<T>(table[0]->numbers()[line % lines.length]);
    if constexpr (tables == 1) {
      map<T>(lines.inner, to + first, [&](auto... v) { return f(v..., c); }, (in + first)...);
    } else {
      const Pack<T> d = broadcast<T>(table[1]->numbers()[line % lines.length]);
      map<T>(lines.inner, to + first, [&](auto... v) { return f(v..., c, d); }, (in + first)...);
    }
  }
}

}  // namespace foil::nn
