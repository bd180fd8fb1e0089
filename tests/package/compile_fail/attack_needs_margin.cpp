// expect: foil: this attack needs a criterion with a margin on the logits
#include "foil/attacks/gradient/fast_gradient.hpp"

struct Model {
  using Input = foil::Tensor<float, 2>;
  foil::Bounds<float> bounds() const;
  foil::Logits<float> logits(const Input& x) const;
  auto vjp(const Input& x) const {
    return foil::Vjp{logits(x), [](const foil::Logits<float>&) { return Input(); }};
  }
};

auto use(const Model& model, const Model::Input& x, [[maybe_unused]] const foil::Labels& labels) {
#ifdef FOIL_FIXED
  return foil::FGSM{}(model, x, labels, 0.3f);
#else
  return foil::FGSM{}(model, x, [](const foil::Decision&) { return true; }, 0.3f);
#endif
}
