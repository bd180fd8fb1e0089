// SPDX-License-Identifier: MIT
/// \file
/// A run that several processes share, where MPI has started them: rank 0 is the run, as it would be alone,
/// and has its blocks attacked by whichever rank is free; see foil/adapters/mpi.hpp.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foil/core/result.hpp"
#include "foil/evaluation/checkpoint.hpp"
#include "foil/evaluation/source.hpp"
#include "inputs.hpp"

namespace evaluate {

/// foil::mpi::Ranks, for programs that may be built without MPI.
class Ranks {
 public:
  using Stopped = std::function<bool()>;
  using Work = std::function<std::string(const std::string& piece, const Stopped& stopped)>;
  /// foil::mpi::Pieces.
  class Pieces {
   public:
    virtual ~Pieces() = default;
    virtual std::optional<std::string> next(const Stopped& stopped) = 0;
  };

  virtual ~Ranks() = default;
  virtual int rank() const = 0;
  virtual int count() const = 0;
  virtual std::string where() const = 0;
  virtual void ready(std::string_view words) = 0;
  virtual void serve(const Work& work) = 0;
  virtual std::vector<std::string> greetings(const Stopped& stopped) = 0;
  virtual std::unique_ptr<Pieces> share_out(std::vector<std::string> pieces, Work work) = 0;
};

/// The ranks of this run, MPI having begun; null if this process is alone. All but rank 0 are silent from
/// then on.
std::unique_ptr<Ranks> find_ranks();

/// The same in programs that are built with MPI.
std::unique_ptr<Ranks> find_mpi_ranks();

/// Samples of one of the run's attacks, in words for another rank.
struct Piece {
  std::size_t number;  ///< of the attack at one epsilon, in the order in which they are run
  foil::Index first, count;

  std::string text() const;
  /// Throws foil::Error for a text that is none.
  static Piece read(const std::string& text);
};

/// The rest of the samples in pieces for so many ranks, of at most `most` samples: large ones first, so that
/// they cost few messages, and small ones in the end, for which nobody waits long; but not below an eighth of
/// a batch. Of ranks and samples only, never of time.
std::vector<Piece> pieces_of(std::size_t number, foil::Index first, foil::Index samples, int ranks,
                             foil::Index most, foil::Index batch_size);

/// What a rank says when it is ready: what its bits depend on, or why it cannot take part.
std::string greeting(const Ranks& ranks, const foil::Fingerprint& fingerprint);
std::string refusal(const Ranks& ranks, const std::string& why);
/// Throws foil::Error unless every other rank has said the same as rank 0 would.
void check_greetings(const std::vector<std::string>& greetings, const foil::Fingerprint& fingerprint);

/// What a piece has come to, and the seconds that were spent in the model, summed over the threads.
struct Answer {
  foil::Result<Images> result;
  double model_seconds;

  std::string bytes() const;
  static Answer read(std::string_view bytes);
};

}  // namespace evaluate
