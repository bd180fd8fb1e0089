// SPDX-License-Identifier: MIT
/// \file
/// What a row holds, as one number.
#pragma once

#include <cstddef>
#include <cstdint>

#include "foil/core/tensor.hpp"

namespace foil {

/// A hash of the bits of sample `row` (FNV-1a of its bytes): for random numbers that belong to a point, and
/// to look for it among many. Others may have the same one.
template <Batch Input>
std::uint64_t content_of(const Input& x, Index row) {
  const auto values = sample(x, row);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(values.data());
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (std::size_t i = 0; i < static_cast<std::size_t>(values.size()) * sizeof(typename Input::Scalar); ++i)
    hash = (hash ^ bytes[i]) * 0x100000001B3u;
  return hash;
}

}  // namespace foil
