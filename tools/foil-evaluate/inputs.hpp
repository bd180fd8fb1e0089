// SPDX-License-Identifier: MIT
/// \file
/// What foil-evaluate reads, and which of it is attacked. Images stay on disk until their turn comes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/clean.hpp"
#include "foil/evaluation/source.hpp"
#include "foil/io/data.hpp"
#include "foil/io/npy.hpp"
#include "model.hpp"
#include "progress.hpp"
#include "units.hpp"

namespace evaluate {

using Images = foil::Tensor<float, 4>;

/// Everything that is read, checked.
struct Inputs {
  foil::io::ImageReader<float> images;
  foil::Labels labels;
  std::optional<foil::Labels> targets;                 ///< for every row of the data set, or for those used
  std::optional<foil::io::ImageReader<float>> starts;  ///< likewise
  std::optional<foil::Labels> start_rows;              ///< likewise, of the data set
  std::optional<foil::io::NpyReader> masks;            ///< likewise, or for all rows
  std::unique_ptr<Model> surrogate{};                  ///< of which gradients are known
  std::unique_ptr<Model> attacked{};                   ///< in place of the model that judges; likewise
  bool nhwc = false;                                   ///< as the command says it
  std::vector<std::string> notes{};                    ///< how the files were understood,
  std::vector<std::string> oddities{};                 ///< and what is odd about the images

  /// What images, and masks, are like.
  Form form() const { return {images.sample_shape(), nhwc}; }
  /// Of one image.
  foil::Index features() const {
    const auto& shape = images.dimensions();
    return shape[1] * shape[2] * shape[3];
  }
};

/// Opens and checks all files, every pixel that may be used included, and prepares the model for them. Throws
/// foil::Error, also if no image is finite and within the bounds; nothing comes back if interrupted.
std::optional<Inputs> read_inputs(const Command& command, Model& model, Teller& teller,
                                  const std::atomic<bool>& interrupted);

/// The samples that the attacks are run on. Nothing here grows with the size of the images but the pool and
/// what is shown, which have an end.
struct Samples : foil::Chosen<Images> {
  std::optional<foil::Labels> targets{};
  std::vector<std::int64_t> starts{};  ///< rows of the file of starts or of the data set, if any are given
  std::vector<std::int64_t> masks{};   ///< rows of the file of masks, if there is one for each sample
  std::vector<foil::Index> shown{};    ///< the first few that are classified correctly, for the sheet,
  Images shown_images{};               ///< and their images
  foil::Index first_sample = 0,
              total = 0;      ///< of a share: its place among all samples, and how many these are
  bool clean_of_all = false;  ///< what the model said was asked about the rows of all shares
};

/// The samples to attack: asks the model about the rows, batch by batch, until there are enough. Fewer than
/// asked for only if interrupted.
Samples choose(const Command& command, const Model& model, Inputs& in, Teller& teller,
               const std::atomic<bool>& interrupted);

/// Where the surrogate is fooled, for each sample of a block; empty if there is none.
Images surrogate_prior(const Command& command, Inputs& in, const Samples& samples, const foil::Block& block);

/// The starting points and the masks of a block; empty if there are none, one mask if it is for all.
Images read_starts(Inputs& in, const Samples& samples, const foil::Block& block);
Images read_masks(Inputs& in, const Samples& samples, const foil::Block& block);

}  // namespace evaluate
