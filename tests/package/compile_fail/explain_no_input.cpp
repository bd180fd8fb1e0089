// expect: foil: the model needs `using Input = foil::Tensor<float, R>;`
#include "foil/core/model.hpp"

struct Model {
#ifdef FOIL_FIXED
  using Input = foil::Tensor<float, 2>;
#else
  using Input = foil::Tensor<int, 2>;
#endif
  foil::Bounds<float> bounds() const;
  foil::Labels predict(const Input&) const;
};

static_assert(foil::explain_model<Model, foil::Knowledge::decisions>());
