// SPDX-License-Identifier: MIT
#include "foil/io/data.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "io/npz_builder.hpp"
#include "io/temporary_directory.hpp"
#include "support/catch.hpp"

using Catch::Matchers::ContainsSubstring;
using foil::Bounds;
using foil::Index;
using foil::io::read_images;
using foil::io::read_labels;
using foil_test::read;
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

TEST_CASE("data: bytes and 16 bits are scaled to the bounds, or taken as they are", "[io][data]") {
  const TemporaryDirectory dir;
  const auto first = [&](const Bounds<float>& bounds, bool raw, const char* name) {
    foil::io::ImageReader<float> reader(dir / name, bounds, {.raw = raw});
    const auto images = reader.next(1);
    CHECK(reader.levels() == (raw || std::string(name) == "i2" ? 0
                              : std::string(name) == "u1"      ? 255
                                                               : 65535));
    return std::vector<float>(images.data(), images.data() + images.size());
  };
  using Values = std::vector<float>;
  foil::io::write_npy<std::uint8_t>(dir / "u1", std::vector<std::uint8_t>{0, 51, 255}, {1, 1, 1, 3});
  foil::io::write_npy<std::uint16_t>(dir / "u2", std::vector<std::uint16_t>{0, 13107, 65535}, {1, 1, 1, 3});
  foil::io::write_npy<std::int16_t>(dir / "i2", std::vector<std::int16_t>{0, 1, 2}, {1, 1, 1, 3});
  for (const char* name : {"u1", "u2"}) {
    CHECK(first({0, 1}, false, name) == Values{0, 0.2f, 1});
    CHECK(first({-1, 4}, false, name) == Values{-1, 0, 4});
  }
  CHECK(first({0, 255}, false, "u1") == Values{0, 51, 255});
  CHECK(first({0, 300}, true, "u1") == Values{0, 51, 255});
  CHECK(first({0, 70000}, true, "u2") == Values{0, 13107, 65535});
  CHECK(first({0, 2}, false, "i2") == Values{0, 1, 2});
  CHECK_THROWS_WITH(first({0, 2}, true, "u1"), ContainsSubstring("image 0 has the value 51"));
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH(first({0, infinity}, false, "u1"), ContainsSubstring("expected finite bounds"));
}

TEST_CASE("data: images of every kind are the same images", "[io][data][property]") {
  const TemporaryDirectory dir;
  // Two images of 3 channels, 2 x 2 pixels: as idx, and in other layouts and files.
  std::string chw, hwc;
  for (int i = 0; i < 24; ++i) chw += static_cast<char>(11 * i);
  for (int n = 0; n < 2; ++n)
    for (int pixel = 0; pixel < 4; ++pixel)
      for (int c = 0; c < 3; ++c) hwc += chw[static_cast<std::size_t>(12 * n + 4 * c + pixel)];
  write(dir / "idx", idx({2, 3, 2, 2}, chw));
  write(dir / "nchw.npy", foil_test::npy_bytes("|u1", "(2, 3, 2, 2)", chw));
  write(dir / "nhwc.npy", foil_test::npy_bytes("|u1", "(2, 2, 2, 3)", hwc));
  write(dir / "nhwc.npz",
        foil_test::zip_bytes({{"images.npy", read(dir / "nhwc.npy")}, {"labels.npy", ""}}, true));
  std::filesystem::create_directory(dir / "folder");
  for (int n = 0; n < 2; ++n) {
    foil::io::Picture picture(2, 2, 3);
    std::copy_n(hwc.begin() + 12 * n, 12, picture.pixel(0, 0));
    foil::io::write_png(dir / ("folder/" + std::to_string(n) + ".png"), picture);
  }
  write(dir / "list.txt", "folder/0.png\nfolder/1.png\n");
  const auto expected = read_images(dir / "idx", Bounds<float>());
  const std::vector<foil::Index> given{3, 2, 2};
  const auto same = [&](const char* name, foil::io::ImageOptions options) {
    const auto found = read_images(dir / name, Bounds<float>(), options);
    return found.dimensions() == expected.dimensions() &&
           std::equal(expected.data(), expected.data() + expected.size(), found.data());
  };
  for (const std::vector<foil::Index>& shape : {std::vector<foil::Index>{}, given}) {
    for (const char* name : {"idx", "nchw.npy", "folder", "list.txt"}) CHECK(same(name, {.shape = shape}));
    for (const char* name : {"nhwc.npy", "nhwc.npz"}) CHECK(same(name, {.shape = shape, .nhwc = true}));
  }
  // Networks that take (H, W, C) are given that.
  foil::io::ImageReader<float> flat(dir / "folder", Bounds<float>(), {.shape = {2, 2, 3}});
  const auto images = flat.next(2), other = read_images(dir / "nhwc.npy", Bounds<float>());
  CHECK(std::equal(images.data(), images.data() + images.size(), other.data()));
  CHECK(flat.pictures()->names.size() == 2);
  // And what fits otherwise is told.
  const auto refused = [&](const char* name, foil::io::ImageOptions options) {
    read_images(dir / name, Bounds<float>(), options);
  };
  CHECK_THROWS_WITH(
      refused("nhwc.npy", {.shape = given}),
      ContainsSubstring("expected images of shape (N, 3, 2, 2) as the model takes, found (2, 2, 2, 3), "
                        "which would fit as N x H x W x C (layout nhwc)"));
  CHECK_THROWS_WITH(refused("nhwc.npy", {.shape = {2, 2, 3}, .nhwc = true}),
                    ContainsSubstring("found (2, 2, 2, 3), which would fit as it is (without layout nhwc)"));
  CHECK_THROWS_WITH(refused("idx", {.shape = {1, 2, 2}}), ContainsSubstring("found (2, 3, 2, 2)"));
  CHECK_THROWS_WITH(refused("folder", {.shape = {1, 2, 2}}),
                    ContainsSubstring("found (2, 2, 2, 3) as height, width and channels of the pictures"));
}

TEST_CASE("data: extents of 1 may be left out or added", "[io][data]") {
  const TemporaryDirectory dir;
  const std::vector<float> values{0, 0.1f, 0.2f, 0.3f};
  for (const std::vector<foil::Index>& in_file :
       {std::vector<foil::Index>{1, 2, 2}, {1, 1, 2, 2}, {1, 2, 2, 1}, {1, 1, 1, 2, 2}}) {
    foil::io::write_npy<float>(dir / "x.npy", values, in_file);
    foil::io::ImageReader<float> reader(dir / "x.npy", Bounds<float>(), {.shape = {1, 2, 2}});
    CHECK(reader.shape_text() == "(1, 1, 2, 2)");
    const auto images = reader.next(1);
    CHECK(foil::shape_text(images) == "(1, 1, 2, 2)");
    CHECK(std::vector<float>(images.data(), images.data() + 4) == values);
  }
  foil::io::write_npy<float>(dir / "x.npy", values, {1, 4});
  CHECK_THROWS_WITH(
      read_images(dir / "x.npy", Bounds<float>(), {.shape = {1, 2, 2}}),
      ContainsSubstring("expected images of shape (N, 1, 2, 2) as the model takes, found (1, 4)"));
}

TEST_CASE("data: what is just beyond the bounds is moved to them if asked, the rest stays if not strict",
          "[io][data]") {
  const TemporaryDirectory dir;
  const float nan = std::numeric_limits<float>::quiet_NaN(), up = std::nextafter(1.f, 2.f);
  foil::io::write_npy<float>(dir / "x", std::vector<float>{up, -9e-7f, 1 + 2e-6f, nan}, {4, 1});
  const auto rows = [&](foil::io::ImageOptions options) {
    foil::io::ImageReader<float> reader(dir / "x", Bounds<float>(), options);
    auto images = reader.next(4);
    CHECK(reader.clipped() == (options.clip ? 2 : 0));
    return images;
  };
  const auto as_is = rows({.strict = false});
  CHECK(as_is.data()[0] == up);
  CHECK(as_is.data()[1] == -9e-7f);
  CHECK(std::isnan(as_is.data()[3]));
  const auto clipped = rows({.clip = true, .strict = false});
  CHECK(clipped.data()[0] == 1);
  CHECK(clipped.data()[1] == 0);
  CHECK(clipped.data()[2] > 1);
  CHECK(std::isnan(clipped.data()[3]));
  CHECK_THROWS_WITH(rows({}), ContainsSubstring("image 0 has the value 1"));
  foil::io::ImageReader<float> reader(dir / "x", Bounds<float>(), {.clip = true});
  CHECK(reader.next(2).size() == 2);
  CHECK_THROWS_WITH(reader.next(1), ContainsSubstring("image 2 has the value"));
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

TEST_CASE("data: rows are gathered alike one by one and many at a time, of every kind of file",
          "[io][data]") {
  const TemporaryDirectory dir;
  constexpr int count = 150;
  std::vector<float> floats(count * 12);
  std::vector<std::uint8_t> bytes(count * 12);
  std::vector<double> doubles(count * 12);
  for (std::size_t i = 0; i < floats.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(i * 7);
    doubles[i] = static_cast<double>(i) / static_cast<double>(floats.size());
    floats[i] = static_cast<float>(doubles[i]);
  }
  foil::io::write_npy<float>(dir / "float", floats, {count, 2, 2, 3});
  foil::io::write_npy<double>(dir / "double", doubles, {count, 2, 2, 3});
  foil::io::write_npy<std::uint8_t>(dir / "byte", bytes, {count, 2, 2, 3});
  std::vector<int> wanted;
  for (const auto& [first, last] : {std::pair{0, 40}, {100, 150}, {40, 45}, {3, 80}, {80, 81}})
    for (int row = first; row < last; ++row) wanted.push_back(row);
  for (const char* const file : {"float", "double", "byte"})
    for (const bool nhwc : {false, true})
      for (const bool uniform : {false, true}) {
        CAPTURE(file, nhwc, uniform);
        const Bounds<float>::Vector low = Bounds<float>::Vector::LinSpaced(12, -2, -1);
        const Bounds<float> bounds = uniform ? Bounds<float>(0, 1) : Bounds<float>(low, low.cwiseAbs());
        foil::io::ImageReader<float> reader(dir / file, bounds, {.nhwc = nhwc});
        const auto many = reader.gather(wanted);
        Index place = 0;
        for (const int row : wanted) {
          const auto image = foil::sample(many, place++);
          for (Index k = 0; k < 12; ++k) {
            const Index in_file = nhwc ? k % 4 * 3 + k / 4 : k;
            const auto at = static_cast<std::size_t>(row * 12 + in_file);
            const double lower = bounds.lower(k), range = bounds.upper(k) - lower;
            const float expected = std::string(file) == "byte"
                                       ? static_cast<float>(lower + bytes[at] * range / 255)
                                       : floats[at];
            if (image[k] != expected) FAIL_CHECK("row " << row << ", feature " << k << ": " << image[k]);
          }
        }
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
