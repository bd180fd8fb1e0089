// SPDX-License-Identifier: MIT
/// \file
/// The importer of ONNX files as tests use it: compiled once, in support/onnx.cpp.
#pragma once

#include "foil/onnx/onnx.hpp"

namespace foil::onnx::detail {

extern template Imported<float> import_network<float>(const Model&, const Options<float>&);
extern template Imported<double> import_network<double>(const Model&, const Options<double>&);
extern template const std::map<std::string_view, Conversion<float>>& conversions<float>();

}  // namespace foil::onnx::detail
