// SPDX-License-Identifier: MIT
/// \file
/// Where attacks that walk along the decision boundary get their first adversarial from.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "foil/attacks/parts/ray.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/options_list.hpp"
#include "foil/run/oracle.hpp"

namespace foil {

/// How a start is looked for.
struct StartOptions {
  bool fallback = false;
  int noise_draws = 1000;
  int bisections = 10;

  void list(OptionList& option) {
    option("fallback", fallback, "search on if the given start is not adversarial");
    option("noise_draws", noise_draws, "points of noise tried as a start", at_least(0));
    option("bisections", bisections, "between the input and a start", at_least(0));
  }
};

/// A bisection on its way: between a point that is not adversarial and one that is.
struct Bisection {
  Eigen::VectorXd outside{};
  Eigen::VectorXd inside{};
  int done = 0;
};

/// How far the search for starts has come. To be continued with the same options.
struct StartState {
  std::uint32_t candidate = 0;  ///< of the list at next_start()
  std::vector<PoolRow> pool{};  ///< what it has to offer, and how far that has been used
  std::size_t row = 0;
  int given = -1;  ///< class of the user's point, until the pool has offered its nearest of that class
  std::uint32_t end = std::numeric_limits<std::uint32_t>::max();  ///< of the candidates
  bool prior_used = false;  ///< find_start(): it has looked along the run's prior,
  RaySegment along{};       ///< or is about to: its x is empty as long as that was not adversarial
  Bisection bisection{};    ///< find_start(): its inside is empty as long as no candidate was adversarial
};

/// Uniform noise in the box. Features without finite bounds get normal noise around the original, of a size
/// that grows from draw to draw, from 1/16 to 2^19, and then starts again.
inline Eigen::VectorXd noise_in_box(const Oracle& oracle, std::uint32_t draw) {
  Eigen::VectorXd x(oracle.features());
  oracle.random(Purpose::start, draw).fill_uniform(x, 0, 1);
  const double scale = std::ldexp(1.0, static_cast<int>(draw % 24) - 4);
  for (Index i = 0; i < x.size(); ++i) {
    const double low = oracle.lower()[i], range = oracle.upper()[i] - low;
    x[i] = std::isfinite(range) ? low + range * x[i] : oracle.original()[i] + scale * normal_quantile(x[i]);
  }
  return x;
}

/// Halfway between two points, as the model can be given it. Where a lattice leaves nothing between them, it
/// is the first with every other one of the features in which they differ taken from the second: one of the
/// two if that is a single feature.
inline Eigen::VectorXd halfway(const Oracle& oracle, const Eigen::VectorXd& a, const Eigen::VectorXd& b) {
  Eigen::VectorXd middle = a + (b - a) / 2;
  oracle.settle(middle);
  if (!oracle.on_lattice() || (middle != a && middle != b)) return middle;
  middle = a;
  bool take = false;
  for (Index i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    if (take) middle[i] = b[i];
    take = !take;
  }
  return middle;
}

/// Halves the segment, as often as told or until the model's numbers leave nothing between its ends.
inline Task<> bisect(Oracle& oracle, Bisection& segment, int times) {
  while (segment.done < times) {
    Eigen::VectorXd middle = halfway(oracle, segment.outside, segment.inside);
    if (middle == segment.outside || middle == segment.inside) co_return;
    const bool adversarial = co_await oracle.query(middle);
    (adversarial ? segment.inside : segment.outside).swap(middle);
    ++segment.done;
  }
}

/// So many rows of the pool are tried at most.
inline constexpr std::size_t most_start_rows = 64;

/// Takes a row of the pool as a start. Its answer is known; only where the mask or the lattice of the run
/// changes it, it is asked about. True if it is adversarial.
inline Task<bool> take_row(Oracle& oracle, Index row, Eigen::VectorXd& x) {
  auto taken = oracle.take_from_pool(row);
  x = std::move(taken.first);
  bool adversarial = taken.second;
  if (!adversarial) adversarial = co_await oracle.query(x);
  co_return adversarial;
}

/// The candidates after the user's point and the pool, by number; empty after the last one.
inline Eigen::VectorXd start_candidate(const Oracle& oracle, const StartOptions& options,
                                       std::uint32_t number) {
  const auto draws = static_cast<std::uint32_t>(options.noise_draws);
  const Eigen::VectorXd &low = oracle.lower(), &high = oracle.upper();
  if (number < draws) return noise_in_box(oracle, number);
  if (number > draws + 3 || !low.allFinite() || !high.allFinite()) return {};
  if (number == draws) return low;
  if (number == draws + 1) return low + (high - low) / 2;
  if (number == draws + 2) return high;
  Eigen::VectorXd x(low.size());
  oracle.random(Purpose::start, draws).fill_uniform(x, 0, 1);
  for (Index i = 0; i < x.size(); ++i) x[i] = x[i] < 0.5 ? low[i] : high[i];
  return x;
}

/// Finds an adversarial point: the user's (RunOptions::starting_points; a row of NaN is none), else the
/// nearest adversarial row of the run's pool (no query), else uniform noise in the box, else the lower end of
/// the box, its middle, its upper end, else salt-and-pepper noise. Called again, it goes on to the next one:
/// of the pool the nearest of every class, other than the user's point and its class, then the second of
/// every class, and so on; then at most ten points that are not adversarial.
///
/// \return true if one was found. If there never was one, the sample's status is start_failed: a targeted
/// criterion is hardly ever met by noise, it needs a starting point, a pool, or gradients: climb_to_start().
inline Task<bool> next_start(Oracle& oracle, StartOptions options, StartState& state,
                             Eigen::VectorXd& start) {
  constexpr std::uint32_t user = 0, pool = 1, others = 2, further_tries = 10;
  Eigen::VectorXd x;
  bool found = false;
  while (!found) {
    if (state.candidate == pool) {
      if (state.row == 0) state.pool = oracle.rank_pool(most_start_rows);
      if (state.row == state.pool.size()) {
        ++state.candidate;
        continue;
      }
      const auto [row, label] = state.pool[state.row];
      if (label == state.given) {
        state.given = -1;
      } else {
        found = co_await take_row(oracle, row, x);
        found = found && (oracle.starting_point().size() == 0 || x != oracle.starting_point());
      }
      ++state.row;  // not before the answer: a run that ends there goes on with this row
      continue;
    }
    x = state.candidate == user ? oracle.starting_point()
                                : start_candidate(oracle, options, state.candidate - others);
    const bool given = x.size() > 0 && x.allFinite();
    if (given && state.candidate < state.end) found = co_await oracle.query(x);
    if (state.candidate == user && found) state.given = oracle.label();
    const bool refused = state.candidate == user && given && !found && !options.fallback;
    const bool last = state.candidate != user && !given;
    if (refused || last || state.candidate >= state.end) {
      if (!oracle.found()) oracle.finish(Status::start_failed);
      co_return false;
    }
    ++state.candidate;
  }
  state.end = std::max(state.candidate, others) + further_tries;
  start = std::move(x);
  co_return true;
}

/// Moves an adversarial point to where the ray of the run's prior (RunOptions::prior) crosses the boundary,
/// to a length, if the point as far away on that ray is adversarial. For one forward pass if it is not.
inline Task<> look_along_prior(Oracle& oracle, double length, RaySegment& along, Eigen::VectorXd& x) {
  if (along.x.size() == 0) {
    const double radius = ray_radius(oracle, x);
    Eigen::VectorXd other = point_on_ray(oracle, oracle.prior(), radius);
    if (other == x) co_return;
    const bool adversarial = co_await oracle.query(other);
    if (!adversarial) co_return;
    along = {0, radius, std::move(other)};
  }
  co_await narrow(oracle, oracle.prior(), along, length);
  x.swap(along.x);
}

/// As next_start(), then bisects between the input and that point; state.bisection.inside is the result, to
/// be taken away before the next call. With a single feature to move the bisection goes on until the boundary
/// is met exactly. Where the run has a prior, the first result is on its ray if that comes closer: then the
/// start is bisected ten times at least, as is the ray.
inline Task<bool> find_start(Oracle& oracle, StartOptions options, StartState& state) {
  Bisection& segment = state.bisection;
  if (segment.inside.size() == 0) {
    const bool found = co_await next_start(oracle, options, state, segment.inside);
    if (!found) co_return false;
    segment.outside = oracle.original();
  }
  constexpr int least_with_prior = 10;
  const bool single = oracle.box().free_features() == 1;
  const bool prior = !single && !state.prior_used && oracle.prior().size() > 0;
  const int wanted = prior ? std::max(options.bisections, least_with_prior) : options.bisections;
  co_await bisect(oracle, segment, single ? std::numeric_limits<int>::max() : wanted);
  if (prior) {
    const double length = std::ldexp(norm2(segment.inside - oracle.original()), -wanted);
    co_await look_along_prior(oracle, length, state.along, segment.inside);
    state.prior_used = true;
  }
  co_return true;
}

/// find_start() for attacks that go on from one point, x. False if nothing is left to do: there was no start,
/// the bisection of a single feature has met the boundary (the attack has converged), or the start is the
/// input itself, a row of the pool.
inline Task<bool> find_only_start(Oracle& oracle, StartOptions options, Eigen::VectorXd& x) {
  StartState state;
  const bool found = co_await find_start(oracle, options, state);
  if (!found) co_return false;
  x = std::move(state.bisection.inside);
  const bool single = oracle.box().free_features() == 1;
  if (single) oracle.finish(Status::converged);
  co_return !single && oracle.distance(x) > 0;
}

}  // namespace foil
