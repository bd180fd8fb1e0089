// SPDX-License-Identifier: MIT
/// \file
/// SimBA: one direction of a basis after the other, to the side that raises the loss.
#pragma once

#include <algorithm>
#include <cmath>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/losses.hpp"
#include "foil/geometry/image.hpp"
#include "foil/geometry/low_frequency.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// The directions that foil::SimbaAttack tries: single features, or the waves of the discrete cosine
/// transform, in each channel.
enum class SimbaBasis { pixel, dct };

/// Options of foil::SimbaAttack. `basis` is what tells `simba-pixel` from `simba-dct`; `factor` and
/// `channels_last` are options of the latter alone.
struct SimbaOptions {
  SimbaBasis basis = SimbaBasis::pixel;
  int steps = 10'000;
  double step = 0.2;
  int factor = 8;
  Loss loss = Loss::lsem;
  geometry::ChannelsLast channels_last{};

  void list(OptionList& option) {
    option("steps", steps, "directions tried", between(1, 1e6));
    option("step", step,
           "length of a step, as a share of the features' ranges; where these have no end, as it is",
           above(0, 1e6));
    option("loss", loss, "loss to raise");
    if (basis == SimbaBasis::pixel) return;
    option("factor", factor,
           "the lowest frequencies come first, of each axis one in so many; then twice as many, and so on",
           between(1, 1e6));
    option("channels_last", channels_last, geometry::ChannelsLast::meaning);
  }
};

namespace simba {

/// The directions of a basis. Each has L2 length 1 in units of the features' ranges, those without an end
/// of 1.
class Directions {
 public:
  Directions(const Oracle& oracle, SimbaBasis basis, int factor, geometry::ChannelsLast channels_last)
      : ranges_(oracle.upper() - oracle.lower()), factor_(factor) {
    for (double& range : ranges_)
      if (!std::isfinite(range)) range = 1;
    if (basis == SimbaBasis::pixel) return;
    const geometry::ImageLayout image = geometry::image_or_row(oracle.shape(), channels_last);
    waves_.emplace(image.channels, image.height, image.width, 1, image.channels_last);
  }

  /// All of them in random order, waves of low frequencies first; single features only if they can move.
  std::vector<Index> order(const Oracle& oracle, std::uint32_t sweep) const {
    struct Place {
      int band;
      std::uint32_t key;
      Index direction;
      auto operator<=>(const Place&) const = default;
    };
    RandomDraw random = oracle.random(Purpose::permutation, sweep);
    std::vector<Place> places;
    for (Index i = 0; i < ranges_.size(); ++i)
      if (waves_ || ranges_[i] > 0) places.push_back({waves_ ? band(i) : 0, random.bits(), i});
    std::sort(places.begin(), places.end());
    std::vector<Index> out;
    for (const Place& place : places) out.push_back(place.direction);
    return out;
  }

  /// Adds so many lengths of one to a change.
  void add(const Oracle& oracle, Index direction, double lengths, Eigen::VectorXd& change) const {
    if (!waves_) {
      change[direction] += lengths * ranges_[direction];
      return;
    }
    Eigen::VectorXd& wave = oracle.scratch(0);
    wave.setZero();
    waves_->add(direction, lengths, wave);
    change.array() += wave.array() * ranges_.array();
  }

 private:
  /// How often the lowest 1 / factor of the frequencies of each axis have to be doubled to hold a wave.
  int band(Index wave) const {
    const Index rows = waves_->row_frequencies(), columns = waves_->column_frequencies();
    const auto doublings = [&](Index frequency, Index all) {
      int count = 0;
      for (double kept = std::max(1.0, static_cast<double>(all) / factor_);
           static_cast<double>(frequency) >= kept; kept *= 2)
        ++count;
      return count;
    };
    return std::max(doublings(wave / columns % rows, rows), doublings(wave % columns, columns));
  }

  Eigen::VectorXd ranges_;
  std::optional<geometry::LowFrequency> waves_{};
  int factor_;
};

}  // namespace simba

/// SimBA, Guo, Gardner, You, Wilson, Weinberger 2019, arXiv:1905.07121: takes one direction of an orthonormal
/// basis after the other in random order, goes a step backwards, if that does not raise the loss a step
/// forwards, and if neither does stays. Ends at the first adversarial. Score-based; distances in L2, at most
/// `step` times the root of the number of steps kept as long as no direction comes twice.
///
/// `simba-pixel` takes single features; `simba-dct` waves over each channel of the image, low frequencies
/// first; samples that are no images are rows of pixels. When all directions have been tried they come again
/// in another order, unless none of them was of use.
///
/// As in the authors' code the perturbation adds up unclipped, and clipped points are asked about. Differs
/// from it: compares log-odds, which order points as the class's probability does but do not saturate; a
/// step that rounding or a lattice undoes is doubled, up to 8 times, and a point that clipping undoes is not
/// asked about again; steps are relative to the features' ranges. Cost: 1 forward pass for the input, 1 or 2
/// per direction.
class SimbaAttack : public MinimalAttack<SimbaAttack> {
 public:
  using Options = SimbaOptions;
  using norm = L2;
  static constexpr Knowledge knowledge = Knowledge::scores;

  explicit SimbaAttack(Options options = {}) : options_(checked(name_of(options.basis), options)) {}
  const Options& options() const { return options_; }
  std::string name() const { return name_of(options_.basis); }

  Task<> attack(Oracle& oracle) const {
    const simba::Directions directions(oracle, options_.basis, options_.factor, options_.channels_last);
    Eigen::VectorXd change = Eigen::VectorXd::Zero(oracle.features()), next, x, kept = oracle.original();
    const Answer& clean = co_await oracle.score(kept, options_.loss);
    double highest = clean.loss;
    int step = 0;
    for (std::uint32_t sweep = 0; step < options_.steps; ++sweep) {
      const std::vector<Index> order = directions.order(oracle, sweep);
      bool useful = false;
      for (std::size_t k = 0; k < order.size() && step < options_.steps; ++k, ++step)
        for (const double side : sides) {
          bool moved = false;
          double length = options_.step;
          for (int doublings = 0; doublings <= most_doublings && !moved; ++doublings, length *= 2) {
            next = change;
            directions.add(oracle, order[k], side * length, next);
            x = oracle.original() + next;
            oracle.settle(x);
            moved = x != kept;
          }
          if (!moved) continue;
          const Answer& at = co_await oracle.score(x, options_.loss);
          if (at.adversarial) co_return;
          if (!(at.loss > highest)) continue;
          highest = at.loss;
          change.swap(next);
          kept.swap(x);
          useful = true;
          break;
        }
      if (!useful) co_return;
    }
  }

 private:
  static constexpr double sides[] = {-1, 1};
  static constexpr int most_doublings = 8;

  static std::string name_of(SimbaBasis basis) {
    return basis == SimbaBasis::dct ? "simba-dct" : "simba-pixel";
  }

  Options options_;
};

/// Its entries in the catalogue.
struct SimbaFamily {
  static void list(auto& catalogue) {
    constexpr const char* paper = "Guo, Gardner, You, Wilson, Weinberger 2019, arXiv:1905.07121";
    constexpr const char* cost = "1 forward, 1 or 2 per direction";
    catalogue.family("SimBA", paper, cost);
    catalogue.add(SimbaAttack(), {"simba"});
    catalogue.family("SimBA, DCT", paper, cost);
    catalogue.add(SimbaAttack({.basis = SimbaBasis::dct}));
  }
};

}  // namespace foil
