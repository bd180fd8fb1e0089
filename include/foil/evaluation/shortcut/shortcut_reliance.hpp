// SPDX-License-Identifier: MIT
/// \file
/// How much of a model's accuracy rests on a cue.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/model.hpp"
#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/accuracy.hpp"
#include "foil/evaluation/binomial.hpp"
#include "foil/evaluation/paired_accuracy.hpp"
#include "foil/evaluation/shortcut/plant.hpp"

namespace foil {

/// What foil::shortcut_reliance() found. Pairs have the images with consistent cues first, and the same
/// images with others, or none, second.
struct ShortcutReliance {
  PairedAccuracy absent{}, randomised{}, contradicting{};
  Index followed = 0;  ///< images with a contradicting cue that the model takes for the class of the cue
  shortcut::CueCheck check{};  ///< of the images themselves

  Index images() const { return contradicting.samples; }
  /// (consistent - contradicting) / consistent, of accuracies: 0 for a model that does not use the cue, 1 for
  /// one that is never right against it; negative if it is right more often. NaN if it is never right with
  /// it.
  double reliance() const { return contradicting.lost(); }
  /// Its exact interval, see PairedAccuracy::lost_interval().
  Interval interval(double confidence = 0.95) const { return contradicting.lost_interval(confidence); }
  /// The share of images that are taken for what a contradicting cue says, and its exact interval. A model
  /// that makes mistakes of other kinds does not follow the cue.
  double following() const { return share(followed, images()); }
  Interval following_interval(double confidence = 0.95) const {
    return clopper_pearson(followed, images(), confidence);
  }
};

namespace detail {

/// Whether there is a pair of images whose logits differ, by any bit but those of NaN. True of a model that
/// has none: nothing is known against it.
template <class M>
bool tells_apart(M& model, const input_t<M>& a, const input_t<M>& b, Index batch_size) {
  if constexpr (ScoreModel<M>) {
    Index classes = 0;
    for (Index first = 0; first < samples(a); first += batch_size) {
      std::vector<Index> rows;
      for (Index i = first; i < std::min(first + batch_size, samples(a)); ++i) rows.push_back(i);
      const Logits<scalar_t<M>> at_a = model.logits(gather(a, rows)), at_b = model.logits(gather(b, rows));
      for (const auto* logits : {&at_a, &at_b})
        check_answer(static_cast<Index>(rows.size()), logits->rows(), logits->cols(), classes);
      for (Index i = 0; i < at_a.size(); ++i) {
        const scalar_t<M> one = at_a.data()[i], other = at_b.data()[i];
        if (one != other && !(std::isnan(one) && std::isnan(other))) return true;
      }
    }
    return false;
  } else {
    return true;
  }
}

}  // namespace detail

/// Asks a model about images with a planted cue: with that of their own class, without, with one that is
/// drawn, and with another class's (Geirhos et al. 2020, arXiv:2004.07780). The model is usually one that was
/// trained on consistent cues; one that was not tells what the cue does as a disturbance.
///
/// Throws foil::Error where the figures would mean nothing: if the cue is lost in all images, see
/// shortcut::check_cue(), or if it does not reach the model, whose logits are then the same to the bit with
/// every image's own cue and with another's. Costs four rows for each image; two more where not one decision
/// depends on the cue.
/// \param labels  of the images, from 0 to classes - 1
template <class M, class X>
  requires DecisionModel<M>
ShortcutReliance shortcut_reliance(M& model, const X& given, const GivenLabels& labels,
                                   const shortcut::Cue& cue, const shortcut::PlantOptions& options = {},
                                   Index batch_size = 128) {
  using Input = input_t<M>;
  using shortcut::Mode;
  const Input& images = as_batch<Input>(given);
  const auto bounds = model.bounds();
  const auto planted = [&](Mode mode) { return shortcut::plant(images, labels, bounds, cue, mode, options); };
  const auto said = [&](const Input& x) { return predict_in_batches(model, x, batch_size); };
  const auto own = planted(Mode::consistent), other = planted(Mode::contradicting);
  const Index classes = options.classes > 0 ? options.classes : Index{labels.maxCoeff()} + 1;

  ShortcutReliance out;
  out.check = shortcut::check_cue(images, bounds, cue, classes, std::identity{}, options.channels_last);
  require(out.check.lost < out.check.images, "shortcut: the cues of two classes are the same in each of the ",
          out.check.images, " images: expected one that tells classes apart within the bounds");
  const Labels consistent = said(own.images), contradicting = said(other.images);
  if (consistent == contradicting)
    require(
        detail::tells_apart(model, own.images, other.images, batch_size),
        "shortcut: the cue does not reach the model, whose logits are the same to the bit with the cue of "
        "the right class and with that of another in each of ",
        samples(images), " images: expected one that survives the model's preprocessing");
  out.absent = paired_accuracy(consistent, said(images), labels);
  out.randomised = paired_accuracy(consistent, said(planted(Mode::randomised).images), labels);
  out.contradicting = paired_accuracy(consistent, contradicting, labels);
  out.followed = (contradicting.array() == other.cues.array()).count();
  return out;
}

}  // namespace foil
