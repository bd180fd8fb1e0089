// SPDX-License-Identifier: MIT
/// \file
/// foil::onnx: a file that is not there is refused.
#include <foil/onnx/onnx.hpp>

int main() {
  try {
    foil::onnx::load("no such file.onnx");
  } catch (const foil::Error&) {
    return 0;
  }
  return 1;
}
