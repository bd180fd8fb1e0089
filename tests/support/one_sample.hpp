// SPDX-License-Identifier: MIT
/// \file
/// One sample and its oracle without a run around them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/run/oracle.hpp"

namespace foil::test {

/// What a test says of a sample; the rest has defaults.
struct OneSampleOptions {
  bool single_precision = true;
  Lp norm = L2{};
  std::uint64_t seed = 0;
  std::string stream = "test";
  std::int64_t id = 0;
  std::vector<Index> shape{};  // one dimension, if empty
};

/// A box with the same ends for all features.
inline std::shared_ptr<const geometry::Box> cube(Index features, double low, double high) {
  return std::make_shared<geometry::Box>(
      geometry::Box{Eigen::VectorXd::Constant(features, low), Eigen::VectorXd::Constant(features, high), {}});
}

class OneSample {
 public:
  OneSample(Eigen::VectorXd original, Eigen::VectorXd lower, Eigen::VectorXd upper,
            const OneSampleOptions& options = {})
      : shared_{.seed = options.seed, .stream = options.stream},
        seat_(shared_, facts(std::move(original), std::move(lower), std::move(upper), options)),
        oracle_(seat_) {}

  Oracle& oracle() { return oracle_; }
  Seat& seat() { return seat_; }

 private:
  static Sample facts(Eigen::VectorXd original, Eigen::VectorXd lower, Eigen::VectorXd upper,
                      const OneSampleOptions& options) {
    Sample sample;
    sample.id = options.id;
    sample.shape = options.shape.empty() ? std::vector<Index>{original.size()} : options.shape;
    sample.original = std::move(original);
    sample.box = std::make_shared<geometry::Box>(geometry::Box{std::move(lower), std::move(upper), {}});
    sample.norm = options.norm;
    sample.single_precision = options.single_precision;
    return sample;
  }

  Shared shared_;
  Seat seat_;
  Oracle oracle_;
};

}  // namespace foil::test
