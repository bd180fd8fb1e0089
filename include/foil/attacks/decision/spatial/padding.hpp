// SPDX-License-Identifier: MIT
/// \file
/// What lies beyond the edges of an image that is moved.
#pragma once

#include <array>
#include <string_view>
#include <utility>

namespace foil {

/// What lies beyond the edges of an image: the lower ends of the bounds, black mostly, or its outermost
/// pixels, which go on.
enum class Padding { lower, edge };

/// The texts that stand for the values of an option.
constexpr auto option_names(Padding) {
  return std::array{std::pair{std::string_view("lower"), Padding::lower},
                    std::pair{std::string_view("edge"), Padding::edge}};
}

}  // namespace foil
