// SPDX-License-Identifier: MIT
#include "model.hpp"

#include <algorithm>
#include <fstream>
#include <string>

#include "foil/onnx/onnx.hpp"

namespace evaluate {
namespace {

using foil::Index;

/// TorchScript files are zip archives.
bool is_archive(const std::filesystem::path& path) {
  std::string start(4, '\0');
  std::ifstream file(path, std::ios::binary);
  return file.read(start.data(), 4) && start == "PK\3\4";
}

std::string shape_text(const SampleShape& shape) {
  std::string out = "(N";
  for (const Index extent : shape) out += foil::text(", ", extent);
  return out + ")";
}

/// The shape without the axes that hold one element, which do not change the order of the others.
SampleShape squeezed(SampleShape shape) {
  std::erase(shape, Index{1});
  return shape;
}

std::unique_ptr<Model> load_onnx_model(const std::filesystem::path& path, const ModelOptions& options) {
  const foil::onnx::File file(path);
  const SampleShape shape = file.input_shape();
  auto network =
      with_rank(shape, [&]<int rank>(const SampleShape& of_samples) -> std::unique_ptr<const Network> {
        using Engine = foil::nn::Network<float, rank>;
        return std::make_unique<Adapted<Engine>>(file.network<float, rank>({.bounds = options.bounds}),
                                                 of_samples);
      });
  return std::make_unique<Model>(options, std::move(network), shape);
}

}  // namespace

Index Model::prepare(const std::filesystem::path& file, const SampleShape& data, const Input& first) {
  if (shape_)
    foil::require(squeezed(data) == squeezed(*shape_), file.string(), ": expected images of shape ",
                  shape_text(*shape_), " as the model takes, found ", shape_text(data));
  try {
    if (!network_) network_ = open_(data);
    return network_->logits(first).cols();
  } catch (const foil::Error& error) {
    if (shape_) throw;
    throw foil::Error(foil::text(file.string(), ": the model refuses images of shape ", shape_text(data),
                                 ": ", error.what()));
  }
}

std::unique_ptr<Model> load_model(const std::filesystem::path& path, const ModelOptions& options) {
  if (!is_archive(path)) return load_onnx_model(path, options);
#ifdef FOIL_EVALUATE_TORCH
  return load_torch_model(path, options);
#else
  throw foil::Error(path.string() +
                    ": is not an ONNX file; if it is a TorchScript file: this foil-evaluate was "
                    "built without LibTorch");
#endif
}

}  // namespace evaluate
