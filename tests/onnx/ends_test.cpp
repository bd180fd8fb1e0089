// SPDX-License-Identifier: MIT
/// \file
/// What a network may begin and end with: inputs of other types than float32, casts, and outputs that are the
/// largest score's place.
#include <cstddef>
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
