// SPDX-License-Identifier: MIT
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

TEST_CASE("onnx: matrix products with constants and activations on either side", "[onnx][product]") {
  check_case("two activations", 13, {2, 3, 4},
             [](OnnxBuilder& f) {
               f.node("Transpose", {"x"}, "t1_0", {attribute("perm", Ints{0, 1, 3, 2})});
               f.node("MatMul", {"x", "t1_0"}, "t");
             },
             {1.82812, -0.6875,   -0.390625, -0.6875,   1.71875, -0.25,     -0.390625, -0.25,     0.84375,
              1.59375, -0.078125, -0.453125, -0.078125, 1.84375, -1.14062,  -0.453125, -1.14062,  1.15625,
              1.64062, -1.09375,  0.3125,    -1.09375,  1.625,   -1.09375,  0.3125,    -1.09375,  1.64062,
              1.15625, -1.14062,  -0.453125, -1.14062,  1.84375, -0.078125, -0.453125, -0.078125, 1.59375});
  check_case("stretched activations", 13, {2, 3},
             [](OnnxBuilder& f) {
               f.constant("c1", Ints{1});
               f.constant("c3", Ints{-1, 2, 3, 1});
               f.node("Unsqueeze", {"x", "c1"}, "t2_0");
               f.node("Reshape", {"x", "c3"}, "t4_0");
               f.node("MatMul", {"t2_0", "t4_0"}, "t");
             },
             {1.57812, -0.109375, -0.109375, 0.953125, 1.07812, -0.515625, -0.515625, 0.78125});
  check_case("a constant on the left", 7, {3, 4},
             [](OnnxBuilder& f) {
               f.constant("c1", {2, 3}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0});
               f.node("MatMul", {"c1", "x"}, "t");
             },
             {1.14375, -0.64875, -0.10125, 0.21, -0.545, 0.72875, 0.0025, -1.085, 0.8325, -0.98125, -0.30875,
              -0.4625, -0.77375, 0.625, -0.10125, 0.9575});
  check_case("constant matrices on the right", 13, {2, 3, 4},
             [](OnnxBuilder& f) {
               f.constant(
                   "c1", {2, 4, 2},
                   Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0, -1, 0, 1, 0, 1, -0.17f, 1, -0.17f, 0.83f, -0.17f});
               f.node("MatMul", {"x", "c1"}, "t");
             },
             {0.705,    -0.19125, -0.68625, -0.06375, -0.2925, 0.06375, -0.2075, -0.10625,
              -0.58,    0.23375,  0.915,    -0.17,    1.4975,  -0.085,  0.1275,  0.0425,
              -1.60375, 0.19125,  -1,       0.085,    0.85625, 0.0425,  0.10125, 5.58794e-09});
  check_case("constant matrices on the left", 13, {3, 2},
             [](OnnxBuilder& f) {
               f.constant("c1", {2, 4, 3},
                          Floats{-0.83f, 0.17f,  -1,    0.17f,  -1,    0,      -1,    0,
                                 1,      0,      1,     -0.17f, 1,     -0.17f, 0.83f, -0.17f,
                                 0.83f,  -0.33f, 0.83f, -0.33f, 0.67f, -0.33f, 0.67f, -0.5f});
               f.constant("c2", Ints{1});
               f.node("Unsqueeze", {"x", "c2"}, "t3_0");
               f.node("MatMul", {"c1", "t3_0"}, "t");
             },
             {0.5825,   0.76875,  -0.92,    0.47875,  1.375,    -0.625,   0.68625, -0.3725,
              -0.81625, -0.6625,  0.66875,  -0.14625, -0.82625, -0.44125, 0.645,   0.08125,
              0.35375,  -1.09875, 0.27125,  -0.455,   -0.625,   -0.625,   -0.165,  0.56125,
              -0.2475,  1.205,    -0.06375, 0.225,    -0.14875, 0.875,    0.04125, -0.09875});
  check_case("one constant matrix", 9, {2, 3},
             [](OnnxBuilder& f) {
               f.constant("c1", {1, 3, 2}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0});
               f.node("MatMul", {"x", "c1"}, "t");
             },
             {0.205, -0.19125, 0.79, -0.02125, -0.85375, 0.19125, -0.39375, 0.02125});
  check_case("a constant vector", 13, {2, 2, 3},
             [](OnnxBuilder& f) {
               f.constant("c1", {3}, Floats{-0.83f, 0.17f, -1});
               f.node("MatMul", {"x", "c1"}, "t");
             },
             {0.05875, 1.22875, 0.31625, -0.97875, -0.14875, 0.93875, -0.3775, -1.29});
  check_case("a constant row", 13, {3, 2},
             [](OnnxBuilder& f) {
               f.constant("c1", {3}, Floats{-0.83f, 0.17f, -1});
               f.node("MatMul", {"c1", "x"}, "t");
             },
             {0.5825, 0.76875, 0.35375, -1.09875});
  check_case("samples behind positions", 13, {2, 3},
             [](OnnxBuilder& f) {
               f.constant("c2", {3, 2}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0});
               f.node("Transpose", {"x"}, "t1_0", {attribute("perm", Ints{1, 0, 2})});
               f.node("MatMul", {"t1_0", "c2"}, "t3_0");
               f.node("Transpose", {"t3_0"}, "t", {attribute("perm", Ints{1, 0, 2})});
             },
             {0.205, -0.19125, 0.79, -0.02125, -0.85375, 0.19125, -0.39375, 0.02125});
  check_case(
      "heads among the samples", 13, {3, 4},
      [](OnnxBuilder& f) {
        f.constant("c2", Ints{3, -1, 2});
        f.constant("c7", Ints{-1, 2, 3, 3});
        f.node("Transpose", {"x"}, "t1_0", {attribute("perm", Ints{1, 0, 2})});
        f.node("Reshape", {"t1_0", "c2"}, "t3_0");
        f.node("Transpose", {"t3_0"}, "t4_0", {attribute("perm", Ints{1, 0, 2})});
        f.node("Transpose", {"t4_0"}, "t5_0", {attribute("perm", Ints{0, 2, 1})});
        f.node("MatMul", {"t4_0", "t5_0"}, "t6_0");
        f.node("Reshape", {"t6_0", "c7"}, "t");
      },
      {1.01562,  -0.28125,  0.171875,  -0.28125,  0.703125, -0.5625,   0.171875,  -0.5625,   0.453125,
       0.8125,   -0.40625,  -0.5625,   -0.40625,  1.01562,  0.3125,    -0.5625,   0.3125,    0.390625,
       0.765625, -0.546875, 0,         -0.546875, 0.78125,  -0.546875, 0,         -0.546875, 0.765625,
       0.828125, 0.46875,   -0.453125, 0.46875,   1.0625,   -0.59375,  -0.453125, -0.59375,  0.390625});
  check_case("Gemm with an activation as summand", 13, {3},
             [](OnnxBuilder& f) {
               f.constant("c1", {2, 3}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0});
               f.constant("c2", {3, 2}, Floats{-0.67f, 0.5f, -0.5f, 0.83f, -0.17f, 1});
               f.node("MatMul", {"x", "c2"}, "t3_0");
               f.node("Gemm", {"x", "c1", "t3_0"}, "t",
                      {attribute("alpha", 0.5), attribute("beta", 2.), attribute("transB", 1)});
             },
             {1.23937, 0.27, 1.16438, -1.6075});
  check_case("Gemm without summand", 11, {3},
             [](OnnxBuilder& f) {
               f.constant("c1", {3, 2}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0});
               f.node("Gemm", {"x", "c1"}, "t");
             },
             {0.205, -0.19125, 0.79, -0.02125});
}

TEST_CASE("onnx: parts, repetitions and borders of activations", "[onnx][parts]") {
  check_case("Slice by attributes", 9, {4, 3},
             [](OnnxBuilder& f) {
               f.node("Slice", {"x"}, "t",
                      {attribute("axes", Ints{1, 2}), attribute("ends", Ints{1000, 3}),
                       attribute("starts", Ints{1, -2})});
             },
             {0.375, -0.75, 1, -0.25, -0.5, 0.375, 0.625, -0.625, -1, 0, -0.375, 0.5});
  check_case("Slice backwards", 13, {4, 5},
             [](OnnxBuilder& f) {
               f.constant("c1", Ints{-1, 0});
               f.constant("c2", Ints{-100, -1});
               f.constant("c3", Ints{1, 2});
               f.constant("c4", Ints{-2, 2});
               f.node("Slice", {"x", "c1", "c2", "c3", "c4"}, "t");
             },
             {-0.25, -0.625, -0.75, 1, 0.75, 0.375, 0.25, -0.125});
  check_case("Slice of all samples", 11, {4},
             [](OnnxBuilder& f) {
               f.constant("c1", Ints{0, 1});
               f.constant("c2", Ints{9223372036854775807, 3});
               f.constant("c3", Ints{0, 1});
               f.node("Slice", {"x", "c1", "c2", "c3"}, "t");
             },
             {-0.125, 0.75, -0.75, 0.125});
  check_case("Split by attribute", 11, {5},
             [](OnnxBuilder& f) {
               f.node("Split", {"x"}, Names{"t1_0", "t1_1"},
                      {attribute("axis", 1), attribute("split", Ints{2, 3})});
               f.node("Concat", {"t1_1", "t1_0"}, "t", {attribute("axis", 1)});
             },
             {0.75, -0.5, 0.375, -1, -0.125, 1, -0.25, 0.625, -0.75, 0.125});
  check_case("Split by input", 13, {2, 3},
             [](OnnxBuilder& f) {
               f.constant("c1", Ints{1, 2});
               f.node("Split", {"x", "c1"}, Names{"t2_0", "t2_1"}, {attribute("axis", -1)});
               f.node("Mul", {"t2_0", "t2_1"}, "t");
             },
             {0.125, -0.75, -0.1875, 0.375, 0.125, -0.03125, -0.3125, 0.234375});
  check_case("Split into equal parts", 13, {2, 4},
             [](OnnxBuilder& f) {
               f.node("Split", {"x"}, Names{"t1_0", "t1_1"}, {attribute("axis", 2)});
               f.node("Mul", {"t1_0", "t1_1"}, "t");
             },
             {-0.75, 0.0625, 0.046875, -0.75, 0.125, 0.234375, -0.765625, 0});
  check_case("Split with a smaller part", 18, {5},
             [](OnnxBuilder& f) {
               f.node("Split", {"x"}, Names{"t1_0", "t1_1", "t1_2"},
                      {attribute("axis", 1), attribute("num_outputs", 3)});
               f.node("Mul", {"t1_0", "t1_2"}, "t");
             },
             {-0.375, -0.046875, -0.46875, 0.078125});
  check_case("Gather of one", 13, {3, 2},
             [](OnnxBuilder& f) {
               f.encoded(onnx_tensor("c1", Ints{}, Ints{-1}));
               f.node("Gather", {"x", "c1"}, "t", {attribute("axis", 1)});
             },
             {0.375, -0.75, -0.5, 0.375});
  check_case(
      "Gather of many", 11, {2, 3},
      [](OnnxBuilder& f) {
        f.encoded(onnx_tensor("c1", Ints{2, 2}, Ints{0, -1, 2, 1}));
        f.node("Gather", {"x", "c1"}, "t", {attribute("axis", -1)});
      },
      {-1, 0.75, 0.75, -0.125, -0.5, -0.75, -0.75, 0.375, 0.125, -0.25, -0.25, 1, 0.625, 0.375, 0.375, -0.5});
  check_case("Tile", 13, {2, 2},
             [](OnnxBuilder& f) {
               f.constant("c1", Ints{1, 2, 3});
               f.node("Tile", {"x", "c1"}, "t");
             },
             {-1,    -0.125, -1,    -0.125, -1,    -0.125, 0.75,  -0.5, 0.75,  -0.5, 0.75,  -0.5,
              -1,    -0.125, -1,    -0.125, -1,    -0.125, 0.75,  -0.5, 0.75,  -0.5, 0.75,  -0.5,
              0.375, -0.75,  0.375, -0.75,  0.375, -0.75,  0.125, 1,    0.125, 1,    0.125, 1,
              0.375, -0.75,  0.375, -0.75,  0.375, -0.75,  0.125, 1,    0.125, 1,    0.125, 1});
  check_case("Expand", 13, {2, 1},
             [](OnnxBuilder& f) {
               f.constant("c1", Ints{2, 3});
               f.node("Expand", {"x", "c1"}, "t");
             },
             {-1, -1, -1, -0.125, -0.125, -0.125, 0.75, 0.75, 0.75, -0.5, -0.5, -0.5});
  check_case("Pad by attributes", 7, {2, 3},
             [](OnnxBuilder& f) {
               f.node("Pad", {"x"}, "t",
                      {attribute("pads", Ints{0, 1, -1, 0, 0, 2}), attribute("value", 0.5)});
             },
             {0.5, 0.5, 0.5, 0.5, -0.125, 0.75,  0.5, 0.5, 0.375, -0.75, 0.5, 0.5,
              0.5, 0.5, 0.5, 0.5, 1,      -0.25, 0.5, 0.5, -0.5,  0.375, 0.5, 0.5});
  check_case(
      "Pad by reflection", 13, {2, 3, 3},
      [](OnnxBuilder& f) {
        f.constant("c1", Ints{0, 0, 2, 1, 0, 1, 0, 2});
        f.node("Pad", {"x", "c1"}, "t", {attribute("mode", "reflect")});
      },
      {1,      0.125,  1,      -0.25,  1,      0.125,  0.375,  -0.5,   0.375,  -0.75,  0.375,  -0.5,   -0.125,
       -1,     -0.125, 0.75,   -0.125, -1,     0.375,  -0.5,   0.375,  -0.75,  0.375,  -0.5,   1,      0.125,
       1,      -0.25,  1,      0.125,  0.625,  -0.25,  0.625,  -0.625, 0.625,  -0.25,  0,      -0.875, 0,
       0.875,  0,      -0.875, -0.5,   0.625,  -0.5,   0.375,  -0.5,   0.625,  0,      -0.875, 0,      0.875,
       0,      -0.875, 0.625,  -0.25,  0.625,  -0.625, 0.625,  -0.25,  1,      0.125,  1,      -0.25,  1,
       0.125,  0.375,  -0.5,   0.375,  -0.75,  0.375,  -0.5,   -0.125, -1,     -0.125, 0.75,   -0.125, -1,
       0.375,  -0.5,   0.375,  -0.75,  0.375,  -0.5,   1,      0.125,  1,      -0.25,  1,      0.125,  0.25,
       -0.75,  0.25,   -1,     0.25,   -0.75,  -0.375, 0.875,  -0.375, 0.5,    -0.375, 0.875,  -1,     0.25,
       -1,     0,      -1,     0.25,   -0.375, 0.875,  -0.375, 0.5,    -0.375, 0.875,  0.25,   -0.75,  0.25,
       -1,     0.25,   -0.75,  -0.25,  1,      -0.25,  0.75,   -0.25,  1,      -0.75,  0.5,    -0.75,  0.125,
       -0.75,  0.5,    0.75,   -0.125, 0.75,   -0.5,   0.75,   -0.125, -0.75,  0.5,    -0.75,  0.125,  -0.75,
       0.5,    -0.25,  1,      -0.25,  0.75,   -0.25,  1,      0.25,   -0.75,  0.25,   -1,     0.25,   -0.75,
       -0.375, 0.875,  -0.375, 0.5,    -0.375, 0.875,  -1,     0.25,   -1,     0,      -1,     0.25,   -0.375,
       0.875,  -0.375, 0.5,    -0.375, 0.875,  0.25,   -0.75,  0.25,   -1,     0.25,   -0.75});
  check_case("Pad with the edge", 18, {2, 3},
             [](OnnxBuilder& f) {
               f.constant("c1", Ints{2, 1});
               f.constant("c2", Ints{-1});
               f.node("Pad", {"x", "c1", "", "c2"}, "t", {attribute("mode", "edge")});
             },
             {-1,    -1,    -1,    -0.125, 0.75,  0.75,  -0.5,  -0.5,  -0.5,  0.375, -0.75, -0.75,
              0.125, 0.125, 0.125, 1,      -0.25, -0.25, 0.625, 0.625, 0.625, -0.5,  0.375, 0.375});
  check_case(
      "Pad around", 19, {2, 3},
      [](OnnxBuilder& f) {
        f.constant("c1", Ints{0, 1, 2, 0, 0, 4});
        f.node("Pad", {"x", "c1"}, "t", {attribute("mode", "wrap")});
      },
      {0.375, -0.75,  -0.5,  0.375, -0.75, -0.5,  0.375, -0.75, -0.5,  -0.125, 0.75,  -1,    -0.125, 0.75,
       -1,    -0.125, 0.75,  -1,    0.375, -0.75, -0.5,  0.375, -0.75, -0.5,   0.375, -0.75, -0.5,   -0.5,
       0.375, 0.625,  -0.5,  0.375, 0.625, -0.5,  0.375, 0.625, 1,     -0.25,  0.125, 1,     -0.25,  0.125,
       1,     -0.25,  0.125, -0.5,  0.375, 0.625, -0.5,  0.375, 0.625, -0.5,   0.375, 0.625});
  check_case("DepthToSpace", 11, {8, 1, 2},
             [](OnnxBuilder& f) {
               f.node("DepthToSpace", {"x"}, "t", {attribute("blocksize", 2), attribute("mode", "CRD")});
             },
             {-1,    0.75,   -0.125, -0.5, 0.375, 0.125,  -0.75, 1,      -0.25, -0.5, 0.625,
              0.375, -0.875, 0.875,  0,    -0.25, 0.625,  0.25,  -0.625, -1,    0,    -0.375,
              0.875, 0.5,    -0.75,  -1,   0.25,  -0.125, 0.75,  0.5,    -0.5,  -0.75});
  check_case("DepthToSpace of columns and rows first", 13, {8, 1, 2},
             [](OnnxBuilder& f) { f.node("DepthToSpace", {"x"}, "t", {attribute("blocksize", 2)}); },
             {-1,   0.375, -0.125, -0.75,  -0.25, -0.875, 0.625, 0,      0.75,   0.125, -0.5,
              1,    -0.5,  0.875,  0.375,  -0.25, 0.625,  0,     -0.625, 0.875,  -0.75, 0.75,
              0.25, -0.5,  0.25,   -0.375, -1,    0.5,    -1,    0.5,    -0.125, -0.75});
  check_case("DepthToSpace behind a pooling", 13, {8, 2, 2},
             [](OnnxBuilder& f) {
               f.node("MaxPool", {"x"}, "t1_0", {attribute("kernel_shape", Ints{1, 2})});
               f.node("DepthToSpace", {"t1_0"}, "t", {attribute("blocksize", 2)});
             },
             {-0.125, 0.625, 0.625, 0.25, 0.75,   0.375, 0.25, -0.125, 0.375, 0,    0.875,
              0.75,   1,     0.875, 0.5,  0.5,    1,     1,    0.5,    0.5,   0.75, 0.625,
              0.25,   1,     0.375, 0.25, -0.125, 0.75,  0,    0.875,  0.75,  0.375});
  check_case("SpaceToDepth", 13, {2, 2, 4},
             [](OnnxBuilder& f) { f.node("SpaceToDepth", {"x"}, "t", {attribute("blocksize", 2)}); },
             {-1,    0.75,   -0.25, -0.5,   -0.125, -0.5,  0.625, 0.375, 0.375, 0.125,  -0.875,
              0.875, -0.75,  1,     0,      -0.25,  0.625, 0.25,  -0.75, -1,    -0.625, -1,
              0.25,  -0.125, 0,     -0.375, 0.75,   0.5,   0.875, 0.5,   -0.5,  -0.75});
  check_case("SpaceToDepth behind a pooling", 13, {3, 2, 5},
             [](OnnxBuilder& f) {
               f.node("MaxPool", {"x"}, "t1_0", {attribute("kernel_shape", Ints{1, 2})});
               f.node("SpaceToDepth", {"t1_0"}, "t", {attribute("blocksize", 2)});
             },
             {-0.125, 0.75,  0.375, 0,     0.875, 0.5,    0.75,  0.375, 0.375, 0.875, 0.875,  0.5,
              0.125,  1,     0.625, 0.25,  0.25,  0.75,   1,     0.625, 0.625, 0.25,  -0.125, 0.75,
              0.5,    1,     1,     0.625, 0.25,  -0.125, 0.125, 1,     0.625, 0.25,  0.25,   0.75,
              0.75,   0.375, 0,     0.875, 0.5,   0.125,  0.375, 0,     0.875, 0.5,   0.5,    1});
}

TEST_CASE("onnx: elements at any places", "[onnx][scatter]") {
  check_case("GatherElements", 13, {3, 4},
             [](OnnxBuilder& f) {
               f.constant("c1", Ints{-1, 12});
               f.encoded(onnx_tensor("c3", Ints{1, 5}, Ints{3, -1, 0, 0, 11}));
               f.constant("c5", Ints{0});
               f.constant("c7", Ints{5});
               f.node("Reshape", {"x", "c1"}, "t2_0");
               f.node("Shape", {"x"}, "t4_0");
               f.node("Gather", {"t4_0", "c5"}, "t6_0");
               f.node("Concat", {"t6_0", "c7"}, "t8_0", {attribute("axis", 0)});
               f.node("Expand", {"c3", "t8_0"}, "t9_0");
               f.node("GatherElements", {"t2_0", "t9_0"}, "t", {attribute("axis", 1)});
             },
             {-0.5, 0.375, -1, -1, 0.375, -0.25, 0.5, -0.875, -0.875, 0.5});
  check_case("Trilu above", 14, {3, 4},
             [](OnnxBuilder& f) {
               f.encoded(onnx_tensor("c1", Ints{}, Ints{1}));
               f.node("Trilu", {"x", "c1"}, "t", {attribute("upper", 1)});
             },
             {0, -0.125, 0.75,  -0.5,  0, 0, 0.125, 1,  0, 0, 0, 0.375,
              0, 0,      0.875, -0.25, 0, 0, 0.25,  -1, 0, 0, 0, 0.5});
  check_case("Trilu below", 17, {3, 3},
             [](OnnxBuilder& f) { f.node("Trilu", {"x"}, "t", {attribute("upper", 0)}); },
             {-1, 0, 0, -0.5, 0.375, 0, 0.125, 1, -0.25, 0.625, 0, 0, -0.875, 0, 0, -0.25, 0.625, -0.625});
  check_case("GatherND", 12, {3, 2},
             [](OnnxBuilder& f) {
               f.encoded(onnx_tensor("c2", Ints{3, 2}, Ints{2, 1, 0, -1, 2, 1}));
               f.node("Transpose", {"x"}, "t1_0", {attribute("perm", Ints{1, 2, 0})});
               f.node("GatherND", {"t1_0", "c2"}, "t3_0");
               f.node("Transpose", {"t3_0"}, "t", {attribute("perm", Ints{1, 0})});
             },
             {-0.75, -0.125, -0.75, 0.375, 1, 0.375});
  check_case("ScatterND", 16, {3, 2},
             [](OnnxBuilder& f) {
               f.encoded(onnx_tensor("c2", Ints{2, 1}, Ints{2, 0}));
               f.constant("c3", Ints{1});
               f.constant("c4", Ints{3});
               f.constant("c5", Ints{1});
               f.node("Transpose", {"x"}, "t1_0", {attribute("perm", Ints{1, 0, 2})});
               f.node("Slice", {"x", "c3", "c4", "c5"}, "t6_0");
               f.node("Relu", {"t6_0"}, "t7_0");
               f.node("Transpose", {"t7_0"}, "t8_0", {attribute("perm", Ints{1, 0, 2})});
               f.node("ScatterND", {"t1_0", "c2", "t8_0"}, "t9_0");
               f.node("Transpose", {"t9_0"}, "t", {attribute("perm", Ints{1, 0, 2})});
             },
             {0.375, 0, 0.75, -0.5, 0.75, 0, 0, 0.375, -0.25, 0.625, 0, 0.625});
}
