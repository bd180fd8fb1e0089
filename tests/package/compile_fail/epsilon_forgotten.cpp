// expect: foil: this attack needs a radius, epsilon
#include "foil/attacks/gradient/fast_gradient.hpp"

struct Model {
  using Input = foil::Tensor<float, 2>;
  foil::Bounds<float> bounds() const;
  foil::Logits<float> logits(const Input& x) const;
  auto vjp(const Input& x) const {
    return foil::Vjp{logits(x), [](const foil::Logits<float>&) { return Input(); }};
  }
};

#ifdef FOIL_FIXED
constexpr auto attack = [](const auto&... given) { return foil::FGSM{}(given..., 0.3f); };
#else
constexpr auto attack = [](const auto&... given) { return foil::FGSM{}(given...); };
#endif

auto use(const Model& model, const Model::Input& x, const foil::Labels& labels) {
  return attack(model, x, labels);
}
