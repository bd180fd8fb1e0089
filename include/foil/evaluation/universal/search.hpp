// SPDX-License-Identifier: MIT
/// \file
/// The search for a universal perturbation on one set of samples.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/criteria.hpp"
#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/universal/result.hpp"
#include "foil/geometry/box.hpp"
#include "foil/geometry/project.hpp"
#include "foil/run/any_attack.hpp"
#include "foil/run/judge.hpp"
#include "foil/run/model_calls.hpp"
#include "foil/run/model_port.hpp"
#include "foil/run/run_options.hpp"
#include "foil/run/threads.hpp"

namespace foil::detail {

/// A judge of many samples asked about one of them.
class JudgeOfOne final : public Judge {
 public:
  JudgeOfOne(const Judge& all, Index sample)
      : Judge(all.reads_scores(), all.reads_labels(), all.has_margin(), all.least_outputs()),
        all_(all),
        sample_(sample) {}
  bool operator()(const Decision& d) const override { return all_(Decision{sample_, d.label}); }
  bool operator()(const Scores& s) const override { return all_(Scores{sample_, s.logits}); }
  double loss(Loss kind, const Scores& s, Eigen::VectorXd* gradient) const override {
    return all_.loss(kind, Scores{sample_, s.logits}, gradient);
  }
  Goal goal(Index) const override { return all_.goal(sample_); }
  void check(Index, Index) const override {}  // that of all has been

 private:
  const Judge& all_;
  Index sample_;
};

/// One search, on one set of samples.
template <Batch Input, class Options>
class UniversalSearch {
 public:
  using Scalar = typename Input::Scalar;

  UniversalSearch(const AnyAttack& inner, const UniversalOptions& wanted, ModelPort<Input>& port,
                  const Input& inputs, const Judge& judge, double epsilon, const Options& options)
      : inner_(inner),
        wanted_(wanted),
        port_(port),
        inputs_(inputs),
        judge_(judge),
        epsilon_(epsilon),
        options_(options),
        bounds_(port.bounds()),
        calls_(port, judge, inputs, Knowledge::decisions) {
    require(std::isfinite(epsilon) && epsilon > 0, "universal: expected a finite radius above 0, got ",
            epsilon);
    options.validate(inputs);
    require(options.lattice.empty(), "universal: expected no lattice: a sum of changes is on none");
    require(options.mask.size() == 0 || foil::samples(static_cast<const Input&>(options.mask)) == 1,
            "universal: expected one mask for all samples");
    bounds_.check(features(inputs));
    judge.check(count(), 0);
    result_.perturbation.resize(resized(inputs, 1));
    result_.perturbation.setZero();
    result_.queries = result_.gradient_queries = Counts::Zero(count());
    result_.counted.setConstant(count(), false);
    for (Index i = 0; i < count(); ++i) result_.counted[i] = bounds_.contain(sample(inputs, i));
    // Not those without an answer, or adversarial as they are.
    std::vector<bool> finite;
    result_.counted = result_.counted && !fooled_by(result_.perturbation, &finite);
    for (Index i = 0; i < count(); ++i) result_.counted[i] &= finite[static_cast<std::size_t>(i)];
    result_.fooled.setConstant(count(), false);
  }

  UniversalResult<Input> run() {
    Input now = result_.perturbation;
    double best = 0;
    while (result_.counted.any() && !result_.interrupted && result_.passes < wanted_.passes &&
           best < wanted_.fooling_rate) {
      for (const Index row : order(result_.passes)) {
        if (result_.counted[row]) improve(row, now);
        ++finished_;
        tell();
        if (result_.interrupted) break;
      }
      ++result_.passes;
      const double rate = rate_of(fooled_by(now));
      if (!(rate > best)) continue;
      best = rate;
      result_.perturbation = now;
    }
    if (!result_.counted.any()) return result_;
    result_.fooled = result_.counted && fooled_by(result_.perturbation);
    result_.fooling_rate = rate_of(result_.fooled);
    return result_;
  }

 private:
  Index count() const { return samples(inputs_); }

  double rate_of(const Eigen::Array<bool, Eigen::Dynamic, 1>& fooled) const {
    return static_cast<double>((fooled && result_.counted).count()) /
           static_cast<double>(result_.counted.count());
  }

  /// Which of the samples that count a perturbation fools, and those with a finite answer. A forward pass
  /// for each of them.
  Eigen::Array<bool, Eigen::Dynamic, 1> fooled_by(const Input& perturbation,
                                                  std::vector<bool>* finite = nullptr) {
    Eigen::Array<bool, Eigen::Dynamic, 1> fooled;
    fooled.setConstant(count(), false);
    if (finite) finite->assign(static_cast<std::size_t>(count()), false);
    std::vector<Index> rows;
    Answer answer;
    const auto ask = [&] {
      if (rows.empty()) return;
      const Input points = perturbed(gather(inputs_, rows), perturbation, bounds_);
      calls_.begin(rows.size());
      for (std::size_t k = 0; k < rows.size(); ++k)
        calls_.place(k, Eigen::VectorXd(sample(points, static_cast<Index>(k)).template cast<double>()));
      calls_.forward();
      for (std::size_t k = 0; k < rows.size(); ++k) {
        const bool answered = calls_.read(k, rows[k], answer, nullptr, nullptr);
        if (finite) (*finite)[static_cast<std::size_t>(rows[k])] = answered;
        fooled[rows[k]] = answer.adversarial;
        ++result_.queries[rows[k]];
      }
      rows.clear();
    };
    for (Index i = 0; i < count(); ++i) {
      if (result_.counted[i]) rows.push_back(i);
      if (static_cast<Index>(rows.size()) == options_.batch_size) ask();
    }
    ask();
    return fooled;
  }

  /// The rows in an order that is drawn for each pass from the seed and the ids.
  std::vector<Index> order(int pass) const {
    std::vector<std::tuple<std::uint64_t, std::int64_t, Index>> keys;
    for (Index i = 0; i < count(); ++i) {
      RandomDraw draw(random_key(options_.seed, "universal"),
                      static_cast<std::uint64_t>(options_.sample_id(i)), Purpose::permutation,
                      static_cast<std::uint32_t>(pass));
      const std::uint64_t high = draw.bits();
      keys.emplace_back(high << 32 | draw.bits(), options_.sample_id(i), i);
    }
    std::sort(keys.begin(), keys.end());
    std::vector<Index> rows;
    for (const auto& key : keys) rows.push_back(std::get<2>(key));
    return rows;
  }

  /// Runs the inner attack on a sample as it is perturbed now, and adds what it has changed.
  void improve(Index row, Input& now) {
    const std::vector<Index> rows{row};
    const Input from = perturbed(gather(inputs_, rows), now, bounds_);
    Options own{.seed = options_.seed, .sample_ids = {options_.sample_id(row)}};
    own.query_budget = options_.query_budget;
    own.starting_points = of_row(options_.starting_points, rows);
    own.prior = of_row(options_.prior, rows);
    own.mask = options_.mask;
    own.pool = options_.pool;
    own.early_stop = options_.early_stop;
    own.batch_size = options_.batch_size;
    own.on_bad_sample = options_.on_bad_sample;
    own.observer = [&](const Progress& progress) {
      spent_ = {0, 0, 0, progress.queries, progress.gradient_queries};
      return tell();
    };
    const AttackTraits traits{inner_.name(), inner_.stream(), inner_.norm(), inner_.knowledge(), {}, nullptr};
    const auto found = foil::run<Input>(port_, from, JudgeOfOne(judge_, row), traits, own,
                                        [&](Oracle& oracle, Index) { return inner_.start()(oracle, 0); });
    spent_ = {};
    result_.queries[row] += found.queries[0] + found.surplus_queries[0] + found.verification_queries[0];
    result_.gradient_queries[row] += found.gradient_queries[0] + found.surplus_gradient_queries[0];
    if (!found.success[0] || found.distances[0] == 0) return;
    Eigen::VectorXd sum(features(inputs_));
    for (Index i = 0; i < sum.size(); ++i)
      sum[i] = double{now.data()[i]} +
               (1 + wanted_.overshoot) * (double{found.adversarials.data()[i]} - double{from.data()[i]});
    project(sum);
    copy_entries(sum, sample(now, 0));
  }

  static Input of_row(const Input& given, const std::vector<Index>& rows) {
    return given.size() > 0 ? gather(given, rows) : Input();
  }

  /// Onto the ball, as numbers of the model's type that lie in it.
  void project(Eigen::VectorXd& sum) const {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const Index n = sum.size();
    const Eigen::VectorXd origin = Eigen::VectorXd::Zero(n);
    const geometry::Box space{
        Eigen::VectorXd::Constant(n, -infinity), Eigen::VectorXd::Constant(n, infinity), {}};
    const Lp norm = inner_.norm();
    if (norm == Lp(L0{}))
      geometry::project(sum, geometry::Region<L0>{origin, space, epsilon_});
    else if (norm == Lp(L1{}))
      geometry::project(sum, geometry::Region<L1>{origin, space, epsilon_});
    else if (norm == Lp(Linf{}))
      geometry::project(sum, geometry::Region<Linf>{origin, space, epsilon_});
    else
      geometry::project(sum, geometry::Region<L2>{origin, space, epsilon_});
    for (double less = 1;; less *= 1 - 0x1p-20) {
      Eigen::VectorXd stored = (less * sum).template cast<Scalar>().template cast<double>();
      if (norm.size(stored) > epsilon_) continue;
      sum.swap(stored);
      return;
    }
  }

  Control tell() {
    Progress progress{finished_, count() * wanted_.passes, 0, result_.queries.sum() + spent_.queries,
                      result_.gradient_queries.sum() + spent_.gradient_queries};
    result_.interrupted = result_.interrupted || options_.observer(progress) == Control::stop;
    return result_.interrupted ? Control::stop : Control::proceed;
  }

  const AnyAttack& inner_;
  const UniversalOptions& wanted_;
  ModelPort<Input>& port_;
  const Input& inputs_;
  const Judge& judge_;
  double epsilon_;
  const Options& options_;
  Bounds<Scalar> bounds_;
  ModelCalls<Input> calls_;
  UniversalResult<Input> result_{};
  Progress spent_{};  // by the inner attack at work
  Index finished_ = 0;
};

}  // namespace foil::detail
