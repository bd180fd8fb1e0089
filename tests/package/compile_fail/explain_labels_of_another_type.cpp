// expect: foil: the model's predict\(x\) returns another number type than int
#include "foil/core/model.hpp"

struct Model {
  using Input = foil::Tensor<float, 2>;
  foil::Bounds<float> bounds() const;
#ifdef FOIL_FIXED
  foil::Labels predict(const Input&) const;
#else
  Eigen::VectorX<long> predict(const Input&) const;
#endif
};

static_assert(foil::explain_model<Model, foil::Knowledge::decisions>());
