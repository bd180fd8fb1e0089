// SPDX-License-Identifier: MIT
/// \file
/// --challenge: a run by the rules of the Adversarial Vision Challenge, and its scores.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "inputs.hpp"
#include "model.hpp"
#include "report.hpp"

namespace evaluate {

/// The attacks that a model is judged by where the command names none.
extern const std::vector<AttackRequest> challenge_attacks;

/// What is told of a challenge.
struct ChallengeTold {
  std::string text{};                     ///< for people
  nlohmann::ordered_json json = nullptr;  ///< for results.json
};

/// The scores of a run that is complete, or why there are none. Reads the images once more.
ChallengeTold challenge(const Model& model, Inputs& in, const Samples& samples,
                        const std::vector<Told>& outcomes);

}  // namespace evaluate
