// SPDX-License-Identifier: MIT
/// \file
/// Conversion of ONNX's support vector machines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/tensor.hpp"
#include "foil/nn/operators/support_vectors.hpp"
#include "foil/onnx/builder.hpp"
#include "foil/onnx/node_view.hpp"
#include "foil/onnx/score_nodes.hpp"
#include "foil/onnx/value.hpp"

namespace foil::onnx::detail {

/// What all machines have.
inline nn::MachineTable machine_table(const NodeView& at) {
  nn::MachineTable table;
  const std::string kernel = at.string("kernel_type", "LINEAR");
  at.require(kernel == "LINEAR" || kernel == "POLY" || kernel == "RBF" || kernel == "SIGMOID",
             "unknown kernel_type '", printable(kernel, 40), "'");
  table.similarity = kernel == "LINEAR" ? nn::Similarity::linear
                     : kernel == "POLY" ? nn::Similarity::polynomial
                     : kernel == "RBF"  ? nn::Similarity::radial
                                        : nn::Similarity::sigmoid;
  const std::vector<float>& parameters = at.numbers("kernel_params");
  at.require(parameters.size() == 3 || (parameters.empty() && table.similarity == nn::Similarity::linear),
             "expected three kernel_params, got ", parameters.size());
  if (!parameters.empty()) {
    table.gamma = parameters[0];
    table.offset = parameters[1];
    table.degree = parameters[2];
  }
  table.vectors = at.numbers("support_vectors");
  table.coefficients = at.numbers("coefficients");
  table.constants = at.numbers("rho");
  return table;
}

template <class T>
Value emit_machines(Builder<T>& build, const NodeView& at, nn::MachineAnswer answer, nn::MachineTable table) {
  const Value x = build.planar(build.value(at, 0));
  at.require(x.rank() == 2 && x.dims[0] == 1 && !x.holds_samples(1),
             "expected an input of shape (N, features), got ", x.shape());
  std::unique_ptr<nn::Machines<T>> machines;
  try {
    machines = std::make_unique<nn::Machines<T>>(x.dims[1], answer, std::move(table));
  } catch (const Error& error) {
    at.require(false, error.what());
  }
  const Index outputs = machines->outputs();
  return build.emit(std::move(machines), {x.slot}, {1, outputs}, Layout::planar, x.batch);
}

template <class T>
Value convert_svm_regressor(Builder<T>& build, const NodeView& at) {
  return emit_machines<T>(build, at, nn::MachineAnswer::sum, machine_table(at));
}

template <class T>
Value convert_svm_classifier(Builder<T>& build, const NodeView& at) {
  nn::MachineTable table = machine_table(at);
  const std::size_t labels = labels_of(at, "classlabels_ints", "classlabels_strings");
  for (const std::int64_t count : at.integers("vectors_per_class"))
    table.of_class.push_back(static_cast<Index>(count));
  at.require(table.of_class.size() == labels, "expected vectors_per_class of ", labels, " classes, got ",
             table.of_class.size());
  table.slopes = at.numbers("prob_a");
  table.shifts = at.numbers("prob_b");
  const nn::MachineAnswer answer = !table.slopes.empty()                 ? nn::MachineAnswer::probabilities
                                   : at.integer(votes_attribute, 0) != 0 ? nn::MachineAnswer::votes
                                                                         : nn::MachineAnswer::pairs;
  return emit_machines<T>(build, at, answer, std::move(table));
}

}  // namespace foil::onnx::detail
