// expect: foil: the model needs `foil::Bounds<Scalar> bounds\(\) const`
#include "foil/core/model.hpp"

struct Model {
  using Input = foil::Tensor<float, 2>;
#ifdef FOIL_FIXED
  foil::Bounds<float> bounds() const;
#endif
  foil::Labels predict(const Input&) const;
};

static_assert(foil::explain_model<Model, foil::Knowledge::decisions>());
