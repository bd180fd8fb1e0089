// SPDX-License-Identifier: MIT
/// \file
/// What a page tells of a run, taken from results.json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "foil/evaluation/record.hpp"
#include "foil/report/html/facts.hpp"

namespace reports {

/// A run as a page tells of it. What earlier versions did not write is left out.
/// \param root      of results.json; the samples in it are not looked at
/// \param outcomes  of all its attacks
/// \param labels    of the samples, at least of those that any attack has records of
/// \throws foil::Error if something is of another kind than foil-evaluate writes
foil::report::PageRun run_of(const nlohmann::ordered_json& root, std::vector<foil::Outcome> outcomes,
                             std::vector<int> labels);

/// A command that a shell takes for these words, in lines that are not too long, each but the last to be
/// ended by a backslash.
std::vector<std::string> shell_lines(const std::vector<std::string>& words);

}  // namespace reports
