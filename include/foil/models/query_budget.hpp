// SPDX-License-Identifier: MIT
/// \file
/// So many rows and no more: a model that may be asked for money, or by contract.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/wrapper.hpp"

namespace foil {

/// A foil::QueryBudget does not suffice for a call.
class BudgetSpent : public Error {
 public:
  /// Rows: in all, spent before, and of the call that was refused.
  BudgetSpent(std::int64_t of_all, std::int64_t spent, std::int64_t asked_for)
      : Error(text("query budget: expected at most ", of_all, " rows in all, ", spent, " are spent and ",
                   asked_for, " more were asked for")),
        budget(of_all),
        used(spent),
        wanted(asked_for) {}

  std::int64_t budget, used, wanted;
};

/// Lets a model be asked about `rows` rows in all, by whatever attacks, samples and threads, where
/// RunOptions::query_budget is each sample's own. A call that would exceed them throws foil::BudgetSpent
/// before the model sees any of it, and costs nothing: what is left can be spent by smaller calls. A call
/// counts as soon as it is made, even if the model then throws; backward passes cost nothing.
///
/// Refers to the model; can be shared by threads if the model can. To a run the refusal is an exception of
/// the model's: foil::RunFailure has all that was found, with BudgetSpent nested in it, but of samples whose
/// attack was still at work or waited for it nothing is verified any more. To have it verified, stop a few
/// batches earlier:
///
///     const foil::QueryBudget service(model, 100'000);
///     attack(service, images, labels, {.batch_size = 64, .observer = [&](const foil::Progress&) {
///              return service.left() < 5 * 64 ? foil::Control::stop : foil::Control::proceed;
///            }});
///
/// After a stop, a round of a batch and the verification of what was found are still to be asked, mostly no
/// more than two batches for each thread.
template <DecisionModel M>
class QueryBudget : public Wrapper<QueryBudget<M>, M, knowledge_of<M>> {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  /// `rows` is 0 or more; an Error otherwise.
  QueryBudget(M& model, std::int64_t rows) : Wrapper<QueryBudget, M, knowledge_of<M>>(model), budget_(rows) {
    require(rows >= 0, "query budget: expected 0 rows or more, got ", rows);
  }

  std::int64_t budget() const { return budget_; }
  /// Rows that the model has been asked about through this wrapper.
  std::int64_t used() const { return used_; }
  std::int64_t left() const { return budget_ - used_; }

  Labels answer_predict(const Input& x) const {
    spend(samples(x));
    return foil::predict(this->model(), x);
  }
  Logits<Scalar> answer_logits(const Input& x) const {
    spend(samples(x));
    return this->model().logits(x);
  }
  auto answer_vjp(const Input& x) const {
    spend(samples(x));
    return this->model().vjp(x);
  }

 private:
  void spend(std::int64_t rows) const {
    std::int64_t used = used_;
    do {
      if (rows > budget_ - used) throw BudgetSpent(budget_, used, rows);
    } while (!used_.compare_exchange_weak(used, used + rows));
  }

  std::int64_t budget_;
  mutable std::atomic<std::int64_t> used_{0};
};

}  // namespace foil
