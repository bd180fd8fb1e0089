// SPDX-License-Identifier: MIT
/// \file
/// What foil-evaluate reads, and which of it is attacked. Images stay on disk until their turn comes.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "command_line.hpp"
#include "foil/core/tensor.hpp"
#include "foil/io/data.hpp"
#include "foil/run/pool.hpp"
#include "model.hpp"

namespace evaluate {

using Images = foil::Tensor<float, 4>;

/// Everything that is read, checked.
struct Inputs {
  foil::io::ImageReader<float> images;
  foil::Labels labels;
  std::optional<foil::Labels> targets;                 ///< for every row of the data set, or for those used
  std::optional<foil::io::ImageReader<float>> starts;  ///< likewise
  std::optional<foil::Labels> start_rows;              ///< likewise, of the data set
};

/// Opens and checks all files, every pixel included. Throws foil::Error.
Inputs read_inputs(const Command& command, const Model& model);

/// The samples that the attacks are run on. Nothing here grows with the size of the images but the pool and
/// what is shown, which have an end.
struct Samples {
  std::vector<std::int64_t> rows;  ///< of the data set
  foil::Labels labels, clean_predictions;
  std::optional<foil::Labels> targets;
  std::vector<foil::Index> starts;        ///< rows of the file of starts or of the data set, if any are given
  foil::Pool<Images> pool;                ///< the first rows that the model was shown, with its answers
  std::vector<std::size_t> shown;         ///< the first few that are classified correctly, for the sheet,
  Images shown_images;                    ///< and their images
  foil::Index examined = 0, correct = 0;  ///< rows that the model was shown, and how many it got right

  std::size_t size() const { return rows.size(); }
};

/// The samples to attack: asks the model about the rows, batch by batch, until there are enough. Fewer than
/// asked for only if interrupted.
Samples choose(const Command& command, const Model& model, Inputs& in, const std::atomic<bool>& interrupted);

/// So many samples are read and attacked at a time. Enough that batches are full nearly always: a block ends
/// with its slowest sample.
foil::Index block_size(const Command& command);

/// The images and the starting points of the samples [first, first + count).
Images read_images(Inputs& in, const Samples& samples, std::size_t first, std::size_t count);
Images read_starts(Inputs& in, const Samples& samples, std::size_t first, std::size_t count);

}  // namespace evaluate
