// SPDX-License-Identifier: MIT
/// \file
/// foil-corrupt: writes images with common corruptions, or as people were shown them.
#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "common/arguments.hpp"
#include "common/corruptions.hpp"
#include "common/signals.hpp"
#include "common/terminal.hpp"
#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/evaluation/corruptions/corrupt.hpp"
#include "foil/evaluation/degradations/degrade.hpp"
#include "foil/geometry/image.hpp"
#include "foil/io/data.hpp"
#include "foil/io/jpeg.hpp"
#include "foil/io/npy.hpp"
#include "outputs.hpp"

namespace {

namespace fs = std::filesystem;
using corrupting::Form;
using corrupting::Output;
using foil::Index;
using foil::require;
using foil::corruptions::Planes;
using Reader = foil::io::ImageReader<float>;

constexpr int exit_failed = 1;

/// One corruption at one severity, or one degradation at one level.
struct Kind {
  std::variant<foil::Corruption, foil::Degradation> what;
  double level;

  std::string_view name() const {
    return std::visit([](auto which) { return foil::name(which); }, what);
  }
  /// All of the level, which random numbers depend on: two that differ are told apart.
  std::string level_text() const { return foil::text(level); }
  template <class Which>
  bool is(Which which) const {
    return std::holds_alternative<Which>(what) && std::get<Which>(what) == which;
  }
  bool is_corruption() const { return std::holds_alternative<foil::Corruption>(what); }
};

struct Command {
  std::string help{};
  fs::path images{}, out{};
  bool nhwc = false, exact = false, png = false, npy = false;
  foil::Bounds<float> bounds{};
  std::vector<Kind> kinds{};
  std::optional<fs::path> textures{}, amplitudes{}, monitor{};
  foil::CorruptionOptions options{};
  foil::DegradationOptions degradation{};
  Index first = 0;
  std::optional<Index> count{};
  std::vector<std::string> notes{};  ///< to be said where it succeeds

  template <class Which>
  bool asks_for(Which which) const {
    return std::any_of(kinds.begin(), kinds.end(), [&](const Kind& kind) { return kind.is(which); });
  }
  bool asks_for_corruptions() const {
    return std::any_of(kinds.begin(), kinds.end(), [](const Kind& kind) { return kind.is_corruption(); });
  }
};

template <class Whole>
Whole parse_count(const std::string& option, const std::string& text) {
  const auto value = foil::parse_whole<Whole>(text);
  require(value && !std::cmp_less(*value, 0), option, ": expected a whole number from 0, got '", text, "'");
  return *value;
}

foil::Bounds<float> parse_bounds(const std::string& text) {
  const auto parts = foil::parts_of(text, ',');
  const auto end = [&](std::size_t i) {
    return parts.size() == 2 ? foil::parse_real(parts[i]) : std::nullopt;
  };
  const auto lower = end(0), upper = end(1);
  require(lower && upper && std::isfinite(*lower) && std::isfinite(*upper) && *lower < *upper,
          "--bounds: expected LOWER,UPPER, got '", text, "'");
  return {static_cast<float>(*lower), static_cast<float>(*upper)};
}

/// The degradations of `names`, each at the `levels`, or as they were published.
void add_degradations(std::vector<Kind>& kinds, const std::string& names, const std::string& levels) {
  const std::vector<foil::Degradation> chosen = foil::degradations_named(names);
  require(levels.empty() || chosen.size() == 1, "--level: is for one degradation, asked for are ",
          chosen.size());
  for (const foil::Degradation degradation : chosen) {
    const auto published = foil::published_levels(degradation);
    std::vector<double> at(published.begin(), published.end());
    if (!levels.empty()) at.clear();
    for (const std::string_view part :
         levels.empty() ? std::vector<std::string_view>{} : foil::parts_of(levels, ',')) {
      const auto level = foil::parse_real(part);
      require(level && !std::isnan(*level), "--level: expected numbers, as 0.1,0.35, got '", levels, "'");
      at.push_back(*level + 0.0);  // -0 is 0
    }
    for (const double level : at) {
      kinds.push_back({degradation, level});
      require(std::count_if(kinds.begin(), kinds.end(),
                            [&](const Kind& kind) {
                              return kind.is(degradation) && kind.level_text() == kinds.back().level_text();
                            }) == 1,
              "--degradations: ", kinds.back().name(), " at ", kinds.back().level_text(), " is given twice");
    }
  }
}

/// What degradations take from files.
void read_numbers(Command& command) {
  const auto array_of = [&](const char* option, const fs::path& path, foil::Degradation degradation,
                            std::size_t dimensions) {
    require(command.asks_for(degradation), option, ": is for the degradation ", foil::name(degradation));
    foil::io::NpyArray array = foil::io::read_npy(path);
    require(array.shape.size() == dimensions, option, ": expected an array of ", dimensions,
            dimensions == 1 ? " dimension in " : " dimensions in ", path.string(), ", found ",
            array.shape.size());
    return array;
  };
  if (command.monitor) {
    command.degradation.monitor =
        array_of("--monitor", *command.monitor, foil::Degradation::opponent_colour, 1).values<double>();
    foil::degradations::check_curve(command.degradation.monitor);
  }
  if (command.amplitudes) {
    const foil::io::NpyArray array =
        array_of("--amplitudes", *command.amplitudes, foil::Degradation::power_equalisation, 2);
    const std::vector<double> numbers = array.values<double>();
    command.degradation.amplitudes = Planes(1, array.shape[0], array.shape[1]);
    std::copy(numbers.begin(), numbers.end(), command.degradation.amplitudes.values.begin());
    foil::degradations::check_amplitudes(command.degradation.amplitudes);
    foil::degradations::require_any(command.degradation.amplitudes);
  }
}

constexpr const char* footer =
    "Examples:\n"
    "  foil-corrupt --images pictures/ --corruptions benchmark --frost-textures ice/ --out corrupted/\n"
    "  foil-corrupt --images images.npy --corruptions fog --severity 3 --profile cifar --out fog-3.npy\n"
    "  foil-corrupt --images pictures/ --degradations uniform_noise --level 0.1,0.35 --out shown/\n\n"
    "A folder gets a folder for each corruption, and in it one for each severity or level, fog/3, with\n"
    "PNG files under the names of the pictures, folders of classes included; or, of arrays, fog/3.npy, in\n"
    "the shape of the file of images. Of corruptions and degradations together, these folders lie in\n"
    "corruptions/ and degradations/. Nothing is left of what fails or a signal ends, and no file is\n"
    "overwritten. Last comes corruptions.json, with all that they depend on. Random numbers belong to the\n"
    "seed, the row, the corruption and the severity: parts by --first and --count are those of the whole,\n"
    "but for power_equalisation without --amplitudes, and foil-evaluate --corruptions shows the model the\n"
    "same images for the same seed. Memory does not grow with the number of images.\n\n"
    "Exit status:\n"
    "  0      all is written\n"
    "  1      something failed\n"
    "  2      the command or a file is not as it should be: one line says what\n"
    "  128+n  signal n ended it, 130 for Ctrl-C; a second Ctrl-C leaves what there is\n";

Command parse_command_line(int argc, char** argv) {
  Command command;
  CLI::App app(
      "Corrupts images as ImageNet-C and its relatives are: 19 kinds of noise, blur, weather and loss, at "
      "five\n"
      "severities (docs/corruptions.md), or degrades them as people were shown them "
      "(docs/degradations.md).\n",
      "foil-corrupt");
  app.get_formatter()->column_width(36);
  app.footer(footer);
  std::string corruptions, degradations, levels, severities = "1-5", profile = "imagenet", layout = "nchw",
                                                 bounds, seed, first, count, format;
  bool true_swap = false;
  app.add_option(
         "--images", command.images,
         "Images of one or three channels: a folder or a list of PNG and JPEG files of one size, .npy,\n"
         ".npz, or idx, as foil-evaluate takes them")
      ->type_name("PATH");
  app.add_option("--layout", layout, "nhwc: the array of images is N x H x W x C")
      ->check(CLI::IsMember({"nchw", "nhwc"}));
  app.add_option("--bounds", bounds, "Black and white of arrays of floats (default 0,1)")
      ->type_name("LOWER,UPPER");
  app.add_option(
         "--corruptions,--corruption", corruptions,
         "all (19), benchmark (15, the default without --degradations, but for frost without textures),\n"
         "or names as fog,glass_blur; all,-frost leaves frost out")
      ->type_name("NAME,...");
  app.add_option("--severity", severities, "As 3, 1-3 or 1,3,5 (default 1-5)")->type_name("N,...");
  app.add_option("--profile,--corruption-profile", profile,
                 "Whose constants the severities are: imagenet (the default, for images of any size),\n"
                 "tiny_imagenet (64 x 64) or cifar (32 x 32, and MNIST's 28 x 28)")
      ->type_name("NAME");
  app.add_option("--frost-textures", command.textures,
                 "Photographs of ice for the corruption frost: a folder of pictures, or a list")
      ->type_name("PATH");
  app.add_flag("--true-swap", true_swap,
               "Let glass_blur swap pixels, where the published ones have copied them by mistake");
  app.add_option("--degradations,--degradation", degradations,
                 "all (13), or names as low_pass,phase_noise; all,-opponent_colour leaves that out")
      ->type_name("NAME,...");
  app.add_option("--level", levels, "Of one degradation, as 0.1,0.35 (default: those that were published)")
      ->type_name("X,...");
  app.add_option("--amplitudes", command.amplitudes,
                 "Of power_equalisation, H x W, frequency 0 in the middle (default: the mean of the images)")
      ->type_name("NPY");
  app.add_option("--monitor", command.monitor,
                 "Of opponent_colour, the light of the 256 levels, from 0 to 1 (default: sRGB's)")
      ->type_name("NPY");
  app.add_flag("--exact", command.exact,
               "Write arrays of floats within the bounds, not cut down to 256 levels");
  app.add_option("--seed", seed, "Of the random numbers (default 0)")->type_name("N");
  app.add_option("--first", first, "The first row to corrupt (default 0)")->type_name("ROW");
  app.add_option("--count", count, "How many rows (default: all from there on)")->type_name("N");
  app.add_option("--format", format, "png or npy (default: pictures for pictures, arrays for arrays)")
      ->check(CLI::IsMember({"png", "npy"}));
  app.add_option("--out", command.out,
                 "Where to write: a new or empty folder, or NAME.npy for one corruption or degradation, once")
      ->type_name("PATH");
  app.set_version_flag("--version", "foil-corrupt " + programs::version());
  app.set_help_flag("-h,--help", "Print this text");
  command.help = programs::parse(app, argc, argv, "is not understood");
  if (!command.help.empty()) return command;
  for (const auto& [option, path] : {std::pair{"--images", &command.images}, {"--out", &command.out}})
    require(!path->empty(), option, " is missing (foil-corrupt --help explains the options)");
  if (corruptions.empty() && degradations.empty()) {
    corruptions = command.textures ? "benchmark" : "benchmark,-frost";
    if (!command.textures)
      command.notes.push_back("frost is left out: it needs --frost-textures, photographs of ice");
  }
  require(levels.empty() || !degradations.empty(),
          "--level: is for --degradations, corruptions have --severity");
  const auto chosen =
      corruptions.empty() ? std::vector<foil::Corruption>{} : foil::corruptions_named(corruptions);
  for (const char* option : {"--severity", "--profile"})
    require(!chosen.empty() || app.count(option) == 0, option, ": is for --corruptions",
            option == std::string("--severity") ? ", degradations have --level" : "");
  require(!true_swap || std::find(chosen.begin(), chosen.end(), foil::Corruption::glass_blur) != chosen.end(),
          "--true-swap: is for the corruption glass_blur, which is not asked for");
  programs::require_textures(chosen, command.textures.has_value());
  for (const foil::Corruption corruption : chosen)
    for (const int severity : programs::parse_severities("--severity", severities))
      command.kinds.push_back({corruption, static_cast<double>(severity)});
  if (!degradations.empty()) add_degradations(command.kinds, degradations, levels);
  const std::string extension = command.out.extension().string();
  require(extension != ".png" && extension != ".jpg" && extension != ".jpeg", "--out ", command.out.string(),
          ": expected a folder for pictures, or NAME.npy for one array");
  command.nhwc = layout == "nhwc";
  command.png = format == "png";
  command.npy = format == "npy" || command.exact || command.out.extension() == ".npy";
  require(!command.png || !command.npy,
          "--format png: PNG files go to a folder and have 256 levels, without ",
          command.exact ? "--exact" : "--out NAME.npy");
  if (!bounds.empty()) command.bounds = parse_bounds(bounds);
  if (!seed.empty()) command.options.seed = parse_count<std::uint64_t>("--seed", seed);
  if (!first.empty()) command.first = parse_count<Index>("--first", first);
  if (!count.empty()) command.count = parse_count<Index>("--count", count);
  command.options.profile = foil::corruption_profile_named(profile);
  command.options.bounds = command.bounds.cast<double>();
  command.options.eight_bit = !command.exact;
  command.options.jpeg = foil::io::jpeg_round_trip;
  command.degradation.seed = command.options.seed;
  command.degradation.eight_bit = !command.exact;
  read_numbers(command);
  if (true_swap) command.options.glass_swap = foil::corruptions::GlassSwap::true_swap;
  require(command.out.extension() != ".npy" || command.kinds.size() == 1, "--out ", command.out.string(),
          ": holds one corruption of one severity, or one degradation of one level, asked for are ",
          command.kinds.size(), ": expected a folder");
  if (command.textures) command.options.frost = programs::frost_textures(*command.textures);
  return command;
}

/// How the images of a file lie in memory, and how they are written.
Form form_of(const Command& command, const Reader& reader) {
  Form form{{}, reader.sample_shape(), command.exact};
  const std::vector<Index>& shape = form.shape;
  const auto coloured = [](Index channels) { return channels == 1 || channels == 3; };
  const bool last = shape.size() == 3 && foil::geometry::ChannelsLast().of(shape);
  require(shape.size() == 2 || (shape.size() == 3 && coloured(shape[last ? 2 : 0])), command.images.string(),
          ": expected images of 1 or 3 channels, found ", reader.shape_text());
  form.layout = foil::geometry::image_or_row(shape, last);
  require(form.layout.channels == 3 || !command.asks_for(foil::Degradation::opponent_colour),
          command.images.string(),
          ": the degradation opponent_colour needs three channels, found one; all,-opponent_colour leaves it "
          "out");
  require(form.layout.height == form.layout.width ||
              std::none_of(command.kinds.begin(), command.kinds.end(),
                           [](const Kind& kind) {
                             return kind.is(foil::Degradation::rotation) &&
                                    std::fmod(std::abs(kind.level), 180) == 90;
                           }),
          command.images.string(),
          ": the degradation rotation by quarter turns needs images as high as wide, found ",
          form.layout.height, " x ", form.layout.width, "; all,-rotation leaves it out");
  return form;
}

/// Throws unless a file can be written without a loss.
void require_new(const fs::path& file) {
  std::error_code ignored;
  require(!fs::is_regular_file(file, ignored) || fs::file_size(file, ignored) == 0, "--out ", file.string(),
          ": is there already; name another, or remove it first");
}

/// Throws unless files can be put into a folder without touching others.
void require_empty(const fs::path& folder) {
  std::error_code ignored;
  require(
      !fs::exists(folder, ignored) || (fs::is_directory(folder, ignored) && fs::is_empty(folder, ignored)),
      "--out ", folder.string(), ": expected a new or an empty folder");
}

std::vector<std::unique_ptr<Output>> open_outputs(const Command& command, const Reader& reader,
                                                  const Form& form, Index images,
                                                  corrupting::Folders& folders) {
  std::vector<std::unique_ptr<Output>> out;
  if (command.out.extension() == ".npy") {
    require_new(command.out);
    out.push_back(corrupting::npy_output(command.out, form, images));
    return out;
  }
  require_empty(command.out);
  const bool png = command.png || (!command.npy && reader.pictures() != nullptr);
  if (png && reader.pictures() != nullptr) corrupting::require_places(*reader.pictures());
  const bool both = command.asks_for_corruptions() && !command.kinds.back().is_corruption();
  for (const Kind& kind : command.kinds) {
    const fs::path folder = command.out /
                            (!both                  ? ""
                             : kind.is_corruption() ? "corruptions"
                                                    : "degradations") /
                            kind.name();
    const std::string level = kind.level_text();
    folders.make(folder);
    out.push_back(png ? corrupting::png_output(folder / level, reader.pictures(), folders)
                      : corrupting::npy_output(folder / (level + ".npy"), form, images));
  }
  return out;
}

/// What a folder of corrupted images says of itself: all that they depend on.
void write_facts(const Command& command, const Reader& reader, const Form& form, Index images) {
  nlohmann::ordered_json facts;
  facts["foil_version"] = programs::version();
  facts["images"] = command.images.string();
  facts["first"] = command.first;
  facts["count"] = images;
  facts["rows"] = reader.rows();
  facts["seed"] = command.options.seed;
  facts["layout"] = form.layout.channels_last ? "nhwc" : "nchw";
  facts["bounds"] = {command.options.bounds.lower(0), command.options.bounds.upper(0)};
  facts["eight_bit"] = command.options.eight_bit;
  if (command.asks_for_corruptions()) {
    facts["profile"] = foil::name(command.options.profile);
    facts["glass_swap"] =
        command.options.glass_swap == foil::corruptions::GlassSwap::reference ? "reference" : "true_swap";
  }
  if (command.asks_for(foil::Corruption::frost)) facts["frost_textures"] = command.textures->string();
  if (command.asks_for(foil::Degradation::power_equalisation))
    facts["amplitudes"] = command.amplitudes ? command.amplitudes->string() : "mean of the images";
  if (command.asks_for(foil::Degradation::opponent_colour))
    facts["monitor"] = command.monitor ? command.monitor->string() : "sRGB";
  for (const Kind& kind : command.kinds)
    if (kind.is_corruption())
      facts["corruptions"][std::string(kind.name())].push_back(static_cast<int>(kind.level));
    else
      facts["degradations"][std::string(kind.name())].push_back(kind.level_text());
  const std::string text = facts.dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
  foil::io::write_file(command.out / "corruptions.json", text + "\n");
}

/// Corrupts all images. Returns what is to be said of it; nothing if interrupted, when nothing is left of it.
std::optional<std::string> corrupt_files(const Command& command) {
  Reader reader(command.images, command.bounds, {.nhwc = command.nhwc});
  require(!command.nhwc || reader.pictures() == nullptr, "--layout: is for arrays, ", command.images.string(),
          " holds pictures");
  Form form = form_of(command, reader);
  require(command.first < reader.rows(), "--first: expected a row from 0 to ", reader.rows() - 1, ", got ",
          command.first);
  const Index images = std::min(command.count.value_or(reader.rows()), reader.rows() - command.first);
  require(images > 0, "--count: expected at least one image");
  const foil::corruptions::Canvas canvas(form.layout, command.options.bounds, command.options.eight_bit);
  if (command.nhwc && form.shape.size() == 3) {  // written as it was read
    std::rotate(form.shape.begin(), form.shape.begin() + 1, form.shape.end());
    form.layout.channels_last = true;
  }
  const foil::corruptions::Canvas written(form.layout, command.options.bounds, command.options.eight_bit);
  const auto next_image = [&] {
    const auto batch = reader.next(1);
    return canvas.read<float>(foil::sample(batch, 0));
  };
  foil::DegradationOptions degradation = command.degradation;
  if (!command.amplitudes && std::any_of(command.kinds.begin(), command.kinds.end(), [](const Kind& kind) {
        return kind.is(foil::Degradation::power_equalisation) && kind.level == 1;
      })) {
    reader.seek(command.first);
    for (Index row = 0; row < images; ++row) {
      if (programs::interrupted) return std::nullopt;
      const Planes one = foil::degradations::amplitudes(foil::degradations::gray(next_image()));
      foil::degradations::add_to_mean(degradation.amplitudes, one, row);
    }
  }
  const auto apply = [&](const Kind& kind, Planes image, Index row) {
    if (const auto* corruption = std::get_if<foil::Corruption>(&kind.what))
      foil::corruptions::corrupt(image, *corruption, static_cast<int>(kind.level), command.options, row);
    else
      foil::degradations::degrade(image, std::get<foil::Degradation>(kind.what), kind.level, degradation,
                                  row);
    return image;
  };
  reader.seek(command.first);
  const Planes first_image = next_image();
  for (const Kind& kind : command.kinds)  // before anything is written
    if (!kind.is_corruption() && !programs::interrupted) apply(kind, first_image, command.first);
  for (const std::string& note : command.notes) std::fprintf(stderr, "foil-corrupt: %s\n", note.c_str());
  corrupting::Folders folders;
  const auto outputs = open_outputs(command, reader, form, images, folders);
  if (const auto note = programs::too_small_for(command.options.profile, "--profile", first_image.height,
                                                first_image.width);
      note && command.asks_for_corruptions())
    std::fprintf(stderr, "foil-corrupt: warning: %s\n", note->c_str());
  std::vector<float> floats(static_cast<std::size_t>(form.layout.size()));
  reader.seek(command.first);
  for (Index row = command.first; row < command.first + images; ++row) {
    const Planes image = next_image();
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      if (programs::interrupted) return std::nullopt;
      const Planes corrupted = apply(command.kinds[k], image, row);
      if (command.exact) written.write<float>(corrupted, {floats.data(), form.layout.size()});
      outputs[k]->write(row, corrupted, floats);
    }
  }
  for (const auto& output : outputs) output->commit();
  if (command.out.extension() != ".npy") write_facts(command, reader, form, images);
  for (const auto& output : outputs) output->keep();
  return foil::text(images, images == 1 ? " image, " : " images, ", outputs.size(),
                    outputs.size() == 1 ? " change: " : " changes: ", command.out.string(), "\n");
}

}  // namespace

int main(int argc, char** argv) {
  programs::open_standard_streams();
  return programs::status_of("foil-corrupt", [&] {
    const Command command = parse_command_line(argc, argv);
    if (!command.help.empty()) return programs::print("foil-corrupt", command.help) ? 0 : exit_failed;
    std::signal(SIGPIPE, SIG_IGN);
    programs::catch_signals();
    const auto said = corrupt_files(command);
    if (said) return programs::print("foil-corrupt", *said) ? 0 : exit_failed;
    std::fputs("foil-corrupt: interrupted; nothing is left of it\n", stderr);
    return programs::exit_interrupted();
  });
}
