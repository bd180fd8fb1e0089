// SPDX-License-Identifier: MIT
/// \file
/// Normalisation of groups of elements to mean zero and variance one, or to a length of one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

using namespace simd;

/// Samples of shape (outer, rows, columns): a group is `run` columns side by side, of all rows. One row and
/// a run of all columns is a layer normalisation, runs of one column are an instance normalisation of
/// channels that lie last, longer ones a group normalisation of them.
struct Groups {
  Index outer, rows, columns, run;

  Index size() const { return outer * rows * columns; }
  /// Elements of a group.
  Index elements() const { return rows * run; }
};

/// y = scale (x - mean) / sqrt(variance + epsilon) + shift over each group; without `centred`, mean is 0 and
/// variance the mean square. Scale and shift belong to the columns, or to the positions in a run if there is
/// one row; empty ones are 1 and 0. Two passes over the input for mean and variance, forward and backward.
template <class T, class = Isa>
class Normalization : public Divisible<T> {
 public:
  Normalization(Groups groups, double epsilon, bool centred, std::vector<T> scale = {},
                std::vector<T> shift = {})
      : groups_(groups),
        epsilon_(static_cast<T>(epsilon)),
        centred_(centred),
        scale_(std::move(scale)),
        shift_(std::move(shift)) {}

  bool needs_inputs() const override { return true; }
  Index scratch() const override { return by_lines() ? 0 : 4 * round_up<T>(groups_.columns); }
  Index weights() const override { return static_cast<Index>(scale_.size() + shift_.size()); }

  void forward_share(Share share, Index batch, const T* const* inputs, T* output, std::byte*,
                     T* scratch) const override {
    for_each(share, batch, [&](Index begin, const auto& part) {
      const T* const x = inputs[0] + begin;
      T* const y = output + begin;
      const auto fit = this->fit(part, x, scratch);
      const T* const scale = scale_.empty() ? nullptr : scale_.data();
      const T* const shift = shift_.empty() ? nullptr : shift_.data();
      part.each([&](Index i, Index column, auto n) {
        Pack<T> v = (read<T>(x + i, n) - part.get(fit.mean, column, n)) * part.get(fit.factor, column, n);
        if (scale != nullptr) v = v * read<T>(scale + column, n);
        if (shift != nullptr) v = v + read<T>(shift + column, n);
        write<T>(y + i, v, n);
      });
    });
  }

  void backward_share(Share share, Index batch, const T* const* inputs, const T*, const std::byte*,
                      const T* cotangent, T* const* gradients, T* scratch) const override {
    for_each(share, batch, [&](Index begin, const auto& part) {
      const T* const x = inputs[0] + begin;
      const T* const g = cotangent + begin;
      T* const dx = gradients[0] + begin;
      const auto fit = this->fit(part, x, scratch);
      const T* const scale = scale_.empty() ? nullptr : scale_.data();
      // dx = factor (a - mean(a) - z mean(a z)), where z is what is normalised and a its cotangent.
      const auto cotangent_at = [&](Index i, Index column, auto n) {
        const Pack<T> v = read<T>(g + i, n);
        return scale == nullptr ? v : v * read<T>(scale + column, n);
      };
      const auto normalized = [&](Index i, Index column, auto n) {
        return (read<T>(x + i, n) - part.get(fit.mean, column, n)) * part.get(fit.factor, column, n);
      };
      const auto level = part.mean(scratch, 2, centred_, cotangent_at);
      const auto along = part.mean(scratch, 3, true, [&](Index i, Index column, auto n) {
        return cotangent_at(i, column, n) * normalized(i, column, n);
      });
      part.each([&](Index i, Index column, auto n) {
        const Pack<T> rest = cotangent_at(i, column, n) - part.get(level, column, n);
        const Pack<T> v = rest - normalized(i, column, n) * part.get(along, column, n);
        write<T>(dx + i, v * part.get(fit.factor, column, n), n);
      });
    });
  }

 private:
  bool by_lines() const { return groups_.rows == 1; }

  /// A group in memory: what is the same for all of it fills a vector.
  struct LinePart {
    using Statistic = Pack<T>;
    ContiguousLine<T> line;

    template <class F>
    void each(F&& f) const {
      line.each([&](Index i, auto n) { f(i, i, n); });
    }
    template <class F>
    Statistic mean(T*, Index, bool wanted, F&& term) const {
      if (!wanted) return Pack<T>{};
      return line.sum([&](Index i, auto n) { return term(i, i, n); }) / static_cast<T>(line.length());
    }
    template <class F>
    Statistic map(Statistic v, F&& f) const {
      return f(v);
    }
    template <class Count>
    static Pack<T> get(Statistic v, Index, Count) {
      return v;
    }
  };

  /// All groups of (rows, columns): a number per column, where the columns of a group have the same.
  struct ColumnPart {
    using Statistic = T*;
    Groups groups;

    template <class F>
    void each(F&& f) const {
      for (Index r = 0; r < groups.rows; ++r)
        for_vectors<T>(groups.columns, [&](Index c, auto n) { f(r * groups.columns + c, c, n); });
    }
    template <class F>
    Statistic mean(T* scratch, Index which, bool wanted, F&& term) const {
      T* const out = scratch + which * round_up<T>(groups.columns);
      if (!wanted) {
        std::fill_n(out, groups.columns, T(0));
        return out;
      }
      const T rows = static_cast<T>(groups.rows);
      for_vectors<T>(groups.columns, [&](Index c, auto n) {
        const Strip<T, decltype(n)> strip(groups.rows, groups.columns, n);
        write<T>(out + c, strip.sum([&](Index i, auto m) { return term(i + c, c, m); }) / rows, n);
      });
      if (groups.run == 1) return out;
      for (Index first = 0; first < groups.columns; first += groups.run) {
        double sum = 0;
        for (Index c = first; c < first + groups.run; ++c) sum += static_cast<double>(out[c]);
        std::fill_n(out + first, groups.run, static_cast<T>(sum / static_cast<double>(groups.run)));
      }
      return out;
    }
    template <class F>
    Statistic map(Statistic v, F&& f) const {
      nn::map<T>(groups.columns, v, f, v);
      return v;
    }
    template <class Count>
    static Pack<T> get(Statistic v, Index column, Count n) {
      return read<T>(v + column, n);
    }
  };

  /// work(begin, part) for a share of all parts. Blocks of columns are not divided.
  template <class F>
  void for_each(Share share, Index batch, F&& work) const {
    const Index size = by_lines() ? groups_.run : groups_.rows * groups_.columns;
    const auto [begin, end] = share.of(batch * groups_.size() / size);
    for (Index i = begin; i < end; ++i) {
      if (by_lines())
        work(i * size, LinePart{ContiguousLine<T>(size)});
      else
        work(i * size, ColumnPart{groups_});
    }
  }

  /// The mean, and one over the root of the variance.
  template <class Statistic>
  struct Fit {
    Statistic mean, factor;
  };
  template <class Part>
  Fit<typename Part::Statistic> fit(const Part& part, const T* x, T* scratch) const {
    const auto mean =
        part.mean(scratch, 0, centred_, [x](Index i, Index, auto n) { return read<T>(x + i, n); });
    const auto variance = part.mean(scratch, 1, true, [&](Index i, Index column, auto n) {
      const Pack<T> v = read<T>(x + i, n) - part.get(mean, column, n);
      return v * v;
    });
    const T epsilon = epsilon_;
    return {mean, part.map(variance, [epsilon](Pack<T> v) { return T(1) / square_root<T>(v + epsilon); })};
  }

  Groups groups_;
  T epsilon_;
  bool centred_;
  std::vector<T> scale_, shift_;
};

/// x divided by the length of its line, the sum of |x| or, if `euclidean`, the root of the sum of squares. A
/// line of zeros stays, and has the derivative zero.
template <class T, class = Isa>
class LengthNormalization : public Divisible<T> {
 public:
  LengthNormalization(Lines lines, bool euclidean) : lines_(lines), euclidean_(euclidean) {}

  bool needs_inputs() const override { return true; }

  void forward_share(Share share, Index batch, const T* const* inputs, T* output, std::byte*,
                     T*) const override {
    lines_.visit<T>(share, batch, [&](Index begin, const auto& line, Index) {
      const T* const x = inputs[0] + begin;
      const Pack<T> factor = inverse_length(line, x);
      line.each([&](Index i, auto n) { write<T>(output + begin + i, read<T>(x + i, n) * factor, n); });
    });
  }

  void backward_share(Share share, Index batch, const T* const* inputs, const T*, const std::byte*,
                      const T* cotangent, T* const* gradients, T*) const override {
    lines_.visit<T>(share, batch, [&](Index begin, const auto& line, Index) {
      const T* const x = inputs[0] + begin;
      const T* const g = cotangent + begin;
      const Pack<T> factor = inverse_length(line, x), zero{};
      const Pack<T> along =
          line.sum([&](Index i, auto n) { return read<T>(g + i, n) * read<T>(x + i, n); }) * factor;
      line.each([&](Index i, auto n) {
        const Pack<T> v = read<T>(x + i, n), one = zero + T(1);
        const Pack<T> slope = euclidean_ ? v * factor : v > zero ? one : v < zero ? -one : zero;
        write<T>(gradients[0] + begin + i, (read<T>(g + i, n) - slope * along) * factor, n);
      });
    });
  }

 private:
  template <class Line>
  Pack<T> inverse_length(const Line& line, const T* x) const {
    const Pack<T> zero{};
    const Pack<T> sum = line.sum([&](Index i, auto n) {
      const Pack<T> v = read<T>(x + i, n);
      return euclidean_ ? v * v : v < zero ? -v : v;
    });
    return sum == zero ? zero : T(1) / (euclidean_ ? square_root<T>(sum) : sum);
  }

  Lines lines_;
  bool euclidean_;
};

}  // namespace foil::nn
