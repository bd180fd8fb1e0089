// SPDX-License-Identifier: MIT
/// \file
/// Few-pixel attack: breeds places and colours of a few pixels.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/parts/pixels.hpp"
#include "foil/attacks/parts/population.hpp"
#include "foil/core/losses.hpp"
#include "foil/geometry/image.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::FewPixelAttack.
struct FewPixelOptions {
  int steps = 100;
  int population = 400;
  double factor = 0.5;
  Loss loss = Loss::lsem;
  bool across_channels = true;
  geometry::ChannelsLast channels_last{};

  void list(OptionList& option) {
    option("steps", steps, "generations after the first", between(1, 1e6));
    option("population", population, "members of a generation", between(4, 1000));
    option("factor", factor, "of the differences between members that make children", above(0, 2));
    option("loss", loss, "loss to raise");
    option("across_channels", across_channels, "images: all channels of a pixel change together");
    option("channels_last", channels_last, geometry::ChannelsLast::meaning);
  }
};

namespace few_pixel {

/// A member of the population: for each pixel that it changes its row, its column, and a value per channel
/// as a share of the way through the bounds, all of them from 0 to 1.
class Recipe {
 public:
  Recipe(const Oracle& oracle, const Pixels& pixels) : oracle_(oracle), pixels_(pixels) {}

  Index numbers() const { return pixels_.within() * each(); }

  /// Places among those that can move, values normal around the middle of the bounds with their half as
  /// deviation.
  Eigen::VectorXd draw(RandomDraw random) const {
    Eigen::VectorXd out(numbers());
    for (Index k = 0; k < out.size(); k += each()) {
      const auto& moving = pixels_.moving();
      const Index pixel = moving[static_cast<std::size_t>(random.integer(moving.size()))];
      const auto within = [&](Index place, Index extent) {
        return (static_cast<double>(place) + random.uniform()) / static_cast<double>(extent);
      };
      out[k] = within(pixel / layout().width, layout().height);
      out[k + 1] = within(pixel % layout().width, layout().width);
      for (Index c = 0; c < pixels_.channels(); ++c)
        out[k + 2 + c] = std::clamp(0.5 + 0.5 * random.normal(), 0.0, 1.0);
    }
    return out;
  }

  /// A child of member `own` and three others: own + factor (a - own) + factor (b - c). Places that are
  /// beyond the edge are mirrored there, values are clipped.
  Eigen::VectorXd child(const Eigen::VectorXd& own, const Eigen::VectorXd& a, const Eigen::VectorXd& b,
                        const Eigen::VectorXd& c, double factor) const {
    Eigen::VectorXd out = own + factor * (a - own + b - c);
    for (Index k = 0; k < out.size(); ++k) {
      if (k % each() < 2) out[k] = out[k] < 0 ? -out[k] : out[k] > 1 ? 2 - out[k] : out[k];
      out[k] = std::clamp(out[k], 0.0, 1.0);
    }
    return out;
  }

  /// The point that it makes of the original, settled. Where two of its pixels are the same the last one
  /// counts.
  Eigen::VectorXd point(const Eigen::VectorXd& numbers) const {
    Eigen::VectorXd x = oracle_.original();
    for (Index k = 0; k < numbers.size(); k += each()) {
      const auto place = [](double share, Index extent) {
        return std::min(static_cast<Index>(share * static_cast<double>(extent)), extent - 1);
      };
      const Index pixel =
          place(numbers[k], layout().height) * layout().width + place(numbers[k + 1], layout().width);
      for (Index c = 0; c < pixels_.channels(); ++c) {
        const Index i = pixels_.feature(pixel, c);
        x[i] = oracle_.lower()[i] + numbers[k + 2 + c] * (oracle_.upper()[i] - oracle_.lower()[i]);
      }
    }
    oracle_.settle(x);
    return x;
  }

 private:
  Index each() const { return 2 + pixels_.channels(); }
  const geometry::ImageLayout& layout() const { return pixels_.layout(); }

  const Oracle& oracle_;
  const Pixels& pixels_;
};

/// Three members other than `own` and than each other.
inline std::array<std::size_t, 3> draw_others(std::size_t own, std::size_t population, RandomDraw random) {
  std::array<std::size_t, 4> taken{own};
  for (std::size_t k = 1; k < 4; ++k) {
    taken[k] = static_cast<std::size_t>(random.integer(population - k));
    std::array<std::size_t, 4> before = taken;
    std::sort(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(k));
    for (std::size_t i = 0; i < k; ++i) taken[k] += taken[k] >= before[i];
  }
  return {taken[1], taken[2], taken[3]};
}

}  // namespace few_pixel

/// One- and few-pixel attack, Su, Vargas, Sakurai 2019, arXiv:1710.08864: differential evolution of the
/// places and colours of epsilon / channels pixels. Every member has a child, by differences of others, each
/// generation, and is replaced by it unless the child's loss is lower. Ends at the first adversarial, which
/// any child may be. Score-based; targeted by the criterion.
///
/// Epsilon counts features, as all L0 distances do: one pixel of three channels is an epsilon of 3. Where it
/// is less than one pixel, and without `across_channels`, single features stand for pixels. Needs finite
/// bounds, else the status is start_failed.
///
/// Differs from the paper: a child goes half the way from its parent to another member besides
/// (current-to-random), which keeps the population within the image; log-odds order points as the class's
/// probability does but do not saturate. Cost: 1 forward pass for the input, `population` per generation, of
/// which there are 1 + `steps`.
class FewPixelAttack : public FixedBudgetAttack<FewPixelAttack> {
 public:
  using Options = FewPixelOptions;
  using norm = L0;
  static constexpr Knowledge knowledge = Knowledge::scores;
  static std::string name() { return "few-pixel"; }

  explicit FewPixelAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle, double epsilon) const {
    if (!oracle.box().bounded()) co_return oracle.finish(Status::start_failed);
    const Pixels pixels(oracle, epsilon, options_.across_channels, options_.channels_last);
    if (pixels.within() == 0) co_return;
    const few_pixel::Recipe recipe(oracle, pixels);
    const auto count = static_cast<std::size_t>(options_.population);
    std::vector<Eigen::VectorXd> members(count), children(count);
    for (std::size_t i = 0; i < count; ++i)
      children[i] = recipe.draw(oracle.random(Purpose::start, static_cast<std::uint32_t>(i)));
    const auto point = [&](Index i) { return recipe.point(children[static_cast<std::size_t>(i)]); };
    Eigen::VectorXd best, losses(options_.population);
    for (int step = 0; step <= options_.steps; ++step) {
      co_await find_losses(oracle, options_.loss, point, 0, losses);
      for (std::size_t i = 0; i < count; ++i) {
        const auto k = static_cast<Index>(i);
        if (step > 0 && losses[k] < best[k]) continue;
        members[i].swap(children[i]);
      }
      best = step == 0 ? losses : Eigen::VectorXd(best.cwiseMax(losses));
      for (std::size_t i = 0; i < count; ++i) {
        const auto draw = static_cast<std::uint32_t>(step) * static_cast<std::uint32_t>(options_.population) +
                          static_cast<std::uint32_t>(i);
        const auto [a, b, c] = few_pixel::draw_others(i, count, oracle.random(Purpose::proposal, draw));
        children[i] = recipe.child(members[i], members[a], members[b], members[c], options_.factor);
      }
    }
  }

 private:
  Options options_;
};

/// Its entry in the catalogue.
struct FewPixelFamily {
  static void list(auto& catalogue) {
    catalogue.family("Few-pixel attack", "Su, Vargas, Sakurai 2019, arXiv:1710.08864",
                     "1 forward, `population` per generation, 1 + `steps` generations");
    catalogue.add(FewPixelAttack(), {"one-pixel", "l0-few-pixel"});
  }
};

}  // namespace foil
