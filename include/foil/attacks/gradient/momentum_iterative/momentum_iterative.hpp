// SPDX-License-Identifier: MIT
/// \file
/// Iterated gradient steps along an accumulated gradient, and what makes gradients transfer: one method with
/// switches, and its presets.
#pragma once

#include <array>
#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "foil/attacks/gradient/momentum_iterative/options.hpp"
#include "foil/attacks/gradient/momentum_iterative/smoothing.hpp"
#include "foil/attacks/parts/averaged_gradient.hpp"
#include "foil/attacks/parts/momentum.hpp"
#include "foil/attacks/parts/schedule.hpp"
#include "foil/attacks/parts/steepest_ascent.hpp"
#include "foil/core/norms.hpp"
#include "foil/geometry/box.hpp"
#include "foil/geometry/image.hpp"
#include "foil/geometry/project.hpp"
#include "foil/geometry/sampling.hpp"
#include "foil/run/attack.hpp"

namespace foil {

/// The momentum iterative method for L1, L2 and Linf, targeted or not: m <- mu m + g / mean|g|, x <- P(x +
/// step * direction(m)), P the exact Euclidean projection onto ball ∩ box. Dong et al. 2018, arXiv:1710.06081
/// (MI-FGSM). What g is, options say, in any combination:
///
/// - `nesterov`: taken where the momentum alone would lead, projected (NI; Lin et al. 2020, arXiv:1908.06281)
/// - `scales`: averaged over copies divided by 1, 2, 4, ... (SI; the same)
/// - `neighbours`: plus what the mean gradient around the last point differed from that point's own (VMI and
///   VNI; Wang & He 2021, arXiv:2103.15571)
/// - `diversity`: at copies shrunken and placed at random (DI; Xie et al. 2019, arXiv:1803.06978)
/// - `smoothing`: convolved with a kernel (TI; Dong et al. 2019, arXiv:1904.02884)
/// - `samples`, `noise`: averaged over repeated calls of a model that uses chance, over the choices of
///   `diversity`, or over points around x (EOT; Athalye et al. 2018, arXiv:1707.07397)
///
/// Differs from the usual implementations: what is accumulated are gradients, not their signs; every point
/// asked about that lies within the radius counts; a sample is finished at its first success, unless
/// `maximize_loss` (use it where another model is to be fooled); the loss is LSEM (see foil::Loss); L1 steps
/// are sparse; gradients at altered copies come from the exact adjoint of what was done to them. Without
/// momentum and with one gradient per step it is BIM or PGD, bit for bit. Where a model uses chance, a result
/// is what it said once, confirmed by one more call. Images have three dimensions.
///
/// Cost: steps x samples x scales + (steps - 1) x neighbours x scales times (1 forward + 1 backward), those
/// of a step in one question, + 1 forward, and 1 forward for the input if it is not the first point.
template <Norm N>
class MomentumIterativeMethod : public FixedBudgetAttack<MomentumIterativeMethod<N>> {
 public:
  using Options = MomentumIterativeOptions;
  using norm = N;
  static constexpr Knowledge knowledge = Knowledge::gradients;

  /// A preset has a name of its own, which its random numbers belong to.
  explicit MomentumIterativeMethod(Options options = {}, std::string name = text(N::name, "-mifgsm"))
      : options_(checked(name, options)), name_(std::move(name)) {}
  const Options& options() const { return options_; }
  const std::string& name() const { return name_; }

  Task<> attack(Oracle& oracle, double epsilon) const {
    if (epsilon == 0) co_return;
    const ViewOptions views{options_.scales, options_.diversity, options_.smallest, options_.channels_last};
    AveragedGradient gradients(oracle, views, [](const geometry::Box& box, RandomDraw draw) {
      return geometry::uniform_in_ball<N>(box, draw);
    });
    const std::vector<double> kernel = smoothing_kernel(options_.smoothing, options_.smoothing_radius);
    geometry::ImageLayout image;
    if (!kernel.empty()) image = geometry::image_layout(oracle.shape(), options_.channels_last);
    if (options_.maximize_loss) oracle.prefer_highest_loss();

    const Index n = oracle.features();
    const double first_step = options_.absolute_step > 0   ? options_.absolute_step
                              : options_.relative_step > 0 ? options_.relative_step * epsilon
                                                           : epsilon / options_.steps;
    Eigen::VectorXd x = oracle.original(), ahead, correction, direction(n);
    Eigen::VectorXd momentum = Eigen::VectorXd::Zero(options_.momentum > 0 ? n : 0);
    if (options_.random_start)
      x += epsilon * geometry::uniform_in_ball<N>(oracle.box(), oracle.random(Purpose::start));
    std::array<GradientsAround, 2> around;
    around[0].count = options_.samples;
    around[0].radius = options_.noise * epsilon;
    around[1].radius = options_.neighbourhood * epsilon;
    for (int step = 0; step < options_.steps; ++step) {
      const double length = first_step * decay(step);
      if (!oracle.on_lattice()) oracle.settle(x, epsilon);
      if (options_.nesterov) {
        steepest_ascent<N>(oracle.box(), x, momentum, options_.momentum * length, options_.quantile,
                           direction);
        ahead = x + direction;
        geometry::project(ahead, oracle.region<N>(epsilon));
      }
      around[1].count = step + 1 < options_.steps ? options_.neighbours : 0;
      co_await gradients.ask(oracle, options_.nesterov ? ahead : x, epsilon, options_.loss, around);
      Eigen::VectorXd& gradient = around[0].mean;
      if (around[1].count > 0) around[1].mean -= gradient;
      if (correction.size() > 0) gradient += correction;
      correction.swap(around[1].mean);
      if (!kernel.empty()) geometry::smooth(image, kernel, gradient);
      oracle.box().hold_frozen(gradient);
      if (options_.momentum > 0) accumulate(oracle.box(), options_.momentum, gradient, momentum);
      steepest_ascent<N>(oracle.box(), x, options_.momentum > 0 ? momentum : gradient, length,
                         options_.quantile, direction);
      x += direction;
      geometry::project(x, oracle.region<N>(epsilon));
    }
    oracle.settle(x, epsilon);
    co_await oracle.score(x, options_.loss);
  }

 private:
  double decay(int step) const {
    if (options_.steps == 1) return 1;
    return cosine_decay(1, options_.final_step, static_cast<double>(step) / (options_.steps - 1));
  }

  Options options_;
  std::string name_;
};

/// The same under another name and with other defaults.
template <Norm N, class Defaults>
class MomentumPreset : public MomentumIterativeMethod<N> {
 public:
  using Options = MomentumOptionsOf<Defaults>;
  explicit MomentumPreset(Options options = {})
      : MomentumIterativeMethod<N>(std::bit_cast<MomentumIterativeOptions>(options),
                                   text(N::name, "-", Defaults::name)) {}
};

using L1MomentumIterativeMethod = MomentumIterativeMethod<L1>;
using L2MomentumIterativeMethod = MomentumIterativeMethod<L2>;
using LinfMomentumIterativeMethod = MomentumIterativeMethod<Linf>;
using MIFGSM = LinfMomentumIterativeMethod;
using NIFGSM = MomentumPreset<Linf, NiDefaults>;
using SINIFGSM = MomentumPreset<Linf, SiDefaults>;
using VMIFGSM = MomentumPreset<Linf, VmiDefaults>;
using VNIFGSM = MomentumPreset<Linf, VniDefaults>;
using DIFGSM = MomentumPreset<Linf, DiDefaults>;
using TIFGSM = MomentumPreset<Linf, TiDefaults>;
using EOTPGD = MomentumPreset<Linf, EotDefaults>;

/// Its entries in the catalogue.
struct MomentumIterativeFamily {
  static void list(auto& catalogue) {
    catalogue.family(
        "Momentum iterative method",
        "Dong et al. 2018, arXiv:1710.06081; presets: Lin et al. 2020, arXiv:1908.06281; Wang & He "
        "2021, arXiv:2103.15571; Xie et al. 2019, arXiv:1803.06978; Dong et al. 2019, "
        "arXiv:1904.02884; Athalye et al. 2018, arXiv:1707.07397",
        "(`steps` x `samples` + (`steps` - 1) x `neighbours`) x `scales` times (1 forward + 1 "
        "backward) + 1 forward");
    catalogue.add(MIFGSM(), {"mifgsm", "mi-fgsm", "linf-mi-fgsm"});
    catalogue.add(L2MomentumIterativeMethod(), {"l2-mi-fgsm"});
    catalogue.add(L1MomentumIterativeMethod(), {"l1-mi-fgsm"});
    catalogue.add(MIFGSM(NIFGSM()), {"ni-fgsm"});
    catalogue.add(MIFGSM(SINIFGSM()), {"si-ni-fgsm", "linf-si-fgsm"});
    catalogue.add(MIFGSM(VMIFGSM()), {"vmi-fgsm"});
    catalogue.add(MIFGSM(VNIFGSM()), {"vni-fgsm"});
    catalogue.add(MIFGSM(DIFGSM()), {"di-fgsm"});
    catalogue.add(MIFGSM(TIFGSM()), {"ti-fgsm"});
    catalogue.add(MIFGSM(EOTPGD()), {"eot-pgd"});
  }
};

}  // namespace foil
