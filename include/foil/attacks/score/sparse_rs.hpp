// SPDX-License-Identifier: MIT
/// \file
/// Sparse-RS: random search for a few pixels to change.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/parts/pixels.hpp"
#include "foil/core/losses.hpp"
#include "foil/geometry/image.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::SparseRsAttack.
struct SparseRsOptions {
  int steps = 10'000;
  double share = 0.3;
  bool rescale = true;
  Loss loss = Loss::margin;
  bool across_channels = true;
  geometry::ChannelsLast channels_last{};

  void list(OptionList& option) {
    option("steps", steps, "changes tried", between(1, 1e6));
    option("share", share, "of the changed pixels that are exchanged in the beginning", above(0, 1));
    option("rescale", rescale,
           "the schedule of fewer and fewer, which is one of 10,000 steps, is stretched to all steps");
    option("loss", loss, "loss to raise");
    option("across_channels", across_channels, "images: all channels of a pixel change together");
    option("channels_last", channels_last, geometry::ChannelsLast::meaning);
  }
};

namespace sparse_rs {

/// The share of the changed pixels that a step exchanges, of a schedule for 10,000 steps: the first share at
/// step 0, half of it until step 50, then a 4th until 200, a 5th until 500, and so on, a 20th from 8,001 on.
inline double exchanged(double first_share, std::int64_t step) {
  constexpr std::int64_t ends[] = {0, 50, 200, 500, 1000, 2000, 4000, 6000, 8000};
  constexpr double parts[] = {1, 2, 4, 5, 6, 8, 10, 12, 15, 20};
  return first_share / parts[std::lower_bound(std::begin(ends), std::end(ends), step) - std::begin(ends)];
}

/// Which pixels are changed and which are not.
struct Choice {
  std::vector<Index> changed, others;

  /// Brings so many of each, drawn at random, to the front.
  void shuffle(std::size_t count, RandomDraw& random) {
    for (std::vector<Index>* pixels : {&changed, &others})
      for (std::size_t i = 0; i < std::min(count, pixels->size()); ++i)
        std::swap((*pixels)[i], (*pixels)[i + static_cast<std::size_t>(random.integer(pixels->size() - i))]);
  }
  /// Exchanges the first ones, as far as there are others.
  void exchange(std::size_t count) {
    std::swap_ranges(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(exchanges(count)),
                     changed.begin());
  }
  std::size_t exchanges(std::size_t count) const { return std::min(count, others.size()); }
};

/// Gives a pixel of x random ends of the box, in at least one channel other than the original; at most 16
/// draws, if it has no end but its own.
inline void paint(const Oracle& oracle, const Pixels& pixels, Index pixel, RandomDraw& random,
                  Eigen::VectorXd& x) {
  constexpr int most_draws = 16;
  bool differs = false;
  for (int draws = 0; draws < most_draws && !differs; ++draws)
    for (Index c = 0; c < pixels.channels(); ++c) {
      const Index i = pixels.feature(pixel, c);
      x[i] = random.bits() >> 31 ? oracle.upper()[i] : oracle.lower()[i];
      differs = differs || x[i] != oracle.original()[i];
    }
}

}  // namespace sparse_rs

/// Sparse-RS for L0: epsilon / channels pixels of the image have colours from the corners of the colour cube;
/// some of them are given back and as many others coloured, and that is kept where it raises the loss; fewer
/// and fewer, on a schedule. Score-based. Croce, Andriushchenko, Singh, Flammarion, Hein 2022,
/// arXiv:2006.12834.
///
/// Epsilon counts features, as all L0 distances do: k pixels of three channels are an epsilon of 3 k. Where
/// it is less than one pixel, and without `across_channels`, single features stand for pixels. Needs finite
/// bounds, else the status is start_failed.
///
/// Differs from the authors' code: each sample exchanges pixels of its own; no pixel is given the colour it
/// has in the input; where nothing is left to exchange for, pixels change their colours; targets are
/// approached by `loss`, too; what would change nothing is drawn again, up to 16 times, and not asked about.
/// Cost: 1 forward pass for the input, at most 1 + `steps`.
class SparseRsAttack : public FixedBudgetAttack<SparseRsAttack> {
 public:
  using Options = SparseRsOptions;
  using norm = L0;
  static constexpr Knowledge knowledge = Knowledge::scores;
  static std::string name() { return "l0-sparse-rs"; }

  explicit SparseRsAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle, double epsilon) const {
    if (!oracle.box().bounded()) co_return oracle.finish(Status::start_failed);
    const Pixels pixels(oracle, epsilon, options_.across_channels, options_.channels_last);
    if (pixels.within() == 0) co_return;
    sparse_rs::Choice choice{{}, pixels.moving()};
    Eigen::VectorXd best = oracle.original(), x;
    double highest = -std::numeric_limits<double>::infinity();
    for (int step = 0; step <= options_.steps; ++step) {
      RandomDraw random =
          oracle.random(step == 0 ? Purpose::start : Purpose::window, static_cast<std::uint32_t>(step));
      std::size_t count = 0;
      if (step == 0) {
        begin(oracle, pixels, choice, random, x);
      } else {
        const double share = sparse_rs::exchanged(options_.share, of_all(step));
        count = std::max<std::size_t>(
            static_cast<std::size_t>(share * static_cast<double>(choice.changed.size())), 1);
        bool changed = false;
        for (int attempt = 0; attempt < most_attempts && !changed; ++attempt) {
          choice.shuffle(count, random);
          x = best;
          change(oracle, pixels, choice, count, random, x);
          changed = x != best;
        }
        if (!changed) continue;
      }
      const Answer& at = co_await oracle.score(x, options_.loss);
      if (step > 0 && !(at.loss > highest)) continue;
      if (at.loss > highest) highest = at.loss;
      best.swap(x);
      choice.exchange(count);
    }
  }

 private:
  static constexpr int most_attempts = 16;

  std::int64_t of_all(int step) const {
    return options_.rescale ? static_cast<std::int64_t>(step) * 10000 / options_.steps : step;
  }

  /// Colours as many pixels as may change.
  static void begin(const Oracle& oracle, const Pixels& pixels, sparse_rs::Choice& choice, RandomDraw& random,
                    Eigen::VectorXd& x) {
    const auto count = static_cast<std::size_t>(pixels.within());
    choice.shuffle(count, random);
    choice.changed.assign(choice.others.begin(), choice.others.begin() + pixels.within());
    choice.others.erase(choice.others.begin(), choice.others.begin() + pixels.within());
    x = oracle.original();
    for (const Index pixel : choice.changed) sparse_rs::paint(oracle, pixels, pixel, random, x);
    oracle.settle(x);
  }

  /// Gives the first changed pixels back and colours the first others; changed ones, where there are none.
  static void change(const Oracle& oracle, const Pixels& pixels, const sparse_rs::Choice& choice,
                     std::size_t count, RandomDraw& random, Eigen::VectorXd& x) {
    const std::size_t exchanges = choice.exchanges(count);
    for (std::size_t i = 0; i < count; ++i) {
      const Index pixel = choice.changed[i];
      for (Index c = 0; i < exchanges && c < pixels.channels(); ++c)
        x[pixels.feature(pixel, c)] = oracle.original()[pixels.feature(pixel, c)];
      sparse_rs::paint(oracle, pixels, i < exchanges ? choice.others[i] : pixel, random, x);
    }
    oracle.settle(x);
  }

  Options options_;
};

/// Its entry in the catalogue.
struct SparseRsFamily {
  static void list(auto& catalogue) {
    catalogue.family("Sparse-RS", "Croce, Andriushchenko, Singh, Flammarion, Hein 2022, arXiv:2006.12834",
                     "at most 2 + `steps` forward");
    catalogue.add(SparseRsAttack(), {"sparse-rs"});
  }
};

}  // namespace foil
