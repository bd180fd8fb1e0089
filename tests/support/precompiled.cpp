// SPDX-License-Identifier: MIT
/// \file
/// Empty on purpose: CMake precompiles headers for a source that uses them, and catch_main.cpp must not.
