// expect: foil: a batch is row-major
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "model.hpp"

#ifdef FOIL_FIXED
using Given = foil::Tensor<float, 2>;
#else
using Given = Eigen::Tensor<float, 2>;
#endif

auto use(const Model& model, const Given& x, const foil::Labels& labels) {
  return foil::FGSM{}(model, x, labels, 0.3f);
}
