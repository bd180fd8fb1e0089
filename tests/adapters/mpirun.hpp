// SPDX-License-Identifier: MIT
/// \file
/// MPI's program that starts others, as tests need it. FOIL_MPIEXEC is its path, FOIL_MPIEXEC_COUNT its
/// option for how many.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

namespace foil_test {

/// To be put before a program and its arguments.
inline std::vector<std::string> mpirun(int ranks) {
  return {FOIL_MPIEXEC, FOIL_MPIEXEC_COUNT, std::to_string(ranks)};
}

/// What Open MPI wants to be told: as root, and with more ranks than there are processors.
inline void allow_mpirun() {
  setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
  setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
  setenv("OMPI_MCA_rmaps_base_oversubscribe", "1", 1);
}

}  // namespace foil_test
