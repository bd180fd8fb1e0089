// SPDX-License-Identifier: MIT
/// \file
/// Work shared out among the processes that MPI has started, on one machine or on many. Needs an MPI library:
/// component foil::mpi.
///
///     foil::mpi::Ranks ranks;  // in every process, first of all
///     const foil::mpi::Work work = [&](const std::string& piece, const auto&) { return answer_to(piece); };
///     if (ranks.rank() > 0) {
///       ranks.ready();
///       ranks.serve(work);  // until rank 0 has ended
///       return 0;
///     }
///     foil::mpi::Pieces pieces(ranks, {"0 256", "256 256", "512 128"}, work);
///     while (const auto answer = pieces.next()) use(*answer);  // in the order of the pieces
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "foil/adapters/mpi_ranks.hpp"
#include "foil/core/error.hpp"

namespace foil::mpi {

/// Pieces of work that rank 0 hands out to every rank as it becomes free, itself included, and whose answers
/// it gets in the order of the pieces. A piece may be anything that the work understands. Nobody begins one
/// so far ahead that more than two answers for each rank wait for those before them.
///
/// One at a time; while it lives, nobody else may call MPI. When it ends, what is still at work is forgotten.
class Pieces {
 public:
  Pieces(Ranks& ranks, std::vector<std::string> pieces, Work work)
      : ranks_(ranks),
        pieces_(std::move(pieces)),
        work_(std::move(work)),
        first_number_(ranks.last_number_ + 1),
        answers_(pieces_.size()),
        talk_([this] { talk(); }) {
    ranks_.last_number_ += pieces_.size();
  }
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;
  ~Pieces() {
    over_ = true;
    talk_.join();
  }

  /// The answer to the next piece; nothing when there is none, or once `stopped`. Meanwhile this rank does
  /// its share. Throws foil::Error, naming rank and machine, if the work on another one has thrown, and what
  /// it has thrown here.
  std::optional<std::string> next(const Stopped& stopped = [] { return false; }) {
    while (wanted_ < pieces_.size() && !stopped()) {
      std::unique_lock lock(mutex_);
      if (failure_) std::rethrow_exception(failure_);
      if (answers_[wanted_]) return std::exchange(answers_[wanted_++], std::nullopt);
      if (const auto own = begin_one()) {
        lock.unlock();
        std::string answer = work_(pieces_[*own], stopped);
        if (stopped()) return {};
        lock.lock();
        answers_[*own] = std::move(answer);
      } else {
        changed_.wait_for(lock, std::chrono::milliseconds(100));  // for a look at `stopped`
      }
    }
    return {};
  }

 private:
  /// The next piece to be begun, if it is time for one.
  std::optional<std::size_t> begin_one() {
    const std::size_t ahead = 2 * static_cast<std::size_t>(ranks_.count());
    if (failure_ || begun_ == pieces_.size() || begun_ >= wanted_ + ahead) return {};
    return begun_++;
  }

  /// All that is said to other ranks, and heard of them.
  void talk() {
    try {
      while (!over_) {
        if (const auto message = ranks_.next_message()) {
          ranks_.note(*message);
          if (message->tag == detail::tag_answer || message->tag == detail::tag_failure) enter(*message);
        } else if (!hand_out()) {
          Ranks::rest();
        }
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      changed_.notify_all();
    }
  }
  void enter(const detail::Message& message) {
    std::uint64_t number = 0;
    std::memcpy(&number, message.bytes.data(), sizeof number);
    const std::lock_guard lock(mutex_);
    if (number < first_number_ || number - first_number_ >= pieces_.size()) return;  // of earlier pieces
    std::string rest = message.bytes.substr(sizeof number);
    if (message.tag == detail::tag_failure)
      failure_ = std::make_exception_ptr(Error(rest));
    else
      answers_[static_cast<std::size_t>(number - first_number_)] = std::move(rest);
    changed_.notify_all();
  }
  bool hand_out() {
    if (ranks_.free_.empty()) return false;
    std::optional<std::size_t> piece;
    {
      const std::lock_guard lock(mutex_);
      piece = begin_one();
    }
    if (!piece) return false;
    const int rank = *ranks_.free_.begin();
    ranks_.free_.erase(rank);
    const std::uint64_t number = first_number_ + *piece;
    ranks_.send(rank, detail::tag_piece,
                std::string(reinterpret_cast<const char*>(&number), sizeof number) + pieces_[*piece]);
    return true;
  }

  Ranks& ranks_;
  const std::vector<std::string> pieces_;
  const Work work_;
  const std::uint64_t first_number_;  // they are numbered over all Pieces, as answers may come late
  std::mutex mutex_{};
  std::condition_variable changed_{};
  std::size_t begun_ = 0, wanted_ = 0;
  std::vector<std::optional<std::string>> answers_;
  std::exception_ptr failure_{};
  std::atomic<bool> over_ = false;
  std::thread talk_;  // last, as it uses all of the above
};

}  // namespace foil::mpi
