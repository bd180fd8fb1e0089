// SPDX-License-Identifier: MIT
/// \file
/// Runs an attack on a batch: checks what was given, splits the samples among threads, reports progress.
#pragma once

#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "foil/run/scheduler.hpp"

namespace foil {

/// The radii of a fixed-budget attack: one for all samples, or one per sample. Implicit from numbers, Eigen
/// vectors and std::vector.
class Epsilons {
 public:
  template <class Number>
    requires std::is_arithmetic_v<Number>
  Epsilons(Number epsilon)
      : values_(Eigen::VectorXd::Constant(1, static_cast<double>(epsilon))), scalar_(true) {}
  template <class Derived>
  Epsilons(const Eigen::MatrixBase<Derived>& values) : values_(values.template cast<double>()) {}
  Epsilons(const std::vector<double>& values)
      : values_(Eigen::Map<const Eigen::VectorXd>(values.data(), static_cast<Index>(values.size()))) {}

  /// One radius for each of `count` samples; throws for another number of them, NaN, infinity or a negative
  /// one.
  Eigen::VectorXd expand(Index count) const {
    for (Index i = 0; i < values_.size(); ++i)
      require(std::isfinite(values_[i]) && values_[i] >= 0, "epsilon: expected finite and >= 0, got ",
              values_[i]);
    if (scalar_) return Eigen::VectorXd::Constant(count, values_[0]);
    require(values_.size() == count, "epsilon: expected one for all or one for each of the ", count,
            " samples, got ", values_.size());
    return values_;
  }

 private:
  Eigen::VectorXd values_;
  bool scalar_ = false;
};

namespace detail {

/// How an attack refers to a model: through const where that is possible, hence safely from many threads.
template <class M>
using model_reference =
    std::conditional_t<shareable<M>, const std::remove_cvref_t<M>, std::remove_reference_t<M>>;

/// Adds up the progress of all threads and passes it on, one thread at a time.
class ProgressSum {
 public:
  ProgressSum(const Observer& observer, Index total) : observer_(observer) { sum_.total = total; }

  Control add(const Progress& change) {
    if (!observer_) return Control::proceed;
    const std::lock_guard lock(mutex_);
    sum_.finished += change.finished;
    sum_.found += change.found;
    sum_.queries += change.queries;
    sum_.gradient_queries += change.gradient_queries;
    if (!stopped_) stopped_ = observer_(sum_) == Control::stop;
    return stopped_ ? Control::stop : Control::proceed;
  }

 private:
  const Observer& observer_;
  std::mutex mutex_;
  Progress sum_{};
  bool stopped_ = false;
};

/// Throws unless at least one sample is finite and within the bounds.
template <Batch Input>
void check_inputs(const Input& inputs, const Bounds<typename Input::Scalar>& bounds) {
  require(samples(inputs) > 0 && features(inputs) > 0,
          "inputs: expected at least one sample and one feature, got shape ", shape_text(inputs));
  bounds.check(features(inputs));
  std::string reason;
  for (Index row = 0; row < samples(inputs); ++row) {
    const auto x = sample(inputs, row);
    bool valid = true;
    for (Index i = 0; i < x.size() && valid; ++i) {
      valid = std::isfinite(x[i]) && x[i] >= bounds.lower(i) && x[i] <= bounds.upper(i);
      if (!valid && reason.empty())
        reason =
            text("inputs: expected finite values within the bounds, got ", x[i], " in [", bounds.lower(i),
                 ", ", bounds.upper(i), "] for feature ", i, " of sample ", row, ", and no sample is valid");
    }
    if (valid) return;
  }
  throw Error(reason);
}

}  // namespace detail

/// Runs one task per sample. The foundation of every attack's call operator; see attacks/attack.hpp.
/// \throws Error for inputs, criteria or options that make no sense, before the model is called.
/// \throws RunFailure if the model or the attack throws, with everything found until then.
template <class M, class C>
Result<input_t<M>> run(M& model, const input_t<M>& inputs, const C& criterion, const AttackSetup& setup,
                       const RunOptions<input_t<M>, shareable<M>>& options, const Launch& launch) {
  using Input = input_t<M>;
  detail::check_inputs<Input>(inputs, model.bounds());
  options.validate(inputs);
  detail::check_criterion(criterion, samples(inputs), 0);
  options.pool.check(criterion, samples(inputs));

  Result<Input> result(inputs);
  const Index count = samples(inputs);
  const Index threads = std::min<Index>(static_cast<int>(options.threads), count);
  detail::ProgressSum progress(options.observer, count);
  std::vector<std::exception_ptr> failures(static_cast<std::size_t>(threads));
  std::atomic<bool> failed = false;

  const auto work = [&](Index shard) {
    Scheduler<M, C> scheduler(model, inputs, criterion, setup, options, launch, result);
    try {
      scheduler.run(count * shard / threads, count * (shard + 1) / threads, [&](const Progress& change) {
        const Control control = progress.add(change);
        return failed ? Control::stop : control;
      });
    } catch (...) {
      failures[static_cast<std::size_t>(shard)] = std::current_exception();
      failed = true;
      scheduler.salvage();
    }
  };
  std::vector<std::thread> workers;
  std::vector<Index> own{0};
  for (Index shard = 1; shard < threads; ++shard) {
    try {
      workers.emplace_back(work, shard);
    } catch (const std::system_error&) {
      own.push_back(
          shard);  // the machine has no thread left: the shard is this thread's, its result the same
    }
  }
  for (const Index shard : own) work(shard);
  for (auto& worker : workers) worker.join();

  for (const auto& failure : failures) {
    if (!failure) continue;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      std::throw_with_nested(RunFailure<Input>(text(setup.name, ": ", error.what()), std::move(result)));
    } catch (...) {
      std::throw_with_nested(RunFailure<Input>(text(setup.name, ": the model threw"), std::move(result)));
    }
  }
  return result;
}

}  // namespace foil
