// expect: foil: this attack needs a radius, epsilon
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "model.hpp"

#ifdef FOIL_FIXED
#define MAYBE_EPSILON 0.3f,
#else
#define MAYBE_EPSILON
#endif

auto use(const Model& model, const Model::Input& x, const foil::Labels& labels) {
  return foil::FGSM{}(model, x, labels, MAYBE_EPSILON{.seed = 7});
}
