// SPDX-License-Identifier: MIT
#include "catalogue/importer.hpp"

namespace foil::onnx::detail {

template Model read_model(std::shared_ptr<const Source>, std::filesystem::path);
template Imported<float> import_network<float>(const Model&, const Options<float>&);
template const std::map<std::string_view, Conversion<float>>& conversions<float>();

}  // namespace foil::onnx::detail
