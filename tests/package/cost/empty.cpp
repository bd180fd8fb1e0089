// SPDX-License-Identifier: MIT
#include <foil/foil.hpp>

int main() {}
