// SPDX-License-Identifier: MIT
/// \file
/// Reads ONNX files into networks. With foil/onnx/decoder.hpp and what it includes, all of foil that needs
/// protozero.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "foil/nn/network.hpp"
#include "foil/onnx/decoder.hpp"
#include "foil/onnx/importer.hpp"
#include "foil/onnx/tensor_decoder.hpp"

namespace foil::onnx {

/// Reads a network from the bytes of an ONNX file; see load(). External data is not allowed.
template <class Scalar = float, int Rank = 4>
nn::Network<Scalar, Rank> parse(std::string_view bytes, const Options<Scalar>& options = {}) {
  return detail::build_network<Scalar, Rank>(detail::decode(bytes, {}), options);
}

/// Reads a classifier from an ONNX file (opsets 9 to 17, float32 weights, computed in Scalar). The network
/// has one input of shape (N, ...) with Rank dimensions, whose first one may be open or fixed in the file;
/// any N can be evaluated. Throws foil::Error naming node and reason if the file is damaged, uses an operator
/// that is not supported, or mixes samples.
template <class Scalar = float, int Rank = 4>
nn::Network<Scalar, Rank> load(const std::filesystem::path& path, const Options<Scalar>& options = {}) {
  const std::string bytes = detail::read_file(path);
  std::filesystem::path directory = path.parent_path();
  if (directory.empty()) directory = ".";
  return detail::build_network<Scalar, Rank>(detail::decode(bytes, std::move(directory)), options);
}

}  // namespace foil::onnx
