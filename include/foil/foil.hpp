// SPDX-License-Identifier: MIT
/// \file
/// The library: models, criteria, attacks, results; needs nothing but Eigen. Networks from ONNX files are in
/// foil/nn/onnx.hpp, files in foil/io/, attacks by name in foil/evaluation/registry.hpp.
#pragma once

#include "foil/attacks/additive_noise.hpp"
#include "foil/attacks/attack.hpp"
#include "foil/attacks/blended_noise.hpp"
#include "foil/attacks/boundary.hpp"
#include "foil/attacks/brendel_bethge.hpp"
#include "foil/attacks/dataset.hpp"
#include "foil/attacks/fast_gradient.hpp"
#include "foil/attacks/minimal.hpp"
#include "foil/attacks/projected_gradient.hpp"
#include "foil/attacks/salt_and_pepper.hpp"
#include "foil/core/criteria.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/pool.hpp"
#include "foil/core/result.hpp"
#include "foil/core/run_options.hpp"
#include "foil/evaluation/accuracy.hpp"
#include "foil/geometry/clipped_step.hpp"
#include "foil/geometry/maximise.hpp"
#include "foil/geometry/project.hpp"
#include "foil/geometry/rescale.hpp"
#include "foil/geometry/rescale_vjp.hpp"
#include "foil/geometry/sampling.hpp"
#include "foil/models/fixed_batch.hpp"
#include "foil/models/label_only.hpp"
#include "foil/models/lambdas.hpp"
#include "foil/version.hpp"
