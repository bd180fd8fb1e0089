// SPDX-License-Identifier: MIT
/// \file
/// Whether a model minds where the parts of an image are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/given.hpp"
#include "foil/core/model.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/accuracy.hpp"
#include "foil/evaluation/paired_accuracy.hpp"
#include "foil/evaluation/patches/grid.hpp"
#include "foil/geometry/image.hpp"

namespace foil {

/// The images with their patches in another order, drawn at random for each: a function of the seed and the
/// image's place in the batch. Every order is as likely as any other, the old one included. Throws
/// foil::Error unless the side of a patch divides both sides of the images and there are at least two.
template <Batch Input>
Input shuffle_patches(const Input& x, Index patch, std::uint64_t seed = 0,
                      geometry::ChannelsLast channels_last = {}) {
  using Scalar = typename Input::Scalar;
  const PatchGrid grid(geometry::image_or_row(x, channels_last),
                       PatchOptions{.patch = patch, .channels_last = channels_last});
  const Index height = grid.image().height, width = grid.image().width;
  require(height % std::min(patch, height) == 0 && width % patch == 0,
          "shuffle patches: expected a side that divides those of the images of ", height, " x ", width,
          " pixels, got ", patch);
  Input out = x;
  std::vector<Index> order(static_cast<std::size_t>(grid.size()));
  for (Index i = 0; i < samples(x); ++i) {
    RandomDraw random(random_key(seed, "patch-shuffle"), static_cast<std::uint64_t>(i), Purpose::permutation,
                      0);
    std::iota(order.begin(), order.end(), Index{0});
    for (std::size_t left = order.size(); left > 1; --left)
      std::swap(order[left - 1], order[static_cast<std::size_t>(random.integer(left))]);
    const ConstSampleView<Scalar> from = sample(x, i);
    for (Index k = 0; k < grid.size(); ++k)
      grid.copy<Scalar>(from, order[static_cast<std::size_t>(k)], sample(out, i), k);
  }
  return out;
}

/// How often a model is right about the images, first as they are, then with their patches shuffled: a bag of
/// such patches loses nothing, a model of shapes all but chance. Brendel, Bethge 2019 (arXiv:1904.00760)
/// asked the same by textures made of an image's features; squares need no other network, but have seams that
/// no image has, so that not all of a drop is for their order.
///
/// Costs two rows for each image. Throws foil::Error for what shuffle_patches() and accuracy() do not take.
template <class M, class X>
  requires DecisionModel<M>
PairedAccuracy patch_shuffle(M& model, const X& given, const GivenLabels& labels, Index patch,
                             std::uint64_t seed = 0, geometry::ChannelsLast channels_last = {},
                             Index batch_size = 128) {
  const input_t<M>& x = as_batch<input_t<M>>(given);
  const auto shuffled = shuffle_patches(x, patch, seed, channels_last);
  return paired_accuracy(predict_in_batches(model, x, batch_size),
                         predict_in_batches(model, shuffled, batch_size), labels);
}

}  // namespace foil
