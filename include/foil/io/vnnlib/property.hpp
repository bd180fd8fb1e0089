// SPDX-License-Identifier: MIT
/// \file
/// A property of a network as verifiers state it: boxes of inputs, and conditions on the outputs.
#pragma once

#include <Eigen/Core>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/criteria/output_property.hpp"
#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/vnnlib/decimal.hpp"

namespace foil::io {

/// What a VNN-LIB file says of a network: any input in one of several boxes whose outputs meet the box's
/// condition is a counterexample. Made by read_vnnlib(), or by vnnlib_robustness().
struct VnnLib {
  /// One box of inputs, and the condition that outputs must not meet on it.
  ///
  /// A number of the file is a decimal, a network's input a float. `lowest` and `highest` are the ends of the
  /// floats in the box, which lie in it as the decimals have it, exactly. Where there is no float between two
  /// bounds, as if both are 0.1, both are the float nearest to the lower one as a double: what most programs
  /// that read the decimal into a float have.
  struct Case {
    std::vector<double> lower{}, upper{};                 ///< nearest to the decimals
    std::vector<std::string> lower_text{}, upper_text{};  ///< the decimals, as they are written
    Eigen::VectorXf lowest{}, highest{};
    OutputProperty property{};
  };
  /// Inputs or outputs as the file calls them.
  struct Variables {
    std::string name{};          ///< "X" and "Y"; in version 2 what the file says
    std::string type{};          ///< "Real"; in version 2 what the file says
    std::vector<Index> shape{};  ///< their number alone; in version 2 what the file says
  };

  Index inputs = 0, outputs = 0;
  std::vector<Case> cases{};
  int version = 1;  ///< of the format: its variables and counterexamples are written differently in 2
  Variables input{"X", "Real", {}}, output{"Y", "Real", {}};
};

namespace detail {

/// "X_3", and in version 2 "X[0,3]".
inline std::string variable_name(const VnnLib& property, const VnnLib::Variables& variables,
                                 std::size_t number) {
  if (property.version == 1) return text(variables.name, "_", number);
  std::string place;
  auto left = static_cast<Index>(number);
  for (std::size_t axis = variables.shape.size(); axis-- > 0; left /= variables.shape[axis])
    place = text(left % variables.shape[axis], place.empty() ? "" : ",", place);
  return variables.name + (place.empty() ? "" : "[" + place + "]");
}

/// "X float32 [1,5]".
inline std::string heading(const VnnLib::Variables& variables) {
  std::string shape;
  for (const Index extent : variables.shape) shape += text(shape.empty() ? "" : ",", extent);
  return text(variables.name, " ", variables.type, " [", shape, "]");
}

/// A box of so many inputs, of bounds(i), a pair of decimals. `refuse(i, ...)` throws, saying what is wrong
/// with them.
template <class BoundsOf, class Refuse>
VnnLib::Case box_of(std::size_t inputs, const BoundsOf& bounds, const Refuse& refuse) {
  VnnLib::Case box;
  box.lowest.resize(static_cast<Index>(inputs));
  box.highest.resize(static_cast<Index>(inputs));
  for (std::size_t i = 0; i < inputs; ++i) {
    const std::pair<Decimal, Decimal> ends = bounds(i);
    const auto& [lower, upper] = ends;
    box.lower.push_back(lower.value());
    box.upper.push_back(upper.value());
    box.lower_text.push_back(lower.text());
    box.upper_text.push_back(upper.text());
    float lowest = lower.float_above(), highest = upper.float_below();
    if (!std::isfinite(lowest) || !std::isfinite(highest))
      refuse(i, "expected bounds that a float can hold, found ", lower.value(), " and ", upper.value());
    if (lowest > highest) lowest = highest = lower.nearest_float();
    box.lowest[static_cast<Index>(i)] = lowest;
    box.highest[static_cast<Index>(i)] = highest;
  }
  return box;
}

}  // namespace detail

}  // namespace foil::io
