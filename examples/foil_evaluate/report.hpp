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
#include "foil/core/pool.hpp"
#include "foil/core/result.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/sheet.hpp"

namespace evaluate {

using Images = foil::Tensor<float, 4>;

/// The samples that the attacks are run on.
struct Samples {
  std::vector<std::int64_t> rows;  ///< of the data set
  Images images;
  foil::Labels labels, clean_predictions;
  std::optional<foil::Labels> targets;
  Images starts;                          ///< empty if none were given
  foil::Pool<Images> pool;                ///< the rows that the model was shown, with its answers
  foil::Index examined = 0, correct = 0;  ///< rows that the model was shown, and how many it got right
};

/// One attack at one epsilon.
struct Outcome {
  std::string attack, norm, knowledge;
  std::vector<std::pair<std::string, std::string>> options;  ///< all of them, as used
  std::optional<double> epsilon;
  double seconds = 0, model_seconds = 0;  ///< in all; in the model, the mean of the threads
  foil::Result<Images> result;
  std::string file;  ///< of the adversarials, if they are written
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

/// results.json as text.
std::string results(const Command& command, const Samples& samples, const std::vector<Outcome>& outcomes,
                    bool complete);

/// The first few correctly classified samples under every attack.
foil::io::Picture sheet(const Command& command, const Samples& samples, const std::vector<Outcome>& outcomes);

}  // namespace evaluate
