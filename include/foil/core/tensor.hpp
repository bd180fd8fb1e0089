// SPDX-License-Identifier: MIT
/// \file
/// The containers of foil's interface and the views that look into them without copying.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <string>
#include <type_traits>
#include <unsupported/Eigen/CXX11/Tensor>

#include "foil/core/error.hpp"
#include "foil/core/shape.hpp"

namespace foil {

using Index = Eigen::Index;

/// A batch of inputs. The first dimension counts the samples; row-major, hence each sample is contiguous
/// and the memory layout is that of NumPy, PyTorch and ONNX: (N, features) or (N, C, H, W).
template <class Scalar, int Rank>
using Tensor = Eigen::Tensor<Scalar, Rank, Eigen::RowMajor>;

/// Scores before the softmax, one row per sample: N x K.
template <class Scalar>
using Logits = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// One class index per sample.
using Labels = Eigen::VectorXi;

/// A batch flattened to N x n, row-major.
template <class Scalar>
using MatrixView = Eigen::Map<Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
template <class Scalar>
using ConstMatrixView =
    Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;

/// One sample, flattened to a column of n features.
template <class Scalar>
using SampleView = Eigen::Map<Eigen::Matrix<Scalar, Eigen::Dynamic, 1>>;
template <class Scalar>
using ConstSampleView = Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, 1>>;

namespace detail {
template <class T>
inline constexpr bool is_batch = false;
template <class Scalar, int Rank>
inline constexpr bool is_batch<Tensor<Scalar, Rank>> =
    Rank >= 2 && (std::same_as<Scalar, float> || std::same_as<Scalar, double>);
}  // namespace detail

/// A float or double Tensor of rank two or more.
template <class T>
concept Batch = detail::is_batch<T>;

/// Number of samples in a batch.
template <Batch T>
Index samples(const T& batch) {
  return batch.dimension(0);
}

/// Number of features of one sample: the product of all dimensions but the first.
template <Batch T>
Index features(const T& batch) {
  Index count = 1;
  for (std::size_t axis = 1; axis < T::NumIndices; ++axis) count *= batch.dimensions()[axis];
  return count;
}

/// The batch as an N x n matrix, without copying.
template <Batch T>
MatrixView<typename T::Scalar> as_matrix(T& batch) {
  return {batch.data(), samples(batch), features(batch)};
}
template <Batch T>
ConstMatrixView<typename T::Scalar> as_matrix(const T& batch) {
  return {batch.data(), samples(batch), features(batch)};
}

/// Sample i as a vector of n features, without copying.
template <Batch T>
SampleView<typename T::Scalar> sample(T& batch, Index i) {
  return {batch.data() + i * features(batch), features(batch)};
}
template <Batch T>
ConstSampleView<typename T::Scalar> sample(const T& batch, Index i) {
  return {batch.data() + i * features(batch), features(batch)};
}

namespace detail {

/// Copies entries into a vector of the same size, in its type. Eigen's cast() does it one entry at a time
/// where the types differ in size.
template <class From, class To>
void copy_entries(const From& from, To&& to) {
  using Scalar = typename std::decay_t<To>::Scalar;
  const auto* const source = from.data();
  auto* const target = to.data();
  for (Index i = 0; i < from.size(); ++i) target[i] = static_cast<Scalar>(source[i]);
}

}  // namespace detail

/// The shape of `like` with another number of samples.
template <Batch T>
typename T::Dimensions resized(const T& like, Index count) {
  auto shape = like.dimensions();
  shape[0] = count;
  return shape;
}

/// Copies the given samples, in that order, into a new batch.
template <Batch T, class Indices>
T gather(const T& batch, const Indices& rows) {
  T out(resized(batch, static_cast<Index>(rows.size())));
  Index target = 0;
  for (const auto row : rows) sample(out, target++) = sample(batch, static_cast<Index>(row));
  return out;
}

/// The shape in words, for messages: "(100, 1, 28, 28)".
template <Batch T>
std::string shape_text(const typename T::Dimensions& shape) {
  return extents_text(shape);
}
template <Batch T>
std::string shape_text(const T& batch) {
  return shape_text<T>(batch.dimensions());
}

}  // namespace foil
