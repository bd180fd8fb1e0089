// SPDX-License-Identifier: MIT
/// \file
/// Inputs whose outputs are known: where attacks that need a start can take one without asking the model.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/given.hpp"
#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/geometry/box.hpp"
#include "foil/run/judge.hpp"
#include "foil/run/sample.hpp"

namespace foil {

namespace detail {

/// What is known about a pool's rows, as Logits or as Labels.
template <class Scalar, class Y>
auto known_outputs(const Y& outputs) {
  if constexpr (MatrixLike<Y>) {
    if constexpr (std::floating_point<typename Y::Scalar>) {
      constexpr bool same = std::same_as<typename Y::Scalar, Scalar>;
      static_assert(same, "foil: a pool's logits have another number type than its inputs: cast them");
      if constexpr (same)
        return Logits<Scalar>(outputs);
      else
        return Logits<Scalar>();
    } else {
      return Labels(GivenLabels(outputs));
    }
  } else {
    return Labels(GivenLabels(outputs));
  }
}

}  // namespace detail

/// An adversarial row of the pool and the class that the model gives it.
struct PoolRow {
  Index row;
  int label;
};

/// A data set with the model's outputs for it: its decisions or its logits. A sample's start is the nearest
/// row that satisfies the sample's criterion, the first of them on a tie; the order of the rows is part of
/// the input. Rows outside the bounds and rows with outputs that are not finite are never used.
template <Batch Input>
class Pool {
 public:
  using Scalar = typename Input::Scalar;

  /// Nothing to choose from.
  Pool() = default;
  /// Known decisions: enough for criteria on labels.
  Pool(Input inputs, Labels predictions) : inputs_(std::move(inputs)), labels_(std::move(predictions)) {
    check_rows(labels_.size());
  }
  /// Known logits: enough for every criterion.
  Pool(Input inputs, Logits<Scalar> logits)
      : inputs_(std::move(inputs)), labels_(decide<Scalar>(logits)), logits_(std::move(logits)) {
    check_rows(logits_.rows());
    require(logits_.cols() >= 2, "pool: expected logits of at least 2 classes, got ", logits_.cols());
  }
  /// The same of what can be meant as such, see as_batch() and GivenLabels.
  template <class X, class Y>
    requires(!DecisionModel<X>)
  Pool(X&& inputs, const Y& outputs)
      : Pool(Input(as_batch<Input>(std::forward<X>(inputs))), detail::known_outputs<Scalar>(outputs)) {}
  /// Asks the model: one forward pass per row, in calls of `batch_size` rows.
  template <class M, class X>
    requires DecisionModel<M>
  Pool(M&& model, X&& inputs, Index batch_size = 128)
      : inputs_(as_batch<Input>(std::forward<X>(inputs))), labels_(samples(inputs_)) {
    static_assert(std::same_as<input_t<M>, Input>,
                  "foil: a pool of another `Input` than the model's: Pool(model, inputs) finds its type");
    require(batch_size >= 1, "pool: expected a batch size >= 1, got ", batch_size);
    Index classes = 0;
    for (Index first = 0; first < samples(inputs_); first += batch_size) {
      Input batch(resized(inputs_, std::min(batch_size, samples(inputs_) - first)));
      as_matrix(batch) = as_matrix(std::as_const(inputs_)).middleRows(first, samples(batch));
      if constexpr (ScoreModel<M>) {
        const Logits<Scalar> logits = model.logits(batch);
        if (check_answer(samples(batch), logits.rows(), logits.cols(), classes))
          logits_.resize(samples(inputs_), classes);
        logits_.middleRows(first, samples(batch)) = logits;
        labels_.segment(first, samples(batch)) = decide<Scalar>(logits);
      } else {
        labels_.segment(first, samples(batch)) = foil::predict(model, batch);
      }
    }
    check_rows(labels_.size());
  }

  bool empty() const { return inputs_.size() == 0; }
  const Input& inputs() const { return inputs_; }
  const Labels& predictions() const { return labels_; }

  /// Throws if the criterion cannot be judged from what is known.
  void check(const Judge& judge, Index samples) const {
    if (empty()) return;
    require(judge.reads_labels() || logits_.size() > 0,
            "pool: the criterion reads logits, but only the decisions of the pool's rows are known");
    judge.check(samples, logits_.cols());
  }

  /// Adversarial rows for a sample, at most so many: the nearest of every predicted class by distance, then
  /// the second of every class, and so on. `bounds` are those of the model; where a mask freezes features of
  /// the sample, the distance is that of the others.
  std::vector<PoolRow> nearest_by_class(const Judge& judge, const Sample& sample, const geometry::Box& bounds,
                                        std::size_t most) const {
    struct Candidate {
      int label;
      double length;
      Index row;
      std::size_t rank = 0;
    };
    std::vector<Candidate> found;
    Eigen::VectorXd candidate;
    for (Index row = 0; row < samples(inputs_); ++row) {
      if (!meets(judge, sample.row, row)) continue;
      candidate = foil::sample(inputs_, row).template cast<double>();
      if (!bounds.contains(candidate)) continue;
      for (Index i = 0; i < sample.box->frozen.size(); ++i)
        if (sample.box->is_frozen(i)) candidate[i] = sample.original[i];
      found.push_back({labels_[row], distance(sample.norm, sample.original, candidate), row});
    }
    std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
      return std::tie(a.label, a.length, a.row) < std::tie(b.label, b.length, b.row);
    });
    for (std::size_t i = 1; i < found.size(); ++i)
      if (found[i].label == found[i - 1].label) found[i].rank = found[i - 1].rank + 1;
    std::sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
      return std::tie(a.rank, a.length, a.row) < std::tie(b.rank, b.length, b.row);
    });
    std::vector<PoolRow> rows;
    for (std::size_t i = 0; i < std::min(most, found.size()); ++i)
      rows.push_back({found[i].row, found[i].label});
    return rows;
  }

 private:
  void check_rows(Index outputs) const {
    require(samples(inputs_) > 0 && outputs == samples(inputs_), "pool: expected one output for each of ",
            samples(inputs_), " inputs and at least one, got ", outputs);
  }

  bool meets(const Judge& judge, Index sample_row, Index row) const {
    if (labels_[row] < 0) return false;  // no finite answer
    if (judge.reads_scores() && logits_.size() > 0) {
      const Eigen::VectorXd scores = logits_.row(row).transpose().template cast<double>();
      return judge(Scores{sample_row, scores});
    }
    return judge.reads_labels() && judge(Decision{sample_row, labels_[row]});
  }

  Input inputs_{};
  Labels labels_{};
  Logits<Scalar> logits_{};
};

template <class M, class X>
  requires DecisionModel<M>
Pool(M&&, X&&, Index = 128) -> Pool<input_t<M>>;
template <class X, class Y>
  requires Batch<std::remove_cvref_t<X>>
Pool(X&&, const Y&) -> Pool<std::remove_cvref_t<X>>;

}  // namespace foil
