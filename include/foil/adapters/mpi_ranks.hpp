// SPDX-License-Identifier: MIT
/// \file
/// The processes that MPI has started, on one machine or on many, and what they say to each other. See
/// foil/adapters/mpi.hpp.
#pragma once

#include <mpi.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"

namespace foil::mpi {

/// Whether this process was started as one of several, by mpirun or a batch system with its MPI. Asks the
/// environment, not MPI, whose beginning costs time and may fail where nothing is set up for it.
inline bool launched() {
  constexpr const char* signs[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"};
  return std::any_of(std::begin(signs), std::end(signs),
                     [](const char* name) { return std::getenv(name) != nullptr; });
}

/// Whether work is to be given up, as nobody wants its answer any more. May be asked by any thread, one at a
/// time.
using Stopped = std::function<bool()>;
/// Answers a piece, in bytes of the caller's own meaning. May throw.
using Work = std::function<std::string(const std::string& piece, const Stopped& stopped)>;

namespace detail {

enum Tag : int { tag_ready = 1, tag_piece, tag_answer, tag_failure, tag_bye, tag_end };

inline void check(int code, const char* what) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(code, text, &length);
  throw Error(foil::text("mpi: ", what, ": ", std::string_view(text, static_cast<std::size_t>(length))));
}

/// A message that is kept.
struct Message {
  int rank, tag;
  std::string bytes;
};

}  // namespace detail

/// The processes of this program: MPI, from here to the end of the program. Rank 0 hands out work, by Pieces,
/// and does its share; the others say that they are ready(), and serve().
///
/// Every rank waits without keeping a processor busy. A rank that dies is for MPI to handle: mpirun as it is
/// by default ends all of them.
class Ranks {
 public:
  /// Begins MPI unless it has begun. Throws foil::Error unless that allows calls by several threads in turn.
  Ranks() {
    int begun = 0, level = MPI_THREAD_SINGLE;
    detail::check(MPI_Initialized(&begun), "beginning");
    if (begun == 0) {
      detail::check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &level), "beginning");
      ends_ = true;
    } else {
      detail::check(MPI_Query_thread(&level), "beginning");
    }
    require(level >= MPI_THREAD_SERIALIZED, "mpi: expected one that allows threads in turn, got level ",
            level);
    detail::check(MPI_Comm_dup(MPI_COMM_WORLD, &world_), "beginning");
    detail::check(MPI_Comm_set_errhandler(world_, MPI_ERRORS_RETURN), "beginning");
    detail::check(MPI_Comm_rank(world_, &rank_), "beginning");
    detail::check(MPI_Comm_size(world_, &count_), "beginning");
  }
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  /// On rank 0, ends the others as soon as they have given up or answered what they were at.
  ~Ranks() {
    try {
      if (rank_ == 0)
        end_others();
      else
        part();
      if (ends_) {
        MPI_Comm_free(&world_);
        MPI_Finalize();
      }
    } catch (const Error&) {  // the others are gone, and so are we
    }
  }

  int rank() const { return rank_; }
  /// How many there are.
  int count() const { return count_; }
  /// "rank 3 on node17".
  std::string where() const {
    char name[MPI_MAX_PROCESSOR_NAME] = {};
    int length = 0;
    MPI_Get_processor_name(name, &length);
    return text("rank ", rank_, " on ", std::string_view(name, static_cast<std::size_t>(length)));
  }

  // --- other ranks than 0 ---

  /// Tells rank 0 that this one takes work, or what else there is to say. Once.
  void ready(std::string_view words = {}) { send(0, detail::tag_ready, words); }
  /// Answers pieces until rank 0 wants no more. What the work throws is thrown on rank 0, as foil::Error.
  void serve(const Work& work) {
    const Stopped stopped = [this] { return ended_ || (ended_ = arrived(0, detail::tag_end)); };
    while (!ended_) {
      const auto message = receive(0);
      if (message.tag == detail::tag_end) {
        ended_ = received_end_ = true;
        return;
      }
      std::string answer = message.bytes.substr(0, sizeof(std::uint64_t));  // which it is
      int tag = detail::tag_answer;
      try {
        answer += work(message.bytes.substr(sizeof(std::uint64_t)), stopped);
      } catch (const std::exception& error) {
        answer += where() + ": " + error.what();
        tag = detail::tag_failure;
      }
      send(0, tag, answer);
    }
  }

  // --- rank 0 ---

  /// What each rank has said in ready(), when all have; of rank 0 nothing. Ends early, with nothing, once
  /// `stopped`.
  std::vector<std::string> greetings(const Stopped& stopped) {
    while (std::ssize(said_) + 1 < count_) {
      if (stopped()) return {};
      if (const auto message = next_message())
        note(*message);
      else
        rest();
    }
    std::vector<std::string> out(static_cast<std::size_t>(count_));
    for (const auto& [rank, words] : said_) out[static_cast<std::size_t>(rank)] = words;
    return out;
  }

 private:
  friend class Pieces;

  static constexpr std::size_t most_at_once = std::size_t{1} << 30;  // MPI counts by int

  static void rest() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

  void send(int to, int tag, std::string_view bytes) {
    const std::uint64_t size = bytes.size();
    detail::check(MPI_Send(&size, sizeof size, MPI_BYTE, to, tag, world_), "sending");
    for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), most_at_once)))
      detail::check(MPI_Send(bytes.data(), static_cast<int>(std::min(bytes.size(), most_at_once)), MPI_BYTE,
                             to, tag, world_),
                    "sending");
  }
  bool arrived(int from, int tag, MPI_Status* status = MPI_STATUS_IGNORE) const {
    int there = 0;
    detail::check(MPI_Iprobe(from, tag, world_, &there, status), "waiting");
    return there != 0;
  }
  detail::Message take(const MPI_Status& status) {
    detail::Message message{status.MPI_SOURCE, status.MPI_TAG, {}};
    std::uint64_t size = 0;
    const auto get = [&](void* to, std::size_t count) {
      detail::check(MPI_Recv(to, static_cast<int>(count), MPI_BYTE, message.rank, message.tag, world_,
                             MPI_STATUS_IGNORE),
                    "receiving");
    };
    get(&size, sizeof size);
    message.bytes.resize(size);
    for (std::size_t at = 0; at < size; at += most_at_once)
      get(message.bytes.data() + at, std::min<std::size_t>(size - at, most_at_once));
    return message;
  }
  /// A message from that rank; waits for it.
  detail::Message receive(int from) {
    MPI_Status status{};
    while (!arrived(from, MPI_ANY_TAG, &status)) rest();
    return take(status);
  }
  /// A message from any, if there is one.
  std::optional<detail::Message> next_message() {
    MPI_Status status{};
    if (!arrived(MPI_ANY_SOURCE, MPI_ANY_TAG, &status)) return {};
    return take(status);
  }

  /// Enters what a message says of the rank that sent it. An answer has a meaning to Pieces besides.
  void note(const detail::Message& message) {
    if (message.tag == detail::tag_ready) said_[message.rank] = message.bytes;
    if (message.tag == detail::tag_bye)
      gone_.insert(message.rank), free_.erase(message.rank);
    else
      free_.insert(message.rank);
  }

  void end_others() {
    const std::uint64_t nothing = 0;  // no bytes follow
    std::vector<MPI_Request> sent(static_cast<std::size_t>(count_ - 1), MPI_REQUEST_NULL);
    for (int other = 1; other < count_; ++other)  // who sends an answer hears of it only then
      detail::check(MPI_Isend(&nothing, sizeof nothing, MPI_BYTE, other, detail::tag_end, world_,
                              &sent[static_cast<std::size_t>(other - 1)]),
                    "ending");
    while (std::ssize(gone_) + 1 < count_) {
      if (const auto message = next_message())
        note(*message);
      else
        rest();
    }
    detail::check(MPI_Waitall(count_ - 1, sent.data(), MPI_STATUSES_IGNORE), "ending");
  }
  void part() {
    send(0, detail::tag_bye, {});
    while (!received_end_) received_end_ = receive(0).tag == detail::tag_end;
  }

  MPI_Comm world_ = MPI_COMM_NULL;
  bool ends_ = false;  // MPI is ended here
  int rank_ = 0, count_ = 1;
  std::atomic<bool> ended_ = false;
  bool received_end_ = false;
  std::map<int, std::string> said_{};
  std::set<int> free_{}, gone_{};
  std::uint64_t last_number_ = 0;  // of a piece
};

}  // namespace foil::mpi
