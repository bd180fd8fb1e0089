// SPDX-License-Identifier: MIT
#include "corruptions.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "common/corruptions.hpp"
#include "foil/core/error.hpp"
#include "foil/core/shape.hpp"
#include "foil/evaluation/corruptions/sweep.hpp"
#include "foil/geometry/image.hpp"
#include "foil/io/jpeg.hpp"
#include "foil/report/corruptions.hpp"

namespace evaluate {
namespace {

using foil::Index;
using foil::require;

/// Whether images have their channels last; those of two axes, (H, W), lie in batches as (H, W, 1). Throws
/// foil::Error for what has neither one channel nor three.
bool channels_last(const std::vector<Index>& shape) {
  if (shape.size() == 2) return true;
  const bool last = shape.size() == 3 && foil::geometry::ChannelsLast().of(shape);
  const Index channels = shape.size() != 3 ? 0 : last ? shape.back() : shape.front();
  require(
      channels == 1 || channels == 3,
      "--corruptions: expected images of 1 or 3 channels, (H, W), (C, H, W) or (H, W, C), got samples of ",
      foil::extents_text(shape));
  return last;
}

bool asks_for(const CorruptionRequest& request, foil::Corruption corruption) {
  const auto& all = request.corruptions;
  return std::find(all.begin(), all.end(), corruption) != all.end();
}

}  // namespace

std::vector<foil::Warning> check_corruptions(const Command& command, const Inputs& in) {
  const CorruptionRequest& request = *command.corruptions;
  const std::vector<Index>& shape = in.images.sample_shape();
  const std::size_t rows = channels_last(shape) ? 0 : 1;
  programs::require_textures(request.corruptions, request.frost.has_value());
  if (request.frost)
    require(!programs::frost_textures(*request.frost).empty(), request.frost->string(), ": holds no picture");
  std::vector<foil::Warning> out;
  if (const auto text =
          programs::too_small_for(request.profile, "--corruption-profile", shape[rows], shape[rows + 1]))
    out.push_back({.code = "small-images", .message = *text});
  return out;
}

std::optional<foil::report::CorruptionFigures> count_under_corruptions(const Command& command,
                                                                       const Model& model, Inputs& in,
                                                                       const Samples& samples, Teller& teller,
                                                                       const std::atomic<bool>& interrupted) {
  const CorruptionRequest& request = *command.corruptions;
  const std::vector<Index> shape = in.images.sample_shape();
  const bool last = channels_last(shape);
  ProgressLine progress(teller, {.phase = "corruptions", .label = "under corruptions"});
  foil::SweepOptions options{.corruptions = request.corruptions,
                             .severities = request.severities,
                             .how = {.seed = command.seed,
                                     .profile = request.profile,
                                     .channels_last = last,
                                     .frost = request.frost ? programs::frost_textures(*request.frost)
                                                            : std::vector<foil::corruptions::Planes>(),
                                     .jpeg = foil::io::jpeg_round_trip},
                             .batch_size = command.batch_size,
                             .threads = command.threads,
                             .observer = [&](const foil::Progress& p) {
                               progress.update(p);
                               return interrupted ? foil::Control::stop : foil::Control::proceed;
                             }};
  const foil::CorruptionSweep sweep =
      foil::corruption_sweep(model, in.images, samples.rows, samples.labels, options);
  if (sweep.stopped) return std::nullopt;
  progress.finish();
  foil::report::CorruptionFigures out{.profile = std::string(foil::name(request.profile)),
                                      .severities = sweep.severities,
                                      .samples = sweep.samples,
                                      .clean = sweep.clean,
                                      .invalid = sweep.invalid,
                                      .clean_unanswered = sweep.clean_unanswered,
                                      .unanswered_samples = sweep.unanswered_samples};
  for (const foil::CorruptionSweep::Row& row : sweep.rows)
    out.rows.push_back({std::string(foil::name(row.corruption)), row.right, row.unanswered});
  const auto pixels = [&](std::size_t axis) { return shape.size() == 3 && shape[axis] == 224; };
  const std::size_t rows = last ? 0 : 1;
  if (asks_for(request, foil::Corruption::frost)) out.frost_textures = request.frost->string();
  out.like_imagenet = sweep.classes == 1000 && pixels(rows) && pixels(rows + 1);
  return out;
}

std::vector<foil::Warning> warnings_of(const foil::report::CorruptionFigures& figures) {
  std::vector<foil::Warning> out;
  if (const Index count = foil::report::unanswered(figures); count > 0)
    out.push_back(
        {.code = "non-finite",
         .message = foil::text(
             "the model answered NaN or infinity about ", count, " of ", foil::report::images_of(figures),
             " images, clean and under corruptions: they count as wrong there. Look for "
             "overflow, a division by zero or the logarithm of zero in the network, and for "
             "inputs in the wrong scale."),
         .samples = figures.unanswered_samples});
  if (figures.invalid > 0)
    out.push_back({.code = "invalid-input",
                   .message = foil::text(figures.invalid, " of ", figures.samples,
                                         " samples hold values that are not finite or not within the bounds: "
                                         "they were not shown to the model, and count as wrong, clean and "
                                         "under corruptions. Scale them as the model expects."),
                   .samples = figures.invalid});
  return out;
}

}  // namespace evaluate
