// SPDX-License-Identifier: MIT
/// \file
/// How much numbers that a classifier does not look at tell of the classes.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/binomial.hpp"
#include "foil/run/options_list.hpp"

namespace foil {

/// Options of foil::nuisance_probe().
struct ProbeOptions {
  double held_out = 0.25;    ///< share of the rows that measure, and have no part in anything else
  double validation = 0.25;  ///< share of the other rows that choose the penalty
  double least_penalty = 1e-4, largest_penalty = 1;  ///< of half the squared weights, per row; powers of ten
                                                     ///< between are tried
  int steps = 500;                                   ///< of the accelerated gradient descent for each penalty
  int seed = 0;                                      ///< of the order in which rows are dealt out

  void list(OptionList& option) {
    option("held_out", held_out, "share of the rows that measure", strictly_between(0, 1));
    option("validation", validation, "share of the other rows that choose the penalty",
           strictly_between(0, 1));
    option("least_penalty", least_penalty, "of half the squared weights, per row", above(0));
    option("largest_penalty", largest_penalty, "the last one tried", above(0));
    option("steps", steps, "of the descent for each penalty", at_least(1));
    option("seed", seed, "of the order of the rows");
  }
  void check(std::string_view who) const {
    require(least_penalty <= largest_penalty, who, ": expected least_penalty <= largest_penalty, got ",
            least_penalty, " and ", largest_penalty);
  }
};

/// What foil::nuisance_probe() found. Nats but where it says bits.
struct Probe {
  Index trained_on = 0, chosen_on = 0, held_out = 0;  ///< rows
  double entropy = 0;         ///< H(y) of the classes as often as they are in the held-out rows
  double cross_entropy = 0;   ///< of the probe on the held-out rows
  double standard_error = 0;  ///< of the difference of the two, over the held-out rows
  double penalty = 0;         ///< the chosen one
  Index right = 0;            ///< held-out rows that the probe classifies correctly

  /// H(y) - CE, which estimates a lower bound of the mutual information of class and features: in the mean
  /// over held-out rows it is not above that information, one estimate may be by a few standard errors. May
  /// come out below 0, which says no more than 0 does.
  double information() const { return entropy - cross_entropy; }
  double information_bits() const { return information() / std::numbers::ln2; }
  double accuracy() const { return static_cast<double>(right) / static_cast<double>(held_out); }
  Interval accuracy_interval(double confidence = 0.95) const {
    return clopper_pearson(right, held_out, confidence);
  }
};

namespace detail {

/// Rows of features with a class each.
struct ProbeRows {
  Eigen::MatrixXd features;  // rows x n
  Labels labels;
};

/// Linear logits, and what they are worth on rows.
class SoftmaxRegression {
 public:
  SoftmaxRegression(Index features, Index classes)
      : weights_(Eigen::MatrixXd::Zero(features, classes)), offsets_(Eigen::RowVectorXd::Zero(classes)) {}

  /// The logarithms of the probabilities.
  Eigen::MatrixXd log_probabilities(const ProbeRows& rows) const {
    Eigen::MatrixXd z = (rows.features * weights_).rowwise() + offsets_;
    const Eigen::VectorXd highest = z.rowwise().maxCoeff();
    z.colwise() -= highest;
    const Eigen::VectorXd scale = z.array().exp().rowwise().sum().log();
    z.colwise() -= scale;
    return z;
  }

  double cross_entropy(const ProbeRows& rows) const {
    const Eigen::MatrixXd log_p = log_probabilities(rows);
    double total = 0;
    for (Index i = 0; i < log_p.rows(); ++i) total -= log_p(i, rows.labels[i]);
    return total / static_cast<double>(log_p.rows());
  }

  /// Minimises the cross-entropy plus the penalty by Nesterov's method, which starts anew where it rises
  /// (O'Donoghue, Candes 2015). `curvature` is at least the largest eigenvalue of the mean square of
  /// (features, 1).
  void fit(const ProbeRows& rows, double penalty, double curvature, int steps) {
    const double step = 1 / (0.5 * curvature + penalty), count = static_cast<double>(rows.labels.size());
    SoftmaxRegression ahead = *this;
    double momentum = 1;
    for (int i = 0; i < steps; ++i) {
      Eigen::MatrixXd error = ahead.log_probabilities(rows).array().exp();
      for (Index r = 0; r < error.rows(); ++r) error(r, rows.labels[r]) -= 1;
      const Eigen::MatrixXd slope = rows.features.transpose() * error / count + penalty * ahead.weights_;
      const Eigen::RowVectorXd of_offsets = error.colwise().sum() / count;
      const SoftmaxRegression before = *this;
      weights_ = ahead.weights_ - step * slope;
      offsets_ = ahead.offsets_ - step * of_offsets;
      const Eigen::MatrixXd moved = weights_ - before.weights_;
      const Eigen::RowVectorXd offset = offsets_ - before.offsets_;
      const bool rises = slope.cwiseProduct(moved).sum() + of_offsets.dot(offset) > 0;
      const double next = rises ? 1 : (1 + std::sqrt(1 + 4 * momentum * momentum)) / 2;
      const double carry = rises ? 0 : (momentum - 1) / next;
      ahead.weights_ = weights_ + carry * moved;
      ahead.offsets_ = offsets_ + carry * offset;
      momentum = next;
    }
  }

 private:
  Eigen::MatrixXd weights_;
  Eigen::RowVectorXd offsets_;
};

/// The largest eigenvalue of the mean square of (features, 1), a little more, by the power method.
inline double mean_square(const ProbeRows& rows) {
  constexpr int rounds = 50;
  const double count = static_cast<double>(rows.labels.size());
  Eigen::VectorXd v = Eigen::VectorXd::Ones(rows.features.cols() + 1);
  double size = 1;
  for (int i = 0; i < rounds; ++i) {
    v /= size;
    const Eigen::VectorXd at =
        (rows.features * v.head(rows.features.cols())).array() + v[rows.features.cols()];
    v.head(rows.features.cols()) = rows.features.transpose() * at / count;
    v[rows.features.cols()] = at.sum() / count;
    size = v.norm();
  }
  return 1.1 * size;
}

using ProbeFeatures = Eigen::Ref<const Eigen::MatrixXd>;

/// Throws foil::Error unless there is a class for each row, and all features are finite.
inline ProbeRows checked_rows(const ProbeFeatures& features, const Labels& labels) {
  require(labels.size() == features.rows(), "nuisance_probe: expected one label for each of the ",
          features.rows(), " rows, got ", labels.size());
  require(features.cols() >= 1 && all_finite(features.reshaped()),
          "nuisance_probe: expected at least one feature, and all of them finite");
  constexpr int most = 1'000'000;  // each has weights
  for (Index i = 0; i < labels.size(); ++i)
    require(labels[i] >= 0 && labels[i] < most, "nuisance_probe: expected classes from 0 to ", most - 1,
            ", got ", labels[i], " for row ", i);
  return {features, labels};
}

/// Deals rows out in an order drawn from the seed: so many, and the others.
inline std::pair<ProbeRows, ProbeRows> dealt_out(const ProbeRows& rows, double share, int seed) {
  const Index count = rows.labels.size();
  const auto first = static_cast<Index>(std::llround(share * static_cast<double>(count)));
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  RandomDraw draw(random_key(static_cast<std::uint64_t>(seed), "nuisance-probe"), 0, Purpose::permutation, 0);
  for (Index i = count; i-- > 1;)
    std::swap(order[static_cast<std::size_t>(i)],
              order[static_cast<std::size_t>(draw.integer(static_cast<std::uint64_t>(i) + 1))]);
  const auto part = [&](Index begin, Index size) {
    ProbeRows out{Eigen::MatrixXd(size, rows.features.cols()), Labels(size)};
    for (Index i = 0; i < size; ++i) {
      const Index row = order[static_cast<std::size_t>(begin + i)];
      out.features.row(i) = rows.features.row(row);
      out.labels[i] = rows.labels[row];
    }
    return out;
  };
  return {part(0, first), part(first, count - first)};
}

/// Trains on rows, chooses the penalty by others, and measures on others again.
inline Probe run_probe(ProbeRows train, ProbeRows choose, ProbeRows measure, const ProbeOptions& options) {
  Probe out;
  out.trained_on = train.labels.size();
  out.chosen_on = choose.labels.size();
  out.held_out = measure.labels.size();
  require(std::min({out.trained_on, out.chosen_on, out.held_out}) >= 2,
          "nuisance_probe: expected at least two rows to train, to choose and to measure, got ",
          out.trained_on, ", ", out.chosen_on, " and ", out.held_out);
  const Index n = train.features.cols();
  const Index classes =
      Index{1} + std::max({train.labels.maxCoeff(), choose.labels.maxCoeff(), measure.labels.maxCoeff()});
  const Eigen::RowVectorXd mean = train.features.colwise().mean();
  const Eigen::RowVectorXd deviation =
      ((train.features.rowwise() - mean).array().square().colwise().mean()).sqrt();
  for (ProbeRows* rows : {&train, &choose, &measure}) {
    rows->features.rowwise() -= mean;
    for (Index j = 0; j < n; ++j)  // what is constant tells nothing
      rows->features.col(j) *= deviation[j] > 1e-12 * std::abs(mean[j]) ? 1 / deviation[j] : 0;
  }

  const double curvature = mean_square(train);
  SoftmaxRegression best(n, classes);
  double least = std::numeric_limits<double>::infinity();
  for (double penalty = options.least_penalty; penalty <= options.largest_penalty * 1.01; penalty *= 10) {
    SoftmaxRegression probe(n, classes);
    probe.fit(train, penalty, curvature, options.steps);
    const double error = probe.cross_entropy(choose);
    if (error < least) {
      least = error;
      best = std::move(probe);
      out.penalty = penalty;
    }
  }

  const Eigen::MatrixXd log_p = best.log_probabilities(measure);
  Eigen::VectorXd frequency = Eigen::VectorXd::Zero(classes), terms(out.held_out);
  const double held = static_cast<double>(out.held_out);
  for (const int label : measure.labels) frequency[label] += 1 / held;
  for (Index i = 0; i < out.held_out; ++i) {
    const int label = measure.labels[i];
    const double own = -std::log(frequency[label]);
    Index said = 0;
    log_p.row(i).maxCoeff(&said);
    out.right += said == label;
    out.entropy += own / held;
    out.cross_entropy -= log_p(i, label) / held;
    terms[i] = own + log_p(i, label);
  }
  out.standard_error = std::sqrt((terms.array() - terms.mean()).square().sum() / (held - 1) / held);
  return out;
}

}  // namespace detail

/// What features tell of classes, by a softmax regression: a lower bound of their mutual information, the
/// entropy of the classes minus the regression's cross-entropy on rows that it has not seen. It holds however
/// good or bad the regression is; what is not linear in the features it does not see, so that little of it
/// proves nothing. The features are those of nuisances_of(), or any others.
///
/// Rows are dealt out by the seed: some train, on features that are standardised by them, some choose the
/// penalty, the others measure. Where a model was trained on some of the rows, measure on others: by the
/// function below. Throws foil::Error unless features are finite, and each of the three has at least two
/// rows. No model call; time grows with rows x features x classes.
/// \param features  N x n
/// \param labels  the class of each row, from 0
inline Probe nuisance_probe(const Eigen::Ref<const Eigen::MatrixXd>& features, const GivenLabels& labels,
                            const ProbeOptions& options = {}) {
  const ProbeOptions chosen = checked("nuisance_probe", options);
  auto [measure, rest] =
      detail::dealt_out(detail::checked_rows(features, labels), chosen.held_out, chosen.seed);
  auto [choose, train] = detail::dealt_out(rest, chosen.validation, chosen.seed);
  return detail::run_probe(std::move(train), std::move(choose), std::move(measure), chosen);
}

/// The same, measured on rows of one's own choice: `held_out_features` and their labels; of the others some
/// choose the penalty. The option `held_out` means nothing.
inline Probe nuisance_probe(const Eigen::Ref<const Eigen::MatrixXd>& features, const GivenLabels& labels,
                            const Eigen::Ref<const Eigen::MatrixXd>& held_out_features,
                            const GivenLabels& held_out_labels, const ProbeOptions& options = {}) {
  const ProbeOptions chosen = checked("nuisance_probe", options);
  require(features.cols() == held_out_features.cols(),
          "nuisance_probe: expected as many features in all rows, got ", features.cols(), " and ",
          held_out_features.cols());
  auto [choose, train] =
      detail::dealt_out(detail::checked_rows(features, labels), chosen.validation, chosen.seed);
  return detail::run_probe(std::move(train), std::move(choose),
                           detail::checked_rows(held_out_features, held_out_labels), chosen);
}

}  // namespace foil
