// SPDX-License-Identifier: MIT
#include "model.hpp"

#include <algorithm>
#include <fstream>

#include "foil/onnx/onnx.hpp"

namespace evaluate {
namespace {

class OnnxModel : public Wrapped<foil::nn::Network<float, 4>> {
 public:
  using Wrapped::Wrapped;

  foil::Index classes(foil::io::ImageReader<float>& images) const override {
    const auto& shape = model_.input_shape();
    foil::require(std::equal(shape.begin(), shape.end(), images.dimensions().begin() + 1),
                  images.path().string(), ": expected images of shape (N, ", shape[0], ", ", shape[1], ", ",
                  shape[2], ") as the model takes, found ", images.shape_text());
    return model_.classes();
  }
};

/// TorchScript files are zip archives.
bool is_archive(const std::filesystem::path& path) {
  std::string start(4, '\0');
  std::ifstream file(path, std::ios::binary);
  return file.read(start.data(), 4) && start == "PK\3\4";
}

}  // namespace

std::unique_ptr<const Model> load_model(const std::filesystem::path& path,
                                        const foil::Bounds<float>& bounds) {
  if (!is_archive(path))
    return std::make_unique<OnnxModel>(foil::onnx::load<float, 4>(path, {.bounds = bounds}));
#ifdef FOIL_EVALUATE_TORCH
  return load_torch_model(path, bounds);
#else
  throw foil::Error(path.string() +
                    ": is not an ONNX file; if it is a TorchScript file: this foil-evaluate was "
                    "built without LibTorch");
#endif
}

}  // namespace evaluate
