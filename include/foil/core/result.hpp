// SPDX-License-Identifier: MIT
/// \file
/// What an attack returns: one row, one verdict and one account per sample.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// How a sample's attack ended.
enum class Status : std::uint8_t {
  not_run,              ///< never reached: the run failed before
  already_adversarial,  ///< the input itself meets the criterion; returned as it is, distance 0
  success,              ///< adversarial found and verified
  converged,            ///< adversarial found and verified, and the attack's own convergence test was met
  not_found,            ///< the attack ran to its end without finding an adversarial
  start_failed,         ///< no starting point was found
  budget_exhausted,     ///< the query budget ended the attack; `success` tells whether something was found
  unstable,             ///< found, but the model did not confirm it when asked again
  invalid_input,        ///< the input is not finite or not within the bounds; never sent to the model
  non_finite,           ///< not found, and the model answered with NaN or infinity at least once
  interrupted,          ///< the observer stopped the run; `success` tells whether something was found
  failed  ///< the run ended by an exception; what had been found is given, unverified, success = false
};

constexpr std::string_view to_string(Status status) {
  switch (status) {
    case Status::not_run:
      return "not_run";
    case Status::already_adversarial:
      return "already_adversarial";
    case Status::success:
      return "success";
    case Status::converged:
      return "converged";
    case Status::not_found:
      return "not_found";
    case Status::start_failed:
      return "start_failed";
    case Status::budget_exhausted:
      return "budget_exhausted";
    case Status::unstable:
      return "unstable";
    case Status::invalid_input:
      return "invalid_input";
    case Status::non_finite:
      return "non_finite";
    case Status::interrupted:
      return "interrupted";
    case Status::failed:
      return "failed";
  }
  return "unknown";
}

/// One improvement of a sample's best adversarial, and what had been spent by then.
struct TracePoint {
  std::int64_t queries;
  std::int64_t gradient_queries;
  double distance;
  double loss;  ///< NaN where none was asked for

  /// NaN equals itself here: the losses agree or are both unknown.
  friend bool operator==(const TracePoint& a, const TracePoint& b) {
    return a.queries == b.queries && a.gradient_queries == b.gradient_queries && a.distance == b.distance &&
           (a.loss == b.loss || (a.loss != a.loss && b.loss != b.loss));
  }
};

/// A count per sample.
using Counts = Eigen::Matrix<std::int64_t, Eigen::Dynamic, 1>;

/// Per-sample outcome of an attack on N samples; row i belongs to input i.
template <Batch Input>
struct Result {
  Input adversarials;  ///< shape of the inputs; the input itself where nothing was found
  Eigen::Array<bool, Eigen::Dynamic, 1>
      success;                  ///< verified: within bounds, criterion met, at the stated distance
  Eigen::VectorXd distances;    ///< in the attack's norm, from the stored bits; +inf without success
  std::vector<Status> status;   ///< how each sample ended
  Counts queries;               ///< forward passes, without the final verification
  Counts gradient_queries;      ///< backward passes
  Counts verification_queries;  ///< forward passes of the final verification
  Counts surplus_queries;       ///< forward passes made ahead whose answers were discarded; beyond the budget
  Counts bad_rows;              ///< answers of the model that held NaN or infinity
  Labels predictions;           ///< class given to the returned row when last asked, -1 if never
  std::vector<std::vector<TracePoint>> traces;  ///< improvements in order; empty unless RunOptions::trace

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
        surplus_queries(Counts::Zero(samples(inputs))),
        bad_rows(Counts::Zero(samples(inputs))),
        predictions(Labels::Constant(samples(inputs), -1)),
        traces(static_cast<std::size_t>(samples(inputs))) {}

  Index size() const { return success.size(); }
  /// Share of samples that fool the model, already adversarial ones included. NaN when empty.
  double success_rate() const { return static_cast<double>(success.count()) / static_cast<double>(size()); }
  /// Share of samples not fooled within `epsilon`: defined for every epsilon from one run of a minimal
  /// attack.
  double robust_accuracy(double epsilon = std::numeric_limits<double>::infinity()) const {
    Index robust = 0;
    for (Index i = 0; i < size(); ++i) robust += !(success[i] && distances[i] <= epsilon);
    return static_cast<double>(robust) / static_cast<double>(size());
  }
  /// Median over all samples, failures counted as infinitely far. The mean of the middle two for even N.
  double median_distance() const {
    if (size() == 0) return std::numeric_limits<double>::quiet_NaN();
    std::vector<double> sorted(distances.data(), distances.data() + distances.size());
    std::sort(sorted.begin(), sorted.end());
    const std::size_t middle = sorted.size() / 2;
    const double high = sorted[middle], low = sorted.size() % 2 == 0 ? sorted[middle - 1] : high;
    return low == high ? high : low + (high - low) / 2;
  }
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
