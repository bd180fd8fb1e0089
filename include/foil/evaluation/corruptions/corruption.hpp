// SPDX-License-Identifier: MIT
/// \file
/// The names of the common corruptions, and of the sets of constants that they come with.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"

namespace foil {

/// The common corruptions of Hendrycks & Dietterich 2019 (arXiv:1903.12261), in the order of
/// `imagecorruptions` (Michaelis et al. 2019, arXiv:1907.07484). The first fifteen are the benchmark; the
/// other four are there to choose a method with.
enum class Corruption {
  gaussian_noise,
  shot_noise,
  impulse_noise,
  defocus_blur,
  glass_blur,
  motion_blur,
  zoom_blur,
  snow,
  frost,
  fog,
  brightness,
  contrast,
  elastic_transform,
  pixelate,
  jpeg_compression,
  speckle_noise,
  gaussian_blur,
  spatter,
  saturate
};

/// Which constants the severities stand for.
enum class CorruptionProfile {
  imagenet,       ///< of `imagecorruptions` 1.1: ImageNet-C for images of any size
  tiny_imagenet,  ///< of Tiny-ImageNet-C, for 64 x 64 pixels
  cifar           ///< of CIFAR-10-C, for 32 x 32 pixels and for MNIST's 28 x 28
};

namespace detail {

inline constexpr std::array<Corruption, 19> every_corruption{Corruption::gaussian_noise,
                                                             Corruption::shot_noise,
                                                             Corruption::impulse_noise,
                                                             Corruption::defocus_blur,
                                                             Corruption::glass_blur,
                                                             Corruption::motion_blur,
                                                             Corruption::zoom_blur,
                                                             Corruption::snow,
                                                             Corruption::frost,
                                                             Corruption::fog,
                                                             Corruption::brightness,
                                                             Corruption::contrast,
                                                             Corruption::elastic_transform,
                                                             Corruption::pixelate,
                                                             Corruption::jpeg_compression,
                                                             Corruption::speckle_noise,
                                                             Corruption::gaussian_blur,
                                                             Corruption::spatter,
                                                             Corruption::saturate};

inline constexpr std::array<std::string_view, 19> corruption_names{"gaussian_noise",
                                                                   "shot_noise",
                                                                   "impulse_noise",
                                                                   "defocus_blur",
                                                                   "glass_blur",
                                                                   "motion_blur",
                                                                   "zoom_blur",
                                                                   "snow",
                                                                   "frost",
                                                                   "fog",
                                                                   "brightness",
                                                                   "contrast",
                                                                   "elastic_transform",
                                                                   "pixelate",
                                                                   "jpeg_compression",
                                                                   "speckle_noise",
                                                                   "gaussian_blur",
                                                                   "spatter",
                                                                   "saturate"};

inline constexpr std::array<std::string_view, 3> corruption_profile_names{"imagenet", "tiny_imagenet",
                                                                          "cifar"};

/// The place of a name among others, - and _ being the same; none if it is not there.
template <class Names>
std::optional<std::size_t> place_of_name(std::string_view name, const Names& names) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (edit_distance(name, names[i]) == 0) return i;
  return std::nullopt;
}

/// The place of an enumerator among its names. Throws foil::Error for numbers that are none.
template <class Enum, class Names>
constexpr std::size_t place_of(Enum value, const Names& names, const char* what) {
  const auto place = static_cast<std::size_t>(value);
  if (place >= names.size()) throw Error(text("expected a ", what, ", got the number ", place));
  return place;
}

/// The things of a list as "all,-frost", each once: of every word all that meant(word) says, or, if there is
/// a minus before it, these no longer. Throws foil::Error for what is there twice, for what is left out
/// without being there, and where nothing is left.
template <class Which, class Meant>
std::vector<Which> listed(std::string_view list, const char* what, Meant&& meant) {
  std::vector<Which> out;
  for (const std::string_view word : parts_of(list, ',')) {
    const bool without = word.starts_with('-');
    for (const Which which : meant(word.substr(without ? 1 : 0))) {
      const auto found = std::find(out.begin(), out.end(), which);
      require(without || found == out.end(), "the ", what, ' ', name(which), " is given twice in '", list,
              "'");
      require(!without || found != out.end(), "the ", what, ' ', name(which),
              " cannot be left out of what does not have it before, got '", list, "'");
      if (without)
        out.erase(found);
      else
        out.push_back(which);
    }
  }
  require(!out.empty(), "no ", what, " is left of '", list, "'");
  return out;
}

}  // namespace detail

/// How many severities there are, from 1 on.
inline constexpr int corruption_severities = 5;

/// All nineteen corruptions.
inline constexpr std::span<const Corruption> all_corruptions() {
  return detail::every_corruption;
}

/// The fifteen that mean corruption errors are taken over.
inline constexpr std::span<const Corruption> benchmark_corruptions() {
  return all_corruptions().first(15);
}

/// "gaussian_noise". Throws foil::Error for a number that is no corruption; likewise of profiles.
inline constexpr std::string_view name(Corruption corruption) {
  return detail::corruption_names[detail::place_of(corruption, detail::corruption_names, "corruption")];
}

/// "tiny_imagenet".
inline constexpr std::string_view name(CorruptionProfile profile) {
  return detail::corruption_profile_names[detail::place_of(profile, detail::corruption_profile_names,
                                                           "profile of corruptions")];
}

/// The corruption of that name, in which - may stand for _. Throws foil::Error for others.
inline Corruption corruption_named(std::string_view name) {
  const auto place = detail::place_of_name(name, detail::corruption_names);
  require(place.has_value(), "no corruption is called '", name, "'",
          did_you_mean(name, detail::corruption_names));
  return static_cast<Corruption>(*place);
}

/// Those of a list as "benchmark,-frost" or "fog,snow", in its order: names, "all" and "benchmark", and with
/// a minus before them what is left out of what stands before. Throws foil::Error for other names, for what
/// is there twice or left out without being there, and where nothing is left.
inline std::vector<Corruption> corruptions_named(std::string_view list) {
  return detail::listed<Corruption>(list, "corruption", [](std::string_view word) {
    const auto all = all_corruptions(), benchmark = benchmark_corruptions();
    return word == "all"         ? std::vector<Corruption>(all.begin(), all.end())
           : word == "benchmark" ? std::vector<Corruption>(benchmark.begin(), benchmark.end())
                                 : std::vector<Corruption>{corruption_named(word)};
  });
}

/// The profile of that name; as corruption_named().
inline CorruptionProfile corruption_profile_named(std::string_view name) {
  const auto place = detail::place_of_name(name, detail::corruption_profile_names);
  require(place.has_value(), "expected the profile imagenet, tiny_imagenet or cifar, got '", name, "'",
          did_you_mean(name, detail::corruption_profile_names));
  return static_cast<CorruptionProfile>(*place);
}

}  // namespace foil
