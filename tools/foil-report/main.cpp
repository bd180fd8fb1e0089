// SPDX-License-Identifier: MIT
/// \file
/// foil-report: makes a page of the results of foil-evaluate.
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/arguments.hpp"
#include "common/terminal.hpp"
#include "foil-compare/comparison.hpp"
#include "foil-compare/results.hpp"
#include "foil-evaluate/outputs.hpp"
#include "foil/core/error.hpp"
#include "foil/io/file.hpp"
#include "foil/report/html.hpp"
#include "run.hpp"

namespace {

using foil::report::Page;

constexpr int exit_failed = 1;

struct Command {
  std::string help{};
  std::vector<std::filesystem::path> files{};
  std::filesystem::path out{};
};

Command parse_command_line(int argc, char** argv) {
  Command command;
  CLI::App app(
      "Makes a page of results.json of foil-evaluate: verdict, curves, tables, pictures, audit, and how to\n"
      "repeat the run, in one file that needs no network. Of several results, which foil-compare can set\n"
      "side by side, it shows the comparison as well. foil-evaluate --report writes the same page.\n",
      "foil-report");
  app.get_formatter()->column_width(34);
  app.footer(
      "Examples:\n"
      "  foil-report results.json --out report.html\n"
      "  foil-report plain.json trained.json --out report.html\n\n"
      "Exit status:\n"
      "  0  the page is written\n"
      "  1  something failed\n"
      "  2  the command or a file is not as it should be, or the files cannot be compared: one line says "
      "why\n");
  app.add_option("FILES", command.files, "results.json of one run or more; the first is compared with")
      ->type_name("");
  app.add_option("--out", command.out, "Where to write the page (HTML): replaces none but an earlier page")
      ->type_name("FILE");
  app.set_version_flag("--version", "foil-report " + programs::version());
  app.set_help_flag("-h,--help", "Print this text");
  command.help = programs::parse(app, argc, argv, "is not understood");
  if (!command.help.empty()) return command;
  foil::require(!command.files.empty(), "expected results.json (foil-report --help explains the options)");
  foil::require(!command.out.empty(), "--out is missing (foil-report --help explains the options)");
  return command;
}

foil::report::PageRun run_of(const compare::Results& results) {
  try {
    std::vector<int> labels;
    for (const auto& [id, row] : results.rows) labels.push_back(row.label);
    foil::report::PageRun run = reports::run_of(results.root, results.outcomes, labels);
    run.source = results.path.string();
    return run;
  } catch (const foil::Error& error) {
    throw foil::Error(results.path.string() + ": " + error.what());
  }
}

void write_page(const Command& command) {
  std::optional<foil::io::AtomicFile> file;
  evaluate::Claims claims(command.files);
  claims.claim("--out", command.out, file, "a report", evaluate::begins_as_report);
  std::vector<compare::Results> files;
  for (const auto& path : command.files) files.push_back(compare::read_results(path));
  Page page;
  for (const compare::Results& results : files) page.runs.push_back(run_of(results));
  if (files.size() > 1) {
    const compare::Options options;
    const compare::Comparison found = compare::compare(files, options);
    page.comparison = {compare::cells(found, options, true), found.notes,
                       static_cast<foil::Index>(found.samples), found.outcomes};
  }
  const std::string text = foil::report::html_page(page);
  if (!file) file.emplace(command.out);
  file->write(text);
  file->finish();
  file->commit();
}

}  // namespace

int main(int argc, char** argv) {
  programs::open_standard_streams();
  return programs::status_of("foil-report", [&] {
    const Command command = parse_command_line(argc, argv);
    if (!command.help.empty()) return programs::print("foil-report", command.help) ? 0 : exit_failed;
    std::signal(SIGPIPE, SIG_IGN);
    write_page(command);
    return 0;
  });
}
