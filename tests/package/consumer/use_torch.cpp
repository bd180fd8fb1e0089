// SPDX-License-Identifier: MIT
/// \file
/// foil::torch: a function on at::Tensor, differentiated; and a step of a given size.
#include <foil/adapters/torch.hpp>
#include <foil/adapters/torch_rescale.hpp>

int main() {
  using Input = foil::Tensor<float, 2>;
  const foil::libtorch::Model<float, 2> model([](const at::Tensor& x) { return 3 * x; });
  Input x(2, 2);
  x.setConstant(0.5f);
  const Input gradient = model.vjp(x).pullback(foil::Logits<float>::Ones(2, 2));
  const at::Tensor points =
      foil::libtorch::step_of_size(foil::libtorch::as_torch(x), foil::libtorch::as_torch(gradient), 0.25)
          .points;
  return gradient(1, 1) == 3 && points.size(0) == 2 ? 0 : 1;
}
