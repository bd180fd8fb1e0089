// expect: foil: the model needs `foil::Logits<Scalar> logits\(const Input&\) const`
#include "foil/core/model.hpp"

struct Model {
  using Input = foil::Tensor<float, 2>;
  foil::Bounds<float> bounds() const;
  foil::Labels predict(const Input&) const;
#ifdef FOIL_FIXED
  foil::Logits<float> logits(const Input&) const;
#endif
};

static_assert(foil::explain_model<Model, foil::Knowledge::scores>());
