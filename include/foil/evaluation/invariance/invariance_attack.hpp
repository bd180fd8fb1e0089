// SPDX-License-Identifier: MIT
/// \file
/// How much an input can change before a model notices: the search for other inputs of the same logits.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/status.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/invariance/level_walk.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// Options of foil::invariance_attack().
struct InvarianceOptions {
  double tolerance = 0.01;  ///< by which each logit may change, in their units
  int steps = 100;          ///< at most, from each of the two starts
  int batch_size = 64;  ///< samples that are asked about together; bits do not depend on it if the model's
                        ///< rows do not influence each other

  void list(OptionList& option) {
    option("tolerance", tolerance, "by which each logit may change", above(0));
    option("steps", steps, "at most, from each start", at_least(1));
    option("batch_size", batch_size, "samples asked about together", at_least(1));
  }
};

/// What foil::invariance_attack() found, sample by sample.
template <Batch Input>
struct InvarianceResult {
  Input images;                ///< within the bounds; the input itself where nothing closer was found
  Eigen::VectorXd distances;   ///< L2, from the image to the target
  Eigen::VectorXd from_input;  ///< L2, from the input to the target
  Eigen::VectorXd drifts;      ///< the largest change of a logit, as the model answered in the end
  std::vector<Status> status;  ///< see foil::invariance_attack()
  std::vector<std::int64_t> forward, backward;  ///< rows asked of the model, the final check included

  Index size() const { return distances.size(); }
};

namespace detail {

/// The samples of one batch.
template <class M>
class InvarianceSearch {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  InvarianceSearch(M& model, const Input& x, const Input& targets, const InvarianceOptions& options,
                   InvarianceResult<Input>& out)
      : model_(model), x_(x), targets_(targets), options_(options), out_(out), bounds_(model.bounds()) {}

  /// Of the samples from `first` to before `end`.
  void run(Index first, Index end) {
    problems_.assign(static_cast<std::size_t>(end - first), {});
    std::vector<Index> valid;
    for (Index i = first; i < end; ++i) {
      set(i, sample(x_, i));
      out_.from_input[i] = out_.distances[i];
      out_.drifts[i] = std::numeric_limits<double>::quiet_NaN();
      const bool fits = bounds_.contain(sample(x_, i)) && bounds_.contain(sample(targets_, i));
      out_.status[at(i)] = fits ? Status::not_found : Status::invalid_input;
      if (fits) valid.push_back(i);
    }
    std::vector<Index> finite;
    each_answer(gather(x_, valid), valid, [&](Index i, const Eigen::VectorXd& logits) {
      if (all_finite(logits)) {
        problem(i, first) = {wide(sample(targets_, i)), ends(false), ends(true), logits, options_.tolerance};
        finite.push_back(i);
      } else {
        out_.status[at(i)] = Status::non_finite;
      }
    });
    for (const Input* start : {&x_, &targets_}) walk(finite, first, *start);
    verify(finite, first);
  }

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
  LevelProblem& problem(Index i, Index first) { return problems_[at(i - first)]; }
  static Eigen::VectorXd wide(const auto& row) { return row.template cast<double>(); }
  Eigen::VectorXd ends(bool upper) const {
    Eigen::VectorXd out(features(x_));
    for (Index j = 0; j < out.size(); ++j)
      out[j] = static_cast<double>(upper ? bounds_.upper(j) : bounds_.lower(j));
    return out;
  }

  void set(Index i, const auto& image) {
    sample(out_.images, i) = image;
    out_.distances[i] = distance(L2{}, sample(out_.images, i), sample(targets_, i));
  }

  /// Asks about a batch whose rows are those of these samples, and hands on each one's logits.
  template <class F>
  void each_answer(const Input& batch, const std::vector<Index>& who, const F& hand_on) {
    if (who.empty()) return;
    const Logits<Scalar> logits = model_.logits(batch);
    check_answer(samples(batch), logits.rows(), logits.cols(), classes_);
    for (std::size_t r = 0; r < who.size(); ++r) {
      ++out_.forward[at(who[r])];
      hand_on(who[r], wide(logits.row(static_cast<Index>(r)).transpose()));
    }
  }

  Input batch_of(const std::vector<Eigen::VectorXd>& points) const {
    Input batch(resized(x_, static_cast<Index>(points.size())));
    for (std::size_t r = 0; r < points.size(); ++r)
      for (Index j = 0; j < points[r].size(); ++j)
        sample(batch, static_cast<Index>(r))[j] =
            std::clamp(static_cast<Scalar>(points[r][j]), bounds_.lower(j), bounds_.upper(j));
    return batch;
  }

  /// One start of all these samples.
  void walk(const std::vector<Index>& who, Index first, const Input& start) {
    std::vector<LevelWalk> walks;
    walks.reserve(who.size());
    for (const Index i : who) walks.emplace_back(problem(i, first), wide(sample(start, i)));
    std::vector<std::size_t> open(who.size());
    for (std::size_t w = 0; w < open.size(); ++w) open[w] = w;
    for (int step = 0; step < options_.steps && !open.empty(); ++step) {
      differentiate(who, walks, open);
      std::vector<Eigen::VectorXd> points;
      std::vector<std::size_t> asking;
      for (const std::size_t w : open) {
        if (walks[w].done()) continue;
        Eigen::VectorXd point = walks[w].propose();
        if (walks[w].done()) {
          if (walks[w].converged()) closed(who[w], walks[w], problem(who[w], first));
          continue;
        }
        points.push_back(std::move(point));
        asking.push_back(w);
      }
      std::vector<Index> ids;
      for (const std::size_t w : asking) ids.push_back(who[w]);
      const Input batch = batch_of(points);
      Index row = 0;
      each_answer(batch, ids, [&](Index i, const Eigen::VectorXd& logits) {
        const auto asked = sample(batch, row);
        walks[asking[at(row++)]].judge(wide(asked), logits);
        if (!(problem(i, first).drift(logits) <= options_.tolerance)) return;
        if (!(distance(L2{}, asked, sample(targets_, i)) < out_.distances[i])) return;
        set(i, asked);
        out_.status[at(i)] = Status::success;
      });
      open.clear();
      for (const std::size_t w : asking)
        if (!walks[w].done()) open.push_back(w);
    }
  }

  /// Of a walk that has converged: if the best image is there, that is the nearest around. The best may be a
  /// thousandth nearer, as it may use the last hundredth of the tolerance.
  void closed(Index i, const LevelWalk& walk, const LevelProblem& of) {
    const double there = distance(L2{}, walk.at(), of.target);
    if (there <= 1.001 * out_.distances[i]) out_.status[at(i)] = Status::converged;
  }

  /// Logits and their Jacobians, for the walks that have moved: a forward pass and one pullback a logit.
  void differentiate(const std::vector<Index>& who, std::vector<LevelWalk>& walks,
                     const std::vector<std::size_t>& open) {
    std::vector<Eigen::VectorXd> points;
    std::vector<std::size_t> asking;
    for (const std::size_t w : open)
      if (walks[w].wants_jacobian()) {
        points.push_back(walks[w].at());
        asking.push_back(w);
      }
    if (asking.empty()) return;
    const Input batch = batch_of(points);
    auto pass = model_.vjp(batch);
    const Logits<Scalar> logits = pass.logits;
    check_answer(samples(batch), logits.rows(), logits.cols(), classes_);
    std::vector<Logits<double>> jacobians(asking.size(), Logits<double>(classes_, features(x_)));
    for (Index k = 0; k < classes_; ++k) {
      Logits<Scalar> cotangent = Logits<Scalar>::Zero(logits.rows(), classes_);
      cotangent.col(k).setOnes();
      const Input gradient = pass.pullback(cotangent);
      check_gradient(gradient, batch.dimensions());
      for (std::size_t r = 0; r < asking.size(); ++r)
        jacobians[r].row(k) = wide(sample(gradient, static_cast<Index>(r))).transpose();
    }
    for (std::size_t r = 0; r < asking.size(); ++r) {
      ++out_.forward[at(who[asking[r]])];
      out_.backward[at(who[asking[r]])] += classes_;
      walks[asking[r]].know(wide(logits.row(static_cast<Index>(r)).transpose()), std::move(jacobians[r]));
    }
  }

  /// Asks about what is returned; what does not hold is taken back.
  void verify(const std::vector<Index>& who, Index first) {
    std::vector<Index> broken;
    each_answer(gather(out_.images, who), who, [&](Index i, const Eigen::VectorXd& logits) {
      out_.drifts[i] = problem(i, first).drift(logits);
      if (!(out_.drifts[i] <= options_.tolerance)) broken.push_back(i);
    });
    for (const Index i : broken) {
      set(i, sample(x_, i));
      out_.status[at(i)] = Status::unstable;
    }
    each_answer(gather(x_, broken), broken, [&](Index i, const Eigen::VectorXd& logits) {
      out_.drifts[i] = problem(i, first).drift(logits);
    });
  }

  M& model_;
  const Input& x_;
  const Input& targets_;
  const InvarianceOptions& options_;
  InvarianceResult<Input>& out_;
  Bounds<Scalar> bounds_;
  std::vector<LevelProblem> problems_{};
  Index classes_ = 0;
};

}  // namespace detail

/// The input's image among those that the model answers alike that is nearest to a target: minimises the L2
/// distance to the target subject to no logit changing by more than the tolerance, within the bounds. What
/// comes near to a target of another class, as people see it, shows that the model does not look at what
/// makes the difference: excessive invariance (Jacobsen, Behrmann, Zemel, Bethge 2019, arXiv:1811.00401, who
/// construct such inputs for invertible networks; see metameric_sample()). For any differentiable model;
/// where a layer is meant rather than logits, give a model whose logits are the layer.
///
/// The method is foil's own, sequential quadratic programming from the input and from the target (see
/// foil::LevelWalk). Of an affine model it finds the nearest image there is, up to a hundredth of the
/// tolerance; of others one that is nearest among those around, so that the distance is an upper bound. What
/// is returned was asked about once more in the end: its drift is within the tolerance, or its status is
/// `unstable`.
///
/// Status: `converged` if no better step is left around the image; `success` if it is nearer than the input
/// but steps ran out, or became too small; `not_found` if nothing nearer than the input was found;
/// `invalid_input` if input or target are not within the bounds; `non_finite` if the model's logits of the
/// input are not; `unstable` if the model did not confirm the image: the input is then returned.
///
/// Cost: for each step of a start 1 forward pass, and where the last one was taken 1 more and a pullback for
/// each logit; 2 forward passes for the input and the final check.
/// \param targets  one for each input, of the same shape
template <class M, class X, class T>
  requires DifferentiableModel<M>
InvarianceResult<input_t<M>> invariance_attack(M&& model, const X& inputs, const T& targets,
                                               const InvarianceOptions& options = {}) {
  using Input = input_t<M>;
  const InvarianceOptions chosen = checked("invariance_attack", options);
  const Input& x = as_batch<Input>(inputs);
  const Input& to = as_batch<Input>(targets);
  require(x.dimensions() == to.dimensions(), "invariance_attack: expected a target for each input, of shape ",
          shape_text(x), ", got ", shape_text(to));
  model.bounds().check(features(x));
  const Index count = samples(x);
  const auto rows = static_cast<std::size_t>(count);
  InvarianceResult<Input> out{x,
                              Eigen::VectorXd::Zero(count),
                              Eigen::VectorXd::Zero(count),
                              Eigen::VectorXd::Zero(count),
                              std::vector<Status>(rows, Status::not_run),
                              std::vector<std::int64_t>(rows),
                              std::vector<std::int64_t>(rows)};
  detail::InvarianceSearch<std::remove_reference_t<M>> search(model, x, to, chosen, out);
  for (Index first = 0; first < count; first += chosen.batch_size)
    search.run(first, std::min<Index>(count, first + chosen.batch_size));
  return out;
}

}  // namespace foil
