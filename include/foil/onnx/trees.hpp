// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's ensembles of trees.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operators/trees.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/planter.hpp"
#include "foil/onnx/score_nodes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// The attributes of the older operators, TreeEnsembleClassifier and -Regressor, whose nodes have a number
/// within their tree. `kind` begins the names of the weights' attributes.
class NumberedTrees {
 public:
  NumberedTrees(const NodeView& at, const std::string& kind) : at_(at), kind_(kind) {}

  nn::Forest read() {
    for (const char* name : {"nodes_values_as_tensor", "nodes_hitrates_as_tensor", "base_values_as_tensor"})
      at_.require(!at_.has(name), "trees in double precision (", name, ") are not supported");
    at_.require(!at_.has(kind_ + "_weights_as_tensor"), "trees in double precision are not supported");
    read_nodes();
    read_weights();
    nn::Forest forest;
    std::vector<std::size_t> roots = find_roots();
    Planter planter(at_, std::move(nodes_));
    for (const std::size_t root : roots) planter.plant(root, forest);
    planter.finish();
    return forest;
  }

 private:
  using Key = std::pair<std::int64_t, std::int64_t>;

  void read_nodes() {
    const std::vector<std::int64_t>&trees = at_.integers("nodes_treeids"),
          &ids = at_.integers("nodes_nodeids"), &features = at_.integers("nodes_featureids"),
          &missing = at_.integers("nodes_missing_value_tracks_true");
    const std::vector<float>& values = at_.numbers("nodes_values");
    const std::vector<std::string>& modes = at_.strings("nodes_modes");
    const std::size_t count = modes.size();
    at_.require(count > 0 && count < (std::size_t(1) << 30), "expected nodes_modes, got ", count);
    const auto same = [&](const char* name, std::size_t size) {
      at_.require(size == count, "expected as many ", name, " as nodes_modes, ", count, ", got ", size);
    };
    same("nodes_treeids", trees.size());
    same("nodes_nodeids", ids.size());
    same("nodes_featureids", features.size());
    same("nodes_values", values.size());
    same("nodes_truenodeids", at_.integers("nodes_truenodeids").size());
    same("nodes_falsenodeids", at_.integers("nodes_falsenodeids").size());
    if (!missing.empty()) same("nodes_missing_value_tracks_true", missing.size());
    nodes_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      nodes_[i].mode = mode_of(modes[i]);
      nodes_[i].missing_goes_yes = !missing.empty() && missing[i] != 0;
      nodes_[i].threshold = values[i];
      nodes_[i].feature = feature_of(at_, features[i]);
      at_.require(places_.emplace(Key{trees[i], ids[i]}, i).second, "node ", ids[i], " of tree ", trees[i],
                  " is defined twice");
    }
  }

  BranchMode mode_of(const std::string& name) const {
    static const std::map<std::string_view, BranchMode> modes{
        {"BRANCH_LEQ", BranchMode::leq}, {"BRANCH_LT", BranchMode::lt}, {"BRANCH_GTE", BranchMode::gte},
        {"BRANCH_GT", BranchMode::gt},   {"BRANCH_EQ", BranchMode::eq}, {"BRANCH_NEQ", BranchMode::neq},
        {"LEAF", BranchMode::leaf}};
    const auto found = modes.find(name);
    at_.require(found != modes.end(), "unknown mode '", printable(name, 40), "' of a node");
    return found->second;
  }

  void read_weights() {
    const std::vector<std::int64_t>&trees = at_.integers(kind_ + "_treeids"),
          &ids = at_.integers(kind_ + "_nodeids"), &targets = at_.integers(kind_ + "_ids");
    const std::vector<float>& weights = at_.numbers(kind_ + "_weights");
    at_.require(
        trees.size() == weights.size() && ids.size() == weights.size() && targets.size() == weights.size(),
        "expected as many ", kind_, "_treeids, _nodeids and _ids as _weights, ", weights.size(), ", got ",
        trees.size(), ", ", ids.size(), " and ", targets.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const std::size_t node = place(trees[i], ids[i]);
      nodes_[node].weights.push_back({output_of(at_, targets[i]), weights[i]});
    }
  }

  std::size_t place(std::int64_t tree, std::int64_t id) const {
    const auto found = places_.find({tree, id});
    at_.require(found != places_.end(), "there is no node ", id, " in tree ", tree);
    return found->second;
  }

  /// Finds the children, and the one node of each tree that is none.
  std::vector<std::size_t> find_roots() {
    const std::vector<std::int64_t>&trees = at_.integers("nodes_treeids"),
          &yes = at_.integers("nodes_truenodeids"), &no = at_.integers("nodes_falsenodeids");
    std::vector<bool> is_child(nodes_.size());
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].mode == BranchMode::leaf) continue;
      nodes_[i].yes = place(trees[i], yes[i]);
      nodes_[i].no = place(trees[i], no[i]);
      is_child[nodes_[i].yes] = is_child[nodes_[i].no] = true;
    }
    std::map<std::int64_t, std::size_t> roots;
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (!is_child[i]) {
        at_.require(roots.emplace(trees[i], i).second, "tree ", trees[i], " has several roots");
        out.push_back(i);
      }
    for (const std::int64_t tree : trees)
      at_.require(roots.contains(tree), "tree ", tree, " goes round in a circle");
    return out;
  }

  const NodeView& at_;
  std::string kind_;
  std::vector<FileTreeNode> nodes_{};
  std::map<Key, std::size_t> places_{};
};

/// The attributes of TreeEnsemble, whose trees begin at given nodes, and whose leaves have numbers of their
/// own.
inline nn::Forest read_tree_ensemble(const NodeView& at) {
  const std::vector<std::int64_t>&roots = at.integers("tree_roots"),
        &features = at.integers("nodes_featureids"),
        &missing = at.integers("nodes_missing_value_tracks_true"), &targets = at.integers("leaf_targetids");
  const auto tensor = [&](const char* name) -> const Constant& {
    const Attribute* const a = at.node().find(name);
    at.require(a != nullptr && a->tensor, "expected a tensor as attribute '", name, "'");
    return *a->tensor;
  };
  at.require(tensor("nodes_splits").type == ElementType::float32,
             "trees in double precision are not supported");
  const Numbers<float> thresholds = tensor("nodes_splits").floats(),
                       weights = tensor("leaf_weights").floats();
  const Numbers<std::int64_t> modes = tensor("nodes_modes").integers();
  const std::size_t count = features.size(), leaves = weights.size();
  at.require(count > 0 && leaves > 0 && std::max(count, leaves) < (std::size_t(1) << 30),
             "expected nodes and leaves, got ", count, " and ", leaves);
  const auto same = [&](const char* name, std::size_t size, std::size_t expected) {
    at.require(size == expected, "expected ", expected, " numbers as ", name, ", got ", size);
  };
  same("nodes_splits", thresholds.size(), count);
  same("nodes_modes", modes.size(), count);
  same("leaf_targetids", targets.size(), leaves);
  if (!missing.empty()) same("nodes_missing_value_tracks_true", missing.size(), count);
  std::vector<FileTreeNode> nodes(count + leaves);
  const auto children = [&](const char* ids, const char* are_leaves, std::size_t FileTreeNode::* child) {
    const std::vector<std::int64_t>&to = at.integers(ids), &leaf = at.integers(are_leaves);
    same(ids, to.size(), count);
    same(are_leaves, leaf.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t most = leaf[i] != 0 ? leaves : count;
      at.require(to[i] >= 0 && static_cast<std::size_t>(to[i]) < most, "there is no ",
                 leaf[i] != 0 ? "leaf " : "node ", to[i]);
      nodes[i].*child = static_cast<std::size_t>(to[i]) + (leaf[i] != 0 ? count : 0);
    }
  };
  children("nodes_truenodeids", "nodes_trueleafs", &FileTreeNode::yes);
  children("nodes_falsenodeids", "nodes_falseleafs", &FileTreeNode::no);
  for (std::size_t i = 0; i < count; ++i) {
    at.require(modes[i] >= 0 && modes[i] < static_cast<int>(BranchMode::leaf), "the mode ", modes[i],
               " of a node is not supported");
    nodes[i].mode = static_cast<BranchMode>(modes[i]);
    nodes[i].missing_goes_yes = !missing.empty() && missing[i] != 0;
    nodes[i].threshold = thresholds[i];
    nodes[i].feature = feature_of(at, features[i]);
  }
  for (std::size_t i = 0; i < leaves; ++i)
    nodes[count + i].weights = {{output_of(at, targets[i]), weights[i]}};
  nn::Forest forest;
  Planter planter(at, std::move(nodes));
  for (const std::int64_t root : roots) {
    at.require(root >= 0 && static_cast<std::size_t>(root) < count, "a tree begins at node ", root, " of ",
               count);
    planter.plant(static_cast<std::size_t>(root), forest);
  }
  planter.finish();
  return forest;
}

/// Throws: strings and numbers that stand for classes are not computed.
template <class T>
Value convert_labels(Builder<T>&, const NodeView& at) {
  at.require(false, "its labels are computed with, or are the output; only its scores are supported");
  return {};
}

template <class T>
Value emit_trees(Builder<T>& build, const NodeView& at, Index outputs, nn::Forest forest) {
  const Value x = build.planar(build.value(at, 0));
  at.require(x.rank() == 2 && x.dims[0] == 1 && !x.holds_samples(1),
             "expected an input of shape (N, features), got ", x.shape());
  build.spend(static_cast<std::uint64_t>(outputs));
  std::unique_ptr<nn::Operator<T>> trees;
  try {
    trees = std::make_unique<nn::Trees<T>>(x.dims[1], outputs, std::move(forest));
  } catch (const Error& error) {
    at.require(false, error.what());
  }
  return build.emit(std::move(trees), {x.slot}, {1, outputs}, Layout::planar, x.batch);
}

template <class T>
Value convert_tree_classifier(Builder<T>& build, const NodeView& at) {
  const std::size_t labels = labels_of(at, "classlabels_int64s", "classlabels_strings");
  nn::Forest forest = NumberedTrees(at, "class").read();
  forest.base = at.numbers("base_values");
  const std::size_t columns = has_single_column(at) ? 1 : labels, expected = labels == 2 ? 1 : labels;
  at.require(forest.base.empty() || forest.base.size() == expected, "expected ", expected,
             " base values or none, got ", forest.base.size());
  if (!forest.base.empty() && columns > expected) {  // of two classes, the first one's if it has weights
    const std::vector<std::int64_t>& ids = at.integers("class_ids");
    if (std::find(ids.begin(), ids.end(), 0) == ids.end()) forest.base[0] = 0;
    forest.base.push_back(0);
  }
  return emit_trees<T>(build, at, static_cast<Index>(columns), std::move(forest));
}

inline nn::Aggregate aggregate_of(const NodeView& at) {
  const std::string name = at.string("aggregate_function", "SUM");
  at.require(name == "SUM" || name == "AVERAGE" || name == "MIN" || name == "MAX",
             "unknown aggregate_function '", printable(name, 40), "'");
  return name == "SUM"       ? nn::Aggregate::sum
         : name == "AVERAGE" ? nn::Aggregate::average
         : name == "MIN"     ? nn::Aggregate::min
                             : nn::Aggregate::max;
}

template <class T>
Value convert_tree_regressor(Builder<T>& build, const NodeView& at) {
  nn::Forest forest = NumberedTrees(at, "target").read();
  forest.base = at.numbers("base_values");
  forest.aggregate = aggregate_of(at);
  return emit_trees<T>(build, at, static_cast<Index>(at.integer("n_targets", 1)), std::move(forest));
}

template <class T>
Value convert_tree_ensemble(Builder<T>& build, const NodeView& at) {
  nn::Forest forest = read_tree_ensemble(at);
  const std::int64_t aggregate = at.integer("aggregate_function", 1);
  at.require(aggregate >= 0 && aggregate <= 3, "unknown aggregate_function ", aggregate);
  constexpr nn::Aggregate aggregates[] = {nn::Aggregate::average, nn::Aggregate::sum, nn::Aggregate::min,
                                          nn::Aggregate::max};
  forest.aggregate = aggregates[aggregate];
  return emit_trees<T>(build, at, static_cast<Index>(at.integer("n_targets", 1)), std::move(forest));
}

}  // namespace foil::onnx::detail
