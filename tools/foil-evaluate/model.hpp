// SPDX-License-Identifier: MIT
/// \file
/// The network that foil-evaluate attacks, whatever kind of file it came from.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "foil/core/bounds.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/data.hpp"

namespace evaluate {

/// A foil::DifferentiableModel for images that can be shared by threads.
class Model {
 public:
  using Input = foil::Tensor<float, 4>;
  using Pullback = std::function<Input(const foil::Logits<float>&)>;

  virtual ~Model() = default;
  virtual const foil::Bounds<float>& bounds() const = 0;
  virtual foil::Logits<float> logits(const Input& x) const = 0;
  virtual foil::Vjp<float, Pullback> vjp(const Input& x) const = 0;

  /// Time spent in the functions above and the pullbacks so far, summed over the threads.
  virtual double seconds() const = 0;

  /// The number of classes. Throws unless the model takes such images.
  virtual foil::Index classes(foil::io::ImageReader<float>& images) const = 0;
};

/// A Model that passes everything on to a model of type M, but for classes(), and takes the time.
template <class M>
class Wrapped : public Model {
 public:
  explicit Wrapped(M model) : model_(std::move(model)) {}

  const foil::Bounds<float>& bounds() const override { return model_.bounds(); }
  foil::Logits<float> logits(const Input& x) const override {
    const Timer timer(nanoseconds_);
    return model_.logits(x);
  }
  foil::Vjp<float, Pullback> vjp(const Input& x) const override {
    const Timer timer(nanoseconds_);
    auto vjp = model_.vjp(x);
    return {std::move(vjp.logits), [this, pullback = std::move(vjp.pullback)](const foil::Logits<float>& c) {
              const Timer inner(nanoseconds_);
              return Input(pullback(c));
            }};
  }
  double seconds() const override { return static_cast<double>(nanoseconds_.load()) * 1e-9; }

 protected:
  M model_;

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

  mutable std::atomic<std::int64_t> nanoseconds_{0};
};

/// Reads an ONNX or a TorchScript file; its contents tell which. Throws foil::Error.
std::unique_ptr<const Model> load_model(const std::filesystem::path& path, const foil::Bounds<float>& bounds);

/// The same for TorchScript files, in programs that are built with LibTorch.
std::unique_ptr<const Model> load_torch_model(const std::filesystem::path& path,
                                              const foil::Bounds<float>& bounds);

}  // namespace evaluate
