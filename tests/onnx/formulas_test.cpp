// SPDX-License-Identifier: MIT
/// \file
/// Operators of ONNX by themselves. What is right was computed by ONNX Runtime 1.32, for each opset by the
/// version of the operator that was in force.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
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
using foil::test::Names;
using foil::test::OnnxBuilder;
using Batch = foil::Tensor<double, 4>;
using Matrix = foil::Logits<double>;

/// A sample of shape (2, 3, 2).
const Floats signed_sample{0.55f, -1.2f, 2.1f, 0.3f, -0.7f, 1.6f, -2.4f, 0.9f, 1.1f, -0.4f, 3.2f, -1.8f};

struct Operand {
  Ints dims;
  std::variant<Floats, Ints> values;
};
Operand floats(Ints dims, Floats values) {
  return {std::move(dims), std::move(values)};
}
Operand ints(Ints values) {
  const auto count = static_cast<std::int64_t>(values.size());
  return {{count}, std::move(values)};
}
Operand integer(std::int64_t value) {
  return {{}, Ints{value}};
}

/// A network of that operator on the input and constants, and of what makes a list of its result. Behind a
/// pooling the input lies with its channels last.
OnnxBuilder network_of(const std::string& op, int opset, const Attributes& attributes,
                       const std::vector<Operand>& operands, bool channels_last) {
  OnnxBuilder file({-1, 2, 3, 2}, opset);
  Names inputs{channels_last ? "p" : "x"};
  if (channels_last) file.node("AveragePool", {"x"}, "p", {attribute("kernel_shape", Ints{1, 1})});
  for (const Operand& operand : operands) {
    inputs.push_back("c" + std::to_string(inputs.size()));
    file.encoded(std::visit(
        [&](const auto& values) { return foil::test::onnx_tensor(inputs.back(), operand.dims, values); },
        operand.values));
  }
  file.node(op, inputs, "r", attributes).node("Flatten", {"r"}, "f").node("Neg", {"f"}, "n");
  return file.node("Concat", {"f", "n"}, "y", {attribute("axis", 1)});
}

/// The network's first outputs are these values, in a batch as well, and so are their derivatives.
void check_network(const OnnxBuilder& file, const Floats& sample, const std::vector<double>& expected) {
  const auto network = foil::onnx::parse<double, 4>(file.bytes());
  Batch x(2, 2, 3, 2);
  for (std::size_t i = 0; i < 24; ++i) x.data()[i] = double{sample[i < 12 ? i : 23 - i]};
  const auto vjp = network.vjp(x);
  const auto count = static_cast<Index>(expected.size());
  REQUIRE(vjp.logits.cols() >= count);
  for (Index i = 0; i < count; ++i) {
    CAPTURE(i);
    REQUIRE(vjp.logits(0, i) ==
            Catch::Approx(expected[static_cast<std::size_t>(i)]).epsilon(3e-6).margin(3e-6));
  }
  Matrix g = Matrix::Zero(2, vjp.logits.cols());
  for (Index i = 0; i < count; ++i) g(1, i) = std::cos(3. * static_cast<double>(i)) + 0.2;
  const Batch dx = vjp.pullback(g);
  for (Index i = 12; i < 24; ++i) {
    const double at = x.data()[i], step = 1e-6;
    const auto value = [&](double v) {
      x.data()[i] = v;
      return network.logits(x).row(1).dot(g.row(1));
    };
    const double slope = (value(at + step) - value(at - step)) / (2 * step);
    x.data()[i] = at;
    CAPTURE(i);
    REQUIRE(dx.data()[i] == Catch::Approx(slope).epsilon(1e-6).margin(1e-6));
    REQUIRE(dx.data()[i - 12] == 0);
  }
}

/// The operator gives these values, in either layout.
void check_on(const Floats& sample, const std::string& op, int opset, const Attributes& attributes,
              const std::vector<Operand>& operands, const std::vector<double>& expected) {
  for (const bool channels_last : {false, true}) {
    CAPTURE(op, opset, channels_last);
    const OnnxBuilder file = network_of(op, opset, attributes, operands, channels_last);
    check_network(file, sample, expected);
  }
}
void check(const std::string& op, int opset, const Attributes& attributes,
           const std::vector<Operand>& operands, const std::vector<double>& expected) {
  check_on(signed_sample, op, opset, attributes, operands, expected);
}
void check_positive(const std::string& op, int opset, const Attributes& attributes,
                    const std::vector<Operand>& operands, const std::vector<double>& expected) {
  Floats sample;
  for (const float v : signed_sample) sample.push_back(std::abs(v));
  check_on(sample, op, opset, attributes, operands, expected);
}

/// The operator is refused, for that reason.
void refused(const std::string& reason, const std::string& op, int opset, const Attributes& attributes,
             const std::vector<Operand>& operands = {}) {
  std::string message = "no error";
  try {
    foil::onnx::parse<double, 4>(network_of(op, opset, attributes, operands, false).bytes());
  } catch (const foil::Error& error) {
    message = error.what();
  }
  CAPTURE(op, opset);
  CHECK_THAT(message, Catch::Matchers::ContainsSubstring(reason));
}

}  // namespace

TEST_CASE("formulas: activations and functions of any number of tensors", "[onnx][formulas]") {
  check("Abs", 13, {}, {}, {0.55, 1.2, 2.1, 0.3, 0.7, 1.6, 2.4, 0.9, 1.1, 0.4, 3.2, 1.8});
  check("Erf", 13, {}, {},
        {0.5633234, -0.910314, 0.9970205, 0.3286268, -0.6778012, 0.9763484, -0.9993115, 0.7969082, 0.8802051,
         -0.4283924, 0.999994, -0.9890905});
  check("HardSwish", 14, {}, {},
        {0.3254167, -0.36, 1.785, 0.165, -0.2683333, 1.226667, -0.2399999, 0.585, 0.7516667, -0.1733333, 3.2,
         -0.36});
  check("Softplus", 7, {}, {},
        {1.005492, 0.2632824, 2.215519, 0.8543552, 0.403186, 1.783901, 0.08683614, 1.241154, 1.387335,
         0.5130153, 3.239953, 0.1529776});
  check("Softsign", 7, {}, {},
        {0.3548387, -0.5454546, 0.6774194, 0.2307692, -0.4117647, 0.6153846, -0.7058823, 0.4736842, 0.5238096,
         -0.2857143, 0.7619048, -0.6428571});
  check("Mish", 18, {}, {},
        {0.4201402, -0.3088358, 2.050599, 0.2080014, -0.2678702, 1.512181, -0.2078844, 0.7612059, 0.9708416,
         -0.1889165, 3.190198, -0.2732316});
  check("Sin", 7, {}, {},
        {0.5226873, -0.9320391, 0.8632094, 0.2955202, -0.6442177, 0.9995736, -0.6754631, 0.7833269, 0.8912073,
         -0.3894183, -0.05837419, -0.9738476});
  check("Cos", 7, {}, {},
        {0.8525245, 0.3623577, -0.504846, 0.9553365, 0.7648422, -0.02919954, -0.7373937, 0.62161, 0.4535961,
         0.921061, -0.9982948, -0.227202});
  check("Atan", 7, {}, {},
        {0.5028433, -0.8760582, 1.126377, 0.2914568, -0.6107259, 1.012197, -1.176005, 0.732815, 0.8329814,
         -0.3805064, 1.267911, -1.063698});
  check("Sinh", 9, {}, {},
        {0.5781516, -1.509461, 4.021856, 0.3045203, -0.7585837, 2.375568, -5.466229, 1.026517, 1.335648,
         -0.4107523, 12.24588, -2.942174});
  check("Asinh", 9, {}, {},
        {0.5254804, -1.015973, 1.487483, 0.2956731, -0.6526666, 1.248983, -1.609438, 0.8088669, 0.9503469,
         -0.3900353, 1.879864, -1.350441});
  check("Selu", 7, {}, {},
        {0.5778856, -1.22857, 2.206472, 0.3152103, -0.885053, 1.681122, -1.598608, 0.9456309, 1.155771,
         -0.5796101, 3.362243, -1.467487});
  check("Celu", 12, {}, {},
        {0.55, -0.6988058, 2.1, 0.3, -0.5034147, 1.6, -0.9092821, 0.9, 1.1, -0.32968, 3.2, -0.8347011});
  check("HardSigmoid", 7, {}, {},
        {0.61, 0.26, 0.92, 0.56, 0.36, 0.8200001, 0.01999998, 0.68, 0.72, 0.42, 1, 0.14});
  check("ThresholdedRelu", 10, {}, {}, {0, 0, 2.1, 0, 0, 1.6, 0, 0, 1.1, 0, 3.2, 0});
  check("Shrink", 9, {}, {}, {0.55, -1.2, 2.1, 0, -0.7, 1.6, -2.4, 0.9, 1.1, 0, 3.2, -1.8});
  check("Gelu", 20, {}, {},
        {0.3898622, -0.1380836, 2.062485, 0.1853734, -0.1693746, 1.512321, -0.01967404, 0.7343459, 0.9507674,
         -0.1378313, 3.197801, -0.0646746});
  check("Swish", 24, {}, {},
        {0.3487746, -0.2777703, 1.870897, 0.1723328, -0.2322686, 1.331229, -0.1996144, 0.6398545, 0.8252861,
         -0.1605249, 3.07467, -0.2553319});
  check("Floor", 13, {}, {}, {0, -2, 2, 0, -1, 1, -3, 0, 1, -1, 3, -2});
  check("Ceil", 13, {}, {}, {1, -1, 3, 1, -0, 2, -2, 1, 2, -0, 4, -1});
  check("Reciprocal", 13, {}, {},
        {1.818182, -0.8333333, 0.4761905, 3.333333, -1.428571, 0.625, -0.4166667, 1.111111, 0.9090909, -2.5,
         0.3125, -0.5555556});
  check_positive("Sqrt", 13, {}, {},
                 {0.7416199, 1.095445, 1.449138, 0.5477226, 0.83666, 1.264911, 1.549193, 0.9486833, 1.048809,
                  0.6324555, 1.788854, 1.341641});
  check_positive("Log", 13, {}, {},
                 {-0.597837, 0.1823216, 0.7419373, -1.203973, -0.356675, 0.4700036, 0.8754688, -0.1053605,
                  0.0953102, -0.9162908, 1.163151, 0.5877867});
  check("Gelu", 20, {attribute("approximate", "tanh")}, {},
        {0.3898379, -0.1382972, 2.062669, 0.1853709, -0.1694298, 1.512137, -0.019277, 0.7342285, 0.9505811,
         -0.1378388, 3.19813, -0.06474048});
  check("Selu", 22, {attribute("alpha", 1.2), attribute("gamma", -0.8)}, {},
        {-0.44, 0.6708536, -1.68, -0.24, 0.4832781, -1.28, 0.8729109, -0.72, -0.8800001, 0.3164928, -2.56,
         0.8013131});
  check("Celu", 12, {attribute("alpha", -1.5)}, {},
        {0.55, -1.838311, 2.1, 0.3, -0.8920047, 1.6, -5.929549, 0.9, 1.1, -0.4584078, 3.2, -3.480175});
  check("Elu", 7, {attribute("alpha", -0.6)}, {},
        {0.55, 0.4192835, 2.1, 0.3, 0.3020488, 1.6, 0.5455693, 0.9, 1.1, 0.197808, 3.2, 0.5008207});
  check("LeakyRelu", 16, {attribute("alpha", -0.3)}, {},
        {0.55, 0.36, 2.1, 0.3, 0.21, 1.6, 0.72, 0.9, 1.1, 0.12, 3.2, 0.54});
  check("HardSigmoid", 22, {attribute("alpha", -0.3), attribute("beta", 0.6)}, {},
        {0.435, 0.96, 0, 0.51, 0.8100001, 0.12, 1, 0.33, 0.27, 0.72, 0, 1});
  check("ThresholdedRelu", 10, {attribute("alpha", 0.4)}, {},
        {0.55, 0, 2.1, 0, 0, 1.6, 0, 0.9, 1.1, 0, 3.2, 0});
  check("Shrink", 9, {attribute("lambd", 0.8), attribute("bias", 0.25)}, {},
        {0, -0.95, 1.85, 0, 0, 1.35, -2.15, 0.65, 0.85, 0, 2.95, -1.55});
  check("Swish", 24, {attribute("alpha", -0.7)}, {},
        {0.2227069, -0.8381583, 0.3925795, 0.1343076, -0.4340745, 0.3936181, -2.022971, 0.3127595, 0.3481271,
         -0.2278185, 0.3078897, -1.402247});
  check("PRelu", 7, {}, {floats({2, 1, 1}, {-0.07999999821186066f, 0.28999999165534973f})},
        {0.55, 0.096, 2.1, 0.3, 0.056, 1.6, -0.696, 0.9, 1.1, -0.116, 3.2, -0.522});
  check("PRelu", 16, {}, {floats({2}, {-0.07999999821186066f, 0.28999999165534973f})},
        {0.55, -0.348, 2.1, 0.3, 0.056, 1.6, 0.192, 0.9, 1.1, -0.116, 3.2, -0.522});
  check("PRelu", 16, {},
        {floats({2, 3, 2},
                {-0.07999999821186066f, 0.28999999165534973f, 0.6600000262260437f, -0.27000001072883606f,
                 0.10000000149011612f, 0.4699999988079071f, 0.8399999737739563f, -0.09000000357627869f,
                 0.2800000011920929f, 0.6499999761581421f, -0.2800000011920929f, 0.09000000357627869f})},
        {0.55, -0.348, 2.1, 0.3, -0.07, 1.6, -2.016, 0.9, 1.1, -0.26, 3.2, -0.162});
  check("PRelu", 16, {}, {floats({1}, {-0.30000001192092896f})},
        {0.55, 0.36, 2.1, 0.3, 0.21, 1.6, 0.72, 0.9, 1.1, 0.12, 3.2, 0.54});
  check("Max", 8, {}, {floats({1, 3, 1}, {-0.07999999821186066f, 0.28999999165534973f, 0.6600000262260437f})},
        {0.55, -0.08, 2.1, 0.3, 0.66, 1.6, -0.08, 0.9, 1.1, 0.29, 3.2, 0.66});
  check("Min", 13, {},
        {floats({2, 1, 1}, {-0.07999999821186066f, 0.28999999165534973f}),
         floats({1, 2}, {-0.07999999821186066f, 0.28999999165534973f}), floats({1}, {-0.07999999821186066f})},
        {-0.08, -1.2, -0.08, -0.08, -0.7, -0.08, -2.4, -0.08, -0.08, -0.4, -0.08, -1.8});
  check("Sum", 8, {},
        {floats({2, 1, 1}, {-0.07999999821186066f, 0.28999999165534973f}),
         floats({1, 2}, {-0.07999999821186066f, 0.28999999165534973f})},
        {0.39, -0.9900001, 1.94, 0.51, -0.86, 1.81, -2.19, 1.48, 1.31, 0.18, 3.41, -1.22});
  check("Mean", 13, {},
        {floats({2, 1, 1}, {-0.07999999821186066f, 0.28999999165534973f}),
         floats({3, 1}, {-0.07999999821186066f, 0.28999999165534973f, 0.6600000262260437f}),
         floats({2}, {-0.07999999821186066f, 0.28999999165534973f})},
        {0.07750002, -0.2675, 0.5575, 0.2, -0.04999999, 0.6175, -0.5675, 0.35, 0.4, 0.1175, 1.0175, -0.14});
  check("Max", 12, {}, {}, {0.55, -1.2, 2.1, 0.3, -0.7, 1.6, -2.4, 0.9, 1.1, -0.4, 3.2, -1.8});
  check("Mod", 13, {attribute("fmod", 1)},
        {floats({3, 1}, {0.3799999952316284f, 0.5900000333786011f, 0.9600000381469727f})},
        {0.17, -0.06000006, 0.3299998, 0.3, -0.7, 0.64, -0.1200001, 0.14, 0.51, -0.4, 0.3199999, -0.8399999});
  check_positive("Pow", 13, {}, {floats({}, {2.0f})},
                 {0.3025, 1.44, 4.409999, 0.09, 0.49, 2.56, 5.76, 0.8099999, 1.21, 0.16, 10.24, 3.24});
  check_positive("Pow", 13, {}, {floats({}, {0.5f})},
                 {0.7416199, 1.095445, 1.449138, 0.5477226, 0.83666, 1.264911, 1.549193, 0.9486833, 1.048809,
                  0.6324555, 1.788854, 1.341641});
  check_positive("Pow", 13, {}, {floats({}, {-1.0f})},
                 {1.818182, 0.8333333, 0.4761905, 3.333333, 1.428571, 0.625, 0.4166667, 1.111111, 0.9090909,
                  2.5, 0.3125, 0.5555556});
  check_positive("Pow", 13, {}, {floats({}, {1.0f})},
                 {0.55, 1.2, 2.1, 0.3, 0.7, 1.6, 2.4, 0.9, 1.1, 0.4, 3.2, 1.8});
  check_positive(
      "Pow", 13, {}, {floats({}, {3.0f})},
      {0.166375, 1.728, 9.260999, 0.027, 0.343, 4.096, 13.824, 0.7289999, 1.331, 0.064, 32.768, 5.831999});
  check("Mul", 13, {}, {floats({3, 1}, {-0.07999999821186066f, 0.28999999165534973f, 0.6600000262260437f})},
        {-0.044, 0.096, 0.609, 0.087, -0.462, 1.056, 0.192, -0.072, 0.319, -0.116, 2.112, -1.188});
  check("Sub", 13, {},
        {floats({2, 1, 2},
                {-0.07999999821186066f, 0.28999999165534973f, 0.6600000262260437f, -0.27000001072883606f})},
        {0.63, -1.49, 2.18, 0.01000002, -0.62, 1.31, -3.06, 1.17, 0.44, -0.13, 2.54, -1.53});
  check("Div", 13, {}, {floats({1}, {-0.07999999821186066f})},
        {-6.875, 15, -26.25, -3.75, 8.75, -20, 30, -11.25, -13.75, 5, -40, 22.5});
}

TEST_CASE("formulas: reductions, cumulative sums and softmaxes", "[onnx][formulas]") {
  check("ReduceMean", 13, {attribute("axes", Ints{-1})}, {}, {-0.325, 1.2, 0.45, -0.7500001, 0.35, 0.7});
  check("ReduceMean", 18, {attribute("keepdims", 0)}, {ints({3, 1})}, {-0.5375, 0.775, 0.575});
  check("ReduceMean", 22, {}, {ints({2, -1})}, {0.4416666, 0.1});
  check("ReduceMax", 13, {attribute("axes", Ints{-1})}, {}, {0.55, 2.1, 1.6, 0.9, 1.1, 3.2});
  check("ReduceMax", 18, {attribute("keepdims", 0)}, {ints({3, 1})}, {0.9, 2.1, 3.2});
  check("ReduceMax", 22, {}, {ints({2, -1})}, {2.1, 3.2});
  check("ReduceMin", 13, {attribute("axes", Ints{-1})}, {}, {-1.2, 0.3, -0.7, -2.4, -0.4, -1.8});
  check("ReduceMin", 18, {attribute("keepdims", 0)}, {ints({3, 1})}, {-2.4, -0.4, -1.8});
  check("ReduceMin", 22, {}, {ints({2, -1})}, {-1.2, -2.4});
  check("ReduceL1", 13, {attribute("axes", Ints{-1})}, {}, {1.75, 2.4, 2.3, 3.3, 1.5, 5});
  check("ReduceL1", 18, {attribute("keepdims", 0)}, {ints({3, 1})}, {5.05, 3.9, 7.3});
  check("ReduceL1", 22, {}, {ints({2, -1})}, {6.45, 9.8});
  check("ReduceL2", 13, {attribute("axes", Ints{-1})}, {},
        {1.320038, 2.12132, 1.746425, 2.563201, 1.17047, 3.671512});
  check("ReduceL2", 18, {attribute("keepdims", 0)}, {ints({3, 1})}, {2.883141, 2.422808, 4.065711});
  check("ReduceL2", 22, {}, {ints({2, -1})}, {3.04836, 4.628175});
  check("ReduceSumSquare", 13, {attribute("axes", Ints{-1})}, {}, {1.7425, 4.5, 3.05, 6.57, 1.37, 13.48});
  check("ReduceSumSquare", 18, {attribute("keepdims", 0)}, {ints({3, 1})}, {8.3125, 5.869999, 16.53});
  check("ReduceSumSquare", 22, {}, {ints({2, -1})}, {9.2925, 21.42});
  check("ReduceLogSumExp", 13, {attribute("axes", Ints{-1})}, {},
        {0.7102242, 2.252978, 1.695545, 0.9362192, 1.301413, 3.206715});
  check("ReduceLogSumExp", 18, {attribute("keepdims", 0)}, {ints({3, 1})}, {1.52274, 2.579498, 3.4061});
  check("ReduceLogSumExp", 22, {}, {ints({2, -1})}, {2.833219, 3.431489});
  check("ReduceProd", 13, {attribute("axes", Ints{-1})}, {}, {-0.66, 0.63, -1.12, -2.16, -0.44, -5.76});
  check("ReduceProd", 18, {attribute("keepdims", 0)}, {ints({3, 1})}, {1.4256, -0.2772, 6.4512});
  check("ReduceProd", 22, {}, {ints({2, -1})}, {0.4656961, -5.474304});
  check("ReduceSum", 11, {attribute("axes", Ints{2}), attribute("keepdims", 0)}, {}, {1.95, 0.7, 1.9, -1.3});
  check("ReduceSum", 13, {attribute("keepdims", 0)}, {ints({1})},
        {-1.85, -0.3000001, 3.2, -0.09999999, 2.5, -0.1999999});
  check_positive("ReduceLogSum", 18, {}, {ints({2, 3})}, {1.86408, 2.282382});
  check("ReduceL1", 18, {attribute("noop_with_empty_axes", 1)}, {},
        {0.55, 1.2, 2.1, 0.3, 0.7, 1.6, 2.4, 0.9, 1.1, 0.4, 3.2, 1.8});
  check("ReduceLogSumExp", 20, {attribute("noop_with_empty_axes", 1)}, {ints({})},
        {0.55, -1.2, 2.1, 0.3, -0.7, 1.6, -2.4, 0.9, 1.1, -0.4, 3.2, -1.8});
  check("CumSum", 14, {attribute("exclusive", 0), attribute("reverse", 0)}, {integer(2)},
        {0.55, -1.2, 2.65, -0.9, 1.95, 0.7, -2.4, 0.9, -1.3, 0.5, 1.9, -1.3});
  check("CumSum", 14, {attribute("exclusive", 0), attribute("reverse", 1)}, {integer(2)},
        {1.95, 0.7, 1.4, 1.9, -0.7, 1.6, 1.9, -1.3, 4.3, -2.2, 3.2, -1.8});
  check("CumSum", 14, {attribute("exclusive", 1), attribute("reverse", 0)}, {integer(2)},
        {0, 0, 0.55, -1.2, 2.65, -0.9, 0, 0, -2.4, 0.9, -1.3, 0.5});
  check("CumSum", 14, {attribute("exclusive", 1), attribute("reverse", 1)}, {integer(2)},
        {1.4, 1.9, -0.7, 1.6, 0, 0, 4.3, -2.2, 3.2, -1.8, 0, 0});
  check("CumSum", 11, {}, {integer(-3)},
        {0.55, -1.2, 2.1, 0.3, -0.7, 1.6, -1.85, -0.3000001, 3.2, -0.09999999, 2.5, -0.1999999});
  check("Softmax", 11, {}, {},
        {0.03616766, 0.006284996, 0.1704028, 0.0281674, 0.01036221, 0.1033546, 0.001893004, 0.05132435,
         0.06268772, 0.01398752, 0.5119185, 0.00344928});
  check("Softmax", 11, {attribute("axis", 2)}, {},
        {0.1019555, 0.01771721, 0.4803603, 0.07940302, 0.02921074, 0.2913533, 0.002933706, 0.07954052,
         0.09715104, 0.02167732, 0.7933518, 0.005345562});
  check("Softmax", 13, {attribute("axis", 1)}, {},
        {0.9502635, 0.1090968, 0.7310585, 0.6681878, 0.01984031, 0.9677046, 0.04973651, 0.8909032, 0.2689414,
         0.3318122, 0.9801598, 0.03229546});
  check("Softmax", 13, {}, {},
        {0.8519527, 0.1480472, 0.8581489, 0.1418511, 0.09112297, 0.9088771, 0.03557118, 0.9644288, 0.8175744,
         0.1824255, 0.9933072, 0.006692851});
  check("LogSoftmax", 13, {attribute("axis", 2)}, {},
        {-1.791422, -3.087689, -0.2414219, -1.587688, -3.041422, -0.2876885, -5.718809, -0.2924736, -2.218808,
         -1.592474, -0.1188086, -2.992473});
  check("LogSoftmax", 7, {attribute("axis", -1)}, {},
        {-0.1602242, -1.910224, -0.1529777, -1.952978, -2.395545, -0.09554545, -3.336219, -0.03621921,
         -0.2014133, -1.701413, -0.006715349, -5.006715});
}

TEST_CASE("formulas: normalisations", "[onnx][formulas]") {
  check("LayerNormalization", 17, {attribute("epsilon", 0.01)},
        {floats({2}, {-0.07999999821186066f, 0.28999999165534973f}),
         floats({2}, {-0.07999999821186066f, 0.28999999165534973f})},
        {-0.1594826, 0.00187552, -0.1595107, 0.001773715, -0.0003007576, 0.5789098, -0.0001465157, 0.5794688,
         -0.1592982, 0.002543896, -0.1599361, 0.0002317131});
  check("LayerNormalization", 17, {attribute("axis", 2), attribute("epsilon", 0.01)},
        {floats({3, 2}, {-0.07999999821186066f, 0.28999999165534973f, 0.6600000262260437f,
                         -0.27000001072883606f, 0.10000000149011612f, 0.4699999988079071f})},
        {-0.00742157, -0.4076867, 0.9372585, 0.03275481, -0.0977649, 0.466203, 0.1058512, 0.1227874,
         0.3493091, 0.07144958, 0.1640694, -0.4726257});
  check("LayerNormalization", 17, {attribute("axis", -3)},
        {floats({2, 3, 2},
                {-0.07999999821186066f, 0.28999999165534973f, 0.6600000262260437f, -0.27000001072883606f,
                 0.10000000149011612f, 0.4699999988079071f, 0.8399999737739563f, -0.09000000357627869f,
                 0.2800000011920929f, 0.6499999761581421f, -0.2800000011920929f, 0.09000000357627869f}),
         floats({2, 3, 2},
                {-0.07999999821186066f, 0.28999999165534973f, 0.6600000262260437f, -0.27000001072883606f,
                 0.10000000149011612f, 0.4699999988079071f, 0.8399999737739563f, -0.09000000357627869f,
                 0.2800000011920929f, 0.6499999761581421f, -0.2800000011920929f, 0.09000000357627869f})},
        {-0.09416446, 0.01947471, 1.425674, -0.2749946, 0.03842689, 0.8662084, -0.5828938, -0.1259132,
         0.427247, 0.3734495, -0.8001739, -0.02820451});
  check("LayerNormalization", 17, {attribute("axis", 2), attribute("epsilon", 0.01)},
        {floats({3, 1}, {-0.07999999821186066f, 0.28999999165534973f, 0.6600000262260437f}),
         floats({2}, {-0.07999999821186066f, 0.28999999165534973f})},
        {-0.08742157, 0.4024653, 0.3318257, 0.2548189, -0.7252484, 0.9446681, 0.02585123, 0.2561276,
         0.07348427, 0.2132578, 1.002858, -0.3736872});
  check("RMSNormalization", 23, {}, {floats({2}, {-0.07999999821186066f, 0.28999999165534973f})},
        {-0.04713883, -0.3728253, -0.1119998, 0.05799988, 0.04534732, 0.375735, 0.1059334, 0.1440032,
         -0.1063247, -0.1401553, -0.09860744, -0.2010667});
  check("RMSNormalization", 23, {attribute("axis", 1), attribute("epsilon", 0.1)},
        {floats({2, 3, 2},
                {-0.07999999821186066f, 0.28999999165534973f, 0.6600000262260437f, -0.27000001072883606f,
                 0.10000000149011612f, 0.4699999988079071f, 0.8399999737739563f, -0.09000000357627869f,
                 0.2800000011920929f, 0.6499999761581421f, -0.2800000011920929f, 0.09000000357627869f})},
        {-0.0269813, -0.2133976, 0.849911, -0.04967013, -0.0429248, 0.461135, -1.236234, -0.04967013,
         0.1888691, -0.159435, -0.5494374, -0.09934025});
  check("InstanceNormalization", 7, {},
        {floats({2}, {-0.07999999821186066f, 0.28999999165534973f}),
         floats({2}, {-0.07999999821186066f, 0.28999999165534973f})},
        {-0.08744891, 0.03287955, -0.1940255, -0.07025913, -0.001500014, -0.159646, -0.09424871, 0.4129596,
         0.4436995, 0.2131502, 0.7664683, -0.002029002});
  check("InstanceNormalization", 22, {attribute("epsilon", 0.2)},
        {floats({2}, {-0.07999999821186066f, 0.28999999165534973f}),
         floats({2}, {-0.07999999821186066f, 0.28999999165534973f})},
        {-0.08695298, 0.02536444, -0.1864341, -0.07090764, -0.00672625, -0.1543434, -0.0838902, 0.4096448,
         0.4395561, 0.215222, 0.7536238, 0.005843461});
  check("GroupNormalization", 18, {attribute("num_groups", 1)},
        {floats({1}, {-0.07999999821186066f}), floats({1}, {-0.07999999821186066f})},
        {-0.09416445, -0.005372323, -0.1728089, -0.08147987, -0.03074151, -0.1474397, 0.05551371, -0.1119229,
         -0.1220706, -0.04596302, -0.2286211, 0.02507067});
  check("GroupNormalization", 18, {attribute("num_groups", 2)},
        {floats({2}, {-0.07999999821186066f, 0.28999999165534973f}),
         floats({2}, {-0.07999999821186066f, 0.28999999165534973f})},
        {-0.08744891, 0.03287955, -0.1940255, -0.07025913, -0.00150001, -0.159646, -0.09424871, 0.4129596,
         0.4436995, 0.2131503, 0.7664684, -0.002029002});
  check("GroupNormalization", 21, {attribute("num_groups", 1), attribute("epsilon", 0.2)},
        {floats({2}, {-0.07999999821186066f, 0.28999999165534973f}),
         floats({2}, {-0.07999999821186066f, 0.28999999165534973f})},
        {-0.09362695, -0.008204296, -0.169287, -0.08142371, -0.03261077, -0.1448805, -0.1825957, 0.4013291,
         0.4367185, 0.1712981, 0.8083071, -0.07642755});
  check("BatchNormalization", 7, {},
        {floats({2}, {-0.07999999821186066f, 0.28999999165534973f}),
         floats({2}, {-0.07999999821186066f, 0.28999999165534973f}),
         floats({2}, {-0.07999999821186066f, 0.28999999165534973f}),
         floats({2}, {1.0800000429153442f, 1.2899999618530273f})},
        {-0.1284972, 0.006217241, -0.2478157, -0.1092523, -0.0322726, -0.2093259, -0.3968371, 0.4457511,
         0.4968171, 0.1138225, 1.03301, -0.2436392});
  check("BatchNormalization", 15, {attribute("epsilon", 0.1)},
        {floats({2}, {-0.07999999821186066f, 0.28999999165534973f}),
         floats({2}, {-0.07999999821186066f, 0.28999999165534973f}),
         floats({2}, {-0.07999999821186066f, 0.28999999165534973f}),
         floats({2}, {1.0800000429153442f, 1.2899999618530273f})},
        {-0.126397, 0.00248348, -0.2405482, -0.1079855, -0.03433951, -0.2037252, -0.3716722, 0.4400446,
         0.4892396, 0.1202774, 1.005787, -0.2240873});
  check("LRN", 7, {attribute("size", 1)}, {},
        {0.5499875, -1.19987, 2.099306, 0.299998, -0.6999743, 1.599693, -2.398964, 0.8999454, 1.0999,
         -0.3999952, 3.197545, -1.799563});
  check("LRN", 13,
        {attribute("size", 3), attribute("alpha", 0.6), attribute("beta", 0.5), attribute("bias", 1.5)}, {},
        {0.3339472, -0.859338, 1.296395, 0.2409658, -0.3665977, 0.981023, -1.457224, 0.6445034, 0.6790641,
         -0.3212877, 1.675875, -1.103651});
  check("LpNormalization", 7, {}, {},
        {0.4166547, -0.9090648, 0.9899495, 0.1414214, -0.4008188, 0.9161573, -0.9363292, 0.3511234, 0.9397934,
         -0.3417431, 0.8715755, -0.4902612});
  check("LpNormalization", 22, {attribute("axis", 1), attribute("p", 1)}, {},
        {0.1864407, -0.5714286, 0.65625, 0.4285714, -0.1794872, 0.4705882, -0.8135594, 0.4285714, 0.34375,
         -0.5714285, 0.8205128, -0.5294117});
  check("LpNormalization", 22, {attribute("axis", 2), attribute("p", 2)}, {},
        {0.241133, -0.5933619, 0.9206896, 0.1483405, -0.3068966, 0.7911491, -0.5785233, 0.4386332, 0.2651565,
         -0.1949481, 0.7713643, -0.8772663});
  check("MeanVarianceNormalization", 13, {attribute("axes", Ints{2, 3})}, {},
        {0.09311172, -1.411, 1.425324, -0.1217613, -0.9812535, 0.9955785, -1.324997, 0.4239991, 0.529999,
         -0.2649995, 1.642997, -1.006998});
  check("MeanVarianceNormalization", 13, {attribute("axes", Ints{3, 1})}, {},
        {0.8130132, -0.4952839, 1.423107, -0.5101705, -0.6539, 0.5256842, -1.392402, 1.074672, 0.3490641,
         -1.262001, 1.346264, -1.218049});
  check("MeanVarianceNormalization", 9, {attribute("axes", Ints{2})}, {},
        {-0.0873148, -1.252841, 1.266066, 0.05827167, -1.178751, 1.194569, -1.313198, 1.209348, 0.2020305,
         0.03023367, 1.111168, -1.239582});
}

TEST_CASE("formulas: two activations, of which one is short along any axes", "[onnx][formulas]") {
  for (const Ints& axes : {Ints{1}, Ints{2}, Ints{3}, Ints{2, 3}, Ints{1, 3}, Ints{1, 2}, Ints{1, 2, 3}})
    for (const bool short_first : {false, true})
      for (const bool channels_last : {false, true}) {
        OnnxBuilder file({-1, 2, 3, 2}, 18);
        const std::string in = channels_last ? "p" : "x";
        file.node("AveragePool", {"x"}, "p", {attribute("kernel_shape", Ints{1, 1})}).constant("axes", axes);
        file.node("ReduceSumSquare", {in, "axes"}, "s");
        file.node("Div", short_first ? Names{"s", in} : Names{in, "s"}, "r").node("Flatten", {"r"}, "y");
        std::vector<double> expected;
        const auto line = [&](std::size_t i) {  // positions along the other axes
          const std::size_t at[] = {0, i / 6, i / 2 % 3, i % 2};
          std::size_t key = 0;
          for (std::size_t axis = 1; axis < 4; ++axis)
            key = key * 3 + (std::count(axes.begin(), axes.end(), axis) > 0 ? 0 : at[axis]);
          return key;
        };
        std::vector<double> total(27);
        for (std::size_t i = 0; i < 12; ++i) total[line(i)] += std::pow(double{signed_sample[i]}, 2);
        for (std::size_t i = 0; i < 12; ++i) {
          const double x = double{signed_sample[i]}, sum = total[line(i)];
          expected.push_back(short_first ? sum / x : x / sum);
        }
        CAPTURE(axes.size(), axes[0], short_first, channels_last);
        check_network(file, signed_sample, expected);
      }
}

TEST_CASE("formulas: what would mix samples, or makes no sense, is refused", "[onnx][formulas]") {
  refused("mix samples", "ReduceMean", 13, {attribute("axes", Ints{0})});
  refused("mix samples", "ReduceMean", 18, {});
  refused("mix samples", "ReduceSum", 13, {}, {ints({1, 0})});
  refused("mix samples", "Softmax", 13, {attribute("axis", 0)});
  refused("mix samples", "Softmax", 11, {attribute("axis", 0)});
  refused("mix samples", "LayerNormalization", 17, {attribute("axis", 0)}, {floats({1}, {1.f})});
  refused("mix samples", "MeanVarianceNormalization", 13, {});
  refused("mix samples", "LpNormalization", 13, {attribute("axis", 0)});
  refused("mix samples", "CumSum", 14, {}, {integer(0)});
  refused("twice", "ReduceMean", 13, {attribute("axes", Ints{1, -3})});
  refused("out of range", "ReduceMean", 18, {}, {ints({4})});
  refused("alpha other than 0", "Celu", 12, {attribute("alpha", 0.)});
  refused("fmod = 1", "Mod", 13, {}, {floats({1}, {1.f})});
  refused("spatial = 1", "BatchNormalization", 7, {attribute("spatial", 0)},
          std::vector<Operand>(4, floats({2}, {1.f, 1.f})));
  refused("expected 2 numbers as input 1, got 1", "InstanceNormalization", 13, {},
          {floats({1}, {1.f}), floats({2}, {1.f, 1.f})});
  refused("3 groups do not divide 2 channels", "GroupNormalization", 21, {attribute("num_groups", 3)},
          {floats({2}, {1.f, 1.f}), floats({2}, {1.f, 1.f})});
  refused("does not fit", "LayerNormalization", 17, {attribute("axis", 2)},
          {floats({2, 3, 2}, Floats(12, 1.f))});
  refused("p = 1 or 2", "LpNormalization", 13, {attribute("p", 3)});
  refused("a size from 1", "LRN", 13, {attribute("size", 0)});
  refused("none or tanh", "Gelu", 20, {attribute("approximate", "erf")});
}

TEST_CASE("formulas: a constant of channels is not stretched to a sample's size", "[onnx][formulas]") {
  OnnxBuilder file({-1, 3, 32, 32});
  file.constant("c", {3, 1, 1}, {1, 2, 3}).constant("v", {3}, {1, 2, 3});
  file.node("Mul", {"x", "c"}, "m").node("BatchNormalization", {"m", "v", "v", "v", "v"}, "b");
  file.node("Flatten", {"b"}, "y");
  const auto network = foil::onnx::parse<double, 4>(file.bytes());
  const auto& graph = network.engine().graph;
  Index constants = 0;
  for (std::size_t i = 0; i < graph.operators(); ++i) constants += graph.view(i).op.weights();
  CHECK(constants == 3 + 6);
}
