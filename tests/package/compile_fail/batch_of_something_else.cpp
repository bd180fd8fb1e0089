// expect: foil: a batch is a foil::Tensor of the model's type
#include "foil/attacks/gradient/fast_gradient.hpp"

#include <vector>
#include "model.hpp"

#ifdef FOIL_FIXED
using Given = Model::Input;
#else
using Given = std::vector<float>;
#endif

auto use(const Model& model, const Given& x, const foil::Labels& labels) {
  return foil::FGSM{}(model, x, labels, 0.3f);
}
