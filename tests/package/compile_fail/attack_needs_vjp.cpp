// expect: foil: this attack needs gradients, the model offers no vjp\(x\) returning foil::Vjp
#include "foil/attacks/gradient/fast_gradient.hpp"

struct Model {
  using Input = foil::Tensor<float, 2>;
  foil::Bounds<float> bounds() const;
  foil::Logits<float> logits(const Input& x) const;
#ifdef FOIL_FIXED
  auto vjp(const Input& x) const {
    return foil::Vjp{logits(x), [](const foil::Logits<float>&) { return Input(); }};
  }
#endif
};

auto use(const Model& model, const Model::Input& x, const foil::Labels& labels) {
  return foil::FGSM{}(model, x, labels, 0.3f);
}
