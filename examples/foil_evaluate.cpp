// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate: attacks an ONNX classifier on the command line and reports how robust it is.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/criteria.hpp"
#include "foil/evaluation/registry.hpp"
#include "foil/io/data.hpp"
#include "foil/nn/onnx.hpp"
#include "foil_evaluate/command_line.hpp"
#include "foil_evaluate/progress.hpp"
#include "foil_evaluate/report.hpp"

namespace {

using namespace evaluate;
using foil::Index;
using Model = foil::nn::Network<float, 4>;

constexpr int exit_bad_input = 2, exit_interrupted = 130;

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

/// Asks to finish gracefully; the second Ctrl-C is the default one and kills.
extern "C" void on_interrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);
}

/// Number of rows: --count of them if that was given.
bool limited(const Command& command) {
  return command.count != std::numeric_limits<std::int64_t>::max();
}

/// Throws unless every class is one of the model's.
void check_classes(const std::filesystem::path& path, const foil::Labels& labels, const Model& model) {
  for (Index i = 0; i < labels.size(); ++i)
    foil::detail::require(labels[i] < model.classes(), path.string(), ": row ", i, " has class ", labels[i],
                          ", the model has classes 0 to ", model.classes() - 1);
}

/// Asks the model about rows of the data set, batch by batch, until enough are chosen.
Samples choose(const Command& command, const Model& model, const Images& images, const foil::Labels& labels) {
  const Index rows = foil::samples(images);
  foil::detail::require(command.first < rows, "--first ", command.first, ": ", command.images.string(),
                        " has only ", rows, " rows");
  foil::detail::require(!limited(command) || command.correct_only || command.count <= rows - command.first,
                        "--count ", command.count, ": ", command.images.string(), " has only ",
                        rows - command.first, " rows from row ", command.first, " on");
  const Index last = command.correct_only || !limited(command) ? rows : command.first + command.count;

  Samples samples;
  std::vector<int> predictions;
  ProgressLine progress("clean predictions");
  for (Index row = command.first; row < last && !interrupted;) {
    std::vector<Index> batch;
    for (; row < last && static_cast<Index>(batch.size()) < command.batch_size; ++row) batch.push_back(row);
    const foil::Labels answers = foil::predict(model, foil::gather(images, batch));
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (static_cast<std::int64_t>(samples.rows.size()) >= command.count) break;
      const int answer = answers[static_cast<Index>(i)];
      const bool correct = answer == labels[batch[i]];
      ++samples.examined;
      samples.correct += correct;
      if (command.correct_only && !correct) continue;
      samples.rows.push_back(batch[i]);
      predictions.push_back(answer);
    }
    progress.update(samples.examined, last - command.first, std::nullopt, samples.examined, 0);
    if (static_cast<std::int64_t>(samples.rows.size()) >= command.count) break;
  }
  if (interrupted) return samples;
  progress.finish();
  foil::detail::require(!samples.rows.empty(), "no row is classified correctly, nothing is left to attack");
  foil::detail::require(!limited(command) || static_cast<std::int64_t>(samples.rows.size()) == command.count,
                        "--count ", command.count, ": only ", samples.rows.size(),
                        " rows are classified correctly from row ", command.first, " on");
  samples.images = foil::gather(images, samples.rows);
  samples.clean_predictions =
      Eigen::Map<foil::Labels>(predictions.data(), static_cast<Index>(predictions.size()));
  samples.labels.resize(static_cast<Index>(samples.rows.size()));
  for (std::size_t i = 0; i < samples.rows.size(); ++i)
    samples.labels[static_cast<Index>(i)] = labels[static_cast<Index>(samples.rows[i])];
  return samples;
}

/// Which entries of a file with one entry per row of the data set, or per sample used, belong to the samples.
std::vector<Index> entries(const std::filesystem::path& path, Index found, Index rows,
                           const Samples& samples) {
  const auto used = static_cast<Index>(samples.rows.size());
  foil::detail::require(found == rows || found == used, path.string(),
                        ": expected one entry for each of the ", rows, " rows of the data set or the ", used,
                        " that are used, found ", found);
  std::vector<Index> out;
  for (Index i = 0; i < used; ++i)
    out.push_back(found == rows ? static_cast<Index>(samples.rows[static_cast<std::size_t>(i)]) : i);
  return out;
}

/// The classes in the file, one per sample used.
foil::Labels read_targets(const std::filesystem::path& path, const Model& model, Index rows,
                          const Samples& samples) {
  const foil::Labels all = foil::io::read_labels(path);
  check_classes(path, all, model);
  foil::Labels out(static_cast<Index>(samples.rows.size()));
  Index i = 0;
  for (const Index entry : entries(path, all.size(), rows, samples)) out[i++] = all[entry];
  return out;
}

/// Starting points: the file's own images, or those that its integers point to.
Images read_starts(const std::filesystem::path& path, const Images& images, const foil::Bounds<float>& bounds,
                   const Samples& samples) {
  const Index rows = foil::samples(images);
  if (!foil::io::holds_labels(path)) {
    const Images all = foil::io::read_images(path, bounds);
    foil::detail::require(foil::resized(all, rows) == images.dimensions(), path.string(),
                          ": expected images of shape ", foil::shape_text(images), ", found ",
                          foil::shape_text(all));
    return foil::gather(all, entries(path, foil::samples(all), rows, samples));
  }
  const foil::Labels all = foil::io::read_labels(path);
  std::vector<Index> chosen;
  for (const Index entry : entries(path, all.size(), rows, samples)) {
    chosen.push_back(all[entry]);
    foil::detail::require(all[entry] < rows, path.string(), ": entry ", entry, " points to row ", all[entry],
                          ", the data set has rows 0 to ", rows - 1);
  }
  return foil::gather(images, chosen);
}

/// Throws unless every output can be written and none of them is an input. Leaves nothing behind but the
/// directory for the adversarials.
void check_outputs(const Command& command) {
  std::vector<std::filesystem::path> outputs{command.out};
  if (command.sheet) outputs.push_back(*command.sheet);
  foil::detail::require(!command.sheet || *command.sheet != command.out,
                        "--out and --sheet are the same file, ", command.out.string());
  for (const auto& output : outputs) {
    for (const auto& input : {command.model, command.images, command.labels}) {
      std::error_code differs;
      foil::detail::require(!std::filesystem::equivalent(output, input, differs), output.string(),
                            ": would overwrite an input");
    }
    foil::io::AtomicFile probe(output);
  }
  if (!command.adversarials) return;
  std::error_code failure;
  std::filesystem::create_directories(*command.adversarials, failure);
  foil::detail::require(!failure, command.adversarials->string(), ": cannot be created: ", failure.message());
  foil::io::AtomicFile probe(*command.adversarials / "indices.npy");
}

/// An attack ready to run, and how it was asked for.
struct Job {
  foil::AnyAttack attack;
  std::vector<std::pair<std::string, std::string>> options;
  std::vector<std::optional<double>> epsilons;
};

/// Throws for unknown attacks and options, and for attacks that lack an epsilon.
std::vector<Job> prepare(const Command& command) {
  std::vector<Job> jobs;
  bool used = false;
  for (const AttackRequest& request : command.attacks) {
    const foil::AttackEntry& entry = foil::find_attack(request.name);
    Job job{entry.make(request.options), {}, {std::nullopt}};
    for (const auto& option : entry.resolve(request.options))
      job.options.emplace_back(option.name, option.value);
    if (!entry.minimal) {
      foil::detail::require(!command.epsilons.empty(), request.name,
                            " attacks within a given radius: --epsilon is missing");
      job.epsilons.assign(command.epsilons.begin(), command.epsilons.end());
      used = true;
    }
    jobs.push_back(std::move(job));
  }
  foil::detail::require(used || command.epsilons.empty(),
                        "--epsilon is given, but every attack looks for the smallest radius by itself");
  return jobs;
}

std::string knowledge_text(foil::Knowledge knowledge) {
  return knowledge == foil::Knowledge::gradients ? "gradients"
         : knowledge == foil::Knowledge::scores  ? "scores"
                                                 : "decisions";
}

/// All attacks, with what they need and their options.
std::string list_attacks() {
  const auto padded = [](std::string text, std::size_t width) {
    text.append(width - std::min(width, text.size()), ' ');
    return text + "  ";
  };
  std::string text;
  for (const foil::AttackEntry& entry : foil::attack_registry()) {
    text += padded(entry.name, 24) + padded(entry.norm.name(), 4) +
            padded(knowledge_text(entry.knowledge), 9) +
            (entry.minimal ? "smallest radius" : "within --epsilon");
    for (std::size_t i = 0; i < entry.synonyms.size(); ++i)
      text += (i == 0 ? "; also " : ", ") + entry.synonyms[i];
    text += '\n';
    std::size_t width = 0;
    for (const foil::OptionInfo& option : entry.options)
      width = std::max(width, option.name.size() + 1 + option.value.size());
    for (const foil::OptionInfo& option : entry.options)
      text += "    " + padded(option.name + "=" + option.value, width) + option.meaning + '\n';
  }
  return text;
}

Outcome attack(const Command& command, const Model& model, const Samples& samples, const Images& starts,
               const Job& job, const std::optional<double>& epsilon) {
  std::string label(job.attack.name());
  if (epsilon) label += foil::detail::text(" eps ", *epsilon);
  ProgressLine progress(label);
  foil::RunOptions<Images> options{.seed = command.seed,
                                   .sample_ids = samples.rows,
                                   .threads = command.threads,
                                   .query_budget = command.budget,
                                   .starting_points = starts,
                                   .batch_size = command.batch_size,
                                   .observer = [&](const foil::Progress& p) {
                                     progress.update(p.finished, p.total, p.found, p.queries,
                                                     p.gradient_queries);
                                     return interrupted ? foil::Control::stop : foil::Control::proceed;
                                   }};
  Outcome outcome{std::string(job.attack.name()),
                  job.attack.norm().name(),
                  knowledge_text(job.attack.knowledge()),
                  job.options,
                  epsilon,
                  0,
                  {},
                  {}};
  const auto start = std::chrono::steady_clock::now();
  const double radius = epsilon.value_or(0);
  outcome.result = samples.targets
                       ? job.attack(model, samples.images, foil::TargetedMisclassification(*samples.targets),
                                    radius, options)
                       : job.attack(model, samples.images, samples.labels, radius, options);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  progress.finish();
  return outcome;
}

int evaluate_model(const Command& command) {
  using namespace foil;
  const std::vector<Job> jobs = prepare(command);
  const Bounds<float> bounds(command.lower, command.upper);
  const Model model = onnx::load<float, 4>(command.model.string(), {.bounds = bounds});
  const Images images = io::read_images(command.images, bounds);
  const Labels labels = io::read_labels(command.labels);
  const auto& shape = model.input_shape();
  detail::require(std::equal(shape.begin(), shape.end(), images.dimensions().begin() + 1),
                  command.images.string(), ": expected images of shape (N, ", shape[0], ", ", shape[1], ", ",
                  shape[2], ") as the model takes, found ", shape_text(images));
  detail::require(labels.size() == foil::samples(images), command.labels.string(),
                  ": expected one label for each of the ", foil::samples(images), " images, found ",
                  labels.size());
  check_classes(command.labels, labels, model);
  check_outputs(command);

  std::signal(SIGINT, on_interrupt);
  Samples samples = choose(command, model, images, labels);
  if (interrupted) {
    std::fputs("foil-evaluate: interrupted before any attack began, nothing was written\n", stderr);
    return exit_interrupted;
  }
  Images starts;
  if (command.targets) samples.targets = read_targets(*command.targets, model, labels.size(), samples);
  if (command.starts) starts = read_starts(*command.starts, images, bounds, samples);
  if (command.adversarials)
    io::write_npy<std::int64_t>(*command.adversarials / "indices.npy", samples.rows,
                                {static_cast<Index>(samples.rows.size())});

  std::vector<Outcome> outcomes;
  std::set<std::string> files;
  std::size_t total = 0;
  for (const Job& job : jobs) total += job.epsilons.size();
  for (const Job& job : jobs)
    for (const auto& epsilon : job.epsilons) {
      if (interrupted) break;
      Outcome outcome = attack(command, model, samples, starts, job, epsilon);
      if (command.adversarials) {
        const std::string stem = outcome.attack + (epsilon ? detail::text("_eps", *epsilon) : "");
        outcome.file = stem + ".npy";
        for (int copy = 2; !files.insert(outcome.file).second; ++copy)
          outcome.file = detail::text(stem, "_", copy, ".npy");
        io::write_npy(*command.adversarials / outcome.file, outcome.result.adversarials);
      }
      outcomes.push_back(std::move(outcome));
      io::write_file(command.out,
                     results(command, samples, outcomes, outcomes.size() == total && !interrupted));
    }
  if (command.sheet) io::write_png(*command.sheet, sheet(command, samples, outcomes));

  std::printf("\n%s: clean accuracy %.1f %% (%td of %td rows), %zu samples attacked\n\n%s\n",
              command.model.filename().string().c_str(),
              100 * static_cast<double>(samples.correct) / static_cast<double>(samples.examined),
              samples.correct, samples.examined, samples.rows.size(), table(outcomes, samples).c_str());
  std::printf("forward, backward: model calls per sample. Results: %s\n", command.out.string().c_str());
  if (!interrupted) return 0;
  const Summary last = summarise(outcomes.back(), samples);
  std::fprintf(
      stderr,
      "foil-evaluate: interrupted; written is what was finished: %zu of %zu attacks, the last one on %td of "
      "%zu samples\n",
      outcomes.size(), total, last.finished, samples.rows.size());
  return exit_interrupted;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto command = parse_command_line(argc, argv);
    if (!command) return 0;
    if (command->list) {
      std::fputs(list_attacks().c_str(), stdout);
      return 0;
    }
    return evaluate_model(*command);
  } catch (const foil::RunFailure<Images>& failure) {
    std::fprintf(stderr, "foil-evaluate: failed: %s\n", failure.what());
    return 1;
  } catch (const foil::Error& error) {
    std::string line = error.what();
    std::replace(line.begin(), line.end(), '\n', ' ');
    std::fprintf(stderr, "foil-evaluate: %s\n", line.c_str());
    return exit_bad_input;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "foil-evaluate: failed: %s\n", error.what());
    return 1;
  }
}
