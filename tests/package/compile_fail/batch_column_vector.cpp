// expect: foil: a batch is N x F, a sample in each row
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "model.hpp"

#ifdef FOIL_FIXED
using Given = Eigen::RowVectorXf;
#else
using Given = Eigen::VectorXf;
#endif

auto use(const Model& model, const Given& x, const foil::Labels& labels) {
  return foil::FGSM{}(model, x, labels, 0.3f);
}
