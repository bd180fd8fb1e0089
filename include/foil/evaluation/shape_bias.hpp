// SPDX-License-Identifier: MIT
/// \file
/// Shape or texture: which of two cues decides where they contradict each other.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/model.hpp"
#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/accuracy.hpp"
#include "foil/evaluation/binomial.hpp"
#include "foil/models/grouped.hpp"

namespace foil {

/// Decisions about images whose shape is of one category and whose texture is of another.
struct CueDecisions {
  Index shape = 0;    ///< for the category of the shape
  Index texture = 0;  ///< for that of the texture
  Index other = 0;    ///< for a third one, or none

  Index images() const { return shape + texture + other; }
  /// The share of the decisions for either cue that are for the shape; NaN if there is none.
  double bias() const { return share(shape, shape + texture); }
  /// The share of all decisions that are for either cue, without which a bias says little.
  double either() const { return share(shape + texture, images()); }
  /// The exact interval of the bias, given that images are independent. Decisions of several observers about
  /// the same images are not: pooled, they have a narrower interval than they should.
  Interval interval(double confidence = 0.95) const {
    return clopper_pearson(shape, shape + texture, confidence);
  }
};

/// What foil::shape_bias() counted.
struct ShapeBias : CueDecisions {
  std::vector<CueDecisions> by_shape{};    ///< the images of each category's shape
  std::vector<CueDecisions> by_texture{};  ///< and of each category's texture
  Index agreeing = 0;                      ///< images left out, as both cues are of one category
};

/// The shape bias (Geirhos et al. 2019, arXiv:1811.12231) of decisions about images with two cues. Images
/// whose cues agree do not count. Throws foil::Error unless all three lists have one size, at least 1, and
/// all cues are from 0 to `categories` - 1; decisions may be anything, as a negative number for none.
inline ShapeBias shape_bias(const GivenLabels& decisions, const GivenLabels& shapes,
                            const GivenLabels& textures, Index categories) {
  require(categories >= 2, "shape bias: expected at least two categories, got ", categories);
  require(decisions.size() > 0 && shapes.size() == decisions.size() && textures.size() == decisions.size(),
          "shape bias: expected a shape and a texture for each decision and at least one, got ",
          shapes.size(), " and ", textures.size(), " for ", decisions.size());
  ShapeBias out;
  out.by_shape.resize(static_cast<std::size_t>(categories));
  out.by_texture = out.by_shape;
  for (Index i = 0; i < decisions.size(); ++i) {
    const int shape = shapes[i], texture = textures[i];
    require(shape >= 0 && shape < categories && texture >= 0 && texture < categories,
            "shape bias: expected categories below ", categories, ", got ", shape, " and ", texture,
            " for image ", i);
    if (shape == texture) {
      ++out.agreeing;
      continue;
    }
    const auto count = [&](CueDecisions& in) {
      ++(decisions[i] == shape ? in.shape : decisions[i] == texture ? in.texture : in.other);
    };
    count(out);
    count(out.by_shape[static_cast<std::size_t>(shape)]);
    count(out.by_texture[static_cast<std::size_t>(texture)]);
  }
  return out;
}

/// Shows a model images with two cues, and counts its decisions. Its classes are the categories: those of a
/// network with others are given them by foil::Grouped. Costs a row for each image.
template <class M, class X>
  requires DecisionModel<M>
ShapeBias cue_conflict(M& model, const X& images, const GivenLabels& shapes, const GivenLabels& textures,
                       Index categories, Index batch_size = 128) {
  return shape_bias(predict_in_batches(model, images, batch_size), shapes, textures, categories);
}

/// The two cues of an image.
struct Cues {
  int shape, texture;
};

/// The cues that the name of a file tells, as those of Geirhos et al. do: "anything_cat7-elephant1.png" has
/// the shape of the first and the texture of the second. Folders, what stands before the last '_', numbers
/// and the extension do not matter. Throws foil::Error for other names and for categories that there are not.
inline Cues cues_in_name(std::string_view name, const Categories& categories) {
  const auto category = [&](std::string_view part) {
    const auto digits = part.find_last_not_of("0123456789") + 1;
    const int found = categories.index(part.substr(0, digits));
    require(digits < part.size() && found >= 0, "cue conflict: expected a name like cat7-elephant1.png, of ",
            categories.size(), " categories, got '", name, "'");
    return found;
  };
  std::string_view rest = name.substr(name.find_last_of('/') + 1);
  rest = rest.substr(0, rest.find_last_of('.'));
  rest = rest.substr(rest.find_last_of('_') + 1);
  const auto dash = rest.find('-');
  const int shape = category(rest.substr(0, dash));
  return {shape, category(dash == rest.npos ? "" : rest.substr(dash + 1))};
}

}  // namespace foil
