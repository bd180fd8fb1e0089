// SPDX-License-Identifier: MIT
/// \file
/// What came out of an evaluation, and how it is told: the table, results.json, and the sheet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "foil/core/result.hpp"
#include "foil/core/tensor.hpp"
#include "foil/report/sheet.hpp"
#include "inputs.hpp"

namespace evaluate {

/// How one sample's attack ended, without the image.
struct Record {
  foil::Status status;
  bool success;
  int predicted;    ///< the class of the image that the attack returned: the clean one where it found nothing
  double distance;  ///< infinite without success
  std::int64_t forward, backward, verification;
};

/// One attack at one epsilon.
struct Outcome {
  std::string attack, norm, knowledge;
  std::vector<std::pair<std::string, std::string>> options;  ///< all of them, as used
  std::optional<double> epsilon;
  std::string file;                       ///< of the adversarials, if they are written
  double seconds = 0, model_seconds = 0;  ///< in all; in the model, the mean of the threads
  std::vector<Record> records;            ///< of the samples in their order, as far as the attack came
  std::vector<std::vector<float>> shown;  ///< the adversarials of Samples::shown; empty where there is none

  /// Adds the result of the samples that come next.
  void add(const foil::Result<Images>& result, const Samples& samples);
};

/// The figures of one outcome, over the samples that were finished.
struct Summary {
  foil::Index finished = 0;                      ///< neither interrupted nor never run
  foil::Index attacked = 0;                      ///< of these, not adversarial to begin with
  foil::Index fooled = 0;                        ///< of those, with a verified adversarial
  foil::Index robust = 0;                        ///< of the finished: classified correctly and not fooled
  double success_rate = 0, robust_accuracy = 0;  ///< NaN if there is nothing to count
  double median_distance = 0;                    ///< over the attacked; failures are infinitely far
  std::int64_t forward = 0, backward = 0, verification = 0;
};
Summary summarise(const Outcome& outcome, const Samples& samples);

std::string table(const std::vector<Outcome>& outcomes, const Samples& samples);

/// Writes results.json.
void write_results(const Command& command, const Samples& samples, const std::vector<Outcome>& outcomes,
                   bool complete);

/// The first few correctly classified samples under every attack.
foil::io::Picture sheet(const Command& command, const Samples& samples, const std::vector<Outcome>& outcomes);

}  // namespace evaluate
