// expect: foil: the model needs `foil::Bounds<Scalar> bounds\(\) const`
#include "foil/attacks/gradient/fast_gradient.hpp"

struct Model {
  using Input = foil::Tensor<float, 2>;
#ifdef FOIL_FIXED
  foil::Bounds<float> bounds() const;
#endif
  foil::Logits<float> logits(const Input& x) const;
  auto vjp(const Input& x) const {
    return foil::Vjp{logits(x), [](const foil::Logits<float>&) { return Input(); }};
  }
};

auto use(const Model& model, const Model::Input& x, const foil::Labels& labels) {
  return foil::FGSM{}(model, x, labels, 0.3f);
}
