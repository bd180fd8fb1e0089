// SPDX-License-Identifier: MIT
#include "catalogue/runs.hpp"

namespace foil {

template Result<Tensor<float, 2>> run(ModelPort<Tensor<float, 2>>&, const Tensor<float, 2>&, const Judge&,
                                      const AttackTraits&, const RunOptions<Tensor<float, 2>>&,
                                      const Launch&);
template Result<Tensor<double, 2>> run(ModelPort<Tensor<double, 2>>&, const Tensor<double, 2>&, const Judge&,
                                       const AttackTraits&, const RunOptions<Tensor<double, 2>>&,
                                       const Launch&);
template Result<Tensor<float, 4>> run(ModelPort<Tensor<float, 4>>&, const Tensor<float, 4>&, const Judge&,
                                      const AttackTraits&, const RunOptions<Tensor<float, 4>>&,
                                      const Launch&);
template Result<Tensor<double, 4>> run(ModelPort<Tensor<double, 4>>&, const Tensor<double, 4>&, const Judge&,
                                       const AttackTraits&, const RunOptions<Tensor<double, 4>>&,
                                       const Launch&);

}  // namespace foil
