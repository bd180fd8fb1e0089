// SPDX-License-Identifier: MIT
/// \file
/// What is read as a constant: element types, and the fields that hold them. The expected values are those of
/// the Python package onnx.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "foil/onnx/decoder.hpp"
#include "support/catch.hpp"
#include "support/onnx_builder.hpp"

namespace {

using foil::onnx::Constant;
using foil::test::Ints;
using foil::test::onnx_raw_tensor;
using foil::test::onnx_typed_tensor;
using foil::test::OnnxBuilder;
namespace detail = foil::onnx::detail;

enum Type {
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  string = 8,
  boolean = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
  complex64 = 14,
  bfloat16 = 16,
  float8_e4m3fn = 17,
  float8_e4m3fnuz = 18,
  float8_e5m2 = 19,
  uint4 = 21,
  int4 = 22
};

foil::onnx::Model decoded(const std::string& bytes) {
  return detail::decode(std::make_shared<const detail::Source>(detail::Source::copy(bytes)), {});
}

/// The only initializer of a file that has this one.
Constant read(const std::string& tensor) {
  return decoded(OnnxBuilder({-1, 1}).encoded(tensor).bytes()).initializers.at(0);
}

void refused(const std::string& tensor, const std::string& why) {
  CHECK_THROWS_WITH(read(tensor), Catch::Matchers::ContainsSubstring(why));
}

/// Little-endian elements of so many bytes each.
std::string bytes_of(const std::vector<std::uint64_t>& elements, unsigned width) {
  std::string out;
  for (const std::uint64_t v : elements)
    for (unsigned b = 0; b < width; ++b) out += static_cast<char>(v >> (8 * b));
  return out;
}

Ints dims_of(std::size_t count) {
  return {static_cast<std::int64_t>(count)};
}

/// Whether both are the same numbers, zeros of one sign and NaNs among them.
template <class U>
void same(const foil::onnx::Numbers<U>& got, const std::vector<U>& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i, got[i], expected[i]);
    const bool odd = std::isnan(static_cast<double>(expected[i]));
    CHECK((odd ? std::isnan(static_cast<double>(got[i]))
               : got[i] == expected[i] && std::signbit(static_cast<double>(got[i])) ==
                                              std::signbit(static_cast<double>(expected[i]))));
  }
}

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN(),
                infinite = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("onnx: narrow floats have the values of their formats, as bytes and as integers", "[onnx]") {
  struct Format {
    Type type;
    unsigned width;
    Ints bits;
    std::vector<float> values;
  };
  const std::vector<Format> formats{
      {float16,
       2,
       {0x3c00, 0xc500, 1, 0x03ff, 0x7bff, 0xfc00, 0x7e00, 0x8000, 0x0400},
       {1, -5, 0x1p-24f, 0x1.ff8p-15f, 65504, -infinite, not_a_number, -0.f, 0x1p-14f}},
      {bfloat16,
       2,
       {0x3f80, 0xc0a0, 1, 0x7f7f, 0xff80, 0x7fc0, 0x8000},
       {1, -5, 0x1p-133f, 0x1.fep127f, -infinite, not_a_number, -0.f}},
      {float8_e4m3fn,
       1,
       {0x38, 0xca, 1, 7, 8, 0x7e, 0x7f, 0x80, 0xff},
       {1, -5, 0x1p-9f, 0x1.cp-7f, 0x1p-6f, 448, not_a_number, -0.f, not_a_number}},
      {float8_e5m2,
       1,
       {0x3c, 0xc5, 1, 3, 4, 0x7b, 0x7c, 0x7f, 0x80},
       {1, -5, 0x1p-16f, 0x1.8p-15f, 0x1p-14f, 57344, infinite, not_a_number, -0.f}}};
  for (const Format& f : formats) {
    CAPTURE(f.type);
    const std::string raw = bytes_of({f.bits.begin(), f.bits.end()}, f.width);
    const Constant c = read(onnx_raw_tensor("c", f.type, dims_of(f.bits.size()), raw));
    CHECK(c.is_float());
    CHECK(c.size() == f.values.size());
    same(c.floats(), f.values);
    same(c.numbers<double>(), std::vector<double>(f.values.begin(), f.values.end()));
    same(read(onnx_typed_tensor("c", f.type, dims_of(f.bits.size()), 5, f.bits)).floats(), f.values);
    CHECK_THROWS_WITH(c.integers(), Catch::Matchers::ContainsSubstring("expected integers"));
  }
}

TEST_CASE("onnx: integers of every width, as bytes and in their fields", "[onnx]") {
  struct Format {
    Type type;
    unsigned width;
    std::uint32_t field;
    Ints values;
  };
  const std::int64_t most = std::numeric_limits<std::int64_t>::max(),
                     least = std::numeric_limits<std::int64_t>::min();
  const std::vector<Format> formats{{uint8, 1, 5, {0, 127, 128, 255}},
                                    {int8, 1, 5, {0, 127, -128, -1}},
                                    {uint16, 2, 5, {0, 32767, 32768, 65535}},
                                    {int16, 2, 5, {0, 32767, -32768, -1}},
                                    {int32, 4, 5, {0, INT32_MAX, INT32_MIN, -1}},
                                    {uint32, 4, 11, {0, INT32_MAX, 1LL << 31, UINT32_MAX}},
                                    {int64, 8, 7, {0, most, least, -1}},
                                    {uint64, 8, 11, {0, 1, most}},
                                    {boolean, 1, 5, {0, 1, 1}}};
  for (const Format& f : formats) {
    CAPTURE(f.type);
    const std::vector<std::uint64_t> bits(f.values.begin(), f.values.end());
    const Constant c = read(onnx_raw_tensor("c", f.type, dims_of(bits.size()), bytes_of(bits, f.width)));
    CHECK_FALSE(c.is_float());
    CHECK(c.integers().list() == f.values);
    CHECK(c.numbers<double>().list() == std::vector<double>(f.values.begin(), f.values.end()));
    CHECK(read(onnx_typed_tensor("c", f.type, dims_of(bits.size()), f.field, f.values)).integers().list() ==
          f.values);
    // The same again and again is kept as bytes.
    std::vector<std::uint64_t> many;
    Ints expected;
    for (std::size_t i = 0; i < 5000; ++i) {
      many.push_back(bits[i * i % bits.size()]);
      expected.push_back(f.values[i * i % bits.size()]);
    }
    CHECK(read(onnx_raw_tensor("c", f.type, {2500, 2}, bytes_of(many, f.width))).integers().list() ==
          expected);
    CHECK(read(onnx_typed_tensor("c", f.type, {2500, 2}, f.field, expected)).integers().list() == expected);
  }
  refused(onnx_raw_tensor("big", uint64, {1}, bytes_of({1ull << 63}, 8)),
          "tensor 'big' holds 9223372036854775808, expected at most 2^63 - 1");
  CHECK(read(onnx_raw_tensor("c", boolean, {3}, std::string("\0\2\xff", 3))).integers().list() ==
        Ints{0, 1, 1});
}

TEST_CASE("onnx: integers of four bits lie two in a byte, the lower half first", "[onnx]") {
  const std::string raw("\xf1\x87\x0a", 3);
  const Ints bytes{0xf1, 0x87, 0x0a};
  for (const bool typed : {false, true}) {
    const auto list = [&](Type type) {
      return read(typed ? onnx_typed_tensor("c", type, {5}, 5, bytes) : onnx_raw_tensor("c", type, {5}, raw))
          .integers()
          .list();
    };
    CHECK(list(int4) == Ints{1, -1, 7, -8, -6});
    CHECK(list(uint4) == Ints{1, 15, 7, 8, 10});
  }
  std::string many;
  for (int i = 0; i < 20000; ++i) many += static_cast<char>(i % 16 | (i * 7 % 16) << 4);
  const auto list = read(onnx_raw_tensor("c", uint4, {39999}, many)).integers();
  bool same = list.size() == 39999;
  for (std::size_t i = 0; same && i < list.size(); ++i)
    same = list[i] == static_cast<std::int64_t>(i % 2 == 0 ? i / 2 % 16 : i / 2 * 7 % 16);
  CHECK(same);
  refused(onnx_raw_tensor("c", int4, {5}, raw + "\1"), "has 4 bytes, expected 3");
}

TEST_CASE("onnx: doubles stay doubles, and floats in pieces are one list", "[onnx]") {
  const std::vector<double> values{0.1, -1e300, 0x1.fffffffffffffp-3};
  std::string raw(24, '\0'), typed;
  std::memcpy(raw.data(), values.data(), raw.size());
  {
    protozero::pbf_writer tensor(typed);
    tensor.add_int64(1, 3);
    tensor.add_int32(2, float64);
    tensor.add_packed_double(10, values.begin(), values.begin() + 1);
    tensor.add_double(10, values[1]);
    tensor.add_double(10, values[2]);
  }
  for (const std::string& tensor : {onnx_raw_tensor("c", float64, {3}, raw), typed}) {
    const Constant c = read(tensor);
    CHECK(c.kind() == foil::onnx::Kind::twice);
    CHECK(c.numbers<double>().list() == values);
    CHECK(c.floats()[0] == 0.1f);
  }
  const std::vector<float> floats = foil::test::spread(3000, -1, 1);
  std::string pieces;
  protozero::pbf_writer tensor(pieces);
  tensor.add_int64(1, 3000);
  tensor.add_int32(2, float32);
  tensor.add_packed_float(4, floats.begin(), floats.begin() + 1000);
  tensor.add_packed_float(4, floats.begin() + 1000, floats.end());
  CHECK(read(pieces).floats().list() == floats);
  CHECK(read(foil::test::onnx_tensor("c", {3000}, floats, foil::test::Storage::packed)).floats().list() ==
        floats);
  CHECK(read(foil::test::onnx_tensor("c", {3000}, floats)).floats().list() == floats);
}

TEST_CASE("onnx: elements that are not read are refused by the name of their type", "[onnx]") {
  refused(onnx_raw_tensor("words", string, {1}, "a"), "tensor 'words' holds elements of string (8)");
  refused(onnx_raw_tensor("c", complex64, {1}, std::string(8, 'a')), "complex64 (14)");
  refused(onnx_raw_tensor("c", float8_e4m3fnuz, {1}, "a"), "float8e4m3fnuz (18)");
  refused(onnx_raw_tensor("c", 99, {1}, "a"), "an unknown type (99)");
  refused(onnx_typed_tensor("c", int8, {2}, 5, {1, 2, 3}), "has 3 elements, expected 2");
}

TEST_CASE("onnx: a large constant is read from its file when it is used, unless the file has changed",
          "[onnx]") {
  const auto path = std::filesystem::temp_directory_path() / "foil-onnx-constants-test.onnx";
  const std::vector<float> values = foil::test::spread(1000, -1, 1);
  const std::string whole = OnnxBuilder({-1, 1}).constant("c", {1000}, values).bytes();
  std::ofstream(path, std::ios::binary) << whole;
  const auto model = detail::decode(std::make_shared<const detail::Source>(path), {});
  CHECK(model.bytes == whole.size());
  const Constant copy = model.initializers.at(0);
  CHECK(copy.floats().list() == values);
  std::ofstream(path, std::ios::binary) << whole << 'x';
  CHECK_THROWS_WITH(copy.floats(), Catch::Matchers::ContainsSubstring("changed while it was being read"));
  std::ofstream(path, std::ios::binary) << "short";
  CHECK_THROWS_AS(copy.floats(), foil::Error);
  std::filesystem::remove(path);
  CHECK_THROWS_WITH(copy.floats(), Catch::Matchers::ContainsSubstring("cannot read"));
}

TEST_CASE("onnx: graphs, lists of strings and tensors are attributes, and every domain has its opset",
          "[onnx]") {
  const auto message = [](auto&& write) {
    std::string out;
    protozero::pbf_writer writer(out);
    write(writer);
    return out;
  };
  const auto nested = [&](int depth) {
    std::string graph = message(
        [](auto& w) { w.add_message(5, foil::test::onnx_tensor("c", {400}, std::vector<float>(400, 2.f))); });
    for (int i = 1; i < depth; ++i) {
      const std::string inside = message([&](auto& w) {
        w.add_string(1, "body");
        w.add_message(6, graph);
      });
      graph = message([&](auto& w) {
        w.add_message(1, message([&](auto& n) {
                        n.add_string(4, "Loop");
                        n.add_message(5, inside);
                      }));
      });
    }
    return message([&](auto& w) {
      w.add_message(7, graph);
      for (const auto& [domain, version] : {std::pair{"", 21}, {"ai.onnx.ml", 3}, {"com.microsoft", 1}})
        w.add_message(8, message([&, d = domain, v = version](auto& o) {
                        o.add_string(1, d);
                        o.add_int64(2, v);
                      }));
    });
  };
  const foil::onnx::Model model = decoded(nested(3));
  CHECK(model.opset == 21);
  CHECK(model.opsets ==
        std::map<std::string, std::int64_t>{{"", 21}, {"ai.onnx.ml", 3}, {"com.microsoft", 1}});
  const foil::onnx::Graph* graph = &model;
  for (int i = 1; i < 3; ++i) graph = &graph->nodes.at(0).find("body")->graphs.at(0);
  CHECK(graph->initializers.at(0).floats().list() == std::vector<float>(400, 2.f));
  CHECK_NOTHROW(decoded(nested(detail::deepest_graph)));
  CHECK_THROWS_WITH(decoded(nested(detail::deepest_graph + 1)),
                    Catch::Matchers::ContainsSubstring("graphs lie within graphs"));

  const std::string attribute = message([&](auto& w) {
    w.add_string(1, "keys");
    w.add_string(9, "one");
    w.add_string(9, "two");
    w.add_message(10, onnx_typed_tensor("t", int8, {1}, 5, {-3}));
  });
  const auto with = [&](const std::string& a) {
    return message([&](auto& w) {
      w.add_message(
          7, message([&](auto& g) { g.add_message(1, message([&](auto& n) { n.add_message(5, a); })); }));
    });
  };
  const foil::onnx::Model listed = decoded(with(attribute));
  const foil::onnx::Attribute* const keys = listed.nodes.at(0).find("keys");
  REQUIRE(keys != nullptr);
  CHECK(keys->strings == std::vector<std::string>{"one", "two"});
  CHECK(keys->tensors.at(0).integers().list() == Ints{-3});
  const std::string sparse = message([&](auto& w) {
    w.add_string(1, "value");
    w.add_message(22, std::string());
  });
  CHECK_THROWS_WITH(decoded(with(sparse)), Catch::Matchers::ContainsSubstring("sparse"));
}

TEST_CASE("onnx: a file cannot refer to constants of its skeleton", "[onnx]") {
  const std::vector<float> values(1000, 1.f);
  std::string tensor = foil::test::onnx_tensor("c", {1000}, values);
  protozero::pbf_writer forged(tensor);
  forged.add_uint64(detail::Skeleton::raw_data, 7);
  forged.add_uint64(detail::Skeleton::float_data, 7);
  CHECK(read(tensor).floats().list() == values);
}
