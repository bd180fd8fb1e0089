// SPDX-License-Identifier: MIT
/// \file
/// The nodes of the domain ai.onnx.ml that the importer sees: those that learners.hpp leaves.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "foil/onnx/model.hpp"
#include "foil/onnx/node_view.hpp"

namespace foil::onnx::detail {

inline constexpr const char* learners_domain = "ai.onnx.ml";

/// Stands for the labels of a classifier, of which only the scores are read.
inline constexpr const char* labels_type = "Labels";

/// Marks an SVMClassifier that is to answer by scores of classes, not of pairs of classes.
inline constexpr const char* votes_attribute = "foil_votes";

/// Whether a node has scores but no gradients. Only foil::onnx::load_scores takes such nodes.
inline bool is_score_node(const Node& node) {
  return node.type == "TreeEnsembleClassifier" || node.type == "TreeEnsembleRegressor" ||
         node.type == "TreeEnsemble" || node.type == "SVMClassifier" || node.type == "SVMRegressor";
}

inline const Node* first_score_node(const Model& model) {
  const auto found = std::find_if(model.nodes.begin(), model.nodes.end(), is_score_node);
  return found == model.nodes.end() ? nullptr : &*found;
}

/// How many classes a classifier has labels for.
inline std::size_t labels_of(const NodeView& at, std::string_view integers, std::string_view strings) {
  const Attribute* const a = at.node().find(integers);
  const Attribute* const b = at.node().find(strings);
  const std::size_t count = a != nullptr && !a->integers.empty() ? a->integers.size()
                            : b != nullptr                       ? b->strings.size()
                                                                 : 0;
  at.require(count >= 2, "expected labels of at least two classes, got ", count);
  return count;
}

/// Whether a TreeEnsembleClassifier of two classes has weights for the first column alone, which then is the
/// score of the second class.
inline bool has_single_column(const NodeView& at) {
  if (labels_of(at, "classlabels_int64s", "classlabels_strings") != 2) return false;
  const std::vector<std::int64_t>& ids = at.integers("class_ids");
  return std::all_of(ids.begin(), ids.end(), [](std::int64_t id) { return id == 0; });
}

}  // namespace foil::onnx::detail
