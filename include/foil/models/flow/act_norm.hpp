// SPDX-License-Identifier: MIT
/// \file
/// A step of a flow that scales and shifts channels.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/flow/step.hpp"

namespace foil {

/// scale * x + shift for each channel: the activation normalisation of Kingma, Dhariwal 2018,
/// arXiv:1807.03039, with the scale as the factor that it is. Its logarithm counts, not a number that the
/// scale was made of, once for each position.
template <class Scalar>
class ActNorm final : public FlowStep<Scalar> {
 public:
  using Rows = Logits<Scalar>;

  /// One scale and one shift for each channel, or for all. Throws foil::Error unless all are finite and no
  /// scale is 0, in Scalar, too.
  ActNorm(const FlowShape& shape, const Eigen::VectorXd& scale, const Eigen::VectorXd& shift)
      : shape_(shape), scale_(spread(scale)), shift_(spread(shift)) {
    for (Index c = 0; c < shape_.channels; ++c) {
      require(std::isfinite(scale_[c]) && std::isfinite(1 / scale_[c]),
              "flow: expected finite scales other than 0, got ", scale_[c], " for channel ", c);
      require(std::isfinite(shift_[c]), "flow: expected finite shifts, got ", shift_[c], " for channel ", c);
      log_determinant_ +=
          static_cast<double>(shape_.positions()) * std::log(std::abs(static_cast<double>(scale_[c])));
    }
  }

  void forward(Rows& rows, Eigen::VectorXd& log_determinants) const override {
    each(rows, [](Scalar x, Scalar scale, Scalar shift) { return scale * x + shift; });
    log_determinants.array() += log_determinant_;
  }
  void inverse(Rows& rows) const override {
    each(rows, [](Scalar y, Scalar scale, Scalar shift) { return (y - shift) / scale; });
  }
  void pull_back(Rows& rows, Rows& cotangents) const override {
    inverse(rows);
    each(cotangents, [](Scalar g, Scalar scale, Scalar) { return scale * g; });
  }

 private:
  using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

  Vector spread(const Eigen::VectorXd& given) const {
    require(given.size() == 1 || given.size() == shape_.channels, "flow: expected 1 or ", shape_.channels,
            " scales and shifts, got ", given.size());
    Vector out(shape_.channels);
    for (Index c = 0; c < out.size(); ++c) out[c] = static_cast<Scalar>(given[given.size() == 1 ? 0 : c]);
    return out;
  }

  template <class Change>
  void each(Rows& rows, const Change& change) const {
    const Index positions = shape_.positions();
    for (Index r = 0; r < rows.rows(); ++r) {
      Scalar* at = rows.data() + r * rows.cols();
      for (Index c = 0; c < shape_.channels; ++c)
        for (Index i = 0; i < positions; ++i, ++at) *at = change(*at, scale_[c], shift_[c]);
    }
  }

  FlowShape shape_;
  Vector scale_, shift_;
  double log_determinant_ = 0;
};

}  // namespace foil
