// SPDX-License-Identifier: MIT
#include "challenge.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <span>

#include "foil/core/error.hpp"
#include "foil/evaluation/challenge.hpp"
#include "foil/evaluation/source.hpp"

namespace evaluate {

const std::vector<AttackRequest> challenge_attacks = {
    {"l2-query", {}}, {"boundary", {}}, {"surfree", {}}, {"ttba", {}}, {"l2-hop-skip-jump", {}}};

namespace {

/// The distances that count, outcome by outcome.
std::vector<Eigen::VectorXd> distances_of(const Model& model, Inputs& in, const Samples& samples,
                                          const std::vector<Told>& outcomes) {
  Eigen::VectorXd worst(samples.size());
  constexpr foil::Index at_once = 128;
  for (foil::Index first = 0; first < samples.size(); first += at_once) {
    const foil::Block block = foil::block_of(samples, first, std::min(at_once, samples.size() - first));
    worst.segment(first, block.count) =
        foil::worst_case_distances(in.images.gather(block.rows), model.bounds());
  }
  std::vector<Eigen::VectorXd> distances;
  for (const Told& outcome : outcomes)
    distances.push_back(foil::challenge_distances(outcome, foil::challenge_range(model.bounds()), worst));
  return distances;
}

std::string number(double score) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%.4g", score);
  return digits;
}

}  // namespace

ChallengeTold challenge(const Model& model, Inputs& in, const Samples& samples,
                        const std::vector<Told>& outcomes) try {
  const std::vector<Eigen::VectorXd> distances = distances_of(model, in, samples, outcomes);
  const double score = foil::model_score(distances);
  ChallengeTold told{
      .text = "Adversarial Vision Challenge: the model's score is " + number(score) +
              ", the median L2 (the range of a feature being 1) of the closest of",
      .json = {{"model_score", score}, {"judged_by", nlohmann::ordered_json::array()}, {"attacks", nullptr}}};
  for (const std::size_t judge : foil::best_attacks(distances)) {
    told.text += (told.json["judged_by"].empty() ? " " : ", ") + outcomes[judge].attack;
    told.json["judged_by"].push_back(outcomes[judge].attack);
  }
  told.text += "; the attacks' scores on it are";
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const double own = foil::attack_score(std::span(distances).subspan(i, 1));
    told.text += (i == 0 ? " " : ", ") + outcomes[i].attack + " " + number(own);
    told.json["attacks"].push_back({{"name", outcomes[i].attack}, {"score", own}});
  }
  return told;
} catch (const foil::Error& error) {
  return {.text = foil::text("Adversarial Vision Challenge: no scores: ", error.what()),
          .json = {{"model_score", nullptr}, {"why", error.what()}}};
}

}  // namespace evaluate
