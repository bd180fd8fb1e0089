// SPDX-License-Identifier: MIT
/// \file
/// What is kept of an unfinished run, and how --resume goes on with it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audit.hpp"
#include "command_line.hpp"
#include "extremes.hpp"
#include "foil/evaluation/checkpoint.hpp"
#include "foil/evaluation/source.hpp"
#include "foil/io/journal.hpp"
#include "foil/io/npy_part.hpp"
#include "inputs.hpp"
#include "model.hpp"
#include "outputs.hpp"
#include "progress.hpp"
#include "report.hpp"

namespace evaluate {

/// All that the bits of a run depend on: the options, the content of all files that are read, what is to be
/// written, the version, and the vectors of this machine.
/// \param attacks  those asked for, with all their options, as entries
foil::Fingerprint fingerprint(const Command& command, const Model& model, const foil::Fingerprint& attacks);

/// Where the state of a run lies: hidden, beside its results. None if these go to a pipe or a device.
std::optional<std::filesystem::path> state_path(const Command& command);

/// The finished blocks of a run: their records in a journal, their adversarials where Outputs has them wait.
class State {
 public:
  /// Looks for what an earlier run has left. Changes nothing on the disk. Refers to the teller.
  State(const Command& command, Teller& teller);

  /// Whether there is a run to go on with.
  bool resumed() const { return resumed_; }
  /// Whether there is something to go on with when this run ends.
  bool kept() const { return failed_ || (checkpoint_ && !checkpoint_->empty()); }

  /// To be called when all inputs are known to be in order. What is not gone on with is forgotten; throws
  /// foil::Error, naming every difference, if what is gone on with is a run of another fingerprint.
  void begin(foil::Fingerprint fingerprint);

  /// What takes part in a block beside its records; what is not asked for is null.
  struct Parts {
    foil::io::NpyPart<float>* adversarials;
    OutputFolder* pictures;
    Kept* kept;  ///< what the audit is shown
    bool sheet;  ///< whether there is one
  };
  /// Gives an outcome its finished blocks, as far as all that belongs to them is there and whole.
  void restore(std::size_t number, Told& outcome, const Samples& samples, const Parts& parts);
  /// What was found for a block, and written to the adversarials last, before it is finished. `pictures` are
  /// those written for it, `extremes` its closest and farthest.
  void note(const foil::Block& block, const Images& found, const Samples& samples, const Parts& parts,
            const std::vector<std::pair<std::string, Content>>& pictures,
            const std::vector<Extreme>& extremes);
  /// The block is finished, and in the outcome. If that cannot be kept, it is said, and the run goes on.
  void save(std::size_t number, const Told& outcome, const Parts& parts);
  /// The run has come to its end.
  void remove();

 private:
  bool restore_block(const foil::Checkpoint::Piece& piece, const foil::Block& block, Told& outcome,
                     const Samples& samples, const Parts& parts) const;

  Teller& teller_;
  std::optional<foil::io::Journal> journal_;
  std::optional<foil::Checkpoint> checkpoint_;
  std::string attached_{};
  bool resumed_ = false;
  bool failed_ = false;  // something has been kept, and no more can be
};

}  // namespace evaluate
