// SPDX-License-Identifier: MIT
/// \file
/// Latent descent: towards what another class makes of the input.
#pragma once

#include <cmath>
#include <string>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/prototypes.hpp"
#include "foil/run/attack.hpp"

namespace foil {

namespace detail {

/// A model whose "gradients" lead to its reconstructions: that of a logit is the way from the input to what
/// the class makes of it. What asks for them so gets both from one call, for as many samples as share it.
template <PrototypeModel M>
class TowardsPrototypes {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  explicit TowardsPrototypes(const M& model) : model_(&model) {}
  Bounds<Scalar> bounds() const { return model_->bounds(); }
  Logits<Scalar> logits(const Input& x) const { return model_->logits(x); }
  auto vjp(const Input& x) const {
    Prototypes<Scalar> made = model_->reconstructions(x);
    check_prototypes(made, samples(x), features(x));
    return Vjp{std::move(made.logits), [images = std::move(made.images), x](const Logits<Scalar>& cotangent) {
                 Input ways(x.dimensions());
                 as_matrix(ways).setZero();
                 for (Index i = 0; i < cotangent.rows(); ++i)
                   for (Index c = 0; c < cotangent.cols(); ++c)
                     if (cotangent(i, c) != 0)
                       sample(ways, i) +=
                           cotangent(i, c) *
                           (images[static_cast<std::size_t>(c)].row(i).transpose() - sample(x, i));
                 return ways;
               }};
  }

 private:
  const M* model_;
};

}  // namespace detail

/// Options of foil::LatentDescentAttack.
struct LatentDescentOptions {
  int steps = 50;
  int bisections = 10;
  double threshold = 0;

  void list(OptionList& option) {
    option("steps", steps, "shares of the way to a reconstruction that are tried", between(1, 1e6));
    option("bisections", bisections,
           "then, between the last share that was not adversarial and the first that was", at_least(0));
    option("threshold", threshold,
           "of a model that makes its inputs binary: features go no farther than there, and those that need "
           "not cross it stay; 0: the model does not",
           between(0, 1e300));
  }
};

/// Schott, Rauber, Bethge, Brendel 2019, arXiv:1805.09190: blends the input with what the best other class,
/// or the one to be reached, makes of the blend before, by ever larger shares, until that is adversarial; and
/// then bisects the share. Distances in L2. For models that reconstruct their inputs (foil::PrototypeModel),
/// used through a const reference; hence not in the catalogue.
///
/// Differs from the authors' code: bisection is on the way to the reconstruction that the adversarial share
/// used, not to the adversarial itself, and as fine as one asks for (they come to a quarter of a step). With
/// a threshold each blend is replaced by the point nearest to the input that the model takes for the same;
/// theirs so replaces the reconstruction, and no blend short of it changes the model's input at all.
///
/// Cost: at most `steps` + 1 times 1 forward + 1 backward, which the model answers by one reconstruction, and
/// `bisections` forward.
class LatentDescentAttack : public MinimalAttack<LatentDescentAttack> {
 public:
  using Options = LatentDescentOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::gradients;
  static std::string name() { return "latent-descent"; }

  explicit LatentDescentAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  /// Attacks a batch; as for MinimalAttack.
  template <class M, class X, class C>
  run_result_t<M> operator()(const M& model, const X& inputs, const C& criterion,
                             const run_options_t<const M>& options = {}) const {
    static_assert(PrototypeModel<const M>,
                  "foil: latent descent needs a model with `reconstructions(x)` returning foil::Prototypes, "
                  "const");
    if constexpr (PrototypeModel<const M>) {
      const detail::TowardsPrototypes<const M> towards(model);
      return MinimalAttack<LatentDescentAttack>::operator()(towards, inputs, criterion, options);
    }
  }

  Task<> attack(Oracle& oracle) const {
    Index leave = oracle.goal().leave;
    const Index reach = oracle.goal().reach;
    const auto rival = [&](const Eigen::VectorXd& logits, Eigen::VectorXd* gradient) {
      if (leave < 0) logits.maxCoeff(&leave);  // the class of the input, which is asked about first
      Index best = reach;
      for (Index k = 0; reach < 0 && k < logits.size(); ++k)
        if (k != leave && (best < 0 || logits[k] > logits[best])) best = k;
      if (gradient) {
        gradient->setZero();
        (*gradient)[best] = 1;
      }
      return logits[best];
    };
    const Objective objective(rival);
    Eigen::VectorXd at = oracle.original(), prototype;
    double outside = 0, inside = 0;
    for (int step = 0; step <= options_.steps; ++step) {
      outside = inside;
      inside = static_cast<double>(step) / options_.steps;
      if (step > 0) at = blend(oracle, prototype, inside);
      const Answer& answer = co_await oracle.gradient(at, objective);
      if (answer.adversarial) break;
      if (answer.label < 0) co_return;
      prototype = at + answer.gradient;
    }
    if (!oracle.found() || prototype.size() == 0) co_return;
    for (int i = 0; i < options_.bisections; ++i) {
      const double middle = outside + (inside - outside) / 2;
      at = blend(oracle, prototype, middle);
      const bool adversarial = co_await oracle.query(at);
      (adversarial ? inside : outside) = middle;
    }
    oracle.finish(Status::converged);
  }

 private:
  /// A share of the way from the input to a reconstruction.
  Eigen::VectorXd blend(const Oracle& oracle, const Eigen::VectorXd& prototype, double share) const {
    const Eigen::VectorXd& from = oracle.original();
    Eigen::VectorXd x = from + share * (prototype - from);
    if (options_.threshold == 0) return x;
    const double below = options_.threshold * (1 - oracle.precision());
    for (Index i = 0; i < x.size(); ++i) {
      const bool was = from[i] >= options_.threshold, is = x[i] >= options_.threshold;
      x[i] = was == is ? from[i] : is ? options_.threshold : below;
    }
    return x;
  }

  Options options_;
};

}  // namespace foil
