// SPDX-License-Identifier: MIT
/// \file
/// What users hand over, in the types that they have it in: batches and class labels. What cannot be meant is
/// refused by the compiler in one line; Eigen's own conversions between tensors would let it pass.
#pragma once

#include <Eigen/Core>
#include <concepts>
#include <iterator>
#include <limits>
#include <type_traits>
#include <unsupported/Eigen/CXX11/Tensor>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

namespace detail {

/// The tensor, or the matrix or array, that a type is: itself, or what it derives from.
template <class D>
std::type_identity<D> tensor_in(const Eigen::TensorBase<D, Eigen::ReadOnlyAccessors>*);
template <class D>
std::type_identity<D> matrix_in(const Eigen::DenseBase<D>*);

template <class X>
concept TensorLike = requires(std::remove_cvref_t<X>* x) { tensor_in(x); };
template <class X>
concept MatrixLike = requires(std::remove_cvref_t<X>* x) { matrix_in(x); };

/// A tensor of rank 1, or a container of contiguous entries.
template <class X>
concept OneDimensional = requires(const X& x) { std::data(x) + std::size(x); } &&
                         (!TensorLike<X> || requires { requires X::NumIndices == 1; });

/// Whether X can be meant as a batch of the type Input; if not, one readable line.
template <Batch Input, class X>
consteval bool is_meant_as() {
  using Scalar = typename Input::Scalar;
  constexpr int rank = static_cast<int>(Input::NumIndices);
  if constexpr (std::derived_from<std::remove_cvref_t<X>, Input>) {
    return true;
  } else if constexpr (TensorLike<X>) {
    using T = typename decltype(tensor_in(std::declval<std::remove_cvref_t<X>*>()))::type;
    using Traits = Eigen::internal::traits<T>;
    constexpr bool same_rank = Traits::NumDimensions == rank;
    constexpr bool same_scalar = std::same_as<typename T::Scalar, Scalar>;
    constexpr bool row_major = static_cast<int>(Traits::Layout) == static_cast<int>(Eigen::RowMajor);
    static_assert(same_rank, "foil: a batch has another rank than the model's `Input`: reshape it");
    static_assert(!same_rank || same_scalar,
                  "foil: a batch has another number type than the model's `Input`, float or double: cast it");
    static_assert(!same_rank || !same_scalar || row_major,
                  "foil: a batch is row-major: make it a foil::Tensor (x.swap_layout() and a shuffle that "
                  "reverses the dimensions do)");
    return same_rank && same_scalar && row_major;
  } else if constexpr (MatrixLike<X>) {
    using T = typename decltype(matrix_in(std::declval<std::remove_cvref_t<X>*>()))::type;
    constexpr bool rows = T::ColsAtCompileTime != 1;
    constexpr bool same_scalar = std::same_as<typename T::Scalar, Scalar>;
    static_assert(rank == 2,
                  "foil: a batch has another rank than the model's `Input`: only models whose Input "
                  "is a foil::Tensor<Scalar, 2> take Eigen matrices");
    static_assert(rank != 2 || same_scalar,
                  "foil: a batch has another number type than the model's `Input`, float or double: cast it");
    static_assert(rank != 2 || !same_scalar || rows,
                  "foil: a batch is N x F, a sample in each row: transpose the column vector");
    return rank == 2 && same_scalar && rows;
  } else {
    static_assert(
        std::convertible_to<X, Input>,
        "foil: a batch is a foil::Tensor of the model's type `Input` or, if its rank is 2, an Eigen "
        "matrix with a sample in each row");
    return std::convertible_to<X, Input>;
  }
}

}  // namespace detail

/// A batch of the type Input: what is given itself if it is one, else made of a tensor expression of that
/// rank and number type or, for rank 2, of an Eigen matrix of that number type, whatever its storage order,
/// with a sample in each row. Anything else does not compile.
template <Batch Input, class X>
decltype(auto) as_batch(X&& given) {
  if constexpr (detail::is_meant_as<Input, X>()) {
    if constexpr (std::derived_from<std::remove_cvref_t<X>, Input>) {
      if constexpr (std::is_lvalue_reference_v<X>)
        return static_cast<const Input&>(given);
      else
        return Input(std::forward<X>(given));
    } else if constexpr (detail::MatrixLike<X>) {
      Input batch(given.rows(), given.cols());
      as_matrix(batch) = given;
      return batch;
    } else {
      return Input(std::forward<X>(given));
    }
  } else {
    return Input();
  }
}

/// A batch as a field or an argument: made of all that as_batch() takes.
template <Batch Input>
class GivenBatch : public Input {
 public:
  GivenBatch() = default;
  template <class X>
    requires(!std::derived_from<std::remove_cvref_t<X>, GivenBatch>)
  GivenBatch(X&& given) : Input(as_batch<Input>(std::forward<X>(given))) {}
};

/// Class labels as an argument: made of a vector of any integer type, Eigen's, a Tensor of rank 1, or one
/// with size() and data() as the standard library's have them. Throws foil::Error for a number that no int
/// holds.
class GivenLabels : public Labels {
 public:
  GivenLabels() = default;
  GivenLabels(Labels labels) : Labels(std::move(labels)) {}
  template <class X>
    requires(!std::derived_from<X, Labels>)
  GivenLabels(const X& given) {
    if constexpr (detail::MatrixLike<X>) {
      require(given.rows() == 1 || given.cols() == 1 || given.size() == 0,
              "labels: expected one class for each sample, got a matrix of shape (", given.rows(), ", ",
              given.cols(), ")");
      const Eigen::Matrix<typename X::Scalar, Eigen::Dynamic, 1> values = given.reshaped();
      fill(values.data(), values.size());
    } else if constexpr (detail::OneDimensional<X>) {
      fill(std::data(given), static_cast<Index>(std::size(given)));
    } else {
      static_assert(
          std::convertible_to<const X&, Labels> && !detail::TensorLike<X>,
          "foil: class labels are a vector of integers: foil::Labels, another of Eigen's, or of the "
          "standard library's");
      if constexpr (!detail::TensorLike<X>) Labels::operator=(Labels(given));
    }
  }

 private:
  template <class Number>
  void fill(const Number* numbers, Index count) {
    static_assert(std::integral<Number>,
                  "foil: class labels are integers: cast them, if the numbers are whole");
    resize(count);
    if constexpr (std::integral<Number>)
      for (Index i = 0; i < count; ++i) {
        if constexpr (sizeof(Number) >= sizeof(int))
          require(std::in_range<int>(numbers[i]), "labels: expected classes from 0 to ",
                  std::numeric_limits<int>::max(), ", got ", numbers[i], " for sample ", i);
        (*this)[i] = static_cast<int>(numbers[i]);
      }
  }
};

namespace detail {

/// What is meant as labels, well or badly, when it stands where a criterion may.
template <class X>
concept LabelsLike =
    TensorLike<X> || MatrixLike<X> || OneDimensional<X> || std::convertible_to<const X&, Labels>;

}  // namespace detail

}  // namespace foil
