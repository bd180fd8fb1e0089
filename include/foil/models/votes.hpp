// SPDX-License-Identifier: MIT
/// \file
/// The class that most of several labels say.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <vector>

#include "foil/core/tensor.hpp"

namespace foil {

/// The label that occurs most often in each row; of several, the smallest. A negative one, no class at all,
/// is -1 and has its vote like any other.
inline Labels elected(const Eigen::MatrixXi& votes) {
  Labels out(votes.rows());
  std::vector<int> row(static_cast<std::size_t>(votes.cols()));
  for (Index i = 0; i < votes.rows(); ++i) {
    for (Index k = 0; k < votes.cols(); ++k) row[static_cast<std::size_t>(k)] = std::max(votes(i, k), -1);
    std::sort(row.begin(), row.end());
    std::size_t most = 0;
    for (std::size_t first = 0, end = 0; first < row.size(); first = end) {
      while (end < row.size() && row[end] == row[first]) ++end;
      if (end - first <= most) continue;
      most = end - first;
      out[i] = row[first];
    }
  }
  return out;
}

}  // namespace foil
