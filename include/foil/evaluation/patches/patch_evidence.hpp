// SPDX-License-Identifier: MIT
/// \file
/// Which parts of an image speak for a class, by what the model says of them alone, or of the rest.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/patches/grid.hpp"
#include "foil/geometry/image.hpp"

namespace foil {

/// How a patch is asked about.
enum class PatchView {
  present,  ///< alone on the baseline: its evidence is what it adds to the baseline's logit
  occlude   ///< replaced by the baseline: its evidence is what the image's logit loses without it
};

/// What foil::patch_evidence() found.
struct PatchEvidence {
  PatchGrid grid;
  PatchView view = PatchView::present;
  Logits<double> values{};  ///< of each image (row) the evidence of each patch, in logits of its target
  Eigen::VectorXd whole{};  ///< the target's logit for each image
  Eigen::VectorXd blank{};  ///< and for the baseline

  /// Evidence of an image by pixels: the mean of all patches that cover one.
  std::vector<float> map(Index image) const { return grid.spread(values.row(image).transpose()); }

  /// What each patch's own logit would be if the model were the mean of a function of one patch each, and the
  /// patches those of the grid. Of such a model their mean is the image's logit, see foil::additivity_gap().
  /// Throws foil::Error if the patches overlap.
  Logits<double> local_logits() const {
    require(grid.apart(), "patch evidence: expected patches that do not overlap, their stride is smaller");
    return (static_cast<double>(grid.size()) * values).colwise() + blank;
  }
};

namespace detail {

/// Shows a model `count` images like the given one, `batch_size` at a time: fill(g, image) makes the g-th,
/// take(g, logits) gets the model's answer. `classes` as check_answer() has them.
template <class M, class Fill, class Take>
void show_images(M& model, const input_t<M>& like, Index count, Index batch_size, Index& classes, Fill fill,
                 Take take) {
  for (Index first = 0; first < count; first += batch_size) {
    input_t<M> batch(resized(like, std::min(batch_size, count - first)));
    for (Index g = 0; g < samples(batch); ++g) fill(first + g, sample(batch, g));
    const Logits<scalar_t<M>> logits = model.logits(batch);
    check_answer(samples(batch), logits.rows(), logits.cols(), classes);
    for (Index g = 0; g < samples(batch); ++g) take(first + g, logits.row(g));
  }
}

}  // namespace detail

/// The evidence for a class in every patch of every image (Brendel, Bethge 2019, arXiv:1904.00760), for any
/// model of scores. A network that is a bag of patches (BagNet) has it inside; here the model is asked from
/// outside, so a patch's evidence depends on the baseline and, with PatchView::occlude, on the rest of the
/// image. Of a model that is the mean of a function of one patch each, with the same patches, both views
/// come to the same: an n-th of what the function says of the patch, less what it says of the baseline.
/// foil::additivity_gap() tells how far a model is from that.
///
/// Answers that are not finite make evidence that is not. Costs a row for each image and patch, one for each
/// image, and one for the baseline.
/// \param targets  the class of each image that evidence is for: its label, or what the model said
template <class M, class X>
  requires ScoreModel<M>
PatchEvidence patch_evidence(M& model, const X& given, const GivenLabels& targets,
                             PatchView view = PatchView::present, const PatchOptions& options = {}) {
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;
  const Input& x = as_batch<Input>(given);
  const Index count = samples(x);
  require(count > 0 && targets.size() == count, "patch evidence: expected a class for each of ", count,
          " images and at least one, got ", targets.size());
  PatchEvidence out{.grid = {geometry::image_or_row(x, options.channels_last), options}, .view = view};
  const PatchGrid& grid = out.grid;
  const Input blank = detail::baseline_of(x, grid.image(), options, model.bounds());
  const ConstSampleView<Scalar> ground = sample(blank, 0);
  const Index patches = grid.size();
  out.values.resize(count, patches);
  out.whole.resize(count);
  out.blank.resize(count);

  Index classes = 0;
  detail::show_images(
      model, x, count + 1, options.batch_size, classes,
      [&](Index g, SampleView<Scalar> image) { image = g < count ? sample(x, g) : ground; },
      [&](Index g, const auto& logits) {
        if (g < count) {
          require(targets[g] >= 0 && targets[g] < classes, "patch evidence: expected classes below ", classes,
                  ", got ", targets[g], " for image ", g);
          out.whole[g] = static_cast<double>(logits[targets[g]]);
          return;
        }
        for (Index i = 0; i < count; ++i) out.blank[i] = static_cast<double>(logits[targets[i]]);
      });
  const bool present = view == PatchView::present;
  detail::show_images(
      model, x, count * patches, options.batch_size, classes,
      [&](Index g, SampleView<Scalar> image) {
        const ConstSampleView<Scalar> original = sample(x, g / patches);
        image = present ? ground : original;
        grid.copy<Scalar>(present ? original : ground, image, g % patches);
      },
      [&](Index g, const auto& logits) {
        const Index i = g / patches;
        const double said = static_cast<double>(logits[targets[i]]);
        out.values(i, g % patches) = present ? said - out.blank[i] : out.whole[i] - said;
      });
  return out;
}

}  // namespace foil
