// expect: foil: a batch has another rank than the model's `Input`
#include "foil/attacks/gradient/fast_gradient.hpp"

#include "foil/run/any_attack.hpp"
#include "model.hpp"

#ifdef FOIL_FIXED
using Given = foil::Tensor<float, 2>;
#else
using Given = foil::Tensor<float, 3>;
#endif

auto use(const foil::AnyAttack& attack, const Model& model, const Given& x, const foil::Labels& labels) {
  return attack(model, x, labels, 0.3f);
}
