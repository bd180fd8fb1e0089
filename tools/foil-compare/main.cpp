// SPDX-License-Identifier: MIT
/// \file
/// foil-compare: sets the results of several runs of foil-evaluate side by side.
#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/arguments.hpp"
#include "common/files.hpp"
#include "common/terminal.hpp"
#include "comparison.hpp"
#include "csv.hpp"
#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/evaluation/imagenet_16.hpp"
#include "foil/io/file.hpp"
#include "foil/report/people.hpp"
#include "people.hpp"
#include "results.hpp"

namespace {

using namespace compare;
using programs::formatted;
using programs::percent;

constexpr int exit_failed = 1;

struct Command {
  std::string help{};
  std::string again{};  ///< the command itself
  std::vector<std::filesystem::path> files{};
  std::optional<std::filesystem::path> csv{};
  Options options{};
  std::optional<PeopleOptions> people{};
  std::optional<std::filesystem::path> confusions{}, pairs{}, report{};
};

constexpr const char* footer =
    "Examples:\n"
    "  foil-compare plain.json trained.json\n"
    "  foil-compare before.json after.json --epsilon 4/255,8/255 --csv comparison.csv\n"
    "  foil-compare a.json b.json c.json --area-to 0.3 --confidence 0.99\n"
    "  foil-compare --humans people.csv network.csv --where experiment=noise-experiment --csv figures.csv\n\n"
    "Exit status:\n"
    "  0  the table was printed and written\n"
    "  1  it could not be\n"
    "  2  the command or a file is not as it should be, or the files cannot be compared: one line says why\n";

double number(const std::string& option, const std::string& text, double least, double most) {
  const auto value = foil::parse_real(text);
  foil::require(value && *value > least && *value < most, option, ": expected a number above ", least,
                std::isfinite(most) ? foil::text(" and below ", most) : std::string(), ", got '", text, "'");
  return *value;
}

/// "name=value", for options that take such pairs.
std::pair<std::string, std::string> named(const std::string& option, const std::string& text) {
  const auto equals = text.find('=');
  foil::require(equals != text.npos && equals > 0, option, ": expected NAME=VALUE, got '", text, "'");
  return {text.substr(0, equals), text.substr(equals + 1)};
}

int count(const std::string& option, const std::string& text, int least) {
  const auto value = foil::parse_whole<int>(text);
  foil::require(value && *value >= least, option, ": expected a whole number of at least ", least, ", got '",
                text, "'");
  return *value;
}

/// What --humans and the options that go with it say.
struct PeopleWords {
  std::string humans{}, prefix{}, fields{}, least{}, draws{}, seed{};
  std::vector<std::string> where{}, columns{}, file_columns{}, categories{};

  void add_to(CLI::App& app, Command& command) {
    CLI::Option* const of_people =
        app.add_option("--humans", humans,
                       "Set responses of models beside those of people in this CSV: a line for\n"
                       "each trial, with columns subject, image, condition, category and\n"
                       "response; FILES are of the same form then")
            ->type_name("FILE");
    const auto with_people = [&](const char* name, auto& to, const char* what, const char* type) {
      app.add_option(name, to, what)->type_name(type)->needs(of_people);
    };
    with_people("--people", prefix,
                "Observers in --humans are people if their names begin so; the others\n"
                "are models (default: all are people)",
                "PREFIX");
    app.add_option("--where", where,
                   "Take only lines with this cell in this column, and so on: of several\n"
                   "experiments one")
        ->delimiter(',')
        ->type_name("COLUMN=CELL,...")
        ->needs(of_people);
    app.add_option("--columns", columns,
                   "What columns are called that are not called subject, image, condition,\n"
                   "category, response or experiment: response=object_response")
        ->delimiter(',')
        ->type_name("NAME=COLUMN,...")
        ->needs(of_people);
    app.add_option("--file-columns", file_columns,
                   "What they are called in FILES, if otherwise than in --humans")
        ->delimiter(',')
        ->type_name("NAME=COLUMN,...")
        ->needs(of_people);
    app.add_option("--categories", categories,
                   "All categories, or imagenet-16 (default: those that are right for some\n"
                   "image of --humans)")
        ->delimiter(',')
        ->type_name("NAME,...")
        ->needs(of_people);
    with_people("--image-fields", fields,
                "Tell images by the last N parts of their names, between '_' (default:\n"
                "by all of it)",
                "N");
    with_people("--least-images", least,
                "That two need in common for a kappa (default 30): of fewer it says\n"
                "nothing",
                "N");
    with_people("--draws", draws, "Of the bootstrap that the intervals of kappa come from (default\n1000)",
                "N");
    with_people("--seed", seed, "Of its random numbers (default 0)", "S");
    with_people("--confusions", command.confusions,
                "Where to write how often which category was answered for which", "FILE");
    with_people("--pairs", command.pairs, "Where to write the kappa of everybody with everybody else",
                "FILE");
    with_people("--report", command.report, "Where to write a page with curves and confusion matrices",
                "FILE");
  }

  PeopleOptions options(const std::vector<std::filesystem::path>& files, double confidence) const {
    PeopleOptions out{.people = humans, .prefix = prefix, .files = files};
    out.categories =
        categories == std::vector<std::string>{"imagenet-16"} ? foil::imagenet_16().names() : categories;
    out.consistency.confidence = confidence;
    if (!draws.empty()) out.consistency.draws = count("--draws", draws, 1);
    if (!least.empty()) out.consistency.least_images = count("--least-images", least, 1);
    if (!fields.empty()) out.form.image_fields = count("--image-fields", fields, 0);
    if (!seed.empty()) {
      const auto value = foil::parse_whole<std::uint64_t>(seed);
      foil::require(value.has_value(), "--seed: expected a whole number from 0 to 2^64 - 1, got '", seed,
                    "'");
      out.consistency.seed = *value;
    }
    for (const std::string& text : where) out.form.where.push_back(named("--where", text));
    name_columns("--columns", columns, out.form);
    out.files_form = out.form;
    name_columns("--file-columns", file_columns, out.files_form);
    return out;
  }

 private:
  static void name_columns(const std::string& option, const std::vector<std::string>& words,
                           foil::TrialForm& form) {
    for (const std::string& word : words) {
      const auto [name, column] = named(option, word);
      std::string* const known[] = {&form.observer, &form.image,    &form.condition,
                                    &form.category, &form.response, &form.experiment};
      const foil::TrialForm usual;
      const std::string names[] = {usual.observer, usual.image,    usual.condition,
                                   usual.category, usual.response, usual.experiment};
      const auto* const at = std::find(std::begin(names), std::end(names), name);
      foil::require(at != std::end(names), option,
                    ": expected subject, image, condition, category, response or experiment, got '", name,
                    "'");
      *known[at - std::begin(names)] = column;
    }
  }
};

Command parse_command_line(int argc, char** argv) {
  Command command;
  std::vector<std::string> epsilons;
  std::string confidence, area;
  constexpr double most = std::numeric_limits<double>::infinity();
  CLI::App app(
      "Sets results.json of several runs of foil-evaluate side by side: attacks of one name, norm and "
      "epsilon,\n"
      "on the rows of the data that all files have, each file against the first.\n\n"
      "Intervals are exact: Clopper-Pearson's of shares, of order statistics for medians. `difference` is "
      "of\n"
      "robust accuracy over the same samples; `lost:won` counts those that are robust in the first file "
      "only,\n"
      "and in this one only, and p is McNemar's exact two-sided test on them. `closer` counts the samples\n"
      "fooled at a smaller distance in the first file, and in this one; `ratio` is the median over samples "
      "of\n"
      "this file's distance by the first's. (docs/curves.md has it in full.)\n\n"
      "With --humans: responses of models beside those of people (docs/humans.md has it in full).\n",
      "foil-compare");
  app.get_formatter()->column_width(34);
  app.footer(footer);
  app.add_option("FILES", command.files, "results.json of two or more runs; the first is compared with")
      ->type_name("");
  app.add_option("--epsilon", epsilons,
                 "Radii within which attacks that look for the smallest distance are\n"
                 "compared as well")
      ->delimiter(',')
      ->type_name("E,...");
  app.add_option("--area-to", area,
                 "Tell their mean robust accuracy from 0 to this epsilon as well: the\n"
                 "area below the curve")
      ->type_name("E");
  app.add_option("--confidence", confidence, "Of all intervals (default 0.95)")->type_name("C");
  app.add_option("--csv", command.csv, "Where to write all figures as a table")->type_name("FILE");
  PeopleWords people;
  people.add_to(app, command);
  app.set_version_flag("--version", "foil-compare " + programs::version());
  app.set_help_flag("-h,--help", "Print this text");
  command.help = programs::parse(app, argc, argv, "is not understood");
  if (!command.help.empty()) return command;
  command.again = "foil-compare";
  for (int i = 1; i < argc; ++i) command.again += ' ' + programs::shell_word(argv[i]);
  if (!confidence.empty()) command.options.confidence = number("--confidence", confidence, 0, 1);
  if (!people.humans.empty()) {
    foil::require(epsilons.empty() && area.empty(), "--epsilon and --area-to say nothing of people's trials");
    command.people = people.options(command.files, command.options.confidence);
    return command;
  }
  foil::require(command.files.size() >= 2, "expected two files or more, got ", command.files.size(),
                " (foil-compare --help explains the options)");
  for (const std::string& epsilon : epsilons)
    command.options.epsilons.push_back(number("--epsilon", epsilon, 0, most));
  if (!area.empty()) command.options.area_to = number("--area-to", area, 0, most);
  return command;
}

/// A setting of a file as it is to be read: without quotes, and of paths the last part.
std::string said(const Results& file, const char* key) {
  const auto at = file.settings.find(key);
  if (at == file.settings.end()) return "not said";
  std::string text = at->second;
  if (text.starts_with("\"") && text.size() >= 2)
    text = std::filesystem::path(text.substr(1, text.size() - 2)).filename().string();
  return foil::printable(text, 80);
}

std::string table(const std::vector<Results>& files, const Comparison& found, const Options& options) {
  std::string text;
  for (std::size_t f = 0; f < files.size(); ++f) {
    const auto clean = files[f].settings.find("clean_accuracy");
    const auto accuracy = clean == files[f].settings.end() ? std::nullopt : foil::parse_real(clean->second);
    text += foil::text(f + 1, "  ", foil::printable(files[f].path.string(), 200), ": ",
                       said(files[f], "model"), ", ", files[f].rows.size(), " samples",
                       accuracy ? ", clean accuracy " + percent(*accuracy) : std::string(), "\n");
  }
  text += '\n' + programs::columns(cells(found, options, false), 2);
  if (!found.notes.empty()) text += '\n';
  for (const std::string& note : found.notes) text += "Note: " + foil::printable(note) + '\n';
  return text +
         foil::text("\nOver the ", found.samples,
                    " rows that all files have; difference, lost:won, p, closer and ratio: against 1.\n");
}

const char* const csv_head = "attack,norm,epsilon,file,path,model,finished,robust,robust_accuracy,";

std::string csv(const std::vector<Results>& files, const Comparison& found, const Options& options) {
  std::string out = foil::text(
      csv_head,
      "robust_accuracy_low,robust_accuracy_high,attacked,fooled,success_rate,success_rate_low,"
      "success_rate_high,median_distance,median_distance_low,median_distance_high,forward,backward,"
      "mean_robust_accuracy,confidence,pairs,only_first_robust,only_this_robust,difference,difference_low,"
      "difference_high,mcnemar_p,attacked_pairs,closer_first,closer_this,closer_p,distance_ratio,"
      "distance_ratio_low,distance_ratio_high\n");
  for (const Line& line : found.lines) {
    const foil::Summary& s = line.summary;
    const Results& file = files[line.file];
    out +=
        foil::text(quoted(line.attack), ",", line.norm.name(), ",", line.epsilon ? cell(*line.epsilon) : "",
                   ",", line.file + 1, ",", quoted(foil::printable(file.path.string())), ",",
                   quoted(said(file, "model")), ",", s.finished(), ",", s.robust);
    for (const double value : {s.robust_accuracy(), line.robust.low, line.robust.high})
      out += "," + cell(value);
    out += foil::text(",", s.attacked, ",", s.fooled);
    for (const double value : {s.success_rate(), line.success.low, line.success.high, s.median_distance,
                               line.median.low, line.median.high, line.forward, line.backward,
                               line.area.value_or(std::nan("")), options.confidence})
      out += "," + cell(value);
    const Pairs& p = line.pairs;
    if (line.file == 0) {
      out += std::string(14, ',') + '\n';
      continue;
    }
    out += foil::text(",", p.count, ",", p.only_first, ",", p.only_this);
    for (const double value : {p.changed(), p.difference.low, p.difference.high, p.p})
      out += "," + cell(value);
    out += foil::text(",", p.attacked, ",", p.closer_first, ",", p.closer_this);
    for (const double value : {p.closer_p, p.ratio, p.ratios.low, p.ratios.high}) out += "," + cell(value);
    out += '\n';
  }
  return out;
}

/// Files that are opened before anything is computed, and come into place when all are written.
class Outputs {
 public:
  void add(const std::optional<std::filesystem::path>& path, const char* option, const std::string& head,
           std::function<std::string()> content, const std::string& what = "a table of foil-compare") {
    if (!path) return;
    require_replaceable(*path, option, head, what);
    for (const Output& other : files_)
      foil::require(programs::is_device(*path) || programs::identity(*path) != other.identity, option, ' ',
                    path->string(), ": is what ", other.option, " writes as well; name another");
    files_.push_back({option, programs::identity(*path), std::make_unique<foil::io::AtomicFile>(*path),
                      std::move(content)});
  }
  void write() {
    for (const Output& output : files_) {
      output.file->write(output.content());
      output.file->finish();
    }
    for (const Output& output : files_) output.file->commit();
  }

 private:
  struct Output {
    const char* option;
    std::string identity;
    std::unique_ptr<foil::io::AtomicFile> file;
    std::function<std::string()> content;
  };
  std::vector<Output> files_{};
};

int compare_files(const Command& command) {
  std::vector<Results> files;
  std::optional<Comparison> found;
  Outputs outputs;
  outputs.add(command.csv, "--csv", csv_head, [&] { return csv(files, *found, command.options); });
  for (const auto& path : command.files) files.push_back(read_results(path));
  found = compare::compare(files, command.options);
  outputs.write();
  return programs::print("foil-compare", table(files, *found, command.options)) ? 0 : exit_failed;
}

int compare_with_people(const Command& command) {
  const PeopleOptions& options = *command.people;
  std::optional<BesidePeople> found;
  Outputs outputs;
  outputs.add(command.csv, "--csv", people_head, [&] { return people_csv(*found, options); });
  outputs.add(command.confusions, "--confusions", confusions_head, [&] { return confusions_csv(*found); });
  outputs.add(command.pairs, "--pairs", pairs_head, [&] { return pairs_csv(*found, options); });
  outputs.add(
      command.report, "--report", std::string(foil::report::html::page_head),
      [&] {
        return foil::report::people_page({.trials = found->trials,
                                          .figures = found->figures,
                                          .notes = found->notes,
                                          .confidence = options.consistency.confidence,
                                          .command = {command.again},
                                          .settings = settings(*found, options)});
      },
      "a page of foil's");
  found = beside_people(options);
  outputs.write();
  std::string text = programs::columns(cells(*found, options), 2);
  if (!found->notes.empty()) text += '\n';
  for (const std::string& note : found->notes) text += "Note: " + foil::printable(note) + '\n';
  text +=
      "\nOf people: means, accuracies from the lowest to the highest, and pattern and kappa of one with "
      "another.\n"
      "Of others: exact intervals of accuracies, and pattern and kappa with people. Intervals of kappa are "
      "bootstrapped\nover images, approximate. entropy: of the responses, in bits.\n";
  return programs::print("foil-compare", text) ? 0 : exit_failed;
}

}  // namespace

int main(int argc, char** argv) {
  programs::open_standard_streams();
  return programs::status_of("foil-compare", [&] {
    const Command command = parse_command_line(argc, argv);
    if (!command.help.empty()) return programs::print("foil-compare", command.help) ? 0 : exit_failed;
    std::signal(SIGPIPE, SIG_IGN);
    return command.people ? compare_with_people(command) : compare_files(command);
  });
}
