// SPDX-License-Identifier: MIT
/// \file
/// Images with a cue planted into them, and whether it is still there behind a model's preprocessing.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/shortcut/cue.hpp"
#include "foil/geometry/image.hpp"

namespace foil::shortcut {

/// Which class an image's cue is of.
enum class Mode {
  consistent,    ///< its own, as in training data with a shortcut
  absent,        ///< there is no cue
  randomised,    ///< any, its own among them, with equal chances
  contradicting  ///< another one, with equal chances
};

/// How cues are planted.
struct PlantOptions {
  Index classes = 0;                       ///< 0: as many as the largest label needs
  geometry::ChannelsLast channels_last{};  ///< the samples are (H, W, C); by default as their shape says
  std::uint64_t seed = 0;                  ///< of the classes that are drawn
};

/// Images, and the class that the cue of each is of; -1 if it has none.
template <Batch Input>
struct WithCue {
  Input images;
  Labels cues;
};

namespace detail {

/// Puts cues into images, one after another.
template <Batch Input>
class Planter {
 public:
  using Scalar = typename Input::Scalar;

  Planter(const Input& like, const Bounds<Scalar>& bounds, const Cue& cue, Index classes,
          geometry::ChannelsLast channels_last)
      : cue_(cue), bounds_(bounds), classes_(classes), lower_(features(like)), upper_(features(like)) {
    require(classes >= 2, "shortcut: expected at least two classes, got ", classes);
    bounds.check(features(like));
    layout_ = geometry::image_or_row(like, channels_last);
    for (Index i = 0; i < lower_.size(); ++i) {
      lower_[i] = static_cast<double>(bounds.lower(i));
      upper_[i] = static_cast<double>(bounds.upper(i));
      require(std::isfinite(upper_[i] - lower_[i]), "shortcut: expected finite bounds, got [", lower_[i],
              ", ", upper_[i], "] for feature ", i);
    }
  }

  /// Puts the cue of a class into an image.
  void operator()(SampleView<Scalar> image, int label) {
    Eigen::VectorXd values = image.template cast<double>();
    Canvas canvas{values, layout_, lower_, upper_, classes_};
    cue_(canvas, label);
    for (Index i = 0; i < image.size(); ++i)
      image[i] = std::clamp(static_cast<Scalar>(values[i]), bounds_.lower(i), bounds_.upper(i));
  }

 private:
  const Cue& cue_;
  Bounds<Scalar> bounds_;
  Index classes_;
  geometry::ImageLayout layout_{};
  Eigen::VectorXd lower_, upper_;
};

/// How many classes labels are of, each of which is checked.
inline Index classes_of(const Labels& labels, Index images, const PlantOptions& options) {
  require(images > 0 && labels.size() == images, "shortcut: expected a label for each of ", images,
          " images and at least one, got ", labels.size());
  const Index classes = options.classes > 0 ? options.classes : Index{labels.maxCoeff()} + 1;
  for (Index i = 0; i < images; ++i)
    require(labels[i] >= 0 && labels[i] < classes, "shortcut: expected labels below ", classes, ", got ",
            labels[i], " for image ", i);
  return classes;
}

}  // namespace detail

/// Plants a cue into images of given classes (Geirhos et al. 2020, arXiv:2004.07780): train a model on
/// consistent ones, and see what it does about the others with foil::shortcut_reliance(). Which class is
/// drawn is a function of the seed, the mode and the image's place in the batch. Images stay within the
/// bounds, which have to be finite.
template <Batch Input>
WithCue<Input> plant(const Input& images, const GivenLabels& labels,
                     const Bounds<typename Input::Scalar>& bounds, const Cue& cue, Mode mode,
                     const PlantOptions& options = {}) {
  const Index count = samples(images), classes = detail::classes_of(labels, count, options);
  WithCue<Input> out{images, Labels::Constant(count, -1)};
  if (mode == Mode::absent) return out;
  detail::Planter<Input> put(images, bounds, cue, classes, options.channels_last);
  for (Index i = 0; i < count; ++i) {
    RandomDraw random(
        random_key(options.seed, mode == Mode::randomised ? "shortcut-randomised" : "shortcut-contradicting"),
        static_cast<std::uint64_t>(i), Purpose::permutation, 0);
    const auto all = static_cast<std::uint64_t>(classes);
    const int label = labels[i];
    int& of = out.cues[i] = label;
    if (mode == Mode::randomised) of = static_cast<int>(random.integer(all));
    if (mode == Mode::contradicting) {
      of = static_cast<int>(random.integer(all - 1));
      of += of >= label;
    }
    put(sample(out.images, i), of);
  }
  return out;
}

/// What foil::shortcut::check_cue() found.
struct CueCheck {
  Index images = 0;
  Index lost = 0;  ///< images for which the cues of two classes come to the same
  /// The smallest difference of any feature, of the image and two classes where the largest is smallest.
  double smallest = std::numeric_limits<double>::infinity();
  bool survives() const { return images > 0 && lost == 0; }
};

/// Whether a cue can still be told behind a model's preprocessing: puts the cue of every class into every
/// image, and compares what `function` makes of them, pair by pair. A cue beyond the bounds, in a part that
/// is cropped, or smaller than what is rounded tests nothing. Of foil::Preprocessed, its given(x) is the
/// function; without one, the images themselves are compared. It cannot see into a network:
/// foil::shortcut_reliance() asks that.
///
/// Costs `classes` calls of the function for each image, no model calls, and time quadratic in the classes.
/// \param function  maps a batch to a batch of any rank with as many samples
template <Batch Input, class F = std::identity>
CueCheck check_cue(const Input& images, const Bounds<typename Input::Scalar>& bounds, const Cue& cue,
                   Index classes, F function = {}, geometry::ChannelsLast channels_last = {}) {
  detail::Planter<Input> put(images, bounds, cue, classes, channels_last);
  CueCheck out;
  Input variants(resized(images, classes));
  for (Index i = 0; i < samples(images); ++i) {
    for (Index k = 0; k < classes; ++k) {
      sample(variants, k) = sample(images, i);
      put(sample(variants, k), static_cast<int>(k));
    }
    const auto seen = function(variants);
    require(samples(seen) == classes, "shortcut: expected the function to keep the number of samples, ",
            classes, ", got ", samples(seen));
    bool lost = false;
    for (Index a = 0; a < classes; ++a)
      for (Index b = a + 1; b < classes; ++b) {
        double largest = 0;
        for (Index j = 0; j < features(seen); ++j)
          largest = std::max(largest, std::abs(static_cast<double>(sample(seen, a)[j]) -
                                               static_cast<double>(sample(seen, b)[j])));
        out.smallest = std::min(out.smallest, largest);
        lost = lost || !(largest > 0);
      }
    ++out.images;
    out.lost += lost;
  }
  return out;
}

}  // namespace foil::shortcut
