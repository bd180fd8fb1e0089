// SPDX-License-Identifier: MIT
/// \file
/// QuantizeLinear and DequantizeLinear. The expected values are ONNX Runtime's.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/onnx.hpp"
#include "support/onnx_builder.hpp"

namespace {

using foil::Index;
using foil::test::attribute;
using foil::test::Attributes;
using foil::test::Floats;
using foil::test::Ints;
using foil::test::onnx_typed_tensor;
using foil::test::OnnxBuilder;

enum Type { uint8 = 2, int8 = 3, uint16 = 4, int16 = 5, int4 = 22 };

/// Numbers that are quantised and read again.
OnnxBuilder pair(Ints shape, Ints scale_shape, const Floats& scale, int type, const Ints& zero,
                 const Attributes& attributes = {}) {
  OnnxBuilder file(std::move(shape), 21);
  file.constant("s", scale_shape, scale).encoded(onnx_typed_tensor("z", type, scale_shape, 5, zero));
  file.node("QuantizeLinear", {"x", "s", "z"}, "q", attributes)
      .node("DequantizeLinear", {"q", "s", "z"}, "d", attributes);
  return file;
}

template <int Rank>
std::vector<float> logits(OnnxBuilder file, const Floats& x, const std::string& last = "d") {
  const auto network = foil::onnx::parse<float, Rank>(file.node("Flatten", {last}, "y").bytes());
  foil::Tensor<float, Rank> batch;
  typename foil::Tensor<float, Rank>::Dimensions dimensions;
  dimensions[0] = 1;
  const auto shape = network.input_shape();
  std::copy(shape.begin(), shape.end(), dimensions.begin() + 1);
  batch.resize(dimensions);
  std::copy(x.begin(), x.end(), batch.data());
  const auto out = network.logits(batch);
  return {out.data(), out.data() + out.size()};
}

void refused(const OnnxBuilder& file, const std::string& why) {
  CHECK_THROWS_WITH((foil::onnx::parse<float, 2>(file.bytes())), Catch::Matchers::ContainsSubstring(why));
}

}  // namespace

TEST_CASE("onnx: tensors are quantised as a whole, to integers of each width", "[onnx]") {
  const Floats x{-1.f, -0.875f, -0.625f, -0.375f, 0.125f, 0.375f, 0.3f, 100.f, -100.f, 62.9f, 63.2f, -0.7f};
  const auto whole = [&](int type, std::int64_t zero, float factor = 1) {
    Floats scaled = x;
    for (float& v : scaled) v *= factor;
    return logits<2>(pair({-1, 12}, {}, {0.25f}, type, {zero}), scaled);
  };
  CHECK(whole(uint8, 3) == Floats{-0.75f, -0.75f, -0.5f, -0.5f, 0, 0.5f, 0.25f, 63, -0.75f, 63, 63, -0.75f});
  CHECK(whole(int8, -3) ==
        Floats{-1, -1, -0.5f, -0.5f, 0, 0.5f, 0.25f, 32.5f, -31.25f, 32.5f, 32.5f, -0.75f});
  CHECK(whole(uint16, 3) ==
        Floats{-0.75f, -0.75f, -0.5f, -0.5f, 0, 0.5f, 0.25f, 100, -0.75f, 63, 63.25f, -0.75f});
  CHECK(whole(int16, -3, 300) == Floats{-300, -262.5f, -187.5f, -112.5f, 37.5f, 112.5f, 90, 8192.5f,
                                        -8191.25f, 8192.5f, 8192.5f, -210});
  CHECK(whole(int4, 1) == Floats{-1, -1, -0.5f, -0.5f, 0, 0.5f, 0.25f, 1.5f, -2.25f, 1.5f, 1.5f, -0.75f});
}

TEST_CASE("onnx: tensors are quantised along an axis, and in blocks", "[onnx]") {
  CHECK(logits<3>(pair({-1, 2, 2}, {2}, {0.5f, 0.25f}, int8, {0, 5}, {attribute("axis", 1)}),
                  {-3, 0.3f, 1.7f, 100}) == Floats{-3, 0.5f, 1.75f, 30.5f});
  CHECK(logits<3>(pair({-1, 2, 2}, {2}, {0.5f, 0.25f}, int8, {0, 5}, {attribute("axis", 1)}),
                  {0.6f, -0.4f, 0.12f, 0.13f}) == Floats{0.5f, -0.5f, 0, 0.25f});
  // The same in the engine's own order of channels, behind a pooling of windows of one.
  OnnxBuilder images({-1, 2, 1, 2}, 21);
  images.constant("s", {2}, {0.5f, 0.25f}).encoded(onnx_typed_tensor("z", int8, {2}, 5, {0, 5}));
  images.node("AveragePool", {"x"}, "p", {attribute("kernel_shape", Ints{1, 1})});
  images.node("QuantizeLinear", {"p", "s", "z"}, "q").node("DequantizeLinear", {"q", "s", "z"}, "d");
  CHECK(logits<4>(images, {-3, 0.3f, 1.7f, 100}) == Floats{-3, 0.5f, 1.75f, 30.5f});
  // A file for one sample may have blocks.
  CHECK(logits<3>(pair({1, 2, 6}, {1, 2, 2}, {0.5f, 0.25f, 1, 0.125f}, int8, {0, 5, 1, -2},
                       {attribute("axis", 2), attribute("block_size", 3)}),
                  {-3, 0.3f, 1.7f, 100, 0.6f, -0.4f, 0.12f, 0.13f, 7.7f, -9, 0.01f, 2.3f}) ==
        Floats{-3, 0.5f, 1.5f, 30.5f, 0.5f, -0.5f, 0, 0, 8, -9, 0, 2.25f});
}

TEST_CASE("onnx: quantised weights are read as numbers, and integers between both may be moved", "[onnx]") {
  OnnxBuilder file({-1, 2}, 13);
  file.constant("s", {}, {0.5f}).constant("t", {2}, {0.5f, 0.25f});
  file.encoded(onnx_typed_tensor("w", int8, {2, 2}, 5, {-128, 127, 2, -3}));
  file.encoded(onnx_typed_tensor("z", int8, {2}, 5, {0, 1}));
  file.constant("f", {2, 2}, {0.3f, -0.3f, 9, 0.1f});
  file.node("DequantizeLinear", {"w", "t", "z"}, "a", {attribute("axis", 1)});             // -64 31.5 1 -1
  file.node("QuantizeLinear", {"f", "s"}, "g").node("DequantizeLinear", {"g", "s"}, "b");  // 0.5 0 9 0
  file.node("Add", {"a", "b"}, "m").node("MatMul", {"x", "m"}, "p");
  file.node("QuantizeLinear", {"p", "s"}, "q")
      .node("Transpose", {"q"}, "t1", {attribute("perm", Ints{0, 1})});
  file.node("Unsqueeze", {"t1", "one"}, "u")
      .constant("one", Ints{1})
      .node("DequantizeLinear", {"u", "s"}, "d");
  CHECK(logits<2>(file, {0, 1}) == Floats{10, 0});
  CHECK(logits<2>(file, {-1, 0}) == Floats{63.5f, 0});

  OnnxBuilder noted = pair({-1, 2}, {}, {0.5f}, uint8, {7});
  const auto network = foil::onnx::parse<float, 2>(noted.node("Flatten", {"d"}, "y").bytes());
  REQUIRE(network.notes().size() == 1);
  CHECK_THAT(network.notes()[0], Catch::Matchers::ContainsSubstring("QuantizeLinear"));
  foil::Tensor<float, 2> x(1, 2);
  x.setValues({{0.3f, -9.f}});
  const foil::Tensor<float, 2> gradient = network.vjp(x).pullback(foil::Logits<float>::Ones(1, 2));
  CHECK(gradient(0, 0) == 1.f);
  CHECK(gradient(0, 1) == 0.f);
}

TEST_CASE("onnx: quantisation that is no pair, or computes with integers, is refused by name", "[onnx]") {
  const auto quantised = [] {
    OnnxBuilder file({-1, 2}, 13);
    file.constant("s", {}, {0.5f}).constant("r", {}, {0.25f}).constant("two", {2}, {1, 2});
    return file.node("QuantizeLinear", {"x", "s"}, "q", {}, "first");
  };
  refused(quantised().node("Add", {"q", "q"}, "y", {}, "sum"),
          "node 'sum' (Add): it computes with the integers of 'q', which QuantizeLinear wrote");
  refused(quantised().node("DequantizeLinear", {"q", "r"}, "y", {}, "other"),
          "node 'other' (DequantizeLinear): its scale or zero point is not that of the QuantizeLinear");
  refused(quantised().node("Identity", {"q"}, "y"), "the output 'y' is written by QuantizeLinear");
  refused(OnnxBuilder({-1, 2}, 13).constant("s", {}, {0.5f}).node("DequantizeLinear", {"x", "s"}, "y"),
          "its input was not quantised by QuantizeLinear");
  refused(quantised()
              .node("QuantizeLinear", {"x", "two"}, "p")
              .node("Transpose", {"p"}, "y", {attribute("perm", Ints{0, 1})}),
          "what was quantised along an axis");
  for (const float scale : {0.f, -1.f})
    refused(OnnxBuilder({-1, 2}, 13).constant("s", {}, {scale}).node("QuantizeLinear", {"x", "s"}, "y"),
            "expected positive scales, got ");
  refused(OnnxBuilder({-1, 2}, 13).constant("s", {3}, {1, 2, 3}).node("QuantizeLinear", {"x", "s"}, "y"),
          "expected 2 scales along axis 1, got 3");
  refused(OnnxBuilder({-1, 2}, 13).constant("s", {1, 2}, {1, 2}).node("QuantizeLinear", {"x", "s"}, "y"),
          "expected a scale, a list of them, or scales of blocks");
  refused(pair({-1, 2}, {}, {1}, 19, {0}).node("Flatten", {"d"}, "y"), "quantisation to float8e5m2 (19)");
  refused(OnnxBuilder({-1, 2}, 13)
              .constant("s", {1}, {0.5f})
              .constant("z", Ints{1})
              .node("QuantizeLinear", {"x", "s", "z"}, "y"),
          "quantisation to int64 (7) is not supported");
  for (const auto* type : {"QLinearSoftmax", "QAttention"})
    refused(OnnxBuilder({-1, 2}, 13).node(type, {"x"}, "y", {}, {}, "com.microsoft"),
            "quant_format=QuantFormat.QDQ");
  refused(OnnxBuilder({-1, 2}, 13).node("DynamicQuantizeMatMul", {"x"}, "y", {}, {}, "com.microsoft"),
          "quantise statically");
  refused(
      quantised().constant("b", {2, 2}, {1, 2, 3, 4}).node("MatMulInteger", {"q", "b"}, "y", {}, "product"),
      "node 'product, MatMulInteger' (Cast): it computes with the integers of 'q'");
  refused(quantised().node("QLinearConv", {"q", "s"}, "y", {}, "c"),
          "node 'c' (QLinearConv): its inputs: expected 8 to 9, got 2");
  refused(quantised().node("QLinearConcat", {"s", "s", "q"}, "y", {}, "c", "com.microsoft"),
          "expected 2, and 3 for each operand, got 3");
  refused(quantised().node("QLinearGlobalAveragePool", {"q", "s", "s", "s", "s"}, "y",
                           {attribute("channels_last", 1)}, "p", "com.microsoft"),
          "node 'p' (QLinearGlobalAveragePool): channels as the last axis are not supported");
  refused(OnnxBuilder({-1, 2}, 13)
              .encoded(onnx_typed_tensor("z", uint8, {2}, 5, {1, 2}))
              .node("MatMulInteger", {"x", "x", "z"}, "y"),
          "zero points for each row are not supported");
}

TEST_CASE("onnx: operators on quantised tensors give what ONNX Runtime gives", "[onnx]") {
  const auto constants = [](Ints shape) {
    OnnxBuilder file(std::move(shape), 17);
    file.constant("s", {}, {0.25f}).constant("t", {}, {0.5f}).constant("e", {}, {0.125f});
    file.constant("ws", {2}, {0.5f, 0.25f}).constant("vs", {2}, {0.25f, 0.5f});
    for (const auto& [name, zero] : {std::pair("sz", 3), std::pair("tz", -1), std::pair("ez", 0)})
      file.encoded(onnx_typed_tensor(name, int8, {}, 5, {zero}));
    file.encoded(onnx_typed_tensor("v", int8, {2, 2}, 5, {1, -2, 3, 2}));
    file.encoded(onnx_typed_tensor("vz", int8, {2}, 5, {0, 1}));
    return file.node("QuantizeLinear", {"x", "s", "sz"}, "q");
  };
  const std::string own = "com.microsoft";
  OnnxBuilder layers = constants({-1, 2, 2, 2});
  layers.encoded(onnx_typed_tensor("w", int8, {2, 2, 1, 1}, 5, {2, -1, 0, 3}));
  layers.encoded(onnx_typed_tensor("wz", int8, {2}, 5, {0, 0}));
  layers.encoded(onnx_typed_tensor("b", 6, {2}, 5, {4, -8}));
  layers.node("QLinearConv", {"q", "s", "sz", "w", "ws", "wz", "t", "tz", "b"}, "c");
  layers.node("QLinearLeakyRelu", {"c", "t", "tz", "t", "tz"}, "l", {attribute("alpha", 0.5f)}, {}, own);
  layers.node("QLinearGlobalAveragePool", {"l", "t", "tz", "s", "sz"}, "p", {}, {}, own);
  layers.node("Flatten", {"p"}, "f");
  layers.node("QGemm", {"f", "s", "sz", "v", "vs", "vz", "", "e", "ez"}, "g", {attribute("transB", 1)}, {},
              own);
  layers.node("DequantizeLinear", {"g", "e", "ez"}, "d");
  CHECK(logits<4>(layers, {1, -0.5f, 0.25f, 2, 0, 0.75f, -1, 0.5f}) == Floats{0.25f, 1});
  CHECK(logits<4>(layers, {-3, 4, 0.1f, 60, 2, 2.2f, -1, -40}) == Floats{4.5f, 11.125f});

  OnnxBuilder functions = constants({-1, 2});
  functions.node("QLinearMatMul", {"q", "s", "sz", "v", "vs", "vz", "t", "tz"}, "m");
  functions.node("QLinearAdd", {"m", "t", "tz", "q", "s", "sz", "s", "sz"}, "a", {}, {}, own);
  functions.node("QLinearMul", {"a", "s", "sz", "m", "t", "tz", "t", "tz"}, "u", {}, {}, own);
  functions.node("QLinearSigmoid", {"q", "s", "sz", "e", "ez"}, "g", {}, {}, own);
  functions.node("QLinearConcat", {"e", "ez", "u", "t", "tz", "g", "e", "ez"}, "k", {attribute("axis", 1)},
                 {}, own);
  functions.node("DequantizeLinear", {"k", "e", "ez"}, "d");
  CHECK(logits<2>(functions, {1, -0.5f}) == Floats{0, 5, 0.75f, 0.375f});
  CHECK(logits<2>(functions, {0.3f, 2.6f}) == Floats{4.5f, 3.5f, 0.5f, 0.875f});
  CHECK(logits<2>(functions, {-7, 30}) == Floats{15.875f, 15.875f, 0, 1});
}

TEST_CASE("onnx: what is quantised by its range is so for each sample, and has the gradients of the products",
          "[onnx]") {
  OnnxBuilder file({-1, 2}, 17);
  file.constant("e", {}, {0.125f}).encoded(onnx_typed_tensor("v", int8, {2, 2}, 5, {1, -2, 3, 2}));
  file.encoded(onnx_typed_tensor("vz", int8, {2}, 5, {0, 1}));
  file.node("DynamicQuantizeLinear", {"x"}, foil::test::Names{"q", "s", "z"});
  file.node("MatMulInteger", {"q", "v", "z", "vz"}, "i").node("Cast", {"i"}, "c", {attribute("to", 1)});
  file.node("Mul", {"s", "e"}, "k").node("Mul", {"c", "k"}, "y");
  const auto network = foil::onnx::parse<float, 2>(file.bytes());
  CHECK_THAT(network.notes().at(0), Catch::Matchers::ContainsSubstring("by the range of each sample"));
  foil::Tensor<float, 2> x(4, 2);
  x.setValues({{1, -0.5f}, {0.3f, 2.6f}, {-2, -8}, {0, 0}});
  const auto pass = network.vjp(x);
  const Floats expected{-0.0625f, -0.4375f, 1.01196074f, 0.214117631f, -3.25098062f, -0.247058839f, 0, 0};
  const foil::Logits<float> ones = foil::Logits<float>::Ones(4, 2);
  const foil::Tensor<float, 2> gradient = network.vjp(x).pullback(ones);
  for (Index i = 0; i < 4; ++i)
    for (Index k = 0; k < 2; ++k) {
      CHECK(pass.logits(i, k) == Catch::Approx(expected[static_cast<std::size_t>(2 * i + k)]).epsilon(1e-6));
      CHECK(gradient(i, k) == Catch::Approx(k == 0 ? (1 - 3) / 8.0 : (3 + 1) / 8.0));
    }
  foil::Tensor<float, 2> alone(1, 2);
  alone.setValues({{0.3f, 2.6f}});
  CHECK(network.logits(alone) == pass.logits.row(1));
}
