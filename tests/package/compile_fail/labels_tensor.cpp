// expect: foil: class labels are a vector of integers
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "model.hpp"

#ifdef FOIL_FIXED
using Given = foil::Tensor<int, 1>;
#else
using Given = foil::Tensor<int, 2>;
#endif

auto use(const Model& model, const Model::Input& x, const Given& labels) {
  return foil::FGSM{}(model, x, labels, 0.3f);
}
