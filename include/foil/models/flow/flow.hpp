// SPDX-License-Identifier: MIT
/// \file
/// Invertible networks written by hand, step by step.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/shape.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/flow/act_norm.hpp"
#include "foil/models/flow/bijective.hpp"
#include "foil/models/flow/coupling.hpp"
#include "foil/models/flow/invertible_1x1.hpp"
#include "foil/models/flow/reorder.hpp"
#include "foil/models/flow/row_function.hpp"
#include "foil/models/flow/step.hpp"

namespace foil {

/// An invertible network: steps in order, each added by a member function. Satisfies foil::BijectiveModel,
/// and, its logits being the first semantic_size() numbers of the code, foil::DifferentiableModel, so that
/// attacks run on it. A row's code depends on no other row if that holds for the couplings' functions.
///
/// A code has the numbers that are still in the game at the end, then what was split off, the last first.
/// Copies share the steps. May be used by several threads if the couplings' functions may.
template <Batch In>
class Flow {
 public:
  using Input = In;
  using Scalar = typename In::Scalar;
  using Codes = Logits<Scalar>;
  using Extents = std::array<Index, In::NumIndices - 1>;
  static_assert(In::NumIndices == 2 || In::NumIndices == 4,
                "foil: a flow's `Input` is (N, features) or (N, C, H, W)");

  /// A flow without a step, of samples of this shape: features, each a channel, or channels, height and
  /// width.
  explicit Flow(const Extents& sample, Bounds<Scalar> bounds = {}) : sample_(sample) {
    constexpr Index most = Index{1} << 28;
    double size = 1;
    for (const Index extent : sample) {
      require(extent >= 1, "flow: expected samples with numbers, got ", batch_text(sample));
      size *= static_cast<double>(extent);
    }
    require(size <= static_cast<double>(most), "flow: expected samples of at most ", most, " numbers, got ",
            batch_text(sample));
    shape_.channels = sample[0];
    if constexpr (In::NumIndices == 4) {
      shape_.height = sample[1];
      shape_.width = sample[2];
    }
    size_ = shape_.size();
    set_bounds(std::move(bounds));
  }

  /// Squares of positions become channels; see squeeze_order().
  Flow& squeeze(Index side = 2) {
    auto [order, shape] = squeeze_order(shape_, side);
    shape_ = shape;
    return add(std::make_shared<const Reorder<Scalar>>(std::move(order)));
  }
  /// All numbers become channels, in the order in which they lie in memory.
  Flow& flatten() {
    shape_ = {shape_.size(), 1, 1};
    return *this;
  }
  /// Channel i becomes what channel order[i] was.
  Flow& permute(const FlowOrder& order) {
    return add(std::make_shared<const Reorder<Scalar>>(channel_order(shape_, order)));
  }
  /// The last channel first.
  Flow& reverse() {
    FlowOrder order;
    for (Index c = shape_.channels; c-- > 0;) order.push_back(c);
    return permute(order);
  }
  /// These entries first, the others behind them; see front_order(). Flattens.
  Flow& front(const FlowOrder& entries) {
    add(std::make_shared<const Reorder<Scalar>>(front_order(shape_, entries)));
    return flatten();
  }
  /// scale * x + shift for each channel; see ActNorm.
  Flow& act_norm(const Eigen::VectorXd& scale, const Eigen::VectorXd& shift) {
    return add(std::make_shared<const ActNorm<Scalar>>(shape_, scale, shift));
  }
  /// The channels of each position times this matrix; see Invertible1x1.
  Flow& mix(const Eigen::MatrixXd& matrix) {
    return add(std::make_shared<const Invertible1x1<Scalar>>(shape_, matrix));
  }
  /// Changes the channels from `kept` on by a function of those before; see Coupling. The function is a model
  /// of rows, (N, features) or (N, C, H, W), whose logits are what it says, or any function of rows, or a
  /// RowFunction. Of 0, half of the channels are kept, the smaller half.
  template <class F>
  Flow& couple(CouplingKind kind, F function, Index kept = 0) {
    if (kept == 0) kept = shape_.channels / 2;
    require(kept >= 1 && kept < shape_.channels, "flow: a coupling of ", shape_.channels,
            " channels was to keep ", kept, ", expected some but not all");
    const FlowShape first{kept, shape_.height, shape_.width};
    return add(std::make_shared<const Coupling<Scalar>>(shape_, kind, kept,
                                                        row_function<Scalar>(std::move(function), first)));
  }
  /// Only the first so many channels go on; the others are part of the code as they are.
  Flow& split(Index channels) {
    require(channels >= 1 && channels < shape_.channels, "flow: expected to go on with some of the ",
            shape_.channels, " channels but not all, got ", channels);
    shape_.channels = channels;
    return *this;
  }
  /// So many of the code's first numbers are the logits. Throws foil::Error unless at least two are, and some
  /// are left.
  Flow& semantics(Index size) {
    require(size >= 2 && size < size_, "flow: expected 2 to ", size_ - 1, " logits, got ", size);
    semantic_ = size;
    return *this;
  }

  /// The box that inputs live in.
  Flow& set_bounds(Bounds<Scalar> bounds) {
    bounds.check(size_);
    bounds_ = std::move(bounds);
    return *this;
  }

  const Bounds<Scalar>& bounds() const { return bounds_; }
  /// The shape of one sample.
  const Extents& input_shape() const { return sample_; }
  /// What the next step would change.
  const FlowShape& shape() const { return shape_; }
  /// Throws foil::Error before semantics() was called.
  Index semantic_size() const {
    require(semantic_ > 0, "flow: it does not say how many numbers of a code are logits: call semantics()");
    return semantic_;
  }

  /// The codes, N x n. One call of each coupling's function.
  Codes forward(const Input& x) const {
    Eigen::VectorXd log_determinants = Eigen::VectorXd::Zero(samples(x));
    return pass(x, log_determinants);
  }
  /// The logarithm of |det| of the Jacobian of forward() at each sample, in double precision. Costs as
  /// forward() does.
  Eigen::VectorXd log_determinants(const Input& x) const {
    Eigen::VectorXd out = Eigen::VectorXd::Zero(samples(x));
    pass(x, out);
    return out;
  }
  /// The inputs of codes, wherever these come from: they may lie outside the bounds. Costs as forward() does.
  Input inverse(const Codes& codes) const {
    require(codes.cols() == size_, "flow: expected codes of ", size_, " numbers, got ", codes.cols());
    Codes rows = codes;
    for (std::size_t i = steps_.size(); i-- > 0;) steps_[i]->inverse(rows);
    return as_batch_of(rows);
  }
  /// The first semantic_size() numbers of the codes.
  Logits<Scalar> logits(const Input& x) const { return forward(x).leftCols(semantic_size()); }
  /// The logits and their pullback, which keeps nothing but the codes: it goes backwards through the
  /// inverses, as Gomez, Ren, Urtasun, Grosse 2017 do (arXiv:1707.04585), so that the points at which it
  /// differentiates are those of the forward pass up to the rounding of the inverse. It costs one call and
  /// one pullback of each coupling's function, and throws foil::Error if one has none. Refers to the flow's
  /// steps, which it keeps alive.
  auto vjp(const Input& x) const {
    Codes codes = forward(x);
    Logits<Scalar> seen = codes.leftCols(semantic_size());
    auto pullback = [flow = *this, codes = std::move(codes)](const Logits<Scalar>& cotangent) {
      require(cotangent.rows() == codes.rows() && cotangent.cols() == flow.semantic_,
              "pullback: expected a cotangent of ", codes.rows(), " x ", flow.semantic_,
              " like the logits, got ", cotangent.rows(), " x ", cotangent.cols());
      Codes rows = codes, cotangents = Codes::Zero(codes.rows(), codes.cols());
      cotangents.leftCols(flow.semantic_) = cotangent;
      for (std::size_t i = flow.steps_.size(); i-- > 0;) flow.steps_[i]->pull_back(rows, cotangents);
      return flow.as_batch_of(cotangents);
    };
    return Vjp<Scalar, decltype(pullback)>{std::move(seen), std::move(pullback)};
  }

 private:
  Flow& add(std::shared_ptr<const FlowStep<Scalar>> step) {
    steps_.push_back(std::move(step));
    return *this;
  }

  Codes pass(const Input& x, Eigen::VectorXd& log_determinants) const {
    bool fits = samples(x) > 0;
    for (std::size_t axis = 0; axis < sample_.size(); ++axis)
      fits = fits && x.dimensions()[axis + 1] == sample_[axis];
    require(fits, "flow: expected a batch of shape ", batch_text(sample_), " with N >= 1, got ",
            shape_text(x));
    Codes rows = as_matrix(x);
    for (const auto& step : steps_) step->forward(rows, log_determinants);
    return rows;
  }

  Input as_batch_of(const Codes& rows) const {
    typename Input::Dimensions dimensions;
    dimensions[0] = rows.rows();
    std::copy(sample_.begin(), sample_.end(), dimensions.begin() + 1);
    Input out(dimensions);
    as_matrix(out) = rows;
    return out;
  }

  Extents sample_;
  Bounds<Scalar> bounds_{};
  FlowShape shape_{};
  Index size_ = 0, semantic_ = 0;
  std::vector<std::shared_ptr<const FlowStep<Scalar>>> steps_{};
};

}  // namespace foil
