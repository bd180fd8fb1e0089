// SPDX-License-Identifier: MIT
/// \file
/// What a file may not make of the loader, however small, long or twisted it is.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/onnx.hpp"
#include "support/onnx_builder.hpp"

namespace {

using foil::Index;
using foil::test::attribute;
using foil::test::Floats;
using foil::test::Ints;
using foil::test::Names;
using foil::test::OnnxBuilder;
using foil::test::Storage;

/// The message of the foil::Error that loading raises.
std::string message(const std::string& bytes) {
  try {
    foil::onnx::parse<float, 2>(bytes);
  } catch (const foil::Error& problem) {
    return problem.what();
  }
  return "no error";
}

void refused(const std::string& reason, const OnnxBuilder& file) {
  CHECK_THAT(message(file.bytes()), Catch::Matchers::ContainsSubstring(reason));
}

/// The logits of one sample of `x`.
std::vector<float> logits(const OnnxBuilder& file, const std::vector<float>& x) {
  const auto network = foil::onnx::parse<float, 2>(file.bytes());
  foil::Tensor<float, 2> batch(1, static_cast<Index>(x.size()));
  std::copy(x.begin(), x.end(), batch.data());
  const auto out = network.logits(batch);
  return {out.data(), out.data() + out.size()};
}

std::string numbered(const std::string& name, int i) {
  return name + std::to_string(i);
}

}  // namespace

TEST_CASE("onnx: a node has as many inputs and outputs as its operator takes", "[onnx]") {
  refused("(Constant): its inputs: expected 0, got 1", OnnxBuilder({-1, 3}).node("Constant", {"x"}, "y"));
  refused("(Relu): its inputs: expected 1, got 0", OnnxBuilder({-1, 3}).node("Relu", {}, "y"));
  refused("(Relu): its inputs: expected 1, got 2", OnnxBuilder({-1, 3}).node("Relu", {"x", "x"}, "y"));
  refused("(Add): its inputs: expected 2, got 1", OnnxBuilder({-1, 3}).node("Add", {"x"}, "y"));
  refused("(Clip): its inputs: expected 1 to 3, got 4",
          OnnxBuilder({-1, 3}).node("Clip", {"x", "", "", ""}, "y"));
  refused("(Concat): its inputs: expected 1 or more, got 0", OnnxBuilder({-1, 3}).node("Concat", {}, "y"));
  for (const auto& [type, conversion] : foil::onnx::detail::conversions<float>()) {
    CAPTURE(type);
    const auto arity = conversion.arity;
    foil::onnx::Node node;
    node.type = type;
    if (arity.most_inputs > 1000 || foil::onnx::detail::is_score_node(node)) continue;
    OnnxBuilder file({-1, 3});
    file.node(std::string(type), Names(arity.most_inputs + 1, "x"), "y");
    refused("its inputs: expected", file);
  }
}

TEST_CASE("onnx: an input that an operator needs is not left out, of constants as of values", "[onnx]") {
  for (const auto& [type, conversion] : foil::onnx::detail::conversions<float>()) {
    CAPTURE(type);
    const auto arity = conversion.arity;
    foil::onnx::Node node;
    node.type = type;
    if (foil::onnx::detail::is_score_node(node) || foil::onnx::detail::quantisation_remedy(type) != "")
      continue;
    const std::size_t needed = arity.most_inputs == arity.any ? 3 : arity.least_inputs;
    for (const std::string other : {"x", "c"})
      for (std::size_t i = 0; i < needed; ++i) {
        Names inputs(needed, other);
        inputs[i] = "";
        OnnxBuilder file({-1, 3});
        file.constant("c", {3}, Floats{1, 2, 3}).node(std::string(type), inputs, "y");
        refused("input " + std::to_string(i) + " is missing", file);
      }
  }
}

TEST_CASE("onnx: a small file cannot fill the memory by computing with constants", "[onnx]") {
  OnnxBuilder outer({-1, 4});  // 4096 numbers, times their transpose
  outer.constant("c", {4096, 1}, Floats(4096, 1.f)).node("Transpose", {"c"}, "t");
  Names all{"x"};
  for (int i = 0; i < 8; ++i) outer.node("Mul", {"c", "t"}, all.emplace_back(numbered("o", i)));
  refused("too many for a file of that size", outer.node("Sum", all, "y"));

  OnnxBuilder doubled({-1, 4});
  doubled.constant("c0", {1}, Floats{1});
  for (int i = 0; i < 60; ++i)
    doubled.node("Concat", {numbered("c", i), numbered("c", i)}, numbered("c", i + 1),
                 {attribute("axis", 0)});
  refused("too many for a file of that size", doubled.node("Add", {"x", "c60"}, "y"));

  OnnxBuilder copied({-1, 4});  // the time is linear in the file's size as well
  copied.constant("c", {1 << 15}, Floats(1 << 15, 1.f));
  all = {"x"};
  for (int i = 0; i < 3000; ++i) copied.node("Neg", {"c"}, all.emplace_back(numbered("n", i)));
  refused("too many for a file of that size", copied.node("Sum", all, "y"));
}

TEST_CASE("onnx: a small file cannot fill the memory by moving activations around", "[onnx]") {
  const auto grown = [] {
    OnnxBuilder file({-1, 1 << 10});
    file.constant("s", Ints{-1, 1, 1 << 10}).node("Reshape", {"x", "s"}, "h0");
    for (int i = 0; i < 10; ++i)
      file.node("Concat", {numbered("h", i), numbered("h", i)}, numbered("h", i + 1), {attribute("axis", 1)});
    return file;
  };
  OnnxBuilder turned = grown();  // each moves 2^20 elements
  turned.constant("axes", Ints{0, 32, 32, 1 << 10}).node("Reshape", {"h10", "axes"}, "h11");
  for (int i = 11; i < 40; ++i)
    turned.node("Neg", {numbered("h", i)}, numbered("n", i))
        .node("Transpose", {numbered("n", i)}, numbered("h", i + 1), {attribute("perm", Ints{0, 3, 2, 1})});
  refused("too many for a file of that size", turned.node("Flatten", {"h40"}, "y"));

  OnnxBuilder wide = grown();
  for (int i = 10; i < 16; ++i)
    wide.node("Concat", {numbered("h", i), numbered("h", i)}, numbered("h", i + 1), {attribute("axis", 1)});
  for (int i = 0; i < 24; ++i) wide.node("Neg", {"h16"}, numbered("n", i));  // all alive at once
  wide.node("Neg", {"n0"}, "s0");
  for (int i = 1; i < 24; ++i) wide.node("Add", {numbered("s", i - 1), numbered("n", i)}, numbered("s", i));
  refused("a sample would need memory for", wide.node("Flatten", {"s23"}, "y"));
}

TEST_CASE("onnx: external data is not read again and again", "[onnx]") {
  const auto directory = std::filesystem::temp_directory_path() / "foil-onnx-limits-test";
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "data.bin", std::ios::binary) << std::string(4096, '\0');
  const auto load = [&](int times) {
    OnnxBuilder file({-1, 4});
    for (int i = 0; i < times; ++i)
      file.encoded(foil::test::onnx_external_tensor(numbered("c", i), {1024}, {{"location", "data.bin"}}));
    const auto path = directory / "model.onnx";
    std::ofstream(path, std::ios::binary) << file.node("Relu", {"x"}, "y").bytes();
    return foil::onnx::load<float, 2>(path);
  };
  CHECK_NOTHROW(load(4));
  CHECK_THROWS_WITH(load(40), Catch::Matchers::ContainsSubstring("again and again"));
  std::filesystem::remove_all(directory);
}

TEST_CASE("onnx: names and ranks have an upper end, and messages stay short and printable", "[onnx]") {
  const std::string name(5000, 'n');
  refused("has 5000 bytes, expected at most 4096", OnnxBuilder({-1, 3}).node("Relu", {"x"}, name));
  const std::string odd = "a\x1b[2J\n" + std::string(4000, 'b');
  for (const std::string& bytes :
       {OnnxBuilder({-1, 3}).node("Relu", {odd}, odd).bytes(),
        OnnxBuilder({-1, 3}).node(odd, {"x"}, "y").bytes(),
        OnnxBuilder({-1, 3}).node("Relu", {"x"}, "y", {}, odd, odd).bytes(),
        OnnxBuilder({-1, 3}).node("Constant", {}, "y", {attribute(odd, 1)}, odd).bytes(),
        OnnxBuilder({-1, 3}).constant(odd, {3}, Floats{1}).bytes()}) {
    const std::string text = message(bytes);
    CHECK(text != "no error");
    CHECK(text.size() <= 600);
    CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  }

  Ints shape(100000, 1);
  refused("has 100000 dimensions, expected at most 32",
          OnnxBuilder({-1, 3}).constant("c", shape, Floats{1}).node("Relu", {"x"}, "y"));
  shape[0] = -1;
  shape[1] = 3;
  refused("has 100000 dimensions, expected at most 32",
          OnnxBuilder({-1, 3}).constant("s", shape).node("Reshape", {"x", "s"}, "y"));
  refused("has 100001 dimensions, expected at most 32", OnnxBuilder({-1, 3})
                                                            .constant("c", {1}, Floats{1})
                                                            .constant("s", Ints(100001, 1))
                                                            .node("Reshape", {"c", "s"}, "d")
                                                            .node("Add", {"x", "d"}, "y"));
  refused("has 40 dimensions, expected at most 32", OnnxBuilder(Ints(40, 1)).node("Relu", {"x"}, "y"));
}

TEST_CASE("onnx: an initializer is defined once", "[onnx]") {
  OnnxBuilder file({-1, 3});
  file.constant("c", {1}, Floats{1}).constant("c", {1}, Floats{2});
  refused("the initializer 'c' is defined twice", file.node("Mul", {"x", "c"}, "y"));
}

TEST_CASE("onnx: nothing is combined with a constant without elements", "[onnx]") {
  for (const auto* type : {"Add", "Pow", "Max", "Less", "PRelu", "Where"})
    for (const Ints& dims : {Ints{0}, Ints{1, 0}, Ints{0, 1}})
      for (const bool first : {false, true}) {
        if (first && std::string(type) == "PRelu") continue;
        CAPTURE(type, dims, first);
        OnnxBuilder file({-1, 1}, 16);
        file.constant("c", dims, Floats{});
        Names inputs{"x", "c"};
        if (first) std::swap(inputs[0], inputs[1]);
        if (std::string(type) == "Where") {
          file.constant("zero", {1}, Floats{0}).node("Less", {"x", "zero"}, "l");
          inputs.insert(inputs.begin(), "l");
        }
        const std::string said = message(file.node(type, inputs, "t").node("Relu", {"t"}, "y").bytes());
        CHECK(said.find("onnx: ") == 0);
      }
}

TEST_CASE("onnx: axes that are given twice are refused", "[onnx]") {
  for (const auto* type : {"Squeeze", "Unsqueeze"})
    for (const auto* input : {"c", "h"}) {  // a constant, and an activation of shape (N, 1, 1, 3)
      CAPTURE(type, input);
      OnnxBuilder file({-1, 3});
      file.constant("c", {1, 1, 1, 3}, Floats{1, 2, 3}).constant("s", Ints{-1, 1, 1, 3});
      file.constant("axes", Ints{1, 1}).node("Reshape", {"x", "s"}, "h").node(type, {input, "axes"}, "y");
      refused("axis 1 is given twice", file);
    }
}

TEST_CASE("onnx: constants are cast as ONNX says", "[onnx]") {
  enum { float32 = 1, int32 = 6, int64 = 7, boolean = 9 };
  const auto cast = [](OnnxBuilder file, std::vector<int> types) {
    std::string last = "c";
    for (const int type : types) {
      file.node("Cast", {last}, last + "c", {attribute("to", type)});
      last += "c";
    }
    return file.node("Mul", {"x", last}, "y");
  };
  const auto integers = OnnxBuilder({-1, 3}).constant("c", Ints{(1LL << 32) + 3, -1, (1LL << 31)});
  const auto floats = OnnxBuilder({-1, 3}).constant("c", {3}, Floats{2.9f, -2.9f, 0.5f});
  const Floats ones(3, 1.f);
  CHECK(logits(cast(integers, {int32, float32}), ones) == Floats{3, -1, -0x1p31f});
  CHECK(logits(cast(integers, {boolean, float32}), ones) == Floats{1, 1, 1});
  CHECK(logits(cast(integers, {int64, float32}), ones) == Floats{0x1p32f, -1, 0x1p31f});
  CHECK(logits(cast(floats, {int32, float32}), ones) == Floats{2, -2, 0});
  CHECK(logits(cast(floats, {int64, float32}), ones) == Floats{2, -2, 0});
  CHECK(logits(cast(floats, {boolean, float32}), ones) == Floats{1, 1, 1});
  CHECK(logits(cast(floats, {int32, boolean, int64, float32}), ones) == Floats{1, 1, 0});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float odd : {nan, 0x1p31f, -0x1p33f, std::numeric_limits<float>::infinity()})
    refused("cannot cast", cast(OnnxBuilder({-1, 1}).constant("c", {1}, Floats{odd}), {int32, float32}));
  enum { uint8 = 2, int8 = 3, string = 8, float16 = 10, float64 = 11 };
  const auto small = OnnxBuilder({-1, 4}).constant("c", Ints{200, -1, 255, 128});
  CHECK(logits(cast(small, {int8, float32}), Floats(4, 1.f)) == Floats{-56, -1, -1, -128});
  CHECK(logits(cast(small, {uint8, float32}), Floats(4, 1.f)) == Floats{200, 255, 255, 128});
  CHECK(logits(cast(floats, {float64, float16, float32}), ones) == Floats{2.900390625f, -2.900390625f, 0.5f});
  refused("to uint8 (2)", cast(floats, {uint8}));
  refused("cannot cast a constant of float32 (1) to string (8)", cast(floats, {string}));
}
