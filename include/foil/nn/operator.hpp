// SPDX-License-Identifier: MIT
/// \file
/// What every operator of the engine offers: forward, and backward with respect to its inputs only.
#pragma once

#include <algorithm>
#include <cstddef>

#include "foil/core/tensor.hpp"

namespace foil::nn {

template <class T>
class Divisible;
template <class T>
class Saturating;

/// One operator on batches of samples. Geometry and constants are fixed when it is built; inputs and outputs
/// are plain arrays, sample after sample. Implementations keep samples apart: what they write for a sample
/// depends on that sample alone, to the last bit.
///
/// What backward() reads again is kept from the forward pass: inputs or the output if they are asked for, or,
/// for an operator with kept_bytes(), notes of its own. Such an operator has forward_keeping() and
/// backward_from() besides, and its backward() is never called.
template <class T>
class Operator {
 public:
  Operator() = default;
  Operator(const Operator&) = delete;
  Operator& operator=(const Operator&) = delete;
  virtual ~Operator() = default;

  /// Writes the output of `batch` samples.
  virtual void forward(Index batch, const T* const* inputs, T* output, T* scratch) const = 0;

  /// Overwrites gradients[i] with the pullback of `cotangent` to input i. `inputs` and `output` are valid
  /// only if needs_inputs() and needs_output() ask for them.
  virtual void backward(Index batch, const T* const* inputs, const T* output, const T* cotangent,
                        T* const* gradients, T* scratch) const = 0;

  virtual bool needs_inputs() const { return false; }
  virtual bool needs_output() const { return false; }

  /// Bytes per sample that forward_keeping() notes for backward_from().
  virtual Index kept_bytes() const { return 0; }

  /// The same output as forward(), and batch * kept_bytes() bytes.
  virtual void forward_keeping(Index batch, const T* const* inputs, T* output, std::byte* /*kept*/,
                               T* scratch) const {
    forward(batch, inputs, output, scratch);
  }

  /// As backward(), from the notes of forward_keeping().
  virtual void backward_from(Index /*batch*/, const std::byte* /*kept*/, const T* /*cotangent*/,
                             T* const* /*gradients*/, T* /*scratch*/) const {}

  /// Whether the output may overwrite an input of its size that nobody else reads, whichever it is, and the
  /// gradient of such an input the cotangent.
  virtual bool in_place() const { return false; }

  /// Elements of scratch memory, whatever the batch.
  virtual Index scratch() const { return 0; }

  /// Tries to absorb a following y -> scale[c] y + shift[c] over the output channels c.
  virtual bool absorb(const T* /*scale*/, const T* /*shift*/, Index /*channels*/) { return false; }

  /// Multiplications with an addition per sample, of the products alone: the same forward and backward.
  virtual Index multiply_adds() const { return 0; }

  /// Elements of constants that every call reads, whatever the batch. Where there are many, more samples go
  /// through together.
  virtual Index weights() const { return 0; }

  /// This operator, if several threads can share one call of it; else null.
  virtual const Divisible<T>* divisible() const { return nullptr; }

  /// This operator, if its slopes may be beyond the numbers of T; else null. See saturating.hpp.
  virtual const Saturating<T>* saturating() const { return nullptr; }

  /// Called once before the first evaluation.
  virtual void prepare() {}
};

/// One of `count` shares of a call's work, which together are all of it.
struct Share {
  Index index = 0, count = 1;

  struct Range {
    Index begin, end;
  };
  /// The items of this share, of n in all; shares begin at multiples of `unit`.
  Range of(Index n, Index unit = 1) const {
    const Index units = (n + unit - 1) / unit;
    return {std::min(n, units * index / count * unit), std::min(n, units * (index + 1) / count * unit)};
  }
};

/// Shares of elements begin at multiples of so many, lest threads write to the same lines of the cache.
inline constexpr Index share_unit = 64;

/// An operator of which threads do a share each, at the same time: shares write different elements, and the
/// bits do not depend on how many there are. Each thread has a scratch memory of its own.
template <class T>
class Divisible : public Operator<T> {
 public:
  /// A share of forward(), and of forward_keeping() unless `kept` is null.
  virtual void forward_share(Share share, Index batch, const T* const* inputs, T* output, std::byte* kept,
                             T* scratch) const = 0;

  /// A share of backward(), or of backward_from() if the operator has notes, at `kept`.
  virtual void backward_share(Share share, Index batch, const T* const* inputs, const T* output,
                              const std::byte* kept, const T* cotangent, T* const* gradients,
                              T* scratch) const = 0;

  const Divisible<T>* divisible() const override { return this; }

  void forward(Index batch, const T* const* inputs, T* output, T* scratch) const override {
    forward_share({}, batch, inputs, output, nullptr, scratch);
  }
  void forward_keeping(Index batch, const T* const* inputs, T* output, std::byte* kept,
                       T* scratch) const override {
    forward_share({}, batch, inputs, output, kept, scratch);
  }
  void backward(Index batch, const T* const* inputs, const T* output, const T* cotangent, T* const* gradients,
                T* scratch) const override {
    backward_share({}, batch, inputs, output, nullptr, cotangent, gradients, scratch);
  }
  void backward_from(Index batch, const std::byte* kept, const T* cotangent, T* const* gradients,
                     T* scratch) const override {
    backward_share({}, batch, nullptr, nullptr, kept, cotangent, gradients, scratch);
  }
};

}  // namespace foil::nn
