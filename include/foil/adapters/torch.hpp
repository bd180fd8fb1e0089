// SPDX-License-Identifier: MIT
/// \file
/// Attacks a LibTorch model as it is: TorchScript modules, torch::nn modules, and functions on at::Tensor.
#pragma once

#include <ATen/core/ivalue.h>  // before the others, which Clang 14 would refuse

#include <torch/csrc/autograd/autograd.h>
#include <torch/script.h>
#include <concepts>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/adapters/torch_tensor.hpp"
#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"

namespace foil::libtorch {

/// Options of foil::libtorch::Model.
template <class Scalar>
struct Options {
  Bounds<Scalar> bounds = {};             ///< the box that inputs live in; [0, 1] unless said otherwise
  std::optional<at::Device> device = {};  ///< where the model computes; by default where its parameters are
};

namespace detail {

/// A torch::nn module that can be attacked: a module holder such as torch::nn::Sequential, or a shared_ptr to
/// a class derived from torch::nn::Module, with `at::Tensor forward(at::Tensor)`.
template <class M>
concept NnModule = requires(M& module, const at::Tensor& x) {
  { module->forward(x) } -> std::convertible_to<at::Tensor>;
  { module->is_training() } -> std::same_as<bool>;
  module->named_modules();
  module->named_parameters();
  module->named_buffers();
};

template <class F>
concept TensorFunction = !NnModule<F> && !std::derived_from<F, torch::jit::Module> &&
                         std::is_invocable_r_v<at::Tensor, F&, const at::Tensor&>;

/// One module of a tree of modules, and whether it is in training mode at this moment.
struct Part {
  std::string name;
  std::function<bool()> training;
};

inline at::Tensor forward(torch::jit::Module& module, const at::Tensor& x) {
  const c10::IValue answer = translate_script("the model", [&] { return module.forward({x}); });
  foil::require(answer.isTensor(), "torch: expected a model that returns one tensor, it returned a ",
                answer.tagKind());
  return answer.toTensor();
}

}  // namespace detail

/// The pullback of one forward pass. Owns what it needs, may outlive the model, and may be called any number
/// of times, by one thread at a time. Called on an rvalue, as in `std::move(vjp).pullback(cotangent)`, it
/// lets go of the activations on the way and cannot be called again.
template <class Scalar, int Rank>
class Pullback {
 public:
  using Input = Tensor<Scalar, Rank>;

  Pullback(at::Tensor input, at::Tensor output) : input_(std::move(input)), output_(std::move(output)) {}

  /// Maps a cotangent of the logits (N x K) to the gradient with respect to the inputs.
  Input operator()(const Logits<Scalar>& cotangent) const& { return pull(cotangent, true); }
  Input operator()(const Logits<Scalar>& cotangent) && { return pull(cotangent, false); }

 private:
  Input pull(const Logits<Scalar>& cotangent, bool again) const {
    foil::require(cotangent.rows() == output_.size(0) && cotangent.cols() == output_.size(1),
                  "pullback: expected a cotangent of ", output_.size(0), " x ", output_.size(1),
                  " like the logits, got ", cotangent.rows(), " x ", cotangent.cols());
    const c10::InferenceMode normal(false);
    // With the input named, nothing is computed for the parameters, nor left in their .grad.
    at::Tensor gradient = detail::translate("the model's backward pass", [&] {
      return torch::autograd::grad({output_}, {input_}, {as_torch(cotangent).to(output_.device())}, again,
                                   /*create_graph=*/false, /*allow_unused=*/true)[0];
    });
    if (!gradient.defined()) gradient = at::zeros_like(input_);
    return from_torch<Input>(gradient);
  }

  at::Tensor input_, output_;
};

/// A LibTorch model as a foil::DifferentiableModel. Made from a torch::jit::Module, a torch::nn module (by
/// its holder or a shared_ptr), or any callable from at::Tensor to at::Tensor. The model is shared, not
/// copied, and never changed. It takes N x ... and returns N x K logits, of the type Scalar.
///
/// Throws foil::Error, on construction if possible, else by the call: for a module of which any part is in
/// training mode; parameters or buffers of another floating-point type than Scalar or on another device than
/// the rest; answers of another type or shape; inputs changed in place; and whatever LibTorch throws. Of a
/// callable only its answers can be checked: whether the modules that it uses are in evaluation mode is up to
/// the caller.
///
/// Memory is shared: logits() lets the model read the batch where it is, vjp() takes the batch over, so that
/// passing an rvalue costs no copy. Copied are the answers, which foil's containers have to own, and what has
/// to go to another device. logits() records no graph.
///
/// Threads: all members are const, and may be called by several threads at once if that is true of the
/// model's forward(): it is for torch::nn and TorchScript modules that do not write to members of their own.
/// LibTorch itself uses several threads per call; where foil's threads share the samples, limit it by
/// at::set_num_threads(1). A sample's bits may depend on the size of the batch: see foil::FixedBatch.
template <class Scalar_ = float, int Rank = 4>
class Model {
 public:
  using Scalar = Scalar_;
  using Input = Tensor<Scalar, Rank>;

  explicit Model(torch::jit::Module module, Options<Scalar> options = {}) : options_(std::move(options)) {
    check_values(module.named_parameters());
    check_values(module.named_buffers());
    for (const auto& part : module.named_modules()) {
      const auto object = part.value._ivalue();  // a frozen module has no mode any more
      if (const auto slot = object->type()->findAttributeSlot("training"))
        parts_.push_back({part.name, [object, slot = *slot] { return object->getSlot(slot).toBool(); }});
    }
    forward_ = [module](const at::Tensor& x) mutable { return detail::forward(module, x); };
    check_mode();
  }

  template <detail::NnModule M>
  explicit Model(M module, Options<Scalar> options = {}) : options_(std::move(options)) {
    check_values(items(module->named_parameters()));
    check_values(items(module->named_buffers()));
    for (const auto& part : module->named_modules())
      parts_.push_back({part.key(), [module = part.value()] { return module->is_training(); }});
    forward_ = [module](const at::Tensor& x) mutable { return module->forward(x); };
    check_mode();
  }

  template <detail::TensorFunction F>
  explicit Model(F function, Options<Scalar> options = {})
      : options_(std::move(options)), forward_(std::move(function)) {}

  const Bounds<Scalar>& bounds() const { return options_.bounds; }

  /// Where the model computes.
  at::Device device() const { return options_.device.value_or(at::kCPU); }

  /// One row of logits per sample of x.
  Logits<Scalar> logits(const Input& x) const {
    // Not inference mode: a model that keeps something it has computed there can never be differentiated
    // again, and the caller's own inference mode would have the same effect.
    const c10::InferenceMode normal(false);
    const at::NoGradGuard no_grad;
    const at::Tensor input = as_torch(x);
    const auto version = input._version();
    const at::Tensor output = answer(input);
    foil::require(input._version() == version,
                  "torch: the model changes its input in place, expected one that only reads it");
    return to_logits(output);
  }

  /// The logits and their pullback; see foil::Vjp. Keeps the activations until the last copy of the pullback
  /// is gone.
  Vjp<Scalar, Pullback<Scalar, Rank>> vjp(Input x) const {
    const c10::InferenceMode normal(false);  // hence with gradients, whatever the caller's mode is
    at::Tensor input = detail::translate("moving the input to the model's device", [&] {
      return to_torch(std::move(x)).to(device()).requires_grad_();
    });
    at::Tensor output = answer(input);
    foil::require(output.requires_grad(),
                  "torch: the model's output does not depend on its input in a way that can be "
                  "differentiated (is it computed without gradients, or detached?)");
    Logits<Scalar> logits = to_logits(output.detach());
    return {std::move(logits), Pullback<Scalar, Rank>(std::move(input), std::move(output))};
  }

 private:
  /// The entries of an OrderedDict like those that TorchScript modules list.
  template <class Dict>
  static auto items(const Dict& dict) {
    struct Item {
      std::string name;
      at::Tensor value;
    };
    std::vector<Item> out;
    for (const auto& entry : dict) out.push_back({entry.key(), entry.value()});
    return out;
  }

  /// Throws unless the parameters or buffers have the model's scalar type and are on its device, which is
  /// the first one's if it is not known yet.
  template <class Values>
  void check_values(const Values& values) {
    for (const auto& [name, value] : values) {
      if (!value.defined()) continue;
      foil::require(!value.is_floating_point() || value.scalar_type() == scalar_type<Scalar>,
                    "torch: expected a model of type ", c10::toString(scalar_type<Scalar>),
                    " like its inputs, but '", name, "' is ", c10::toString(value.scalar_type()),
                    "; convert one or the other, with the model's to() for instance");
      if (!options_.device) options_.device = value.device();
      const bool here =
          value.device().type() == device().type() && (!device().has_index() || value.device() == device());
      foil::require(here, "torch: expected a model on the device ", device().str(), ", but '", name,
                    "' is on ", value.device().str());
    }
  }

  void check_mode() const {
    for (const detail::Part& part : parts_)
      if (part.training())
        throw Error(
            foil::text("torch: ", part.name.empty() ? "the model" : "the model's part '" + part.name + "'",
                       " is in training mode, expected evaluation mode: call eval() on the model"));
  }

  /// The model's answer, checked.
  at::Tensor answer(const at::Tensor& x) const {
    check_mode();
    at::Tensor output = detail::translate("the model", [&] { return forward_(x.to(device())); });
    foil::require(output.defined() && output.dim() == 2 && output.size(0) == x.size(0) && output.size(1) > 0,
                  "torch: expected logits of shape (", x.size(0), ", classes) for a batch of shape ",
                  detail::shape_text(x), ", the model returned ",
                  output.defined() ? "shape " + detail::shape_text(output) : "no tensor");
    foil::require(output.scalar_type() == scalar_type<Scalar>, "torch: expected logits of type ",
                  c10::toString(scalar_type<Scalar>), ", the model returned ",
                  c10::toString(output.scalar_type()));
    return output;
  }

  static Logits<Scalar> to_logits(const at::Tensor& output) {
    Logits<Scalar> logits(output.size(0), output.size(1));
    detail::translate("copying the logits", [&] { return as_torch(logits).copy_(output); });
    return logits;
  }

  Options<Scalar> options_;
  std::vector<detail::Part> parts_;
  std::function<at::Tensor(const at::Tensor&)> forward_;
};

/// Reads a TorchScript file, as written by torch.jit.script or torch.jit.trace and save(), in evaluation
/// mode. Throws foil::Error for a file that cannot be read, and as Model does.
template <class Scalar = float, int Rank = 4>
Model<Scalar, Rank> load(const std::filesystem::path& path, Options<Scalar> options = {}) {
  std::error_code failure;
  foil::require(std::filesystem::is_regular_file(path, failure), "torch: cannot read '", path.string(),
                "': there is no such file");
  auto module = detail::translate_script("cannot read '" + path.string() + "' as TorchScript", [&] {
    return options.device ? torch::jit::load(path.string(), *options.device)
                          : torch::jit::load(path.string());
  });
  for (at::Tensor parameter : module.parameters()) parameter.requires_grad_(false);
  return Model<Scalar, Rank>(std::move(module), std::move(options));
}

}  // namespace foil::libtorch
