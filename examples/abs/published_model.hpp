// SPDX-License-Identifier: MIT
/// \file
/// Analysis by synthesis of MNIST with the decoders of its authors.
#pragma once

#include <filesystem>
#include <foil/io/npy.hpp>
#include <foil/models/analysis_by_synthesis.hpp>
#include <foil/onnx/onnx.hpp>
#include <utility>
#include <vector>

namespace abs_example {

using Images = foil::Tensor<float, 4>;
using Model = foil::AnalysisBySynthesis<foil::nn::Network<float, 4>>;

/// What the authors chose by hand for binary inputs.
inline const std::vector<double> binary_factors{1, 0.96, 1.001, 1.06, 0.98, 0.96, 1.03, 1, 1, 1};
/// Of foil::calibrated_softmax().
inline constexpr double confidence_scale = 440, confidence_floor = 3.9e-5;

/// As published, with the bank that was drawn by NumPy from the seed 1234.
inline foil::SynthesisOptions published_options(bool binary = false) {
  foil::SynthesisOptions options;
  options.clip = foil::SphereClip::reference;
  if (binary) {
    options.threshold = 0.5;
    options.factors = binary_factors;
  }
  return options;
}

inline Eigen::MatrixXd published_bank(const std::filesystem::path& folder) {
  foil::io::NpyArray file = foil::io::read_npy(folder / "bank.npy");
  foil::require(file.shape.size() == 2, "bank.npy: expected two dimensions, got ", file.shape.size());
  const std::vector<float> numbers = file.values<float>();
  return foil::ConstMatrixView<float>(numbers.data(), file.shape[0], file.shape[1]).cast<double>();
}

/// The model of the decoders in `folder`, and of a bank.
inline Model published_model(const std::filesystem::path& folder, const Eigen::MatrixXd& bank,
                             const foil::SynthesisOptions& options) {
  std::vector<foil::nn::Network<float, 4>> decoders;
  for (int digit = 0; digit < 10; ++digit)
    decoders.push_back(foil::onnx::load<float, 4>(
        folder / "decoders" / foil::text("decoder_", digit, ".onnx"), {.flattened = true}));
  return Model(std::move(decoders), bank, {1, 28, 28}, options);
}

}  // namespace abs_example
