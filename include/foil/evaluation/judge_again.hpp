// SPDX-License-Identifier: MIT
/// \file
/// Adversarials judged by another model than the one they were found on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/criteria.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/result.hpp"
#include "foil/core/status.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/redrawn.hpp"
#include "foil/run/judge.hpp"

namespace foil {

namespace detail {

/// Whether each row is adversarial for a model, and the class that it puts it into.
struct Judged {
  std::vector<bool> adversarial{};
  Labels labels{};
};
template <class M>
Judged judge_rows(M& model, const input_t<M>& x, const Judge& judge) {
  Judged out;
  if constexpr (ScoreModel<M>) {
    const Logits<scalar_t<M>> z = model.logits(x);
    Index classes = 0;
    check_answer(samples(x), z.rows(), z.cols(), classes);
    out.labels = decide<scalar_t<M>>(z);
    for (Index i = 0; i < z.rows(); ++i) {
      const Eigen::VectorXd row = z.row(i).template cast<double>().transpose();
      out.adversarial.push_back(out.labels[i] >= 0 && judge(Scores{i, row}));
    }
  } else {
    out.labels = predict(model, x);
    for (Index i = 0; i < samples(x); ++i)
      out.adversarial.push_back(out.labels[i] >= 0 && judge(Decision{i, out.labels[i]}));
  }
  return out;
}

/// Takes out of a result what was found for sample i. Whatever ended its attack, a sample about which a model
/// answered NaN or infinity has not withstood it.
template <Batch Input>
void take_out(Result<Input>& result, const Input& inputs, Index i, Status status) {
  const bool withstood = status == Status::not_found || status == Status::budget_exhausted;
  result.status[static_cast<std::size_t>(i)] =
      withstood && result.bad_rows[i] > 0 ? Status::non_finite : status;
  result.success[i] = false;
  result.distances[i] = std::numeric_limits<double>::infinity();
  result.parameters[static_cast<std::size_t>(i)].clear();
  sample(result.adversarials, i) = sample(inputs, i);
}

/// Makes sample i of a result one that is adversarial as it is.
template <Batch Input>
void as_it_is(Result<Input>& result, const Input& inputs, Index i) {
  sample(result.adversarials, i) = sample(inputs, i);
  result.status[static_cast<std::size_t>(i)] = Status::already_adversarial;
  result.success[i] = true;
  result.distances[i] = 0;
  result.parameters[static_cast<std::size_t>(i)].clear();
}

}  // namespace detail

/// The result that adversarials found on one model come to on another: of an attack on the bare model behind
/// a preprocessing defence on the defended one, say, or of transfer. An adversarial counts if it meets the
/// criterion there; distances stay what they were, since the points are the same. A sample that is
/// adversarial there as it is, is so at distance 0; one that was so for the attacked model only has not been
/// attacked, which is Status::start_failed. An invalid input stays one, whatever the model answers. Counts
/// are those of the attack; `bad_rows` holds this model's answers, too.
///
/// NaN or infinity is never right. A sample that the model answers so is Status::non_finite, without a class;
/// one whose adversarial it answers so is not fooled, and non_finite unless its attack was interrupted, which
/// leaves it without a verdict as it does any sample whose adversarial does not hold.
///
/// \param inputs  the samples that were attacked
/// \param result  of the attack, on the same samples
/// Model calls: two forward passes for each sample.
template <class M, Criterion C>
  requires DecisionModel<M>
Result<input_t<M>> judge_again(M& model, const input_t<M>& inputs, const C& criterion,
                               Result<input_t<M>> result) {
  require(result.adversarials.dimensions() == inputs.dimensions(),
          "judge_again: expected a result of the samples, of shape ", shape_text(inputs), ", got ",
          shape_text(result.adversarials));
  const JudgeBy<C> judge(criterion);
  const detail::Judged clean = detail::judge_rows(model, inputs, judge),
                       found = detail::judge_rows(model, result.adversarials, judge);
  for (Index i = 0; i < result.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const Status ended = result.status[at];
    if (ended == Status::invalid_input) continue;
    const bool attacked = ended != Status::already_adversarial;
    result.bad_rows[i] += (clean.labels[i] < 0) + (found.labels[i] < 0);
    result.predictions[i] = clean.labels[i];
    if (clean.adversarial[at])
      detail::as_it_is(result, inputs, i);
    else if (clean.labels[i] < 0)
      detail::take_out(result, inputs, i, Status::non_finite);
    else if (attacked && result.success[i] && found.adversarial[at])
      result.predictions[i] = found.labels[i];
    else if (!attacked)
      detail::take_out(result, inputs, i, Status::start_failed);
    else
      detail::take_out(result, inputs, i,
                       ended == Status::success || ended == Status::converged ? Status::not_found : ended);
  }
  return result;
}

/// What a randomised model says of points that it is asked about again and again.
struct Redraws {
  int draws;              ///< of each sample
  SeedPolicy policy;      ///< with which the model was asked
  std::uint64_t seed;     ///< from which
  Eigen::VectorXd share;  ///< of each sample's draws that are adversarial: of what was found, or of itself
};

namespace detail {

/// What the draws of one row say.
struct Drawn {
  int draws = 0, adversarial = 0, bad = 0;  ///< bad: NaN or infinity
  std::map<int, int> votes[2]{};            ///< for each class; the second of the adversarial draws

  double share(int of) const { return static_cast<double>(of) / draws; }
  /// The class that most draws say that are adversarial, or that are not; -1 if there are none.
  int label(bool fooled) const {
    const auto& cast = votes[fooled];
    const auto fewer = [](const auto& a, const auto& b) { return a.second < b.second; };
    const auto most = std::max_element(cast.begin(), cast.end(), fewer);
    return most == cast.end() ? -1 : most->first;
  }
};
template <RandomisedModel M>
std::vector<Drawn> judge_draws(const M& model, const typename M::Input& x, const Judge& judge, int draws,
                               std::uint64_t seed) {
  std::vector<Drawn> out(static_cast<std::size_t>(samples(x)));
  for (int k = 0; k < draws; ++k) {
    const Redrawn<M> once(model, {.draws = 1,
                                  .policy = SeedPolicy::fresh,
                                  .seed = seed + 0x9E3779B97F4A7C15u * static_cast<std::uint64_t>(k)});
    const Judged judged = judge_rows(once, x, judge);
    for (Index i = 0; i < samples(x); ++i) {
      const auto at = static_cast<std::size_t>(i);
      Drawn& drawn = out[at];
      ++drawn.draws;
      drawn.adversarial += judged.adversarial[at];
      drawn.bad += judged.labels[i] < 0;
      if (judged.labels[i] >= 0) ++drawn.votes[judged.adversarial[at]][judged.labels[i]];
    }
  }
  return out;
}

}  // namespace detail

/// How many are the redraws that foil::redraw() makes unless told otherwise.
inline constexpr int usual_redraws = 100;

/// Judges what an attack found on a randomised model by `draws` answers with fresh random numbers: it counts
/// if at least half of them are adversarial, and is `unstable` otherwise. A sample as it is, likewise: one
/// that was adversarial for the attacked model only has not been attacked, which is Status::start_failed. An
/// invalid input stays one.
///
/// NaN or infinity is never right, nor adversarial: a sample that at least half of the draws get wrong or
/// answer so is Status::non_finite, and so is one that nothing fooled and that any draw answers so. These
/// answers are added to `bad_rows`; `predictions` are the classes that most draws say, of those that agree
/// with the verdict.
///
/// The seed should be another than the attack's: an adversarial that was chosen for its random numbers is
/// otherwise judged by them.
///
/// \return the result with what does not hold taken out, and the shares
/// Model calls: `draws` forward passes for each sample, and as many again for what was found.
template <RandomisedModel M, Criterion C>
std::pair<Result<typename M::Input>, Redraws> redraw(const M& model, const typename M::Input& inputs,
                                                     const C& criterion, Result<typename M::Input> result,
                                                     int draws = usual_redraws, std::uint64_t seed = 1) {
  require(draws >= 1, "redraw: expected at least one draw, got ", draws);
  require(result.adversarials.dimensions() == inputs.dimensions(),
          "redraw: expected a result of the samples, of shape ", shape_text(inputs), ", got ",
          shape_text(result.adversarials));
  const JudgeBy<C> judge(criterion);
  const auto clean = detail::judge_draws(model, inputs, judge, draws, seed),
             found = detail::judge_draws(model, result.adversarials, judge, draws, seed);
  Redraws out{draws, SeedPolicy::fresh, seed, Eigen::VectorXd(result.size())};
  for (Index i = 0; i < result.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const detail::Drawn &as_is = clean[at], &changed = found[at];
    const Status ended = result.status[at];
    out.share[i] = 0;
    if (ended == Status::invalid_input) continue;
    const bool attacked = ended != Status::already_adversarial, success = attacked && result.success[i];
    out.share[i] = as_is.share(as_is.adversarial);
    result.bad_rows[i] += as_is.bad + changed.bad;
    result.predictions[i] = as_is.label(false);
    if (as_is.share(as_is.adversarial) >= 0.5) {
      detail::as_it_is(result, inputs, i);
      result.predictions[i] = as_is.label(true);
    } else if (as_is.share(as_is.adversarial + as_is.bad) >= 0.5) {
      detail::take_out(result, inputs, i, Status::non_finite);
      result.predictions[i] = -1;
    } else {
      if (success) out.share[i] = changed.share(changed.adversarial);
      if (success && out.share[i] >= 0.5)
        result.predictions[i] = changed.label(true);
      else
        detail::take_out(result, inputs, i,
                         !attacked ? Status::start_failed
                         : success ? Status::unstable
                                   : ended);
    }
  }
  return {std::move(result), std::move(out)};
}

}  // namespace foil
