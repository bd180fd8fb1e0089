// expect: foil: gradient attacks need `vjp\(x\)` returning foil::Vjp{logits, pullback}
#include "foil/core/model.hpp"

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

static_assert(foil::explain_model<Model>());
