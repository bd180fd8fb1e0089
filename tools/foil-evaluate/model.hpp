// SPDX-License-Identifier: MIT
/// \file
/// The network that foil-evaluate attacks, whatever kind of file it came from.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/log_probabilities.hpp"

namespace evaluate {

/// The shape of one sample, without the batch axis: (F), (T, F), (C, H, W) or (C, D, H, W).
using SampleShape = std::vector<foil::Index>;

/// A foil::DifferentiableModel for samples of any shape, in batches of rank 4 of the same memory; whether it
/// has gradients indeed, it says. Can be shared by threads.
class Network {
 public:
  using Input = foil::Tensor<float, 4>;
  using Pullback = std::function<Input(const foil::Logits<float>&)>;

  virtual ~Network() = default;
  virtual foil::Bounds<float> bounds() const = 0;
  virtual foil::Logits<float> logits(const Input& x) const = 0;

  /// Throws foil::Error without gradients.
  virtual foil::Vjp<float, Pullback> vjp(const Input& x) const = 0;
};

/// A Network that gives a model of type M batches of that model's rank.
template <class M>
class Adapted : public Network {
 public:
  /// `shape` has one axis less than the batches of M.
  Adapted(M model, SampleShape shape) : model_(std::move(model)), shape_(std::move(shape)) {}

  foil::Bounds<float> bounds() const override { return model_.bounds(); }
  foil::Logits<float> logits(const Input& x) const override { return model_.logits(reshaped(x)); }
  foil::Vjp<float, Pullback> vjp([[maybe_unused]] const Input& x) const override {
    if constexpr (foil::DifferentiableModel<M>) {
      auto vjp = model_.vjp(reshaped(x));
      return {std::move(vjp.logits), [shape = x.dimensions(), pullback = std::move(vjp.pullback)](
                                         const foil::Logits<float>& cotangent) {
                return changed<Input>(pullback(cotangent), shape);
              }};
    } else {
      throw foil::Error("the model has no gradients");
    }
  }

 private:
  template <class To, class From>
  static To changed(From&& from, const typename To::Dimensions& shape) {
    if constexpr (std::is_same_v<To, std::remove_cvref_t<From>>) {
      return std::forward<From>(from);
    } else {
      To to(shape);
      std::copy_n(from.data(), from.size(), to.data());
      return to;
    }
  }

  decltype(auto) reshaped(const Input& x) const {
    using Given = typename M::Input;
    if constexpr (std::is_same_v<Given, Input>) {
      return (x);
    } else {
      typename Given::Dimensions shape;
      shape[0] = foil::samples(x);
      std::copy(shape_.begin(), shape_.end(), shape.begin() + 1);
      return changed<Given>(x, shape);
    }
  }

  M model_;
  SampleShape shape_;
};

/// Opens a file's network for samples of a shape of one to four axes: build<R>(shape) for batches of rank R.
template <class Build>
std::unique_ptr<const Network> with_rank(const SampleShape& shape, const Build& build) {
  switch (shape.size()) {
    case 1:
      return build.template operator()<2>(shape);
    case 2:
      return build.template operator()<3>(shape);
    case 3:
      return build.template operator()<4>(shape);
    case 4:
      return build.template operator()<5>(shape);
    default:
      throw foil::Error(foil::text("expected samples of one to four axes, got ", shape.size()));
  }
}

/// How a file is to be read as a classifier; see foil::onnx::Options.
struct ModelOptions {
  foil::Bounds<float> bounds{};
  std::vector<foil::Index> input_shape{};
  std::string output{};
  bool keep_output_layer = false, binary = false, straight_through = false, stabilise = false,
       surrogate_slopes = false;
};

/// What is attacked: a file's network, and the time spent in it. A foil::DifferentiableModel that can be
/// shared by threads.
class Model {
 public:
  using Input = Network::Input;
  using Pullback = Network::Pullback;
  using Open = std::function<std::unique_ptr<const Network>(const SampleShape&)>;

  /// A network that is open already, for samples of that shape, with what is to be said of it. Its answers
  /// are taken for probabilities of that kind only, if they look like them. `files` are those beside the
  /// model's that it was read from as well.
  Model(ModelOptions options, std::unique_ptr<const Network> network, SampleShape shape,
        std::vector<std::string> notes, std::optional<foil::Probabilities> may_be,
        std::vector<std::filesystem::path> files)
      : options_(std::move(options)),
        shape_(std::move(shape)),
        network_(std::move(network)),
        notes_(std::move(notes)),
        may_be_(may_be),
        files_(std::move(files)) {}

  /// One whose file says nothing of the shape, to be opened when that is known.
  Model(ModelOptions options, Open open)
      : options_(std::move(options)), open_(std::move(open)), may_be_(foil::Probabilities::independent) {}

  /// How much of it attacks can look at.
  foil::Knowledge knowledge() const { return knowledge_; }
  void set_knowledge(foil::Knowledge knowledge) { knowledge_ = knowledge; }

  /// The shape of a sample if the file says it; TorchScript files do not.
  const std::optional<SampleShape>& sample_shape() const { return shape_; }

  /// The files that it was read from besides the one it was loaded from.
  const std::vector<std::filesystem::path>& files() const { return files_; }

  /// The units of the inputs, if they are not those of the options: their bounds, and what makes them the
  /// numbers that the network was trained on, (x - mean) / deviation, one of each for every feature or none.
  /// To be called before prepare().
  void set_units(foil::Bounds<float> bounds, Eigen::VectorXf mean, Eigen::VectorXf deviation) {
    options_.bounds = std::move(bounds);
    mean_ = std::move(mean);
    deviation_ = std::move(deviation);
  }

  /// To be called once, before anything is asked: makes the network ready for such data, given the first rows
  /// of it. Returns the number of classes. Throws foil::Error, naming the file of the data, unless the
  /// network takes such samples.
  foil::Index prepare(const std::filesystem::path& file, const SampleShape& data, const Input& first);

  /// What was chosen or left out to make a classifier of the file, in sentences for people; complete after
  /// prepare().
  const std::vector<std::string>& notes() const { return notes_; }

  const foil::Bounds<float>& bounds() const { return options_.bounds; }
  foil::Logits<float> logits(const Input& x) const {
    const Timer timer(nanoseconds_);
    return network_->logits(x);
  }
  foil::Vjp<float, Pullback> vjp(const Input& x) const {
    const Timer timer(nanoseconds_);
    auto vjp = network_->vjp(x);
    return {std::move(vjp.logits), [this, pullback = std::move(vjp.pullback)](const foil::Logits<float>& c) {
              const Timer inner(nanoseconds_);
              return Input(pullback(c));
            }};
  }

  /// Time spent in the functions above and the pullbacks so far, summed over the threads.
  double seconds() const { return static_cast<double>(nanoseconds_.load()) * 1e-9; }

 private:
  /// Adds its lifetime to a sum.
  class Timer {
   public:
    explicit Timer(std::atomic<std::int64_t>& sum) : sum_(sum) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { sum_ += std::chrono::nanoseconds(std::chrono::steady_clock::now() - start_).count(); }

   private:
    std::atomic<std::int64_t>& sum_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  };

  ModelOptions options_;
  foil::Knowledge knowledge_ = foil::Knowledge::gradients;
  Eigen::VectorXf mean_{}, deviation_{};
  Open open_{};
  std::optional<SampleShape> shape_{};
  std::unique_ptr<const Network> network_{};
  std::vector<std::string> notes_{};
  std::optional<foil::Probabilities> may_be_;  // this kind or, if independent, either
  std::vector<std::filesystem::path> files_{};
  mutable std::atomic<std::int64_t> nanoseconds_{0};
};

/// Reads an ONNX or a TorchScript file; its contents tell which. Throws foil::Error.
std::unique_ptr<Model> load_model(const std::filesystem::path& path, const ModelOptions& options);

/// The same for TorchScript files, in programs that are built with LibTorch.
std::unique_ptr<Model> load_torch_model(const std::filesystem::path& path, const ModelOptions& options);

}  // namespace evaluate
