// SPDX-License-Identifier: MIT
/// \file
/// What an attack by scores asks about one image, and how it raises the margin.
#pragma once

#include <cstdint>
#include <vector>

#include "foil/run/attack.hpp"
#include "support/models.hpp"

namespace foil::test {

using DoubleImages = Tensor<double, 4>;

/// Two classes, of which class 0 leads by `lead` at the centre of the box and by w . (x - centre) less there.
inline Affine<DoubleImages> two_classes(const Eigen::VectorXd& w, double lead, double end) {
  Eigen::MatrixXd weights = Eigen::MatrixXd::Zero(2, w.size());
  weights.row(1) = w.transpose();
  return {weights, Eigen::Vector2d(lead, 0), {-end, end}};
}

/// The questions about one image, the origin, in their order, the lead of class 1 there, and the result.
struct Watched {
  std::vector<Eigen::VectorXd> asked{};
  std::vector<double> margins{};
  Result<DoubleImages> result{};
};

/// Runs an attack on the origin; `epsilon` only for those that take one.
template <class Attack, class... Epsilon>
Watched watch(const Attack& attack, const Affine<DoubleImages>& model, const DoubleImages::Dimensions& shape,
              const RunOptions<DoubleImages>& options, Epsilon... epsilon) {
  Watched seen;
  Tampered watched(model);
  watched.answer = [&](std::int64_t, const DoubleImages& x, Logits<double>& z) {
    for (Index i = 0; i < samples(x); ++i) {
      seen.asked.emplace_back(sample(x, i));
      seen.margins.push_back(z(i, 1) - z(i, 0));
    }
  };
  DoubleImages inputs(shape);
  inputs.setZero();
  RunOptions<DoubleImages> with = options;
  with.threads = 1;
  seen.result = attack(watched, inputs, Labels(Labels::Zero(shape[0])), epsilon..., with);
  return seen;
}

}  // namespace foil::test
