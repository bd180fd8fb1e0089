// SPDX-License-Identifier: MIT
/// \file
/// Reads invertible networks: a text of steps, and ONNX files beside it for what couplings compute.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/shape.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/flow/description.hpp"
#include "foil/models/flow/flow.hpp"
#include "foil/models/flow/row_function.hpp"
#include "foil/models/flow/step.hpp"
#include "foil/onnx/onnx.hpp"
#include "foil/onnx/options.hpp"
#include "foil/onnx/source.hpp"

namespace foil::onnx {

namespace detail {

inline std::string read_text(const std::filesystem::path& path) {
  constexpr std::uint64_t most = std::uint64_t{1} << 28;
  const Source file(path);
  require(file.size() <= most, "onnx: '", path.string(), "' has ", file.size(), " bytes, expected at most ",
          most);
  std::string out(static_cast<std::size_t>(file.size()), ' ');
  file.read(0, file.size(), out.data());
  return out;
}

/// The network of a file as a function of rows: whatever is at its end is a part of it.
template <class Scalar>
RowFunction<Scalar> read_row_function(const std::filesystem::path& path, const FlowShape& kept) {
  const File file(path);
  Options<Scalar> options;
  options.flattened = true;
  const std::vector<Index> shape = file.input_shape();
  Index size = 1;
  for (const Index extent : shape) size *= extent;
  const bool as_channels = shape == std::vector<Index>{kept.channels, kept.height, kept.width};
  require(as_channels || (shape.size() == 1 && size == kept.size()), "onnx: '", path.string(),
          "' takes inputs of shape ", batch_text(shape), ", expected ",
          batch_text(std::vector<Index>{kept.channels, kept.height, kept.width}), " or ",
          batch_text(std::vector<Index>{kept.size()}));
  if (shape.size() == 1) return row_function<Scalar>(file.network<Scalar, 2>(options), kept);
  return row_function<Scalar>(file.network<Scalar, 4>(options), kept);
}

}  // namespace detail

/// Reads an invertible network from a directory: `flow.txt`, see foil::parse_flow(), where couplings name
/// ONNX files of the same directory. Each is a network of the channels that its coupling keeps, (N, C, H, W)
/// or (N, features), whose answer, (N, numbers), is what the coupling adds, or scales by and adds; a Softmax
/// or Sigmoid at its end stays.
///
/// All is computed in Scalar, the networks too. That counts: where networks compute in single precision
/// within a flow in double precision, one coupling still returns what it was given, but an error in the last
/// digit of what it was given, which other steps make, may now and then become one of a network's seventh
/// digit. Throws foil::Error naming the file or the line.
/// \tparam Rank  of a batch: 4 for images, 2 for features
template <class Scalar = double, int Rank = 4>
Flow<Tensor<Scalar, Rank>> load_flow(const std::filesystem::path& directory) {
  const std::string text = detail::read_text(directory / "flow.txt");
  const auto functions = [&](std::string_view name, const FlowShape& kept) {
    const std::filesystem::path file(name);
    require(!file.empty() && file == file.filename() && name != "." && name != "..",
            "onnx: expected the name of a file beside flow.txt, got '", name, "'");
    return detail::read_row_function<Scalar>(directory / file, kept);
  };
  return parse_flow<Tensor<Scalar, Rank>>(text, functions);
}

}  // namespace foil::onnx
