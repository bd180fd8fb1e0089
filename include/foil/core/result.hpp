// SPDX-License-Identifier: MIT
/// \file
/// What an attack returns: one row, one verdict and one account per sample.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/status.hpp"
#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// One improvement of a sample's best adversarial, and what had been spent by then.
struct TracePoint {
  std::int64_t queries;
  std::int64_t gradient_queries;
  double distance;
  double loss;  ///< NaN where none was asked for; see also Oracle::describe()

  /// NaN equals itself here: the losses agree or are both unknown.
  friend bool operator==(const TracePoint& a, const TracePoint& b) {
    return a.queries == b.queries && a.gradient_queries == b.gradient_queries && a.distance == b.distance &&
           (a.loss == b.loss || (a.loss != a.loss && b.loss != b.loss));
  }
};

/// What one stage of a suite has spent on a sample. See foil::Suite.
struct StageCalls {
  int stage;                               ///< its place among the stages
  std::int64_t queries, gradient_queries;  ///< as in Result; the first stage has that about the input, too

  friend bool operator==(const StageCalls&, const StageCalls&) = default;
};

/// A count per sample.
using Counts = Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1>;

/// Per-sample outcome of an attack on N samples; row i belongs to input i.
///
/// A gradient says nothing if it is exactly zero in every feature that may move, unless the point is
/// adversarial and the objective has nothing left to gain there. An attack has no direction then, and that it
/// finds nothing, or nothing closer, means nothing. Where the gradients of several classes were asked for,
/// they count if all are zero. foil::diagnose() reads this.
template <Batch Input>
struct Result {
  Input adversarials;  ///< shape of the inputs; the input itself where nothing was found
  Eigen::Array<bool, Eigen::Dynamic, 1>
      success;                      ///< verified: within bounds, criterion met, at the stated distance
  Eigen::VectorXd distances;        ///< in the attack's norm, from the stored bits; +inf without success
  std::vector<Status> status;       ///< how each sample ended
  Counts queries;                   ///< forward passes, without the final verification
  Counts gradient_queries;          ///< backward passes
  Counts verification_queries;      ///< forward passes of the final verification
  Counts surplus_gradient_queries;  ///< backward passes, likewise
  Counts surplus_queries;   ///< forward passes made ahead whose answers were discarded; beyond the budget
  Counts bad_rows;          ///< answers of the model that held NaN or infinity
  Counts zero_gradients;    ///< backward passes that said nothing: see above
  Counts probability_rows;  ///< answers that look like probabilities, see foil::looks_like_probabilities()
  Counts changed_answers;   ///< questions asked again that were answered differently; only suites ask twice
  Labels predictions;       ///< class given to the returned row when last asked, -1 if never
  std::vector<std::vector<TracePoint>> traces;  ///< improvements in order; empty unless RunOptions::trace
  std::vector<std::vector<StageCalls>> stages;  ///< of a suite: those run on each sample, in their order
  /// What each adversarial is made of, if the attack makes them of few numbers: those of its parameters(), in
  /// their order. Empty for other attacks, without success, and where the verification had to move the point.
  std::vector<std::vector<double>> parameters;
  Index classes = 0;  ///< of the model, by its logits; 0 if it was not asked for any

  Result() = default;
  /// Nothing run yet: the inputs as they are.
  explicit Result(const Input& inputs)
      : adversarials(inputs),
        success(decltype(success)::Constant(samples(inputs), false)),
        distances(Eigen::VectorXd::Constant(samples(inputs), std::numeric_limits<double>::infinity())),
        status(static_cast<std::size_t>(samples(inputs)), Status::not_run),
        queries(Counts::Zero(samples(inputs))),
        gradient_queries(Counts::Zero(samples(inputs))),
        verification_queries(Counts::Zero(samples(inputs))),
        surplus_gradient_queries(Counts::Zero(samples(inputs))),
        surplus_queries(Counts::Zero(samples(inputs))),
        bad_rows(Counts::Zero(samples(inputs))),
        zero_gradients(Counts::Zero(samples(inputs))),
        probability_rows(Counts::Zero(samples(inputs))),
        changed_answers(Counts::Zero(samples(inputs))),
        predictions(Labels::Constant(samples(inputs), -1)),
        traces(static_cast<std::size_t>(samples(inputs))),
        stages(static_cast<std::size_t>(samples(inputs))),
        parameters(static_cast<std::size_t>(samples(inputs))) {}

  Index size() const { return success.size(); }
  /// The stage that fooled sample i, the last one run on it; -1 if none did, or if it was no suite.
  int won_by(Index i) const {
    const auto& run = stages[static_cast<std::size_t>(i)];
    return success[i] && !run.empty() ? run.back().stage : -1;
  }
  /// Whether sample i was right to begin with, as far as the run can tell: neither adversarial from the
  /// start nor without a finite answer to its clean input. Of the true classes it knows nothing.
  bool correct(Index i) const {
    const Status ended = status[static_cast<std::size_t>(i)];
    return ended != Status::already_adversarial && !(ended == Status::non_finite && predictions[i] < 0);
  }
  /// The bins and figures of foil::Summary; adversarials farther away than `epsilon` do not count: defined
  /// for every epsilon from one run of a minimal attack. Where there are none, a figure is NaN.
  Summary summary(double epsilon = std::numeric_limits<double>::infinity()) const {
    Tally tally(epsilon);
    for (Index i = 0; i < size(); ++i)
      tally.add(status[static_cast<std::size_t>(i)], success[i], distances[i], correct(i), bad_rows[i] == 0);
    return tally.summary();
  }
  double success_rate() const { return summary().success_rate(); }
  double robust_accuracy(double epsilon = std::numeric_limits<double>::infinity()) const {
    return summary(epsilon).robust_accuracy();
  }
  double median_distance() const { return summary().median_distance; }
};

/// A run was ended by an exception, mostly one of the model's. `partial` holds everything found until then;
/// the exception itself is nested (std::rethrow_if_nested).
template <Batch Input>
class RunFailure : public Error {
 public:
  RunFailure(const std::string& message, Result<Input> found) : Error(message), partial(std::move(found)) {}
  Result<Input> partial;
};

}  // namespace foil
