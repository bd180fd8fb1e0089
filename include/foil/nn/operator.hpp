// SPDX-License-Identifier: MIT
/// \file
/// What every operator of the engine offers: forward, and backward with respect to its inputs only.
#pragma once

#include <cstddef>

#include "foil/core/tensor.hpp"

namespace foil::nn {

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

  /// Called once before the first evaluation.
  virtual void prepare() {}
};

}  // namespace foil::nn
