// expect: foil: class labels are integers
#include "foil/attacks/gradient/fast_gradient.hpp"

#include <vector>

struct Model {
  using Input = foil::Tensor<float, 2>;
  foil::Bounds<float> bounds() const;
  foil::Logits<float> logits(const Input& x) const;
  auto vjp(const Input& x) const {
    return foil::Vjp{logits(x), [](const foil::Logits<float>&) { return Input(); }};
  }
};

#ifdef FOIL_FIXED
using Given = std::vector<int>;
#else
using Given = std::vector<double>;
#endif

auto use(const Given& targets) {
  return foil::TargetedMisclassification(targets);
}
