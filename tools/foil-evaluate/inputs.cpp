// SPDX-License-Identifier: MIT
#include "inputs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>

#include "progress.hpp"

namespace evaluate {
namespace {

using foil::Index;
using foil::require;
using ImageReader = foil::io::ImageReader<float>;

static_assert(foil::SampleSource<ImageReader>);

constexpr std::size_t most_shown = 6;
constexpr Index first_looked_at = 128;  // rows from which the model is prepared

bool limited(const Command& command) {
  return command.count != std::numeric_limits<std::int64_t>::max();
}

/// Throws unless every class is one of the model's.
void check_classes(const std::filesystem::path& path, const foil::Labels& labels, Index classes) {
  for (Index i = 0; i < labels.size(); ++i)
    require(labels[i] < classes, path.string(), ": row ", i, " has class ", labels[i],
            ", the model has classes 0 to ", classes - 1);
}

/// Reads all images, so that whatever is wrong with them is told before the long run.
void check_images(ImageReader& images) {
  constexpr Index at_a_time = 32;
  images.seek(0);
  for (Index row = 0; row < images.rows(); row += at_a_time) images.next(at_a_time);
}

/// Starting points: the file's own images, or those rows of the data set that its integers point to.
void open_starts(const std::filesystem::path& path, const foil::Bounds<float>& bounds, Inputs& in) {
  const Index rows = in.images.rows();
  if (!foil::io::holds_labels(path)) {
    in.starts.emplace(path, bounds);
    auto expected = in.images.dimensions();
    expected[0] = in.starts->rows();
    require(in.starts->dimensions() == expected, path.string(),
            ": expected images of the shape of the data set, ", in.images.shape_text(), ", found ",
            in.starts->shape_text());
    return;
  }
  in.start_rows = foil::io::read_labels(path);
  for (Index i = 0; i < in.start_rows->size(); ++i)
    require((*in.start_rows)[i] < rows, path.string(), ": entry ", i, " points to row ", (*in.start_rows)[i],
            ", the data set has rows 0 to ", rows - 1);
}

/// The block's part of what there is one of for each sample.
std::span<const std::int64_t> part(const std::vector<std::int64_t>& all, const foil::Block& block) {
  return std::span(all).subspan(static_cast<std::size_t>(block.first), static_cast<std::size_t>(block.count));
}

std::string shape_text(const std::vector<Index>& shape) {
  std::string out;
  for (const Index extent : shape) out += (out.empty() ? "" : ", ") + std::to_string(extent);
  return "(" + out + ")";
}

/// Whether a file of masks holds a single one, for all samples.
bool one_for_all(const foil::io::NpyReader& masks) {
  return masks.shape().size() == 3 || masks.rows() == 1;
}

/// The masks that come next, `count` of them: 1 where a feature may move, else 0. A single mask of shape
/// (C, H, W) is read by its channels.
Images next_masks(foil::io::NpyReader& masks, Index count) {
  const bool single = masks.shape().size() == 3;
  const auto array = masks.next(single ? masks.rows() : count);
  const std::vector<double> values = array.values<double>();
  const auto axis = [&](std::size_t i) { return array.shape[i + array.shape.size() - 3]; };
  Images out(single ? 1 : array.shape[0], axis(0), axis(1), axis(2));
  for (Index i = 0; i < out.size(); ++i) {
    const double value = values[static_cast<std::size_t>(i)];
    require(std::isfinite(value), array.path.string(), ": expected numbers, found ", value);
    out.data()[i] = value != 0 ? 1.0f : 0.0f;
  }
  return out;
}

/// Throws unless the file has masks of the images' shape, one for all or one for each row, and some feature
/// may move.
void open_masks(const std::filesystem::path& path, Inputs& in) {
  in.masks.emplace(path);
  const auto& found = in.masks->shape();
  const auto& images = in.images.dimensions();
  require((found.size() == 3 || found.size() == 4) &&
              std::equal(images.begin() + 1, images.end(), found.end() - 3),
          path.string(), ": expected a mask for the images of shape ", in.images.shape_text(), ": (",
          images[1], ", ", images[2], ", ", images[3], ") or (N, ", images[1], ", ", images[2], ", ",
          images[3], "), found ", shape_text(found));
  constexpr Index at_a_time = 32;
  bool any = false;
  for (Index row = 0; row < in.masks->rows(); row += at_a_time) {
    const Images masks = next_masks(*in.masks, at_a_time);
    any = any || std::any_of(masks.data(), masks.data() + masks.size(), [](float m) { return m != 0; });
  }
  require(any, path.string(), ": every entry is 0, so that no feature may move");
}

}  // namespace

Inputs read_inputs(const Command& command, Model& model) {
  Inputs in{
      ImageReader(command.images, model.bounds()), foil::io::read_labels(command.labels), {}, {}, {}, {}};
  const Index rows = in.images.rows();
  const Index classes =
      model.prepare(command.images, in.images.sample_shape(), in.images.next(first_looked_at));
  require(in.labels.size() == rows, command.labels.string(), ": expected one label for each of the ", rows,
          " images, found ", in.labels.size());
  check_classes(command.labels, in.labels, classes);
  require(command.first < rows, "--first ", command.first, ": ", command.images.string(), " has only ", rows,
          " rows");
  require(!limited(command) || command.count <= rows - command.first, "--count ", command.count, ": ",
          command.images.string(), " has only ", rows - command.first, " rows from row ", command.first,
          " on");

  const Index used = limited(command) ? command.count : command.correct_only ? rows : rows - command.first;
  const auto check_entries = [&](const std::filesystem::path& path, Index found) {
    require(found == rows || found == used, path.string(), ": expected one entry for each of the ", rows,
            " rows of the data set", used == rows ? "" : " or of those used", ", found ", found);
  };
  if (command.targets) {
    in.targets = foil::io::read_labels(*command.targets);
    check_classes(*command.targets, *in.targets, classes);
    check_entries(*command.targets, in.targets->size());
  }
  if (command.starts) {
    open_starts(*command.starts, model.bounds(), in);
    check_entries(*command.starts, in.starts ? in.starts->rows() : in.start_rows->size());
  }
  if (command.mask) {
    open_masks(*command.mask, in);
    if (!one_for_all(*in.masks)) check_entries(*command.mask, in.masks->rows());
  }
  check_images(in.images);
  if (in.starts) check_images(*in.starts);
  return in;
}

Samples choose(const Command& command, const Model& model, Inputs& in, const std::atomic<bool>& interrupted) {
  const Index rows = in.images.rows();
  ProgressLine progress("clean predictions");
  foil::ChoiceOptions options{.first = command.first,
                              .correct_only = command.correct_only,
                              .batch_size = command.batch_size,
                              .observer = [&](const foil::Progress& p) {
                                progress.update(p.finished, p.total, std::nullopt, p.queries, 0);
                                return interrupted ? foil::Control::stop : foil::Control::proceed;
                              }};
  if (limited(command)) options.count = command.count;
  Samples samples{foil::choose_samples(model, in.images, in.labels, options)};
  if (samples.stopped) return samples;
  progress.finish();
  require(!samples.rows.empty(), "no row is classified correctly, nothing is left to attack");
  require(!limited(command) || samples.size() == command.count, "--count ", command.count, ": only ",
          samples.size(), " rows are classified correctly from row ", command.first, " on");

  std::vector<std::int64_t> shown;
  for (Index i = 0; i < samples.size() && shown.size() < most_shown; ++i)
    if (samples.correct[i]) {
      samples.shown.push_back(i);
      shown.push_back(samples.rows[static_cast<std::size_t>(i)]);
    }
  samples.shown_images = in.images.gather(shown);

  const auto entry = [&](Index i, Index entries) {
    return entries == rows ? static_cast<Index>(samples.rows[static_cast<std::size_t>(i)]) : i;
  };
  if (in.targets) samples.targets.emplace(samples.size());
  for (Index i = 0; i < samples.size(); ++i) {
    if (in.targets) (*samples.targets)[i] = (*in.targets)[entry(i, in.targets->size())];
    if (in.starts) samples.starts.push_back(entry(i, in.starts->rows()));
    if (in.start_rows) samples.starts.push_back((*in.start_rows)[entry(i, in.start_rows->size())]);
    if (in.masks && !one_for_all(*in.masks)) samples.masks.push_back(entry(i, in.masks->rows()));
  }
  return samples;
}

Images read_starts(Inputs& in, const Samples& samples, const foil::Block& block) {
  if (samples.starts.empty()) return {};
  return (in.starts ? *in.starts : in.images).gather(part(samples.starts, block));
}

Images read_masks(Inputs& in, const Samples& samples, const foil::Block& block) {
  if (!in.masks) return {};
  if (samples.masks.empty()) {
    in.masks->seek(0);
    return next_masks(*in.masks, 1);
  }
  const auto& shape = in.images.dimensions();
  Images masks(block.count, shape[1], shape[2], shape[3]);
  Index place = 0;
  for (const std::int64_t row : part(samples.masks, block)) {
    in.masks->seek(row);
    foil::sample(masks, place++) = foil::sample(next_masks(*in.masks, 1), 0);
  }
  return masks;
}

}  // namespace evaluate
