// expect: foil: class labels are integers
#include "foil/attacks/gradient/fast_gradient.hpp"

#include <vector>
#include "model.hpp"

#ifdef FOIL_FIXED
using Given = std::vector<int>;
#else
using Given = std::vector<double>;
#endif

auto use(const Given& targets) {
  return foil::TargetedMisclassification(targets);
}
