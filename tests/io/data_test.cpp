// SPDX-License-Identifier: MIT
#include "foil/io/data.hpp"

#include <limits>

#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using foil::Bounds;
using foil::io::read_images;
using foil::io::read_labels;
using foil_test::TemporaryDirectory;
using foil_test::write;

namespace {

std::string idx(const std::vector<int>& shape, const std::string& data) {
  std::string out("\0\0\x08", 3);
  out += static_cast<char>(shape.size());
  for (const int extent : shape) out += std::string(3, '\0') + static_cast<char>(extent);
  return out + data;
}

}  // namespace

TEST_CASE("data: all 256 pixel values are exactly pixel / 255 in [0, 1]", "[io][data]") {
  const TemporaryDirectory dir;
  std::string pixels;
  for (int value = 0; value < 256; ++value) pixels += static_cast<char>(value);
  write(dir / "images", idx({2, 8, 16}, pixels));
  const auto images = read_images(dir / "images", Bounds<float>());
  CHECK(foil::shape_text(images) == "(2, 1, 8, 16)");
  for (int value = 0; value < 256; ++value) CHECK(images.data()[value] == static_cast<float>(value) / 255.f);
}

TEST_CASE("data: idx is scaled to the bounds and channels are kept", "[io][data]") {
  const TemporaryDirectory dir;
  write(dir / "images", idx({1, 2, 1, 2}, std::string("\x00\xff\x33\x66", 4)));
  const auto images = read_images(dir / "images", Bounds<double>(-1, 3));
  CHECK_FALSE(foil::io::holds_labels(dir / "images"));
  CHECK(foil::shape_text(images) == "(1, 2, 1, 2)");
  CHECK(images(0, 0, 0, 0) == -1);
  CHECK(images(0, 0, 0, 1) == 3);
  CHECK(images(0, 1, 0, 0) == Catch::Approx(-0.2));
  CHECK(images(0, 1, 0, 1) == Catch::Approx(0.6));
}

TEST_CASE("data: .npy images are taken as they are", "[io][data]") {
  const TemporaryDirectory dir;
  const std::vector<float> values{0, 0.25f, 0.5f, 1, 0.1f, 0.2f};
  foil::io::write_npy<float>(dir / "images.npy", values, {1, 1, 2, 3});
  const auto images = read_images(dir / "images.npy", Bounds<float>());
  CHECK_FALSE(foil::io::holds_labels(dir / "images.npy"));
  CHECK(foil::shape_text(images) == "(1, 1, 2, 3)");
  CHECK(std::vector<float>(images.data(), images.data() + 6) == values);
}

TEST_CASE("data: unusable images are named with the reason", "[io][data]") {
  const TemporaryDirectory dir;
  const auto npy = [&](std::vector<float> values, std::vector<foil::Index> shape) {
    foil::io::write_npy<float>(dir / "x", values, shape);
    return read_images(dir / "x", Bounds<float>());
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(npy({0, 0}, {1, 2}), ContainsSubstring("shape (N, C, H, W), found (1, 2)"));
  CHECK_THROWS_WITH(npy({}, {0, 1, 2, 2}), ContainsSubstring("at least one image"));
  CHECK_THROWS_WITH(npy({0, 1.5f}, {2, 1, 1, 1}),
                    ContainsSubstring("image 1 has the value 1.5, expected values in [0, 1]"));
  CHECK_THROWS_WITH(npy({nan}, {1, 1, 1, 1}), ContainsSubstring("nan"));
  foil::io::write_npy<int>(dir / "i", std::vector<int>{1}, {1, 1, 1, 1});
  CHECK_THROWS_WITH(read_images(dir / "i", Bounds<float>()),
                    ContainsSubstring("expected images of float32 or float64, found <i4"));
  write(dir / "labels", idx({2}, "ab"));
  CHECK_THROWS_WITH(read_images(dir / "labels", Bounds<float>()),
                    ContainsSubstring("(N, H, W) or (N, C, H, W), found (2)"));
  CHECK_THROWS_WITH(read_images(dir / "none", Bounds<float>()), ContainsSubstring("No such file"));
}

TEST_CASE("data: labels from idx and .npy", "[io][data]") {
  const TemporaryDirectory dir;
  write(dir / "idx", idx({3}, std::string("\x07\x02\xff", 3)));
  foil::io::write_npy<std::int64_t>(dir / "npy", std::vector<std::int64_t>{7, 2, 255}, {3});
  for (const char* name : {"idx", "npy"}) {
    CHECK(foil::io::holds_labels(dir / name));
    CHECK(read_labels(dir / name) == Eigen::Vector3i(7, 2, 255));
  }

  foil::io::write_npy<int>(dir / "negative", std::vector<int>{1, -2}, {2});
  CHECK_THROWS_WITH(read_labels(dir / "negative"), ContainsSubstring("found -2 in row 1"));
  foil::io::write_npy<int>(dir / "matrix", std::vector<int>{1, 2}, {2, 1});
  CHECK_THROWS_WITH(read_labels(dir / "matrix"), ContainsSubstring("found (2, 1)"));
  foil::io::write_npy<float>(dir / "floats", std::vector<float>{1}, {1});
  CHECK_THROWS_WITH(read_labels(dir / "floats"), ContainsSubstring("expected integers"));
}
