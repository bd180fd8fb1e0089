// SPDX-License-Identifier: MIT
/// \file
/// How foil::invariance_attack() asks a model.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/bounds.hpp"
#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/status.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/invariance/level_descent.hpp"
#include "foil/evaluation/invariance/level_walk.hpp"
#include "foil/evaluation/invariance/options.hpp"

namespace foil {

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
    walk(finite, first, gather(x_, finite));
    const Input end_of_descent = descend(finite, first);
    walk(finite, first, end_of_descent);
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

  /// Takes an image that was asked about if it holds and is the nearest so far.
  void keep(Index i, const LevelProblem& of, const auto& asked, const Eigen::VectorXd& logits) {
    if (!(of.drift(logits) <= of.tolerance)) return;
    if (!(distance(L2{}, asked, sample(targets_, i)) < out_.distances[i])) return;
    set(i, asked);
    out_.status[at(i)] = Status::success;
  }

  /// From the targets down; where it ends.
  Input descend(const std::vector<Index>& who, Index first) {
    std::vector<LevelDescent> all;
    std::vector<Eigen::VectorXd> points;
    for (const Index i : who) {
      all.emplace_back(problem(i, first), wide(sample(targets_, i)), out_.from_input[i], options_.descent);
      points.push_back(all.back().at());
    }
    for (int step = 0; step < options_.descent && !who.empty(); ++step) {
      const Input batch = batch_of(points);
      auto pass = model_.vjp(batch);
      const Logits<Scalar> logits = pass.logits;
      check_answer(samples(batch), logits.rows(), logits.cols(), classes_);
      Logits<Scalar> cotangent(logits.rows(), logits.cols());
      for (std::size_t r = 0; r < who.size(); ++r) {
        const auto row = static_cast<Index>(r);
        const Eigen::VectorXd said = wide(logits.row(row).transpose());
        keep(who[r], problem(who[r], first), sample(batch, row), said);
        cotangent.row(row) = all[r].slope(said).template cast<Scalar>().transpose();
      }
      const Input gradient = pass.pullback(cotangent);
      check_gradient(gradient, batch.dimensions());
      for (std::size_t r = 0; r < who.size(); ++r) {
        ++out_.forward[at(who[r])];
        ++out_.backward[at(who[r])];
        all[r].move(wide(sample(gradient, static_cast<Index>(r))));
        points[r] = all[r].at();
      }
    }
    return batch_of(points);
  }

  /// One start of all these samples, a row for each.
  void walk(const std::vector<Index>& who, Index first, const Input& start) {
    std::vector<LevelWalk> walks;
    walks.reserve(who.size());
    for (std::size_t w = 0; w < who.size(); ++w)
      walks.emplace_back(problem(who[w], first), wide(sample(start, static_cast<Index>(w))));
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
        keep(i, problem(i, first), asked, logits);
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

}  // namespace foil
