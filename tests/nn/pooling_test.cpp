// SPDX-License-Identifier: MIT
#include "foil/nn/operators/pooling.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "support/catch.hpp"

namespace {

using foil::Index;
using foil::nn::Window;

/// A window along an axis of a given length.
Window window(Index input, Index kernel, Index stride, Index dilation, Index pad) {
  const Index extent = (kernel - 1) * dilation + 1;
  return {input, (input + 2 * pad - extent) / stride + 1, kernel, stride, dilation, pad, pad};
}

/// What poolings are by definition, element by element, on one channel; gradients are added up in the order
/// of the outputs.
struct Reference {
  Window rows, columns;
  bool largest, count_padding;

  template <class T>
  void operator()(Index channels, Index c, const T* x, const T* g, T* y, T* dx) const {
    for (Index oy = 0; oy < rows.output; ++oy)
      for (Index ox = 0; ox < columns.output; ++ox) {
        T best = -std::numeric_limits<T>::infinity(), sum = 0;
        Index winner = -1, inside = 0, counted = 0;
        for (Index ky = 0; ky < rows.kernel; ++ky)
          for (Index kx = 0; kx < columns.kernel; ++kx) {
            const Index iy = rows.at(oy, ky), ix = columns.at(ox, kx);
            counted += iy < rows.input + rows.pad_end && ix < columns.input + columns.pad_end;
            if (!rows.inside(iy) || !columns.inside(ix)) continue;
            ++inside;
            const Index at = (iy * columns.input + ix) * channels + c;
            if (std::isnan(x[at])) best = x[at], winner = -1;
            if (x[at] > best) best = x[at], winner = at;
            sum += x[at];
          }
        const Index out = (oy * columns.output + ox) * channels + c;
        const T count = static_cast<T>(count_padding ? counted : inside);
        y[out] = !largest                                  ? sum / count
                 : best < std::numeric_limits<T>::lowest() ? std::numeric_limits<T>::lowest()
                                                           : best;
        if (largest && winner >= 0) dx[winner] += g[out];
        for (Index ky = 0; ky < rows.kernel && !largest; ++ky)
          for (Index kx = 0; kx < columns.kernel; ++kx) {
            const Index iy = rows.at(oy, ky), ix = columns.at(ox, kx);
            if (rows.inside(iy) && columns.inside(ix))
              dx[(iy * columns.input + ix) * channels + c] += g[out] / count;
          }
      }
  }
};

template <class T>
std::vector<T> values(Index count, int seed) {
  std::vector<T> out(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < out.size(); ++i)  // few different ones: many ties
    out[i] = static_cast<T>((i * 31 + static_cast<std::size_t>(seed) * 17) * 7919 % 23) / T(8) - T(1);
  return out;
}

template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i] != b[i] && !(std::isnan(a[i]) && std::isnan(b[i]))) return false;
  return a.size() == b.size();
}

template <class T>
void check(const Window& rows, const Window& columns, Index channels, bool largest, bool count_padding) {
  const Index batch = 3, in = rows.input * columns.input * channels,
              out = rows.output * columns.output * channels;
  std::vector<T> x = values<T>(batch * in, 1);
  const std::vector<T> g = values<T>(batch * out, 2);
  x[5] = x[6] = -std::numeric_limits<T>::infinity();
  if (largest) x[static_cast<std::size_t>(in)] = std::numeric_limits<T>::quiet_NaN();
  std::vector<T> y(g.size()), dx(x.size(), T(0)), got(g.size(), T(9)), again = got, gradient(x.size(), T(9));
  const Reference reference{rows, columns, largest, count_padding};
  for (Index n = 0; n < batch; ++n)
    for (Index c = 0; c < channels; ++c)
      reference(channels, c, x.data() + n * in, g.data() + n * out, y.data() + n * out, dx.data() + n * in);

  const foil::nn::MaxPooling<T> max(rows, columns, channels);
  const foil::nn::AveragePooling<T> average(rows, columns, channels, count_padding);
  const foil::nn::Operator<T>& op = largest ? static_cast<const foil::nn::Operator<T>&>(max) : average;
  std::vector<T> scratch(static_cast<std::size_t>(op.scratch()) + 1);
  std::vector<std::byte> kept(static_cast<std::size_t>(batch * op.kept_bytes()) + 1, std::byte{77});
  const T* const inputs[] = {x.data()};
  T* const gradients[] = {gradient.data()};
  op.forward(batch, inputs, got.data(), scratch.data());
  op.forward_keeping(batch, inputs, again.data(), kept.data(), scratch.data());
  if (largest)
    op.backward_from(batch, kept.data(), g.data(), gradients, scratch.data());
  else
    op.backward(batch, inputs, got.data(), g.data(), gradients, scratch.data());
  CAPTURE(channels, largest, count_padding, rows.kernel, rows.stride, rows.dilation, rows.pad_begin);
  CHECK(kept.back() == std::byte{77});
  CHECK(same(got, y));
  CHECK(same(again, y));
  CHECK(same(gradient, dx));
}

}  // namespace

TEST_CASE("pooling: values and gradients are those of the definition", "[nn][pooling]") {
  for (const bool largest : {false, true})
    for (const Index channels : {1, 3, 16, 20, 70, 131}) {
      check<float>(window(9, 3, 2, 1, 1), window(11, 3, 2, 1, 1), channels, largest, false);
      check<float>(window(8, 2, 2, 1, 0), window(9, 2, 2, 1, 0), channels, largest, true);
      check<float>(window(9, 3, 1, 1, 1), window(7, 5, 3, 1, 2), channels, largest, true);
      check<float>(window(12, 3, 2, 2, 2), window(12, 2, 1, 3, 1), channels, largest, false);
      check<float>(window(7, 7, 1, 1, 0), window(6, 6, 1, 1, 0), channels, largest, false);
      check<double>(window(9, 3, 2, 1, 1), window(11, 3, 2, 1, 1), channels, largest, false);
    }
}

TEST_CASE("pooling: windows of more elements than a byte can tell apart", "[nn][pooling]") {
  check<float>(window(30, 17, 13, 1, 0), window(30, 16, 7, 1, 3), 5, true, false);
  check<double>(window(30, 17, 13, 1, 0), window(30, 16, 7, 1, 3), 5, true, false);
  check<float>(window(16, 1, 1, 1, 0), window(300, 127, 7, 1, 3), 5, true, false);  // 127 elements fit
  check<float>(window(16, 1, 1, 1, 0), window(300, 128, 7, 1, 3), 5, true, false);
}

TEST_CASE("pooling: a byte per element is kept of a largest element, nothing of a mean", "[nn][pooling]") {
  const Window w = window(8, 2, 2, 1, 0);
  const foil::nn::MaxPooling<float> max(w, w, 20);
  CHECK(max.kept_bytes() == 4 * 4 * 20);
  CHECK_FALSE(max.needs_inputs());
  CHECK_FALSE(max.needs_output());
  CHECK(foil::nn::AveragePooling<float>(w, w, 20, false).kept_bytes() == 0);
}
