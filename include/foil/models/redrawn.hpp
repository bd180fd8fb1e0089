// SPDX-License-Identifier: MIT
/// \file
/// Models that draw random numbers, made repeatable: the mean over draws.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/draws.hpp"
#include "foil/models/wrapper.hpp"

namespace foil {

/// What is averaged over draws.
enum class Averaged {
  logits,        ///< the answers as they are
  probabilities  ///< the softmax of each; the answer is the logarithm of their mean
};

/// Options of foil::Redrawn.
struct RedrawOptions {
  int draws = 1;  ///< answers that are averaged for each point, >= 1
  SeedPolicy policy = SeedPolicy::fresh;
  std::uint64_t seed = 0;     ///< runs with other seeds are independent
  Index rows_per_call = 512;  ///< the most rows of a model call, >= 1: what bounds the memory
  Averaged averaged = Averaged::logits;

  /// To be recorded beside every result: "30 draws, seeds fresh, from 0", and ", of probabilities" if so.
  std::string text() const {
    return Draws{draws, policy, seed, rows_per_call}.text() +
           (averaged == Averaged::probabilities ? ", of probabilities" : "");
  }
};

/// Makes of a randomised model one that any attack can be run on: its logits are the mean over `draws` draws,
/// or the logarithm of the mean of their probabilities, and its gradients those of the mean (expectation over
/// transformations: Athalye, Engstrom, Ilyas, Kwok 2018, arXiv:1707.07397). With one draw and fresh seeds
/// attacks see what the model's users see, with one draw and fixed seeds a single deterministic model.
/// Whether an adversarial found on it holds for the randomised model is another question: see foil::redraw().
///
/// The mean of probabilities is never led astray by one draw of huge logits, as that of logits is; the latter
/// keeps a gradient where all draws are certain of a class.
///
/// A row's draws are those of foil::Draws: results depend neither on the batch nor on threads. Refers to the
/// model. Cost: `draws` rows of the model for each row, forward and backward; budgets and counts of a run see
/// one.
template <RandomisedModel M>
class Redrawn {
 public:
  using Input = typename M::Input;
  using Scalar = typename Input::Scalar;

  explicit Redrawn(const M& model, const RedrawOptions& options = {})
      : model_(&model),
        options_(options),
        draws_{options.draws, options.policy, options.seed, options.rows_per_call} {
    draws_.check("redrawn");
  }
  const RedrawOptions& options() const { return options_; }
  Bounds<Scalar> bounds() const { return model_->bounds(); }

  Logits<Scalar> logits(const Input& x) const {
    Mean mean(options_, samples(x));
    draws_.for_each_part(x, [&](Index first, const Input& points, const Seeds& seeds) {
      mean.add(model_->logits(points, seeds), samples(points), first);
    });
    return mean.answer();
  }

  auto vjp(const Input& x) const
    requires requires(const M& m, const Input& points, const Seeds& seeds) { m.vjp(points, seeds).pullback; }
  {
    using Pullback = decltype(model_->vjp(x, Seeds{}).pullback);
    struct Part {
      Index first;
      Logits<Scalar> logits;  // empty where gradients do not depend on them
      Pullback pullback;
    };
    std::vector<Part> parts;
    Mean mean(options_, samples(x));
    draws_.for_each_part(x, [&](Index first, const Input& points, const Seeds& seeds) {
      auto pass = model_->vjp(points, seeds);
      mean.add(pass.logits, samples(points), first);
      Logits<Scalar> kept;
      if (options_.averaged == Averaged::probabilities) kept = pass.logits;
      parts.push_back({first, std::move(kept), std::move(pass.pullback)});
    });
    Logits<Scalar> answer = mean.answer();
    return Vjp{
        std::move(answer), [parts = Changeable{std::move(parts)}, mean = std::move(mean),
                            shape = x.dimensions()](const Logits<Scalar>& cotangent) {
          Input out(shape);
          const Index draws = mean.draws();
          Eigen::MatrixXd total = Eigen::MatrixXd::Zero(samples(out), features(out));
          for (Part& part : parts.value) {
            const Logits<Scalar> shares = mean.shares(part.logits, part.first, cotangent);
            const Input pulled = part.pullback(shares);
            check_gradient(pulled, resized(out, shares.rows()));
            for (Index i = 0; i < samples(pulled); ++i)
              total.row((part.first + i) / draws) += sample(pulled, i).template cast<double>().transpose();
          }
          for (Index i = 0; i < samples(out); ++i)
            sample(out, i) = (total.row(i) / static_cast<double>(draws)).template cast<Scalar>().transpose();
          return out;
        }};
  }

  /// The seed that the `draw`-th draw of a row has.
  std::uint64_t seed_of(const Input& x, Index row, Index draw) const { return draws_.seed_of(x, row, draw); }

 private:
  /// The mean over the draws of each row.
  class Mean {
   public:
    Mean(const RedrawOptions& options, Index rows)
        : draws_(options.draws),
          most_(options.rows_per_call),
          rows_(rows),
          of_probabilities_(options.averaged == Averaged::probabilities) {}
    Index draws() const { return draws_; }

    /// Adds the answers to draws from the `first`-th on.
    void add(const Logits<Scalar>& z, Index asked, Index first) {
      if (check_answer(asked, z.rows(), z.cols(), classes_)) sum_ = Eigen::MatrixXd::Zero(rows_, z.cols());
      for (Index i = 0; i < z.rows(); ++i) {
        auto row = sum_.row((first + i) / draws_);
        if (!of_probabilities_) {
          row += z.row(i).template cast<double>();
          continue;
        }
        const double total = log_total(z, i);
        const bool begins = (first + i) % draws_ == 0;
        for (Index k = 0; k < z.cols(); ++k) {
          const double own = static_cast<double>(z(i, k)) - total;
          row[k] = begins ? own : log_sum(row[k], own);
        }
      }
    }
    Logits<Scalar> answer() const {
      if (of_probabilities_)
        return (sum_.array() - std::log(static_cast<double>(draws_))).matrix().template cast<Scalar>();
      return (sum_ / static_cast<double>(draws_)).template cast<Scalar>();
    }

    /// The cotangents of the draws from the `first`-th on, times the number of draws.
    Logits<Scalar> shares(const Logits<Scalar>& z, Index first, const Logits<Scalar>& cotangent) const {
      Logits<Scalar> out(std::min(most_, rows_ * draws_ - first), cotangent.cols());
      for (Index i = 0; i < out.rows(); ++i) {
        const Index row = (first + i) / draws_;
        if (!of_probabilities_) {
          out.row(i) = cotangent.row(row);
          continue;
        }
        // Of log mean p_k, draw d has p_dk / mean p_k, the share that it has in the mean.
        const double total = log_total(z, i), count = std::log(static_cast<double>(draws_));
        double all = 0;
        const auto share = [&](Index k) {
          const double own = static_cast<double>(z(i, k)) - total;
          return static_cast<double>(cotangent(row, k)) * std::exp(own - (sum_(row, k) - count));
        };
        for (Index k = 0; k < out.cols(); ++k) all += share(k);
        for (Index k = 0; k < out.cols(); ++k)
          out(i, k) = static_cast<Scalar>(share(k) - std::exp(static_cast<double>(z(i, k)) - total) * all);
      }
      return out;
    }

   private:
    /// log sum_k exp z_ik
    static double log_total(const Logits<Scalar>& z, Index i) {
      double total = static_cast<double>(z(i, 0));
      for (Index k = 1; k < z.cols(); ++k) total = log_sum(total, static_cast<double>(z(i, k)));
      return total;
    }
    /// log(e^a + e^b); not finite unless both are.
    static double log_sum(double a, double b) {
      if (!std::isfinite(a) || !std::isfinite(b)) return a + b;
      return std::max(a, b) + std::log1p(std::exp(-std::abs(a - b)));
    }

    Index draws_, most_, rows_, classes_ = 0;
    bool of_probabilities_;
    Eigen::MatrixXd sum_{};  // of logits, or the logarithm of that of probabilities
  };

  const M* model_;
  RedrawOptions options_;
  Draws draws_;
};

}  // namespace foil
