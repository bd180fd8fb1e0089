// SPDX-License-Identifier: MIT
/// \file
/// How windows slide over images, and the same seen from the image: which windows a pixel lies in.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "foil/core/tensor.hpp"

namespace foil::nn {

/// How a window slides along one axis.
struct Window {
  Index input = 1, output = 1, kernel = 1, stride = 1, dilation = 1, pad_begin = 0, pad_end = 0;

  /// The position in the input under tap `tap` of output `out`; outside [0, input) in the padding.
  Index at(Index out, Index tap) const { return out * stride + tap * dilation - pad_begin; }
  bool inside(Index position) const { return position >= 0 && position < input; }

  /// The taps of output `out` inside the input are those from first_tap() up to and without end_tap().
  Index first_tap(Index out) const { return taps_before(out, 0); }
  Index end_tap(Index out) const { return taps_before(out, input); }
  /// Number of taps of output `out` at positions below `position`.
  Index taps_before(Index out, Index position) const {
    const Index distance = position - at(out, 0);
    return distance <= 0 ? 0 : std::min(kernel, (distance + dilation - 1) / dilation);
  }
};

/// Geometry of a convolution; channel counts include all groups.
struct ConvolutionShape {
  Window rows, columns;
  Index inputs = 1, outputs = 1, groups = 1;
};

/// Every step-th position of a target axis from `first` on, each the sum over a window that slides along a
/// source axis: tap k of `window` is tap `tap` + k * `tap_step` of the convolution. The padding of such a
/// window may be negative.
struct Sweep {
  Window window;
  Index first = 0, step = 1;
  Index tap = 0, tap_step = 1;
};

/// The forward direction: the source is the input, the target the output.
inline std::vector<Sweep> forward_sweeps(const Window& w) {
  return {Sweep{w, 0, 1, 0, 1}};
}

/// The backward direction: the source is the output's cotangent, the target the input's gradient. Positions
/// that differ by the stride see the same taps, so there are as many sweeps as the stride, less those without
/// a position. A sweep without taps has a kernel of 0.
inline std::vector<Sweep> backward_sweeps(const Window& w) {
  std::vector<Sweep> sweeps;
  const Index common = std::gcd(w.stride, w.dilation), period = w.stride / common;
  for (Index first = 0; first < std::min(w.stride, w.input); ++first) {
    Sweep sweep;
    sweep.first = first;
    sweep.step = w.stride;
    Index tap = 0;  // the first one that sees the position
    while (tap < std::min(period, w.kernel) && (first + w.pad_begin - tap * w.dilation) % w.stride != 0)
      ++tap;
    const Index taps = tap < std::min(period, w.kernel) ? (w.kernel - 1 - tap) / period + 1 : 0;
    const Index last = tap + (taps - 1) * period;  // it sees the earliest output
    sweep.window.input = w.output;
    sweep.window.output = (w.input - 1 - first) / w.stride + 1;
    sweep.window.kernel = taps;
    sweep.window.dilation = w.dilation / common;
    sweep.window.pad_begin = taps == 0 ? 0 : (last * w.dilation - first - w.pad_begin) / w.stride;
    sweep.tap = taps == 0 ? 0 : last;
    sweep.tap_step = -period;
    sweeps.push_back(sweep);
  }
  return sweeps;
}

}  // namespace foil::nn
