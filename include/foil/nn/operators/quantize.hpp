// SPDX-License-Identifier: MIT
/// \file
/// Fake quantisation: numbers moved to the points of a lattice that integers of some width stand for.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/bytes.hpp"
#include "foil/nn/math.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/operators/steps.hpp"

namespace foil::nn {

using namespace simd;

/// The points s k of a lattice, for whole numbers k from `low` to `high`.
template <class T>
struct Lattice {
  T scale, low, high;
};

/// The nearest point, of two that are as near the even one, or the end of the lattice that lies nearest. Its
/// derivative is zero almost everywhere; what is pulled back is that of a Clip: the cotangent where the
/// lattice reaches, nothing where it has ended.
template <class T, class = Isa>
struct Quantize {
  static constexpr From from = From::choice;

  Pack<T> scale, low, high;

  explicit Quantize(const Lattice<T>& lattice)
      : Quantize(broadcast<T>(lattice.scale), broadcast<T>(lattice.low), broadcast<T>(lattice.high)) {}
  Quantize(Pack<T> s, Pack<T> l, Pack<T> h) : scale(s), low(l), high(h) {}

  Pack<T> value(Pack<T> x) const {
    const Pack<T> k = Round<T>{}.value(x / scale);
    return (k > high ? high : k < low ? low : k) * scale;
  }
  PackInt<T> chosen(Pack<T> x) const {
    const Pack<T> k = Round<T>{}.value(x / scale);
    return (k >= low) & (k <= high);
  }
  Pack<T> pull(Pack<T> g, PackInt<T> chosen) const { return chosen != 0 ? g : Pack<T>{}; }
};

/// Quantize with a lattice for each of the `lattices.size()` lengths of the middle axis of samples of shape
/// (outer, length, inner).
template <class T, class = Isa>
class QuantizeAlong : public Operator<T> {
 public:
  QuantizeAlong(Index outer, Index inner, const std::vector<Lattice<T>>& lattices)
      : outer_(outer), length_(static_cast<Index>(lattices.size())), inner_(inner) {
    const std::size_t room = static_cast<std::size_t>(round_up<T>(length_));
    for (std::vector<T>* part : {&scale_, &low_, &high_}) part->assign(room, T(1));
    for (std::size_t i = 0; i < lattices.size(); ++i) {
      scale_[i] = lattices[i].scale;
      low_[i] = lattices[i].low;
      high_[i] = lattices[i].high;
    }
  }

  bool in_place() const override { return true; }
  Index kept_bytes() const override { return outer_ * length_ * inner_; }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    for_each_vector(batch, [&](Index i, Index width, const Quantize<T>& f) {
      put(output + i, f.value(take(inputs[0] + i, width)), width);
    });
  }

  void forward_keeping(Index batch, const T* const* inputs, T* output, std::byte* kept, T*) const override {
    for_each_vector(batch, [&](Index i, Index width, const Quantize<T>& f) {
      const Pack<T> x = take(inputs[0] + i, width);
      store_bytes<T>(kept + i, f.chosen(x), width);
      put(output + i, f.value(x), width);
    });
  }

  void backward(Index, const T* const*, const T*, const T*, T* const*, T*) const override {}

  void backward_from(Index batch, const std::byte* kept, const T* cotangent, T* const* gradients,
                     T*) const override {
    for_each_vector(batch, [&](Index i, Index width, const Quantize<T>& f) {
      put(gradients[0] + i, f.pull(take(cotangent + i, width), load_bytes<T>(kept + i, width)), width);
    });
  }

 private:
  static Pack<T> take(const T* from, Index width) {
    return width == lanes<T> ? load<T>(from) : load_partial<T>(from, width);
  }
  static void put(T* to, Pack<T> v, Index width) {
    if (width == lanes<T>)
      store<T>(to, v);
    else
      store_partial<T>(to, v, width);
  }

  /// work(first element, number of elements, the function of these).
  template <class Work>
  void for_each_vector(Index batch, Work&& work) const {
    if (inner_ == 1) {
      for (Index row = 0; row < batch * outer_; ++row)
        for (Index c = 0; c < length_; c += lanes<T>)
          work(row * length_ + c, std::min(lanes<T>, length_ - c),
               Quantize<T>(load<T>(scale_.data() + c), load<T>(low_.data() + c), load<T>(high_.data() + c)));
      return;
    }
    for (Index row = 0; row < batch * outer_ * length_; ++row) {
      const auto c = static_cast<std::size_t>(row % length_);
      const Quantize<T> f(Lattice<T>{scale_[c], low_[c], high_[c]});
      for (Index i = 0; i < inner_; i += lanes<T>) work(row * inner_ + i, std::min(lanes<T>, inner_ - i), f);
    }
  }

  Index outer_, length_, inner_;
  std::vector<T> scale_{}, low_{}, high_{};
};

}  // namespace foil::nn
