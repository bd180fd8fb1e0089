// SPDX-License-Identifier: MIT
/// \file
/// Operators made of the widest vectors that the machine at hand has, whatever the flags of the translation
/// unit. The hot operators are compiled once more for each wider instruction set, as functions of that
/// target; what decides is the machine on which the program runs.
///
/// An operator's code is one text, `*.inc`, which is read once per instruction set, each time into a
/// namespace of its own: a vector that is wider than a function's target is cut into pieces before anything
/// is inlined, so every function that touches one has to be of that target itself. What is included before,
/// the standard library and Eigen above all, stays as the flags want it.
///
/// Compiled with FOIL_RUNTIME_KERNELS=0 (the CMake option FOIL_RUNTIME_KERNELS), for a machine without wider
/// vectors than the flags allow, or for another architecture than x86-64 this is std::make_unique.
#pragma once

#include <bit>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "foil/core/simd.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/bytes.hpp"
#include "foil/nn/error_function.hpp"
#include "foil/nn/gemm.hpp"
#include "foil/nn/lane_convolution.hpp"
#include "foil/nn/lines.hpp"
#include "foil/nn/logarithm.hpp"
#include "foil/nn/math.hpp"
#include "foil/nn/matrix.hpp"
#include "foil/nn/memory.hpp"
#include "foil/nn/operator.hpp"
#include "foil/nn/operators/activations.hpp"
#include "foil/nn/operators/binary.hpp"
#include "foil/nn/operators/binary_along.hpp"
#include "foil/nn/operators/convolution.hpp"
#include "foil/nn/operators/convolution_pass.hpp"
#include "foil/nn/operators/dense.hpp"
#include "foil/nn/operators/elementwise.hpp"
#include "foil/nn/operators/functions.hpp"
#include "foil/nn/operators/lane_pass.hpp"
#include "foil/nn/operators/normalization.hpp"
#include "foil/nn/operators/patch_pass.hpp"
#include "foil/nn/operators/pooling.hpp"
#include "foil/nn/operators/product.hpp"
#include "foil/nn/operators/reductions.hpp"
#include "foil/nn/operators/scatter_pass.hpp"
#include "foil/nn/operators/softmax.hpp"
#include "foil/nn/operators/window.hpp"
#include "foil/nn/operators/winograd_pass.hpp"
#include "foil/nn/table.hpp"
#include "foil/nn/transpose.hpp"
#include "foil/nn/weights.hpp"
#include "foil/nn/winograd.hpp"

namespace foil::nn {

/// Instruction sets that operators may be made of: that of the unit's flags, and wider ones.
enum class InstructionSet { flags, avx2_fma, avx512 };

namespace detail {
template <class T>
T scalar_of(const Operator<T>&);
/// What make() returns.
template <class Op>
using AnyOperator = std::unique_ptr<Operator<decltype(scalar_of(std::declval<const Op&>()))>>;
}  // namespace detail

}  // namespace foil::nn

#if defined(__x86_64__) && !defined(__AVX512F__) && (!defined(FOIL_RUNTIME_KERNELS) || FOIL_RUNTIME_KERNELS)
#include <immintrin.h>

// Not within foil::nn, whose operators of the flags would be found for what a text lacks. In the namespace of
// the unit's own instruction set, so that units of different flags keep each their own. The warning would be
// about lambdas without captures: they convert to pointers to functions that lack the target, which nobody
// calls.
namespace foil::kernels {

using nn::Operator, nn::Divisible, nn::Share, nn::share_unit, nn::Buffer, nn::Weights, nn::Window,
    nn::ConvolutionShape, nn::Sweep, nn::forward_sweeps, nn::backward_sweeps, nn::Groups, nn::Matrices,
    nn::ProductShape, nn::ConstantFactor;

#include "foil/core/instruction_set.inc"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi"
#pragma GCC push_options
#pragma GCC target("avx2,fma,bmi,bmi2")
#endif
namespace for_avx2_fma {
namespace simd = for_avx2_fma;
inline constexpr std::size_t vector_bytes = 32, registers = 16;
inline constexpr bool fused = true, masked = false;
#include "foil/nn/make.inc"
}  // namespace for_avx2_fma
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi,bmi2")
#endif
namespace for_avx512 {
namespace simd = for_avx512;
inline constexpr std::size_t vector_bytes = 64, registers = 32;
inline constexpr bool fused = true, masked = true;
#include "foil/nn/make.inc"
}  // namespace for_avx512
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#pragma GCC diagnostic pop
#endif

}  // namespace sets
}  // namespace foil::nn

namespace foil::nn {

namespace detail {

/// Whether the flags already allow all that AVX2 with FMA offers.
inline constexpr bool flags_have_avx2_fma = simd::vector_bytes == 32 && simd::fused;

/// Whether operators may be made of this set: wider than the flags', and known to machine and operating
/// system.
template <class = Isa>
bool available(InstructionSet set) {
  if (set == InstructionSet::flags) return true;
  const bool avx2_fma = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                        __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  if (set == InstructionSet::avx2_fma) return avx2_fma && !flags_have_avx2_fma;
  return avx2_fma && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

/// make() for a set that is available.
template <class Op, class... Arguments, class = Isa>
AnyOperator<Op> make_for(InstructionSet set, Arguments&&... arguments) {
  if constexpr (kernels::for_avx512::is_here<Op>) {
    if (set == InstructionSet::avx512)
      return kernels::for_avx512::make_here<Op>(std::forward<Arguments>(arguments)...);
    if constexpr (!flags_have_avx2_fma)
      if (set == InstructionSet::avx2_fma)
        return kernels::for_avx2_fma::make_here<Op>(std::forward<Arguments>(arguments)...);
  }
  return std::make_unique<Op>(std::forward<Arguments>(arguments)...);
}

}  // namespace detail

}  // namespace foil::nn

#else

namespace foil::nn::detail {

template <class = Isa>
bool available(InstructionSet set) {
  return set == InstructionSet::flags;
}

template <class Op, class... Arguments, class = Isa>
AnyOperator<Op> make_for(InstructionSet, Arguments&&... arguments) {
  return std::make_unique<Op>(std::forward<Arguments>(arguments)...);
}

}  // namespace foil::nn::detail

#endif

namespace foil::nn {

namespace detail {
/// The widest of the available sets.
template <class = Isa>
InstructionSet widest() {
  static const InstructionSet set = available(InstructionSet::avx512)     ? InstructionSet::avx512
                                    : available(InstructionSet::avx2_fma) ? InstructionSet::avx2_fma
                                                                          : InstructionSet::flags;
  return set;
}
}  // namespace detail

/// std::make_unique<Op>(arguments...), or the same operator of the widest vectors that the machine has.
template <class Op, class... Arguments, class = Isa>
detail::AnyOperator<Op> make(Arguments&&... arguments) {
  return detail::make_for<Op>(detail::widest(), std::forward<Arguments>(arguments)...);
}

}  // namespace foil::nn
