// SPDX-License-Identifier: MIT
/// \file
/// What foil's containers are to LibTorch and the other way round: the same memory wherever that is possible.
/// (The namespace is not foil::torch, which would hide ::torch from everything in foil.)
#pragma once

#include <ATen/core/ivalue.h>  // before the others, which Clang 14 would refuse

#include <torch/script.h>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"

namespace foil::libtorch {

/// LibTorch's name for a scalar type.
template <class Scalar>
constexpr at::ScalarType scalar_type = c10::CppTypeToScalarType<Scalar>::value;

namespace detail {

template <Batch T>
auto sizes(const T& batch) {
  std::array<std::int64_t, static_cast<std::size_t>(T::NumIndices)> out;
  for (std::size_t axis = 0; axis < out.size(); ++axis) out[axis] = batch.dimensions()[axis];
  return out;
}

/// The line of an exception's message that says what went wrong: the first one that is not empty, or what
/// follows TorchScript's traceback.
inline std::string essence(std::string_view message) {
  constexpr std::string_view marker = "\nRuntimeError: ";
  if (const auto at = message.rfind(marker); at != message.npos) message.remove_prefix(at + marker.size());
  message.remove_prefix(std::min(message.find_first_not_of('\n'), message.size()));
  return std::string(message.substr(0, message.find('\n')));
}

/// Calls f; LibTorch's exceptions become foil::Error in one line that begins with what was being done.
template <class F>
auto translate(std::string_view doing, F&& f) {
  try {
    return f();
  } catch (const c10::Error& error) {
    throw Error(foil::text("torch: ", doing, ": ", essence(error.what_without_backtrace())));
  }
}

/// The same where TorchScript is read or run, whose exceptions are of many types.
template <class F>
auto translate_script(std::string_view doing, F&& f) {
  try {
    return translate(doing, f);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(foil::text("torch: ", doing, ": ", essence(error.what())));
  }
}

}  // namespace detail

/// The batch as an at::Tensor on the CPU that refers to the same memory, and is valid as long as that. What
/// comes from a const batch must only be read.
template <Batch T>
at::Tensor as_torch(T& batch) {
  return torch::from_blob(batch.data(), detail::sizes(batch), scalar_type<typename T::Scalar>);
}
template <Batch T>
at::Tensor as_torch(const T& batch) {
  return as_torch(const_cast<T&>(batch));
}

/// The same for logits.
template <class Scalar>
at::Tensor as_torch(const Logits<Scalar>& logits) {
  return torch::from_blob(const_cast<Scalar*>(logits.data()), {logits.rows(), logits.cols()},
                          scalar_type<Scalar>);
}

/// An at::Tensor on the CPU that owns the batch's memory. Move the batch in to spare the copy.
template <Batch T>
at::Tensor to_torch(T batch) {
  auto owner = std::make_shared<T>(std::move(batch));
  T& kept = *owner;
  return torch::from_blob(
      kept.data(), detail::sizes(kept), [owner = std::move(owner)](void*) {},
      scalar_type<typename T::Scalar>);
}

/// An at::Tensor's entries, whatever its device and its strides, copied into a batch, which takes its shape.
/// Throws foil::Error if the rank or the scalar type differs.
template <Batch T>
T from_torch(const at::Tensor& tensor) {
  using Scalar = typename T::Scalar;
  foil::require(tensor.dim() == T::NumIndices && tensor.scalar_type() == scalar_type<Scalar>,
                "torch: expected a tensor of rank ", static_cast<int>(T::NumIndices), " and type ",
                c10::toString(scalar_type<Scalar>), ", got rank ", tensor.dim(), " and type ",
                c10::toString(tensor.scalar_type()));
  typename T::Dimensions shape;
  for (std::size_t axis = 0; axis < T::NumIndices; ++axis)
    shape[axis] = tensor.size(static_cast<std::int64_t>(axis));
  T out(shape);
  const at::NoGradGuard no_grad;
  detail::translate("copying a tensor", [&] { return as_torch(out).copy_(tensor); });
  return out;
}

namespace detail {

/// "(100, 10)", for messages.
inline std::string shape_text(const at::Tensor& tensor) {
  std::string out = "(";
  for (std::int64_t axis = 0; axis < tensor.dim(); ++axis)
    out += foil::text(axis > 0 ? ", " : "", tensor.size(axis));
  return out + ")";
}

}  // namespace detail
}  // namespace foil::libtorch
