// SPDX-License-Identifier: MIT
// Nodes that hold graphs, and what is said of the operators.
#include <cmath>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "support/catch.hpp"
#include "support/onnx.hpp"
#include "support/onnx_builder.hpp"

namespace {

using Catch::Matchers::ContainsSubstring;
using foil::test::attribute;
using foil::test::Ints;
using foil::test::OnnxBuilder;

foil::Logits<float> logits(const OnnxBuilder& file) {
  const auto network = foil::onnx::parse<float, 2>(file.bytes());
  foil::Tensor<float, 2> x(2, 3);
  x.setValues({{1.f, 2.f, 4.f}, {-1.f, 0.f, 3.f}});
  return network.logits(x);
}

/// y = x + 1 if the condition holds, else x * w, both of the same names within.
OnnxBuilder chooses(const OnnxBuilder& before, const std::string& condition,
                    const std::string& output = "y") {
  OnnxBuilder sum({-1, 3}), product({-1, 3}), file = before;
  sum.constant("c", {1}, {1.f}).node("Add", {"x", "c"}, "inside");
  product.constant("c", {3}, {2.f, 3.f, 4.f}).node("Mul", {"x", "c"}, "t").node("Identity", {"t"}, "inside");
  return file.node("If", {condition}, output,
                   {{"then_branch", sum.branch("inside")}, {"else_branch", product.branch("inside")}},
                   "choose");
}

}  // namespace

TEST_CASE("onnx: an If whose condition is known becomes one of its branches", "[onnx]") {
  OnnxBuilder file({-1, 3}, 13);
  file.encoded(foil::test::onnx_tensor("two", {}, Ints{2}))
      .encoded(foil::test::onnx_tensor("one", {}, Ints{1}))
      .node("Greater", {"two", "one"}, "yes")
      .node("Less", {"two", "one"}, "no");
  const auto then = logits(chooses(file, "yes")), other = logits(chooses(file, "no"));
  CHECK((then(0, 0) == 2 && then(0, 2) == 5 && then(1, 0) == 0 && then(1, 2) == 4));
  CHECK(
      (other(0, 0) == 2 && other(0, 1) == 6 && other(0, 2) == 16 && other(1, 0) == -2 && other(1, 2) == 12));

  // Two of them, whose branches use the same names, and the shape that torch.squeeze asks for.
  OnnxBuilder twice = chooses(chooses(file, "yes", "a"), "no", "b");
  twice.node("Sub", {"b", "a"}, "y");
  CHECK(logits(twice)(0, 2) == 11);
}

TEST_CASE("onnx: an If that cannot be decided is refused with what to do", "[onnx]") {
  OnnxBuilder file({-1, 3}, 13);
  file.constant("zero", {1}, {0.f}).node("Greater", {"x", "zero"}, "positive");
  CHECK_THROWS_WITH(logits(chooses(file, "positive")),
                    ContainsSubstring("node 'choose' (If): expected one condition that does not depend on "
                                      "the network's input"));
  file.constant("truths", Ints{1, 0});
  CHECK_THROWS_WITH(logits(chooses(file, "truths")), ContainsSubstring("a single truth"));
  OnnxBuilder lost({-1, 3});
  lost.encoded(foil::test::onnx_tensor("yes", {}, Ints{1}))
      .node("If", {"yes"}, "y", {{"then_branch", OnnxBuilder({-1, 3}).branch("nowhere")}});
  CHECK_THROWS_WITH(logits(lost), ContainsSubstring("'nowhere' of its branch is written by no node"));
  OnnxBuilder none({-1, 3});
  none.encoded(foil::test::onnx_tensor("no", {}, Ints{0}))
      .node("If", {"no"}, "y", {{"then_branch", OnnxBuilder({-1, 3}).branch("x")}});
  CHECK_THROWS_WITH(logits(none), ContainsSubstring("'else_branch' is missing"));
}

TEST_CASE("onnx: x sigmoid(x) is computed in one pass, and only that", "[onnx]") {
  const auto operators = [](const OnnxBuilder& file) {
    return foil::onnx::parse<float, 2>(file.bytes()).engine().graph.operators();
  };
  OnnxBuilder swish({-1, 3}), other({-1, 3});
  swish.node("Sigmoid", {"x"}, "s").node("Mul", {"s", "x"}, "t").node("Neg", {"t"}, "y");
  other.node("Neg", {"x"}, "n")
      .node("Sigmoid", {"n"}, "s")
      .node("Mul", {"x", "s"}, "t")
      .node("Neg", {"t"}, "y");
  CHECK(operators(swish) == 2);
  CHECK(operators(other) == 4);
  CHECK(logits(swish)(0, 2) == Catch::Approx(-4 / (1 + std::exp(-4.f))));
  CHECK(logits(other)(0, 2) == Catch::Approx(-4 / (1 + std::exp(4.f))));
}

TEST_CASE("onnx: the page on ONNX files lists every operator", "[onnx]") {
  std::ifstream file(std::string(FOIL_EXAMPLES_DATA) + "/../../docs/onnx.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  for (const auto& [type, conversion] : foil::onnx::detail::conversions<float>()) {
    if (type == foil::onnx::detail::labels_type) continue;  // of the importer's own making
    const std::string name(type);
    CAPTURE(name);
    const auto listed = [&](const char* before, const char* after) {
      return page.find(before + name + after) != std::string::npos;
    };
    CHECK((listed(" ", ",") || listed(" ", " |") || listed(" ", " (")));
  }
}
