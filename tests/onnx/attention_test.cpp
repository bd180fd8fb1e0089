// SPDX-License-Identifier: MIT
#include <string>

#include "support/catch.hpp"
#include "support/onnx_builder.hpp"
#include "support/onnx_case.hpp"

namespace {

using foil::test::attribute;
using foil::test::check_case;
using foil::test::Floats;
using foil::test::Ints;
using foil::test::Names;
using foil::test::onnx_tensor;
using foil::test::OnnxBuilder;

}  // namespace

// The expected values are ONNX Runtime's.

TEST_CASE("onnx: attention", "[onnx][attention]") {
  check_case("heads apart", 23, {3, 12},
             [](OnnxBuilder& f) {
               f.constant("c1", Ints{0, 3, 3, 2, 2});
               f.encoded(onnx_tensor("c4", Ints{}, Ints{0}));
               f.encoded(onnx_tensor("c6", Ints{}, Ints{1}));
               f.encoded(onnx_tensor("c8", Ints{}, Ints{2}));
               f.node("Reshape", {"x", "c1"}, "t2_0");
               f.node("Transpose", {"t2_0"}, "t3_0", {attribute("perm", Ints{0, 2, 3, 1, 4})});
               f.node("Gather", {"t3_0", "c4"}, "t5_0", {attribute("axis", 1)});
               f.node("Gather", {"t3_0", "c6"}, "t7_0", {attribute("axis", 1)});
               f.node("Gather", {"t3_0", "c8"}, "t9_0", {attribute("axis", 1)});
               f.node("Attention", {"t5_0", "t7_0", "t9_0"}, "t");
             },
             {-0.0605685, 0.814431,  -0.0569454, 0.818055, -0.0519292, 0.823071,  -0.34589, 0.581231,
              -0.353906,  0.571551,  -0.379376,  0.533084, 0.503419,   -0.722725, 0.496701, -0.726438,
              0.481156,   -0.735197, 0.151939,   0.407121, 0.160012,   0.370318,  0.164083, 0.351492});
  check_case("with a mask, causal", 24, {3, 6},
             [](OnnxBuilder& f) {
               f.constant("c1", {3, 3}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0, -1, 0, 1});
               f.constant("c2", Ints{0, 3, 3, 1, 2});
               f.encoded(onnx_tensor("c5", Ints{}, Ints{0}));
               f.encoded(onnx_tensor("c7", Ints{}, Ints{1}));
               f.encoded(onnx_tensor("c9", Ints{}, Ints{2}));
               f.node("Reshape", {"x", "c2"}, "t3_0");
               f.node("Transpose", {"t3_0"}, "t4_0", {attribute("perm", Ints{0, 2, 3, 1, 4})});
               f.node("Gather", {"t4_0", "c5"}, "t6_0", {attribute("axis", 1)});
               f.node("Gather", {"t4_0", "c7"}, "t8_0", {attribute("axis", 1)});
               f.node("Gather", {"t4_0", "c9"}, "t10_0", {attribute("axis", 1)});
               f.node("Attention", {"t6_0", "t8_0", "t10_0", "c1"}, "t",
                      {attribute("is_causal", 1), attribute("scale", 0.5)});
             },
             {0.375, -0.75, 0.0788153, -0.369191, 0.216477, -0.290315, -0.375, 0.5, -0.0544224, 0.215042,
              0.0102634, 0.388893});
  check_case("with a mask of truths", 23, {3, 6},
             [](OnnxBuilder& f) {
               f.encoded(foil::test::onnx_typed_tensor("c1", 9, {3, 3}, 5, {1, 0, 1, 1, 1, 0, 0, 0, 1}));
               f.constant("c2", Ints{0, 3, 3, 2, 1});
               f.encoded(onnx_tensor("c5", Ints{}, Ints{0}));
               f.encoded(onnx_tensor("c7", Ints{}, Ints{1}));
               f.encoded(onnx_tensor("c9", Ints{}, Ints{2}));
               f.node("Reshape", {"x", "c2"}, "t3_0");
               f.node("Transpose", {"t3_0"}, "t4_0", {attribute("perm", Ints{0, 2, 3, 1, 4})});
               f.node("Gather", {"t4_0", "c5"}, "t6_0", {attribute("axis", 1)});
               f.node("Gather", {"t4_0", "c7"}, "t8_0", {attribute("axis", 1)});
               f.node("Gather", {"t4_0", "c9"}, "t10_0", {attribute("axis", 1)});
               f.node("Attention", {"t6_0", "t8_0", "t10_0", "c1"}, "t");
             },
             {0.492198, -0.0351918, 0.625, -0.688476, 0.0992794, -0.625, -0.311523, 0.389076, -0.25, 0.617198,
              0.0621765, 0.75});
  check_case("heads side by side that share keys", 23, {3, 8},
             [](OnnxBuilder& f) {
               f.constant("c1", Ints{4, 2, 2});
               f.node("Split", {"x", "c1"}, Names{"t2_0", "t2_1", "t2_2"}, {attribute("axis", 2)});
               f.node("Attention", {"t2_0", "t2_1", "t2_2"}, "t",
                      {attribute("kv_num_heads", 1), attribute("q_num_heads", 2)});
             },
             {0.383101,  0.227195,   0.160419,  0.609608,   0.167101,  0.337055,   0.242113,  0.301598,
              0.181558,  0.604098,   0.241215,  0.582667,   -0.33041,  0.0707959,  -0.309858, 0.114191,
              -0.281061, -0.0317474, -0.318576, 0.00862923, 0.0904265, -0.0444211, 0.0675595, 0.0333616});
  check_case("heads of one number", 23, {3, 6},
             [](OnnxBuilder& f) {
               f.constant("c1", Ints{2, 2, 2});
               f.node("Split", {"x", "c1"}, Names{"t2_0", "t2_1", "t2_2"}, {attribute("axis", 2)});
               f.node("Attention", {"t2_0", "t2_1", "t2_2"}, "t",
                      {attribute("kv_num_heads", 2), attribute("q_num_heads", 2)});
             },
             {-0.0940233, -0.362913, 0.196186, -0.0740896, -0.0615075, -0.333333, -0.0173757, -0.0428771,
              0.244598, 0.314675, -0.0697206, 0.0308833});
  check_case("soft caps", 23, {2, 6},
             [](OnnxBuilder& f) {
               f.constant("c1", {2, 2}, Floats{-0.83f, 0.17f, -1, 0.17f});
               f.constant("c2", Ints{2, 2, 2});
               f.node("Split", {"x", "c2"}, Names{"t3_0", "t3_1", "t3_2"}, {attribute("axis", 2)});
               f.node("Attention", {"t3_0", "t3_1", "t3_2", "c1"}, "t",
                      {attribute("kv_num_heads", 1), attribute("q_num_heads", 1), attribute("softcap", 0.5)});
             },
             {-0.339599, 0.16877, -0.372885, 0.211567, -0.176725, 0.27694, 0.0125816, 0.0639707});
}

TEST_CASE("onnx: Einsum", "[onnx][einsum]") {
  check_case("matrices", 12, {2, 3},
             [](OnnxBuilder& f) {
               f.constant("c1", {3, 4}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0, -1, 0, 1, 0, 1, -0.17f});
               f.node("Einsum", {"x", "c1"}, "t", {attribute("equation", "bij,jk->bik")});
             },
             {1.705, -0.17, 1.875, -0.2975, -0.71, -0.085, -0.625, 0.0425, -1.35375, 0.02125, -1.375, 0.06375,
              0.35625, 0.10625, 0.25, 0.0425});
  check_case(
      "heads", 12, {2, 2, 3},
      [](OnnxBuilder& f) { f.node("Einsum", {"x", "x"}, "t", {attribute("equation", "bihd,bjhd->bhij")}); },
      {1.57812, -0.4375, -0.4375, 1.07812, 0.953125, -0.78125, -0.78125, 0.78125, 1.53125, -0.21875, -0.21875,
       1.0625, 0.84375, -0.765625, -0.765625, 1.15625});
  check_case("two summed axes, and one by itself", 13, {2, 3, 2},
             [](OnnxBuilder& f) {
               f.constant("c1", {3, 2}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0});
               f.node("Einsum", {"x", "c1"}, "t", {attribute("equation", "nabc,bc->na")});
             },
             {-0.40125, 0.9225, -0.81625, 0.14625});
  check_case("sums and turned axes", 13, {2, 3, 2},
             [](OnnxBuilder& f) { f.node("Einsum", {"x"}, "t", {attribute("equation", "nabc->nca")}); },
             {0.125, -0.625, -1.375, 2, 0.625, -0.125, -0.875, 0.375});
  check_case("a summed axis at the end of both", 13, {3, 2},
             [](OnnxBuilder& f) {
               f.constant("c2", {6, 4}, Floats{-0.83f, 0.17f,  -1,    0.17f,  -1,    0,      -1,    0,
                                               1,      0,      1,     -0.17f, 1,     -0.17f, 0.83f, -0.17f,
                                               0.83f,  -0.33f, 0.83f, -0.33f, 0.67f, -0.33f, 0.67f, -0.5f});
               f.constant("c4", Ints{-1, 2, 2});
               f.node("Flatten", {"x"}, "t1_0", {attribute("axis", 1)});
               f.node("MatMul", {"t1_0", "c2"}, "t3_0");
               f.node("Reshape", {"t3_0", "c4"}, "t5_0");
               f.node("Einsum", {"x", "t5_0"}, "t", {attribute("equation", "nid,njd->nij")});
             },
             {-1.01859, -1.27359, 0.740937, 0.932187, 0.351094, 0.446719, -0.155312, -0.1925, 0.195781,
              0.214375, 0.429844, 0.485625});
  check_case("dots", 13, {2, 3},
             [](OnnxBuilder& f) {
               f.constant("c1", {3, 2}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0});
               f.node("Einsum", {"x", "c1"}, "t", {attribute("equation", "... j, jk -> ...k")});
             },
             {0.205, -0.19125, 0.79, -0.02125, -0.85375, 0.19125, -0.39375, 0.02125});
  check_case("three operands", 13, {2, 3},
             [](OnnxBuilder& f) {
               f.constant("c1", {3, 2}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0});
               f.constant("c2", {2, 2}, Floats{-0.67f, 0.5f, -0.5f, 0.83f});
               f.node("Einsum", {"x", "c1", "c2"}, "t", {attribute("equation", "nij,jk,kl->nil")});
             },
             {-0.041725, -0.0562375, -0.518675, 0.377362, 0.476388, -0.268138, 0.253188, -0.179237});
  check_case(
      "an implicit result", 13, {2, 2},
      [](OnnxBuilder& f) {
        f.constant("c1", {2, 3}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0});
        f.node("Einsum", {"x", "c1"}, "t", {attribute("equation", "aij,jk")});
      },
      {0.80875, -0.045, 1, -0.7075, 0.6275, -0.75, -0.43875, 0.81375, -0.375, 0.06625, -0.97875, -0.125});
}

TEST_CASE("onnx: products read what is only moved where it comes from", "[onnx][attention]") {
  OnnxBuilder f({-1, 5, 12}, 13);
  f.constant("apart", Ints{0, 5, 3, 2, 2}).constant("axes", Ints{2});
  f.node("Reshape", {"x", "apart"}, "r")
      .node("Transpose", {"r"}, "t", {attribute("perm", Ints{0, 3, 2, 1, 4})});
  f.node("Split", {"t"}, Names{"q1", "k1", "v1"}, {attribute("axis", 2)});
  for (const char* const part : {"q", "k", "v"}) f.node("Squeeze", {std::string(part) + "1", "axes"}, part);
  f.node("Transpose", {"k"}, "kt", {attribute("perm", Ints{0, 1, 3, 2})});
  f.node("MatMul", {"q", "kt"}, "s").node("Softmax", {"s"}, "p").node("MatMul", {"p", "v"}, "o");
  f.node("Flatten", {"o"}, "y");
  const auto network = foil::onnx::parse<float, 3>(f.bytes());
  REQUIRE(network.engine().graph.operators() == 3);  // two products, and the softmax between them
}

TEST_CASE("onnx: a mask of truths that depends on the input is refused, however it was moved",
          "[onnx][attention]") {
  OnnxBuilder f({-1, 1, 2, 2}, 23);
  f.constant("zero", {1}, Floats{0}).constant("s", Ints{0, 1, 2, 2});
  f.node("Greater", {"x", "zero"}, "g").node("Transpose", {"g"}, "t", {attribute("perm", Ints{0, 1, 3, 2})});
  f.node("Reshape", {"t", "s"}, "r").node("Not", {"r"}, "n");
  f.node("Cast", {"n"}, "numbers", {attribute("to", 1)});
  for (const char* const mask : {"g", "r", "n", "numbers"}) {
    CAPTURE(mask);
    OnnxBuilder file = f;
    file.node("Attention", {"x", "x", "x", mask}, "a").node("Flatten", {"a"}, "y");
    if (std::string(mask) == "numbers")
      CHECK_NOTHROW(foil::onnx::parse<float, 4>(file.bytes()));
    else
      CHECK_THROWS_WITH((foil::onnx::parse<float, 4>(file.bytes())),
                        Catch::Matchers::ContainsSubstring("a mask of truths"));
  }
}
