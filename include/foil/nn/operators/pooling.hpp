// SPDX-License-Identifier: MIT
/// \file
/// Pooling over windows of channels-last samples.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/bytes.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/window.hpp"

namespace foil::nn {

using namespace simd;

/// Geometry that poolings share, and the walks over their windows; an Operator, or a Divisible one.
template <class T, class Base = Operator<T>>
class Pooling : public Base {
 public:
  Pooling(Window rows, Window columns, Index channels)
      : rows_(rows), columns_(columns), channels_(channels) {}

 protected:
  Index input_size() const { return rows_.input * columns_.input * channels_; }
  Index output_size() const { return rows_.output * columns_.output * channels_; }

  /// work(row, column, offset) for each output pixel of each sample, with its offset in the output and that
  /// of its sample in the input.
  template <class F>
  void for_each_pixel(Index batch, F&& work) const {
    for_each_pixel(Share{}, batch, work);
  }

  /// The same for a share of the rows.
  template <class F>
  void for_each_pixel(Share share, Index batch, F&& work) const {
    const auto [begin, end] = share.of(batch * rows_.output);
    Index out = begin * columns_.output * channels_;
    for (Index row = begin; row < end; ++row)
      for (Index x = 0; x < columns_.output; ++x, out += channels_)
        work(row % rows_.output, x, out, row / rows_.output * input_size());
  }

  /// visit(offset) for each input pixel under the window of output pixel (y, x), rows first.
  template <class F>
  void for_each_tap(Index y, Index x, F&& visit) const {
    for_each_numbered_tap(y, x, [&](Index offset, Index) { visit(offset); });
  }

  /// The same with the number of the tap in the window.
  template <class F>
  void for_each_numbered_tap(Index y, Index x, F&& visit) const {
    const Index first = columns_.first_tap(x), end = columns_.end_tap(x);
    for (Index ky = rows_.first_tap(y); ky < rows_.end_tap(y); ++ky)
      for (Index kx = first; kx < end; ++kx)
        visit((rows_.at(y, ky) * columns_.input + columns_.at(x, kx)) * channels_, ky * columns_.kernel + kx);
  }

  /// work(pixel, hits) for each input pixel of a share of the rows of a batch; hits(visit) calls
  /// visit(offset, tap) for each output pixel whose window covers it, in ascending order, with the number of
  /// the tap under which it lies.
  template <class F>
  void for_each_input(Share share, Index batch, F&& work) const {
    const auto [begin, end] = share.of(batch * rows_.input);
    Index pixel = begin * columns_.input * channels_;
    for (Index y = begin; y < end; ++y) {
      const Cover row(rows_, y % rows_.input);
      const Index sample = y / rows_.input * output_size();
      for (Index x = 0; x < columns_.input; ++x, pixel += channels_) {
        const Cover column(columns_, x);
        work(pixel, [&](auto&& visit) {
          row.for_each(rows_, [&](Index to_row, Index ky) {
            column.for_each(columns_, [&](Index to_column, Index kx) {
              visit(sample + (to_row * columns_.output + to_column) * channels_, ky * columns_.kernel + kx);
            });
          });
        });
      }
    }
  }

  /// Calls part(first, vectors, width) for vectors of channels from `first` on: several of them as long as
  /// there are as many, then single ones. Both numbers are compile-time constants unless the last vector, of
  /// `width` channels, is not full.
  template <class F>
  void for_each_block(F&& part) const {
    constexpr std::size_t most = 4;
    constexpr Index wide = static_cast<Index>(most) * lanes<T>;
    const std::integral_constant<std::size_t, 1> one;
    const std::integral_constant<Index, lanes<T>> full;
    Index c = 0;
    for (; c + wide <= channels_; c += wide) part(c, std::integral_constant<std::size_t, most>(), full);
    for (; c + lanes<T> <= channels_; c += lanes<T>) part(c, one, full);
    if (c < channels_) part(c, one, channels_ - c);
  }

  /// Vector v from `from` on, or the first `width` elements of one.
  template <class Width>
  static Pack<T> read(const T* from, std::size_t v, Width width) {
    if (width == lanes<T>) return load<T>(from + static_cast<Index>(v) * lanes<T>);
    return load_partial<T>(from, width);
  }
  template <std::size_t vectors, class Width>
  static void write(const Pack<T> (&values)[vectors], T* to, Width width) {
    if (width == lanes<T>)
      unroll<vectors>([&](auto v) { store<T>(to + static_cast<Index>(v) * lanes<T>, values[v]); });
    else
      store_partial<T>(to, values[0], width);
  }

  Window rows_, columns_;
  Index channels_;

 private:
  /// The outputs along an axis whose windows reach a position.
  struct Cover {
    Cover(const Window& w, Index position) {
      const Index behind = position + w.pad_begin, reach = (w.kernel - 1) * w.dilation;
      first = behind <= reach ? 0 : (behind - reach + w.stride - 1) / w.stride;
      last = std::min(w.output - 1, behind / w.stride);
      distance = behind - first * w.stride;
    }
    /// visit(output, tap) for those that have a tap there.
    template <class F>
    void for_each(const Window& w, F&& visit) const {
      for (Index out = first, left = distance; out <= last; ++out, left -= w.stride)
        if (w.dilation == 1)
          visit(out, left);
        else if (left % w.dilation == 0)
          visit(out, left / w.dilation);
    }
    Index first, last, distance;
  };
};

/// The largest element of each window; padding does not count, and a window of nothing but padding yields the
/// lowest finite number, as in ONNX Runtime. On a tie the first one receives the gradient, and nobody where
/// the largest is NaN. The backward pass needs the place of each largest element: a byte for windows of less
/// than 128 elements.
template <class T, class = Isa>
class MaxPooling : public Pooling<T, Divisible<T>> {
 public:
  using Pooling<T, Divisible<T>>::Pooling;

  Index kept_bytes() const override {
    return this->output_size() * (small() ? 1 : static_cast<Index>(sizeof(T)));
  }

  void forward_share(Share share, Index batch, const T* const* inputs, T* output, std::byte* kept,
                     T*) const override {
    if (kept == nullptr)
      forward_alone(share, batch, inputs[0], output);
    else if (small())
      forward_noting<true>(share, batch, inputs[0], output, kept);
    else
      forward_noting<false>(share, batch, inputs[0], output, kept);
  }

  void backward_share(Share share, Index batch, const T* const*, const T*, const std::byte* kept,
                      const T* cotangent, T* const* gradients, T*) const override {
    if (small())
      collect<true>(share, batch, kept, cotangent, gradients[0]);
    else
      collect<false>(share, batch, kept, cotangent, gradients[0]);
  }

 private:
  static constexpr T nothing = -std::numeric_limits<T>::infinity();
  using Int = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

  bool small() const { return this->rows_.kernel * this->columns_.kernel < 128; }

  static Pack<T> finite(Pack<T> best) {
    const Pack<T> lowest = broadcast<T>(std::numeric_limits<T>::lowest());
    return best < lowest ? lowest : best;
  }

  void forward_alone(Share share, Index batch, const T* input, T* output) const {
    this->for_each_pixel(share, batch, [&](Index y, Index x, Index out, Index in) {
      this->for_each_block([&](Index c, auto vectors, auto width) {
        Pack<T> best[vectors];
        unroll<vectors>([&](auto v) { best[v] = broadcast<T>(nothing); });
        this->for_each_tap(y, x, [&](Index tap) {
          unroll<vectors>([&](auto v) {
            const Pack<T> value = this->read(input + in + tap + c, v, width);
            best[v] = value > best[v] ? value : best[v];
            best[v] = value != value ? value : best[v];
          });
        });
        unroll<vectors>([&](auto v) { best[v] = finite(best[v]); });
        this->write(best, output + out + c, width);
      });
    });
  }

  /// Notes the number of the tap of each largest element plus one, or 0 if there is none.
  template <bool in_bytes>
  void forward_noting(Share share, Index batch, const T* input, T* output, std::byte* kept) const {
    this->for_each_pixel(share, batch, [&](Index y, Index x, Index out, Index in) {
      this->for_each_block([&](Index c, auto vectors, auto width) {
        Pack<T> best[vectors];
        PackInt<T> place[vectors] = {};
        unroll<vectors>([&](auto v) { best[v] = broadcast<T>(nothing); });
        this->for_each_numbered_tap(y, x, [&](Index tap, Index number) {
          const PackInt<T> here = PackInt<T>{} + static_cast<Int>(number + 1);
          unroll<vectors>([&](auto v) {
            const Pack<T> value = this->read(input + in + tap + c, v, width);
            place[v] = value > best[v] ? here : place[v];
            best[v] = value > best[v] ? value : best[v];
            place[v] = value != value ? PackInt<T>{} : place[v];
            best[v] = value != value ? value : best[v];
          });
        });
        for (std::size_t v = 0; v < vectors; ++v) {
          best[v] = finite(best[v]);
          const Index at = out + c + static_cast<Index>(v) * lanes<T>;
          if constexpr (in_bytes)
            store_bytes<T>(kept + at, place[v], width);
          else
            std::memcpy(kept + at * static_cast<Index>(sizeof(Int)), &place[v],
                        static_cast<std::size_t>(width) * sizeof(Int));
        }
        this->write(best, output + out + c, width);
      });
    });
  }

  /// Gives each input pixel the cotangents of the outputs whose largest element it is.
  template <bool in_bytes>
  void collect(Share share, Index batch, const std::byte* kept, const T* cotangent, T* gradient) const {
    this->for_each_input(share, batch, [&](Index pixel, auto&& hits) {
      this->for_each_block([&](Index c, auto vectors, auto width) {
        Pack<T> sum[vectors] = {};
        hits([&](Index out, Index tap) {
          const PackInt<T> here = PackInt<T>{} + static_cast<Int>(tap + 1);
          unroll<vectors>([&](auto v) {
            const Index at = out + c + static_cast<Index>(v) * lanes<T>;
            PackInt<T> place{};
            if constexpr (in_bytes)
              place = load_bytes<T>(kept + at, width);
            else
              std::memcpy(&place, kept + at * static_cast<Index>(sizeof(Int)),
                          static_cast<std::size_t>(width) * sizeof(Int));
            const Pack<T> g = this->read(cotangent + out + c, v, width);
            sum[v] += place == here ? g : Pack<T>{};
          });
        });
        this->write(sum, gradient + pixel + c, width);
      });
    });
  }
};

/// The mean of each window, over the pixels inside the input or, if `count_padding`, also over the padding.
template <class T, class = Isa>
class AveragePooling : public Pooling<T, Divisible<T>> {
 public:
  AveragePooling(Window rows, Window columns, Index channels, bool count_padding)
      : Pooling<T, Divisible<T>>(rows, columns, channels), count_padding_(count_padding) {}

  void forward_share(Share share, Index batch, const T* const* inputs, T* output, std::byte*,
                     T*) const override {
    this->for_each_pixel(share, batch, [&](Index y, Index x, Index out, Index in) {
      const T count = static_cast<T>(size(y, x));
      this->for_each_block([&](Index c, auto vectors, auto width) {
        Pack<T> sum[vectors] = {};
        this->for_each_tap(y, x, [&](Index tap) {
          unroll<vectors>([&](auto v) { sum[v] += this->read(inputs[0] + in + tap + c, v, width); });
        });
        unroll<vectors>([&](auto v) { sum[v] /= count; });
        this->write(sum, output + out + c, width);
      });
    });
  }

  void backward_share(Share share, Index batch, const T* const*, const T*, const std::byte*,
                      const T* cotangent, T* const* gradients, T* scratch) const override {
    for (Index n = 0; n < batch; ++n) {
      const T* const g = cotangent + n * this->output_size();
      T* const dx = gradients[0] + n * this->input_size();
      this->for_each_pixel(1, [&](Index y, Index x, Index out, Index) {  // by every thread for itself
        const T count = static_cast<T>(size(y, x));
        map<T>(this->channels_, scratch + out, [count](Pack<T> v) { return v / count; }, g + out);
      });
      this->for_each_input(share, 1, [&](Index pixel, auto&& hits) {
        this->for_each_block([&](Index c, auto vectors, auto width) {
          Pack<T> sum[vectors] = {};
          hits([&](Index out, Index) {
            unroll<vectors>([&](auto v) { sum[v] += this->read(scratch + out + c, v, width); });
          });
          this->write(sum, dx + pixel + c, width);
        });
      });
    }
  }

  Index scratch() const override { return this->output_size(); }

 private:
  /// Number of pixels that the mean at (y, x) is taken over.
  Index size(Index y, Index x) const { return counted(this->rows_, y) * counted(this->columns_, x); }
  Index counted(const Window& w, Index out) const {
    return count_padding_ ? w.taps_before(out, w.input + w.pad_end)
                          : std::max<Index>(0, w.end_tap(out) - w.first_tap(out));
  }

  bool count_padding_;
};

}  // namespace foil::nn
