// expect: foil: this attack looks for the smallest distance and takes no epsilon
#include "foil/attacks/gradient/fast_gradient.hpp"

#include "foil/attacks/parts/minimal.hpp"
#include "model.hpp"

#ifdef FOIL_FIXED
#define MAYBE_EPSILON
#else
#define MAYBE_EPSILON 0.3f,
#endif

auto use(const Model& model, const Model::Input& x, const foil::Labels& labels) {
  return foil::Minimal<foil::FGSM>{}(model, x, labels, MAYBE_EPSILON{.seed = 7});
}
