// SPDX-License-Identifier: MIT
#include "foil/onnx/choices.hpp"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/onnx.hpp"
#include "support/onnx_builder.hpp"

namespace {

using foil::Index;
using foil::Logits;
using foil::test::attribute;
using foil::test::Attributes;
using foil::test::Floats;
using foil::test::Ints;
using foil::test::Names;
using foil::test::OnnxBuilder;
using Batch = foil::Tensor<double, 2>;
using Numbers = std::vector<double>;

Batch batch(const Numbers& row) {
  Batch x(1, static_cast<Index>(row.size()));
  std::copy(row.begin(), row.end(), x.data());
  return x;
}

Numbers answer(const OnnxBuilder& file, const Numbers& row, bool straight = false) {
  const auto network = foil::onnx::parse<double, 2>(file.bytes(), {.straight_through = straight});
  const Logits<double> y = network.logits(batch(row));
  return {y.data(), y.data() + y.size()};
}

/// The gradient of the sum of the outputs, each weighted by its number from 1 on.
Numbers gradient(const OnnxBuilder& file, const Numbers& row, bool straight = false) {
  const auto network = foil::onnx::parse<double, 2>(file.bytes(), {.straight_through = straight});
  Logits<double> weights(1, network.classes());
  for (Index k = 0; k < weights.size(); ++k) weights(0, k) = static_cast<double>(k + 1);
  const Batch dx = network.vjp(batch(row)).pullback(weights);
  return {dx.data(), dx.data() + dx.size()};
}

OnnxBuilder elementwise(const std::string& type, Index width, const Attributes& attributes = {}) {
  return OnnxBuilder({-1, width}).node(type, {"x"}, "y", attributes);
}

/// `type` of the input and a row of constants, as floats.
OnnxBuilder compared(const std::string& type, const Floats& constant, bool constant_first = false) {
  const auto width = static_cast<std::int64_t>(constant.size());
  return OnnxBuilder({-1, width})
      .constant("c", {width}, constant)
      .node(type, constant_first ? Names{"c", "x"} : Names{"x", "c"}, "t")
      .node("Cast", {"t"}, "y", {attribute("to", 1)});
}

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("onnx: steps have exact values, and the derivative zero or, straight through, one", "[nn][onnx]") {
  const Numbers x{-2.5, -1.5, -0.5, -0.2, 0, 0.5, 1.5, 2.5, 0.7, 1e300, -infinity};
  struct Step {
    std::string type;
    double (*f)(double);
    Attributes attributes{};
  };
  const std::vector<Step> steps{
      {"Round", [](double v) { return std::isinf(v) ? v : v - std::remainder(v, 1.0); }},
      {"Floor", [](double v) { return std::floor(v); }},
      {"Ceil", [](double v) { return std::ceil(v); }},
      {"Sign", [](double v) { return double((v > 0) - (v < 0)); }},
      {"Cast", [](double v) { return double(v != 0); }, {attribute("to", 9)}}};
  for (const Step& step : steps) {
    CAPTURE(step.type);
    const OnnxBuilder file = elementwise(step.type, static_cast<Index>(x.size()), step.attributes);
    Numbers want, weights;
    for (const double v : x) want.push_back(step.f(v)), weights.push_back(double(want.size()));
    CHECK(answer(file, x) == want);
    CHECK(answer(file, x, true) == want);
    CHECK(gradient(file, x) == Numbers(x.size(), 0.));
    CHECK(gradient(file, x, true) == weights);
  }
  // By name what remainder() says: halves go to the even neighbour.
  CHECK(answer(elementwise("Round", 4), {0.5, 1.5, -0.5, -2.5}) == Numbers{0, 2, 0, -2});
}

TEST_CASE("onnx: comparisons are 1 or 0, and straight through they are differences", "[nn][onnx]") {
  const Floats constant{1, 1, 1};
  const Numbers x{0.5, 1, 2}, none(3, 0.);
  const Numbers up{1, 2, 3}, down{-1, -2, -3};
  struct Case {
    std::string type;
    Numbers of_x, of_constant;
    Numbers slope;  // with respect to x as the first operand
  };
  const std::vector<Case> cases{{"Greater", {0, 0, 1}, {1, 0, 0}, up},
                                {"GreaterOrEqual", {0, 1, 1}, {1, 1, 0}, up},
                                {"Less", {1, 0, 0}, {0, 0, 1}, down},
                                {"LessOrEqual", {1, 1, 0}, {0, 1, 1}, down},
                                {"Equal", {0, 1, 0}, {0, 1, 0}, none}};
  for (const Case& c : cases) {
    CAPTURE(c.type);
    CHECK(answer(compared(c.type, constant), x) == c.of_x);
    CHECK(answer(compared(c.type, constant, true), x) == c.of_constant);
    CHECK(gradient(compared(c.type, constant), x) == none);
    CHECK(gradient(compared(c.type, constant), x, true) == c.slope);
    const Numbers opposite = c.slope == up ? down : c.slope == down ? up : none;
    CHECK(gradient(compared(c.type, constant, true), x, true) == opposite);
  }
  // Between two activations: x and its negative.
  OnnxBuilder both({-1, 3});
  both.node("Neg", {"x"}, "n")
      .node("Greater", {"x", "n"}, "t")
      .node("Cast", {"t"}, "y", {attribute("to", 1)});
  CHECK(answer(both, {-1, 0, 1}) == Numbers{0, 0, 1});
  CHECK(gradient(both, {-1, 0, 1}, true) == Numbers{2, 4, 6});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(answer(compared("GreaterOrEqual", constant), {nan, nan, 1}) == Numbers{0, 0, 1});
}

TEST_CASE("onnx: truths are negated and combined", "[nn][onnx]") {
  const auto combined = [](const std::string& type) {
    return OnnxBuilder({-1, 4})
        .constant("a", {4}, {0, 0, 1, 1})
        .constant("b", {4}, {0, 1, 0, 1})
        .node("Greater", {"a", "x"}, "p")
        .node("Greater", {"b", "x"}, "q")
        .node(type, {"p", "q"}, "r")
        .node("Not", {"r"}, "y");
  };
  const Numbers x(4, 0.5);
  CHECK(answer(combined("And"), x) == Numbers{1, 1, 1, 0});
  CHECK(answer(combined("Or"), x) == Numbers{1, 0, 0, 0});
  // d/dx of 1 - pq is q + p, of 1 - (p + q - pq) it is 2 - p - q, times 1 to 4.
  CHECK(gradient(combined("And"), x, true) == Numbers{0, 2, 3, 8});
  CHECK(gradient(combined("Or"), x, true) == Numbers{2, 2, 3, 0});
  CHECK(gradient(combined("And"), x) == Numbers(4, 0.));
}

TEST_CASE("onnx: Where chooses between activations and constants, and passes gradients to what was chosen",
          "[nn][onnx]") {
  // Twice x above a half, else minus x.
  OnnxBuilder choice({-1, 4});
  choice.constant("half", {}, {0.5f}).constant("two", {}, {2});
  choice.node("Mul", {"x", "two"}, "twice").node("Neg", {"x"}, "minus");
  choice.node("Greater", {"x", "half"}, "t").node("Where", {"t", "twice", "minus"}, "y");
  const Numbers x{0.2, 0.6, -3, 0.5};
  CHECK(answer(choice, x) == Numbers{-0.2, 1.2, 3, -0.5});
  CHECK(gradient(choice, x) == Numbers{-1, 4, -3, -4});
  // Straight through, the condition adds the difference of the branches, 3 x.
  const Numbers through = gradient(choice, x, true);
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(through[i] == Catch::Approx(gradient(choice, x)[i] + 3 * x[i] * double(i + 1)));

  OnnxBuilder constants({-1, 3});
  constants.constant("half", {}, {0.5f}).constant("a", {3}, {7, 8, 9}).constant("b", {1, 1}, {-1});
  constants.node("Less", {"x", "half"}, "t").node("Where", {"t", "a", "b"}, "y");
  CHECK(answer(constants, {0, 1, 0.4}) == Numbers{7, -1, 9});
  CHECK(gradient(constants, {0, 1, 0.4}) == Numbers(3, 0.));
  CHECK(gradient(constants, {0, 1, 0.4}, true) == Numbers{-8, -18, -30});

  OnnxBuilder fixed({-1, 3});
  fixed.constant("t", Ints{1, 0, 1}).constant("c", {}, {5}).node("Where", {"t", "x", "c"}, "y");
  CHECK(answer(fixed, {0.1, 0.2, 0.3}) == Numbers{0.1, 5, 0.3});
  CHECK(gradient(fixed, {0.1, 0.2, 0.3}) == Numbers{1, 0, 3});
}

TEST_CASE("onnx: Where brings shapes and memory orders together", "[nn][onnx]") {
  // The convolution's answer has its channels last, the input does not; the condition has one channel of one
  // row.
  OnnxBuilder file({-1, 2, 2, 2});
  file.constant("w", {2, 2, 1, 1}, {1, 0, 0, 1})
      .constant("half", {}, {0.5f})
      .constant("hundred", {2, 1, 1}, {100, 200});
  file.node("Conv", {"x", "w"}, "same").node("Mul", {"same", "hundred"}, "large");
  file.constant("pick", {1, 2, 1, 1}, {1, 0})
      .node("Conv", {"x", "pick"}, "first")
      .node("Greater", {"first", "half"}, "t");
  file.node("Where", {"t", "large", "x"}, "h").node("Flatten", {"h"}, "y");
  const auto network = foil::onnx::parse<double>(file.bytes());
  foil::Tensor<double, 4> x(1, 2, 2, 2);
  x.setValues({{{{0.9, 0.1}, {0.2, 0.8}}, {{0.3, 0.4}, {0.5, 0.6}}}});
  const Logits<double> y = network.logits(x);
  const Numbers want{90, 0.1, 0.2, 80, 60, 0.4, 0.5, 120};
  for (Index i = 0; i < 8; ++i) CHECK(y(0, i) == Catch::Approx(want[static_cast<std::size_t>(i)]));
}

TEST_CASE("onnx: LogSoftmax agrees with its definition, forward and backward", "[nn][onnx]") {
  const auto network =
      foil::onnx::parse<double, 3>(OnnxBuilder({-1, 3, 4})
                                       .node("LogSoftmax", {"x"}, "s", {attribute("axis", 1)})
                                       .node("Flatten", {"s"}, "y")
                                       .bytes());
  foil::Tensor<double, 3> x(2, 3, 4);
  const Floats values = foil::test::spread(24, -3, 3);
  std::copy(values.begin(), values.end(), x.data());
  x(1, 0, 0) = 900;  // a probability that is zero has a logarithm all the same
  const auto pass = network.vjp(x);
  for (Index n = 0; n < 2; ++n)
    for (Index i = 0; i < 4; ++i)
      for (Index k = 0; k < 3; ++k) {
        double sum = 0;
        for (Index j = 0; j < 3; ++j) sum += std::exp(x(n, j, i) - x(n, 0, i));
        CHECK(pass.logits(n, 4 * k + i) ==
              Catch::Approx(x(n, k, i) - x(n, 0, i) - std::log(sum)).margin(1e-12));
      }
  Logits<double> cotangent(2, 12);
  const Floats weights = foil::test::spread(24, -1, 1, 5);
  std::copy(weights.begin(), weights.end(), cotangent.data());
  const auto dx = pass.pullback(cotangent);
  for (Index i = 0; i < x.size(); ++i) {
    auto up = x, down = x;
    up.data()[i] += 1e-5;
    down.data()[i] -= 1e-5;
    const double slope = (network.logits(up) - network.logits(down)).cwiseProduct(cotangent).sum() / 2e-5;
    CHECK(dx.data()[i] == Catch::Approx(slope).epsilon(1e-6).margin(1e-6));
  }
}

TEST_CASE("onnx: casts that are no truths, and choices that would mix samples, are refused", "[nn][onnx]") {
  const auto refused = [](const OnnxBuilder& file, const std::string& why) {
    CHECK_THROWS_WITH((foil::onnx::parse<double, 2>(file.bytes())), Catch::Matchers::ContainsSubstring(why));
  };
  refused(elementwise("Cast", 2, {attribute("to", 7)}),
          "expected a cast to floats or bool (9), got int64 (7)");
  refused(OnnxBuilder({-1, 2}).constant("a", {2, 2}, Floats(4)).node("Greater", {"x", "a"}, "y"),
          "combining (N, 2) with (2, 2) would mix samples");
  refused(OnnxBuilder({-1, 2}).node("Not", {"x"}, "t").node("Where", {"t", "x"}, "y"),
          "its inputs: expected 3, got 2");
}
