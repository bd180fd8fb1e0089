// SPDX-License-Identifier: MIT
#include "foil/io/data.hpp"

#include <algorithm>
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

TEST_CASE("data: images read in pieces, from anywhere and in any order are those of the whole file",
          "[io][data]") {
  const TemporaryDirectory dir;
  std::string pixels;
  for (int i = 0; i < 7 * 6; ++i) pixels += static_cast<char>(37 * i);
  const std::string content = idx({7, 2, 3}, pixels);
  write(dir / "idx", content);
  gzFile packed = gzopen((dir / "gz").string().c_str(), "wb");
  REQUIRE(gzwrite(packed, content.data(), static_cast<unsigned>(content.size())) > 0);
  REQUIRE(gzclose(packed) == Z_OK);
  const auto whole = read_images(dir / "idx", Bounds<float>());
  foil::io::write_npy(dir / "npy", whole);
  const auto same = [](const foil::Tensor<float, 4>& a, const foil::Tensor<float, 4>& b) {
    return a.dimensions() == b.dimensions() && std::equal(a.data(), a.data() + a.size(), b.data());
  };
  for (const char* name : {"idx", "gz", "npy"}) {
    CAPTURE(name);
    foil::io::ImageReader<float> reader(dir / name, Bounds<float>());
    CHECK(reader.rows() == 7);
    CHECK(reader.shape_text() == "(7, 1, 2, 3)");
    for (const std::vector<foil::Index>& rows :
         {std::vector<foil::Index>{0, 1, 2}, {3}, {4, 5, 6}, {}})  // the last one: there are no more
      CHECK(same(reader.next(rows.size() == 1 ? 1 : 3), foil::gather(whole, rows)));
    reader.seek(5);
    CHECK(same(reader.next(100), foil::gather(whole, std::vector{5, 6})));
    const std::vector<int> mixed{6, 0, 3, 0, 2, 6};
    CHECK(same(reader.gather(mixed), foil::gather(whole, mixed)));
    CHECK(same(reader.gather(std::vector<int>{}), foil::gather(whole, std::vector<int>{})));
    CHECK_THROWS_WITH(reader.seek(8), ContainsSubstring("expected a row from 0 to 7, got 8"));
    CHECK_THROWS_WITH(reader.gather(std::vector{1, -1}), ContainsSubstring("rows from 0 to 6, got -1"));
    CHECK_THROWS_WITH(reader.gather(std::vector{1, 7}), ContainsSubstring("rows from 0 to 6, got 7"));
    reader.seek(0);
    CHECK(same(reader.next(7), whole));
  }
}

TEST_CASE("data: samples of one to four axes lie in batches of rank 4 as they do in the file", "[io][data]") {
  const TemporaryDirectory dir;
  using Shape = std::vector<foil::Index>;
  std::vector<float> values(24);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 32;
  for (const auto& [in_file, in_batch] :
       std::vector<std::pair<Shape, Shape>>{{{2, 12}, {2, 12, 1, 1}},
                                            {{2, 3, 4}, {2, 3, 4, 1}},
                                            {{2, 3, 2, 2}, {2, 3, 2, 2}},
                                            {{2, 3, 2, 2, 1}, {2, 3, 2, 2}},
                                            {{2, 1, 2, 3, 2}, {2, 1, 2, 6}}}) {
    foil::io::write_npy<float>(dir / "x", values, in_file);
    foil::io::ImageReader<float> reader(dir / "x", Bounds<float>());
    CHECK(reader.sample_shape() == Shape(in_file.begin() + 1, in_file.end()));
    const auto all = reader.next(2);
    CHECK(Shape(all.dimensions().begin(), all.dimensions().end()) == in_batch);
    CHECK(std::equal(values.begin(), values.end(), all.data()));
  }
}

TEST_CASE("data: a bad image is named by its row in the file and costs the others nothing", "[io][data]") {
  const TemporaryDirectory dir;
  foil::io::write_npy<float>(dir / "x", std::vector<float>{0, 0.25f, 0.5f, 7, 1}, {5, 1, 1, 1});
  foil::io::ImageReader<float> reader(dir / "x", Bounds<float>());
  CHECK(reader.next(2)(1, 0, 0, 0) == 0.25f);
  CHECK_THROWS_WITH(reader.next(2), ContainsSubstring("image 3 has the value 7"));
  CHECK(reader.next(2)(0, 0, 0, 0) == 1);
  CHECK_THROWS_WITH(reader.gather(std::vector{4, 3}), ContainsSubstring("image 3 has the value 7"));
  CHECK(reader.gather(std::vector{4, 2})(1, 0, 0, 0) == 0.5f);
}

TEST_CASE("data: unusable images are named with the reason", "[io][data]") {
  const TemporaryDirectory dir;
  const auto npy = [&](std::vector<float> values, std::vector<foil::Index> shape) {
    foil::io::write_npy<float>(dir / "x", values, shape);
    return read_images(dir / "x", Bounds<float>());
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_WITH(npy({0, 0}, {2}),
                    ContainsSubstring("shape (N, C, H, W), or samples of one, two or four axes, found (2)"));
  CHECK_THROWS_WITH(npy({0, 0}, {1, 1, 1, 1, 1, 2}),
                    ContainsSubstring("four axes, found (1, 1, 1, 1, 1, 2)"));
  CHECK_THROWS_WITH(npy({}, {0, 1, 2, 2}), ContainsSubstring("at least one image"));
  CHECK_THROWS_WITH(npy({0, 1.5f}, {2, 1, 1, 1}),
                    ContainsSubstring("image 1 has the value 1.5, expected values in [0, 1]"));
  CHECK_THROWS_WITH(npy({nan}, {1, 1, 1, 1}), ContainsSubstring("nan"));
  write(dir / "labels", idx({2}, "ab"));
  CHECK_THROWS_WITH(read_images(dir / "labels", Bounds<float>()), ContainsSubstring("four axes, found (2)"));
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
  foil::io::write_npy<int>(dir / "matrix", std::vector<int>{0, 1, 1, 0}, {2, 2});
  CHECK_THROWS_WITH(read_labels(dir / "matrix"),
                    ContainsSubstring("found (2, 2); of one-hot labels, take the argmax"));
  foil::io::write_npy<float>(dir / "floats", std::vector<float>{1}, {1});
  CHECK_THROWS_WITH(read_labels(dir / "floats"), ContainsSubstring("integers, found elements of type <f4"));
}
