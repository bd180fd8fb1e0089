// expect: foil: a batch has another number type than the model's `Input`
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "model.hpp"

#ifdef FOIL_FIXED
using Given = Eigen::MatrixXf;
#else
using Given = Eigen::MatrixXd;
#endif

auto use(const Model& model, const Given& x, const foil::Labels& labels) {
  return foil::FGSM{}(model, x, labels, 0.3f);
}
