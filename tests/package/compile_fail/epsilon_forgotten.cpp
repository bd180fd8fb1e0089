// expect: foil: this attack needs a radius, epsilon
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "model.hpp"

#ifdef FOIL_FIXED
constexpr auto attack = [](const auto&... given) { return foil::FGSM{}(given..., 0.3f); };
#else
constexpr auto attack = [](const auto&... given) { return foil::FGSM{}(given...); };
#endif

auto use(const Model& model, const Model::Input& x, const foil::Labels& labels) {
  return attack(model, x, labels);
}
