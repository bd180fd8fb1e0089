// SPDX-License-Identifier: MIT
#include "support/onnx.hpp"

namespace foil::onnx::detail {

template Imported<double> import_network<double>(const Model&, const Options<double>&);

}  // namespace foil::onnx::detail
