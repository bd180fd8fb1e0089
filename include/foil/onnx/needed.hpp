// SPDX-License-Identifier: MIT
/// \file
/// Which nodes of a graph an output depends on, and an order in which they can be computed.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/onnx/model.hpp"

namespace foil::onnx::detail {

/// The tensors that a node reads, those that its inner graphs read from outside among them.
inline std::vector<std::string_view> tensors_read(const Node& node) {
  std::vector<std::string_view> out;
  std::vector<const Node*> open{&node};
  while (!open.empty()) {
    const Node& next = *open.back();
    open.pop_back();
    out.insert(out.end(), next.inputs.begin(), next.inputs.end());
    for (const Attribute& attribute : next.attributes)
      for (const Graph& graph : attribute.graphs) {
        for (const ValueInfo& output : graph.outputs) out.push_back(output.name);
        for (const Node& inner : graph.nodes) open.push_back(&inner);
      }
  }
  return out;
}

/// The nodes that `output` depends on, each behind those that it reads from, else in the order of the file;
/// at the end those on a cycle, which read what has not been written. Nodes that write a tensor for the
/// second time are among them, so that this is found. Costs O(n log n) for n names of tensors.
inline std::vector<const Node*> needed_nodes(const Graph& graph, std::string_view output) {
  const std::vector<Node>& nodes = graph.nodes;
  std::map<std::string_view, std::size_t> writers;
  std::vector<bool> needed(nodes.size());
  std::vector<std::size_t> open;
  const auto need = [&](std::size_t node) {
    if (!needed[node]) open.push_back(node);
    needed[node] = true;
  };
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (const std::string& name : nodes[i].outputs) {
      if (name.empty()) continue;
      const auto [writer, first] = writers.emplace(name, i);
      if (first) continue;
      need(writer->second);
      need(i);
    }
  if (const auto last = writers.find(output); last != writers.end()) need(last->second);

  std::vector<std::vector<std::size_t>> readers(nodes.size());
  std::vector<std::size_t> missing(nodes.size());
  while (!open.empty()) {
    const std::size_t node = open.back();
    open.pop_back();
    for (const std::string_view name : tensors_read(nodes[node])) {
      const auto writer = writers.find(name);
      if (writer == writers.end()) continue;
      readers[writer->second].push_back(node);
      ++missing[node];
      need(writer->second);
    }
  }

  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (needed[i] && missing[i] == 0) ready.push(i);
  std::vector<const Node*> order;
  while (!ready.empty()) {
    const std::size_t node = ready.top();
    ready.pop();
    order.push_back(&nodes[node]);
    for (const std::size_t reader : readers[node])
      if (--missing[reader] == 0) ready.push(reader);
  }
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (needed[i] && missing[i] != 0) order.push_back(&nodes[i]);
  return order;
}

}  // namespace foil::onnx::detail
