// SPDX-License-Identifier: MIT
/// \file
/// What every point that foil::falsify() asks about goes through: counted, judged, remembered.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/falsify/problem.hpp"
#include "foil/geometry/box.hpp"

namespace foil::detail {

/// Ends a search from wherever it is: all is said, or spent.
struct SearchOver {};

/// The model, the cases as boxes of its numbers, what has been spent, and the best that was found.
template <DifferentiableModel M>
class FalsifySearch {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  FalsifySearch(M& model, typename Input::Dimensions shape, const std::vector<FalsifyCase>& cases,
                const FalsifyOptions& options)
      : model_(model), shape_(shape), cases_(cases), options_(options) {
    shape_[0] = 1;
    const Index count = features(Input(shape_));
    for (std::size_t c = 0; c < cases.size(); ++c) {
      boxes_.push_back(points_inside<Scalar>(cases[c], static_cast<Index>(c), count));
      excesses_.push_back(
          Eigen::VectorXd::Constant(static_cast<Index>(cases[c].condition.clauses.size()), infinity));
      nearest_.emplace_back(cases[c].condition.clauses.size(), std::make_shared<const Eigen::VectorXd>());
    }
  }

  const FalsifyCase& problem(std::size_t c) const { return cases_[c]; }
  const FalsifyOptions& options() const { return options_; }
  /// Points per model call: as many as are asked for, or as there are calls, or as take a fiftieth of the
  /// seconds, by the calls that keep_pace() made.
  Index batch_size() const { return batch_size_; }
  const geometry::Box& box(std::size_t c) const { return boxes_[c]; }
  /// The smallest excess of each clause of a case that was seen; infinity if none was.
  const Eigen::VectorXd& excesses(std::size_t c) const { return excesses_[c]; }
  /// Where that was, in the cube; empty if nowhere.
  const Eigen::VectorXd& nearest(std::size_t c, std::size_t clause) const { return *nearest_[c][clause]; }
  std::int64_t calls() const { return found_.calls; }
  bool over() const { return over_; }

  /// A point of the box for each row of numbers from 0 to 1, one for every feature that is not frozen.
  Input points(std::size_t c, const Logits<double>& u) const {
    const geometry::Box& box = boxes_[c];
    auto shape = shape_;
    shape[0] = u.rows();
    Input x(shape);
    for (Index row = 0; row < u.rows(); ++row) {
      auto out = sample(x, row);
      for (Index i = 0, k = 0; i < box.size(); ++i) {
        const double low = box.lower[i], high = box.upper[i];
        out[i] = static_cast<Scalar>(low);
        if (box.is_frozen(i)) continue;
        const double part = u(row, k++), width = high - low,
                     value = std::isfinite(width) ? low + part * width : (1 - part) * low + part * high;
        out[i] = static_cast<Scalar>(clip(static_cast<double>(static_cast<Scalar>(value)), low, high));
      }
    }
    return x;
  }

  Logits<Scalar> logits(std::size_t c, const Input& x) {
    spend(samples(x));
    Logits<Scalar> y = model_.logits(x);
    judge(c, x, y);
    return y;
  }
  /// A forward pass. Each backward pass is to be paid for by itself.
  auto vjp(std::size_t c, const Input& x) {
    spend(samples(x));
    auto pass = model_.vjp(x);
    judge(c, x, pass.logits);
    return pass;
  }

  /// Counts passes, and ends the search where there are no more.
  void spend(std::int64_t rows) {
    look();
    if (rows > options_.calls - found_.calls) stop();
    found_.calls += rows;
  }

  /// Where time is limited, asks about two points, one by one, and takes as many in a call as that allows: of
  /// a large network a full batch would take longer than there is.
  void keep_pace(std::size_t c) {
    if (std::isinf(options_.seconds) || std::exchange(paced_, true)) return;
    double shortest = infinity;
    for (const double level : {0.5, 0.0}) {
      const double before = seconds();
      logits(c, points(c, Logits<double>::Constant(1, boxes_[c].free_features(), level)));
      shortest = std::min(shortest, seconds() - before);
    }
    const double most = options_.seconds / 50 / std::max(shortest, 1e-9);
    if (most < static_cast<double>(batch_size_)) batch_size_ = std::max<Index>(1, static_cast<Index>(most));
  }

  /// Ends the search if it should not go on.
  void look() {
    if (over_ || found_.sure || seconds() >= options_.seconds) stop();
  }
  [[noreturn]] void stop() {
    over_ = true;
    throw SearchOver{};
  }

  Falsification<Input> result() && {
    found_.seconds = seconds();
    return std::move(found_);
  }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  }

  void judge(std::size_t c, const Input& x, const Logits<Scalar>& y) {
    check_answer(samples(x), y.rows());
    const OutputProperty& condition = cases_[c].condition;
    if (!checked_[c]) condition.check(1, y.cols());
    checked_[c] = true;
    for (Index row = 0; row < y.rows(); ++row) {
      const Eigen::VectorXd outputs = y.row(row).transpose().template cast<double>();
      if (!all_finite(outputs)) continue;
      double largest = outputs.cwiseAbs().maxCoeff();
      std::shared_ptr<const Eigen::VectorXd> here;  // once, however many clauses it is the nearest to
      for (std::size_t k = 0; k < condition.clauses.size(); ++k) {
        const OutputClause& clause = condition.clauses[k];
        const double value = excess(clause, outputs);
        if (double& best = excesses_[c][static_cast<Index>(k)]; value < best) {
          best = value;
          if (!here) here = std::make_shared<const Eigen::VectorXd>(in_cube(c, sample(x, row)));
          nearest_[c][k] = here;
        }
        const bool met = holds(clause, outputs), certain = met && sure(clause, outputs, largest);
        const int worth = met + certain, known = found_.found + found_.sure;
        if (found_.clause >= 0 && (worth == known ? !(value < found_.margin) : worth < known)) continue;
        found_.found = met;
        found_.sure = certain;
        found_.which_case = static_cast<Index>(c);
        found_.clause = static_cast<Index>(k);
        found_.margin = value;
        found_.outputs = outputs;
        found_.input = gather(x, std::vector<Index>{row});
      }
    }
    look();
  }

  /// Of a clause that is met.
  bool sure(const OutputClause& clause, const Eigen::VectorXd& y, double largest) const {
    if (options_.rounding == 0) return true;
    const double radius = std::max(options_.rounding * largest, std::numeric_limits<double>::denorm_min());
    return std::all_of(clause.begin(), clause.end(), [&](const OutputInequality& i) {
      return i.excess_within(y, radius) < 0 || i.coefficients.isZero(0);
    });
  }

  template <class Sample>
  Eigen::VectorXd in_cube(std::size_t c, const Sample& x) const {
    const geometry::Box& box = boxes_[c];
    Eigen::VectorXd u(box.free_features());
    for (Index i = 0, k = 0; i < box.size(); ++i)
      if (!box.is_frozen(i))
        u[k++] = (static_cast<double>(x[i]) - box.lower[i]) / (box.upper[i] - box.lower[i]);
    return u;
  }

  M& model_;
  typename Input::Dimensions shape_;
  const std::vector<FalsifyCase>& cases_;
  const FalsifyOptions& options_;
  Index batch_size_ = static_cast<Index>(std::min<std::int64_t>(options_.batch_size, options_.calls));
  bool paced_ = false;
  std::vector<geometry::Box> boxes_{};
  std::vector<Eigen::VectorXd> excesses_{};
  std::vector<std::vector<std::shared_ptr<const Eigen::VectorXd>>> nearest_{};
  std::vector<bool> checked_ = std::vector<bool>(cases_.size(), false);
  Falsification<Input> found_{};
  bool over_ = false;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace foil::detail
