// SPDX-License-Identifier: MIT
/// \file
/// Models that draw random numbers, and which numbers these are.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/content.hpp"

namespace foil {

/// A seed for each row of a batch.
using Seeds = std::vector<std::uint64_t>;

namespace detail {

template <class M>
concept HasRandomBounds = requires(const M& model) {
  requires Batch<typename M::Input>;
  { model.bounds() } -> std::convertible_to<Bounds<typename M::Input::Scalar>>;
};

}  // namespace detail

/// `typename Input`, `bounds() const`, `logits(x, seeds) const`, and mostly `vjp(x, seeds) const`: a model
/// that draws the random numbers of a row by that row's seed, and by nothing else.
template <class M>
concept RandomisedModel =
    detail::HasRandomBounds<M> && requires(const M& model, const typename M::Input& x, const Seeds& seeds) {
      { model.logits(x, seeds) } -> std::convertible_to<Logits<typename M::Input::Scalar>>;
    };

/// A RandomisedModel, or one that offers labels only: `predict(x, seeds) const`.
template <class M>
concept RandomisedDecisionModel =
    RandomisedModel<M> ||
    (detail::HasRandomBounds<M> && requires(const M& model, const typename M::Input& x, const Seeds& seeds) {
      { model.predict(x, seeds) } -> std::convertible_to<Labels>;
    });

/// Which random numbers a model draws when it is asked again.
enum class SeedPolicy {
  fixed,  ///< the same for every question: one model out of many, and deterministic
  fresh   ///< others at every point, a function of its bits: the same point has the same answer
};

constexpr std::string_view to_string(SeedPolicy policy) {
  constexpr std::array<std::string_view, 2> names{"fixed", "fresh"};
  return names[static_cast<std::size_t>(policy)];
}

/// The draws that are made of a randomised model at each point of a batch. A row's follow from the seed, the
/// draw's number and, with fresh seeds, the bits of the row: what is made of them depends neither on the
/// batch nor on threads, and the same seed means the same draws, whatever is made of them.
struct Draws {
  Index draws;  ///< of each row
  SeedPolicy policy;
  std::uint64_t seed;
  Index rows_per_call;

  /// Throws unless they make sense; `who` begins the message.
  void check(std::string_view who) const {
    require(draws >= 1, who, ": expected at least one draw, got ", draws);
    require(rows_per_call >= 1, who, ": expected rows_per_call >= 1, got ", rows_per_call);
  }

  /// "30 draws, seeds fresh, from 0"
  std::string text() const {
    return foil::text(draws, draws == 1 ? " draw" : " draws", ", seeds ", to_string(policy), ", from ", seed);
  }

  /// The seed that the `draw`-th draw of a row has.
  template <Batch Input>
  std::uint64_t seed_of(const Input& x, Index row, Index draw) const {
    constexpr std::uint64_t of_nothing = 0xCBF29CE484222325u;
    RandomDraw words(random_key(seed, "redrawn"),
                     policy == SeedPolicy::fresh ? content_of(x, row) : of_nothing, Purpose::model,
                     static_cast<std::uint32_t>(draw));
    const std::uint64_t high = words.bits();
    return (high << 32) | words.bits();
  }

  /// Calls f(first, points, seeds) for all draws of all rows, a row's draws one after the other.
  template <Batch Input, class F>
  void for_each_part(const Input& x, const F& f) const {
    const Index rows = samples(x) * draws;
    for (Index first = 0; first < rows; first += rows_per_call) {
      std::vector<Index> from;
      Seeds seeds;
      for (Index i = first; i < std::min(rows, first + rows_per_call); ++i) {
        from.push_back(i / draws);
        seeds.push_back(seed_of(x, i / draws, i % draws));
      }
      f(first, gather(x, from), seeds);
    }
  }
};

}  // namespace foil
