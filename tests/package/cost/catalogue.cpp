// SPDX-License-Identifier: MIT
#include <foil/evaluation/catalogue.hpp>

int main() {
  return foil::attack_registry().empty() ? 1 : 0;
}
