// SPDX-License-Identifier: MIT
#include "command_line.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include "challenge.hpp"
#include "common/arguments.hpp"
#include "common/corruptions.hpp"
#include "common/terminal.hpp"
#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/evaluation/challenge.hpp"
#include "foil/io/array_file.hpp"
#include "foil/io/pictures.hpp"

namespace evaluate {
namespace {

std::string without_spaces_around(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// NAME:option=value,option=value.
AttackRequest parse_request(const std::string& by, const std::string& text) {
  const auto colon = text.find(':');
  AttackRequest request{without_spaces_around(text.substr(0, colon)), {}};
  foil::require(request.name.find(',') == request.name.npos, by, ' ', text,
                ": is given once for each attack: --attack ", request.name.substr(0, request.name.find(',')),
                " --attack ", request.name.substr(request.name.find(',') + 1));
  for (std::string rest = colon == text.npos ? "" : text.substr(colon + 1) + ","; !rest.empty();) {
    const auto comma = rest.find(',');
    const std::string setting = rest.substr(0, comma);
    const auto equals = std::min(setting.find('='), setting.size());
    const std::string option = without_spaces_around(setting.substr(0, equals));
    const std::string value = without_spaces_around(setting.substr(std::min(equals + 1, setting.size())));
    foil::require(!option.empty() && !value.empty(), by, ' ', text,
                  ": expected NAME or NAME:option=value,option=value, found '", setting, "'");
    const bool fresh = request.options.emplace(option, value).second;
    foil::require(fresh, by, ' ', text, ": option ", option, " is given twice");
    request.settings += (request.settings.empty() ? "" : ",") + option + "=" + value;
    rest.erase(0, comma + 1);
  }
  return request;
}

/// A number or a fraction of two.
template <class Number>
Number parse_number(const std::string& option, const std::string& text) {
  const auto value = foil::parse_real(text);
  const auto number = static_cast<Number>(value.value_or(0));
  foil::require(value && std::isfinite(*value) && std::isfinite(number), option, ": expected a number, got '",
                text, "'");
  return number;
}

Numbers parse_list(const std::string& option, const std::string& text, char separator) {
  Numbers numbers;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    numbers.push_back(parse_number<float>(option, text.substr(at, end - at)));
    at = end + 1;
  }
  return numbers;
}

bool names_array(const std::string& text) {
  return text.ends_with(".npy") || text.ends_with(".npz") || text.find(".npz:") != text.npos;
}

Numbers next_numbers(foil::io::NpyReader& file, foil::Index rows, const std::vector<foil::Index>& shape) {
  Numbers numbers;
  for (const float number : file.next(rows).values<float>()) numbers.push_back(number);
  numbers.shape = shape;
  return numbers;
}

/// A,B,C or those of a .npy file.
Numbers parse_numbers(const std::string& option, const std::string& text) {
  if (!names_array(text)) return parse_list(option, text, ',');
  auto file = foil::io::open_npy(text);
  const Numbers numbers = next_numbers(file, file.rows(), file.shape());
  for (const float number : numbers)
    foil::require(std::isfinite(number), option, ": expected numbers, found ", number, " in ", text);
  return numbers;
}

/// LOWER,UPPER, both of them perhaps A:B:C, or the two rows of a .npy file.
void parse_bounds(const std::string& text, Command& command) {
  if (names_array(text)) {
    auto file = foil::io::open_npy(text);
    foil::require(file.rows() == 2, text, ": expected two rows, the lower ends and the upper ends, found ",
                  file.rows());
    const std::vector<foil::Index> shape(file.shape().begin() + 1, file.shape().end());
    command.lower = next_numbers(file, 1, shape);
    command.upper = next_numbers(file, 1, shape);
  } else {
    const auto comma = text.find(',');
    foil::require(comma != text.npos, "--bounds: expected LOWER,UPPER, got '", text, "'");
    command.lower = parse_list("--bounds", text.substr(0, comma), ':');
    command.upper = parse_list("--bounds", text.substr(comma + 1), ':');
  }
  const std::size_t lower = command.lower.size(), upper = command.upper.size();
  foil::require(lower == upper, "--bounds: expected as many lower as upper ends, got ", lower, " and ",
                upper);
  for (std::size_t i = 0; i < lower; ++i)
    foil::require(command.lower[i] < command.upper[i] || (lower > 1 && command.lower[i] == command.upper[i]),
                  "--bounds: expected LOWER < UPPER, got ", command.lower[i], " and ", command.upper[i]);
}

/// A whole number from `low` to `high`. `range` says so in words.
template <class Number>
Number parse_count(const std::string& option, const std::string& text, Number low, Number high,
                   const std::string& range) {
  const auto value = foil::parse_whole<Number>(text);
  foil::require(value && *value >= low && *value <= high, option, ": expected a whole number ", range,
                ", got '", text, "'");
  return *value;
}

constexpr const char* footer =
    "Examples:\n"
    "  foil-evaluate --model net.onnx --images images.npy --labels labels.npy \\\n"
    "    --attack linf-standard --epsilon 8/255 --audit quick --out results.json\n"
    "  foil-evaluate --model net.onnx --images images.npy --labels labels.npy --count 100 \\\n"
    "    --attack linf-pgd:steps=40,restarts=3 --epsilon 4/255,8/255 --out results.json\n"
    "  foil-evaluate --model net.onnx --images images.npy --labels labels.npy --correct-only \\\n"
    "    --attack minimal-l2-pgd --attack boundary --budget 5000 \\\n"
    "    --out results.json --adversarials found/ --sheet sheet.png\n"
    "  foil-evaluate --model net.onnx --images images.npy --labels labels.npy \\\n"
    "    --corruptions benchmark --frost-textures ice/ --out results.json --report report.html\n"
    "  foil-evaluate --list linf-pgd\n\n"
    "Numbers are decimal (010 is ten) or fractions (8/255).\n\n"
    "All files are written together, now and then and at the end. They bear one run_id: results.json, and\n"
    "manifest.json in the directories of adversarials. These must be new, empty, or of an earlier run, "
    "whose\n"
    "files are replaced then. Nothing else is, and no input. --out, --sheet, --curve and --report may be "
    "pipes,\n"
    "/dev/stdout too.\n\n"
    "Progress goes to standard error, the table to standard output.\n\n"
    "Exit status:\n"
    "  0      every attack came to its end\n"
    "  1      the run failed, or something could not be written\n"
    "  2      the command or a file is not as it should be: one line says what\n"
    "  3      with --strict: there are warnings, or failed checks\n"
    "  128+n  signal n ended the run, 130 for Ctrl-C; what was finished is written, or, if the model does\n"
    "         not come back within --grace, kept for --resume\n";

}  // namespace

std::vector<std::filesystem::path> Command::inputs() const {
  std::vector<std::filesystem::path> all{model, foil::io::file_of(images)};
  if (!labels.empty()) all.push_back(foil::io::file_of(labels));
  for (const auto& optional : {targets, starts, surrogate, transfer_from, mask})
    if (optional) all.push_back(foil::io::file_of(*optional));
  if (corruptions && corruptions->frost) all.push_back(foil::io::file_of(*corruptions->frost));
  all.insert(all.end(), number_files.begin(), number_files.end());
  for (const auto& path : {std::optional(images), starts}) {  // what may be pictures
    std::error_code ignored;
    const bool folder = path && std::filesystem::is_directory(*path, ignored);
    if (!path || !std::filesystem::exists(*path, ignored)) continue;
    if (!folder && !foil::io::names_pictures(*path)) continue;
    for (const auto& file : foil::io::list_pictures(*path).files)
      if (!folder || std::filesystem::is_symlink(file, ignored)) all.push_back(file);
  }
  return all;
}

Command parse_command_line(int argc, char** argv, int threads) {
  Command command;
  std::vector<std::string> attacks, epsilons;
  std::string bounds, mean, deviation, margin, audit, claimed, pool, shard,
      layout = "nchw", corruptions, severities = "1-5", profile = "imagenet", frost;
  bool quiet = false, json = false;
  command.threads = threads;

  CLI::App app(
      "Attacks a classifier and reports how robust it is.\n\n"
      "Success rate: share of the attacked samples that are fooled. Attacked are those that are classified\n"
      "correctly and, with --targets, not on target as they are; an attack that ends without a start, in\n"
      "NaN or unconfirmed has failed. Robust accuracy: share of the samples that are classified correctly\n"
      "and withstand the attack; what could not be attacked as it should be is not robust. Median distance:\n"
      "over the attacked samples, failures being infinitely far. What a run leaves unfinished counts "
      "nowhere.\n"
      "(foil/core/summary.hpp has it in full.)\n\n"
      "Worst case: each sample against all attacks of one norm and radius. Warnings: what makes figures "
      "mean\n"
      "less than they seem to, by their code in results.json.\n",
      "foil-evaluate");
  app.get_formatter()->column_width(34);
  app.footer(footer);
  constexpr const char* required = "Required";
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  const auto number = [&](const char* name, auto& target, auto low, auto high, const char* range,
                          const char* meaning) {
    using Number = std::remove_reference_t<decltype(target)>;
    app.add_option_function<std::string>(
           name,
           [=, &target](const std::string& text) {
             target =
                 parse_count<Number>(name, text, static_cast<Number>(low), static_cast<Number>(high), range);
           },
           meaning)
        ->type_name("N");
  };
  app.add_option("--model", command.model,
                 "The network: an ONNX file, or a TorchScript file if built with LibTorch")
      ->group(required);
  app.add_option(
         "--images", command.images,
         ".npy, .npz (FILE.npz:NAME) or idx (plain or gzipped), N x C x H x W or as the network takes them;\n"
         "PNG and JPEG files in a folder, in a folder for each class, or listed in a text file. Bytes and "
         "uint16\n"
         "are scaled such that 0 and 255 (65535) become the bounds, other numbers are taken as they are")
      ->group(required);
  app.add_option(
         "--attack", attacks,
         "NAME or NAME:option=value,... (see --list); one attack, may be given repeatedly; not needed with\n"
         "--challenge or --corruptions")
      ->group(required);
  app.add_option("--out", command.out, "Where to write the results (JSON)")->group(required);
  CLI::Option* const list =
      app.add_option("--list", command.listed,
                     "List the attacks, or the one of this NAME, with norm, needs, options and defaults")
          ->type_name("[NAME]")
          ->expected(0, 1);
  app.add_flag(
      "--binary", command.binary,
      "The network has a single output, the logit of class 1 against class 0 (class 1: above 0) or, if\n"
      "it is from 0 to 1 on all of the first images, the probability of class 1 (above 1/2). Not\n"
      "needed where an ONNX network ends in a single sigmoid");
  app.add_flag(
      "--straight-through", command.straight_through,
      "Let gradients pass Round, Floor, Ceil, Sign and casts to bool as if these were not there, and\n"
      "comparisons as if they were differences (BPDA): for networks that quantise. ONNX only");
  app.add_flag(
      "--stabilise", command.stabilise,
      "Keep gradients of saturated networks from vanishing: exact slopes of Sigmoid and Tanh, and an\n"
      "exponent for every adjoint. Directions are true; sizes below 2^-30 are not. ONNX only");
  app.add_flag(
      "--surrogate-slopes", command.surrogate_slopes,
      "Let gradients pass saturated layers of Sigmoid and Tanh by the slopes of flatter curves (BPDA):\n"
      "for networks that true gradients do not lead anywhere in. ONNX only");
  app.add_flag(
      "--keep-output-layer", command.keep_output_layer,
      "Attack the network's answers as they are. Without, a Softmax, LogSoftmax or one sigmoid per\n"
      "class at the end is taken off an ONNX network, which leaves the order of the classes but for\n"
      "ties where the layer saturates, and of probabilities that are left the logarithm is attacked:\n"
      "where they saturate, gradients vanish. With --binary, an answer from 0 to 1 is a logit\n"
      "then, unless foil sees that it is a sigmoid");
  app.add_option("--output", command.network_output,
                 "Name of the ONNX output that holds the classes (default: the first that can)");
  app.add_option("--input-shape", command.input_shape,
                 "The shape of one input, as 3,48,192: for ONNX files that leave height, width or the like\n"
                 "open")
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  app.add_option(
      "--labels", command.labels,
      "One class per image: integers in .npy, .npz or idx, a text file with one per line, or CSV with a\n"
      "column `label` (and `file`, for pictures). Not needed for a folder for each class (the classes are\n"
      "the places of the sorted names, or what these are if they are 0, 1, 2, ...), or if the list of\n"
      "--images has labels");
  app.add_option("--layout", layout, "nhwc: the images are N x H x W x C, the network takes N x C x H x W")
      ->check(CLI::IsMember({"nchw", "nhwc"}));
  app.add_flag("--raw", command.raw, "Take bytes and uint16 as they are");
  app.add_option(
      "--bounds", bounds,
      "The interval that inputs live in, as LOWER,UPPER (default 0,1); for each channel L:L:L,U:U:U; for\n"
      "each channel or feature a .npy file with the lower ends in the first row, the upper in the other,\n"
      "each (C) or of the shape that an image has in the file of --images");
  app.add_flag("--clip", command.clip,
               "Move values to the bounds that are beyond by a millionth of their distance at most");
  app.add_option(
      "--mean", mean,
      "With --std: the network is given (image - mean) / std, while bounds and epsilon stay in the units\n"
      "of the images. One number, one for each channel (0.5,0.4,0.4), or a .npy file: (C), or of the shape\n"
      "that an image has in the file of --images; extents may be 1");
  app.add_option("--std", deviation, "See --mean");
  number("--first", command.first, 0, most, "from 0 to 2^63 - 1",
         "First row of the data set to use (default 0)");
  number("--count", command.count, 1, most, "from 1 to 2^63 - 1", "How many rows to use (default: all)");
  app.add_option(
         "--shard", shard,
         "Attack share I of N of the samples only, I from 1 to N: foil-merge puts the results of all\n"
         "shares together to those of the run without --shard (docs/scale.md)")
      ->type_name("I/N");
  app.add_flag("--correct-only", command.correct_only,
               "Use only rows that are classified correctly, --count of them");
  app.add_option("--epsilon", epsilons,
                 "Radii for the attacks with a fixed budget, 0.1 or 8/255; each is run separately")
      ->delimiter(',');
  app.add_flag("--skip-beaten", command.skip_beaten,
               "Run the attacks of each norm as one list: a sample that one has fooled within the --epsilon\n"
               "is left alone by those behind it, and results say which one it was (docs/suites.md)");
  app.add_flag(
      "--challenge", command.challenge,
      "By the rules of the Adversarial Vision Challenge (docs/challenge.md): --budget 1000, --lattice "
      "255,\n"
      "attacks in L2 that look at labels only, five if no --attack is given; tells the scores");
  app.add_option(
         "--corruptions", corruptions,
         "Accuracy under common corruptions (docs/severities.md): all (19), benchmark (15), or names\n"
         "as fog,glass_blur; all,-frost leaves frost out; beside attacks, or without any")
      ->type_name("NAME,...");
  app.add_option("--severity", severities, "Of --corruptions, as 3, 1-3 or 1,3,5 (default 1-5)")
      ->type_name("N,...");
  app.add_option("--corruption-profile", profile,
                 "Whose constants the severities are: imagenet (the default, for images of any size),\n"
                 "tiny_imagenet (64 x 64) or cifar (32 x 32, and MNIST's 28 x 28)")
      ->type_name("NAME");
  app.add_option("--frost-textures", frost,
                 "Photographs of ice for the corruption frost: a folder of pictures, or a list");
  app.add_option(
      "--targets", command.targets,
      "Class to reach per sample, files as for --labels: for every row of the data set, or for those used");
  app.add_option(
      "--starts", command.starts,
      "Starting points for the attacks that take them: rows of the data set (integers) or images,\n"
      "for every row of the data set, or for those used. After these, or without, such attacks start from "
      "the\n"
      "rows of --pool");
  app.add_option(
      "--surrogate", command.surrogate,
      "Another network, ONNX or TorchScript, for the same images and classes, of which gradients are known:\n"
      "attacks that look at decisions only begin in the direction in which it is fooled. For each sample\n"
      "and attack it is asked for one gradient, which counts nowhere");
  app.add_option(
      "--transfer-from", command.transfer_from,
      "Another network, ONNX or TorchScript, for the same images and classes, which has gradients: attacks\n"
      "are run on that one, and what they find is judged by --model, which is asked twice for each sample");
  app.add_option(
         "--pool", pool,
         "Rows of the data set that attacks may start from, whichever are attacked (default 0,1000;\n"
         "a count of 0: none). The model, or the network of --transfer-from, is asked about each once")
      ->type_name("FIRST,COUNT");
  app.add_option(
      "--margin", margin,
      "By how much another class or the target has to lead in the logits (default 0). Above the rounding\n"
      "errors of other software, the adversarials are adversarial there too");
  number("--lattice", command.lattice, 1, 1 << 24, "from 1 to 2^24",
         "Only these values: LOWER + k (UPPER - LOWER) / N for whole k. 255 for images of 8 bits");
  app.add_option("--mask", command.mask,
                 "Which features may move, those that are not 0: .npy of numbers or bools, C x H x W for\n"
                 "all images, or N x C x H x W for every row of the data set, or for those used");
  number("--seed", command.seed, 0, std::numeric_limits<std::uint64_t>::max(), "from 0 to 2^64 - 1",
         "Same seed, same results (default 0)");
  number("--threads", command.threads, 1, 4096, "from 1 to 4096",
         "Default: as many as the machine has; for a rank of mpirun, 1");
  number("--batch-size", command.batch_size, 1, 1 << 20, "from 1 to 2^20",
         "Samples per model call (default 128)");
  number("--budget", command.budget, 1, most, "from 1 to 2^63 - 1",
         "Forward passes per sample and attack (default: no limit)");
  number("--grace", command.grace, 1, 86400, "from 1 to 86400",
         "Seconds that a call of the model may go on after Ctrl-C, SIGTERM or SIGHUP; then the program ends\n"
         "as if it was killed (default 10)");
  app.add_flag("--resume", command.resume,
               "Go on with the unfinished run of the same command, if there is one: what it had finished is\n"
               "kept beside --out, whatever ended it, up to the last block of samples (docs/scale.md)");
  CLI::Option* const silenced =
      app.add_flag("--quiet", quiet, "Nothing on standard error but warnings and errors");
  app.add_flag("--json-progress", json,
               "On standard error an object of JSON a line, for programs: progress every second, remarks,\n"
               "warnings, errors and how the run ended (docs/results.md)")
      ->excludes(silenced);
  app.add_flag("--strict", command.strict,
               "Exit with status 3 if there are warnings, or checks of --audit that fail");
  app.add_option(
         "--audit", audit,
         "Check whether the numbers can be believed, by questions to the model (quick), or also by attacks\n"
         "that are run again and those that are missing (full). quick:option=value,... sets samples,\n"
         "budget and thresholds; docs/audit.md explains the checks")
      ->type_name("quick|full");
  app.add_option("--claimed-accuracy", claimed,
                 "What is claimed of clean samples, from 0 to 1: --audit compares");
  app.add_option(
      "--adversarials", command.adversarials,
      "Directory for one float32 .npy per attack and epsilon, and indices.npy with the rows used.\n"
      "New, empty, or of an earlier run, whose files are replaced");
  app.add_option(
      "--adversarials-png", command.adversarials_png,
      "Directory for a folder of PNG files per attack and epsilon, named by row; with --lattice 255.\n"
      "New, empty, or of an earlier run, whose files are replaced");
  app.add_option("--sheet", command.sheet, "Where to write a PNG of clean | adversarial | change");
  app.add_option("--curve", command.curve,
                 "Where to write robust accuracy against epsilon (CSV): each attack's, and the worst case's\n"
                 "of each norm, with exact intervals of 95 %");
  app.add_option(
      "--report", command.report,
      "Where to write a page (HTML) of everything that is known of the run: verdict, curves, tables,\n"
      "pictures, how to repeat it. foil-report writes it from the results as well");
  app.set_version_flag("--version", "foil-evaluate " + programs::version());
  app.set_help_flag("-h,--help", "Print this text");
  for (const char* file :
       {"--model", "--images", "--labels", "--targets", "--starts", "--surrogate", "--transfer-from",
        "--mask", "--frost-textures", "--out", "--sheet", "--curve", "--report"})
    app.get_option(file)->type_name("FILE");
  for (const char* folder : {"--adversarials", "--adversarials-png"})
    app.get_option(folder)->type_name("DIR");

  command.help = programs::parse(app, argc, argv, "belongs to no option; all that is given does");
  if (!command.help.empty()) return command;
  command.words = {"foil-evaluate"};
  for (int i = 1; i < argc; ++i)
    if (std::string(argv[i]) != "--resume") command.words.emplace_back(argv[i]);
  command.nhwc = layout == "nhwc";
  if (quiet) command.telling = Telling::quiet;
  if (json) command.telling = Telling::json;
  for (int i = 0; i < argc; ++i) command.again += (i > 0 ? " " : "") + programs::shell_word(argv[i]);
  if (!command.resume) command.again += " --resume";
  command.list = list->count() > 0;
  if (command.list) return command;
  for (const char* option : {"--severity", "--corruption-profile", "--frost-textures"})
    foil::require(app.count(option) == 0 || app.count("--corruptions") > 0, option,
                  " goes with --corruptions, which is not given");
  for (const char* option : {"--model", "--images", "--attack", "--out"})
    foil::require(app.count(option) > 0 ||
                      ((command.challenge || !corruptions.empty()) && option == std::string("--attack")),
                  option, " is missing (foil-evaluate --help explains the options)");
  for (const std::string& attack : attacks) command.attacks.push_back(parse_request("--attack", attack));
  for (const std::string& epsilon : epsilons) {
    command.epsilons.push_back(parse_number<double>("--epsilon", epsilon));
    foil::require(command.epsilons.back() > 0, "--epsilon: expected a radius above 0, got ", epsilon);
  }
  if (!pool.empty()) {
    const auto comma = std::min(pool.find(','), pool.size() - 1);
    command.pool_first =
        parse_count<std::int64_t>("--pool FIRST,COUNT", pool.substr(0, comma), 0, most, "from 0 to 2^63 - 1");
    command.pool_count = parse_count<std::int64_t>("--pool FIRST,COUNT", pool.substr(comma + 1), 0, most,
                                                   "from 0 to 2^63 - 1");
  }
  if (!shard.empty()) {
    const auto slash = std::min(shard.find('/'), shard.size() - 1);
    command.shards = parse_count<std::int64_t>("--shard I/N", shard.substr(slash + 1), 1, most, "N >= 1");
    command.shard =
        parse_count<std::int64_t>("--shard I/N", shard.substr(0, slash), 1, command.shards, "I from 1 to N");
    for (const char* option : {"--audit", "--sheet", "--report"})
      foil::require(app.count(option) == 0, option, ": is of a whole run, not of --shard ", shard);
  }
  if (app.count("--corruptions") > 0) {
    command.corruptions = {foil::corruptions_named(corruptions),
                           programs::parse_severities("--severity", severities),
                           foil::corruption_profile_named(profile), std::nullopt};
    if (!frost.empty()) command.corruptions->frost = frost;
    for (const char* option : {"--shard", "--correct-only", "--targets"})
      foil::require(app.count(option) == 0, option,
                    ": --corruptions is about all rows, and about being right");
    if (attacks.empty() && !command.challenge)
      for (const char* option : {"--adversarials", "--adversarials-png", "--sheet", "--curve", "--audit",
                                 "--epsilon", "--starts", "--surrogate", "--transfer-from", "--mask",
                                 "--skip-beaten", "--margin", "--lattice", "--pool", "--budget"})
        foil::require(app.count(option) == 0, option, ": is of attacks, and no --attack is given");
  }
  if (!margin.empty()) command.margin = parse_number<double>("--margin", margin);
  foil::require(command.margin >= 0, "--margin: expected a number >= 0, got ", margin);
  if (!audit.empty()) {
    command.audit = parse_request("--audit", audit);
    foil::require(command.audit->name == "quick" || command.audit->name == "full",
                  "--audit: expected quick or full, got '", command.audit->name, "'");
  }
  if (!claimed.empty()) {
    command.claimed_accuracy = parse_number<double>("--claimed-accuracy", claimed);
    foil::require(*command.claimed_accuracy >= 0 && *command.claimed_accuracy <= 1,
                  "--claimed-accuracy: expected a share from 0 to 1, got ", claimed);
    foil::require(command.audit.has_value(), "--claimed-accuracy goes with --audit");
  }
  for (const std::string& numbers : {bounds, mean, deviation})
    if (names_array(numbers)) command.number_files.push_back(foil::io::file_of(numbers));
  if (!bounds.empty()) parse_bounds(bounds, command);
  foil::require(mean.empty() == deviation.empty(), "--mean and --std: expected both or none of them");
  if (!mean.empty()) {
    command.mean = parse_numbers("--mean", mean);
    command.deviation = parse_numbers("--std", deviation);
    for (const float scale : command.deviation)
      foil::require(scale > 0, "--std: expected numbers above 0, got ", scale);
  }
  if (command.challenge) {
    for (const char* option :
         {"--budget", "--lattice", "--targets", "--correct-only", "--shard", "--epsilon", "--skip-beaten"})
      foil::require(app.count(option) == 0, option, ": the rules of --challenge do not leave that open");
    command.budget = foil::ChallengeRules::queries;
    command.lattice = foil::ChallengeRules::levels - 1;
    if (attacks.empty()) command.attacks = challenge_attacks;
  }
  foil::require(!command.adversarials_png || command.lattice == 255,
                "--adversarials-png: expected --lattice 255, of which the pictures' bytes are the steps");
  return command;
}

}  // namespace evaluate
