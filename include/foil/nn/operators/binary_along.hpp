// SPDX-License-Identifier: MIT
/// \file
/// Arithmetic of two activations of which one has a single element where the other has many.
#pragma once

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
class BinaryAlong : public Operator<T> {
 public:
  BinaryAlong(Lines lines, bool short_first) : lines_(lines), short_first_(short_first) {}

  bool needs_inputs() const override { return F::uses_a || F::uses_b || F::uses_other; }
  bool in_place() const override { return true; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    const T *const x = inputs[full()], *const s = inputs[1 - full()];
    if (short_first_)
      meet(batch, s, output, [](Pack<T> a, Pack<T> b) { return F{}.value(b, a); }, x);
    else
      meet(batch, s, output, [](Pack<T> a, Pack<T> b) { return F{}.value(a, b); }, x);
  }

  void backward(Index batch, const T* const* inputs, const T*, const T* cotangent, T* const* gradients,
                T*) const override {
    const T* const x = needs_inputs() ? inputs[full()] : cotangent;
    const T* const s = needs_inputs() ? inputs[1 - full()] : cotangent;
    T *const to_full = gradients[full()], *const to_short = gradients[1 - full()];
    // The gradient of the full operand may overwrite the cotangent: it comes last.
    if (short_first_) {
      gather(batch, cotangent, x, s, to_short, [](auto g, auto a, auto b) { return F{}.pull_a(g, b, a); });
      meet(
          batch, s, to_full, [](Pack<T> g, Pack<T> a, Pack<T> b) { return F{}.pull_b(g, b, a); }, cotangent,
          x);
    } else {
      gather(batch, cotangent, x, s, to_short, [](auto g, auto a, auto b) { return F{}.pull_b(g, a, b); });
      meet(
          batch, s, to_full, [](Pack<T> g, Pack<T> a, Pack<T> b) { return F{}.pull_a(g, a, b); }, cotangent,
          x);
    }
  }

 private:
  std::size_t full() const { return short_first_ ? 1 : 0; }

  /// to[i] = f(in[i]..., the element of s for that position). Without inputs s is not looked at.
  template <class G, class... In>
  void meet(Index batch, const T* s, T* to, G&& f, const In*... in) const {
    for (Index n = 0; n < batch; ++n)
      for (Index o = 0; o < lines_.outer; ++o) {
        const Index first = (n * lines_.outer + o) * lines_.length * lines_.inner;
        const T* const own = s + n * lines_.length;
        if (lines_.inner == 1) {
          map<T>(lines_.length, to + first, f, (in + first)..., own);
          continue;
        }
        for (Index l = 0; l < lines_.length; ++l) {
          const Pack<T> c = broadcast<T>(own[l]);
          map<T>(
              lines_.inner, to + first + l * lines_.inner, [&](auto... v) { return f(v..., c); },
              (in + first + l * lines_.inner)...);
        }
      }
  }

  /// to[l] = Σ f(g, x, s[l]) over all elements at position l.
  template <class G>
  void gather(Index batch, const T* g, const T* x, const T* s, T* to, G&& f) const {
    const Index size = lines_.size(), row = lines_.length * lines_.inner;
    for (Index n = 0; n < batch; ++n, g += size, x += size, s += lines_.length, to += lines_.length) {
      if (lines_.inner == 1) {
        for_vectors<T>(lines_.length, [&](Index l, auto count) {
          const Pack<T> c = read<T>(s + l, count);
          const Strip<T, decltype(count)> strip(lines_.outer, row, count);
          write<T>(to + l, strip.sum([&](Index i, auto m) {
            return f(read<T>(g + l + i, m), read<T>(x + l + i, m), c);
          }),
                   count);
        });
        continue;
      }
      const ContiguousLine<T> line(lines_.inner);
      for (Index l = 0; l < lines_.length; ++l) {
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
  }

  Lines lines_;
  bool short_first_;
};

}  // namespace foil::nn
