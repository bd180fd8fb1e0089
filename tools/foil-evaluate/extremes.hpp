// SPDX-License-Identifier: MIT
/// \file
/// The closest and the farthest adversarial of each attack, which results.json has as pictures.
#pragma once

#include <optional>
#include <vector>

#include "command_line.hpp"
#include "foil/core/result.hpp"
#include "foil/evaluation/source.hpp"
#include "foil/report/image.hpp"
#include "inputs.hpp"

namespace evaluate {

struct Told;

/// An adversarial that no other of its attack is closer, or farther, than.
struct Extreme {
  foil::Index place;  ///< of its sample among all
  double distance;
  std::vector<float> adversarial;
};

/// What is kept of an attack while it runs. Of equally close ones the first stays.
struct Extremes {
  std::optional<Extreme> closest{}, farthest{};
  void add(const Extreme& extreme);
};

/// Those of a block among the samples that were right to begin with; at most two.
std::vector<Extreme> extremes_of(const foil::Block& block, const foil::Result<Images>& result,
                                 const Samples& samples);

/// How inputs become pictures.
class Canvas {
 public:
  /// \param shape  of a sample, as in the data set
  /// \param axes   of the images as they are in memory
  Canvas(const Command& command, const std::vector<foil::Index>& shape, const Images::Dimensions& axes);

  const foil::report::ImageForm& form() const { return form_; }
  /// One channel after the other, as they are drawn.
  std::vector<float> planes(const float* data, std::size_t size) const;

 private:
  foil::report::ImageForm form_;
  bool channels_last_ = false;
};

/// Draws the extremes of all outcomes, whose clean images are read again for it. What cannot be read is not
/// drawn.
void draw_extremes(const Command& command, Inputs& in, const Samples& samples, std::vector<Told>& outcomes);

}  // namespace evaluate
