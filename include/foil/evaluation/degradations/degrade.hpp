// SPDX-License-Identifier: MIT
/// \file
/// Images as people were shown them: degraded, by name and level.
#pragma once

#include <Eigen/Core>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/corrupt.hpp"
#include "foil/evaluation/corruptions/draws.hpp"
#include "foil/evaluation/corruptions/planes.hpp"
#include "foil/evaluation/degradations/degradation.hpp"
#include "foil/evaluation/degradations/eidolon.hpp"
#include "foil/evaluation/degradations/filters.hpp"
#include "foil/evaluation/degradations/opponent.hpp"
#include "foil/evaluation/degradations/phases.hpp"
#include "foil/geometry/image.hpp"

namespace foil {

/// How images are degraded.
struct DegradationOptions {
  std::uint64_t seed = 0;                  ///< same seed, same bits
  Bounds<double> bounds{};                 ///< black and white, finite
  geometry::ChannelsLast channels_last{};  ///< the samples are (H, W, C); by default as their shape says
  bool eight_bit = true;  ///< images are of 256 levels and come out so, see CorruptionOptions::eight_bit
  degradations::PhasePairs phase_pairs = degradations::PhasePairs::published;
  /// The monitor of `opponent_colour`. The authors measured theirs: x_gamma_function.npy beside their
  /// program.
  degradations::MonitorCurve monitor = degradations::srgb_curve();
  /// The amplitudes that `power_equalisation` gives to all images, (0, 0) in the middle, of one channel; if
  /// they are Planes(), the mean of the images given. The authors' is mean_power_spectrum_grey.npy.
  degradations::Planes amplitudes{};
};

namespace degradations {

/// Whether a level of a degradation that is there or not says that it is.
inline bool is_on(Degradation degradation, double level) {
  require(level == 0 || level == 1, name(degradation), ": expected the level 0 or 1, got ", level);
  return level == 1;
}

/// Degrades one image in place; it keeps its number of channels. Random numbers are a function of (seed,
/// sample, degradation, level). Throws foil::Error for images without pixels, or of other than one or three
/// channels, and for levels that a degradation does not have.
inline void degrade(Planes& image, Degradation degradation, double level, const DegradationOptions& options,
                    std::int64_t sample) {
  corruptions::check_size(name(degradation), image);
  if (degradation == Degradation::opponent_colour) {
    if (is_on(degradation, level)) opponent_colour(image, options.monitor);
    return;
  }
  if (degradation == Degradation::greyscale && !is_on(degradation, level)) return;
  Planes one = gray(image);
  corruptions::Draws random(
      random_key(options.seed, name(degradation), std::bit_cast<std::uint64_t>(level + 0.0)), sample);
  const auto disarray = [&](double coherence) {
    eidolon(one, {.reach = level, .coherence = coherence},
            [&random](Eigen::Ref<Eigen::VectorXd> numbers) { random.fill_normal(numbers); });
  };
  switch (degradation) {
    case Degradation::greyscale:
    case Degradation::opponent_colour:
      break;
    case Degradation::contrast:
      reduce_contrast(one, level);
      break;
    case Degradation::uniform_noise:
      uniform_noise(one, level, random.uniforms(one.area()));
      break;
    case Degradation::low_pass:
      low_pass(one, level);
      break;
    case Degradation::high_pass:
      high_pass(one, level);
      break;
    case Degradation::phase_noise:
      phase_noise(one, level, random.uniforms(phase_draws(one)), options.phase_pairs);
      break;
    case Degradation::power_equalisation:
      if (is_on(degradation, level)) equalise_power(one, options.amplitudes);
      break;
    case Degradation::rotation:
      turn(one, level);
      break;
    case Degradation::eidolon_i:
      disarray(1);
      break;
    case Degradation::eidolon_ii:
      disarray(0.3);
      break;
    case Degradation::eidolon_iii:
      disarray(0);
      break;
    case Degradation::salt_and_pepper:
      salt_and_pepper(one, level, random.uniforms(one.area()));
      break;
  }
  for (Index c = 0; c < image.channels; ++c)
    image.values.segment(c * image.area(), image.area()) = one.values;
}

}  // namespace degradations

/// The mean amplitudes of images, for DegradationOptions::amplitudes.
template <Batch Input>
degradations::Planes mean_amplitudes(const Input& images, const DegradationOptions& options = {}) {
  require(samples(images) > 0, "mean amplitudes: expected at least one image");
  const corruptions::Canvas canvas(geometry::image_or_row(images, options.channels_last), options.bounds,
                                   options.eight_bit);
  degradations::Planes mean;
  for (Index i = 0; i < samples(images); ++i) {
    degradations::add_to_mean(
        mean,
        degradations::amplitudes(degradations::gray(canvas.read<typename Input::Scalar>(sample(images, i)))),
        i);
  }
  return mean;
}

/// Degrades images of (C, H, W) or (H, W), or (H, W, C) if channels are last, of one or three channels. A
/// sample gets the same degradation whatever batch it is in: random numbers are a function of (seed, sample's
/// id, degradation, level). Power equalisation alone depends on the other images, unless the options say by
/// which amplitudes. Throws foil::Error for levels that a degradation does not have.
/// \param level  what it means: foil::Degradation; any, not only published_levels()
/// \param ids    one for each sample
template <Batch Input>
Input degrade(const Input& images, Degradation degradation, double level, const DegradationOptions& options,
              std::span<const std::int64_t> ids) {
  require(static_cast<Index>(ids.size()) == samples(images), name(degradation), ": expected ",
          samples(images), " sample ids, got ", ids.size());
  using Scalar = typename Input::Scalar;
  const corruptions::Canvas canvas(geometry::image_or_row(images, options.channels_last), options.bounds,
                                   options.eight_bit);
  DegradationOptions all = options;
  if (degradation == Degradation::power_equalisation && all.amplitudes.channels == 0 && samples(images) > 0)
    all.amplitudes = mean_amplitudes(images, options);
  Input out(images.dimensions());
  for (Index i = 0; i < samples(images); ++i) {
    degradations::Planes image = canvas.read<Scalar>(sample(images, i));
    degradations::degrade(image, degradation, level, all, ids[static_cast<std::size_t>(i)]);
    canvas.write<Scalar>(image, sample(out, i));
  }
  return out;
}

/// The same of samples with ids from `first_sample` on.
template <Batch Input>
Input degrade(const Input& images, Degradation degradation, double level,
              const DegradationOptions& options = {}, std::int64_t first_sample = 0) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(samples(images)));
  std::iota(ids.begin(), ids.end(), first_sample);
  return degrade(images, degradation, level, options, std::span<const std::int64_t>(ids));
}

}  // namespace foil
