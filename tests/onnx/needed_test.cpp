// SPDX-License-Identifier: MIT
#include "foil/onnx/needed.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "foil/onnx/model.hpp"
#include "support/catch.hpp"

namespace {

using foil::onnx::Graph;
using foil::onnx::Node;
using Names = std::vector<std::string>;

Node node(Names inputs, Names outputs) {
  Node out;
  out.inputs = std::move(inputs);
  out.outputs = std::move(outputs);
  return out;
}

/// The first outputs of the nodes that "y" needs, one letter each.
std::string order(const Graph& graph) {
  std::string out;
  for (const Node* next : foil::onnx::detail::needed_nodes(graph, "y")) out += next->outputs[0];
  return out;
}

}  // namespace

TEST_CASE("What an output needs comes in the order of the file where that is one") {
  CHECK(order({{node({"x"}, {"b"}), node({"x"}, {"a"}), node({"a", "b"}, {"y"})}, {}, {}, {}}) == "bay");
  CHECK(
      order({{node({"x"}, {"a"}), node({"a"}, {"z"}), node({"a"}, {"y"}), node({"y"}, {"l"})}, {}, {}, {}}) ==
      "ay");
  CHECK(order({{node({"x"}, {"z"})}, {}, {}, {}}).empty());
}

TEST_CASE("Nodes are put behind those that they read from") {
  CHECK(order({{node({"b"}, {"y"}), node({"a"}, {"b"}), node({"x"}, {"a"})}, {}, {}, {}}) == "aby");
  // by a second output, by an empty name, twice by the same
  CHECK(order({{node({"c", "c"}, {"y"}), node({"", "x"}, {"a", "", "c"})}, {}, {}, {}}) == "ay");
}

TEST_CASE("A node with inner graphs needs what these read from outside") {
  foil::onnx::Attribute branch;
  branch.graphs.push_back({{node({"a"}, {"i"})}, {}, {}, {{"b", 1, {}}}});
  Node chooses = node({"x"}, {"y"});
  chooses.attributes.push_back(branch);
  CHECK(order({{chooses, node({"x"}, {"b"}), node({"x"}, {"a"}), node({"x"}, {"z"})}, {}, {}, {}}) == "bay");
}

TEST_CASE("What is wrong with a graph stays in it") {
  CHECK(order({{node({"b"}, {"a"}), node({"a"}, {"b"}), node({"x"}, {"c"}), node({"a", "c"}, {"y"})},
               {},
               {},
               {}}) == "caby");
  CHECK(order({{node({"x"}, {"y"}), node({"x"}, {"z"}), node({"x"}, {"z"})}, {}, {}, {}}) == "yzz");
}

TEST_CASE("A long graph in the wrong order costs no stack and little time") {
  constexpr std::size_t length = 200'000;
  Graph graph;
  for (std::size_t i = length; i-- > 0;)
    graph.nodes.push_back(
        node({i == 0 ? "x" : std::to_string(i - 1)}, {i + 1 == length ? "y" : std::to_string(i)}));
  const auto found = foil::onnx::detail::needed_nodes(graph, "y");
  REQUIRE(found.size() == length);
  CHECK(found.front() == &graph.nodes.back());
  CHECK(found.back() == &graph.nodes.front());
}
