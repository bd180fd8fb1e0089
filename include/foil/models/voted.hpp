// SPDX-License-Identifier: MIT
/// \file
/// Models that draw random numbers, made repeatable: what most draws say.
#pragma once

#include <Eigen/Core>
#include <cstdint>

#include "foil/core/answers.hpp"
#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/draws.hpp"
#include "foil/models/votes.hpp"

namespace foil {

/// Options of foil::Voted.
struct VoteOptions {
  int draws = 15;  ///< that vote on each point, odd and >= 1
  SeedPolicy policy = SeedPolicy::fresh;
  std::uint64_t seed = 0;     ///< runs with other seeds are independent
  Index rows_per_call = 512;  ///< the most rows of a model call, >= 1: what bounds the memory
};

/// Makes of a randomised model, which may offer labels only, a model of labels: the class that most of
/// `draws` draws say, as randomised smoothing decides (Cohen, Rosenfeld, Kolter 2019, arXiv:1902.02918). Of
/// several classes with as many votes it is the smallest; with two classes there is none of that, as draws
/// are odd. A draw of logits with NaN or infinity votes for -1, no class at all.
///
/// The draws are those of foil::Draws, and with the same options those of foil::Redrawn. Refers to the model.
/// Cost: `draws` rows of the model for each row; budgets and counts of a run see one.
template <RandomisedDecisionModel M>
class Voted {
 public:
  using Input = typename M::Input;
  using Scalar = typename Input::Scalar;

  explicit Voted(const M& model, const VoteOptions& options = {})
      : model_(&model),
        options_(options),
        draws_{options.draws, options.policy, options.seed, options.rows_per_call} {
    draws_.check("voted");
    require(options.draws % 2 == 1, "voted: expected an odd number of draws, got ", options.draws);
  }
  const VoteOptions& options() const { return options_; }
  Bounds<Scalar> bounds() const { return model_->bounds(); }

  Labels predict(const Input& x) const {
    Eigen::MatrixXi votes(samples(x), draws_.draws);
    Index classes = 0;
    draws_.for_each_part(x, [&](Index first, const Input& points, const Seeds& seeds) {
      const Labels said = labels(points, seeds, classes);
      for (Index i = 0; i < said.size(); ++i)
        votes((first + i) / draws_.draws, (first + i) % draws_.draws) = said[i];
    });
    return elected(votes);
  }

 private:
  Labels labels(const Input& points, const Seeds& seeds, [[maybe_unused]] Index& classes) const {
    if constexpr (requires { model_->predict(points, seeds); }) {
      const Labels said = model_->predict(points, seeds);
      check_answer(samples(points), said.size());
      return said;
    } else {
      const Logits<Scalar> z = model_->logits(points, seeds);
      check_answer(samples(points), z.rows(), z.cols(), classes);
      return decide<Scalar>(z);
    }
  }

  const M* model_;
  VoteOptions options_;
  Draws draws_;
};

}  // namespace foil
