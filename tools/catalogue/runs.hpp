// SPDX-License-Identifier: MIT
/// \file
/// What runs attacks, compiled once for the types of inputs that foil's own programs and tests have
/// (runs.cpp): some four seconds for each of them in every program otherwise.
#pragma once

#include "foil/core/result.hpp"
#include "foil/core/tensor.hpp"
#include "foil/run/run_options.hpp"
#include "foil/run/threads.hpp"

namespace foil {

extern template Result<Tensor<float, 2>> run(ModelPort<Tensor<float, 2>>&, const Tensor<float, 2>&,
                                             const Judge&, const AttackTraits&,
                                             const RunOptions<Tensor<float, 2>>&, const Launch&);
extern template Result<Tensor<double, 2>> run(ModelPort<Tensor<double, 2>>&, const Tensor<double, 2>&,
                                              const Judge&, const AttackTraits&,
                                              const RunOptions<Tensor<double, 2>>&, const Launch&);
extern template Result<Tensor<float, 4>> run(ModelPort<Tensor<float, 4>>&, const Tensor<float, 4>&,
                                             const Judge&, const AttackTraits&,
                                             const RunOptions<Tensor<float, 4>>&, const Launch&);
extern template Result<Tensor<double, 4>> run(ModelPort<Tensor<double, 4>>&, const Tensor<double, 4>&,
                                              const Judge&, const AttackTraits&,
                                              const RunOptions<Tensor<double, 4>>&, const Launch&);

}  // namespace foil
