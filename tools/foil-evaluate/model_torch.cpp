// SPDX-License-Identifier: MIT
#include "foil/adapters/torch.hpp"

#include <ATen/Parallel.h>

#include "model.hpp"

namespace evaluate {

std::unique_ptr<Model> load_torch_model(const std::filesystem::path& path, const ModelOptions& options) {
  at::set_num_threads(1);  // the samples are shared out among foil's threads
  const auto module = foil::libtorch::load<float, 4>(path, {.bounds = options.bounds});
  return std::make_unique<Model>(options, [path, options](const SampleShape& shape) {
    return with_rank(shape, [&]<int rank>(const SampleShape& of_samples) -> std::unique_ptr<const Network> {
      using Script = foil::libtorch::Model<float, rank>;
      return std::make_unique<Adapted<Script>>(
          foil::libtorch::load<float, rank>(path, {.bounds = options.bounds}), of_samples);
    });
  });
}

}  // namespace evaluate
