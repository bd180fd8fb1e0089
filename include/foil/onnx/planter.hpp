// SPDX-License-Identifier: MIT
/// \file
/// From trees as files have them to those that the engine walks through.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "foil/nn/operators/trees.hpp"
#include "foil/onnx/node_view.hpp"

namespace foil::onnx::detail {

/// In the order of TreeEnsemble's numbers, but for leaves.
enum class BranchMode { leq, lt, gte, gt, eq, neq, leaf };

/// A node of a tree as files have it. A leaf has weights, the others have children.
struct FileTreeNode {
  BranchMode mode = BranchMode::leaf;
  bool missing_goes_yes = false;
  std::int32_t feature = 0;
  float threshold = 0;
  std::size_t yes = 0, no = 0;
  std::vector<nn::LeafWeight> weights{};
};

inline std::int32_t feature_of(const NodeView& at, std::int64_t id) {
  at.require(id >= 0 && id < std::numeric_limits<std::int32_t>::max(), "a tree asks for feature ", id);
  return static_cast<std::int32_t>(id);
}
inline std::int32_t output_of(const NodeView& at, std::int64_t id) {
  at.require(id >= 0 && id < std::numeric_limits<std::int32_t>::max(), "a leaf adds to output ", id);
  return static_cast<std::int32_t>(id);
}

/// Makes a forest of nodes in any order, of which each belongs to one tree.
class Planter {
 public:
  Planter(const NodeView& at, std::vector<FileTreeNode> nodes) : at_(at), nodes_(std::move(nodes)) {}

  /// Appends the tree that begins at this node, each node before its children.
  void plant(std::size_t root, nn::Forest& forest) {
    planted_.resize(nodes_.size());
    forest.roots.push_back(0);
    waiting_.push_back({root, {Place{Place::root, forest.roots.size() - 1}}});
    while (!waiting_.empty()) {
      Waiting next = std::move(waiting_.back());
      waiting_.pop_back();
      const std::int32_t name = append(next.node, forest);
      for (const Place& place : next.places) set(place, name, forest);
    }
  }

  /// Throws if there are nodes left.
  void finish() const {
    at_.require(std::find(planted_.begin(), planted_.end(), false) == planted_.end(),
                "there are nodes that no tree reaches");
  }

 private:
  /// Where a node's name has to be written.
  struct Place {
    enum Kind { root, yes, no } kind;
    std::size_t at;
  };
  struct Waiting {
    std::size_t node;
    std::vector<Place> places;
  };

  static void set(const Place& place, std::int32_t name, nn::Forest& forest) {
    if (place.kind == Place::root)
      forest.roots[place.at] = name;
    else
      (place.kind == Place::yes ? forest.nodes[place.at].yes : forest.nodes[place.at].no) = name;
  }

  /// The largest number below x; NaN, which nothing is at most, if there is none.
  static float below(float x) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    return x == -infinity ? std::numeric_limits<float>::quiet_NaN() : std::nextafter(x, -infinity);
  }

  /// Every question is one or two whether x <= t: x < t is x <= below(t), and the others are their opposites.
  std::int32_t append(std::size_t index, nn::Forest& forest) {
    FileTreeNode& node = nodes_[index];
    at_.require(!planted_[index], "a node of a tree is reached twice");
    planted_[index] = true;
    if (node.mode == BranchMode::leaf) {
      forest.weights.insert(forest.weights.end(), node.weights.begin(), node.weights.end());
      forest.leaves.push_back(forest.weights.size());
      node.weights = {};
      return ~static_cast<std::int32_t>(forest.leaves.size() - 2);
    }
    at_.require(!std::isnan(node.threshold), "a threshold is not a number");
    const BranchMode mode = node.mode;
    const bool opposite = mode == BranchMode::gte || mode == BranchMode::gt || mode == BranchMode::neq;
    const std::size_t yes = opposite ? node.no : node.yes, no = opposite ? node.yes : node.no;
    const bool equality = mode == BranchMode::eq || mode == BranchMode::neq;
    const bool exclusive = mode == BranchMode::lt || mode == BranchMode::gte;
    // NaN meets no question but that for being different.
    const bool missing_goes_yes = mode == BranchMode::neq ? false : node.missing_goes_yes != opposite;
    const auto question = [&](float threshold, bool missing_yes) {
      const std::int32_t feature = missing_yes ? ~node.feature : node.feature;
      forest.nodes.push_back({threshold, feature, 0, 0});
      return forest.nodes.size() - 1;
    };
    const std::size_t first = question(exclusive ? below(node.threshold) : node.threshold, missing_goes_yes);
    if (equality) {
      const std::size_t second = question(below(node.threshold), false);
      forest.nodes[first].yes = static_cast<std::int32_t>(second);
      waiting_.push_back({no, {{Place::no, first}, {Place::yes, second}}});
      waiting_.push_back({yes, {{Place::no, second}}});
    } else {
      waiting_.push_back({no, {{Place::no, first}}});
      waiting_.push_back({yes, {{Place::yes, first}}});
    }
    return static_cast<std::int32_t>(first);
  }

  const NodeView& at_;
  std::vector<FileTreeNode> nodes_;
  std::vector<bool> planted_{};
  std::vector<Waiting> waiting_{};
};

}  // namespace foil::onnx::detail
