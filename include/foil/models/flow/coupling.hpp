// SPDX-License-Identifier: MIT
/// \file
/// Steps of a flow that change a part of the channels by a function of the others.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/flow/row_function.hpp"
#include "foil/models/flow/step.hpp"

namespace foil {

/// How a coupling changes its second part, given what the function of the first says.
enum class CouplingKind {
  additive,  ///< y = x + said (Dinh, Krueger, Bengio 2015, arXiv:1410.8516); of determinant 1
  sigmoid,  ///< y = sigmoid(h + 2) x + t, said = (h, t), all of h first; as in the code of Glow and i-RevNets
  exponential,  ///< y = exp(h) x + t (Dinh, Sohl-Dickstein, Bengio 2017, arXiv:1605.08803)
};

/// Leaves the first `kept` channels as they are and changes the others by a function of these. The inverse is
/// exact up to the rounding of one addition, or one multiplication more, however coarse the function is: it
/// is asked about the same bits. A row whose scale underflows or overflows becomes NaN. Forward and inverse
/// cost one call of the function for a batch, a pullback one call and one pullback.
template <class Scalar>
class Coupling final : public FlowStep<Scalar> {
 public:
  using Rows = Logits<Scalar>;

  /// Asks the function about a row of zeros. Throws foil::Error unless there are channels on both sides and
  /// it answers with as many numbers as the other channels have, or twice as many if it also scales.
  Coupling(const FlowShape& shape, CouplingKind kind, Index kept, RowFunction<Scalar> function)
      : kind_(kind),
        kept_(kept * shape.positions()),
        changed_(shape.size() - kept_),
        function_(std::move(function)) {
    require(kept >= 1 && kept < shape.channels, "flow: a coupling of ", shape.channels,
            " channels was to keep ", kept, ", expected some but not all");
    require(static_cast<bool>(function_.value), "flow: a coupling needs a function");
    ask(Rows::Zero(1, kept_));
  }

  void forward(Rows& rows, Eigen::VectorXd& log_determinants) const override {
    const Rows said = ask(rows.leftCols(kept_));
    auto second = rows.middleCols(kept_, changed_);
    if (kind_ == CouplingKind::additive) {
      second += said;
      return;
    }
    for (Index r = 0; r < rows.rows(); ++r)
      for (Index i = 0; i < changed_; ++i) {
        const Scalar factor = scale(said(r, i));
        second(r, i) = factor * second(r, i) + said(r, changed_ + i);
        log_determinants[r] += std::log(static_cast<double>(factor));
      }
  }

  void inverse(Rows& rows) const override { undo(rows, ask(rows.leftCols(kept_))); }

  void pull_back(Rows& rows, Rows& cotangents) const override {
    require(static_cast<bool>(function_.pullback), "flow: the function of a coupling has no pullback");
    const Rows first = rows.leftCols(kept_), said = ask(first);
    undo(rows, said);
    auto of_second = cotangents.middleCols(kept_, changed_);
    Rows of_said(said.rows(), said.cols());
    if (kind_ == CouplingKind::additive) {
      of_said = of_second;
    } else {
      for (Index r = 0; r < rows.rows(); ++r)
        for (Index i = 0; i < changed_; ++i) {
          const Scalar factor = scale(said(r, i)), g = of_second(r, i);
          const Scalar slope = kind_ == CouplingKind::sigmoid ? factor * (1 - factor) : factor;
          of_said(r, i) = g * rows(r, kept_ + i) * slope;
          of_said(r, changed_ + i) = g;
          of_second(r, i) = factor * g;
        }
    }
    const Rows of_first = function_.pullback(first, of_said);
    require(of_first.rows() == rows.rows() && of_first.cols() == kept_,
            "flow: the pullback of a coupling's function was expected to return ", rows.rows(), " x ", kept_,
            ", it returned ", of_first.rows(), " x ", of_first.cols());
    cotangents.leftCols(kept_) += of_first;
  }

 private:
  Rows ask(const Rows& first) const {
    Rows said = function_.value(first);
    const Index expected = (kind_ == CouplingKind::additive ? 1 : 2) * changed_;
    require(said.rows() == first.rows() && said.cols() == expected,
            "flow: the function of a coupling was expected to return ", first.rows(), " x ", expected,
            ", it returned ", said.rows(), " x ", said.cols());
    return said;
  }

  void undo(Rows& rows, const Rows& said) const {
    auto second = rows.middleCols(kept_, changed_);
    if (kind_ == CouplingKind::additive) {
      second -= said;
      return;
    }
    for (Index r = 0; r < rows.rows(); ++r)
      for (Index i = 0; i < changed_; ++i)
        second(r, i) = (second(r, i) - said(r, changed_ + i)) / scale(said(r, i));
  }

  /// NaN where the factor would lose what it scales: so would then be the row, and no other.
  Scalar scale(Scalar h) const {
    const Scalar factor = kind_ == CouplingKind::sigmoid ? 1 / (1 + std::exp(-(h + 2))) : std::exp(h);
    const bool undone = factor >= std::numeric_limits<Scalar>::min() && std::isfinite(factor);
    return undone ? factor : std::numeric_limits<Scalar>::quiet_NaN();
  }

  CouplingKind kind_;
  Index kept_, changed_;
  RowFunction<Scalar> function_;
};

}  // namespace foil
