// SPDX-License-Identifier: MIT
/// \file
/// The importer of ONNX files as tests use it: in double precision, too, compiled once in support/onnx.cpp.
#pragma once

#include "catalogue/importer.hpp"

namespace foil::onnx::detail {

extern template Imported<double> import_network<double>(const Model&, const Options<double>&);

}  // namespace foil::onnx::detail
