// expect: foil: latent descent needs a model with `reconstructions\(x\)` returning foil::Prototypes
#include "foil/attacks/gradient/latent_descent.hpp"

struct Model {
  using Input = foil::Tensor<float, 2>;
  foil::Bounds<float> bounds() const;
  foil::Logits<float> logits(const Input& x) const;
#ifdef FOIL_FIXED
  foil::Prototypes<float> reconstructions(const Input& x) const;
#endif
};

auto use(const Model& model, const Model::Input& x, const foil::Labels& labels) {
  return foil::LatentDescentAttack{}(model, x, labels);
}
