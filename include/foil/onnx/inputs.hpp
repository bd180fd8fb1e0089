// SPDX-License-Identifier: MIT
/// \file
/// What an ONNX file says of its input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "foil/core/error.hpp"
#include "foil/onnx/element_type.hpp"
#include "foil/onnx/model.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// The one input that is not an initializer.
inline const ValueInfo& find_input(const Model& model) {
  const ValueInfo* found = nullptr;
  std::set<std::string_view> initialized;
  for (const Constant& c : model.initializers)
    require(initialized.insert(c.name).second, "onnx: the initializer '", c.name, "' is defined twice");
  for (const ValueInfo& input : model.inputs) {
    if (initialized.contains(input.name)) continue;
    require(found == nullptr, "onnx: expected one input, got '", found == nullptr ? "" : found->name,
            "' and '", input.name, "'");
    found = &input;
  }
  require(found != nullptr, "onnx: the network has no input");
  require(is_float_type(found->type) || found->type == static_cast<int>(ElementType::uint8),
          "onnx: expected an input of floats or uint8 (2), got ", type_text(found->type));
  require(!found->dims || !found->dims->empty(), "onnx: the input '", found->name,
          "' is a single number, expected a sample's");
  return *found;
}

/// How many axes of the input's shape, one at most, are not a sample's: none if there is but one axis, which
/// is a single sample's then, as in files for one sample that leave the batch out.
inline std::ptrdiff_t axes_of_batch(const ValueInfo& input) {
  return input.dims.has_value() && input.dims->size() == 1 ? 0 : 1;
}

/// The input's shape per sample, of which extents that the file leaves open have to be given, and with them
/// all the others.
inline Dims sample_dims(const ValueInfo& input, const Dims& given) {
  const std::string hint = "; say what it is by Options::input_shape (--input-shape)";
  require(input.dims.has_value() || !given.empty(), "onnx: the input '", input.name, "' has no shape", hint);
  if (!input.dims.has_value()) return given;
  const auto first = axes_of_batch(input);
  Dims dims(input.dims->begin() + first, input.dims->end());
  require(given.empty() || given.size() == dims.size(), "onnx: the input '", input.name, "' has ",
          dims.size(), " axes per sample, an input shape of ", given.size(), " was given");
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (!given.empty() && (dims[i] == given[i] || dims[i] == -1)) dims[i] = given[i];
    require(given.empty() || dims[i] == given[i], "onnx: dimension ", static_cast<std::size_t>(first) + i,
            " of the input '", input.name, "' is ", dims[i], ", an input shape with ",
            given.empty() ? 0 : given[i], " was given");
    require(dims[i] > 0, "onnx: dimension ", static_cast<std::size_t>(first) + i, " of the input '",
            input.name, "' is open or empty", hint);
  }
  return dims;
}

/// The number of samples that the file is for; -1 if that is open.
inline std::int64_t file_batch(const ValueInfo& input) {
  if (axes_of_batch(input) == 0) return 1;
  return input.dims.has_value() ? (*input.dims)[0] : -1;
}

}  // namespace foil::onnx::detail
