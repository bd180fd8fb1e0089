// SPDX-License-Identifier: MIT
/// \file
/// Steps of a flow that move numbers: squeezes, other orders of channels, some entries to the front.
#pragma once

#include <Eigen/Core>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/flow/step.hpp"

namespace foil {

/// Where each number comes from: number i is number order[i] of before. Exact, of determinant 1 in size.
using FlowOrder = std::vector<Index>;

/// Throws foil::Error unless an order has each of `count` things once.
inline void check_order(const FlowOrder& order, Index count) {
  std::vector<bool> seen(static_cast<std::size_t>(count));
  require(static_cast<Index>(order.size()) == count, "flow: expected an order of ", count, " things, got ",
          order.size());
  for (const Index i : order) {
    require(i >= 0 && i < count && !seen[static_cast<std::size_t>(i)], "flow: expected each of 0 to ",
            count - 1, " once, got ", i, i >= 0 && i < count ? " again" : "");
    seen[static_cast<std::size_t>(i)] = true;
  }
}

/// Squares of side x side positions become channels: (C, H, W) to (side^2 C, H / side, W / side), the new
/// channels in the order of channel, row in the square, column in the square (Dinh, Sohl-Dickstein, Bengio
/// 2017, arXiv:1605.08803). Throws foil::Error if squares do not fill the height and the width.
inline std::pair<FlowOrder, FlowShape> squeeze_order(const FlowShape& from, Index side) {
  require(side >= 1 && from.height % side == 0 && from.width % side == 0, "flow: a squeeze by ", side,
          " needs a height and a width that it divides, got ", from.text());
  const FlowShape to{from.channels * side * side, from.height / side, from.width / side};
  FlowOrder order;
  order.reserve(static_cast<std::size_t>(to.size()));
  for (Index c = 0; c < from.channels; ++c)
    for (Index row = 0; row < side; ++row)
      for (Index column = 0; column < side; ++column)
        for (Index y = 0; y < to.height; ++y)
          for (Index x = 0; x < to.width; ++x)
            order.push_back((c * from.height + y * side + row) * from.width + x * side + column);
  return {std::move(order), to};
}

/// Channels in another order.
inline FlowOrder channel_order(const FlowShape& shape, const FlowOrder& channels) {
  check_order(channels, shape.channels);
  FlowOrder order;
  order.reserve(static_cast<std::size_t>(shape.size()));
  for (const Index channel : channels)
    for (Index i = 0; i < shape.positions(); ++i) order.push_back(channel * shape.positions() + i);
  return order;
}

/// These entries first, the others behind them in the order in which they were. Throws foil::Error for
/// entries that do not exist or are named twice.
inline FlowOrder front_order(const FlowShape& shape, const FlowOrder& entries) {
  std::vector<bool> chosen(static_cast<std::size_t>(shape.size()));
  for (const Index i : entries) {
    require(i >= 0 && i < shape.size(), "flow: expected entries from 0 to ", shape.size() - 1, ", got ", i);
    require(!chosen[static_cast<std::size_t>(i)], "flow: entry ", i, " is moved to the front twice");
    chosen[static_cast<std::size_t>(i)] = true;
  }
  FlowOrder order = entries;
  for (Index i = 0; i < shape.size(); ++i)
    if (!chosen[static_cast<std::size_t>(i)]) order.push_back(i);
  return order;
}

/// Puts the first numbers of each row into another order.
template <class Scalar>
class Reorder final : public FlowStep<Scalar> {
 public:
  using Rows = Logits<Scalar>;

  explicit Reorder(FlowOrder order) : order_(std::move(order)) {
    check_order(order_, static_cast<Index>(order_.size()));
  }

  void forward(Rows& rows, Eigen::VectorXd&) const override {
    move(rows, [](auto& row, Index i, const auto& before, Index from) { row[i] = before[from]; });
  }
  void inverse(Rows& rows) const override {
    move(rows, [](auto& row, Index i, const auto& behind, Index from) { row[from] = behind[i]; });
  }
  void pull_back(Rows& rows, Rows& cotangents) const override {
    inverse(rows);
    inverse(cotangents);
  }

 private:
  template <class Assign>
  void move(Rows& rows, const Assign& assign) const {
    const auto size = static_cast<Index>(order_.size());
    Eigen::Matrix<Scalar, Eigen::Dynamic, 1> copy(size);
    for (Index r = 0; r < rows.rows(); ++r) {
      Scalar* row = rows.data() + r * rows.cols();
      for (Index i = 0; i < size; ++i) copy[i] = row[i];
      for (Index i = 0; i < size; ++i) assign(row, i, copy, order_[static_cast<std::size_t>(i)]);
    }
  }

  FlowOrder order_;
};

}  // namespace foil
