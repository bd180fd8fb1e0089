// SPDX-License-Identifier: MIT
/// \file
/// foil-compare: sets the results of several runs of foil-evaluate side by side.
#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "common/arguments.hpp"
#include "common/terminal.hpp"
#include "comparison.hpp"
#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/io/file.hpp"
#include "results.hpp"

namespace {

using namespace compare;
using programs::formatted;
using programs::percent;

constexpr int exit_failed = 1, exit_bad_input = 2;

struct Command {
  std::string help{};
  std::vector<std::filesystem::path> files{};
  std::optional<std::filesystem::path> csv{};
  Options options{};
};

constexpr const char* footer =
    "Examples:\n"
    "  foil-compare plain.json trained.json\n"
    "  foil-compare before.json after.json --epsilon 4/255,8/255 --csv comparison.csv\n"
    "  foil-compare a.json b.json c.json --area-to 0.3 --confidence 0.99\n\n"
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
      "this file's distance by the first's. (docs/curves.md has it in full.)\n",
      "foil-compare");
  app.get_formatter()->column_width(34);
  app.footer(footer);
  app.add_option("FILES", command.files, "results.json of two or more runs; the first is compared with")
      ->type_name("");
  app.add_option("--epsilon", epsilons,
                 "Radii within which attacks that look for the smallest distance are compared as well")
      ->delimiter(',')
      ->type_name("E,...");
  app.add_option("--area-to", area,
                 "Tell their mean robust accuracy from 0 to this epsilon as well: the area below the curve")
      ->type_name("E");
  app.add_option("--confidence", confidence, "Of all intervals (default 0.95)")->type_name("C");
  app.add_option("--csv", command.csv, "Where to write all figures as a table")->type_name("FILE");
  app.set_version_flag("--version", "foil-compare " + programs::version());
  app.set_help_flag("-h,--help", "Print this text");
  command.help = programs::parse(app, argc, argv, "is not understood");
  if (!command.help.empty()) return command;
  foil::require(command.files.size() >= 2, "expected two files or more, got ", command.files.size(),
                " (foil-compare --help explains the options)");
  for (const std::string& epsilon : epsilons)
    command.options.epsilons.push_back(number("--epsilon", epsilon, 0, most));
  if (!area.empty()) command.options.area_to = number("--area-to", area, 0, most);
  if (!confidence.empty()) command.options.confidence = number("--confidence", confidence, 0, 1);
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
  const auto quoted = [](const std::string& text) {
    std::string cell = "\"";
    for (const char c : text) cell += c == '"' ? "\"\"" : std::string(1, c);
    return cell + '"';
  };
  const auto cell = [](double value) { return std::isnan(value) ? std::string() : foil::text(value); };
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

/// Throws if a file is there that would be lost.
void require_replaceable(const std::filesystem::path& path) {
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none) || std::filesystem::file_size(path, none) == 0) return;
  const std::string ours = csv_head;
  std::string bytes(ours.size(), '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  foil::require(
      bytes == ours, "--csv ", path.string(),
      ": would overwrite a file that is not a table of foil-compare; name another, or remove it first");
}

int compare_files(const Command& command) {
  std::vector<Results> files;
  std::optional<foil::io::AtomicFile> file;
  if (command.csv) {
    require_replaceable(*command.csv);
    file.emplace(*command.csv);
  }
  for (const auto& path : command.files) files.push_back(read_results(path));
  const Comparison found = compare::compare(files, command.options);
  if (file) {
    file->write(csv(files, found, command.options));
    file->finish();
    file->commit();
  }
  return programs::print("foil-compare", table(files, found, command.options)) ? 0 : exit_failed;
}

}  // namespace

int main(int argc, char** argv) {
  programs::open_standard_streams();
  try {
    const Command command = parse_command_line(argc, argv);
    if (!command.help.empty()) return programs::print("foil-compare", command.help) ? 0 : exit_failed;
    std::signal(SIGPIPE, SIG_IGN);
    return compare_files(command);
  } catch (const foil::Error& error) {
    std::string line = error.what();
    std::replace(line.begin(), line.end(), '\n', ' ');
    std::fprintf(stderr, "foil-compare: %s\n", line.c_str());
    return exit_bad_input;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "foil-compare: failed: %s\n", error.what());
    return exit_failed;
  }
}
