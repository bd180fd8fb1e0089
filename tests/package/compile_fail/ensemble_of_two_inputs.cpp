// expect: foil: the members of an ensemble have to have the same `Input`
#include "foil/models/ensemble.hpp"

template <int rank>
struct Member {
  using Input = foil::Tensor<float, rank>;
  foil::Bounds<float> bounds() const;
  foil::Logits<float> logits(const Input& x) const;
};
#ifdef FOIL_FIXED
constexpr int other = 2;
#else
constexpr int other = 4;
#endif

auto use(const Member<2>& one, const Member<other>& two) {
  return foil::MeanEnsemble(one, two).bounds();
}
