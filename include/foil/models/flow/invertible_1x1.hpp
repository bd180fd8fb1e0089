// SPDX-License-Identifier: MIT
/// \file
/// A step of a flow that mixes channels by an invertible matrix.
#pragma once

#include <Eigen/Core>
#include <Eigen/LU>
#include <cmath>

#include "foil/core/error.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/flow/step.hpp"

namespace foil {

/// The channels of each position times a matrix: the invertible 1 x 1 convolution of Kingma, Dhariwal 2018,
/// arXiv:1807.03039. Its log-determinant is that of the matrix for each position. The inverse is computed
/// once, in double precision; rounding grows by the matrix's condition.
template <class Scalar>
class Invertible1x1 final : public FlowStep<Scalar> {
 public:
  using Rows = Logits<Scalar>;

  /// Throws foil::Error unless the matrix has a row and a column for each channel, finite entries, and an
  /// inverse: a reciprocal condition, in the 1-norm, of at least the Scalar's epsilon.
  Invertible1x1(const FlowShape& shape, const Eigen::MatrixXd& matrix) : shape_(shape) {
    require(matrix.rows() == shape.channels && matrix.cols() == shape.channels, "flow: expected a matrix of ",
            shape.channels, " x ", shape.channels, ", one row and column for each channel, got ",
            matrix.rows(), " x ", matrix.cols());
    matrix_ = matrix.template cast<Scalar>();
    const Eigen::MatrixXd rounded = matrix_.template cast<double>();
    require(all_finite(rounded.reshaped()), "flow: expected a matrix of finite numbers");
    const Eigen::PartialPivLU<Eigen::MatrixXd> factors(rounded);
    const double condition = factors.rcond();
    require(condition >= static_cast<double>(Eigen::NumTraits<Scalar>::epsilon()),
            "flow: expected a matrix that can be inverted, got one of reciprocal condition ", condition);
    inverse_ = factors.inverse().template cast<Scalar>();
    for (Index c = 0; c < shape.channels; ++c)
      log_determinant_ +=
          static_cast<double>(shape.positions()) * std::log(std::abs(factors.matrixLU()(c, c)));
  }

  void forward(Rows& rows, Eigen::VectorXd& log_determinants) const override {
    multiply(rows, matrix_);
    log_determinants.array() += log_determinant_;
  }
  void inverse(Rows& rows) const override { multiply(rows, inverse_); }
  void pull_back(Rows& rows, Rows& cotangents) const override {
    inverse(rows);
    multiply(cotangents, matrix_.transpose());
  }

 private:
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  /// Every entry is one sum in the order of the channels, whatever the number of rows.
  void multiply(Rows& rows, const Matrix& by) const {
    const Index positions = shape_.positions();
    Matrix before(shape_.channels, positions);
    for (Index r = 0; r < rows.rows(); ++r) {
      Eigen::Map<Matrix> row(rows.data() + r * rows.cols(), shape_.channels, positions);
      before = row;
      row.setZero();
      for (Index to = 0; to < shape_.channels; ++to)
        for (Index from = 0; from < shape_.channels; ++from) row.row(to) += by(to, from) * before.row(from);
    }
  }

  FlowShape shape_;
  Matrix matrix_{}, inverse_{};
  double log_determinant_ = 0;
};

}  // namespace foil
