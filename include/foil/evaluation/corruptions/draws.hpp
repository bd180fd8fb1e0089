// SPDX-License-Identifier: MIT
/// \file
/// The random numbers of one image, however large it is.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>

#include "foil/core/error.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"

namespace foil::corruptions {

/// The numbers of draw 0 of (key, sample, Purpose::noise) in order, and where it has no more of them those of
/// draw 1, 2, ...: a photograph takes more than one draw gives.
class Draws {
 public:
  /// What a RandomDraw gives.
  static constexpr Index most = Index{1} << 26;

  /// \param of_each  how many numbers are taken of each draw, from 2 to most
  Draws(std::uint64_t key, std::int64_t sample, Index of_each = most)
      : key_(key),
        sample_(static_cast<std::uint64_t>(sample)),
        of_each_(of_each),
        left_(of_each),
        random_(key_, sample_, Purpose::noise, 0) {
    require(of_each >= 2 && of_each <= most, "random: expected from 2 to ", most, " numbers of a draw, got ",
            of_each);
  }

  /// Uniform in (low, high).
  double uniform(double low = 0, double high = 1) { return next(1).uniform(low, high); }
  /// Uniform integer in [0, count).
  std::uint64_t integer(std::uint64_t count) { return next(2).integer(count); }  // of two words

  /// `count` numbers, uniform in (0, 1).
  Eigen::VectorXd uniforms(Index count) {
    Eigen::VectorXd out(count);
    in_parts(out,
             [](RandomDraw& random, Eigen::Ref<Eigen::VectorXd> part) { random.fill_uniform(part, 0, 1); });
    return out;
  }
  /// `count` numbers, standard normal.
  Eigen::VectorXd normals(Index count) {
    Eigen::VectorXd out(count);
    fill_normal(out);
    return out;
  }
  /// Fills with standard normal numbers.
  void fill_normal(Eigen::Ref<Eigen::VectorXd> out) {
    in_parts(out, [](RandomDraw& random, Eigen::Ref<Eigen::VectorXd> part) { random.fill_normal(part); });
  }

 private:
  /// The draw that the next `words` are taken of, which it has all of.
  RandomDraw& next(Index words) {
    if (left_ < words) {
      random_ = RandomDraw(key_, sample_, Purpose::noise, ++draw_);
      left_ = of_each_;
    }
    left_ -= words;
    return random_;
  }
  void in_parts(Eigen::Ref<Eigen::VectorXd> out, void (*fill)(RandomDraw&, Eigen::Ref<Eigen::VectorXd>)) {
    for (Index first = 0; first < out.size();) {
      const Index count = std::min(left_ > 0 ? left_ : of_each_, out.size() - first);
      fill(next(count), out.segment(first, count));
      first += count;
    }
  }

  std::uint64_t key_, sample_;
  Index of_each_, left_;  // of the draw at hand
  std::uint32_t draw_ = 0;
  RandomDraw random_;
};

}  // namespace foil::corruptions
