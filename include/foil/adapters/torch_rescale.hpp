// SPDX-License-Identifier: MIT
/// \file
/// Clipping-aware rescaling as a LibTorch function that can be differentiated: perturbations of an exact size
/// inside a network that is trained.
#pragma once

#include <ATen/core/ivalue.h>  // before the others, which Clang 14 would refuse

#include <ATen/Parallel.h>
#include <torch/script.h>
#include <algorithm>
#include <cstdint>
#include <utility>

#include "foil/adapters/torch_tensor.hpp"
#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/clipped_step.hpp"
#include "foil/geometry/rescale.hpp"
#include "foil/geometry/rescale_vjp.hpp"

namespace foil::libtorch {

/// What step_of_size() returns.
struct Steps {
  at::Tensor points;   ///< like the inputs
  at::Tensor eta;      ///< N factors, of the same scalar type
  at::Tensor reached;  ///< N booleans: false where the box is too small for epsilon
};

namespace detail {

/// What a step depends on without derivatives.
struct StepSetting : torch::CustomClassHolder {
  StepSetting(Bounds<double> b, Lp n) : bounds(std::move(b)), norm(n) {}
  Bounds<double> bounds;
  Lp norm;
};

/// Calls work(i) for every sample, on LibTorch's threads.
template <class F>
void for_each_sample(const at::Tensor& like, F&& work) {
  const std::int64_t entries_per_task = 1 << 15;
  const std::int64_t features = like.numel() / std::max<std::int64_t>(like.size(0), 1);
  const auto grain = std::max<std::int64_t>(entries_per_task / std::max<std::int64_t>(features, 1), 1);
  at::parallel_for(0, like.size(0), grain, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) work(i);
  });
}

/// Sample i of a contiguous tensor on the CPU.
template <class Scalar>
SampleView<Scalar> sample(const at::Tensor& tensor, Index i) {
  const Index features = tensor.numel() / tensor.size(0);
  return {tensor.data_ptr<Scalar>() + i * features, features};
}

/// The same tensor where foil can work on it.
inline at::Tensor local(const at::Tensor& tensor) {
  return tensor.to(at::kCPU).contiguous();
}

/// Calls f with a zero of the tensor's scalar type, float or double.
template <class F>
auto with_scalar(const at::Tensor& tensor, F&& f) {
  return tensor.scalar_type() == at::kDouble ? f(0.0) : f(0.0f);
}

struct StepFunction : torch::autograd::Function<StepFunction> {
  using Context = torch::autograd::AutogradContext;

  static torch::autograd::variable_list forward(Context* context, const at::Tensor& inputs,
                                                const at::Tensor& directions, const at::Tensor& epsilons,
                                                const c10::intrusive_ptr<StepSetting>& setting) {
    const at::Tensor x = local(inputs), d = local(directions), size = local(epsilons);
    at::Tensor points = at::empty_like(x), eta = at::empty({x.size(0)}, at::kDouble);
    at::Tensor reached = at::empty({x.size(0)}, at::kBool);
    with_scalar(x, [&](auto zero) {
      using Scalar = decltype(zero);
      const auto bounds = setting->bounds.cast<Scalar>();
      for_each_sample(x, [&](Index i) {
        const auto found =
            geometry::step_of_size(sample<Scalar>(x, i), sample<Scalar>(d, i), bounds,
                                   size.data_ptr<double>()[i], setting->norm, sample<Scalar>(points, i));
        eta.data_ptr<double>()[i] = found.eta;
        reached.data_ptr<bool>()[i] = found.reached;
      });
    });
    context->save_for_backward({x, d, size, eta, reached});
    context->saved_data["setting"] = c10::IValue::make_capsule(setting);
    at::Tensor reached_there = reached.to(inputs.device());
    context->mark_non_differentiable({reached_there});
    return {points.to(inputs.device()), eta.to(inputs.options()), reached_there};
  }

  static torch::autograd::variable_list backward(Context* context,
                                                 torch::autograd::variable_list cotangents) {
    foil::require(!at::GradMode::is_enabled(), "torch rescaling: can be differentiated once, not twice");
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &d = saved[1], &size = saved[2], &eta = saved[3], &reached = saved[4];
    const auto held = context->saved_data.at("setting").toCapsule();
    const auto& setting = static_cast<const StepSetting&>(*held);
    const at::Tensor points = local(cotangents[0]), factors = local(cotangents[1]).to(at::kDouble);
    at::Tensor dx = at::empty_like(x), dd = at::empty_like(x), dsize = at::empty_like(size);
    with_scalar(x, [&](auto zero) {
      using Scalar = decltype(zero);
      const auto bounds = setting.bounds.cast<Scalar>();
      for_each_sample(x, [&](Index i) {
        const geometry::Rescaling found{eta.data_ptr<double>()[i], reached.data_ptr<bool>()[i]};
        const auto inputs = sample<Scalar>(x, i);
        const auto gradient =
            geometry::detail::with_ends(bounds, inputs.size(), [&](const auto& lower, const auto& upper) {
              return geometry::step_of_size_vjp(inputs, sample<Scalar>(d, i), lower, upper,
                                                size.data_ptr<double>()[i], setting.norm, found,
                                                sample<Scalar>(points, i), factors.data_ptr<double>()[i]);
            });
        sample<Scalar>(dx, i) = gradient.x.template cast<Scalar>();
        sample<Scalar>(dd, i) = gradient.direction.template cast<Scalar>();
        dsize.data_ptr<double>()[i] = gradient.epsilon;
      });
    });
    const auto options = cotangents[0].options();
    return {dx.to(options), dd.to(options), dsize.to(options.dtype(at::kDouble)), at::Tensor()};
  }
};

}  // namespace detail

/// For every sample of a batch, clip(x + eta d, bounds) with the eta that makes the step's size epsilon in
/// the norm after clipping: see geometry::step_of_size(). Points and eta can be differentiated with respect
/// to inputs, directions and epsilons (one per sample, or one number for all): see
/// geometry::step_of_size_vjp(). inputs and directions: N x ..., float or double, of the same type; the
/// inputs must lie within the bounds. Where epsilon is 0 or a direction is 0, the point is the input.
///
/// Computed on the CPU, on LibTorch's threads; tensors on other devices are copied there and back. O(n) per
/// sample. Throws foil::Error for shapes and types that do not fit, and as geometry::rescale() does.
///
/// Rauber & Bethge, "Fast Differentiable Clipping-Aware Normalization and Rescaling", 2020.
inline Steps step_of_size(const at::Tensor& inputs, const at::Tensor& directions, const at::Tensor& epsilons,
                          const Bounds<double>& bounds = {}, Lp norm = L2{}) {
  foil::require(inputs.dim() >= 1 && inputs.sizes() == directions.sizes(),
                "torch rescaling: inputs of shape ", detail::shape_text(inputs), " but directions of shape ",
                detail::shape_text(directions));
  const auto type = inputs.scalar_type();
  foil::require((type == at::kFloat || type == at::kDouble) && directions.scalar_type() == type,
                "torch rescaling: expected inputs and directions of one type, Float or Double, got ",
                c10::toString(type), " and ", c10::toString(directions.scalar_type()));
  foil::require(epsilons.dim() == 0 || (epsilons.dim() == 1 && epsilons.size(0) == inputs.size(0)),
                "torch rescaling: expected one epsilon, or one for each of ", inputs.size(0),
                " samples, got shape ", detail::shape_text(epsilons));
  auto out = detail::translate("rescaling", [&] {
    const auto each = epsilons.to(inputs.options().dtype(at::kDouble)).expand(inputs.size(0));
    return detail::StepFunction::apply(inputs, directions, each,
                                       c10::make_intrusive<detail::StepSetting>(bounds, norm));
  });
  return {out[0], out[1], out[2]};
}

/// The same with one epsilon for all samples.
inline Steps step_of_size(const at::Tensor& inputs, const at::Tensor& directions, double epsilon,
                          const Bounds<double>& bounds = {}, Lp norm = L2{}) {
  return step_of_size(inputs, directions, at::scalar_tensor(epsilon, at::kDouble), bounds, norm);
}

}  // namespace foil::libtorch
