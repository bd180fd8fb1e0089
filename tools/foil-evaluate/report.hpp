// SPDX-License-Identifier: MIT
/// \file
/// What came out of an evaluation, and how it is told: the table, results.json, and the sheet.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "command_line.hpp"
#include "extremes.hpp"
#include "foil/core/result.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/checkpoint.hpp"
#include "foil/evaluation/diagnose.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/evaluation/source.hpp"
#include "foil/evaluation/worst_of.hpp"
#include "foil/io/file.hpp"
#include "foil/report/sheet.hpp"
#include "inputs.hpp"
#include "outputs.hpp"

namespace evaluate {

/// One attack at one epsilon, with what is told of it beside its records.
struct Told : foil::Outcome {
  using foil::Outcome::Outcome;
  std::string settings{};                   ///< the options that were asked for, as they were given
  std::string file{};                       ///< of the adversarials, if they are written
  double model_seconds = 0;                 ///< spent in the model, the mean of the threads
  std::vector<std::vector<float>> shown{};  ///< the adversarials of Samples::shown; empty where there is none
  Extremes extremes{};                      ///< the closest and the farthest adversarial,
  nlohmann::ordered_json pictures = nlohmann::ordered_json::array();  ///< and these as results.json has them

  /// Keeps the adversarials that are to be shown.
  void show(const foil::Block& block, const foil::Result<Images>& result, const Samples& samples);
};

std::string to_string(foil::Knowledge knowledge);

/// What is told of an audit.
struct AuditTold {
  std::string kind;  ///< "quick" or "full"
  double calls = 0;  ///< rows that the model was to be asked about
  foil::AuditReport report{};
};

/// What is told of all outcomes together.
struct Verdict {
  std::vector<foil::WorstOutcome> worst{};
  std::vector<foil::Warning> warnings{};
  std::vector<std::string> notes{};  ///< how the network and the options were understood
  std::optional<AuditTold> audit{};
};

/// Success rate, robust accuracy and so on, one line per outcome and worst case; below, whatever kept samples
/// out of them, and warnings and notes.
std::string table(const std::vector<Told>& outcomes, const Samples& samples, const Verdict& verdict);

/// What results.json says of the run itself.
struct RunFacts {
  std::string id;
  bool complete = false;
  nlohmann::ordered_json shard = nullptr;        ///< of a share, see shard_facts()
  nlohmann::ordered_json challenge = nullptr;    ///< the scores of --challenge
  nlohmann::ordered_json corruptions = nullptr;  ///< what --corruptions came to
};

/// What foil-merge has to know of a share beside its results.
nlohmann::ordered_json shard_facts(const Command& command, const Samples& samples,
                                   const foil::Setting& setting, const foil::Fingerprint& fingerprint);

/// What of the command has to do with a figure, as results.json says it.
nlohmann::ordered_json settings_of(const Command& command);

/// What results.json says of a file beside it.
nlohmann::ordered_json file_facts(const std::filesystem::path& path, std::string_view content);

/// All of results.json but what follows from the outcomes.
nlohmann::ordered_json results_of(const Command& command, const Samples& samples, const Verdict& verdict,
                                  const RunFacts& run);

/// Adds what follows from them but for the samples, in whose places there is null. Of a share, which `root`
/// says it is, more is told.
void put_outcomes(nlohmann::ordered_json& root, const Samples& samples, const std::vector<Told>& outcomes,
                  const Verdict& verdict);

/// Writes results.json: `root` and the samples.
void write_results(foil::io::AtomicFile& file, const nlohmann::ordered_json& root, const Samples& samples,
                   const std::vector<Told>& outcomes, const Verdict& verdict);

/// The page of --report: what foil-report makes of `root` and the samples.
std::string report_page(const nlohmann::ordered_json& root, const Samples& samples,
                        const std::vector<Told>& outcomes);

/// The first few correctly classified samples under every attack.
/// \param shape  of a sample, as in the data set
foil::io::Picture sheet(const Command& command, const Samples& samples, const std::vector<Told>& outcomes,
                        const std::vector<foil::Index>& shape);

}  // namespace evaluate
