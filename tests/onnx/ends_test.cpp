// SPDX-License-Identifier: MIT
/// \file
/// What a network may begin and end with: inputs of other types than float32, casts, and outputs that are the
/// largest score's place.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/onnx.hpp"
#include "support/onnx_builder.hpp"

namespace {

using Catch::Matchers::ContainsSubstring;
using foil::test::attribute;
using foil::test::Floats;
using foil::test::Ints;
using foil::test::OnnxBuilder;

enum Type { float32 = 1, uint8 = 2, int32 = 6, int64 = 7, float16 = 10, float64 = 11, bfloat16 = 16 };

template <class T = float>
auto load(const OnnxBuilder& file, const std::string& output = {}) {
  return foil::onnx::parse<T, 2>(file.bytes(), {.output = output});
}

template <class Network>
std::vector<double> logits(const Network& network, std::vector<double> x) {
  foil::Tensor<typename Network::Scalar, 2> batch(1, static_cast<foil::Index>(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) batch.data()[i] = static_cast<typename Network::Scalar>(x[i]);
  const auto out = network.logits(batch);
  return {out.data(), out.data() + out.size()};
}

}  // namespace

TEST_CASE("onnx: inputs of floats of any type, and of bytes behind a cast, are the engine's numbers",
          "[onnx]") {
  const auto network = [](int type, int to) {
    OnnxBuilder file({-1, 3});
    file.input_type(type);
    return file.node("Cast", {"x"}, "c", {attribute("to", to)}).node("Neg", {"c"}, "y");
  };
  for (const int type : {int{float16}, int{float64}, int{bfloat16}, int{uint8}}) {
    CAPTURE(type);
    const auto loaded = load(network(type, float32));
    CHECK(logits(loaded, {1, 2.5, 200}) == std::vector<double>{-1, -2.5, -200});
    REQUIRE(loaded.notes().size() == 1);
    CHECK_THAT(loaded.notes()[0],
               ContainsSubstring(type == uint8 ? "the file's input is uint8 (2)"
                                               : "computed in float32 (1), the file asks for "));
  }
  CHECK(load(network(float32, float32)).notes().empty());
  CHECK(load<double>(network(float64, float64)).notes().empty());
  CHECK_THAT(load(network(float32, float16)).notes().at(0),
             ContainsSubstring("the file asks for float16 (10)"));
  CHECK_THROWS_WITH(load(network(int32, float32)), ContainsSubstring("got int32 (6)"));
  CHECK_THROWS_WITH(load(network(float32, int64)),
                    ContainsSubstring("expected a cast to floats or bool (9)"));
}

TEST_CASE("onnx: doubles are computed with as doubles", "[onnx]") {
  const double weight = 0.1;
  std::string raw(8, '\0');
  std::memcpy(raw.data(), &weight, 8);
  OnnxBuilder file({-1, 2});
  file.encoded(foil::test::onnx_raw_tensor("w", float64, {1, 1}, raw)).input_type(float64);
  const OnnxBuilder scaled = file.node("Mul", {"x", "w"}, "y");
  CHECK(logits(load<double>(scaled), {1, 3}) == std::vector<double>{0.1, 3 * 0.1});
}

TEST_CASE("onnx: an output that is the place of the largest score is read as the scores", "[onnx]") {
  const auto scores = [] { return OnnxBuilder({-1, 3}).node("Neg", {"x"}, "s"); };
  const auto network = load(scores()
                                .node("ArgMax", {"s"}, "a", {attribute("axis", 1), attribute("keepdims", 0)})
                                .node("Cast", {"a"}, "y", {attribute("to", int{int32})}));
  CHECK(logits(network, {1, 2, 3}) == std::vector<double>{-1, -2, -3});
  REQUIRE(network.notes().size() == 1);
  CHECK_THAT(network.notes()[0], ContainsSubstring("the output 'y' is the ArgMax of 's'"));
  CHECK_NOTHROW(load(scores().node("ArgMax", {"s"}, "y", {attribute("axis", -1)})));
  CHECK_THROWS_WITH(load(scores().node("ArgMax", {"s"}, "y")), ContainsSubstring("mix samples"));

  // Of a label and scores the latter, whatever comes first, and what leads to the other need not be known.
  OnnxBuilder both = scores();
  both.node("Unheard", {"s"}, "y").node("Identity", {"s"}, "scores").output_type(int64).output("scores");
  CHECK(logits(load(both), {1, 2, 3}) == std::vector<double>{-1, -2, -3});
  CHECK_THROWS_WITH(load(both, "y"), ContainsSubstring("Unheard"));
}

TEST_CASE("onnx: logits may have axes of length one before or behind the classes, and none for one class",
          "[onnx]") {
  for (const Ints& shape : {Ints{-1, 3, 1, 1}, Ints{-1, 1, 3}}) {
    OnnxBuilder file({-1, 3});
    file.constant("shape", shape).node("Reshape", {"x", "shape"}, "y");
    CHECK(logits(load(file), {1, 2, 3}) == std::vector<double>{1, 2, 3});
  }
  OnnxBuilder single({-1, 1});
  single.constant("shape", Ints{-1}).node("Sigmoid", {"x"}, "p").node("Reshape", {"p", "shape"}, "y");
  CHECK(load(single).classes() == 2);
}

TEST_CASE("onnx: who asks for it gets no other types than those of the file", "[onnx]") {
  const auto strict = [](const OnnxBuilder& file) {
    return foil::onnx::parse<float, 2>(file.bytes(), {.flattened = true, .strict_types = true});
  };
  const auto typed = [](int type) {
    return OnnxBuilder({-1, 3}).input_type(type).node("Cast", {"x"}, "y", {attribute("to", 1)});
  };
  CHECK_THROWS_WITH(strict(typed(float16)),
                    ContainsSubstring("the input 'x': the network computes in float16 (10)"));
  CHECK_THROWS_WITH(strict(typed(float64)), ContainsSubstring("expected float32 (1) throughout"));
  CHECK_THROWS_WITH(strict(typed(uint8)), ContainsSubstring("the input 'x' takes whole numbers, uint8 (2)"));
  CHECK_NOTHROW(strict(typed(float32)));
  const auto within = [](int type) {
    OnnxBuilder file({-1, 3});
    return file.node("Cast", {"x"}, "c", {attribute("to", type)})
        .node("Cast", {"c"}, "y", {attribute("to", 1)});
  };
  for (const int type : {int{float16}, int{float64}, int{bfloat16}})
    CHECK_THROWS_WITH(strict(within(type)), ContainsSubstring("node 'c' (Cast): the network computes in "));

  // As it is: an ArgMax is no score, and of several outputs it is the first.
  OnnxBuilder place({-1, 3});
  CHECK_THROWS_WITH(strict(place.node("ArgMax", {"x"}, "y", {attribute("axis", 1)}).output_type(int64)),
                    ContainsSubstring("ArgMax is not supported"));
  OnnxBuilder both({-1, 3});
  both.node("Unheard", {"x"}, "y").node("Identity", {"x"}, "scores").output_type(int64).output("scores");
  CHECK_THROWS_WITH(strict(both), ContainsSubstring("Unheard"));
  OnnxBuilder two({-1, 3});
  const auto first = strict(two.node("Neg", {"x"}, "y").node("Identity", {"x"}, "scores").output("scores"));
  CHECK(logits(first, {1, 2, 3}) == std::vector<double>{-1, -2, -3});
  CHECK(first.notes().at(0) == "of the network's 2 outputs, the one that is read is 'y', the first");
  CHECK_THROWS_WITH(foil::onnx::File(OnnxBuilder(Ints{}).node("Neg", {"x"}, "y").bytes(), {}).batch(),
                    ContainsSubstring("the input 'x' is a single number"));
}

TEST_CASE("onnx: constants are computed in their types, or it is told", "[onnx]") {
  const auto raw = [](const auto& values) {
    return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0]));
  };
  // x plus what comes of a and b, as a float.
  const auto plus = [&](const std::string& type, int element, const auto& a, const auto& b) {
    OnnxBuilder file({-1, 2});
    file.encoded(foil::test::onnx_raw_tensor("a", element, {2}, raw(a)));
    file.encoded(foil::test::onnx_raw_tensor("b", element, {2}, raw(b)));
    return file.node(type, {"a", "b"}, "c")
        .node("Cast", {"c"}, "d", {attribute("to", 1)})
        .node("Add", {"x", "d"}, "y");
  };
  using Bytes = std::vector<unsigned char>;
  using Words = std::vector<std::int32_t>;
  using Doubles = std::vector<double>;
  CHECK(logits(load(plus("Add", uint8, Bytes{200, 3}, Bytes{100, 4})), {0, 0}) == Doubles{44, 7});
  CHECK(logits(load(plus("Sub", uint8, Bytes{1, 3}, Bytes{2, 3})), {0, 0}) == Doubles{255, 0});
  CHECK(logits(load(plus("Mul", int32, Words{65536, 3}, Words{65536, -4})), {0, 0}) == Doubles{0, -12});
  CHECK(logits(load(plus("Add", int32, Words{2147483647, 1}, Words{1, 1})), {0, 0}) ==
        Doubles{-2147483648., 2});

  // Double precision, which is none here, and is where the network is of doubles.
  const OnnxBuilder doubles = plus("Sub", float64, Doubles{1e8 + 0.5, 1e8 + 1.5}, Doubles{1e8, 1e8});
  CHECK_THAT(load(doubles).notes().at(0), ContainsSubstring("the file asks for float64 (11)"));
  CHECK_THROWS_WITH((foil::onnx::parse<float, 2>(doubles.bytes(), {.strict_types = true})),
                    ContainsSubstring("node 'c' (Sub): the network computes in float64"));
  CHECK(logits(load<double>(doubles), {0, 0}) == Doubles{0.5, 1.5});

  // Moved before they are computed with, doubles are doubles still.
  OnnxBuilder turned({-1, 2});
  turned.encoded(foil::test::onnx_raw_tensor("a", float64, {2, 1}, raw(Doubles{1e8 + 0.5, 1e8 + 1.5})));
  turned.encoded(foil::test::onnx_raw_tensor("b", float64, {1, 2}, raw(Doubles{1e8, 1e8})));
  turned.node("Transpose", {"a"}, "t")
      .node("Sub", {"t", "b"}, "c")
      .node("Cast", {"c"}, "d", {attribute("to", 1)});
  CHECK_THROWS_WITH(
      (foil::onnx::parse<float, 2>(turned.node("Add", {"x", "d"}, "y").bytes(), {.strict_types = true})),
      ContainsSubstring("node 'c' (Sub): the network computes in float64"));

  // Eight bits are too few to be rounded to here, which is told.
  OnnxBuilder eight({-1, 2});
  eight.constant("a", {2}, Floats{2.7f, 1.001f}).node("Cast", {"a"}, "h", {attribute("to", 17)});
  eight.node("Cast", {"h"}, "d", {attribute("to", 1)}).node("Add", {"x", "d"}, "y");
  CHECK_THAT(load(eight).notes().at(0), ContainsSubstring("the file asks for float8e4m3fn (17)"));
  CHECK_THROWS_WITH((foil::onnx::parse<float, 2>(eight.bytes(), {.strict_types = true})),
                    ContainsSubstring("node 'h' (Cast): the network computes in float8e4m3fn"));

  // Casts to half precision round.
  OnnxBuilder half({-1, 2});
  half.constant("a", {2}, Floats{2.7f, 1.001f});
  half.node("Cast", {"a"}, "h", {attribute("to", int{float16})})
      .node("Cast", {"h"}, "d", {attribute("to", 1)});
  half.node("Cast", {"a"}, "b", {attribute("to", int{bfloat16})})
      .node("Cast", {"b"}, "e", {attribute("to", 1)});
  half.node("Add", {"x", "d"}, "s").node("Sub", {"s", "e"}, "y");
  CHECK(logits(load(half), {0, 0}) == Doubles{2.69921875 - 2.703125, 1.0009765625 - 1});
}
