// SPDX-License-Identifier: MIT
/// \file
/// foil-merge: makes one run's results of those of its shares.
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/arguments.hpp"
#include "common/terminal.hpp"
#include "foil-evaluate/curves.hpp"
#include "foil-evaluate/outputs.hpp"
#include "foil-evaluate/report.hpp"
#include "foil/core/error.hpp"
#include "foil/evaluation/diagnose.hpp"
#include "foil/evaluation/worst_of.hpp"
#include "foil/io/npy.hpp"
#include "shards.hpp"

namespace {

namespace fs = std::filesystem;
using foil::Index;
using foil::require;
using merge::Shard;

constexpr int exit_failed = 1;

struct Command {
  std::string help{};
  std::vector<fs::path> files{};
  fs::path out;
  std::optional<fs::path> adversarials, curve;
};

Command parse_command_line(int argc, char** argv) {
  Command command;
  CLI::App app(
      "Puts the results of foil-evaluate --shard 1/n, ..., n/n together. What comes out is what the run\n"
      "without --shard writes, but for run_id and seconds: figures, worst cases, curves and warnings are\n"
      "computed anew from the samples. Refuses shares of different runs, naming the difference, and shares\n"
      "that are missing, unfinished or given twice.\n",
      "foil-merge");
  app.get_formatter()->column_width(30);
  app.add_option("files", command.files, "The results of the shares, in any order")->type_name("FILE");
  app.add_option("--out", command.out, "Where to write the results (JSON)")->type_name("FILE");
  app.add_option("--adversarials", command.adversarials,
                 "Directory for the adversarials of all shares: new, empty, or of an earlier run.\n"
                 "Those of a share lie where its results say, or beside these")
      ->type_name("DIR");
  app.add_option("--curve", command.curve, "Where to write robust accuracy against epsilon (CSV)")
      ->type_name("FILE");
  app.footer(
      "Example:\n  foil-merge share-*/results.json --out results.json --adversarials found/\n\n"
      "Exit status:\n  0  all is written\n  1  something could not be written\n"
      "  2  the command or a file is not as it should be: one line says what\n");
  app.set_version_flag("--version", "foil-merge " + programs::version());
  app.set_help_flag("-h,--help", "Print this text");
  command.help = programs::parse(app, argc, argv, "is no file of results");
  if (!command.help.empty()) return command;
  require(!command.files.empty(), "expected the results of shares (foil-merge --help explains the options)");
  require(!command.out.empty(), "--out is missing (foil-merge --help explains the options)");
  return command;
}

/// One array of those of all shares.
template <class T>
void join_arrays(const std::vector<fs::path>& folders, const std::string& name, const fs::path& to) {
  constexpr Index at_a_time = 64;
  std::vector<foil::io::NpyReader> readers;
  std::vector<Index> shape;
  for (const fs::path& folder : folders) {
    readers.emplace_back(folder / name);
    if (shape.empty())
      shape = readers[0].shape();
    else
      shape[0] += readers.back().rows();
  }
  foil::io::NpyWriter<T> writer(to, shape);
  for (foil::io::NpyReader& reader : readers)
    for (Index row = 0; row < reader.rows(); row += at_a_time) {
      const std::vector<T> values = reader.next(at_a_time).template values<T>();
      writer.write(std::span<const T>(values));
    }
  writer.commit();
}

int merge_files(const Command& command) {
  std::vector<Shard> shards;
  for (const fs::path& path : command.files) shards.push_back(merge::read_shard(path));
  merge::Whole whole = merge::put_together(shards);
  std::vector<fs::path> folders, read = command.files;
  std::vector<std::string> names;
  if (command.adversarials) {
    for (const Shard& shard : shards) folders.push_back(merge::adversarials_of(shard));
    read.insert(read.end(), folders.begin(), folders.end());
    for (const auto& outcome : whole.outcomes) names.push_back(outcome.file);
    names.push_back("indices.npy");
  } else {
    for (auto& outcome : whole.outcomes) outcome.file.clear();
  }
  evaluate::Outputs outputs({.results = command.out,
                             .curve = command.curve,
                             .folder = command.adversarials,
                             .names = names,
                             .inputs = read});
  for (const std::string& name : names) {
    if (name == "indices.npy")
      join_arrays<std::int64_t>(folders, name, outputs.staged(name));
    else
      join_arrays<float>(folders, name, outputs.staged(name));
    outputs.add(name);
  }
  const evaluate::Verdict verdict{foil::worst_cases(whole.outcomes),
                                  foil::diagnose(whole.outcomes, whole.setting), whole.root.at("notes"),
                                  std::nullopt};
  whole.root["run_id"] = outputs.run_id();
  for (const auto& [option, path] :
       {std::pair{"--out", std::optional(command.out)}, std::pair{"--adversarials", command.adversarials},
        std::pair{"--curve", command.curve}})
    if (path)
      for (const std::string& word : {std::string(option), path->string()})
        whole.root["command"].push_back(word);
  evaluate::put_outcomes(whole.root, whole.samples, whole.outcomes, verdict);
  std::string table;
  if (command.curve) {
    table = evaluate::curve_table(whole.outcomes);
    whole.root["curve"] = evaluate::file_facts(*command.curve, table);
  }
  outputs.publish(
      [&](foil::io::AtomicFile& file) {
        evaluate::write_results(file, whole.root, whole.samples, whole.outcomes, verdict);
      },
      {.curve = table}, true);
  const std::string text = foil::text(
      "\n", fs::path(whole.root.at("model").get<std::string>()).filename().string(), ": clean accuracy ",
      programs::percent(foil::share(whole.samples.accurate, whole.samples.examined)), " (",
      whole.samples.accurate, " of ", whole.samples.examined, " rows), ", whole.samples.size(),
      " samples in ", shards.size(), " shares\n\n", evaluate::table(whole.outcomes, whole.samples, verdict),
      "\nResults: ", command.out.string(), "\n");
  return programs::print("foil-merge", text, outputs.take_stdout() ? stderr : stdout) ? 0 : exit_failed;
}

}  // namespace

int main(int argc, char** argv) {
  programs::open_standard_streams();
  return programs::status_of("foil-merge", [&] {
    const Command command = parse_command_line(argc, argv);
    if (!command.help.empty()) return programs::print("foil-merge", command.help) ? 0 : exit_failed;
    std::signal(SIGPIPE, SIG_IGN);
    return merge_files(command);
  });
}
