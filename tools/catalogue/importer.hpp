// SPDX-License-Identifier: MIT
/// \file
/// The importer of ONNX files for foil's own programs and tests, which link the one object that compiles it.
/// A user's program includes foil/onnx/onnx.hpp instead.
#pragma once

#include <filesystem>
#include <memory>

#include "foil/onnx/onnx.hpp"

namespace foil::onnx::detail {

extern template Model read_model(std::shared_ptr<const Source>, std::filesystem::path);
extern template Imported<float> import_network<float>(const Model&, const Options<float>&);
extern template const std::map<std::string_view, Conversion<float>>& conversions<float>();

}  // namespace foil::onnx::detail
