// SPDX-License-Identifier: MIT
#include "foil/onnx/view.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "foil/nn/operators/shape.hpp"
#include "support/catch.hpp"

using foil::Index;
using foil::onnx::detail::Dims;
using foil::onnx::detail::Layout;
using foil::onnx::detail::View;

namespace {

View view(Dims dims, Dims strides) {
  return {0, 1 << 10, 0, std::move(dims), std::move(strides)};
}

std::vector<std::int32_t> places(const View& v) {
  return foil::nn::index_map(v.dims, v.strides);
}

}  // namespace

TEST_CASE("view: other axes of the same elements", "[onnx][view]") {
  const std::vector<View> all{view({2, 3, 4}, {12, 4, 1}),
                              view({4, 2, 3}, {1, 12, 4}),
                              view({3, 2, 4}, {4, 12, 1}),
                              view({1, 4, 6}, {7, 1, 4}),
                              view({2, 12}, {0, 1}),
                              view({12, 2}, {1, 0}),
                              view({2, 3, 4}, {0, 0, 1}),
                              view({24}, {-1}),
                              view({2, 3, 1, 4}, {60, 20, 9, 5}),
                              view({2, 2, 3, 2}, {6, 12, 2, 1})};
  const std::vector<Dims> shapes{{24},      {1, 24},      {2, 12},         {12, 2},    {4, 6},
                                 {6, 4},    {2, 3, 4},    {4, 2, 3},       {4, 3, 2},  {3, 8},
                                 {2, 2, 6}, {2, 2, 3, 2}, {3, 2, 1, 2, 2}, {24, 1, 1}, {1, 2, 1, 12},
                                 {8, 3},    {12, 1, 2}};
  std::size_t found = 0;
  for (const View& v : all) {
    REQUIRE(v.along(v.dims));
    for (const Dims& shape : shapes)
      if (const std::optional<View> other = v.along(shape)) {
        ++found;
        REQUIRE(other->dims == shape);
        REQUIRE(places(*other) == places(v));
      }
  }
  CHECK(found >= 75);
  // Whatever lies one after the other has any axes.
  for (const Dims& shape : shapes) REQUIRE(all[0].along(shape));
  // What does not is left alone.
  REQUIRE_FALSE(view({4, 6}, {1, 4}).along({24}));
  REQUIRE_FALSE(view({2, 12}, {0, 1}).along({24}));
  REQUIRE_FALSE(view({2, 3, 4}, {24, 4, 1}).along({6, 4}));
  REQUIRE(view({2, 3, 4}, {24, 4, 1}).along({2, 12}));
}

TEST_CASE("view: a whole tensor in either layout", "[onnx][view]") {
  View v{0, 24, 0, {1, 2, 3, 4}, {24, 12, 4, 1}};
  REQUIRE(v.whole(Layout::planar));
  REQUIRE_FALSE(v.whole(Layout::channels_last));
  v.strides = {99, 1, 8, 2};
  REQUIRE(v.whole(Layout::channels_last));
  REQUIRE_FALSE(v.whole(Layout::planar));
  v.size = 25;
  REQUIRE_FALSE(v.whole(Layout::channels_last));
  v.size = 24;
  v.begin = 1;
  REQUIRE_FALSE(v.whole(Layout::channels_last));
}
