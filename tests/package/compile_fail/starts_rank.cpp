// expect: foil: a batch has another rank than the model's `Input`
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "model.hpp"

#ifdef FOIL_FIXED
using Given = foil::Tensor<float, 2>;
#else
using Given = foil::Tensor<float, 4>;
#endif

auto use(const Model& model, const Model::Input& x, const Given& starts, const foil::Labels& labels) {
  return foil::FGSM{}(model, x, labels, 0.3f, {.starting_points = starts});
}
