// SPDX-License-Identifier: MIT
/// \file
/// What foil::falsify() is asked, and what it answers.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "foil/core/criteria/output_property.hpp"
#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/box.hpp"

namespace foil {

/// One box of inputs, and the condition that no output over it must meet.
struct FalsifyCase {
  Eigen::VectorXd lower{}, upper{};  ///< ends of each feature in memory order: finite, lower <= upper
  OutputProperty condition{};        ///< without clauses: nothing can meet it
};

/// Options of foil::falsify().
struct FalsifyOptions {
  std::int64_t calls = 2'000'000;  ///< points that the model is asked about at most, forward and backward
                                   ///< passes counted alike
  double seconds = std::numeric_limits<double>::infinity();  ///< after which it stops, whatever it has found
  std::uint64_t seed = 0;  ///< same seed and calls, same bits, without a limit of seconds
  double rounding = 1e-5;  ///< a margin counts as sure where it exceeds so much of the outputs; see
                           ///< Falsification::sure
  Index batch_size = 128;  ///< points per model call

  void check() const {
    require(calls >= 1, "falsify: expected calls >= 1, got ", calls);
    require(seconds >= 0, "falsify: expected seconds >= 0, got ", seconds);
    require(rounding >= 0 && std::isfinite(rounding), "falsify: expected a finite rounding >= 0, got ",
            rounding);
    require(batch_size >= 1, "falsify: expected a batch size >= 1, got ", batch_size);
  }
};

/// What foil::falsify() found, or came nearest to.
template <Batch Input>
struct Falsification {
  bool found = false;  ///< `input` lies in its box and its outputs meet the condition
  bool sure = false;   ///< and by more than other engines' rounding is likely to take: even if every output
                       ///< is off by `rounding` times the largest; with a rounding of 0, wherever found
  Index which_case = -1, clause = -1;  ///< met, or nearest to being met; -1 if no point was asked about
  Input input{};                       ///< one sample
  Eigen::VectorXd outputs{};           ///< of the model there
  double margin = std::numeric_limits<double>::infinity();  ///< OutputProperty::margin(): below 0 where met
  std::int64_t calls = 0;  ///< points asked about, forward and backward passes counted alike
  double seconds = 0;      ///< that passed
};

namespace detail {

/// The points of a case that a model can be given: of its numbers and inside the ends.
template <class Scalar>
geometry::Box points_inside(const FalsifyCase& given, Index number, Index features) {
  require(given.lower.size() == features && given.upper.size() == features, "falsify: case ", number, " has ",
          given.lower.size(), " lower and ", given.upper.size(), " upper ends, the input has ", features,
          " features");
  geometry::Box box{given.lower, given.upper,
                    Eigen::Array<bool, Eigen::Dynamic, 1>::Constant(features, false)};
  constexpr Scalar far = std::numeric_limits<Scalar>::infinity();
  for (Index i = 0; i < features; ++i) {
    const double low = given.lower[i], high = given.upper[i];
    require(std::isfinite(low) && std::isfinite(high) && low <= high, "falsify: case ", number,
            ": expected finite ends lower <= upper, feature ", i, " has [", low, ", ", high, "]");
    Scalar first = static_cast<Scalar>(low), last = static_cast<Scalar>(high);
    if (static_cast<double>(first) < low) first = std::nextafter(first, far);
    if (static_cast<double>(last) > high) last = std::nextafter(last, -far);
    if (first > last) first = last = static_cast<Scalar>(low);
    require(std::isfinite(first) && std::isfinite(last), "falsify: case ", number, ": feature ", i,
            " lies beyond the model's numbers");
    box.lower[i] = static_cast<double>(first);
    box.upper[i] = static_cast<double>(last);
    box.frozen[i] = first == last;
  }
  return box;
}

}  // namespace detail

}  // namespace foil
