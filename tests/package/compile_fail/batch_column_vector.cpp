// expect: foil: a batch is N x F, a sample in each row
#include "foil/attacks/gradient/fast_gradient.hpp"

struct Model {
  using Input = foil::Tensor<float, 2>;
  foil::Bounds<float> bounds() const;
  foil::Logits<float> logits(const Input& x) const;
  auto vjp(const Input& x) const {
    return foil::Vjp{logits(x), [](const foil::Logits<float>&) { return Input(); }};
  }
};

#ifdef FOIL_FIXED
using Given = Eigen::RowVectorXf;
#else
using Given = Eigen::VectorXf;
#endif

auto use(const Model& model, const Given& x, const foil::Labels& labels) {
  return foil::FGSM{}(model, x, labels, 0.3f);
}
