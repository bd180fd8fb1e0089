// expect: foil: a pool's logits have another number type than its inputs
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
using Given = foil::Logits<float>;
#else
using Given = foil::Logits<double>;
#endif

auto use(const Model::Input& data, const Given& logits) {
  return foil::Pool(data, logits);
}
