// SPDX-License-Identifier: MIT
/// \file
/// Every family of attacks.
#pragma once

#include "foil/attacks/decision/additive_noise.hpp"
#include "foil/attacks/decision/adversarial_corruption/adversarial_corruption.hpp"
#include "foil/attacks/decision/binarization_refinement.hpp"
#include "foil/attacks/decision/blended_noise.hpp"
#include "foil/attacks/decision/boundary/boundary.hpp"
#include "foil/attacks/decision/contrast_reduction.hpp"
#include "foil/attacks/decision/dataset.hpp"
#include "foil/attacks/decision/gaussian_blur.hpp"
#include "foil/attacks/decision/geoda.hpp"
#include "foil/attacks/decision/hop_skip_jump.hpp"
#include "foil/attacks/decision/inversion.hpp"
#include "foil/attacks/decision/planes/planes.hpp"
#include "foil/attacks/decision/pointwise/pointwise.hpp"
#include "foil/attacks/decision/query/query.hpp"
#include "foil/attacks/decision/salt_and_pepper.hpp"
#include "foil/attacks/decision/sign_opt.hpp"
#include "foil/attacks/decision/sign_rays/sign_rays.hpp"
#include "foil/attacks/decision/spatial/spatial.hpp"
#include "foil/attacks/gradient/alma/alma.hpp"
#include "foil/attacks/gradient/auto_pgd/auto_pgd.hpp"
#include "foil/attacks/gradient/brendel_bethge/brendel_bethge.hpp"
#include "foil/attacks/gradient/carlini_wagner/carlini_wagner.hpp"
#include "foil/attacks/gradient/closest/closest.hpp"
#include "foil/attacks/gradient/ddn.hpp"
#include "foil/attacks/gradient/deepfool.hpp"
#include "foil/attacks/gradient/divergence_pgd.hpp"
#include "foil/attacks/gradient/elastic_net.hpp"
#include "foil/attacks/gradient/fab/fab.hpp"
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "foil/attacks/gradient/fmn.hpp"
#include "foil/attacks/gradient/jsma/jsma.hpp"
#include "foil/attacks/gradient/latent_descent.hpp"
#include "foil/attacks/gradient/momentum_iterative/momentum_iterative.hpp"
#include "foil/attacks/gradient/newtonfool.hpp"
#include "foil/attacks/gradient/primal_dual/primal_dual.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/attacks/gradient/sigma_zero.hpp"
#include "foil/attacks/gradient/sparsefool.hpp"
#include "foil/attacks/gradient/super_deepfool.hpp"
#include "foil/attacks/gradient/trust_region.hpp"
#include "foil/attacks/gradient/vfga.hpp"
#include "foil/attacks/gradient/virtual_adversarial.hpp"
#include "foil/attacks/score/few_pixel.hpp"
#include "foil/attacks/score/gen_attack/gen_attack.hpp"
#include "foil/attacks/score/simba.hpp"
#include "foil/attacks/score/sparse_rs.hpp"
#include "foil/attacks/score/square/square.hpp"
#include "foil/attacks/score/zoo.hpp"

namespace foil {

/// The families in the order of the catalogue, which foil::LatentDescentAttack is no part of: the models that
/// it is for have no names.
template <class... Family>
struct Families {
  static void list(auto& catalogue) { (Family::list(catalogue), ...); }
};
using AllFamilies =
    Families<FastGradientFamily, ProjectedGradientFamily, AdditiveNoiseFamily, BoundaryFamily,
             BlendedNoiseFamily, SaltAndPepperFamily, DatasetFamily, BrendelBethgeFamily, DeepFoolFamily,
             SigmaZeroFamily, AutoPgdFamily, VotingFoldedGaussianFamily, CarliniWagnerFamily,
             JacobianSaliencyFamily, DDNFamily, FMNFamily, PrimalDualFamily, FabFamily, NewtonFoolFamily,
             TrustRegionFamily, MomentumIterativeFamily, VirtualAdversarialFamily, DivergencePgdFamily,
             ClosestFamily, SuperDeepFoolFamily, SparseFoolFamily, ALMAFamily, ElasticNetFamily, SquareFamily,
             SignRayFamily, QueryFamily, HopSkipJumpFamily, PlaneFamily, SignOptFamily, GeodaFamily,
             InversionFamily, ContrastReductionFamily, GaussianBlurFamily, PointwiseFamily,
             BinarizationRefinementFamily, SpatialFamily, AdversarialCorruptionFamily, SimbaFamily,
             SparseRsFamily, GenAttackFamily, FewPixelFamily, ZooFamily>;

}  // namespace foil
