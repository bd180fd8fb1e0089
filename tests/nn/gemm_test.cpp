// SPDX-License-Identifier: MIT
#include "foil/nn/gemm.hpp"

#include <algorithm>
#include <vector>

#include "foil/nn/memory.hpp"
#include "support/catch.hpp"
#include "support/onnx_builder.hpp"

using foil::Index;

namespace {

template <class T>
struct Product {
  Index rows, depth, columns;
  std::vector<T> left, right, start;

  Product(Index r, Index d, Index c) : rows(r), depth(d), columns(c) {
    for (const float v : foil::test::spread(static_cast<std::size_t>(r * d), -1, 1, 3)) left.push_back(v);
    for (const float v : foil::test::spread(static_cast<std::size_t>(d * c), -1, 1, 5)) right.push_back(v);
    for (Index j = 0; j < foil::nn::round_up<T>(c); ++j) start.push_back(static_cast<T>(j) / T(8));
  }

  /// Rows [first, first + count) of the product, in one tile; one more element guards the end.
  std::vector<T> tile(Index first, Index count) const {
    const foil::nn::PackedMatrix<T> packed(
        depth, columns, [&](Index k, Index j) { return right[static_cast<std::size_t>(k * columns + j)]; });
    foil::nn::Buffer<T> storage(foil::nn::RowTile<T>::storage(depth));
    const foil::nn::RowTile<T> rows_of(storage.data(), count);
    for (Index r = 0; r < count; ++r) {
      auto writer = rows_of.row(r);  // in uneven pieces, as patches come
      for (Index k = 0, piece = 1; k < depth; k += piece, piece = piece % 37 + 5)
        writer.copy(left.data() + (first + r) * depth + k, std::min(piece, depth - k));
    }
    std::vector<T> out(static_cast<std::size_t>(count * columns + 1), T(-7));
    packed.multiply(rows_of, start.data(), out.data(), columns);
    return out;
  }
};

}  // namespace

TEMPLATE_TEST_CASE("gemm: tiles agree with the definition, and with tiles of one row to the last bit",
                   "[nn][gemm]", float, double) {
  using T = TestType;
  const Index columns = GENERATE(1, 7, 16, 20, 33, 70);
  const Index depth = GENERATE(1, 25, 512, 513, 1040);
  const Product<T> p(foil::nn::tile_rows<>, depth, columns);
  std::vector<std::vector<T>> alone;
  for (Index r = 0; r < p.rows; ++r) {
    alone.push_back(p.tile(r, 1));
    for (Index j = 0; j < columns; ++j) {
      double expected = static_cast<double>(p.start[static_cast<std::size_t>(j)]);
      for (Index k = 0; k < depth; ++k)
        expected += static_cast<double>(p.left[static_cast<std::size_t>(r * depth + k)]) *
                    static_cast<double>(p.right[static_cast<std::size_t>(k * columns + j)]);
      REQUIRE(static_cast<double>(alone.back()[static_cast<std::size_t>(j)]) ==
              Catch::Approx(expected).margin(1e-3 * (std::is_same_v<T, float> ? 1 : 1e-9)));
    }
  }
  for (Index rows = 1; rows <= p.rows; ++rows) {
    const std::vector<T> tile = p.tile(0, rows);
    for (Index r = 0; r < rows; ++r)
      for (Index j = 0; j < columns; ++j)
        REQUIRE(tile[static_cast<std::size_t>(r * columns + j)] ==
                alone[static_cast<std::size_t>(r)][static_cast<std::size_t>(j)]);
    REQUIRE(tile.back() == T(-7));
  }
}

TEMPLATE_TEST_CASE("gemm: rows where they lie, and matrices stored in rows, give the same bits", "[nn][gemm]",
                   float, double) {
  using T = TestType;
  using foil::nn::Packing;
  const Index pieces = GENERATE(1, 3), length = GENERATE(5, 40), depth = pieces * length;
  const Index columns = GENERATE(7, 50), rows = foil::nn::tile_rows<>;
  const Product<T> p(rows, depth, columns);
  const std::vector<T> expected = p.tile(0, rows);
  // Overlapping rows in pieces, as patches lie in an image, and the same rows one after the other.
  const Index step = 2, jump = rows * step + length;
  std::vector<T> image(static_cast<std::size_t>(pieces * jump));
  const auto values = foil::test::spread(image.size(), -1, 1, 7);
  std::copy(values.begin(), values.end(), image.begin());
  Product<T> patches = p;
  for (Index r = 0; r < rows; ++r)
    for (Index k = 0; k < depth; ++k)
      patches.left[static_cast<std::size_t>(r * depth + k)] =
          image[static_cast<std::size_t>(r * step + k / length * jump + k % length)];
  const std::vector<T> gathered = patches.tile(0, rows);
  for (const Packing packing : {Packing::panels, Packing::rows}) {
    const foil::nn::PackedMatrix<T> matrix(
        depth, columns, [&](Index k, Index j) { return p.right[static_cast<std::size_t>(k * columns + j)]; },
        packing);
    std::vector<T> out(expected.size(), T(-7));
    matrix.multiply({p.left.data(), rows, depth, depth, 0}, p.start.data(), out.data(), columns);
    REQUIRE(out == expected);
    matrix.multiply({image.data(), rows, step, length, jump}, p.start.data(), out.data(), columns);
    REQUIRE(out == gathered);
  }
}

TEST_CASE("gemm: rows that would collide in the cache are copied", "[nn][gemm]") {
  const Index depth = 3, rows = 2;
  for (const Index step : {511, 512, 513}) {
    const std::vector<float> data(static_cast<std::size_t>((rows - 1) * step + depth), 2.f);
    foil::nn::Buffer<float> scratch(foil::nn::RowTile<float>::storage(depth));
    const auto found = foil::nn::rows_at(data.data(), rows, step, depth, scratch.data());
    CHECK((found.data == scratch.data()) == (step == 512));
    CHECK(found.data[found.step + depth - 1] == 2);
  }
}

TEST_CASE("gemm: balanced tiles cover all rows with as few tiles as possible", "[nn][gemm]") {
  for (Index rows = 1; rows < 100; ++rows) {
    const Index step = foil::nn::balanced_tile(rows), most = foil::nn::tile_rows<>;
    CHECK(step <= most);
    CHECK((rows + step - 1) / step == (rows + most - 1) / most);
  }
}

TEMPLATE_TEST_CASE("gemm: a matrix in panels gives back its entries", "[nn][gemm]", float, double) {
  for (const Index columns : {1, 7, 16, 33})
    for (const Index depth : {1, 16, 39}) {
      CAPTURE(columns, depth);
      const auto element = [&](Index k, Index j) { return static_cast<TestType>(k * columns + j); };
      const foil::nn::PackedMatrix<TestType> packed(depth, columns, element);
      bool same = true;
      for (Index k = 0; k < depth; ++k)
        for (Index j = 0; j < columns; ++j) same = same && packed.at(k, j) == element(k, j);
      CHECK(same);
    }
}
