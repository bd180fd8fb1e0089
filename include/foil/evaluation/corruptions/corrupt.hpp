// SPDX-License-Identifier: MIT
/// \file
/// Common corruptions of images: what a camera, the weather or a file format does to them.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/corruptions/blur.hpp"
#include "foil/evaluation/corruptions/canvas.hpp"
#include "foil/evaluation/corruptions/colour.hpp"
#include "foil/evaluation/corruptions/constants.hpp"
#include "foil/evaluation/corruptions/corruption.hpp"
#include "foil/evaluation/corruptions/digital.hpp"
#include "foil/evaluation/corruptions/draws.hpp"
#include "foil/evaluation/corruptions/motion.hpp"
#include "foil/evaluation/corruptions/noise.hpp"
#include "foil/evaluation/corruptions/planes.hpp"
#include "foil/evaluation/corruptions/spatter.hpp"
#include "foil/evaluation/corruptions/weather.hpp"
#include "foil/geometry/image.hpp"

namespace foil {

/// How images are corrupted.
struct CorruptionOptions {
  std::uint64_t seed = 0;  ///< same seed, same bits
  CorruptionProfile profile = CorruptionProfile::imagenet;
  Bounds<double> bounds{};                 ///< black and white, finite
  geometry::ChannelsLast channels_last{};  ///< the samples are (H, W, C); by default as their shape says
  /// Images are of 256 levels, the bounds among them, and come out so: cut down to the level below, as the
  /// published data sets are. What is within a thousandth of a level when it comes in is taken for the level.
  bool eight_bit = true;
  corruptions::GlassSwap glass_swap = corruptions::GlassSwap::reference;  ///< what `glass_blur` does
  /// Textures of ice for `frost`, of one or three channels; those of ImageNet-C are five photographs. There
  /// is no frost without.
  std::vector<corruptions::Planes> frost{};
  JpegRoundTrip jpeg{};  ///< for `jpeg_compression`, which cannot be had without
};

namespace corruptions {

/// How the textures of a profile are scaled.
inline FrostScale frost_scale(CorruptionProfile profile) {
  switch (profile) {
    case CorruptionProfile::tiny_imagenet:
      return {0.3, false};
    case CorruptionProfile::cifar:
      return {0.2, false};
    case CorruptionProfile::imagenet:
      break;
  }
  return {1.1, true};
}

/// Corrupts one image in place. Random numbers are a function of (seed, sample, corruption, severity). The
/// profile, the seed and what frost and JPEG need are taken from the options. Throws foil::Error for images
/// without pixels, or of other than one or three channels.
inline void corrupt(Planes& image, Corruption corruption, int severity, const CorruptionOptions& options,
                    std::int64_t sample) {
  const auto& c = constants(corruption, options.profile, severity);
  check_size(name(corruption), image);
  require(image.channels == 1 || image.channels == 3, name(corruption),
          ": expected images of 1 or 3 channels, got ", image.channels);
  Draws random(random_key(options.seed, name(corruption), static_cast<std::uint64_t>(severity)), sample);
  const bool eight_bit = options.eight_bit, original = options.profile != CorruptionProfile::imagenet;
  const auto count = [&c](std::size_t i) { return static_cast<Index>(c[i]); };
  const Index size = image.values.size(), area = image.area();
  switch (corruption) {
    case Corruption::gaussian_noise:
      return gaussian_noise(image, c[0], random.normals(size));
    case Corruption::shot_noise:
      return shot_noise(image, c[0], random.uniforms(size));
    case Corruption::impulse_noise:
      return impulse_noise(image, c[0], random.uniforms(size));
    case Corruption::defocus_blur:
      return defocus_blur(image, c[0], c[1]);
    case Corruption::glass_blur:
      return glass_blur(image, c[0], count(1), count(2),
                        random.uniforms(glass_draws(image, count(1), count(2))), options.glass_swap,
                        eight_bit);
    case Corruption::motion_blur:
      return motion_blur(image, c[0], c[1], random.uniform(-45, 45));
    case Corruption::zoom_blur:
      return zoom_blur(image, count(0), c[1], original);
    case Corruption::snow: {
      const Eigen::VectorXd flakes = random.normals(area);
      return snow(image, {c[0], c[1], c[2], c[3], c[4], c[5], c[6], original}, flakes,
                  random.uniform(-135, -45));
    }
    case Corruption::frost: {
      require(!options.frost.empty(),
              "frost: expected textures of ice, of which none come with foil: CorruptionOptions::frost");
      const Planes& texture = options.frost[random.integer(options.frost.size())];
      const double down = random.uniform(), across = random.uniform();
      return frost(image, c[0], c[1],
                   ice(texture, image.height, image.width, frost_scale(options.profile), down, across));
    }
    case Corruption::fog: {
      const Index side = plasma_side(image);
      return fog(image, c[0], plasma(side, c[1], random.uniforms(side * side - 1)));
    }
    case Corruption::brightness:
      return brightness(image, c[0]);
    case Corruption::contrast:
      return contrast(image, c[0]);
    case Corruption::elastic_transform: {
      const double height = static_cast<double>(image.height), width = static_cast<double>(image.width);
      if (!original)
        return elastic_transform(image, c[0], {c[1] * height, c[1] * width}, c[3] * height,
                                 random.uniforms(2 * area));
      Eigen::Matrix<double, 3, 2> moves;
      for (Index i = 0; i < moves.size(); ++i)
        moves(i / 2, i % 2) = random.uniform(-c[2] * height, c[2] * height);
      move_affinely(image, moves);
      return elastic_transform(image, c[0] * height, {c[1] * height, c[1] * height}, c[3],
                               random.uniforms(2 * area));
    }
    case Corruption::pixelate:
      return pixelate(image, c[0], eight_bit, original);
    case Corruption::jpeg_compression:
      return jpeg_compression(image, static_cast<int>(c[0]), options.jpeg);
    case Corruption::speckle_noise:
      return speckle_noise(image, c[0], random.normals(size));
    case Corruption::gaussian_blur:
      return gaussian_blur(image, c[0]);
    case Corruption::spatter:
      return spatter(image, {c[0], c[1], c[2], c[3], c[4], c[5] != 0}, random.normals(area));
    case Corruption::saturate:
      return saturate(image, c[0], c[1]);
  }
}

}  // namespace corruptions

/// Corrupts images of (C, H, W) or (H, W), or (H, W, C) if channels are last, of one or three channels and
/// any size. A sample gets the same corruption whatever batch it is in: random numbers are a function of
/// (seed, sample's id, corruption, severity).
/// \param severity  from 1 to 5
/// \param ids       one for each sample
template <Batch Input>
Input corrupt(const Input& images, Corruption corruption, int severity, const CorruptionOptions& options,
              std::span<const std::int64_t> ids) {
  require(static_cast<Index>(ids.size()) == samples(images), name(corruption), ": expected ", samples(images),
          " sample ids, got ", ids.size());
  using Scalar = typename Input::Scalar;
  const corruptions::Canvas canvas(geometry::image_or_row(images, options.channels_last), options.bounds,
                                   options.eight_bit);
  Input out(images.dimensions());
  for (Index i = 0; i < samples(images); ++i) {
    corruptions::Planes image = canvas.read<Scalar>(sample(images, i));
    corruptions::corrupt(image, corruption, severity, options, ids[static_cast<std::size_t>(i)]);
    canvas.write<Scalar>(image, sample(out, i));
  }
  return out;
}

/// The same of samples with ids from `first_sample` on.
template <Batch Input>
Input corrupt(const Input& images, Corruption corruption, int severity, const CorruptionOptions& options = {},
              std::int64_t first_sample = 0) {
  std::vector<std::int64_t> ids(static_cast<std::size_t>(samples(images)));
  std::iota(ids.begin(), ids.end(), first_sample);
  return corrupt(images, corruption, severity, options, std::span<const std::int64_t>(ids));
}

}  // namespace foil
