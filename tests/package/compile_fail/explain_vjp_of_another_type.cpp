// expect: foil: the model's vjp\(x\).logits are of another number type than that of its `Input`
#include "foil/core/model.hpp"

struct Model {
#ifdef FOIL_FIXED
  using Scalar = float;
#else
  using Scalar = double;
#endif
  using Input = foil::Tensor<float, 2>;
  foil::Bounds<float> bounds() const;
  foil::Logits<float> logits(const Input& x) const;
  auto vjp(const Input& x) const {
    return foil::Vjp{foil::Logits<Scalar>(logits(x).cast<Scalar>()),
                     [](const foil::Logits<float>&) { return Input(); }};
  }
};

static_assert(foil::explain_model<Model>());
