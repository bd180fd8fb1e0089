// expect: foil: the model's logits\(x\) return another number type than that of its `Input`
#include "foil/core/model.hpp"

struct Model {
  using Input = foil::Tensor<float, 2>;
  foil::Bounds<float> bounds() const;
#ifdef FOIL_FIXED
  foil::Logits<float> logits(const Input&) const;
#else
  foil::Logits<double> logits(const Input&) const;
#endif
};

static_assert(foil::explain_model<Model, foil::Knowledge::scores>());
