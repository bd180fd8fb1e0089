// SPDX-License-Identifier: MIT
#include <foil/evaluation/catalogue.hpp>

int main() {
  return foil::catalogue().entries().empty() ? 1 : 0;
}
