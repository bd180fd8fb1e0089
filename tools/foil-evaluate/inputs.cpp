// SPDX-License-Identifier: MIT
#include "inputs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "foil/core/criteria.hpp"
#include "foil/core/shape.hpp"
#include "foil/evaluation/surrogate.hpp"
#include "foil/run/run_options.hpp"
#include "progress.hpp"

namespace evaluate {
namespace {

using foil::Index;
using foil::require;
using foil::squeezed;
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

/// What reading the images of some rows has shown.
struct Seen {
  Images first{};             ///< some that are valid
  Index invalid = 0;          ///< rows that are not finite or out of bounds,
  std::string invalid_row{};  ///< and what is wrong with the first of them
  Index clipped = 0;          ///< values moved to the bounds
  bool large = false;         ///< where bytes are scaled: some is above 1
};

/// Reads all images that may be used, so that whatever is wrong with them is told before the long run.
/// Nothing comes back if interrupted.
std::optional<Seen> look_at(ImageReader& images, const foil::Bounds<float>& bounds, Index begin, Index end,
                            Teller& teller, const std::atomic<bool>& interrupted) {
  constexpr Index at_a_time = 32;
  const std::string label = "reading " + images.path().filename().string();
  ProgressLine progress(teller, {.phase = "images", .label = label, .minor = true});
  Seen seen;
  std::vector<Index> valid;
  images.seek(begin);
  for (Index row = begin; row < end; row += at_a_time) {
    const Images batch = images.next(std::min(at_a_time, end - row));
    seen.clipped += images.clipped();
    for (Index i = 0; i < foil::samples(batch); ++i) {
      const auto image = foil::sample(batch, i);
      if (bounds.contain(image)) {
        if (static_cast<Index>(valid.size()) < first_looked_at) valid.push_back(row + i);
      } else if (seen.invalid++ == 0) {
        Index k = 0;
        while (std::isfinite(image[k]) && image[k] >= bounds.lower(k) && image[k] <= bounds.upper(k)) ++k;
        seen.invalid_row = foil::text("image ", row + i, " has the value ", image[k],
                                      ", expected values in [", bounds.lower(k), ", ", bounds.upper(k), "]");
      }
      for (Index k = 0; images.levels() > 0 && !seen.large && k < image.size(); ++k) {
        const double lower = bounds.lower(k), range = bounds.upper(k) - lower;
        seen.large = (image[k] - lower) * images.levels() > 1.5 * range;
      }
    }
    progress.update({.finished = row + foil::samples(batch) - begin, .total = end - begin});
    if (interrupted) return std::nullopt;
  }
  progress.finish();
  seen.first = images.gather(valid);
  return seen;
}

/// Notes what is odd about the images. Throws if none is valid.
void note_oddities(const Command& command, const ImageReader& images, const Seen& seen, Index rows,
                   std::vector<std::string>& notes) {
  const std::string path = command.images.string();
  const auto note = [&](const std::string& text) { notes.push_back(path + ": " + text); };
  require(seen.invalid < rows, path, ": ", seen.invalid_row,
          ", and no image is valid (--bounds says what is)");
  if (seen.invalid > 0)
    note(foil::text(seen.invalid, " of ", rows,
                    command.attacks.empty() && command.corruptions
                        ? " images are not shown to the model and count as wrong: "
                    : command.corruptions
                        ? " images cannot be attacked and count as not robust, under corruptions as wrong: "
                        : " images cannot be attacked and count as not robust: ",
                    seen.invalid_row));
  if (seen.clipped > 0) note(foil::text("values moved to the bounds: ", seen.clipped));
  if (images.levels() > 0 && !seen.large)
    note(foil::text("no value is above 1, and ", images.levels(),
                    " is the upper end of the bounds; --raw takes values as they are"));
}

/// Which class is which, if that is by the names of folders; else empty.
std::string classes_text(const Command& command, const ImageReader& images) {
  if (!command.labels.empty() || images.pictures() == nullptr || images.pictures()->classes.empty())
    return {};
  std::string classes;
  for (std::size_t i = 0; i < images.pictures()->classes.size() && classes.size() < 500; ++i)
    classes += foil::text(i == 0 ? "" : ", ", i, " ", images.pictures()->classes[i]);
  return command.images.string() + ": classes: " + classes;
}

/// So many are read of what there is one of for each image: enough to say how many there are, where these are
/// not the right ones.
Index most_entries(Index rows) {
  return std::max<Index>(rows, 1 << 20);
}

/// The labels of the images: of the file for them, by name where these are pictures and it has names, or else
/// what the images come with.
foil::Labels labels_of(const Command& command, const ImageReader& images) {
  const foil::io::PictureList* const pictures = images.pictures();
  const Index rows = images.rows();
  foil::Labels labels;
  if (command.labels.empty()) {
    require(
        pictures == nullptr || pictures->classes.empty() || pictures->labels.size() > 0,
        command.images.string(), ": the folders of the classes are named by numbers, but these are not 0 to ",
        pictures == nullptr ? 0 : pictures->classes.size() - 1,
        ", each of them once: which class is which? Expected these, or --labels with a line file,label for "
        "each picture");
    require(pictures != nullptr && pictures->labels.size() > 0,
            "--labels is missing, and the images do not come with any (foil-evaluate --help explains the "
            "options)");
    labels = pictures->labels;
  } else if (pictures != nullptr && foil::io::names_pictures(command.labels)) {
    labels = foil::io::match_labels(foil::io::Table(command.labels, foil::io::most_lines), *pictures);
  } else {
    if (pictures != nullptr) foil::io::require_one_order(command.labels, *pictures);
    labels = foil::io::read_labels(command.labels, most_entries(rows));
  }
  require(labels.size() == rows, command.labels.string(), ": expected one label for each of the ", rows,
          " images, found ", labels.size());
  return labels;
}

/// Starting points: the file's own images, or those rows of the data set that its integers point to.
void open_starts(const std::filesystem::path& path, const foil::Bounds<float>& bounds,
                 const foil::io::ImageOptions& options, Inputs& in) {
  const Index rows = in.images.rows();
  if (!foil::io::holds_labels(path)) {
    auto strict = options;
    strict.strict = true;
    strict.shape = in.images.sample_shape();
    in.starts.emplace(path, bounds, strict);
    return;
  }
  in.start_rows = foil::io::read_labels(path, most_entries(rows), {"starts"});
  for (Index i = 0; i < in.start_rows->size(); ++i)
    require((*in.start_rows)[i] < rows, path.string(), ": entry ", i, " points to row ", (*in.start_rows)[i],
            ", the data set has rows 0 to ", rows - 1);
}

/// The block's part of what there is one of for each sample.
std::span<const std::int64_t> part(const std::vector<std::int64_t>& all, const foil::Block& block) {
  return std::span(all).subspan(static_cast<std::size_t>(block.first), static_cast<std::size_t>(block.count));
}

/// Whether a file of masks holds a single one, for all samples.
bool one_for_all(const Inputs& in) {
  return squeezed(in.masks->shape()) == squeezed(in_data(in.form()));
}

/// The masks that come next, `count` of them: 1 where a feature may move, else 0.
Images next_masks(Inputs& in, Index count) {
  const bool single = one_for_all(in);
  const auto array = in.masks->next(single ? in.masks->rows() : count);
  const std::vector<double> values = array.values<double>();
  auto shape = in.images.dimensions();
  shape[0] = single ? 1 : array.shape[0];
  Images out(shape);
  const Index n = in.features(), channels = turned(in.form()) ? in.images.sample_shape().front() : 1;
  for (Index i = 0; i < out.size(); ++i) {
    const double value = values[static_cast<std::size_t>(i)];
    require(std::isfinite(value), array.path.string(), ": expected numbers, found ", value);
    const Index k = i % n;
    out.data()[i - k + foil::channels_first(k, channels, n)] = value != 0 ? 1.0f : 0.0f;
  }
  return out;
}

/// Throws unless the file has masks of the images' shape, one for all or one for each row, and some feature
/// may move.
void open_masks(const std::filesystem::path& path, Inputs& in) {
  in.masks.emplace(foil::io::open_npy(path, {"mask", "masks"}));
  const auto& found = in.masks->shape();
  const std::vector<Index> wanted = in_data(in.form());
  const bool each = !found.empty() && squeezed(std::vector<Index>(found.begin() + 1, found.end())) ==
                                          squeezed(in_data(in.form()));
  require(one_for_all(in) || each, path.string(), ": expected a mask for the images of shape ",
          in.images.shape_text(), ": ", foil::extents_text(wanted), " or ", foil::batch_text(wanted),
          ", found ", foil::extents_text(found));
  constexpr Index at_a_time = 32;
  bool any = false;
  for (Index row = 0; row < in.masks->rows(); row += at_a_time) {
    const Images masks = next_masks(in, at_a_time);
    any = any || std::any_of(masks.data(), masks.data() + masks.size(), [](float m) { return m != 0; });
    if (one_for_all(in)) break;
  }
  require(any, path.string(), ": every entry is 0, so that no feature may move");
}

/// Opens the images, in the shape and the units that the model takes.
ImageReader open_images(const Command& command, Model& model, foil::io::ImageOptions& options) {
  options = {.nhwc = command.nhwc, .raw = command.raw, .clip = command.clip, .strict = false};
  if (model.sample_shape()) options.shape = *model.sample_shape();
  if (command.lower.size() == 1) {
    model.set_units({command.lower[0], command.upper[0]}, {}, {});
    if (command.mean.empty()) return ImageReader(command.images, model.bounds(), options);
  }
  const Form form{ImageReader(command.images, foil::Bounds<float>(), options).sample_shape(), command.nhwc};
  model.set_units(spread_bounds(command.lower, command.upper, form), spread("--mean", command.mean, form),
                  spread("--std", command.deviation, form));
  return ImageReader(command.images, model.bounds(), options);
}

/// Opens another network for the same images, in the units of the model; null if there is none. Throws unless
/// it has gradients and as many classes.
std::unique_ptr<Model> open_other(const char* option, const std::optional<std::filesystem::path>& path,
                                  const Command& command, const Inputs& in, const Images& first,
                                  Index classes) {
  if (!path) return nullptr;
  std::unique_ptr<Model> surrogate;
  try {
    surrogate = load_model(*path, {});
  } catch (const foil::Error& error) {
    throw foil::Error(foil::text(option, ": ", path->string(), ": ", error.what()));
  }
  require(surrogate->knowledge() == foil::Knowledge::gradients, option, ": ", path->string(),
          " has no gradients");
  const Form form = in.form();
  surrogate->set_units(spread_bounds(command.lower, command.upper, form),
                       spread("--mean", command.mean, form), spread("--std", command.deviation, form));
  const Index its_own = surrogate->prepare(*path, in.images.sample_shape(), first);
  require(its_own == classes, option, ": ", path->string(), " has ", its_own, " classes, the model ",
          classes);
  return surrogate;
}

/// The targets of all rows of the data set, -1 where there is none; empty if they are for the samples used
/// and these are not known yet. Rows whose target is their label are left out where it is known which they
/// are.
foil::Labels targets_by_row(const Command& command, const foil::Labels& targets, Index rows) {
  if (targets.size() == rows) return targets;
  if (command.correct_only) return {};
  foil::Labels all = foil::Labels::Constant(rows, -1);
  all.segment(command.first, targets.size()) = targets;
  return all;
}

}  // namespace

std::optional<Inputs> read_inputs(const Command& command, Model& model, Teller& teller,
                                  const std::atomic<bool>& interrupted) {
  foil::io::ImageOptions options;
  ImageReader images = open_images(command, model, options);
  foil::Labels labels = labels_of(command, images);
  Inputs in{std::move(images), std::move(labels), {}, {}, {}, {}, {}, {}, command.nhwc};
  if (const std::string classes = classes_text(command, in.images); !classes.empty())
    in.notes.push_back(classes);
  const Index rows = in.images.rows();
  require(command.first < rows, "--first ", command.first, ": ", command.images.string(), " has only ", rows,
          " rows");
  require(!limited(command) || command.count <= rows - command.first, "--count ", command.count, ": ",
          command.images.string(), " has only ", rows - command.first, " rows from row ", command.first,
          " on");
  require(command.pool_first < rows, "--pool ", command.pool_first, ",", command.pool_count, ": ",
          command.images.string(), " has only ", rows, " rows");
  const Index end = limited(command) && !command.correct_only ? command.first + command.count : rows;
  const auto seen = look_at(in.images, model.bounds(), command.first, end, teller, interrupted);
  if (!seen) return std::nullopt;
  note_oddities(command, in.images, *seen, end - command.first, in.oddities);
  const Index classes = model.prepare(command.images, in.images.sample_shape(), seen->first);
  check_classes(command.labels.empty() ? command.images : command.labels, in.labels, classes);

  in.surrogate = open_other("--surrogate", command.surrogate, command, in, seen->first, classes);
  in.attacked = open_other("--transfer-from", command.transfer_from, command, in, seen->first, classes);

  const Index used = limited(command) ? command.count : command.correct_only ? rows : rows - command.first;
  const auto check_entries = [&](const std::filesystem::path& path, Index found) {
    require(found == rows || found == used, path.string(), ": expected one entry for each of the ", rows,
            " rows of the data set", used == rows ? "" : " or of those used", ", found ", found);
    if (in.images.pictures() != nullptr) foil::io::require_one_order(path, *in.images.pictures());
  };
  if (command.targets) {
    in.targets = foil::io::read_labels(*command.targets, most_entries(rows), {"targets"});
    check_classes(*command.targets, *in.targets, classes);
    check_entries(*command.targets, in.targets->size());
  }
  if (command.starts) {
    open_starts(*command.starts, model.bounds(), options, in);
    const foil::io::PictureList* const of_images = in.images.pictures();
    const foil::io::PictureList* const of_starts = in.starts ? in.starts->pictures() : nullptr;
    const bool same_names =
        of_images != nullptr && of_starts != nullptr && of_images->names == of_starts->names;
    if (of_starts != nullptr && !same_names) foil::io::require_one_order(command.images, *of_starts);
    if (!same_names) check_entries(*command.starts, in.starts ? in.starts->rows() : in.start_rows->size());
  }
  if (command.mask) {
    open_masks(*command.mask, in);
    if (!one_for_all(in)) check_entries(*command.mask, in.masks->rows());
  }
  if (in.starts && !look_at(*in.starts, model.bounds(), 0, in.starts->rows(), teller, interrupted))
    return std::nullopt;
  for (Index first = 0; in.start_rows && first < in.start_rows->size(); first += first_looked_at) {
    const foil::Labels wanted =
        in.start_rows->segment(first, std::min(first_looked_at, in.start_rows->size() - first));
    const Images starts = in.images.gather(wanted);
    for (Index i = 0; i < wanted.size(); ++i)
      require(model.bounds().contain(foil::sample(starts, i)), command.starts->string(), ": entry ",
              first + i, " points to row ", wanted[i], ", which is not finite or out of bounds");
  }
  return in;
}

namespace {

/// The place of a share's samples among so many, and their number: whole blocks, which are then those of the
/// whole run, or whole batches where there are too few blocks.
std::pair<Index, Index> share_of(const Command& command, Index samples) {
  if (command.shards == 0) return {0, samples};
  const Index block = foil::block_size(
      foil::RunOptions<Images>{.threads = command.threads, .batch_size = command.batch_size});
  for (const Index unit : {block, static_cast<Index>(command.batch_size), Index{1}}) {
    const Index units = (samples - 1) / unit + 1;
    if (units < command.shards) continue;
    const Index begin = (command.shard - 1) * units / command.shards * unit;
    return {begin, std::min(samples, command.shard * units / command.shards * unit) - begin};
  }
  throw foil::Error(
      foil::text("--shard ", command.shard, "/", command.shards, ": there are only ", samples, " samples"));
}

/// Leaves out all samples but some that follow each other.
void cut(Samples& samples, Index first, Index count) {
  const auto only = [&](auto& all) {
    if (all.empty()) return;
    all = {all.begin() + first, all.begin() + first + count};
  };
  only(samples.rows);
  only(samples.starts);
  only(samples.masks);
  samples.labels = foil::Labels(samples.labels.segment(first, count));
  samples.predictions = foil::Labels(samples.predictions.segment(first, count));
  if (samples.targets) samples.targets = foil::Labels(samples.targets->segment(first, count));
  samples.correct = Eigen::Array<bool, Eigen::Dynamic, 1>(samples.correct.segment(first, count));
  samples.shown.clear();
}

/// Throws where folders named by words are not as many as the network has outputs: one that is missing would
/// move the labels of all behind it.
void check_folders(const Command& command, const Model& model, Inputs& in) {
  const foil::io::PictureList* const pictures = in.images.pictures();
  if (!command.labels.empty() || pictures == nullptr || pictures->classes.empty()) return;
  const std::vector<std::string>& classes = pictures->classes;
  bool numbers = true;
  for (std::size_t i = 0; i < classes.size(); ++i) numbers = numbers && classes[i] == std::to_string(i);
  if (numbers) return;
  const std::vector<std::int64_t> one{command.first};
  const Index outputs = model.logits(in.images.gather(one)).cols();
  require(
      std::ssize(classes) == outputs, command.images.string(), ": the folders are of ", classes.size(),
      " classes, and the network has ", outputs,
      " outputs: which class is which? Expected a folder for each, or --labels with a line file,label for "
      "each picture");
}

}  // namespace

Samples choose(const Command& command, const Model& model, Inputs& in, Teller& teller,
               const std::atomic<bool>& interrupted) {
  check_folders(command, model, in);
  const Index rows = in.images.rows();
  ProgressLine progress(teller, {.phase = "clean", .label = "clean predictions"});
  foil::ChoiceOptions options{.first = command.first,
                              .correct_only = command.correct_only,
                              .batch_size = command.batch_size,
                              .pool_first = command.pool_first,
                              .pool_rows = in.attacked || command.attacks.empty() ? 0 : command.pool_count,
                              .observer = [&](const foil::Progress& p) {
                                progress.update(p);
                                return interrupted ? foil::Control::stop : foil::Control::proceed;
                              }};
  if (limited(command)) options.count = command.count;
  // Which samples there are follows from the rows, unless the model or the targets have a say.
  const bool by_row = !command.correct_only && !in.targets;
  const Index all_rows = limited(command) ? command.count : rows - command.first;
  if (command.shards > 0 && by_row) {
    const auto [begin, count] = share_of(command, all_rows);
    options.first += begin;
    options.count = count;
  }
  if (in.targets) options.targets = targets_by_row(command, *in.targets, rows);
  Samples samples{foil::choose_samples(model, in.images, in.labels, options)};
  if (samples.stopped) return samples;
  if (in.attacked && command.pool_count > 0) {  // whose own answers say where attacks on it may start
    auto of_pool = foil::choose_samples(*in.attacked, in.images, in.labels,
                                        {.first = command.pool_first,
                                         .count = command.pool_count,
                                         .batch_size = command.batch_size,
                                         .pool_first = command.pool_first,
                                         .pool_rows = command.pool_count,
                                         .observer = options.observer});
    samples.stopped = of_pool.stopped;
    if (samples.stopped) return samples;
    samples.pool = std::move(of_pool.pool);
  }
  progress.finish();
  require(!samples.rows.empty(), "no row is classified correctly, nothing is left to attack");
  const Index left_out = command.correct_only ? 0 : samples.on_target;
  require(!limited(command) || samples.size() + left_out == options.count, "--count ", command.count,
          ": only ", samples.size(), " rows are classified correctly from row ", command.first, " on");

  std::vector<std::int64_t> shown;
  for (Index i = 0; i < samples.size() && shown.size() < most_shown; ++i)
    if (samples.correct[i]) {
      samples.shown.push_back(i);
      shown.push_back(samples.rows[static_cast<std::size_t>(i)]);
    }
  samples.shown_images = in.images.gather(shown);

  const auto entry = [&](Index i, Index entries) {
    const auto row = static_cast<Index>(samples.rows[static_cast<std::size_t>(i)]);
    return entries == rows ? row : command.correct_only ? i : row - command.first;
  };
  if (in.targets) samples.targets.emplace(samples.size());
  for (Index i = 0; i < samples.size(); ++i) {
    if (in.targets) (*samples.targets)[i] = (*in.targets)[entry(i, in.targets->size())];
    if (in.starts) samples.starts.push_back(entry(i, in.starts->rows()));
    if (in.start_rows) samples.starts.push_back((*in.start_rows)[entry(i, in.start_rows->size())]);
    if (in.masks && !one_for_all(in)) samples.masks.push_back(entry(i, in.masks->rows()));
  }
  require(!samples.targets || (samples.targets->array() != samples.labels.array()).any(),
          "--targets: all are the labels of their rows, so that nothing is to be changed; expected other "
          "classes");
  if (command.shards == 0) return samples;
  const auto [begin, count] = share_of(command, by_row ? all_rows : samples.size());
  samples.first_sample = begin;
  samples.total = by_row ? all_rows : samples.size();
  samples.clean_of_all = !by_row;
  samples.shown.clear();
  if (!by_row) cut(samples, begin, count);
  return samples;
}

Images surrogate_prior(const Command& command, Inputs& in, const Samples& samples, const foil::Block& block) {
  if (!in.surrogate) return {};
  const Images images = in.images.gather(block.rows);
  const auto part_of = [&](const foil::Labels& all) {
    return foil::Labels(all.segment(block.first, block.count));
  };
  const Index at_once = command.batch_size;
  if (samples.targets)
    return foil::surrogate_directions(*in.surrogate, images,
                                      foil::TargetedMisclassification(part_of(*samples.targets)), at_once);
  return foil::surrogate_directions(*in.surrogate, images, part_of(samples.labels), at_once);
}

Images read_starts(Inputs& in, const Samples& samples, const foil::Block& block) {
  if (samples.starts.empty()) return {};
  return (in.starts ? *in.starts : in.images).gather(part(samples.starts, block));
}

Images read_masks(Inputs& in, const Samples& samples, const foil::Block& block) {
  if (!in.masks) return {};
  if (samples.masks.empty()) {
    in.masks->seek(0);
    return next_masks(in, 1);
  }
  const auto& shape = in.images.dimensions();
  Images masks(block.count, shape[1], shape[2], shape[3]);
  Index place = 0;
  for (const std::int64_t row : part(samples.masks, block)) {
    in.masks->seek(row);
    foil::sample(masks, place++) = foil::sample(next_masks(in, 1), 0);
  }
  return masks;
}

}  // namespace evaluate
