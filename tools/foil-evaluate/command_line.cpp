// SPDX-License-Identifier: MIT
#include "command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
#include <thread>

#include "foil/core/error.hpp"

namespace evaluate {
namespace {

std::string without_spaces_around(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  return first == text.npos ? "" : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

AttackRequest parse_attack(const std::string& text) {
  const auto colon = text.find(':');
  AttackRequest request{without_spaces_around(text.substr(0, colon)), {}};
  for (std::string rest = colon == text.npos ? "" : text.substr(colon + 1) + ","; !rest.empty();) {
    const auto comma = rest.find(',');
    const std::string setting = rest.substr(0, comma);
    const auto equals = std::min(setting.find('='), setting.size());
    const std::string option = without_spaces_around(setting.substr(0, equals));
    const std::string value = without_spaces_around(setting.substr(std::min(equals + 1, setting.size())));
    foil::require(!option.empty() && !value.empty(), "--attack ", text,
                  ": expected NAME or NAME:option=value,option=value, found '", setting, "'");
    const bool fresh = request.options.emplace(option, value).second;
    foil::require(fresh, "--attack ", text, ": option ", option, " is given twice");
    request.settings += (request.settings.empty() ? "" : ",") + option + "=" + value;
    rest.erase(0, comma + 1);
  }
  return request;
}

template <class Number>
Number parse_number(const std::string& option, const std::string& text) {
  Number value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  foil::require(code == std::errc() && end == text.data() + text.size() && std::isfinite(value), option,
                ": expected a number, got '", text, "'");
  return value;
}

}  // namespace

std::vector<std::filesystem::path> Command::inputs() const {
  std::vector<std::filesystem::path> all{model, images, labels};
  for (const auto& optional : {targets, starts, mask})
    if (optional) all.push_back(*optional);
  return all;
}

Command parse_command_line(int argc, char** argv) {
  Command command;
  std::vector<std::string> attacks, epsilons;
  std::string bounds;
  command.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));

  CLI::App app(
      "Attacks a classifier and reports how robust it is.\n\n"
      "Success rate: share of the attacked samples that are fooled. Attacked are those that are classified\n"
      "correctly and, with --targets, not on target as they are; an attack that ends without a start, in "
      "NaN\n"
      "or unconfirmed has failed. Robust accuracy: share of the samples that are classified correctly and\n"
      "withstand the attack; what could not be attacked as it should be is not robust. Median distance: "
      "over\n"
      "the attacked samples, failures being infinitely far. What a run leaves unfinished counts nowhere.\n"
      "(foil/core/summary.hpp has it in full.)\n",
      "foil-evaluate");
  app.set_version_flag("--version", "foil-evaluate " + version());
  app.get_formatter()->column_width(34);
  CLI::Option* const list =
      app.add_option("--list", command.listed,
                     "List the attacks, or the one of this NAME, with norm, needs, options and defaults")
          ->type_name("[NAME]")
          ->expected(0, 1);
  app.add_option("--model", command.model,
                 "The network: an ONNX file, or a TorchScript file if built with LibTorch");
  app.add_flag("--binary", command.binary,
               "The network has a single output, the logit of class 1 against class 0 (or, TorchScript, the\n"
               "probability of class 1). Not needed where an ONNX network ends in a single sigmoid");
  app.add_flag(
      "--straight-through", command.straight_through,
      "Let gradients pass Round, Floor, Ceil, Sign and casts to bool as if these were not there, and\n"
      "comparisons as if they were differences (BPDA): for networks that quantise. ONNX only");
  app.add_flag(
      "--keep-output-layer", command.keep_output_layer,
      "Attack the network's answers as they are. Without, a Softmax, LogSoftmax or one sigmoid per\n"
      "class at the end is taken off an ONNX network, which leaves the order of the classes, and of\n"
      "probabilities that are left the logarithm is attacked: where they saturate, gradients vanish");
  app.add_option("--network-output", command.network_output,
                 "Name of the ONNX output that holds the classes (default: the first that can)");
  app.add_option("--images", command.images,
                 "idx (plain or gzipped; scaled to the bounds) or .npy (N x C x H x W, float32, as it is)");
  app.add_option("--labels", command.labels, "One class per image: idx or .npy of integers");
  app.add_option("--bounds", bounds, "The interval that inputs live in, as LOWER,UPPER (default 0,1)");
  app.add_option("--first", command.first, "First row of the data set to use (default 0)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--count", command.count, "How many rows to use (default: all)");
  app.add_flag("--correct-only", command.correct_only,
               "Use only rows that are classified correctly, --count of them");
  app.add_option("--attack", attacks, "NAME or NAME:option=value,... (see --list); may be given repeatedly");
  app.add_option("--epsilon", epsilons, "Radii for the attacks with a fixed budget; each is run separately")
      ->delimiter(',');
  app.add_option("--targets", command.targets,
                 "Class to reach per sample, idx or .npy: for every row of the data set, or for those used");
  app.add_option(
      "--starts", command.starts,
      "Starting points for the attacks that take them: rows of the data set (integers) or images,\n"
      "for every row of the data set, or for those used. After these, or without, such attacks start from "
      "the\n"
      "first 1000 rows that the model was asked about and depend on which these are (--first, --count)");
  app.add_option(
         "--margin", command.margin,
         "By how much another class has to lead in the logits (default 0). Above the rounding errors of\n"
         "other software, the adversarials are adversarial there too")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--lattice", command.lattice,
                 "Only these values: LOWER + k (UPPER - LOWER) / N for whole k. 255 for images of 8 bits")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 24));
  app.add_option(
      "--mask", command.mask,
      "Which features may move, those that are not 0: .npy of numbers (not of bools), C x H x W for\n"
      "all images, or N x C x H x W for every row of the data set, or for those used");
  app.add_option("--seed", command.seed, "Same seed, same results (default 0)");
  app.add_option("--threads", command.threads, "Default: as many as the machine has")
      ->check(CLI::Range(1, 4096));
  app.add_option("--batch-size", command.batch_size, "Samples per model call (default 128)")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--budget", command.budget, "Forward passes per sample and attack (default: no limit)");
  app.add_option("--out", command.out, "Where to write the results (JSON)");
  app.add_option("--adversarials", command.adversarials,
                 "Directory for one float32 .npy per attack and epsilon, and indices.npy with the rows used");
  app.add_option("--sheet", command.sheet, "Where to write a PNG of clean | adversarial | change");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& failure) {
    if (failure.get_exit_code() == 0) {
      std::ostringstream text;
      app.exit(failure, text, text);
      command.help = text.str();
      return command;
    }
    std::string line = failure.what();
    std::replace(line.begin(), line.end(), '\n', ' ');
    throw foil::Error(line + " (foil-evaluate --help explains the options)");
  }
  command.list = list->count() > 0;
  if (command.list) return command;
  foil::require(command.count >= 1, "--count: expected >= 1, got ", command.count);
  foil::require(command.budget >= 1, "--budget: expected >= 1, got ", command.budget);

  for (const char* required : {"--model", "--images", "--labels", "--attack", "--out"})
    foil::require(app.count(required) > 0, required,
                  " is missing (foil-evaluate --help explains the options)");
  for (const std::string& attack : attacks) command.attacks.push_back(parse_attack(attack));
  for (const std::string& epsilon : epsilons) {
    command.epsilons.push_back(parse_number<double>("--epsilon", epsilon));
    foil::require(command.epsilons.back() > 0, "--epsilon: expected a radius above 0, got ", epsilon);
  }
  foil::require(!command.targets || command.margin == 0, "--margin does not go with --targets");
  if (!bounds.empty()) {
    const auto comma = bounds.find(',');
    foil::require(comma != bounds.npos, "--bounds: expected LOWER,UPPER, got '", bounds, "'");
    command.lower = parse_number<float>("--bounds", bounds.substr(0, comma));
    command.upper = parse_number<float>("--bounds", bounds.substr(comma + 1));
    foil::require(command.lower < command.upper, "--bounds: expected LOWER < UPPER, got ", bounds);
  }
  return command;
}

}  // namespace evaluate
