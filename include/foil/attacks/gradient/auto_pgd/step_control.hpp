// SPDX-License-Identifier: MIT
/// \file
/// When APGD shortens its steps and returns to its best point.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "foil/core/tensor.hpp"

namespace foil::auto_pgd {

/// Step lengths within one ball. For L2 and Linf: at checks that come ever closer together, the step is
/// halved if too few steps have raised the loss, or if nothing has become of the best one since an unhalved
/// check. For L1: at checks at equal distances, steps become shorter, but begin anew whenever the best point
/// has become sparser; a step moves as many features as make up two thirds of those that the best point has
/// changed.
class StepControl {
 public:
  StepControl(int steps, double first, double rho, bool sparse)
      : steps_(steps),
        first_(first),
        length_(first),
        rho_(rho),
        sparse_(sparse),
        window_(share_of(steps, sparse ? 0.04 : 0.22)) {}

  double length() const { return length_; }
  /// L1 only: how many features a step moves.
  double moved() const { return moved_; }

  /// Out of turn, and for L1 once and for all.
  void halve() {
    length_ /= 2;
    first_ /= 2;
  }

  /// At the start: its loss, and how many features it has changed (all, for one that is not sparse yet).
  void begin(double loss, double moved, double changed) {
    last_ = best_at_check_ = loss;
    moved_ = moved;
    changed_ = changed;
  }

  /// After a step to a point of this loss, the best one so far included, and how many features the best point
  /// has changed: whether to go on from the best point.
  bool returns(double loss, double best, double changed) {
    raised_ += loss > last_;
    last_ = loss;
    if (++since_ < window_) return false;
    const bool back = sparse_ ? check_sparse(changed) : check(best);
    since_ = raised_ = 0;
    return back;
  }

 private:
  static int share_of(int steps, double share) { return std::max(static_cast<int>(share * steps), 1); }

  bool check(double best) {
    const bool oscillates = raised_ <= rho_ * since_;
    const bool stuck = !halved_ && best_at_check_ >= best;
    halved_ = oscillates || stuck;
    best_at_check_ = best;
    if (halved_) length_ /= 2;
    window_ = std::max(window_ - share_of(steps_, 0.03), share_of(steps_, 0.06));
    return halved_;
  }

  bool check_sparse(double changed) {
    const bool sparser = changed < 0.95 * changed_;
    length_ = sparser ? first_ : std::max(length_ / 1.5, first_ / 10);
    changed_ = changed;
    moved_ = changed / 1.5;
    return sparser;
  }

  int steps_;
  double first_, length_, rho_;
  bool sparse_, halved_ = true;
  int window_, since_ = 0, raised_ = 0;
  double last_ = 0, best_at_check_ = 0, moved_ = 0, changed_ = 0;
};

}  // namespace foil::auto_pgd
