// SPDX-License-Identifier: MIT
#include "foil/adapters/torch.hpp"

#include <ATen/Parallel.h>

#include <array>

#include "model.hpp"

namespace evaluate {
namespace {

class TorchModel : public Wrapped<foil::libtorch::Model<float, 4>> {
 public:
  using Wrapped::Wrapped;

  /// The file says nothing about shapes: asks about the first image.
  foil::Index classes(const Input& images, const std::string& name) const override {
    try {
      return model_.logits(foil::gather(images, std::array{0})).cols();
    } catch (const foil::Error& error) {
      throw foil::Error(foil::detail::text(name, ": the model refuses images of shape ",
                                           foil::shape_text(images), ": ", error.what()));
    }
  }
};

}  // namespace

std::unique_ptr<const Model> load_torch_model(const std::filesystem::path& path,
                                              const foil::Bounds<float>& bounds) {
  at::set_num_threads(1);  // the samples are shared out among foil's threads
  return std::make_unique<TorchModel>(foil::libtorch::load<float, 4>(path, {.bounds = bounds}));
}

}  // namespace evaluate
