// SPDX-License-Identifier: MIT
/// \file
/// Ensembles of decision trees. They have no derivative that would tell anything.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operator.hpp"

namespace foil::nn {

/// A question to one feature, in single precision: whether x <= threshold. `yes` and `no` are nodes or, below
/// 0, the complements of leaves. NaN goes the way of no, or of yes where the feature is given as its
/// complement.
struct TreeNode {
  float threshold;
  std::int32_t feature, yes, no;
};

/// What a leaf adds to one of the outputs.
struct LeafWeight {
  std::int32_t output;
  float weight;
};

/// How the answers of the trees become one.
enum class Aggregate { sum, average, min, max };

/// Trees in flat arrays. Those that lie in the order in which a walk meets them are read fastest.
struct Forest {
  std::vector<TreeNode> nodes{};
  std::vector<std::int32_t> roots{};   ///< nodes or, below 0, complements of leaves
  std::vector<std::size_t> leaves{0};  ///< where each leaf's weights begin, and their number at the end
  std::vector<LeafWeight> weights{};
  std::vector<float> base{};  ///< added to the outputs at last: one for each, or none
  Aggregate aggregate = Aggregate::sum;

  /// Throws unless all indices lie in range and every walk ends.
  void check(Index features, Index outputs) const {
    const auto inside = [](std::int64_t i, std::size_t count) {
      return i >= 0 && i < static_cast<std::int64_t>(count);
    };
    const auto child = [&](std::int32_t c) {
      return c >= 0 ? inside(c, nodes.size()) : inside(~c, leaves.size() - 1);
    };
    require(!leaves.empty() && leaves.front() == 0 && leaves.back() == weights.size() &&
                std::is_sorted(leaves.begin(), leaves.end()),
            "trees: expected leaves that share out all weights in order");
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      const TreeNode& n = nodes[i];
      const std::int32_t feature = n.feature < 0 ? ~n.feature : n.feature;
      require(inside(feature, static_cast<std::size_t>(features)), "trees: a node asks for feature ", feature,
              " of ", features);
      require(child(n.yes) && child(n.no), "trees: a node has no child");
      const auto behind = [&](std::int32_t c) { return c < 0 || static_cast<std::size_t>(c) > i; };
      require(behind(n.yes) && behind(n.no), "trees: expected nodes before their children");
    }
    for (const std::int32_t root : roots) require(child(root), "trees: a root is no node");
    for (const LeafWeight& w : weights)
      require(inside(w.output, static_cast<std::size_t>(outputs)), "trees: a leaf adds to output ", w.output,
              " of ", outputs);
    require(base.empty() || static_cast<Index>(base.size()) == outputs, "trees: expected ", outputs,
            " base values or none, got ", base.size());
  }
};

/// The answers of a forest to samples of `features` numbers each.
template <class T>
class Trees : public Operator<T> {
 public:
  /// Throws for a forest that is not in order; see Forest::check.
  Trees(Index features, Index outputs, Forest forest)
      : features_(features), outputs_(outputs), forest_(std::move(forest)) {
    forest_.check(features, outputs);
  }

  Index weights() const override {
    const std::size_t bytes =
        forest_.nodes.size() * sizeof(TreeNode) + forest_.weights.size() * sizeof(LeafWeight);
    return static_cast<Index>(bytes / sizeof(T));
  }

  void forward(Index batch, const T* const* inputs, T* output, T*) const override {
    const bool extreme = forest_.aggregate == Aggregate::min || forest_.aggregate == Aggregate::max;
    std::fill_n(output, batch * outputs_, extreme ? std::numeric_limits<T>::quiet_NaN() : T(0));
    for (Index first = 0; first < batch; first += block) {
      const Index count = std::min(block, batch - first);
      const T* const x = inputs[0] + first * features_;
      T* const y = output + first * outputs_;
      for (const std::int32_t root : forest_.roots) {
        std::int32_t at[block];
        walk(root, count, x, at);
        for (Index i = 0; i < count; ++i) add(at[i], y + i * outputs_);
      }
    }
    for (Index i = 0; i < batch; ++i) finish(output + i * outputs_);
  }

  /// Zero, as is the derivative wherever there is one.
  void backward(Index batch, const T* const*, const T*, const T*, T* const* gradients, T*) const override {
    std::fill_n(gradients[0], batch * features_, T(0));
  }

 private:
  static constexpr Index block = 32;  // samples that walk through a tree while its nodes are in the cache

  /// Ends at a leaf for each sample. Samples go side by side, as each waits for memory at every node.
  void walk(std::int32_t root, Index count, const T* x, std::int32_t* at) const {
    std::fill_n(at, count, root);
    for (bool open = root >= 0; open;) {
      open = false;
      for (Index i = 0; i < count; ++i) {
        if (at[i] < 0) continue;
        const TreeNode& node = forest_.nodes[static_cast<std::size_t>(at[i])];
        const bool missing_goes_yes = node.feature < 0;
        const float v =
            static_cast<float>(x[i * features_ + (missing_goes_yes ? ~node.feature : node.feature)]);
        at[i] = v <= node.threshold || (missing_goes_yes && std::isnan(v)) ? node.yes : node.no;
        open = open || at[i] >= 0;
      }
    }
  }

  void add(std::int32_t leaf, T* y) const {
    const std::size_t i = static_cast<std::size_t>(~leaf);
    for (std::size_t k = forest_.leaves[i]; k < forest_.leaves[i + 1]; ++k) {
      const T w = static_cast<T>(forest_.weights[k].weight);
      T& to = y[forest_.weights[k].output];
      switch (forest_.aggregate) {
        case Aggregate::min:
          to = to <= w ? to : w;  // the first one comes to a NaN
          break;
        case Aggregate::max:
          to = to >= w ? to : w;
          break;
        default:
          to += w;
      }
    }
  }

  void finish(T* y) const {
    for (Index k = 0; k < outputs_; ++k) {
      if (forest_.aggregate == Aggregate::average && !forest_.roots.empty())
        y[k] /= static_cast<T>(forest_.roots.size());
      else if (forest_.aggregate != Aggregate::sum && std::isnan(y[k]))
        y[k] = 0;
      if (!forest_.base.empty()) y[k] += static_cast<T>(forest_.base[static_cast<std::size_t>(k)]);
    }
  }

  Index features_, outputs_;
  Forest forest_;
};

}  // namespace foil::nn
