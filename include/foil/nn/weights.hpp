// SPDX-License-Identifier: MIT
/// \file
/// Constants of an operator on their way to where it packs them.
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"

namespace foil::nn {

/// The weights of an operator before it packs them, those of one output after those of the other: held here,
/// or fetched by take(), so that the weights of a large network never lie in memory all at once beside the
/// packed ones.
template <class T>
class Weights {
 public:
  /// Writes all elements.
  using Fetch = std::function<void(T*)>;

  Weights(std::vector<T> elements)
      : size_(static_cast<Index>(elements.size())), elements_(std::move(elements)) {}
  Weights(Index size, Fetch fetch) : size_(size), fetch_(std::move(fetch)) {}

  Index size() const { return size_; }

  /// Multiplies the elements of each of so many outputs by its factor.
  void scale(const T* factors, Index outputs) {
    if (fetch_)
      factors_.emplace_back(factors, factors + outputs);
    else
      apply(factors, outputs);
  }

  /// Hands over the elements; nothing is left.
  std::vector<T> take() {
    if (fetch_) {
      elements_.resize(static_cast<std::size_t>(size_));
      fetch_(elements_.data());
      fetch_ = nullptr;
      for (const std::vector<T>& factors : std::exchange(factors_, {}))
        apply(factors.data(), static_cast<Index>(factors.size()));
    }
    return std::exchange(elements_, {});
  }

 private:
  void apply(const T* factors, Index outputs) {
    const Index each = size_ / outputs;
    for (Index o = 0; o < outputs; ++o)
      for (Index i = 0; i < each; ++i) elements_[static_cast<std::size_t>(o * each + i)] *= factors[o];
  }

  Index size_;
  std::vector<T> elements_{};
  Fetch fetch_{};
  std::vector<std::vector<T>> factors_{};  ///< for after the fetching
};

}  // namespace foil::nn
