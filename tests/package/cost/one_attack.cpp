// SPDX-License-Identifier: MIT
#include "linear.hpp"

int main() {
  const Linear model{Eigen::MatrixXf::Identity(4, 3)};
  Linear::Input x(2, 4);
  x.setConstant(0.5f);
  const foil::Labels labels = foil::Labels::Zero(2);
  return foil::LinfPGD{}(model, x, labels, 0.1f).success.all() ? 0 : 1;
}
