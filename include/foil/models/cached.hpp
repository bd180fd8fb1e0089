// SPDX-License-Identifier: MIT
/// \file
/// A model that is not asked the same twice.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <list>
#include <mutex>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/content.hpp"
#include "foil/models/wrapper.hpp"

namespace foil {

/// Options of foil::Cached.
struct CacheOptions {
  std::size_t bytes = std::size_t{1} << 28;  ///< that rows, answers and what keeps them may occupy
};

namespace detail {

/// Whether two rows agree in every bit: 0 and -0 do not, and NaN does with itself.
template <class A, class B>
bool same_bits(const A& a, const B& b) {
  const auto size = static_cast<std::size_t>(a.size());
  return size == static_cast<std::size_t>(b.size()) &&
         (size == 0 || std::memcmp(a.data(), b.data(), size * sizeof(*a.data())) == 0);
}

/// Rows that were asked about and the answers, of `Answer` numbers each: those used last, as many as have
/// room.
template <class Scalar, class Answer>
class Cache {
 public:
  explicit Cache(std::size_t bytes) : most_(bytes) {}

  /// The answer about a row, or nullptr; valid until the next call.
  const Answer* find(std::uint64_t hash, ConstSampleView<Scalar> row) {
    const auto [first, last] = places_.equal_range(hash);
    for (auto at = first; at != last; ++at) {
      Entry& entry = *at->second;
      if (!same_bits(entry.row, row)) continue;
      entries_.splice(entries_.begin(), entries_, at->second);
      return &entry.answer;
    }
    return nullptr;
  }

  /// Takes an answer in, unless it is there or has no room at all.
  void keep(std::uint64_t hash, ConstSampleView<Scalar> row, Answer answer) {
    if (find(hash, row) != nullptr) return;
    Entry entry{hash, {row.data(), row.data() + row.size()}, std::move(answer)};
    if (size_of(entry) > most_) return;
    used_ += size_of(entry);
    entries_.push_front(std::move(entry));
    places_.emplace(hash, entries_.begin());
    while (used_ > most_) drop_last();
  }

  void clear() {
    places_.clear();
    entries_.clear();
    used_ = 0;
  }
  Index entries() const { return static_cast<Index>(entries_.size()); }
  std::size_t bytes() const { return used_; }

 private:
  struct Entry {
    std::uint64_t hash;
    std::vector<Scalar> row;
    Answer answer;
  };
  using Place = typename std::list<Entry>::iterator;

  static std::size_t size_of(const Entry& entry) {
    constexpr std::size_t links = 12 * sizeof(void*);  // of the list, of the table, and their allocations
    return sizeof(Entry) + links + sizeof(Scalar) * (entry.row.size() + entry.answer.size());
  }
  void drop_last() {
    const auto last = std::prev(entries_.end());
    const auto [first, end] = places_.equal_range(last->hash);
    places_.erase(std::find_if(first, end, [&](const auto& place) { return place.second == last; }));
    used_ -= size_of(*last);
    entries_.pop_back();
  }

  std::list<Entry> entries_{};  // the one used last in front
  std::unordered_multimap<std::uint64_t, Place> places_{};
  std::size_t most_, used_ = 0;
};

}  // namespace detail

/// Remembers what a model has answered: a row that it was asked about before, to the bit, costs it nothing,
/// nor does one that occurs twice in a batch. Of several attacks on the same inputs the clean ones are asked
/// about once, of restarts their common points, and a run that is begun again passes over what it knows. Rows
/// are compared as a whole. Those used last are kept, as many as options.bytes have room for.
///
/// For models that answer the same row the same, whatever the others: others become those of their first
/// answers, until these are dropped. The verification of what a run has found is answered from memory as
/// well, so that of a model which changes its mind it confirms nothing. Passes with gradients are not kept:
/// they ask the model about all their rows.
///
/// Refers to the model; can be shared by threads if the model can, of which two may ask about the same row at
/// the same time. A run counts what it asks, not what reaches the model: see asked().
template <DecisionModel M>
class Cached : public Wrapper<Cached<M>, M, knowledge_of<M>> {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  explicit Cached(M& model, const CacheOptions& options = {})
      : Wrapper<Cached, M, knowledge_of<M>>(model), cache_(options.bytes) {}

  /// Rows that were answered from memory.
  std::int64_t hits() const {
    const std::lock_guard lock(mutex_);
    return hits_;
  }
  /// Rows that the model was asked about.
  std::int64_t asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  /// Rows that are remembered.
  Index entries() const {
    const std::lock_guard lock(mutex_);
    return cache_.entries();
  }
  /// What they take of options.bytes.
  std::size_t bytes() const {
    const std::lock_guard lock(mutex_);
    return cache_.bytes();
  }

  Labels answer_predict(const Input& x) const {
    Labels out(samples(x));
    answer(
        x, [&](const Input& rows) { return foil::predict(this->model(), rows); },
        [&](Index row, const Answer& known) { out[row] = known[0]; },
        [](const Labels& said, Index row) { return Answer{said[row]}; });
    return out;
  }
  Logits<Scalar> answer_logits(const Input& x) const {
    Logits<Scalar> out(samples(x), Index{0});
    answer(
        x, [&](const Input& rows) { return checked(this->model().logits(rows), samples(rows)); },
        [&](Index row, const Answer& known) {
          if (out.cols() == 0) out.resize(out.rows(), static_cast<Index>(known.size()));
          std::copy(known.begin(), known.end(), out.row(row).data());
        },
        [](const Logits<Scalar>& said, Index row) {
          return Answer(said.row(row).data(), said.row(row).data() + said.cols());
        });
    return out;
  }
  auto answer_vjp(const Input& x) const {
    auto pass = this->model().vjp(x);
    const Logits<Scalar> z = checked(pass.logits, samples(x));
    const std::lock_guard lock(mutex_);
    begin(x);
    asked_ += samples(x);
    for (Index i = 0; i < samples(x); ++i)
      cache_.keep(content_of(x, i), sample(x, i), Answer(z.row(i).data(), z.row(i).data() + z.cols()));
    return pass;
  }

 private:
  /// What is remembered of an answer: the label, or the logits.
  using Answer = std::vector<std::conditional_t<ScoreModel<M>, Scalar, int>>;

  /// Calls take(row, answer) for each row of x with what is known of it or read(said, k), where `said` is
  /// ask(rows) about those of which nothing is known, each once.
  template <class Ask, class Take, class Read>
  void answer(const Input& x, const Ask& ask, const Take& take, const Read& read) const {
    std::vector<std::uint64_t> hashes;
    std::vector<Index> unknown;                     // rows of x
    std::vector<std::pair<Index, Index>> repeated;  // rows of x, and which of the unknown ones they are
    std::unordered_multimap<std::uint64_t, Index> places;  // of the unknown ones
    {
      const std::lock_guard lock(mutex_);
      begin(x);
      for (Index i = 0; i < samples(x); ++i) {
        const std::uint64_t hash = content_of(x, i);
        const auto row = sample(x, i);
        if (const Answer* known = cache_.find(hash, row)) {
          take(i, *known);
          ++hits_;
          continue;
        }
        const auto [first, last] = places.equal_range(hash);
        const auto at = std::find_if(first, last, [&](const auto& place) {
          return detail::same_bits(sample(x, unknown[static_cast<std::size_t>(place.second)]), row);
        });
        if (at != last) {
          repeated.emplace_back(i, at->second);
          ++hits_;
          continue;
        }
        places.emplace(hash, std::ssize(unknown));
        unknown.push_back(i);
        hashes.push_back(hash);
      }
      asked_ += std::ssize(unknown);
    }
    if (unknown.empty()) return;
    const auto said = ask(gather(x, unknown));
    for (const auto& [row, place] : repeated) take(row, read(said, place));
    const std::lock_guard lock(mutex_);
    begin(x);
    for (std::size_t k = 0; k < unknown.size(); ++k) {
      Answer answer = read(said, static_cast<Index>(k));
      const auto row = sample(x, unknown[k]);
      take(unknown[k], answer);
      cache_.keep(hashes[k], row, std::move(answer));
    }
  }

  /// Forgets what is about samples of another shape than x has.
  void begin(const Input& x) const {
    const auto shape = resized(x, 1);
    if (shape != shape_) cache_.clear();
    shape_ = shape;
  }

  Logits<Scalar> checked(Logits<Scalar> z, Index asked) const {
    const std::lock_guard lock(mutex_);
    check_answer(asked, z.rows(), z.cols(), classes_);
    return z;
  }

  mutable std::mutex mutex_;
  mutable detail::Cache<Scalar, Answer> cache_;
  mutable std::int64_t hits_ = 0, asked_ = 0;
  mutable Index classes_ = 0;
  mutable typename Input::Dimensions shape_{};
};

}  // namespace foil
