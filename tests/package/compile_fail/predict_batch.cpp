// expect: foil: a batch has another rank than the model's `Input`
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
using Given = foil::Tensor<float, 2>;
#else
using Given = foil::Tensor<float, 4>;
#endif

auto use(const Model& model, const Given& x) {
  return foil::predict(model, x);
}
