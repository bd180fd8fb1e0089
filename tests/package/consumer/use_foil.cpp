// SPDX-License-Identifier: MIT
/// \file
/// foil::foil alone: a model of one's own, attacked.
#include <foil/foil.hpp>

/// Class 0 where the features add up to more than one, else class 1.
struct Sum {
  using Input = foil::Tensor<double, 2>;
  foil::Bounds<double> bounds() const { return {0, 1}; }
  foil::Logits<double> logits(const Input& x) const {
    foil::Logits<double> scores(foil::samples(x), 2);
    scores.col(0) = foil::as_matrix(x).rowwise().sum();
    scores.col(1).setOnes();
    return scores;
  }
  auto vjp(const Input& x) const {
    return foil::Vjp{logits(x), [shape = x.dimensions()](const foil::Logits<double>& cotangent) {
                       Input gradient(shape);
                       foil::as_matrix(gradient).colwise() = cotangent.col(0);
                       return gradient;
                     }};
  }
};

int main() {
  foil::Tensor<double, 2> inputs(2, 2);
  inputs.setValues({{0.75, 0.5}, {0.125, 0.125}});
  const Sum model;
  const auto result = foil::FGSM{}(model, inputs, foil::predict(model, inputs), 0.25, {.threads = 2});
  return result.success[0] && !result.success[1] ? 0 : 1;
}
