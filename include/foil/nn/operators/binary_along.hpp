// SPDX-License-Identifier: MIT
/// \file
/// Arithmetic of two activations of which one has a single element where the other has many.
#pragma once

#include <algorithm>
#include <cstddef>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// F, as in binary.hpp, of an activation and a short one, which has an element for each position along the
/// lines of a sample; the short one is the first operand if `short_first`. To it the sum of what its elements
/// meet is pulled back.
template <class T, class F, class = Isa>
class BinaryAlong : public Divisible<T> {
 public:
  BinaryAlong(Lines lines, bool short_first) : lines_(lines), short_first_(short_first) {}

  bool needs_inputs() const override { return F::uses_a || F::uses_b || F::uses_other; }
  bool in_place() const override { return true; }

  void forward_share(Share share, Index batch, const T* const* inputs, T* output, std::byte*,
                     T*) const override {
    const T *const x = inputs[full()], *const s = inputs[1 - full()];
    for_spans(share, batch, [&](Index n, Index begin, Index end) {
      if (short_first_)
        meet(n, begin, end, s, output, [](Pack<T> a, Pack<T> b) { return F{}.value(b, a); }, x);
      else
        meet(n, begin, end, s, output, [](Pack<T> a, Pack<T> b) { return F{}.value(a, b); }, x);
    });
  }

  void backward_share(Share share, Index batch, const T* const* inputs, const T*, const std::byte*,
                      const T* g, T* const* gradients, T*) const override {
    const T* const x = needs_inputs() ? inputs[full()] : g;
    const T* const s = needs_inputs() ? inputs[1 - full()] : g;
    T *const to_full = gradients[full()], *const to_short = gradients[1 - full()];
    for_spans(share, batch, [&](Index n, Index begin, Index end) {
      // The gradient of the full operand may overwrite the cotangent: it comes last.
      if (short_first_) {
        gather(n, begin, end, g, x, s, to_short,
               [](Pack<T> c, Pack<T> a, Pack<T> b) { return F{}.pull_a(c, b, a); });
        meet(
            n, begin, end, s, to_full, [](Pack<T> c, Pack<T> a, Pack<T> b) { return F{}.pull_b(c, b, a); }, g,
            x);
      } else {
        gather(n, begin, end, g, x, s, to_short,
               [](Pack<T> c, Pack<T> a, Pack<T> b) { return F{}.pull_b(c, a, b); });
        meet(
            n, begin, end, s, to_full, [](Pack<T> c, Pack<T> a, Pack<T> b) { return F{}.pull_a(c, a, b); }, g,
            x);
      }
    });
  }

 private:
  std::size_t full() const { return short_first_ ? 1 : 0; }

  /// work(n, begin, end) for a share of all positions along the lines of `batch` samples: those from begin to
  /// end of sample n.
  template <class G>
  void for_spans(Share share, Index batch, G&& work) const {
    const Index length = lines_.length;
    const auto [begin, end] = share.of(batch * length, lines_.inner == 1 ? share_unit : 1);
    for (Index at = begin; at < end;) {
      const Index n = at / length, first = at % length, last = std::min(length, first + end - at);
      work(n, first, last);
      at += last - first;
    }
  }

  /// to[i] = f(in[i]..., the element of s for that position) at positions begin .. end - 1 of sample n.
  template <class G, class... In>
  void meet(Index n, Index begin, Index end, const T* s, T* to, G&& f, const In*... in) const {
    const T* const own = s + n * lines_.length;
    for (Index o = n * lines_.outer; o < (n + 1) * lines_.outer; ++o) {
      if (lines_.inner == 1) {
        const Index at = o * lines_.length + begin;
        map<T>(end - begin, to + at, f, (in + at)..., own + begin);
        continue;
      }
      for (Index l = begin; l < end; ++l) {
        const Pack<T> c = broadcast<T>(own[l]);
        const Index at = (o * lines_.length + l) * lines_.inner;
        map<T>(lines_.inner, to + at, [&](auto... v) { return f(v..., c); }, (in + at)...);
      }
    }
  }

  /// to[l] = Σ f(g, x, s[l]) over all elements at position l, for l = begin .. end - 1 of sample n.
  template <class G>
  void gather(Index n, Index begin, Index end, const T* g, const T* x, const T* s, T* to, G&& f) const {
    const Index row = lines_.length * lines_.inner, sample = n * lines_.outer * row;
    g += sample;
    x += sample;
    s += n * lines_.length;
    to += n * lines_.length;
    if (lines_.inner == 1) {
      for_vectors<T>(end - begin, [&](Index i, auto count) {
        const Index l = begin + i;
        const Pack<T> c = read<T>(s + l, count);
        const Strip<T, decltype(count)> strip(lines_.outer, row, count);
        const Pack<T> sum =
            strip.sum([&](Index k, auto m) { return f(read<T>(g + l + k, m), read<T>(x + l + k, m), c); });
        write<T>(to + l, sum, count);
      });
      return;
    }
    const ContiguousLine<T> line(lines_.inner);
    for (Index l = begin; l < end; ++l) {
      const Pack<T> c = broadcast<T>(s[l]);
      double total = 0;
      for (Index o = 0; o < lines_.outer; ++o) {
        const Index first = o * row + l * lines_.inner;
        const Pack<T> sum = line.sum(
            [&](Index i, auto m) { return f(read<T>(g + first + i, m), read<T>(x + first + i, m), c); });
        total += static_cast<double>(sum[0]);
      }
      to[l] = static_cast<T>(total);
    }
  }

  Lines lines_;
  bool short_first_;
};

}  // namespace foil::nn
