// SPDX-License-Identifier: MIT
/// \file
/// Adversarials judged by another model than the one they were found on.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
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

}  // namespace detail

/// The result that adversarials found on one model come to on another: of an attack on the bare model behind
/// a preprocessing defence on the defended one, say, or of transfer. An adversarial counts if it meets the
/// criterion there; distances stay what they were, since the points are the same. A sample that is
/// adversarial there as it is, is so at distance 0; one that was so for the attacked model only has not been
/// attacked, which is Status::start_failed. Counts are those of the attack.
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
    if (clean.adversarial[at]) {
      sample(result.adversarials, i) = sample(inputs, i);
      result.status[at] = Status::already_adversarial;
      result.success[i] = true;
      result.distances[i] = 0;
      result.predictions[i] = clean.labels[i];
      continue;
    }
    const bool attacked = result.status[at] != Status::already_adversarial;
    if (attacked && result.success[i] && found.adversarial[at]) {
      result.predictions[i] = found.labels[i];
      continue;
    }
    if (result.success[i]) result.status[at] = attacked ? Status::not_found : Status::start_failed;
    result.predictions[i] = clean.labels[i];
    result.success[i] = false;
    result.distances[i] = std::numeric_limits<double>::infinity();
    sample(result.adversarials, i) = sample(inputs, i);
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

/// How many are the redraws that foil::redraw() makes unless told otherwise.
inline constexpr int usual_redraws = 100;

/// Judges what an attack found on a randomised model by `draws` answers with fresh random numbers: it counts
/// if at least half of them are adversarial, and is `unstable` otherwise. A sample as it is, likewise: one
/// that was adversarial for the attacked model only has not been attacked, which is Status::start_failed.
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
  using Input = typename M::Input;
  require(draws >= 1, "redraw: expected at least one draw, got ", draws);
  require(result.adversarials.dimensions() == inputs.dimensions(),
          "redraw: expected a result of the samples, of shape ", shape_text(inputs), ", got ",
          shape_text(result.adversarials));
  const JudgeBy<C> judge(criterion);
  const auto shares = [&](const Input& x) {
    Eigen::VectorXd wrong = Eigen::VectorXd::Zero(samples(x));
    for (int k = 0; k < draws; ++k) {
      const Redrawn<M> once(model, {.draws = 1,
                                    .policy = SeedPolicy::fresh,
                                    .seed = seed + 0x9E3779B97F4A7C15u * static_cast<std::uint64_t>(k)});
      const auto judged = detail::judge_rows(once, x, judge);
      for (Index i = 0; i < wrong.size(); ++i) wrong[i] += judged.adversarial[static_cast<std::size_t>(i)];
    }
    return Eigen::VectorXd(wrong / draws);
  };
  const Eigen::VectorXd clean = shares(inputs), found = shares(result.adversarials);
  Redraws out{draws, SeedPolicy::fresh, seed, found};
  for (Index i = 0; i < result.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (clean[i] >= 0.5) {
      sample(result.adversarials, i) = sample(inputs, i);
      result.status[at] = Status::already_adversarial;
      result.success[i] = true;
      result.distances[i] = 0;
      out.share[i] = clean[i];
      continue;
    }
    const bool attacked = result.status[at] != Status::already_adversarial;
    if (!attacked || !result.success[i]) out.share[i] = clean[i];
    if (attacked && result.success[i] && found[i] >= 0.5) continue;
    if (result.success[i]) result.status[at] = attacked ? Status::unstable : Status::start_failed;
    result.success[i] = false;
    result.distances[i] = std::numeric_limits<double>::infinity();
    sample(result.adversarials, i) = sample(inputs, i);
  }
  return {std::move(result), std::move(out)};
}

}  // namespace foil
