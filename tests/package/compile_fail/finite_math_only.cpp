// expect: foil: -ffast-math and -ffinite-math-only let the compiler drop the checks
// flags: -ffinite-math-only
#include "foil/core/error.hpp"
