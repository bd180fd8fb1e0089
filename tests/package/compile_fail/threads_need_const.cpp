// expect: foil: .threads needs a model whose bounds, predict, logits and vjp are const
#include "foil/attacks/gradient/fast_gradient.hpp"

#ifdef FOIL_FIXED
#define MAYBE_CONST const
#else
#define MAYBE_CONST
#endif

struct Model {
  using Input = foil::Tensor<float, 2>;
  foil::Bounds<float> bounds() const;
  foil::Logits<float> logits(const Input& x) MAYBE_CONST;
  auto vjp(const Input& x) MAYBE_CONST {
    return foil::Vjp{logits(x), [](const foil::Logits<float>&) { return Input(); }};
  }
};

auto use(Model& model, const Model::Input& x, const foil::Labels& labels) {
  return foil::FGSM{}(model, x, labels, 0.3f, {.threads = 2});
}
