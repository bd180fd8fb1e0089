// SPDX-License-Identifier: MIT
/// \file
/// --corruptions: how often the model is right under common corruptions.
#pragma once

#include <atomic>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "foil/evaluation/diagnose/warning.hpp"
#include "foil/report/html/facts.hpp"
#include "inputs.hpp"
#include "model.hpp"
#include "progress.hpp"

namespace evaluate {

/// Throws foil::Error, before the long run, where images or options are not what --corruptions needs. What is
/// makes figures under corruptions mean less otherwise, of all samples.
std::vector<foil::Warning> check_corruptions(const Command& command, const Inputs& in);

/// What is counted on the samples; nothing if interrupted. Reads the images once more.
std::optional<foil::report::CorruptionFigures> count_under_corruptions(const Command& command,
                                                                       const Model& model, Inputs& in,
                                                                       const Samples& samples, Teller& teller,
                                                                       const std::atomic<bool>& interrupted);

/// What makes these figures mean less: images without an answer, and samples that are none.
std::vector<foil::Warning> warnings_of(const foil::report::CorruptionFigures& figures);

/// What results.json says of it, and the table for people, the worst first.
nlohmann::ordered_json corruption_facts(const foil::report::CorruptionFigures& figures);
std::string corruption_text(const foil::report::CorruptionFigures& figures);

}  // namespace evaluate
