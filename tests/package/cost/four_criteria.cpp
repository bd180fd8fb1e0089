// SPDX-License-Identifier: MIT
#include "linear.hpp"

int main() {
  const Linear model{Eigen::MatrixXf::Identity(4, 3)};
  Linear::Input x(2, 4);
  x.setConstant(0.5f);
  const foil::Labels labels = foil::Labels::Zero(2);
  const foil::LinfPGD attack;
  bool all = attack(model, x, labels, 0.1f).success.all();
  all = attack(model, x, foil::TargetedMisclassification(labels), 0.1f).success.all() && all;
  all = attack(model, x, foil::MarginAbove(labels, 0.1), 0.1f).success.all() && all;
  all = attack(model, x, foil::ConfidentMisclassification(labels, 0.9), 0.1f).success.all() && all;
  return all ? 0 : 1;
}
