// expect: foil: the model needs `foil::Labels predict\(const Input&\) const` or logits
#include "foil/core/model.hpp"

struct Model {
  using Input = foil::Tensor<float, 2>;
  foil::Bounds<float> bounds() const;
#ifdef FOIL_FIXED
  foil::Labels predict(const Input&) const;
#endif
};

static_assert(foil::explain_model<Model, foil::Knowledge::decisions>());
