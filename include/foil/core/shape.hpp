// SPDX-License-Identifier: MIT
/// \file
/// Shapes that are known at run time only.
#pragma once

#include <string>
#include <vector>

#include "foil/core/error.hpp"

namespace foil {

/// A shape in words, for messages: "(100, 1, 28, 28)".
template <class Extents>
std::string extents_text(const Extents& shape) {
  std::string out;
  for (const auto extent : shape) {
    out += out.empty() ? "(" : ", ";
    detail::append(out, extent);
  }
  return out.empty() ? "()" : out + ")";
}

/// The shape of a batch of such samples in words: "(N, 1, 28, 28)".
template <class Extents>
std::string batch_text(const Extents& sample) {
  std::string out = "(N";
  for (const auto extent : sample) {
    out += ", ";
    detail::append(out, extent);
  }
  return out + ")";
}

/// A shape without its extents of 1, which do not change where numbers lie in memory.
template <class Extent>
std::vector<Extent> squeezed(std::vector<Extent> shape) {
  std::erase(shape, Extent{1});
  return shape;
}

/// Of n features that lie with their channels last, (..., C), where the i-th one lies with its channels
/// first, (C, ...).
template <class Index>
Index channels_first(Index i, Index channels, Index n) {
  return i % channels * (n / channels) + i / channels;
}

}  // namespace foil
