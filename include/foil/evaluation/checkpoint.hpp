// SPDX-License-Identifier: MIT
/// \file
/// The state of an evaluation that may be killed and gone on with.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/status.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/record.hpp"

namespace foil {

/// All that the bits of an evaluation depend on, by name: model, data, options, seed, version.
using Fingerprint = std::vector<std::pair<std::string, std::string>>;

/// How two of them differ, in words: "seed was 0 and is 1"; empty if they do not.
inline std::string difference(const Fingerprint& was, const Fingerprint& is) {
  const auto value = [](const Fingerprint& all, const std::string& name) {
    for (const auto& [key, text] : all)
      if (key == name) return text;
    return std::string("not said");
  };
  std::string out;
  const auto add = [&](const std::string& name) {
    const std::string before = value(was, name), now = value(is, name);
    if (before != now) out += (out.empty() ? "" : "; ") + name + " was " + before + " and is " + now;
  };
  for (const auto& [name, text] : is) add(name);
  for (const auto& entry : was) {
    const auto of_that_name = [&](const auto& other) { return other.first == entry.first; };
    if (std::none_of(is.begin(), is.end(), of_that_name)) add(entry.first);
  }
  return out;
}

namespace detail {

/// Numbers and texts as bytes, for the machine that wrote them.
class StateWriter {
 public:
  template <class T>
    requires std::is_arithmetic_v<T>
  StateWriter& operator<<(T value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    std::memcpy(bytes_.data() + at, &value, sizeof value);
    return *this;
  }
  StateWriter& operator<<(std::string_view text) {
    *this << std::uint64_t{text.size()};
    bytes_ += text;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_{};
};

class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : rest_(bytes) {}
  template <class T>
    requires std::is_arithmetic_v<T>
  StateReader& operator>>(T& value) {
    const std::string_view bytes = take(sizeof value);
    std::memcpy(&value, bytes.data(), sizeof value);
    return *this;
  }
  StateReader& operator>>(std::string& text) {
    text = take(count(1));
    return *this;
  }
  /// Of things that follow, of at least so many bytes each.
  std::size_t count(std::size_t least) {
    std::uint64_t number = 0;
    *this >> number;
    require(number <= rest_.size() / least, "checkpoint: an entry is damaged");
    return static_cast<std::size_t>(number);
  }

 private:
  std::string_view take(std::size_t size) {
    require(size <= rest_.size(), "checkpoint: an entry is damaged");
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  std::string_view rest_;
};

}  // namespace detail

/// Keeps what evaluate() comes to, block by block, as entries that go to a file (foil::io::Journal) or
/// wherever else; and gives it back, after whatever ended the program, to an evaluation of the same
/// fingerprint. An entry holds the records of one block of one outcome, so that a kill loses the block at
/// work and no more:
///
///     foil::io::Journal journal("evaluation.state");
///     foil::Checkpoint checkpoint({{"model", "..."}, {"seed", "0"}}, journal.entries(),
///                                 [&](std::string_view entry) { journal.append(entry); });
///     foil::Outcome outcome(attack, 0.1);
///     checkpoint.restore(0, outcome);
///     foil::evaluate(attack, model, source, selection, criterion, options, outcome,
///                    {.finished = [&](const foil::Block&) { checkpoint.save(0, outcome); }});
///
/// Outcomes are told apart by numbers. Entries are for machines of the byte order that wrote them.
class Checkpoint {
 public:
  using Keep = std::function<void(std::string_view)>;

  /// A block that is finished, and what its outcome had come to with it.
  struct Piece {
    std::vector<Record> records{};       ///< of this block
    std::vector<StageOutcome> stages{};  ///< of all blocks so far, as are those below
    Index classes = 0;
    double seconds = 0;
    std::string title{};     ///< Outcome::title()
    std::string attached{};  ///< what save() was given
  };

  /// Begins, if there are no entries, or goes on.
  /// \param entries  all that `keep` was ever given, in that order
  /// \param keep     is to keep an entry for good before it returns
  /// Throws foil::Error, naming every difference, if they are of an evaluation with another fingerprint.
  Checkpoint(Fingerprint fingerprint, std::span<const std::string> entries, Keep keep)
      : fingerprint_(std::move(fingerprint)), keep_(std::move(keep)), begun_(!entries.empty()) {
    if (!begun_) return;
    detail::StateReader head(entries.front());
    std::string format;
    head >> format;
    require(format == format_name, "checkpoint: expected one of this version of foil");
    Fingerprint was(head.count(2 * sizeof(std::uint64_t)));
    for (auto& [name, value] : was) head >> name >> value;
    const std::string differs = difference(was, fingerprint_);
    require(differs.empty(), "checkpoint: it is of another evaluation: ", differs);
    for (const std::string& entry : entries.subspan(1)) take(entry);
  }

  /// Whether nothing has been kept yet.
  bool empty() const { return !begun_; }
  /// The blocks of an outcome that are finished.
  const std::vector<Piece>& pieces(std::size_t number) { return outcomes_[number]; }
  /// Forgets all blocks of an outcome but the first so many: what belongs to them is lost.
  void cut(std::size_t number, std::size_t blocks) {
    auto& pieces = outcomes_[number];
    pieces.resize(std::min(pieces.size(), blocks));
  }

  /// Gives an outcome that has no records those of its finished blocks, and the rest of what it had come to.
  /// evaluate() goes on behind them. Throws if the blocks are another outcome's.
  void restore(std::size_t number, Outcome& outcome) {
    require(outcome.records.empty(), "checkpoint: expected an outcome without records");
    Index& saved = saved_[number];
    for (const Piece& piece : outcomes_[number]) {
      require(piece.title == outcome.title(), "checkpoint: outcome ", number, " was ", piece.title,
              " and is ", outcome.title());
      outcome.records.insert(outcome.records.end(), piece.records.begin(), piece.records.end());
      outcome.stages.resize(piece.stages.size());
      for (std::size_t s = 0; s < piece.stages.size(); ++s) {
        StageOutcome& stage = outcome.stages[s];  // what else is known of it came with the attack
        const StageOutcome& was = piece.stages[s];
        stage.name = was.name;
        stage.attacked = was.attacked;
        stage.fooled = was.fooled;
        stage.queries = was.queries;
        stage.gradient_queries = was.gradient_queries;
      }
      outcome.classes = piece.classes;
      outcome.seconds = piece.seconds;
    }
    saved = static_cast<Index>(outcome.records.size());
  }

  /// Keeps the records that an outcome has got since it was restored or saved.
  /// \param attached  whatever belongs to them beside
  void save(std::size_t number, const Outcome& outcome, std::string_view attached = {}) {
    if (!begun_) {
      detail::StateWriter head;
      head << format_name << std::uint64_t{fingerprint_.size()};
      for (const auto& [name, value] : fingerprint_)
        head << std::string_view(name) << std::string_view(value);
      keep_(head.bytes());
      begun_ = true;
    }
    Index& saved = saved_[number];
    const auto fresh = std::span(outcome.records).subspan(static_cast<std::size_t>(saved));
    const std::string title = outcome.title();
    detail::StateWriter out;
    out << std::uint64_t{number} << std::int64_t{saved} << std::string_view(title) << attached;
    out << std::int64_t{outcome.classes} << outcome.seconds << std::uint64_t{outcome.stages.size()};
    for (const StageOutcome& stage : outcome.stages)
      out << std::string_view(stage.name) << std::int64_t{stage.attacked} << std::int64_t{stage.fooled}
          << stage.queries << stage.gradient_queries;
    out << std::uint64_t{fresh.size()};
    for (const Record& r : fresh) {
      out << r.id << static_cast<std::uint8_t>(r.status) << r.success << r.correct << r.predicted
          << r.distance << r.queries << r.gradient_queries << r.verification_queries << r.bad_rows
          << r.zero_gradients << r.probability_rows << r.changed_answers << r.stage
          << std::uint64_t{r.parameters.size()};
      for (const double parameter : r.parameters) out << parameter;
    }
    keep_(out.bytes());
    saved = static_cast<Index>(outcome.records.size());
  }

 private:
  static constexpr std::string_view format_name = "foil checkpoint 2";

  void take(std::string_view entry) {
    detail::StateReader in(entry);
    std::uint64_t number = 0;
    std::int64_t first = 0, classes = 0;
    Piece piece;
    in >> number >> first >> piece.title >> piece.attached >> classes >> piece.seconds;
    piece.classes = static_cast<Index>(classes);
    piece.stages.resize(in.count(5 * sizeof(std::uint64_t)));
    for (StageOutcome& stage : piece.stages) {
      std::int64_t attacked = 0, fooled = 0;
      in >> stage.name >> attacked >> fooled >> stage.queries >> stage.gradient_queries;
      stage.attacked = static_cast<Index>(attacked);
      stage.fooled = static_cast<Index>(fooled);
    }
    piece.records.resize(in.count(64));
    for (Record& r : piece.records) {
      std::uint8_t status = 0;
      in >> r.id >> status >> r.success >> r.correct >> r.predicted >> r.distance >> r.queries >>
          r.gradient_queries >> r.verification_queries >> r.bad_rows >> r.zero_gradients >>
          r.probability_rows >> r.changed_answers >> r.stage;
      require(status <= static_cast<std::uint8_t>(Status::failed), "checkpoint: an entry is damaged");
      r.status = static_cast<Status>(status);
      r.parameters.resize(in.count(sizeof(double)));
      for (double& parameter : r.parameters) in >> parameter;
    }
    // A block that was done again takes the place of what was lost of it.
    auto& pieces = outcomes_[static_cast<std::size_t>(number)];
    std::size_t kept = 0;
    for (std::int64_t records = 0; kept < pieces.size() && records < first; ++kept)
      records += std::ssize(pieces[kept].records);
    pieces.resize(kept);
    std::int64_t before = 0;
    for (const Piece& earlier : pieces) before += std::ssize(earlier.records);
    require(before == first, "checkpoint: an entry is missing");
    pieces.push_back(std::move(piece));
  }

  Fingerprint fingerprint_;
  Keep keep_;
  bool begun_;
  std::map<std::size_t, std::vector<Piece>> outcomes_{};
  std::map<std::size_t, Index> saved_{};  // so many records of each are kept
};

}  // namespace foil
