// SPDX-License-Identifier: MIT
/// \file
/// What a run is given, turned into samples: checks inputs, masks and lattices, and gives every sample its
/// box.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/lattice.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/box.hpp"
#include "foil/geometry/representable.hpp"
#include "foil/run/judge.hpp"
#include "foil/run/run_options.hpp"
#include "foil/run/sample.hpp"

namespace foil {

/// Makes the samples of a run. Refers to all that it is given.
template <Batch Input, class Options>
class Admission {
 public:
  using Scalar = typename Input::Scalar;

  /// Throws for bounds that do not fit the inputs. What is wrong with single samples is told by why_not().
  Admission(const Input& inputs, const Bounds<Scalar>& bounds, const Judge& judge, const Options& options,
            Lp norm)
      : inputs_(inputs), judge_(judge), options_(options), norm_(norm) {
    bounds.check(features(inputs));
    options.lattice.check(features(inputs));
    auto box = std::make_shared<geometry::Box>();
    box->lower.resize(features(inputs));
    box->upper.resize(features(inputs));
    for (Index i = 0; i < box->size(); ++i) {
      box->lower[i] = static_cast<double>(bounds.lower(i));
      box->upper[i] = static_cast<double>(bounds.upper(i));
    }
    box_ = std::move(box);
  }

  const geometry::Box& box() const { return *box_; }

  /// The reason why a row cannot be attacked; empty if it can.
  std::string why_not(Index row) const {
    const auto x = foil::sample(inputs_, row);
    for (Index i = 0; i < x.size(); ++i)
      if (!(std::isfinite(x[i]) && x[i] >= box_->lower[i] && x[i] <= box_->upper[i]))
        return text("expected finite values within the bounds, got ", x[i], " in [", box_->lower[i], ", ",
                    box_->upper[i], "] for feature ", i, " of sample ", row);
    if (options_.lattice.empty()) return {};
    const Sample facts = sample(row);
    const geometry::Representable stored(facts.original, *facts.box, norm_, facts.single_precision,
                                         facts.lattice);
    const Index off = stored.off_lattice(facts.original);
    if (off < 0) return {};
    const double value = facts.original[off];
    return text("expected values on the lattice where features may move, got ", value, " for feature ", off,
                " of sample ", row, "; the nearest on it is ",
                facts.lattice->value(off, facts.lattice->index(off, value)));
  }

  /// Throws unless at least one sample can be attacked, or the options let it pass.
  void check() const {
    require(samples(inputs_) > 0 && features(inputs_) > 0,
            "inputs: expected at least one sample and one feature, got shape ", shape_text(inputs_));
    std::string first;
    for (Index row = 0; row < samples(inputs_); ++row) {
      const std::string reason = why_not(row);
      if (reason.empty() || options_.none_valid) return;
      if (first.empty()) first = reason;
    }
    throw Error(text("inputs: ", first, ", and no sample is valid"));
  }

  Sample sample(Index row) const {
    Sample out;
    out.row = row;
    out.id = options_.sample_id(row);
    out.original = foil::sample(inputs_, row).template cast<double>();
    out.box = options_.mask.size() > 0 ? masked_box(row, out.original) : box_;
    if (!options_.lattice.empty()) out.lattice = &options_.lattice;
    const auto dimensions = inputs_.dimensions();
    out.shape.assign(dimensions.begin() + 1, dimensions.end());
    if (options_.starting_points.size() > 0)
      out.starting_point = foil::sample<Input>(options_.starting_points, row).template cast<double>();
    if (options_.prior.size() > 0) {
      out.prior = foil::sample<Input>(options_.prior, row).template cast<double>();
      out.box->hold_frozen(out.prior);
      if (!all_finite(out.prior) || out.prior.isZero(0)) out.prior.resize(0);
    }
    out.norm = norm_;
    out.single_precision = std::is_same_v<Scalar, float>;
    out.goal = judge_.goal(row);
    return out;
  }

 private:
  bool may_move(Index row, Index i) const {
    const Input& mask = options_.mask;
    if (mask.size() == 0) return true;
    return foil::sample(mask, samples(mask) == 1 ? 0 : row)[i] != 0;
  }

  std::shared_ptr<const geometry::Box> masked_box(Index row, const Eigen::VectorXd& original) const {
    auto box = std::make_shared<geometry::Box>(*box_);
    box->frozen.resize(original.size());
    for (Index i = 0; i < original.size(); ++i) {
      box->frozen[i] = !may_move(row, i);
      if (box->frozen[i]) box->lower[i] = box->upper[i] = original[i];
    }
    return box;
  }

  const Input& inputs_;
  const Judge& judge_;
  const Options& options_;
  Lp norm_;
  std::shared_ptr<const geometry::Box> box_{};
};

}  // namespace foil
