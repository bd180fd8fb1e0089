// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate: attacks a classifier from an ONNX or TorchScript file and reports how robust it is.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/criteria.hpp"
#include "foil/evaluation/registry.hpp"
#include "foil/io/data.hpp"
#include "foil_evaluate/command_line.hpp"
#include "foil_evaluate/model.hpp"
#include "foil_evaluate/progress.hpp"
#include "foil_evaluate/report.hpp"

namespace {

using namespace evaluate;
using foil::Index;
using foil::detail::require;

constexpr int exit_bad_input = 2, exit_interrupted = 130;

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

/// Asks to finish gracefully; the second Ctrl-C is the default one and kills.
extern "C" void on_interrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);
}

/// Everything that is read, checked.
struct Inputs {
  Images images;
  foil::Labels labels;
  std::optional<foil::Labels> targets;  ///< for every row of the data set, or for those used
  std::optional<Images> starts;         ///< likewise
};

bool limited(const Command& command) {
  return command.count != std::numeric_limits<std::int64_t>::max();
}

/// Throws unless every class is one of the model's.
void check_classes(const std::filesystem::path& path, const foil::Labels& labels, Index classes) {
  for (Index i = 0; i < labels.size(); ++i)
    require(labels[i] < classes, path.string(), ": row ", i, " has class ", labels[i],
            ", the model has classes 0 to ", classes - 1);
}

/// Starting points: the file's own images, or those rows of the data set that its integers point to.
Images read_starts(const std::filesystem::path& path, const Images& images,
                   const foil::Bounds<float>& bounds) {
  const Index rows = foil::samples(images);
  if (!foil::io::holds_labels(path)) {
    const Images starts = foil::io::read_images(path, bounds);
    require(foil::resized(starts, rows) == images.dimensions(), path.string(),
            ": expected images of the shape of the data set, ", foil::shape_text(images), ", found ",
            foil::shape_text(starts));
    return starts;
  }
  const foil::Labels chosen = foil::io::read_labels(path);
  for (Index i = 0; i < chosen.size(); ++i)
    require(chosen[i] < rows, path.string(), ": entry ", i, " points to row ", chosen[i],
            ", the data set has rows 0 to ", rows - 1);
  return foil::gather(images, chosen);
}

Inputs read_inputs(const Command& command, const Model& model) {
  Inputs in{
      foil::io::read_images(command.images, model.bounds()), foil::io::read_labels(command.labels), {}, {}};
  const Index rows = foil::samples(in.images);
  const Index classes = model.classes(in.images, command.images.string());
  require(in.labels.size() == rows, command.labels.string(), ": expected one label for each of the ", rows,
          " images, found ", in.labels.size());
  check_classes(command.labels, in.labels, classes);
  require(command.first < rows, "--first ", command.first, ": ", command.images.string(), " has only ", rows,
          " rows");
  require(!limited(command) || command.count <= rows - command.first, "--count ", command.count, ": ",
          command.images.string(), " has only ", rows - command.first, " rows from row ", command.first,
          " on");

  const Index used = limited(command) ? command.count : command.correct_only ? rows : rows - command.first;
  const auto check_entries = [&](const std::filesystem::path& path, Index found) {
    require(found == rows || found == used, path.string(), ": expected one entry for each of the ", rows,
            " rows of the data set", used == rows ? "" : " or of those used", ", found ", found);
  };
  if (command.targets) {
    in.targets = foil::io::read_labels(*command.targets);
    check_classes(*command.targets, *in.targets, classes);
    check_entries(*command.targets, in.targets->size());
  }
  if (command.starts) {
    in.starts = read_starts(*command.starts, in.images, model.bounds());
    check_entries(*command.starts, foil::samples(*in.starts));
  }
  return in;
}

/// Rows whose answers are kept for attacks to start from: enough of every class, few enough to go through.
constexpr Index most_known = 1000;

/// The samples to attack: asks the model about the rows, batch by batch, until there are enough. Fewer than
/// asked for only if interrupted.
Samples choose(const Command& command, const Model& model, const Inputs& in) {
  const Index rows = foil::samples(in.images);
  const Index last = command.correct_only || !limited(command) ? rows : command.first + command.count;
  const auto enough = [&](const Samples& s) {
    return static_cast<std::int64_t>(s.rows.size()) >= command.count;
  };
  Samples samples;
  std::vector<int> predictions;
  std::vector<Index> known;  // rows with their logits: where attacks may take their starts from
  std::vector<float> logits;
  ProgressLine progress("clean predictions");
  for (Index row = command.first; row < last && !enough(samples) && !interrupted;) {
    std::vector<Index> batch;
    for (; row < last && static_cast<Index>(batch.size()) < command.batch_size; ++row) batch.push_back(row);
    const foil::Logits<float> outputs = model.logits(foil::gather(in.images, batch));
    const foil::Labels answers = foil::argmax<float>(outputs);
    for (std::size_t i = 0; i < batch.size() && !enough(samples); ++i) {
      const int answer = answers[static_cast<Index>(i)];
      const bool correct = answer == in.labels[batch[i]];
      if (static_cast<Index>(known.size()) < most_known) {
        known.push_back(batch[i]);
        for (Index k = 0; k < outputs.cols(); ++k) logits.push_back(outputs(static_cast<Index>(i), k));
      }
      ++samples.examined;
      samples.correct += correct;
      if (command.correct_only && !correct) continue;
      samples.rows.push_back(batch[i]);
      predictions.push_back(answer);
    }
    if (limited(command))
      progress.update(static_cast<Index>(samples.rows.size()), command.count, std::nullopt, samples.examined,
                      0);
    else
      progress.update(samples.examined, last - command.first, std::nullopt, samples.examined, 0);
  }
  if (interrupted) return samples;
  progress.finish();
  require(!samples.rows.empty(), "no row is classified correctly, nothing is left to attack");
  require(!limited(command) || enough(samples), "--count ", command.count, ": only ", samples.rows.size(),
          " rows are classified correctly from row ", command.first, " on");

  const auto count = static_cast<Index>(samples.rows.size());
  const auto entry = [&](Index i, Index entries) {
    return entries == rows ? static_cast<Index>(samples.rows[static_cast<std::size_t>(i)]) : i;
  };
  samples.images = foil::gather(in.images, samples.rows);
  const auto pool_rows = static_cast<Index>(known.size());
  samples.pool =
      foil::Pool<Images>(foil::gather(in.images, known),
                         foil::Logits<float>(Eigen::Map<const foil::Logits<float>>(
                             logits.data(), pool_rows, static_cast<Index>(logits.size()) / pool_rows)));
  samples.clean_predictions = Eigen::Map<const foil::Labels>(predictions.data(), count);
  samples.labels.resize(count);
  for (Index i = 0; i < count; ++i) samples.labels[i] = in.labels[entry(i, rows)];
  if (in.targets) {
    samples.targets.emplace(count);
    for (Index i = 0; i < count; ++i) (*samples.targets)[i] = (*in.targets)[entry(i, in.targets->size())];
  }
  if (in.starts) {
    std::vector<Index> chosen;
    for (Index i = 0; i < count; ++i) chosen.push_back(entry(i, foil::samples(*in.starts)));
    samples.starts = foil::gather(*in.starts, chosen);
  }
  return samples;
}

/// Throws unless every output can be written and none of them is an input. Leaves nothing behind but the
/// directory for the adversarials.
void check_outputs(const Command& command) {
  std::vector<std::filesystem::path> outputs{command.out};
  if (command.sheet) outputs.push_back(*command.sheet);
  require(!command.sheet || *command.sheet != command.out, "--out and --sheet are the same file, ",
          command.out.string());
  for (const auto& output : outputs) {
    for (const auto& input : {command.model, command.images, command.labels}) {
      std::error_code differs;
      require(!std::filesystem::equivalent(output, input, differs), output.string(),
              ": would overwrite an input");
    }
    foil::io::AtomicFile probe(output);
  }
  if (!command.adversarials) return;
  std::error_code failure;
  std::filesystem::create_directories(*command.adversarials, failure);
  require(!failure, command.adversarials->string(), ": cannot be created: ", failure.message());
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
      require(!command.epsilons.empty(), request.name,
              " attacks within a given radius: --epsilon is missing");
      job.epsilons.assign(command.epsilons.begin(), command.epsilons.end());
      used = true;
    }
    jobs.push_back(std::move(job));
  }
  require(used || command.epsilons.empty(),
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
  std::size_t longest = 0;
  for (const foil::AttackEntry& entry : foil::attack_registry())
    longest = std::max(longest, entry.name.size());
  std::string text;
  for (const foil::AttackEntry& entry : foil::attack_registry()) {
    text += padded(entry.name, longest) + padded(entry.norm.name(), 4) +
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

Outcome attack(const Command& command, const Model& model, const Samples& samples, const Job& job,
               const std::optional<double>& epsilon) {
  std::string label(job.attack.name());
  if (epsilon) label += foil::detail::text(" eps ", *epsilon);
  ProgressLine progress(label);
  foil::RunOptions<Images> options{.seed = command.seed,
                                   .sample_ids = samples.rows,
                                   .threads = command.threads,
                                   .query_budget = command.budget,
                                   .starting_points = samples.starts,
                                   .pool = samples.pool,
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
                  0,
                  {},
                  {}};
  const double before = model.seconds();
  const auto start = std::chrono::steady_clock::now();
  const double radius = epsilon.value_or(0);
  outcome.result = samples.targets
                       ? job.attack(model, samples.images, foil::TargetedMisclassification(*samples.targets),
                                    radius, options)
                       : job.attack(model, samples.images, foil::MarginAbove(samples.labels, command.margin),
                                    radius, options);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  outcome.model_seconds = (model.seconds() - before) / command.threads;
  progress.finish();
  return outcome;
}

/// The file name for an outcome's adversarials, unlike those of the outcomes before it.
std::string unused_name(const Outcome& outcome, const std::vector<Outcome>& before) {
  const std::string stem =
      outcome.attack + (outcome.epsilon ? foil::detail::text("_eps", *outcome.epsilon) : "");
  std::string name = stem + ".npy";
  const auto taken = [&](const Outcome& other) { return other.file == name; };
  for (int copy = 2; std::any_of(before.begin(), before.end(), taken); ++copy)
    name = foil::detail::text(stem, "_", copy, ".npy");
  return name;
}

/// The whole job; the exit status. After each attack, results.json is brought up to date.
int evaluate_model(const Command& command) {
  const std::vector<Job> jobs = prepare(command);
  const auto loaded = load_model(command.model, foil::Bounds<float>(command.lower, command.upper));
  const Model& model = *loaded;
  const Inputs inputs = read_inputs(command, model);
  check_outputs(command);

  std::signal(SIGINT, on_interrupt);
  const Samples samples = choose(command, model, inputs);
  if (interrupted) {
    std::fputs("foil-evaluate: interrupted before any attack began, nothing was written\n", stderr);
    return exit_interrupted;
  }
  if (command.adversarials)
    foil::io::write_npy<std::int64_t>(*command.adversarials / "indices.npy", samples.rows,
                                      {static_cast<Index>(samples.rows.size())});

  std::vector<Outcome> outcomes;
  std::size_t total = 0;
  for (const Job& job : jobs) total += job.epsilons.size();
  bool complete = false;
  for (const Job& job : jobs)
    for (const auto& epsilon : job.epsilons) {
      if (interrupted) break;
      Outcome outcome = attack(command, model, samples, job, epsilon);
      if (command.adversarials) {
        outcome.file = unused_name(outcome, outcomes);
        foil::io::write_npy(*command.adversarials / outcome.file, outcome.result.adversarials);
      }
      const bool whole = summarise(outcome, samples).finished == outcome.result.size();
      outcomes.push_back(std::move(outcome));
      complete = whole && outcomes.size() == total;
      foil::io::write_file(command.out, results(command, samples, outcomes, complete));
    }
  if (command.sheet) foil::io::write_png(*command.sheet, sheet(command, samples, outcomes));

  std::printf("\n%s: clean accuracy %.1f %% (%td of %td rows), %zu samples attacked\n\n%s\n",
              command.model.filename().string().c_str(),
              100 * static_cast<double>(samples.correct) / static_cast<double>(samples.examined),
              samples.correct, samples.examined, samples.rows.size(), table(outcomes, samples).c_str());
  std::printf("forward, backward: model calls per sample. Results: %s\n", command.out.string().c_str());
  if (complete) return 0;
  std::fprintf(
      stderr,
      "foil-evaluate: interrupted; written is what was finished: %zu of %zu attacks, the last one on %td of "
      "%zu samples\n",
      outcomes.size(), total, summarise(outcomes.back(), samples).finished, samples.rows.size());
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
