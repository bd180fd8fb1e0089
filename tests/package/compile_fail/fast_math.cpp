// expect: foil: -ffast-math and -ffinite-math-only let the compiler drop the checks
// flags: -ffast-math
#include "foil/core/error.hpp"
