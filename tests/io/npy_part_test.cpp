// SPDX-License-Identifier: MIT
#include "foil/io/npy_part.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "foil/io/npy.hpp"
#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

namespace {
using Catch::Matchers::ContainsSubstring;
using foil::Index;
using foil_test::read;
using foil_test::TemporaryDirectory;
using Batch = foil::Tensor<float, 3>;
using Part = foil::io::NpyPart<float>;

/// Rows of 2 x 3 that count on from `first`.
Batch rows(Index first, Index count) {
  Batch out(count, 2, 3);
  std::iota(out.data(), out.data() + out.size(), static_cast<float>(6 * first));
  return out;
}

TEST_CASE("npy_part: left at any row and gone on with, it is the file written at once", "[io][npy]") {
  const TemporaryDirectory dir;
  foil::io::write_npy(dir / "whole.npy", rows(0, 7));
  for (Index left = 0; left <= 7; ++left) {
    const auto path = dir / ("part" + std::to_string(left));
    {
      Part part(path, {7, 2, 3});
      CHECK(part.rows() == 0);
      part.keep(0);
      part.write(rows(0, left));
      if (left % 2 == 0) part.finish();  // as an interrupted run does
    }
    Part part(path, {7, 2, 3});
    REQUIRE(part.rows() == left);
    const Index kept = std::max<Index>(left - 1, 0);
    const std::vector<float> found = part.read(0, kept);
    CHECK(std::equal(found.begin(), found.end(), rows(0, 7).data()));
    part.keep(kept);
    CHECK(part.rows() == kept);
    part.write(rows(kept, 7 - kept));
    part.finish();
    CHECK(read(path) == read(dir / "whole.npy"));
  }
}

TEST_CASE("npy_part: with fewer rows it is a valid file of these", "[io][npy]") {
  const TemporaryDirectory dir;
  Part part(dir / "a.npy", {1000, 2, 3});
  part.keep(0);
  part.write(rows(0, 5));
  part.finish();
  const auto array = foil::io::read_npy(dir / "a.npy");
  CHECK(array.shape == std::vector<Index>{5, 2, 3});
  CHECK(array.values<float>()[29] == 29);
}

TEST_CASE("npy_part: the checksum of a file that was written at once is known", "[io][npy]") {
  const TemporaryDirectory dir;
  const auto sum_of = [](const void* data, std::size_t size) {
    return static_cast<std::uint32_t>(crc32_z(0, static_cast<const unsigned char*>(data), size));
  };
  {
    Part part(dir / "a.npy", {1000, 2, 3});
    part.keep(0);
    for (const Index first : {0, 3, 4}) {
      const Batch some = rows(first, first == 0 ? 3 : first == 3 ? 1 : 8);
      part.write(some);
      CHECK(part.last_crc32() == sum_of(some.data(), static_cast<std::size_t>(some.size()) * sizeof(float)));
    }
    const auto sum = part.finish();
    const std::string file = read(dir / "a.npy");
    REQUIRE(sum.has_value());
    CHECK(*sum == sum_of(file.data(), file.size()));
    CHECK(part.size() == file.size());
  }
  Part part(dir / "a.npy", {1000, 2, 3});
  part.keep(2);
  part.write(rows(2, 1));
  CHECK_FALSE(part.finish().has_value());
}

TEST_CASE("npy_part: what does not fit is refused", "[io][npy]") {
  const TemporaryDirectory dir;
  Part part(dir / "a.npy", {2, 2, 3});
  part.keep(0);
  part.write(rows(0, 1));
  CHECK_THROWS_WITH(part.write(rows(0, 2)), ContainsSubstring("more than the array holds"));
  CHECK_THROWS_WITH(part.write(Batch(1, 2, 2)), ContainsSubstring("rows of another size"));
  CHECK_THROWS_WITH(part.keep(2), ContainsSubstring("from 0 to 1 rows, got 2"));
  CHECK_THROWS_WITH(part.read(0, 2), ContainsSubstring("got 2 from 0"));
  CHECK_THROWS_WITH(Part(dir / "missing/a.npy", {2, 2, 3}), ContainsSubstring("No such file"));
}
}  // namespace
