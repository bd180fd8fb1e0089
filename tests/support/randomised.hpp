// SPDX-License-Identifier: MIT
/// \file
/// A model that draws random numbers: an affine one behind noise on its inputs.
#pragma once

#include <atomic>
#include <cstdint>

#include "foil/core/random.hpp"
#include "foil/models/redrawn.hpp"
#include "support/models.hpp"

namespace foil::test {

/// Logits of three classes W (x + noise) + b of five features, with normal noise of that size in double
/// precision.
class NoisyAffine {
 public:
  using Input = Tensor<double, 2>;
  explicit NoisyAffine(double size, std::uint64_t seed = 2)
      : affine_(random_affine<Input>(3, 5, seed)), size_(size) {}

  Bounds<double> bounds() const { return affine_.bounds(); }
  Logits<double> logits(const Input& x, const Seeds& seeds) const {
    rows += samples(x);
    return affine_.logits(noisy(x, seeds));
  }
  auto vjp(const Input& x, const Seeds& seeds) const {
    rows += samples(x);
    return affine_.vjp(noisy(x, seeds));
  }
  /// Without any noise.
  const Affine<Input>& bare() const { return affine_; }

  mutable std::atomic<std::int64_t> rows{0};  ///< sent forward

 private:
  Input noisy(const Input& x, const Seeds& seeds) const {
    Input out = x;
    Eigen::VectorXd noise(features(x));
    for (Index i = 0; i < samples(x); ++i) {
      RandomDraw(seeds[static_cast<std::size_t>(i)], 0, Purpose::noise, 0).fill_normal(noise);
      sample(out, i) += size_ * noise;
    }
    return out;
  }

  Affine<Input> affine_;
  double size_;
};

}  // namespace foil::test
