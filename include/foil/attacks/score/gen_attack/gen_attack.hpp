// SPDX-License-Identifier: MIT
/// \file
/// GenAttack: breeds noise within an Linf radius.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/parts/population.hpp"
#include "foil/attacks/score/gen_attack/breeding.hpp"
#include "foil/core/losses.hpp"
#include "foil/geometry/image.hpp"
#include "foil/geometry/project.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// Options of foil::GenAttack.
struct GenAttackOptions {
  int steps = 1000;
  int population = 6;
  double temperature = 0.3;
  double rate = 0.5;
  double range = 0.4;
  double least_rate = 0.1;
  double least_range = 0.15;
  int patience = 100;
  int cells = 0;
  Loss loss = Loss::lsem;
  geometry::ChannelsLast channels_last{};

  void list(OptionList& option) {
    option("steps", steps, "generations", between(1, 1e6));
    option("population", population, "members of a generation", between(2, 1000));
    option("temperature", temperature,
           "of the softmax of the losses by which parents are drawn: the lower, the more the best ones are",
           above(0, 1e6));
    option("rate", rate, "share of a child's features that are mutated, in the beginning", between(0, 1));
    option("range", range, "how far to either side, as a share of epsilon, in the beginning", between(0, 1));
    option("least_rate", least_rate, "the first at least", between(0, 1));
    option("least_range", least_range, "the second at least", between(0, 1));
    option("patience", patience, "generations without a better member until both become a tenth less",
           at_least(1));
    option("cells", cells,
           "noise on a grid of so many cells along rows and columns, enlarged bilinearly; 0: of every pixel",
           between(0, 1e6));
    option("loss", loss, "loss to raise");
    option("channels_last", channels_last, geometry::ChannelsLast::meaning);
  }
};

/// GenAttack, Alzantot, Sharma, Chakraborty, Zhang, Hsieh, Srivastava 2019, arXiv:1805.11090: breeds noise
/// within the Linf radius. The best member of a generation lives on; all others are children of two, drawn by
/// how high their losses are, feature by feature one's or the other's, some mutated; mutations become fewer
/// and smaller each time that the best has not become better for a while. Ends at the first adversarial,
/// which any member may be. Score-based; targeted by the criterion.
///
/// The loss by default, log-odds, is the paper's fitness towards a target; without one it is that of leaving
/// the class. Samples that are no images are rows of pixels. Differs from Foolbox: the fitness is the paper's
/// (there a logit is subtracted from a sum of exponentials), rates adapt from the first generation on, in any
/// box; as in the authors' code the best is not asked about again.
///
/// Cost: 1 forward pass for the input, `population` for the first generation and 1 less for each other one.
class GenAttack : public FixedBudgetAttack<GenAttack> {
 public:
  using Options = GenAttackOptions;
  using norm = Linf;
  static constexpr Knowledge knowledge = Knowledge::scores;
  static std::string name() { return "gen-attack"; }

  explicit GenAttack(Options options = {}) : options_(checked(name(), options)) {}
  const Options& options() const { return options_; }

  Task<> attack(Oracle& oracle, double epsilon) const {
    if (epsilon == 0 || oracle.box().free_features() == 0) co_return;
    const gen_attack::Genes genes(geometry::image_or_row(oracle.shape(), options_.channels_last),
                                  options_.cells);
    const auto count = static_cast<std::size_t>(options_.population);
    std::vector<Eigen::VectorXd> members(count), children(count);
    for (std::size_t i = 0; i < count; ++i) {
      members[i].resize(genes.count());
      oracle.random(Purpose::start, static_cast<std::uint32_t>(i)).fill_uniform(members[i], -1, 1);
    }
    const auto point = [&](Index i) {
      Eigen::VectorXd x = oracle.original() + epsilon * genes.express(members[static_cast<std::size_t>(i)]);
      geometry::project(x, oracle.region<Linf>(epsilon));
      oracle.settle(x, epsilon);
      return x;
    };
    Eigen::VectorXd losses =
        Eigen::VectorXd::Constant(options_.population, -std::numeric_limits<double>::infinity());
    gen_attack::Mutation mutation{std::max(options_.rate, options_.least_rate),
                                  std::max(options_.range, options_.least_range)};
    for (int step = 0, without_gain = 0; step < options_.steps; ++step) {
      const double highest = losses[0];
      co_await find_losses(oracle, options_.loss, point, step == 0 ? 0 : 1, losses);
      const auto best = std::max_element(losses.begin(), losses.end()) - losses.begin();
      without_gain = losses[best] > highest ? 0 : without_gain + 1;
      if (without_gain == options_.patience) {
        mutation = {std::max(0.9 * mutation.rate, options_.least_rate),
                    std::max(0.9 * mutation.range, options_.least_range)};
        without_gain = 0;
      }
      const Eigen::VectorXd odds = gen_attack::parent_odds(losses, options_.temperature);
      children[0] = members[static_cast<std::size_t>(best)];
      for (std::size_t i = 1; i < count; ++i) {
        const auto draw = static_cast<std::uint32_t>(step) * static_cast<std::uint32_t>(options_.population) +
                          static_cast<std::uint32_t>(i);
        RandomDraw parents = oracle.random(Purpose::proposal, draw);
        const std::size_t a = gen_attack::draw_parent(odds, parents),
                          b = gen_attack::draw_parent(odds, parents);
        const double chance_of_a =
            odds[static_cast<Index>(a)] / (odds[static_cast<Index>(a)] + odds[static_cast<Index>(b)]);
        children[i] = gen_attack::child_of(members[a], members[b], chance_of_a, mutation,
                                           oracle.random(Purpose::crossover, draw),
                                           oracle.random(Purpose::mutation, draw));
      }
      members.swap(children);
      losses[0] = losses[best];
    }
  }

 private:
  Options options_;
};

/// Its entry in the catalogue.
struct GenAttackFamily {
  static void list(auto& catalogue) {
    catalogue.family("GenAttack",
                     "Alzantot, Sharma, Chakraborty, Zhang, Hsieh, Srivastava 2019, arXiv:1805.11090",
                     "1 forward, `population` for the first generation and 1 less for each other one");
    catalogue.add(GenAttack(), {"linf-gen-attack"});
  }
};

}  // namespace foil
