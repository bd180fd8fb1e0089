// SPDX-License-Identifier: MIT
/// \file
/// The library: models, criteria, attacks, results; needs nothing but Eigen. Networks from ONNX files are in
/// foil/onnx/onnx.hpp, files in foil/io/, attacks by name in foil/evaluation/catalogue.hpp,
/// warnings in foil/evaluation/diagnose.hpp, worst cases in foil/evaluation/worst_of.hpp. Who minds compile
/// time includes the family that is used, from foil/attacks/, instead.
#pragma once

#include "foil/attacks.hpp"
#include "foil/attacks/parts/minimal.hpp"
#include "foil/core/criteria.hpp"
#include "foil/core/lattice.hpp"
#include "foil/core/losses.hpp"
#include "foil/core/model.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/result.hpp"
#include "foil/evaluation/accuracy.hpp"
#include "foil/geometry/clipped_step.hpp"
#include "foil/geometry/maximise.hpp"
#include "foil/geometry/project.hpp"
#include "foil/geometry/rescale.hpp"
#include "foil/geometry/rescale_vjp.hpp"
#include "foil/geometry/sampling.hpp"
#include "foil/models/affine.hpp"
#include "foil/models/cached.hpp"
#include "foil/models/ensemble.hpp"
#include "foil/models/fixed_batch.hpp"
#include "foil/models/gradient_estimator.hpp"
#include "foil/models/label_only.hpp"
#include "foil/models/lambdas.hpp"
#include "foil/models/log_probabilities.hpp"
#include "foil/models/planted.hpp"
#include "foil/models/preprocessed.hpp"
#include "foil/models/quantised.hpp"
#include "foil/models/query_budget.hpp"
#include "foil/models/redrawn.hpp"
#include "foil/models/single_logit.hpp"
#include "foil/models/voted.hpp"
#include "foil/run/any_attack.hpp"
#include "foil/run/attack.hpp"
#include "foil/run/pool.hpp"
#include "foil/run/run_options.hpp"
#include "foil/version.hpp"
