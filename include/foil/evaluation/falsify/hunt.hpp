// SPDX-License-Identifier: MIT
/// \file
/// How foil::falsify() looks for a counterexample in one box.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "foil/attacks/gradient/auto_pgd/auto_pgd.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/model.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/falsify/search.hpp"
#include "foil/evaluation/falsify/smallest.hpp"
#include "foil/evaluation/falsify/splitting.hpp"
#include "foil/evaluation/falsify/unit_cube.hpp"
#include "foil/evaluation/falsify/walk.hpp"

namespace foil::detail {

/// The search in one case, round after round. The first looks at the centre, at corners and at random points,
/// and every one goes on from a batch of starts, within the cube or a part of it, by APGD and by walks in
/// turn.
template <DifferentiableModel M>
class FalsifyHunt {
 public:
  FalsifyHunt(FalsifySearch<M>& search, std::size_t c)
      : search_(search), cube_(search, c), case_(c), free_(search.box(c).free_features()) {}

  /// Whether anything is left to be asked.
  bool open() const { return !condition().clauses.empty() && (free_ > 0 || round_ == 0); }
  /// The smallest excess so far.
  double nearest() const {
    const Eigen::VectorXd& excesses = search_.excesses(case_);
    return excesses.size() > 0 ? excesses.minCoeff() : infinity;
  }

  /// Asks about the middle of the box alone: of many boxes, what tells which to look at first.
  void glance() {
    search_.logits(case_, search_.points(case_, Logits<double>::Constant(1, free_, 0.5)));
    if (free_ == 0) ++round_;  // there is nothing else
  }

  void go_on() {
    if (round_ == 0 && free_ > 0) search_.keep_pace(case_);
    if (round_ == 0) look_around();
    if (free_ > 0 && free_ <= few_dimensions) explore_parts();
    if (free_ > 0) go_from_starts();
    ++round_;
  }

 private:
  /// Where a row of a batch begins, how far it may go, and the clause that it aims at.
  struct Row {
    Eigen::VectorXd start;
    double radius;
    std::size_t clause;
    std::ptrdiff_t part = -1;  ///< of the splitting
    bool diversify = false;
  };
  static constexpr double infinity = std::numeric_limits<double>::infinity();
  static constexpr Index few_dimensions = 16;  ///< that are worth splitting

  const OutputProperty& condition() const { return search_.problem(case_).condition; }
  Index batch_size() const { return search_.batch_size(); }
  RandomDraw random(std::uint64_t row) const {
    return {random_key(search_.options().seed, "falsify", round_),
            static_cast<std::uint64_t>(case_) << 32 | row, Purpose::start, 0};
  }

  /// The centre, the lowest and the highest corner, all others if there are few, and points at random.
  void look_around() {
    if (free_ == 0) {
      search_.logits(case_, search_.points(case_, Logits<double>(1, 0)));
      return;
    }
    const Index count = batch_size();
    const bool all = free_ < 31 && (Index{1} << free_) <= count;
    Logits<double> u(count, free_);
    for (Index row = 0; row < count; ++row) {
      if (all && row < Index{1} << free_)
        for (Index i = 0; i < free_; ++i) u(row, i) = static_cast<double>(row >> i & 1);
      else if (row < 2)
        u.row(row).setConstant(static_cast<double>(row));
      else
        u.row(row) = scattered(random(static_cast<std::uint64_t>(row))).transpose();
    }
    u.row(count - 1).setConstant(0.5);
    search_.logits(case_, search_.points(case_, u));
  }

  /// A random point: with all features alike, near a common level or a corner that prefers one side, as often
  /// as with each by itself. In many dimensions the latter are all much the same, far from where an image is
  /// darkest or brightest.
  Eigen::VectorXd scattered(RandomDraw draw) const {
    const auto kind = draw.integer(3);
    const double level = draw.uniform();
    Eigen::VectorXd u(free_);
    draw.fill_uniform(u, 0, 1);
    for (double& entry : u)
      entry = kind == 0   ? entry
              : kind == 1 ? (entry < level ? 1 : 0)
                          : std::clamp(level + 0.2 * entry - 0.1, 0.0, 1.0);
    return u;
  }

  /// Half of the rows aim at all clauses in turn, the others the more often at one the nearer it is.
  std::size_t clause_of(Index row, const std::vector<std::size_t>& order) const {
    const auto half = static_cast<std::uint64_t>(row / 2);
    if (row % 2 == 0) return static_cast<std::size_t>(half + round_) % order.size();
    return order[std::min(static_cast<std::size_t>(std::countr_zero(half + 1)), order.size() - 1)];
  }

  std::vector<Row> starts() {
    const Index count = std::min(batch_size(), Index{16} << std::min<std::uint64_t>(round_, 10));
    const std::size_t clauses = condition().clauses.size();
    const auto order = smallest(
        clauses, clauses, [&](std::size_t k) { return search_.excesses(case_)[static_cast<Index>(k)]; });
    std::vector<Row> rows;
    for (Index i = 0; i < count; ++i) {
      RandomDraw draw = random(static_cast<std::uint64_t>(batch_size() + i));
      Row row{{}, 1, clause_of(i, order)};
      const auto kind = draw.integer(8);
      const Eigen::VectorXd& best = search_.nearest(case_, row.clause);
      if (kind < 2 && best.size() > 0) {
        row.radius = std::exp2(-1 - static_cast<double>(draw.integer(6)));
        row.start.resize(free_);
        for (Index k = 0; k < free_; ++k)
          row.start[k] = std::clamp(best[k] + row.radius * draw.uniform(-1, 1), 0.0, 1.0);
      } else {
        row.start = scattered(draw);
        row.diversify = kind < 6;
      }
      rows.push_back(std::move(row));
    }
    return rows;
  }

  /// Looks at a point in each of several boxes of the splitting, and cuts them: forward passes alone, next to
  /// nothing beside the ascents, and all there is where gradients say nothing.
  void explore_parts() {
    constexpr int batches = 4;
    constexpr std::size_t most_parts = 1 << 16;  ///< then it begins again, with other points
    if (influence_.size() == 0) influence_ = measure_influence();
    if (!splitting_ || splitting_->size() > most_parts) splitting_.emplace(free_, nearest());
    for (int batch = 0; batch < batches; ++batch) {
      const auto chosen = splitting_->choose(static_cast<std::size_t>(batch_size()));
      Logits<double> u(static_cast<Index>(chosen.size()), free_);
      for (Index i = 0; i < u.rows(); ++i)
        u.row(i) = in_part(chosen[static_cast<std::size_t>(i)], (4 + batch) * batch_size() + i).transpose();
      const auto y = search_.logits(case_, search_.points(case_, u));
      for (Index i = 0; i < u.rows(); ++i) {
        const Eigen::VectorXd outputs = y.row(i).transpose().template cast<double>();
        const double value = all_finite(outputs) ? condition().margin(Scores{0, outputs}) : infinity;
        splitting_->cut(chosen[static_cast<std::size_t>(i)], influence_, value);
      }
    }
  }

  Eigen::VectorXd in_part(std::size_t i, Index draw_id) const {
    const Splitting::Part& part = (*splitting_)[i];
    RandomDraw draw = random(static_cast<std::uint64_t>(draw_id));
    Eigen::VectorXd u(free_);
    for (Index k = 0; k < free_; ++k) u[k] = draw.uniform(part.lower[k], part.upper[k]);
    return u;
  }

  /// Half of the rows begin in boxes of the splitting instead.
  void begin_in_parts(std::vector<Row>& rows) const {
    const auto chosen = splitting_->choose(rows.size() / 2);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      Row& row = rows[rows.size() - 1 - i];
      const Splitting::Part& part = (*splitting_)[chosen[i]];
      row.start = in_part(chosen[i], 2 * batch_size() + static_cast<Index>(i));
      row.radius = (part.upper - part.lower).maxCoeff();
      row.part = static_cast<std::ptrdiff_t>(chosen[i]);
      row.diversify = false;
    }
  }

  /// By how much each side of the cube changes the outputs, on average over random points and weights; no
  /// side's is taken for less than a hundredth of the largest.
  Eigen::VectorXd measure_influence() {
    Tensor<double, 2> u(std::min<Index>(batch_size(), 32), free_);
    for (Index row = 0; row < samples(u); ++row)
      sample(u, row) = scattered(random(static_cast<std::uint64_t>(3 * batch_size() + row)));
    std::vector<std::uint64_t> ids(static_cast<std::size_t>(samples(u)));
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
    const Tensor<double, 2> slopes = random_gradient(u, ids);
    Eigen::VectorXd influence = Eigen::VectorXd::Zero(free_);
    for (Index row = 0; row < samples(u); ++row) influence += sample(slopes, row).cwiseAbs();
    return influence.cwiseMax(influence.maxCoeff() / 100);
  }

  /// The gradient of a sum of the outputs in each row, with random weights that belong to the row's id.
  Tensor<double, 2> random_gradient(const Tensor<double, 2>& u, const std::vector<std::uint64_t>& ids) {
    auto pass = cube_.vjp(u);
    Logits<double> weights(pass.logits.rows(), pass.logits.cols());
    for (Index row = 0; row < weights.rows(); ++row) {
      RandomDraw draw(random_key(search_.options().seed, "falsify", round_),
                      static_cast<std::uint64_t>(case_) << 32 | ids[static_cast<std::size_t>(row)],
                      Purpose::direction, 0);
      for (Index k = 0; k < weights.cols(); ++k) weights(row, k) = draw.uniform(-1, 1);
    }
    return pass.pullback(weights);
  }

  /// Moves the starts that are to be diverse to where the network's answers are: output diversified
  /// initialisation. Tashiro, Song, Ermon 2020, arXiv:2003.06878.
  void diversify(std::vector<Row>& rows) {
    constexpr int steps = 10;
    constexpr double length = 0.2;
    std::vector<std::uint64_t> ids;
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (rows[i].diversify) ids.push_back(i);
    if (ids.empty()) return;
    Tensor<double, 2> u(static_cast<Index>(ids.size()), free_);
    for (Index row = 0; row < samples(u); ++row)
      sample(u, row) = rows[ids[static_cast<std::size_t>(row)]].start;
    for (int step = 0; step < steps; ++step) {
      const Tensor<double, 2> slope = random_gradient(u, ids);
      for (Index i = 0; i < u.size(); ++i) {
        const double g = slope.data()[i];
        u.data()[i] = clip(u.data()[i] + length * static_cast<double>((g > 0) - (g < 0)), 0, 1);
      }
    }
    for (Index row = 0; row < samples(u); ++row)
      rows[ids[static_cast<std::size_t>(row)]].start = sample(u, row);
  }

  /// Ascends from the starts, and every second time walks.
  void go_from_starts() {
    const bool walking = round_ % 2 == 1;
    std::vector<Row> rows = starts();
    if (free_ <= few_dimensions) begin_in_parts(rows);
    if (!walking) diversify(rows);
    const auto count = static_cast<Index>(rows.size());
    std::vector<double> nearest(rows.size(), infinity);
    Aim aim{condition(), {}, nearest};
    Tensor<double, 2> begin(count, free_);
    Eigen::VectorXd radii(count);
    for (Index i = 0; i < count; ++i) {
      const Row& row = rows[static_cast<std::size_t>(i)];
      aim.clauses.push_back(row.clause);
      sample(begin, i) = row.start;
      radii[i] = row.radius;
    }
    if (walking)
      FalsifyWalk<M>(cube_, begin, aim, radii).go(12);
    else
      ascend(begin, aim, radii);
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (rows[i].part >= 0) splitting_->cut(static_cast<std::size_t>(rows[i].part), influence_, nearest[i]);
  }

  void ascend(const Tensor<double, 2>& begin, const Aim& aim, const Eigen::VectorXd& radii) {
    const LinfAPGD attack(
        {.steps = 20 << round_ % 3, .restarts = 1, .loss = Loss::margin, .random_start = false});
    try {
      attack(cube_, begin, aim, radii,
             {.seed = search_.options().seed + round_, .batch_size = samples(begin)});
    } catch (const std::exception&) {
      if (!search_.over()) throw;
      throw SearchOver{};
    }
  }

  FalsifySearch<M>& search_;
  UnitCube<M> cube_;
  std::size_t case_;
  Index free_;
  std::uint64_t round_ = 0;
  std::optional<Splitting> splitting_{};
  Eigen::VectorXd influence_{};
};

}  // namespace foil::detail
