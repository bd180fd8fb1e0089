// SPDX-License-Identifier: MIT
/// \file
/// Whether several parts of an image count for what each of them counts alone.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/model.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/patches/grid.hpp"
#include "foil/evaluation/patches/patch_evidence.hpp"
#include "foil/geometry/image.hpp"

namespace foil {

/// Options of foil::additivity_gap().
struct AdditivityOptions {
  PatchOptions patches{};  ///< which must not overlap: their stride is 0, or the patch
  PatchView view = PatchView::occlude;
  Index together = 4;  ///< patches taken at once, from 2 to all of them
  Index draws = 10;    ///< so many sets of them for each image, drawn at random
  Index apart = 0;     ///< pixels that lie between any two of a set at least
  std::uint64_t seed = 0;
};

/// What foil::additivity_gap() found: of each image (row) and set of patches the evidence.
struct Additivity {
  Logits<double> sums{};    ///< of each patch by itself, added up
  Logits<double> joints{};  ///< of all of them at once

  /// The mean size of sum - joint, relative to that of joint. 0: patches do not interact, as in a bag of
  /// them; 1: what they do together says nothing of what one does. NaN if nothing together does anything.
  double gap() const { return ratio(sums, joints); }
  /// The same of one image.
  double gap(Index image) const { return ratio(sums.row(image), joints.row(image)); }

  /// Pearson's correlation of sums and joints; NaN if either is always the same.
  double correlation() const {
    if (constant(sums) || constant(joints)) return std::numeric_limits<double>::quiet_NaN();
    const auto count = static_cast<double>(sums.size());
    const double a = sums.sum() / count, b = joints.sum() / count;
    double product = 0, squares_a = 0, squares_b = 0;
    for (Index i = 0; i < sums.size(); ++i) {
      const double s = sums.data()[i] - a, j = joints.data()[i] - b;
      product += s * j;
      squares_a += s * s;
      squares_b += j * j;
    }
    return product / std::sqrt(squares_a) / std::sqrt(squares_b);
  }

 private:
  /// Their mean may be off by a rounding, which would correlate with itself.
  static bool constant(const Logits<double>& numbers) {
    return std::all_of(numbers.data(), numbers.data() + numbers.size(),
                       [&](double number) { return number == numbers.data()[0]; });
  }
  static double ratio(const Logits<double>& sums, const Logits<double>& joints) {
    double off = 0, size = 0;
    for (Index i = 0; i < sums.size(); ++i) {
      off += std::abs(sums.data()[i] - joints.data()[i]);
      size += std::abs(joints.data()[i]);
    }
    return size == 0 ? std::numeric_limits<double>::quiet_NaN() : off / size;
  }
};

namespace detail {

/// Some patches of a grid, in an order drawn at random, each that lies far enough from those before it.
inline std::vector<Index> spaced_patches(const PatchGrid& grid, const AdditivityOptions& options,
                                         RandomDraw random) {
  std::vector<Index> order(static_cast<std::size_t>(grid.size())), out;
  std::iota(order.begin(), order.end(), Index{0});
  for (std::size_t i = 0; i < order.size() && static_cast<Index>(out.size()) < options.together; ++i) {
    std::swap(order[i], order[i + static_cast<std::size_t>(random.integer(order.size() - i))]);
    if (std::all_of(out.begin(), out.end(),
                    [&](Index other) { return grid.between(order[i], other) >= options.apart; }))
      out.push_back(order[i]);
  }
  require(static_cast<Index>(out.size()) == options.together, "additivity gap: expected ", options.together,
          " patches ", options.apart, " pixels apart to have room among ", grid.size(), ", found ",
          out.size());
  return out;
}

}  // namespace detail

/// Takes several patches at once and compares the evidence with the sum of what each has alone: whether the
/// model looks at parts of an image one by one, as Brendel, Bethge 2019 (arXiv:1904.00760) asked of VGG-16
/// and others by occluding them. A bag of such patches has a gap of 0, within its rounding. The sets are a
/// function of the seed and the image's place in the batch.
///
/// Costs what foil::patch_evidence() does, and `draws` rows for each image. Throws foil::Error for what that
/// does not take, for patches that overlap, and where so many have no room so far apart.
template <class M, class X>
  requires ScoreModel<M>
Additivity additivity_gap(M& model, const X& given, const GivenLabels& targets,
                          const AdditivityOptions& options = {}) {
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;
  const Input& x = as_batch<Input>(given);
  const PatchGrid grid(geometry::image_or_row(x, options.patches.channels_last), options.patches);
  require(grid.apart(), "additivity gap: expected patches that do not overlap, got a stride of ",
          options.patches.stride, " for patches of ", options.patches.patch);
  require(
      options.together >= 2 && options.together <= grid.size() && options.draws >= 1 && options.apart >= 0,
      "additivity gap: expected 2 to ", grid.size(), " patches together, draws >= 1 and apart >= 0, got ",
      options.together, ", ", options.draws, " and ", options.apart);
  const PatchEvidence alone = patch_evidence(model, x, targets, options.view, options.patches);
  const Input blank = detail::baseline_of(x, grid.image(), options.patches, model.bounds());
  const ConstSampleView<Scalar> ground = sample(blank, 0);
  const bool present = options.view == PatchView::present;

  Additivity out;
  out.sums.setZero(samples(x), options.draws);
  out.joints.resize(samples(x), options.draws);
  Index classes = 0;
  detail::show_images(
      model, x, samples(x) * options.draws, options.patches.batch_size, classes,
      [&](Index g, SampleView<Scalar> image) {
        const Index i = g / options.draws, draw = g % options.draws;
        const ConstSampleView<Scalar> original = sample(x, i);
        image = present ? ground : original;
        const RandomDraw random(random_key(options.seed, "additivity-gap"), static_cast<std::uint64_t>(i),
                                Purpose::permutation, static_cast<std::uint32_t>(draw));
        for (const Index patch : detail::spaced_patches(grid, options, random)) {
          grid.copy<Scalar>(present ? original : ground, image, patch);
          out.sums(i, draw) += alone.values(i, patch);
        }
      },
      [&](Index g, const auto& logits) {
        const Index i = g / options.draws;
        const double said = static_cast<double>(logits[targets[i]]);
        out.joints(i, g % options.draws) = present ? said - alone.blank[i] : alone.whole[i] - said;
      });
  return out;
}

}  // namespace foil
