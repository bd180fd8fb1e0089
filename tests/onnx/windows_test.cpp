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
using foil::test::OnnxBuilder;

}  // namespace

// The expected values are ONNX Runtime's.

TEST_CASE("onnx: resizing", "[onnx][resize]") {
  check_case("Upsample by an attribute", 7, {1, 2, 2},
             [](OnnxBuilder& f) {
               f.node("Upsample", {"x"}, "t",
                      {attribute("mode", "nearest"), attribute("scales", Floats{1, 1, 2, 1.5f})});
             },
             {-1,    -1,    -0.125, -1,    -1,    -0.125, 0.75,  0.75,  -0.5, 0.75,  0.75,  -0.5,
              0.375, 0.375, -0.75,  0.375, 0.375, -0.75,  0.125, 0.125, 1,    0.125, 0.125, 1});
  check_case("Upsample by an input", 9, {1, 2, 3},
             [](OnnxBuilder& f) {
               f.constant("c1", {4}, Floats{1, 1, 1, 2});
               f.node("Upsample", {"x", "c1"}, "t", {attribute("mode", "linear")});
             },
             {-1,    -0.5625, -0.125, 0.3125, 0.75,  0.75,  -0.5,  -0.0625, 0.375, -0.1875, -0.75, -0.75,
              0.125, 0.5625,  1,      0.375,  -0.25, -0.25, 0.625, 0.0625,  -0.5,  -0.0625, 0.375, 0.375});
  check_case("before opset 11", 10, {1, 1, 5},
             [](OnnxBuilder& f) {
               f.constant("c1", {4}, Floats{1, 1, 2, 0.5f});
               f.node("Resize", {"x", "c1"}, "t", {attribute("mode", "nearest")});
             },
             {-1, 0.75, -1, 0.75, -0.75, 1, -0.75, 1});
  check_case("linear, half a pixel off", 13, {2, 3, 2},
             [](OnnxBuilder& f) {
               f.constant("c1", {4}, Floats{1, 1, 0.7f, 2});
               f.node("Resize", {"x", "", "c1"}, "t", {attribute("mode", "linear")});
             },
             {-0.625,    -0.520089,   -0.310268, -0.205357,  0.508929,  0.216518,   -0.368304, -0.660714,
              0.0446429, 0.263393,    0.700893,  0.919643,   -0.410714, -0.191964,  0.245536,  0.464286,
              -0.5,      -0.388393,   -0.165179, -0.0535714, 0.714286,  0.412946,   -0.189732, -0.491071,
              0.196429,  -0.00223213, -0.399554, -0.598214,  -0.241071, -0.0223214, 0.415179,  0.633929});
  check_case(
      "linear, corners aligned", 13, {1, 2, 3},
      [](OnnxBuilder& f) {
        f.constant("c1", {4}, Floats{1, 1, 2, 1.6f});
        f.node("Resize", {"x", "", "c1"}, "t",
               {attribute("coordinate_transformation_mode", "align_corners"), attribute("mode", "linear")});
      },
      {-1,        -0.416667,  0.166667,  0.75,     -0.833333, -0.25,     0.111111,     0.25,
       -0.666667, -0.0833333, 0.0555555, -0.25,    -0.5,      0.0833333, -4.47035e-08, -0.75,
       0.125,     0.708333,   0.583333,  -0.25,    0.291667,  0.430556,  0.319444,     -0.0416667,
       0.458333,  0.152778,   0.0555556, 0.166667, 0.625,     -0.125,    -0.208333,    0.375});
  check_case("linear, to a size with all samples", 13, {1, 2, 3},
             [](OnnxBuilder& f) {
               f.constant("c2", Ints{0});
               f.constant("c3", Ints{2});
               f.constant("c5", Ints{3, 2});
               f.node("Shape", {"x"}, "t1_0");
               f.node("Slice", {"t1_0", "c2", "c3"}, "t4_0");
               f.node("Concat", {"t4_0", "c5"}, "t6_0", {attribute("axis", 0)});
               f.node("Resize", {"x", "", "", "t6_0"}, "t",
                      {attribute("coordinate_transformation_mode", "pytorch_half_pixel"),
                       attribute("mode", "linear")});
             },
             {-0.78125, 0.53125, -0.53125, 0.03125, -0.28125, -0.46875, 0.34375, 0.0625, 0.34375, 0.109375,
              0.34375, 0.15625});
  check_case("nearest, preferring the lower one", 13, {1, 1, 3},
             [](OnnxBuilder& f) {
               f.constant("c1", {4}, Floats{1, 1, 1, 2.5f});
               f.node("Resize", {"x", "", "c1"}, "t", {attribute("mode", "nearest")});
             },
             {-1, -1, -1, -0.125, -0.125, 0.75, 0.75, -0.5, -0.5, -0.5, 0.375, 0.375, -0.75, -0.75});
  check_case("nearest, upper one, asymmetric", 13, {1, 1, 4},
             [](OnnxBuilder& f) {
               f.constant("c1", {4}, Floats{1, 1, 1, 1.4f});
               f.node("Resize", {"x", "", "c1"}, "t",
                      {attribute("coordinate_transformation_mode", "asymmetric"),
                       attribute("mode", "nearest"), attribute("nearest_mode", "ceil")});
             },
             {-1, -0.125, 0.75, -0.5, -0.5, 0.375, -0.75, 0.125, 1, 1});
  check_case("nearest, preferring the upper one, symmetric", 19, {1, 1, 4},
             [](OnnxBuilder& f) {
               f.constant("c1", {4}, Floats{1, 1, 1, 0.8f});
               f.node("Resize", {"x", "", "c1"}, "t",
                      {attribute("coordinate_transformation_mode", "half_pixel_symmetric"),
                       attribute("mode", "nearest"), attribute("nearest_mode", "round_prefer_ceil")});
             },
             {-1, 0.75, -0.5, 0.375, 0.125, 1});
  check_case("cubic", 13, {1, 3, 4},
             [](OnnxBuilder& f) {
               f.constant("c1", {4}, Floats{1, 1, 1.5f, 0.5f});
               f.node("Resize", {"x", "", "c1"}, "t", {attribute("mode", "cubic")});
             },
             {-0.677084, 0.169054, -0.509766, 0.501953, -0.15625, 0.5659, 0.21875, -0.0437645, -0.557509,
              0.45421, -0.360474, 0.0284424, 0.0473274, -0.31845, 0.470902, -0.100821});
  check_case("cubic without what is outside", 13, {1, 3, 2},
             [](OnnxBuilder& f) {
               f.constant("c1", {4}, Floats{1, 1, 1, 2});
               f.node("Resize", {"x", "", "c1"}, "t",
                      {attribute("cubic_coeff_a", -0.5), attribute("exclude_outside", 1),
                       attribute("mode", "cubic")});
             },
             {-1.07721,  -0.81875, -0.30625,  -0.0477941, 0.860294,  0.491071, -0.241071, -0.610294,
              0.474265,  0.141964, -0.516964, -0.849265,  0.0477941, 0.30625,  0.81875,   1.07721,
              -0.327206, -0.06875, 0.44375,   0.702206,   -0.577206, -0.31875, 0.19375,   0.452206});
  check_case("linear against aliasing", 18, {1, 5, 2},
             [](OnnxBuilder& f) {
               f.constant("c1", Ints{3});
               f.node("Resize", {"x", "", "", "c1"}, "t",
                      {attribute("antialias", 1), attribute("axes", Ints{2}), attribute("mode", "linear")});
             },
             {-0.34375, -0.265625, 0.402778, -0.305556, -0.109375, 0.765625, -0.640625, 0.234375, 0.430556,
              -0.277778, 0.390625, -0.859375});
  check_case("cubic against aliasing", 18, {1, 1, 6},
             [](OnnxBuilder& f) {
               f.constant("c1", Ints{3});
               f.node("Resize", {"x", "", "", "c1"}, "t",
                      {attribute("antialias", 1), attribute("axes", Ints{3}), attribute("exclude_outside", 1),
                       attribute("mode", "cubic")});
             },
             {-0.400728, 0.226887, -0.284823, 0.465696, 0.196934, 0.0239085});
  check_case("keeping the aspect ratio", 18, {1, 2, 4},
             [](OnnxBuilder& f) {
               f.constant("c1", Ints{4, 6});
               f.node("Resize", {"x", "", "", "c1"}, "t",
                      {attribute("axes", Ints{2, 3}), attribute("keep_aspect_ratio_policy", "not_larger"),
                       attribute("mode", "linear")});
             },
             {-1,       -0.5625, 0.0208333, 0.604167, 0.125,   -0.5,      -0.3125,    -0.375, -0.291667,
              0.291667, 0.34375, 0.25,      0.375,    -0.1875, -0.604167, -0.0208334, 0.5625, 1,
              -0.25,    0.1875,  0.4375,    -0.3125,  -0.0625, 0.375,     -0.5625,    -0.125, 0.291667,
              0.208333, 0.125,   0.0625,    -0.875,   -0.4375, 0.145833,  0.729167,   0.3125, -0.25});
  check_case(
      "cropped", 13, {1, 3, 3},
      [](OnnxBuilder& f) {
        f.constant("c1", {8}, Floats{0, 0, 0, 0.25f, 1, 1, 1, 1.25f});
        f.constant("c2", {4}, Floats{1, 1, 1, 1.34f});
        f.node(
            "Resize", {"x", "c1", "c2"}, "t",
            {attribute("coordinate_transformation_mode", "tf_crop_and_resize"), attribute("mode", "linear")});
      },
      {-0.5625, 0.0208334, 0.604167, 0, -0.0625, 0.1875,   -0.5625,  0, 0.5625, 0.791667, -0.0416667, 0,
       0.0625,  -0.354167, 0.229167, 0, -0.4375, 0.145833, 0.729167, 0, 0.1875, 0.416667, -0.416667,  0});
}

TEST_CASE("onnx: transposed convolutions, volumes, and poolings of all kinds", "[onnx][volumes]") {
  check_case(
      "ConvTranspose in groups", 11, {2, 2, 3},
      [](OnnxBuilder& f) {
        f.constant("c1", {2, 2, 2, 3}, Floats{-0.83f, 0.17f,  -1,    0.17f,  -1,    0,      -1,    0,
                                              1,      0,      1,     -0.17f, 1,     -0.17f, 0.83f, -0.17f,
                                              0.83f,  -0.33f, 0.83f, -0.33f, 0.67f, -0.33f, 0.67f, -0.5f});
        f.constant("c2", {4}, Floats{-0.67f, 0.5f, -0.5f, 0.83f});
        f.node("ConvTranspose", {"x", "c1", "c2"}, "t",
               {attribute("group", 2), attribute("output_padding", Ints{1, 0}),
                attribute("pads", Ints{0, 1, 1, 0}), attribute("strides", Ints{2, 1})});
      },
      {-0.73625, -0.31375, -0.4175,  -1.42,    0.30875,  -0.4175,  -1.42,    -0.67,    -1.06625, 0.51625,
       -1.1725,  0.08,     -0.10625, -1.1725,  0.08,     -0.67,    0.625,    -1.25,    0.375,    1.25,
       -0.5,     0.545,    1.27125,  0.3725,   0.125,    0.75,     0.875,    -0.25,    0,        0.96,
       -0.31375, 0.6275,   0.47875,  -0.81625, 0.3725,   -0.7075,  -0.56625, 0.33125,  -1.0375,  -0.4175,
       -1.10625, 0.47875,  -0.97875, -0.18875, 0.10375,  -1.185,   -0.02375, -0.62375, 1.61875,  0.37625,
       1.5825,   0.6625,   0.58375,  1.52,     0.1625,   0.955,    0.20875,  1.725,    0.37125,  1.08125,
       1.41375,  0.05875,  1.33125,  0.6425,   -0.81875, -0.52125, -0.52125, -1.545,   0.205,    -0.52125,
       -1.545,   -0.67,    -1.23125, 0.205,    -1.40125, -0.045,   -0.31375, -1.40125, -0.045,   -0.67,
       0.5,      -1.25,    0.5,      1.375,    -0.375,   0.64875,  1.375,    0.35125,  -0.125,   0.875,
       1.125,    -0.125,   0.25,     1.1675,   -0.23125, 0.60625,  -1.5425,  -0.1225,  -1.33,    -0.5,
       -0.1225,  -1.4125,  -0.17,    -0.5,     -1.02375, 0.79,     -0.89625, -0.085,   0.29,     -1.185,
       0.03875,  -0.665,   -0.0825,  1.3275,   0.16,     0.83,     1.3275,   0.035,    1.33,     0.83,
       0.23,     1.955,    0.41375,  1.165,    1.54,     -0.02375, 1.3525,   0.58});
  check_case("ConvTranspose along one axis", 13, {2, 3},
             [](OnnxBuilder& f) {
               f.constant("c1", {2, 1, 3}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0});
               f.node("ConvTranspose", {"x", "c1"}, "t",
                      {attribute("dilations", Ints{2}), attribute("output_shape", Ints{7}),
                       attribute("strides", Ints{2})});
             },
             {0, 0.4975, 0, -0.14625, 0, 1.0025, 0, 0, -1.51875, 0, 0.81625, 0, -1.4175, 0});
  check_case(
      "ConvTranspose of the same size", 22, {1, 3, 2},
      [](OnnxBuilder& f) {
        f.constant("c1", {1, 2, 3, 2}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0, -1, 0, 1, 0, 1, -0.17f});
        f.node("ConvTranspose", {"x", "c1"}, "t",
               {attribute("auto_pad", "SAME_UPPER"), attribute("strides", Ints{2, 2})});
      },
      {0.83,     -0.17,   0.10375, -0.02125, 1,        -0.17,    0.125,   -0.02125, 0.3775,  0.1275,  0.54,
       -0.085,   -0.75,   0.1275,  0.5,      -0.085,   -1.06125, 0.06375, 1.1225,   -0.1275, -0.375,  0.06375,
       0.75,     -0.1275, 1,       0,        0.125,    0,        -1,      0,        -0.125,  0,       -1.75,
       0.17,     0.375,   0.02125, 0.75,     0,        -0.5,     0,       0.375,    -0.1275, 0.25,    0.085,
       0.375,    0,       -0.75,   0,        -0.10375, 0.02125,  -0.83,   0.17,     -0.125,  0.02125, -1,
       0.17,     0.0825,  -0.0425, -1.51875, 0.10625,  0.25,     -0.0425, -0.625,   0.10625, 0.665,   -0.085,
       -0.93625, 0.06375, 0.5,     -0.085,   -0.375,   0.06375,  -0.125,  0,        -1,      0,       0.125,
       0,        1,       0,       0.375,    -0.02125, 0.375,    -0.17,   -0.25,    0,       0.625,   0,
       0.25,     0.0425,  0.25,    -0.10625, -0.5,     0,        0.375,   0});
  check_case("ConvTranspose of volumes", 11, {2, 2, 1, 2},
             [](OnnxBuilder& f) {
               f.constant(
                   "c1", {2, 2, 2, 2, 1},
                   Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0, -1, 0, 1, 0, 1, -0.17f, 1, -0.17f, 0.83f, -0.17f});
               f.node("ConvTranspose", {"x", "c1"}, "t", {attribute("strides", Ints{2, 1, 1})});
             },
             {1.205,    -0.64625, -0.17,    -0.02125, 1.375,   -0.625,  -0.23375, 0.10625, -0.4975,  1.415,
              0.1275,   -0.085,   -0.625,   1.5,      0.10625, -0.255,  1.375,    -0.625,  -0.06375, 0.1275,
              1.31125,  -0.4975,  -0.06375, 0.1275,   -0.625,  1.5,     -0.02125, -0.17,   -0.64625, 1.33,
              -0.02125, -0.17,    -0.6675,  -0.51875, -0.0425, 0.10625, -0.625,   -0.625,  0.10625,  0.10625,
              1.29,     -0.56125, -0.085,   0.06375,  1.375,   -0.625,  -0.23375, 0.10625, -0.625,   -0.625,
              0.14875,  0,        -0.47625, -0.625,   0.14875, 0,       1.375,    -0.625,  -0.14875, 0.0425,
              1.22625,  -0.5825,  -0.14875, 0.0425});
  check_case("Conv of volumes", 11, {2, 3, 2, 3},
             [](OnnxBuilder& f) {
               f.constant(
                   "c1", {2, 2, 2, 1, 2},
                   Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0, -1, 0, 1, 0, 1, -0.17f, 1, -0.17f, 0.83f, -0.17f});
               f.constant("c2", {2}, Floats{-0.67f, 0.5f});
               f.node("Conv", {"x", "c1", "c2"}, "t",
                      {attribute("pads", Ints{1, 0, 0, 0, 0, 1}), attribute("strides", Ints{2, 1, 1})});
             },
             {0.05875, 0.5825,   -1.42,    -0.98125, -0.7975,  -0.42,    0.52125, -0.89375, -0.4625, -1.7925,
              -1.4225, -0.60625, -0.10125, -0.5825,  1.25,     0.72625,  0.60625, 0.165,    -0.5,    1.1275,
              0.22875, 1.38875,  1.23125,  0.3725,   -0.85625, -0.81875, -0.295,  0.25,     -1.8375, -1.42,
              -1.71,   -1.215,   -0.3775,  -0.11375, 0.9575,   -0.52125, 0.6225,  0.6275,   0.04,    -0.31375,
              1.47625, 1.08,     1.285,    1.0025,   0.14375,  -0.01375, -0.915,  0.64875});
  check_case("Conv of volumes in groups", 11, {2, 2, 2, 2},
             [](OnnxBuilder& f) {
               f.constant("c1", {2, 1, 2, 2, 1}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0, -1, 0});
               f.node("Conv", {"x", "c1"}, "t", {attribute("auto_pad", "SAME_LOWER"), attribute("group", 2)});
             },
             {-0.17,  -0.02125, 1.1275, 0.04,  -0.10625, -0.14875, 0.60375,  0.93875, 0,     0,       0.25,
              -0.625, 0,        0,      1.125, -0.625,   0.10625,  -0.10625, -0.5825, 0.455, 0.10625, 0.0425,
              -0.54,  -0.44125, 0,      0,     0.75,     -0.25,    0,        0,       0,     0.25});
  check_case("MaxPool of volumes", 12, {1, 3, 3, 2},
             [](OnnxBuilder& f) {
               f.node("MaxPool", {"x"}, "t",
                      {attribute("kernel_shape", Ints{2, 2, 2}), attribute("pads", Ints{1, 0, 0, 0, 0, 1})});
             },
             {0.75,  -0.125, 0.75,  -0.5,  1,     1,     0.75,  0.625, 1, 1, 0.875, 0.625,
              0.875, 0.875,  0.875, 0.875, 0.875, 0.875, 0.875, 0.875, 1, 1, 1,     1});
  check_case("AveragePool of volumes", 11, {1, 3, 3, 2},
             [](OnnxBuilder& f) {
               f.node("AveragePool", {"x"}, "t",
                      {attribute("count_include_pad", 1), attribute("kernel_shape", Ints{2, 2, 2}),
                       attribute("pads", Ints{1, 0, 0, 0, 1, 1}), attribute("strides", Ints{2, 1, 1})});
             },
             {-0.109375, -0.078125, -0.015625, -0.15625, -0.046875, -0.09375,  0.15625, 0.171875,
              0.109375,  0.015625,  -0.015625, -0.03125, 0.015625,  -0.015625, 0.125,   0.171875,
              0.015625,  0.0625,    -0.09375,  0.046875, 0.09375,   0.140625,  0.09375, 0.03125});
  check_case("AveragePool rounding up", 19, {2, 5},
             [](OnnxBuilder& f) {
               f.node("AveragePool", {"x"}, "t",
                      {attribute("ceil_mode", 1), attribute("dilations", Ints{2}),
                       attribute("kernel_shape", Ints{2}), attribute("pads", Ints{1, 0}),
                       attribute("strides", Ints{3})});
             },
             {-0.125, 0.5625, 0.125, 0.8125, 0.375, 0, 0.625, -0.8125});
  check_case("LpPool", 11, {2, 3, 3},
             [](OnnxBuilder& f) {
               f.node("LpPool", {"x"}, "t",
                      {attribute("kernel_shape", Ints{2, 2}), attribute("p", 3),
                       attribute("pads", Ints{0, 1, 0, 0})});
             },
             {1.04004,  1.05663,  0.96493,  0.502591, 1.05663,  1.14222, 0.970492, 1.01285,
              0.946397, 0.881751, 0.975991, 1.05017,  0.881751, 1.20238, 1.05605,  1.02971,
              1.05076,  1.06069,  0.502591, 0.990137, 0.990137, 1.04004, 1.1604,   0.951458});
  check_case("LpPool rounding up", 18, {1, 5},
             [](OnnxBuilder& f) {
               f.node("LpPool", {"x"}, "t",
                      {attribute("ceil_mode", 1), attribute("dilations", Ints{1}),
                       attribute("kernel_shape", Ints{2}), attribute("strides", Ints{2})});
             },
             {1.00778, 0.901388, 0.375, 0.760345, 1.03078, 0.625});
  check_case("GlobalLpPool", 7, {2, 2, 2}, [](OnnxBuilder& f) { f.node("GlobalLpPool", {"x"}, "t"); },
             {1.35208, 1.31101, 0.918559, 1.26244});
  check_case("GlobalMaxPool", 13, {3, 4}, [](OnnxBuilder& f) { f.node("GlobalMaxPool", {"x"}, "t"); },
             {0.75, 1, 0.625, 0.875, 0.625, 0.875});
  check_case("GlobalAveragePool of volumes", 13, {2, 2, 2, 2},
             [](OnnxBuilder& f) { f.node("GlobalAveragePool", {"x"}, "t"); },
             {-0.015625, 0, 0.03125, -0.203125});
}

TEST_CASE("onnx: recurrent layers", "[onnx][recurrent]") {
  check_case("LSTM", 7, {3, 3},
             [](OnnxBuilder& f) {
               f.constant("c2", {1, 8, 3},
                          Floats{-0.83f, 0.17f,  -1,    0.17f,  -1,    0,      -1,    0,
                                 1,      0,      1,     -0.17f, 1,     -0.17f, 0.83f, -0.17f,
                                 0.83f,  -0.33f, 0.83f, -0.33f, 0.67f, -0.33f, 0.67f, -0.5f});
               f.constant("c3", {1, 8, 2},
                          Floats{-0.67f, 0.5f, -0.5f, 0.83f, -0.17f, 1, 0.17f, -0.83f, 0.33f, -0.5f, 0.67f,
                                 -0.33f, 1, 0, -1, 0.33f});
               f.constant("c4", {1, 16},
                          Floats{-0.5f, 0.83f, 0, -0.67f, 0.67f, -0.17f, -0.83f, 0.5f, -0.33f, -1, 0.33f,
                                 -0.5f, 1, 0.17f, -0.67f, 0.83f});
               f.node("Transpose", {"x"}, "t1_0", {attribute("perm", Ints{1, 0, 2})});
               f.node("LSTM", {"t1_0", "c2", "c3", "c4"}, Names{"t5_0", "t5_1", "t5_2"},
                      {attribute("direction", "reverse"), attribute("hidden_size", 2)});
               f.node("Transpose", {"t5_0"}, "t6_0", {attribute("perm", Ints{2, 0, 1, 3})});
               f.node("Transpose", {"t5_1"}, "t7_0", {attribute("perm", Ints{1, 0, 2})});
               f.node("Transpose", {"t5_2"}, "t8_0", {attribute("perm", Ints{1, 0, 2})});
               f.node("Flatten", {"t6_0"}, "t9_0", {attribute("axis", 1)});
               f.node("Flatten", {"t7_0"}, "t10_0", {attribute("axis", 1)});
               f.node("Flatten", {"t8_0"}, "t11_0", {attribute("axis", 1)});
               f.node("Concat", {"t9_0", "t10_0", "t11_0"}, "t", {attribute("axis", 1)});
             },
             {-0.698182, 0.099036, -0.380915, 0.150923,  -0.167747, 0.107317, -0.698182,
              0.099036,  -1.01661, 0.686526,  -0.383025, 0.0792426, -0.55515, 0.0944514,
              -0.232465, 0.112004, -0.383025, 0.0792426, -0.821272, 0.712939});
  check_case(
      "LSTM in both directions", 14, {3, 3},
      [](OnnxBuilder& f) {
        f.constant(
            "c2", {2, 8, 3},
            Floats{-0.83f, 0.17f,  -1,    0.17f,  -1,    0,      -1,    0,      1,     0,      1,     -0.17f,
                   1,      -0.17f, 0.83f, -0.17f, 0.83f, -0.33f, 0.83f, -0.33f, 0.67f, -0.33f, 0.67f, -0.5f,
                   0.67f,  -0.5f,  0.5f,  -0.5f,  0.5f,  -0.67f, 0.5f,  -0.67f, 0.33f, -0.67f, 0.33f, -0.83f,
                   0.33f,  -0.83f, 0.17f, -0.83f, 0.17f, -1,     0.17f, -1,     0,     -1,     0,     1});
        f.constant("c3", {2, 8, 2},
                   Floats{-0.67f, 0.5f,   -0.5f, 0.83f, -0.17f, 1,      0.17f, -0.83f, 0.33f,  -0.5f,  0.67f,
                          -0.33f, 1,      0,     -1,    0.33f,  -0.67f, 0.5f,  -0.33f, 0.83f,  -0.17f, -1,
                          0.17f,  -0.83f, 0.5f,  -0.5f, 0.67f,  -0.17f, 1,     0,      -0.83f, 0.33f});
        f.constant("c4", {2, 16},
                   Floats{-0.5f,  0.83f, 0,     -0.67f, 0.67f, -0.17f, -0.83f, 0.5f,  -0.33f, -1,    0.33f,
                          -0.5f,  1,     0.17f, -0.67f, 0.83f, 0,      -0.83f, 0.67f, -0.17f, -1,    0.5f,
                          -0.33f, 1,     0.33f, -0.5f,  0.83f, 0.17f,  -0.67f, 0.67f, 0,      -0.83f});
        f.constant("c5", Ints{0});
        f.constant("c6", Ints{1});
        f.constant("c7", Ints{1});
        f.constant("c9", {3, 2}, Floats{-0.33f, -1, 0.5f, 0, -0.67f, 0.83f});
        f.constant("c13", Ints{0});
        f.constant("c14", Ints{1});
        f.constant("c15", Ints{1});
        f.constant("c17", {3, 2}, Floats{-0.17f, -0.67f, 1, 0.67f, 0.17f, -0.33f});
        f.constant("c21", {2, 6},
                   Floats{0, -0.33f, -0.67f, -0.83f, 1, 0.67f, 0.5f, 0.17f, -0.17f, -0.33f, -0.67f, -1});
        f.node("Transpose", {"x"}, "t1_0", {attribute("perm", Ints{1, 0, 2})});
        f.node("Slice", {"x", "c5", "c6", "c7"}, "t8_0");
        f.node("MatMul", {"t8_0", "c9"}, "t10_0");
        f.node("Transpose", {"t10_0"}, "t11_0", {attribute("perm", Ints{1, 0, 2})});
        f.node("Concat", {"t11_0", "t11_0"}, "t12_0", {attribute("axis", 0)});
        f.node("Slice", {"x", "c13", "c14", "c15"}, "t16_0");
        f.node("MatMul", {"t16_0", "c17"}, "t18_0");
        f.node("Transpose", {"t18_0"}, "t19_0", {attribute("perm", Ints{1, 0, 2})});
        f.node("Concat", {"t19_0", "t19_0"}, "t20_0", {attribute("axis", 0)});
        f.node("LSTM", {"t1_0", "c2", "c3", "c4", "", "t12_0", "t20_0", "c21"},
               Names{"t22_0", "t22_1", "t22_2"},
               {attribute("direction", "bidirectional"), attribute("hidden_size", 2)});
        f.node("Transpose", {"t22_0"}, "t23_0", {attribute("perm", Ints{2, 0, 1, 3})});
        f.node("Transpose", {"t22_1"}, "t24_0", {attribute("perm", Ints{1, 0, 2})});
        f.node("Transpose", {"t22_2"}, "t25_0", {attribute("perm", Ints{1, 0, 2})});
        f.node("Flatten", {"t23_0"}, "t26_0", {attribute("axis", 1)});
        f.node("Flatten", {"t24_0"}, "t27_0", {attribute("axis", 1)});
        f.node("Flatten", {"t25_0"}, "t28_0", {attribute("axis", 1)});
        f.node("Concat", {"t26_0", "t27_0", "t28_0"}, "t", {attribute("axis", 1)});
      },
      {-0.389107, 0.0199759, -0.245873, 0.201969,   -0.471447, 0.130848,  -0.211383, 0.329228,
       -0.515082, 0.184075,  -0.190333, 0.124492,   -0.515082, 0.184075,  -0.245873, 0.201969,
       -0.960215, 0.956989,  -0.340648, 0.597056,   -0.326024, 0.0506438, -0.157721, -0.0959343,
       -0.592041, 0.0691737, -0.33332,  -0.26157,   -0.511441, 0.144553,  -0.312569, -0.482534,
       -0.511441, 0.144553,  -0.157721, -0.0959343, -0.967368, 0.743289,  -0.170864, -0.285446});
  check_case(
      "LSTM", 14, {3, 3},
      [](OnnxBuilder& f) {
        f.constant("c2", {1, 8, 3}, Floats{-0.83f, 0.17f,  -1,    0.17f,  -1,    0,      -1,    0,
                                           1,      0,      1,     -0.17f, 1,     -0.17f, 0.83f, -0.17f,
                                           0.83f,  -0.33f, 0.83f, -0.33f, 0.67f, -0.33f, 0.67f, -0.5f});
        f.constant("c3", {1, 8, 2},
                   Floats{-0.67f, 0.5f, -0.5f, 0.83f, -0.17f, 1, 0.17f, -0.83f, 0.33f, -0.5f, 0.67f, -0.33f,
                          1, 0, -1, 0.33f});
        f.node("Transpose", {"x"}, "t1_0", {attribute("perm", Ints{1, 0, 2})});
        f.node(
            "LSTM", {"t1_0", "c2", "c3"}, Names{"t4_0", "t4_1", "t4_2"},
            {attribute("activation_alpha", Floats{0.3f, 0.7f}),
             attribute("activation_beta", Floats{0.4f, 0.1f}),
             attribute("activations", Names{"HardSigmoid", "Softsign", "Affine"}),
             attribute("direction", "forward"), attribute("hidden_size", 2), attribute("input_forget", 1)});
        f.node("Transpose", {"t4_0"}, "t5_0", {attribute("perm", Ints{2, 0, 1, 3})});
        f.node("Transpose", {"t4_1"}, "t6_0", {attribute("perm", Ints{1, 0, 2})});
        f.node("Transpose", {"t4_2"}, "t7_0", {attribute("perm", Ints{1, 0, 2})});
        f.node("Flatten", {"t5_0"}, "t8_0", {attribute("axis", 1)});
        f.node("Flatten", {"t6_0"}, "t9_0", {attribute("axis", 1)});
        f.node("Flatten", {"t7_0"}, "t10_0", {attribute("axis", 1)});
        f.node("Concat", {"t8_0", "t9_0", "t10_0"}, "t", {attribute("axis", 1)});
      },
      {0.0323208,  0.0224186, -0.0608562, 0.0858718, -0.0475366, 0.132875,  -0.0475366,
       0.132875,   -0.357512, 0.132941,   0.0441937, -0.0165541, 0.0941177, -0.0189803,
       -0.0264062, 0.0175082, -0.0264062, 0.0175082, -0.279039,  -0.103087});
  check_case("GRU in both directions", 14, {3, 3},
             [](OnnxBuilder& f) {
               f.constant("c2", {2, 6, 3},
                          Floats{-0.83f, 0.17f,  -1,     0.17f,  -1,     0,     -1,     0,     1,
                                 0,      1,      -0.17f, 1,      -0.17f, 0.83f, -0.17f, 0.83f, -0.33f,
                                 0.83f,  -0.33f, 0.67f,  -0.33f, 0.67f,  -0.5f, 0.67f,  -0.5f, 0.5f,
                                 -0.5f,  0.5f,   -0.67f, 0.5f,   -0.67f, 0.33f, -0.67f, 0.33f, -0.83f});
               f.constant("c3", {2, 6, 2}, Floats{-0.67f, 0.5f,  -0.5f,  0.83f,  -0.17f, 1,  0.17f, -0.83f,
                                                  0.33f,  -0.5f, 0.67f,  -0.33f, 1,      0,  -1,    0.33f,
                                                  -0.67f, 0.5f,  -0.33f, 0.83f,  -0.17f, -1, 0.17f, -0.83f});
               f.constant("c4", {2, 12}, Floats{-0.5f,  0.83f,  0,     -0.67f, 0.67f, -0.17f, -0.83f, 0.5f,
                                                -0.33f, -1,     0.33f, -0.5f,  1,     0.17f,  -0.67f, 0.83f,
                                                0,      -0.83f, 0.67f, -0.17f, -1,    0.5f,   -0.33f, 1});
               f.constant("c5", Ints{0});
               f.constant("c6", Ints{1});
               f.constant("c7", Ints{1});
               f.constant("c9", {3, 2}, Floats{-0.33f, -1, 0.5f, 0, -0.67f, 0.83f});
               f.node("Transpose", {"x"}, "t1_0", {attribute("perm", Ints{1, 0, 2})});
               f.node("Slice", {"x", "c5", "c6", "c7"}, "t8_0");
               f.node("MatMul", {"t8_0", "c9"}, "t10_0");
               f.node("Transpose", {"t10_0"}, "t11_0", {attribute("perm", Ints{1, 0, 2})});
               f.node("Concat", {"t11_0", "t11_0"}, "t12_0", {attribute("axis", 0)});
               f.node("GRU", {"t1_0", "c2", "c3", "c4", "", "t12_0"}, Names{"t13_0", "t13_1"},
                      {attribute("direction", "bidirectional"), attribute("hidden_size", 2)});
               f.node("Transpose", {"t13_0"}, "t14_0", {attribute("perm", Ints{2, 0, 1, 3})});
               f.node("Transpose", {"t13_1"}, "t15_0", {attribute("perm", Ints{1, 0, 2})});
               f.node("Flatten", {"t14_0"}, "t16_0", {attribute("axis", 1)});
               f.node("Flatten", {"t15_0"}, "t17_0", {attribute("axis", 1)});
               f.node("Concat", {"t16_0", "t17_0"}, "t", {attribute("axis", 1)});
             },
             {0.184074, 1.47862,    -0.749361, 0.589464,   0.0388464, 1.30539,    -0.678061, 1.06535,
              0.358309, 1.08354,    -0.431611, 1.22576,    0.358309,  1.08354,    -0.749361, 0.589464,
              0.76103,  -0.381407,  -0.46571,  -0.354271,  0.786175,  -0.387674,  -0.58936,  -0.0295409,
              0.384395, -0.0555189, -0.683515, -0.0853558, 0.384395,  -0.0555189, -0.46571,  -0.354271});
  check_case(
      "GRU", 14, {3, 3},
      [](OnnxBuilder& f) {
        f.constant("c2", {1, 6, 3},
                   Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0, -1, 0, 1, 0, 1, -0.17f, 1, -0.17f, 0.83f, -0.17f,
                          0.83f, -0.33f});
        f.constant("c3", {1, 6, 2},
                   Floats{-0.67f, 0.5f, -0.5f, 0.83f, -0.17f, 1, 0.17f, -0.83f, 0.33f, -0.5f, 0.67f, -0.33f});
        f.constant("c4", {1, 12},
                   Floats{-0.5f, 0.83f, 0, -0.67f, 0.67f, -0.17f, -0.83f, 0.5f, -0.33f, -1, 0.33f, -0.5f});
        f.node("Transpose", {"x"}, "t1_0", {attribute("perm", Ints{1, 0, 2})});
        f.node("GRU", {"t1_0", "c2", "c3", "c4"}, Names{"t5_0", "t5_1"},
               {attribute("direction", "reverse"), attribute("hidden_size", 2),
                attribute("linear_before_reset", 1)});
        f.node("Transpose", {"t5_0"}, "t6_0", {attribute("perm", Ints{2, 0, 1, 3})});
        f.node("Transpose", {"t5_1"}, "t7_0", {attribute("perm", Ints{1, 0, 2})});
        f.node("Flatten", {"t6_0"}, "t8_0", {attribute("axis", 1)});
        f.node("Flatten", {"t7_0"}, "t9_0", {attribute("axis", 1)});
        f.node("Concat", {"t8_0", "t9_0"}, "t", {attribute("axis", 1)});
      },
      {0.318274, 0.141282, -0.0467752, 0.257946, 0.354258, 0.20589, 0.318274, 0.141282, 0.919856, -0.070127,
       0.479536, 0.0386495, -0.0570184, 0.145451, 0.919856, -0.070127});
  check_case("RNN in both directions", 22, {3, 3},
             [](OnnxBuilder& f) {
               f.constant("c2", {2, 2, 3}, Floats{-0.83f, 0.17f, -1, 0.17f, -1, 0, -1, 0, 1, 0, 1, -0.17f});
               f.constant("c3", {2, 2, 2}, Floats{-0.67f, 0.5f, -0.5f, 0.83f, -0.17f, 1, 0.17f, -0.83f});
               f.constant("c4", {2, 4}, Floats{-0.5f, 0.83f, 0, -0.67f, 0.67f, -0.17f, -0.83f, 0.5f});
               f.node("Transpose", {"x"}, "t1_0", {attribute("perm", Ints{1, 0, 2})});
               f.node("RNN", {"t1_0", "c2", "c3", "c4"}, Names{"t5_0", "t5_1"},
                      {attribute("activations", Names{"Relu", "Tanh"}),
                       attribute("direction", "bidirectional"), attribute("hidden_size", 2)});
               f.node("Transpose", {"t5_0"}, "t6_0", {attribute("perm", Ints{2, 0, 1, 3})});
               f.node("Transpose", {"t5_1"}, "t7_0", {attribute("perm", Ints{1, 0, 2})});
               f.node("Flatten", {"t6_0"}, "t8_0", {attribute("axis", 1)});
               f.node("Flatten", {"t7_0"}, "t9_0", {attribute("axis", 1)});
               f.node("Concat", {"t8_0", "t9_0"}, "t", {attribute("axis", 1)});
             },
             {0,        0.115,    0.909418,  0.145629, 0.78625,  0,        0.502335, 0.0195482,
              0,        0,        -0.489194, 0.879261, 0,        0,        0.909418, 0.145629,
              0,        0.76625,  -0.7937,   0.338106, 0,        0.647237, 0.985487, -0.503819,
              0.762369, 0.029707, -0.489194, 0.786142, 0.762369, 0.029707, -0.7937,  0.338106});
}

TEST_CASE("onnx: recurrent layers with the samples first", "[onnx][recurrent]") {
  const auto file = [](bool samples_first) {
    OnnxBuilder f({-1, 3, 2}, 14);
    f.constant("w", {1, 8, 2}, foil::test::spread(16, -1, 1, 3))
        .constant("r", {1, 8, 2}, foil::test::spread(16, -1, 1, 4));
    const foil::test::Attributes turn{attribute("perm", Ints{1, 0, 2})};
    if (samples_first) {
      f.node("LSTM", {"x", "w", "r"}, Names{"all", "h", "c"}, {attribute("layout", 1)});
      f.node("Flatten", {"all"}, "a").node("Flatten", {"h"}, "b").node("Flatten", {"c"}, "d");
    } else {
      f.node("Transpose", {"x"}, "s", turn).node("LSTM", {"s", "w", "r"}, Names{"all", "h", "c"});
      f.node("Transpose", {"all"}, "t", {attribute("perm", Ints{2, 0, 1, 3})}).node("Flatten", {"t"}, "a");
      f.node("Transpose", {"h"}, "u", turn).node("Flatten", {"u"}, "b");
      f.node("Transpose", {"c"}, "v", turn).node("Flatten", {"v"}, "d");
    }
    f.node("Concat", {"a", "b", "d"}, "y", {attribute("axis", 1)});
    return foil::onnx::parse<float, 3>(f.bytes());
  };
  foil::Tensor<float, 3> x(4, 3, 2);
  for (foil::Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(foil::test::input_number(i));
  REQUIRE(file(true).logits(x) == file(false).logits(x));
}
