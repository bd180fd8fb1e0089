// SPDX-License-Identifier: MIT
/// \file
/// Vectors as wide as the machine's, through compiler extensions. Whatever is computed for a full vector is
/// computed the same way for a tail, so that results never depend on where in memory an element lies.
///
/// How wide a vector is follows from the flags of a translation unit, and a program may be linked from
/// objects of different flags. Hence all of this lives in an inline namespace named for the instruction set.
/// A template elsewhere whose code or memory depends on it takes `class = simd::Isa` as its last parameter, a
/// function that is none a type that does: then its symbols, too, are one per instruction set, and the linker
/// never takes one object's code for another's.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>
#if defined(__AVX512F__) || defined(__FMA__)
#include <immintrin.h>
#endif

#include "foil/core/tensor.hpp"

namespace foil::simd {

#include "foil/core/instruction_set.inc"

/// Stands for the instruction set in the symbols of what depends on it, and for whether wider ones may be
/// chosen when the program runs (foil/nn/make.hpp).
#if defined(FOIL_RUNTIME_KERNELS) && !FOIL_RUNTIME_KERNELS
struct OnlyIsa {};
using Isa = OnlyIsa;
#else
struct Isa {};
#endif

#include "foil/core/simd.inc"

}  // the namespace of the instruction set
}  // namespace foil::simd
