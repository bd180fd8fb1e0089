// SPDX-License-Identifier: MIT
#include "support/onnx.hpp"

namespace foil::onnx::detail {

template Imported<float> import_network<float>(const Model&, const Options<float>&);
template Imported<double> import_network<double>(const Model&, const Options<double>&);
template const std::map<std::string_view, Conversion<float>>& conversions<float>();

}  // namespace foil::onnx::detail
