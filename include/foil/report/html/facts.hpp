// SPDX-License-Identifier: MIT
/// \file
/// What a page tells of: plain structures, whoever fills them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/evaluation/audit/check.hpp"
#include "foil/evaluation/diagnose/warning.hpp"
#include "foil/evaluation/record.hpp"

namespace foil::report {

/// One adversarial in pictures.
struct PagePicture {
  std::string which;  ///< "closest" or "farthest" of its attack
  std::int64_t row = 0;
  int label = 0, predicted = 0;
  double distance = 0;
  int times = 1;                                 ///< the change is magnified by
  std::string clean{}, adversarial{}, change{};  ///< PNG files, in base64
};

/// What is told of an attack at one epsilon beside its outcome.
struct PageAttack {
  std::string settings{};                                      ///< the options as they were asked for
  std::string knowledge{};                                     ///< "gradients"
  std::vector<std::pair<std::string, std::string>> options{};  ///< all, as used
  std::vector<PagePicture> pictures{};
  std::vector<StageOutcome> stages{};  ///< of a suite
};

/// What an audit said.
struct PageAudit {
  std::string kind;  ///< "quick" or "full"
  AuditReport report{};
};

/// What was counted under common corruptions, of the same samples everywhere.
struct CorruptionFigures {
  /// Under one corruption.
  struct Row {
    std::string corruption;
    std::vector<Index> right;         ///< at each severity
    std::vector<Index> unanswered{};  ///< likewise: images answered with NaN or infinity; empty: not known
  };
  std::string profile{};          ///< whose constants the severities are
  std::vector<int> severities{};  ///< at least one, in ascending order
  std::vector<Row> rows{};        ///< at least one
  Index samples = 0, clean = 0;   ///< how many there are, and how many are right without corruption
  Index invalid = 0;              ///< samples that the model was not shown, as they are out of bounds
  /// Clean images answered with NaN or infinity, and samples of which any image was, corrupted or clean.
  Index clean_unanswered = 0, unanswered_samples = 0;
  bool like_imagenet = false;    ///< 1,000 classes and 224 x 224 pixels: AlexNet's errors are a baseline
  std::string frost_textures{};  ///< where the textures of frost are from; empty: there was no frost
};

/// One run.
struct PageRun {
  std::string model;   ///< its file's name
  std::string source;  ///< the file of the results
  std::vector<Outcome> outcomes{};
  std::vector<PageAttack> attacks{};  ///< one for each outcome
  std::vector<int> labels{};          ///< of the first samples, as many as any outcome has records
  Index samples = 0;                  ///< that were to be attacked
  Index examined = 0, accurate = 0;   ///< rows shown to the model, and that it got right
  bool complete = true;               ///< every attack came to its end
  std::vector<Warning> warnings{};
  std::vector<std::string> notes{};
  std::vector<std::string> caveats{};  ///< what restricts the meaning of the figures, a sentence each
  std::optional<PageAudit> audit{};
  std::optional<CorruptionFigures> corruptions{};
  std::vector<std::pair<std::string, std::string>> settings{};  ///< name and value, in their order
  std::vector<std::string> command{};  ///< lines of the one that repeats the run; empty: not known
};

/// Runs set side by side: a table as it was computed, each row a line of cells.
struct PageComparison {
  std::vector<std::vector<std::string>> rows{};  ///< the first is the head
  std::vector<std::string> notes{};
  Index samples = 0;                             ///< rows of the data that all runs have
  std::vector<std::vector<Outcome>> outcomes{};  ///< of each run, of the attacks and rows that all runs have
};

/// A page.
struct Page {
  std::vector<PageRun> runs{};
  std::optional<PageComparison> comparison{};  ///< if there are several runs
};

}  // namespace foil::report
