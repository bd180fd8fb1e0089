// SPDX-License-Identifier: MIT
/// \file
/// foil::foil alone.
#include <foil/core/model.hpp>

struct Sum {
  using Input = foil::Tensor<double, 2>;
  foil::Bounds<double> bounds() const { return {0, 1}; }
  foil::Logits<double> logits(const Input& x) const {
    foil::Logits<double> scores(foil::samples(x), 2);
    scores.col(0) = foil::as_matrix(x).rowwise().sum();
    scores.col(1).setOnes();
    return scores;
  }
};

int main() {
  foil::Tensor<double, 2> inputs(2, 2);
  inputs.setValues({{0.9, 0.9}, {0.1, 0.1}});
  const Sum model;
  const foil::Labels labels = foil::predict(model, inputs);
  return labels[0] == 0 && labels[1] == 1 ? 0 : 1;
}
