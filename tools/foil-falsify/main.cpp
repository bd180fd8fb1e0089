// SPDX-License-Identifier: MIT
/// \file
/// foil-falsify: looks for a counterexample to a property that verifiers are asked to prove.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "catalogue/importer.hpp"
#include "catalogue/runs.hpp"
#include "common/arguments.hpp"
#include "common/files.hpp"
#include "common/terminal.hpp"
#include "deadline.hpp"
#include "foil/core/error.hpp"
#include "foil/core/parse.hpp"
#include "foil/core/shape.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/falsify.hpp"
#include "foil/io/file.hpp"
#include "foil/io/gzip.hpp"
#include "foil/io/vnnlib.hpp"
#include "held_signals.hpp"

namespace {

namespace fs = std::filesystem;
using foil::Index;
using foil::require;
using foil::text;
using foil::io::VnnLib;
using Rows = foil::Tensor<float, 2>;

constexpr int exit_failed = 1;
constexpr double slack = 0.2;  ///< seconds that may pass after the timeout until all has been written

struct Command {
  std::string help{};
  fs::path network, property;
  std::optional<fs::path> out{};
  foil::FalsifyOptions search{};
  int threads = 1;
  bool quiet = false;
};

/// A number as it is written on the command line, in a range.
template <class Number>
Number number(const std::string& option, const std::string& given, Number low, Number high) {
  std::optional<Number> value;
  if constexpr (std::is_integral_v<Number>)
    value = foil::parse_whole<Number>(given);
  else
    value = foil::parse_real(given);
  require(value && *value >= low && *value <= high, option, ": expected a ",
          std::is_integral_v<Number> ? "whole number" : "number", " from ", low, " to ", high, ", got '",
          given, "'");
  return *value;
}

/// Whether a file's name ends in an extension, or in that and ".gz".
bool is_called(const fs::path& path, const char* extension) {
  return path.extension() == extension || (path.extension() == ".gz" && path.stem().extension() == extension);
}

Command parse_command_line(int argc, char** argv) {
  Command command;
  const foil::FalsifyOptions usual;
  CLI::App app(
      "Looks for a counterexample to a property in VNN-LIB: an input in its box on which the outputs of the\n"
      "ONNX network meet its condition. Says `sat` and the counterexample, or `unknown`, which proves\n"
      "nothing: whether the property holds is for a verifier to say. Both files may be gzipped.\n",
      "foil-falsify");
  app.get_formatter()->column_width(30);
  std::string timeout, calls, seed, rounding, threads;
  app.add_option("NETWORK", command.network, "The network (ONNX)")->type_name("");
  app.add_option("PROPERTY", command.property, "The property (VNN-LIB 1.0 or 2.0)")->type_name("");
  app.add_option(
         "--timeout", timeout,
         "Seconds after which to say `unknown`, reading included, .2 later at most\n(default unlimited)")
      ->type_name("S");
  app.add_option("--calls", calls,
                 text("Inputs that the network is asked about at most, forward and backward passes\n"
                      "counted alike (default ",
                      usual.calls, ", with --timeout unlimited)"))
      ->type_name("N");
  app.add_option("--seed", seed, text("What random numbers are drawn from (default ", usual.seed, ")"))
      ->type_name("N");
  app.add_option("--rounding", rounding,
                 text("How far, relative to the outputs, a counterexample's have to be from not meeting the\n"
                      "condition, since other programs round differently (default ",
                      usual.rounding, ")"))
      ->type_name("R");
  app.add_option("--threads", threads, "Threads that share the inputs of one call (default 1)")
      ->type_name("N");
  app.add_option("--out", command.out, "Where to write the answer, instead of to standard output")
      ->type_name("FILE");
  app.add_flag("--quiet", command.quiet, "Say nothing but the answer");
  app.footer(
      "Example:\n  foil-falsify net.onnx property.vnnlib.gz --timeout 60 --out result.txt\n\n"
      "The answer's first line is `sat` or `unknown`. After `sat` comes the counterexample, as the\n"
      "competition of verifiers takes it, ((X_0 0.5) ... (Y_0 1.25)), or as VNN-LIB 2.0 has it.\n\n"
      "Exit status:\n  0  there is an answer, `sat` or `unknown`\n  1  something failed\n"
      "  2  the command or a file is not as it should be: one line says what\n");
  app.set_version_flag("--version", "foil-falsify " + programs::version());
  app.set_help_flag("-h,--help", "Print this text");
  command.help = programs::parse(app, argc, argv, "is too much: expected a network and a property");
  if (!command.help.empty()) return command;
  require(!command.network.empty() && !command.property.empty(),
          "expected a network and a property (foil-falsify --help explains the options)");
  require(!is_called(command.property, ".onnx") || is_called(command.network, ".onnx"),
          "expected first the network and then the property, got ", command.network.string(), " and ",
          command.property.string());
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  if (!timeout.empty()) {
    command.search.seconds = number("--timeout", timeout, 0.0, 1e9);
    command.search.calls = most;
  }
  if (!calls.empty()) command.search.calls = number<std::int64_t>("--calls", calls, 1, most);
  if (!seed.empty())
    command.search.seed = number<std::uint64_t>("--seed", seed, 0, std::numeric_limits<std::uint64_t>::max());
  if (!rounding.empty()) command.search.rounding = number("--rounding", rounding, 0.0, 1.0);
  if (!threads.empty()) command.threads = number("--threads", threads, 1, 1024);
  return command;
}

/// The network, a row of numbers for each input, its outputs as the file has them; and the shape of an input
/// there.
auto load(const fs::path& path, int threads) {
  constexpr std::size_t most = std::size_t{1} << 32;
  const bool plain = foil::io::GzipFile(path).plain();
  const foil::onnx::File file =
      plain ? foil::onnx::File(path)
            : foil::onnx::File(foil::io::read_unpacked(path, most),
                               path.has_parent_path() ? path.parent_path() : fs::path("."));
  require(file.batch() <= 1, path.string(), ": its input is of ", file.batch(),
          " samples at once, properties are about one: export it for one, or with an open batch");
  try {
    auto network = file.network<float, 2>(
        {.threads = threads, .flat_input = true, .flattened = true, .strict_types = true});
    return std::pair(std::move(network), file.input_shape());
  } catch (const foil::Error& error) {
    throw foil::Error(path.string() + ": " + error.what());
  }
}

/// Throws where a property of version 2 says of its input another shape than the network takes; its elements
/// would be others. Extents of 1 mean nothing, nor does the shape of a list of all numbers.
void check_shape(const VnnLib& property, const fs::path& path, const std::vector<Index>& shape) {
  const std::vector<Index> said = foil::squeezed(property.input.shape);
  require(property.version == 1 || said.size() <= 1 || said == foil::squeezed(shape), path.string(),
          ": declares an input of shape ", foil::extents_text(property.input.shape), ", the network takes ",
          foil::batch_text(shape));
}

/// What the search is asked: the floats of each box.
std::vector<foil::FalsifyCase> problem(const VnnLib& property) {
  std::vector<foil::FalsifyCase> cases;
  for (const VnnLib::Case& one : property.cases)
    cases.push_back({one.lowest.cast<double>(), one.highest.cast<double>(), one.property});
  return cases;
}

/// The answer for a counterexample, once it has been read again from its text and asked about by itself.
template <class Network, class Found>
std::string sat(const Network& network, const VnnLib& property, const Found& found) {
  const VnnLib::Case& box = property.cases[static_cast<std::size_t>(found.which_case)];
  const Eigen::VectorXf outputs = found.outputs.template cast<float>();
  const std::span<const float> x(found.input.data(), static_cast<std::size_t>(found.input.size()));
  const std::span<const float> y(outputs.data(), static_cast<std::size_t>(outputs.size()));
  const std::string said = counterexample_text(property, counterexample(box, x, y));

  const foil::io::Counterexample again = foil::io::parse_counterexample(said, property);
  const std::vector<float> input = again.input();
  Rows row(1, property.inputs);
  std::copy(input.begin(), input.end(), row.data());
  const foil::Logits<float> answer = network.logits(row);
  const bool meets = std::any_of(box.property.clauses.begin(), box.property.clauses.end(),
                                 [&](const foil::OutputClause& clause) {
                                   return holds(clause, answer.row(0).transpose().template cast<double>());
                                 });
  if (!in_box(box, again) || !meets)
    throw std::logic_error("a counterexample was none when it was looked at again");
  return "sat\n" + said;
}

int falsify(const Command& command, std::chrono::steady_clock::time_point begun) {
  for (const fs::path& input : {command.network, command.property}) {
    std::error_code none;
    require(!command.out || !fs::equivalent(*command.out, input, none), "--out: ", input.string(),
            " is read, and not replaced");
  }
  // What cannot be written is told at once. A file is begun at the end, so that a signal leaves none behind;
  // a pipe's reader would take it for ended if it were opened twice, and may let one wait.
  std::optional<foil::io::AtomicFile> file;
  std::optional<HeldSignals> held;
  if (command.out) {
    if (!programs::is_device(*command.out)) held.emplace();
    if (!file.emplace(*command.out).direct()) file.reset();
  }
  const auto say = [&](const std::string& line) {
    if (!command.quiet) std::fprintf(stderr, "foil-falsify: %s\n", line.c_str());
  };
  const auto give = [&](const std::string& answer) {
    if (!command.out) return programs::print("foil-falsify", answer) ? 0 : exit_failed;
    const HeldSignals until_written;
    if (!file) file.emplace(*command.out);
    file->write(answer);
    file->commit();
    return 0;
  };
  std::optional<Deadline> deadline;
  if (std::isfinite(command.search.seconds)) {
    const std::chrono::duration<double> left(command.search.seconds + slack);
    deadline.emplace(begun + std::chrono::duration_cast<std::chrono::steady_clock::duration>(left), [&] {
      return programs::status_of("foil-falsify", [&] {
        say("the time was up within a call of the network, or while the files were read");
        return give("unknown\n");
      });
    });
  }

  held.reset();
  const VnnLib property = foil::io::read_vnnlib(command.property);
  const auto [network, shape] = load(command.network, command.threads);
  const Index inputs = network.input_shape()[0];
  require(inputs == property.inputs && network.classes() == property.outputs, command.property.string(),
          ": is about ", property.inputs, " inputs and ", property.outputs, " outputs, ",
          command.network.string(), " has ", inputs, " and ", network.classes());
  check_shape(property, command.property, shape);
  for (const std::string& note : network.notes()) say(note);
  std::size_t clauses = 0;
  for (const VnnLib::Case& one : property.cases) clauses += one.property.clauses.size();
  say(text(inputs, " inputs, ", property.outputs, " outputs, ", property.cases.size(),
           property.cases.size() == 1 ? " box, " : " boxes, ", clauses,
           clauses == 1 ? " condition" : " alternative conditions"));

  foil::FalsifyOptions search = command.search;
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begun;
  search.seconds = std::max(0.0, search.seconds - spent.count());
  const auto found = foil::falsify(network, Rows::Dimensions(1, inputs), problem(property), search);
  const std::string answer = found.sure ? sat(network, property, found) : "unknown\n";
  if (deadline) deadline->keep();
  const std::string cost =
      text(" after ", found.calls, " calls and ", programs::formatted("%.2f s", found.seconds));
  const std::string by = programs::formatted("%.4g", std::abs(found.margin));
  if (found.sure)
    say(text("a counterexample", cost, "; its outputs meet the condition by ", by));
  else if (found.found)
    say(text("no counterexample that is sure", cost, ": the best meets the condition by ", by,
             ", which other programs' rounding may take; --rounding 0 accepts it"));
  else if (std::isfinite(found.margin))
    say(text("no counterexample", cost, "; the nearest outputs miss the condition by ", by));
  else
    say(text("no counterexample", cost,
             found.calls > 0 ? "; no outputs were numbers that the condition can be met by" : ""));

  return give(answer);
}

}  // namespace

int main(int argc, char** argv) {
  const auto begun = std::chrono::steady_clock::now();
  const bool heard = programs::open_standard_streams();
  return programs::status_of("foil-falsify", [&] {
    const Command command = parse_command_line(argc, argv);
    if (!command.help.empty()) return programs::print("foil-falsify", command.help) ? 0 : exit_failed;
    require(heard || command.out, "standard output is closed: expected --out, for the answer");
    std::signal(SIGPIPE, SIG_IGN);
    return falsify(command, begun);
  });
}
