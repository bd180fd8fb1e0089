// SPDX-License-Identifier: MIT
/// \file
/// foil::mpi: a process that is alone, and asks MPI nothing.
#include <foil/adapters/mpi.hpp>

int main() {
  if (!foil::mpi::launched()) return 0;
  const foil::mpi::Ranks ranks;
  return ranks.count() - 1;
}
