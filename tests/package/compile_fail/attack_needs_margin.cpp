// expect: foil: this attack needs a criterion with a margin on the logits
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "model.hpp"

auto use(const Model& model, const Model::Input& x, [[maybe_unused]] const foil::Labels& labels) {
#ifdef FOIL_FIXED
  return foil::FGSM{}(model, x, labels, 0.3f);
#else
  return foil::FGSM{}(model, x, [](const foil::Decision&) { return true; }, 0.3f);
#endif
}
