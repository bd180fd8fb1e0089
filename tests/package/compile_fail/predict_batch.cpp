// expect: foil: a batch has another rank than the model's `Input`
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "model.hpp"

#ifdef FOIL_FIXED
using Given = foil::Tensor<float, 2>;
#else
using Given = foil::Tensor<float, 4>;
#endif

auto use(const Model& model, const Given& x) {
  return foil::predict(model, x);
}
