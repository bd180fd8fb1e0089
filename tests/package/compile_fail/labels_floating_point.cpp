// expect: foil: class labels are integers
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
using Given = Eigen::VectorX<long>;
#else
using Given = Eigen::VectorXf;
#endif

auto use(const Model& model, const Model::Input& x, const Given& labels) {
  return foil::FGSM{}(model, x, labels, 0.3f);
}
