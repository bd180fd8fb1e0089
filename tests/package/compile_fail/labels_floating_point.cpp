// expect: foil: class labels are integers
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "model.hpp"

#ifdef FOIL_FIXED
using Given = Eigen::VectorX<long>;
#else
using Given = Eigen::VectorXf;
#endif

auto use(const Model& model, const Model::Input& x, const Given& labels) {
  return foil::FGSM{}(model, x, labels, 0.3f);
}
