// SPDX-License-Identifier: MIT
/// \file
/// Gradients accumulated over the steps of an attack.
#pragma once

#include <cmath>

#include "foil/core/norms.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/geometry/box.hpp"

namespace foil {

/// m <- weight * m + gradient / (mean size of its entries that may move). Dong et al. 2018, arXiv:1710.06081.
/// A gradient of zero, which has no direction, adds nothing.
inline void accumulate(const geometry::Box& box, double weight, const Eigen::VectorXd& gradient,
                       Eigen::VectorXd& m) {
  const double largest = Linf::size(gradient);
  m *= weight;
  if (!(largest > 0)) return;
  const double size = foil::sum(gradient.size(), [&](Index i) { return std::abs(gradient[i] / largest); });
  const double scale = static_cast<double>(box.free_features()) / size;
  for (Index i = 0; i < m.size(); ++i) m[i] += gradient[i] / largest * scale;
}

}  // namespace foil
