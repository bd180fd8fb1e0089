// expect: foil: a pool's logits have another number type than its inputs
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "model.hpp"

#ifdef FOIL_FIXED
using Given = foil::Logits<float>;
#else
using Given = foil::Logits<double>;
#endif

auto use(const Model::Input& data, const Given& logits) {
  return foil::Pool(data, logits);
}
