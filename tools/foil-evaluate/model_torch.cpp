// SPDX-License-Identifier: MIT
#include "foil/adapters/torch.hpp"

#include <ATen/Parallel.h>

#include "model.hpp"

namespace evaluate {
namespace {

class TorchModel : public Wrapped<foil::libtorch::Model<float, 4>> {
 public:
  using Wrapped::Wrapped;

  /// The file says nothing about shapes: asks about the first image.
  foil::Index classes(foil::io::ImageReader<float>& images) const override {
    images.seek(0);
    const Input first = images.next(1);
    try {
      return model_.logits(first).cols();
    } catch (const foil::Error& error) {
      throw foil::Error(foil::text(images.path().string(), ": the model refuses images of shape ",
                                   images.shape_text(), ": ", error.what()));
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
