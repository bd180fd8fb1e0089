// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate: attacks a classifier from an ONNX or TorchScript file and reports how robust it is.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "audit.hpp"
#include "catalogue/all_attacks.hpp"
#include "challenge.hpp"
#include "command_line.hpp"
#include "common/signals.hpp"
#include "common/terminal.hpp"
#include "corruptions.hpp"
#include "curves.hpp"
#include "extremes.hpp"
#include "foil/core/criteria.hpp"
#include "foil/core/lattice.hpp"
#include "foil/evaluation/attack_entry.hpp"
#include "foil/evaluation/source.hpp"
#include "foil/evaluation/suite.hpp"
#include "foil/evaluation/transfer.hpp"
#include "foil/io/npy.hpp"
#include "foil/io/npy_part.hpp"
#include "foil/io/png.hpp"
#include "inputs.hpp"
#include "model.hpp"
#include "outputs.hpp"
#include "png_folder.hpp"
#include "progress.hpp"
#include "ranks.hpp"
#include "report.hpp"
#include "state.hpp"

namespace {

using namespace evaluate;
using foil::Index;
using foil::require;
using programs::exit_interrupted;
using programs::interrupted;
using programs::percent;
using RunOptions = foil::RunOptions<Images>;
using Adversarials = foil::io::NpyPart<float>;

constexpr int exit_failed = 1, exit_warnings = 3;

const char* const indices = "indices.npy";  // the rows used, among the adversarials

std::atomic<bool> writing = false, in_json = false;
std::atomic<int> grace = 0;

/// Asks to finish gracefully, which waits for the model, but not for ever.
extern "C" void on_signal(int signal) {
  programs::note_signal(signal);
  if (!writing) ::alarm(static_cast<unsigned>(grace.load()));
}

/// Ends the program from within a call of the model, which nothing else can: as a kill does, which leaves the
/// files as they were brought up to date last, and the state for --resume.
extern "C" void on_alarm(int) {
  constexpr std::string_view
      line = "foil-evaluate: ended within a call of the model, which went on after the signal\n",
      json =
          "{\"event\":\"error\",\"text\":\"ended within a call of the model, which went on after the "
          "signal\"}\n";
  const std::string_view said = in_json ? json : line;
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, said.data(), said.size());
  ::_exit(exit_interrupted());
}

/// Whether to come to an end. Whoever asks is back from the model, whose next call may take as long again.
bool asked_to_end() {
  if (interrupted && !writing) ::alarm(static_cast<unsigned>(grace.load()));
  return interrupted;
}

/// As long as it lives files are written, which may take its time, and the model is not called.
struct Writing {
  Writing() {
    writing = true;
    ::alarm(0);
  }
  ~Writing() { writing = false; }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
};

void catch_signals(const Command& command) {
  grace = command.grace;
  in_json = command.telling == Telling::json;
  std::signal(SIGALRM, on_alarm);
  programs::catch_signals(on_signal);
}

bool print(const std::string& text, std::FILE* stream = stdout) {
  return programs::print("foil-evaluate", text, stream);
}

/// An attack ready to run, and how it was asked for.
struct Job {
  foil::AnyAttack attack;
  std::vector<std::pair<std::string, std::string>> options;
  std::vector<std::optional<double>> epsilons;
  std::string settings;
};

/// The attack of that name. Throws for an unknown one.
const foil::AttackEntry& find_attack(const std::string& name) {
  try {
    return programs::all_attacks().find(name);
  } catch (const foil::Error& error) {
    throw foil::Error(error.what() + std::string(" (foil-evaluate --list names them all)"));
  }
}

/// The attacks of each norm as one, which leaves alone what those before have beaten.
std::vector<Job> one_list_for_each_norm(const Command& command, const std::vector<Job>& jobs) {
  require(!command.epsilons.empty(),
          "--skip-beaten: samples are beaten within a radius: --epsilon is missing");
  std::vector<foil::Lp> norms;
  for (const Job& job : jobs)
    if (std::find(norms.begin(), norms.end(), job.attack.norm()) == norms.end())
      norms.push_back(job.attack.norm());
  std::vector<Job> lists;
  for (const foil::Lp norm : norms) {
    std::vector<foil::Stage> stages;
    std::vector<std::pair<std::string, std::string>> options;
    for (const Job& job : jobs) {
      if (!(job.attack.norm() == norm)) continue;
      stages.emplace_back(job.attack.name() + (job.settings.empty() ? "" : ":" + job.settings), job.attack);
      for (const auto& [name, value] : job.options)
        options.emplace_back(stages.back().name + "'s " + name, value);
    }
    lists.push_back({foil::suite_of(norm.name() + "-list", std::move(stages)), std::move(options), {}, ""});
    lists.back().epsilons.assign(command.epsilons.begin(), command.epsilons.end());
  }
  return lists;
}

/// Throws for unknown attacks and options, and for attacks that lack an epsilon.
std::vector<Job> prepare(const Command& command) {
  if (command.audit) audit_policy(command);
  std::vector<Job> jobs;
  bool used = false;
  for (const AttackRequest& request : command.attacks) {
    const foil::AttackEntry& entry = find_attack(request.name);
    Job job{entry.make(request.options), {}, {std::nullopt}, request.settings};
    for (const auto& option : entry.resolve(request.options))
      job.options.emplace_back(option.name, option.value);
    if (!entry.minimal) {
      require(!command.epsilons.empty(), request.name,
              " attacks within a given radius: --epsilon is missing");
      job.epsilons.assign(command.epsilons.begin(), command.epsilons.end());
      used = true;
    }
    require(!command.challenge || (entry.minimal && entry.norm == foil::Lp(foil::L2{}) &&
                                   (entry.knowledge == foil::Knowledge::decisions || command.transfer_from)),
            request.name, ": --challenge takes attacks that look for the smallest distance in l2 by labels",
            " only, or any that do by --transfer-from");
    jobs.push_back(std::move(job));
  }
  require(!command.audit || !command.transfer_from,
          "--audit looks at attacks on the model: not with --transfer-from");
  if (command.skip_beaten) return one_list_for_each_norm(command, jobs);
  require(used || command.epsilons.empty(),
          "--epsilon is given, but every attack looks for the smallest radius by itself");
  const bool asks_decisions = std::any_of(jobs.begin(), jobs.end(), [](const Job& job) {
    return job.attack.knowledge() == foil::Knowledge::decisions;
  });
  require(!command.surrogate || asks_decisions,
          "--surrogate is given, but no attack looks at decisions only: gradients of the model itself are "
          "better");
  return jobs;
}

/// The attacks with all their options.
foil::Fingerprint all_options(const std::vector<Job>& jobs) {
  foil::Fingerprint out;
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    const std::string place = foil::text("attack ", j + 1);
    out.emplace_back(place, jobs[j].attack.name());
    for (const auto& [name, value] : jobs[j].options) out.emplace_back(place + "'s " + name, value);
    std::string epsilons;
    for (const auto& epsilon : jobs[j].epsilons)
      if (epsilon) epsilons += foil::text(epsilons.empty() ? "" : ",", *epsilon);
    out.emplace_back(place + "'s epsilon", epsilons.empty() ? "none" : epsilons);
  }
  return out;
}

/// Throws for attacks that need more of the model than it offers, naming those that do not and look for the
/// smallest distance: a line has no room for all.
void check_knowledge(const std::vector<Job>& jobs, const Command& command, const Model& model) {
  for (const Job& job : jobs) {
    if (job.attack.knowledge() <= model.knowledge()) continue;
    std::string others;
    for (const foil::AttackEntry& entry : programs::all_attacks().entries())
      if (entry.knowledge <= model.knowledge() && entry.minimal && !entry.minimal_form)
        others += (others.empty() ? "" : ", ") + entry.name;
    throw foil::Error(foil::text(job.attack.name(), " needs gradients, and ",
                                 command.model.filename().string(),
                                 " has none: its scores come from decision trees or support vectors; attacks "
                                 "that need none are, beside others of --list, ",
                                 others));
  }
}

/// What is known of the evaluation beside the outcomes.
foil::Setting setting_of(const Samples& samples, const Model& model) {
  foil::Setting setting{.labels = samples.labels,
                        .predictions = samples.predictions,
                        .targets = {},
                        .examined = samples.examined,
                        .accurate = samples.accurate,
                        .unanswered = samples.unanswered,
                        .on_target = samples.on_target,
                        .widths = {}};
  if (samples.targets) setting.targets = *samples.targets;
  const foil::Bounds<float>& bounds = model.bounds();
  setting.widths.resize(foil::features(samples.shown_images));
  for (Index i = 0; i < setting.widths.size(); ++i)
    setting.widths[i] = double{bounds.upper(i)} - double{bounds.lower(i)};
  return setting;
}

/// What there is to say about all outcomes together. `notes` come first, and `warnings`, which are known
/// before.
Verdict judge(const std::vector<Told>& outcomes, const foil::Setting& setting,
              const std::vector<std::string>& notes, std::vector<foil::Warning> warnings,
              const std::optional<AuditTold>& audit) {
  const std::vector<foil::Warning> found = foil::diagnose(outcomes, setting);
  warnings.insert(warnings.end(), found.begin(), found.end());
  return {foil::worst_cases(outcomes), std::move(warnings), notes, audit};
}

/// Radii that mean less than they seem to, in Linf, where one is a whole number of lattice steps: the
/// difference of two floats often comes out a trifle larger, and what is farther than the radius does not
/// count.
std::vector<std::string> notes_on_radii(const Command& command, const std::vector<Job>& jobs) {
  std::vector<std::string> notes;
  const bool linf = std::any_of(jobs.begin(), jobs.end(), [](const Job& job) {
    return job.epsilons.front().has_value() && job.attack.norm() == foil::Lp(foil::Linf{});
  });
  if (!linf || command.lattice == 0 || command.lower.size() > 1) return notes;
  const double step =
      (double{command.upper[0]} - double{command.lower[0]}) / static_cast<double>(command.lattice);
  for (const double epsilon : command.epsilons) {
    const double steps = std::round(epsilon / step);
    if (steps < 1 || std::abs(epsilon / step - steps) > 1e-5) continue;
    char text[400];
    std::snprintf(
        text, sizeof text,
        "--epsilon %.9g is %.0f steps of the lattice to rounding: features for which that rounds up move by "
        "%.0f only; %.9g lets all move by %.0f",
        epsilon, steps, steps - 1, (steps + 1e-3) * step, steps);
    notes.push_back(text);
  }
  return notes;
}

/// All attacks, or the one of that name, with what they need and their options.
std::string list_attacks(const std::string& name) {
  using Options = std::vector<foil::OptionInfo>;
  const auto padded = [](std::string text, std::size_t width) {
    text.append(width - std::min(width, text.size()), ' ');
    return text + "  ";
  };
  const auto told = [&](const Options& options) {
    std::size_t width = 0, range = 0;
    for (const foil::OptionInfo& option : options) {
      width = std::max(width, option.name.size() + 1 + option.value.size());
      range = std::max(range, option.range.size());
    }
    std::string text;
    for (const foil::OptionInfo& option : options)
      text += "    " + padded(option.name + "=" + option.value, width) + padded(option.range, range) +
              option.meaning + '\n';
    return text;
  };
  const auto& entries = programs::all_attacks().entries();
  std::size_t longest = 0;
  for (const foil::AttackEntry& entry : entries) longest = std::max(longest, entry.name.size());
  const auto head = [&](const foil::AttackEntry& entry) {
    std::string text = padded(entry.name, longest) + padded(entry.norm.name(), 4) +
                       padded(to_string(entry.knowledge), 9) +
                       (entry.minimal ? "smallest radius" : "within --epsilon");
    for (std::size_t k = 0; k < entry.synonyms.size(); ++k)
      text += (k == 0 ? "; also " : ", ") + entry.synonyms[k];
    return text + '\n';
  };
  if (!name.empty()) return head(find_attack(name)) + told(find_attack(name).options);
  std::string text;
  Options search;  // what minimal forms have beside the options of their attack
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const foil::AttackEntry& entry = entries[i];
    text += head(entry);
    if (entry.minimal_form)
      search.assign(entry.options.begin(), entry.options.end() - std::ssize(entries[i - 1].options));
    else
      text += told(entry.options);
  }
  return text + "Every minimal-... has the options of its attack, and\n" + told(search);
}

/// What a block of samples is to be turned into: the criterion for it, made by `then`.
template <class Then>
void with_criterion(const Command& command, const Samples& samples, Then then) {
  const auto part = [](const foil::Labels& all, const foil::Block& block) -> foil::Labels {
    return all.segment(block.first, block.count);
  };
  if (samples.targets)
    then([&](const foil::Block& block) {
      return foil::TargetedMarginAbove(part(*samples.targets, block), command.margin);
    });
  else
    then([&](const foil::Block& block) {
      return foil::MarginAbove(part(samples.labels, block), command.margin);
    });
}

/// Sets what of the options belongs to single samples.
void prepare_block(const Command& command, Inputs& in, const Samples& samples, const foil::Block& block,
                   RunOptions& options) {
  options.starting_points = read_starts(in, samples, block);
  options.prior = surrogate_prior(command, in, samples, block);
  options.mask = read_masks(in, samples, block);
}

/// Attacks a block, and where another network than the model is attacked, lets the model judge.
foil::Result<Images> attack_block(const Command& command, const Model& model, Inputs& in,
                                  const Samples& samples, const foil::Block& block,
                                  const foil::AnyAttack& attack, std::optional<double> epsilon,
                                  RunOptions& options) {
  const auto prepare = [&](const foil::Block& b, RunOptions& o) {
    prepare_block(command, in, samples, b, o);
  };
  std::optional<foil::Result<Images>> result;
  with_criterion(command, samples, [&](const auto& criterion) {
    if (!in.attacked) {
      result = foil::attack_block(attack, model, in.images, block, criterion, epsilon, options, prepare);
      return;
    }
    try {
      result =
          foil::attack_block(attack, *in.attacked, in.images, block, criterion, epsilon, options, prepare);
    } catch (const foil::RunFailure<Images>& failure) {  // what it holds has not been judged
      throw std::runtime_error(failure.what());
    }
    result = foil::transferred(model, in.images.gather(block.rows), criterion(block), std::move(*result));
  });
  return std::move(*result);
}

/// Attacks a piece of the run, on whichever rank.
Answer attack_piece(const Piece& piece, const Command& command, const Model& model, Inputs& in,
                    const Samples& samples, const foil::AnyAttack& attack, std::optional<double> epsilon,
                    RunOptions& options, const Ranks::Stopped& stopped) {
  require(piece.count <= samples.size() - piece.first, "ranks: expected a piece of the ", samples.size(),
          " samples");
  const foil::Observer watched = std::exchange(options.observer, [&](const foil::Progress&) {
    return asked_to_end() || stopped() ? foil::Control::stop : foil::Control::proceed;
  });
  options.none_valid = piece.count < samples.size();
  const double model_seconds = model.seconds();
  Answer answer{};
  answer.result = attack_block(command, model, in, samples, foil::block_of(samples, piece.first, piece.count),
                               attack, epsilon, options);
  options.observer = watched;
  answer.model_seconds = model.seconds() - model_seconds;
  return answer;
}

/// How an attack's progress is told: the `number`-th of `of`, from 0 on, with what its outcome holds already.
Work work_of(const Command& command, const Told& outcome, std::size_t number, std::size_t of, Index samples) {
  const foil::Cost cost = outcome.cost();
  const Index side_by_side = static_cast<Index>(command.batch_size) * command.threads;
  return {.phase = "attack",
          .label = outcome.title(),
          .attack = outcome.attack,
          .epsilon = outcome.epsilon,
          .number = number + 1,
          .of = of,
          .from = {.finished = std::ssize(outcome.records),
                   .queries = cost.queries + cost.verification_queries,
                   .gradient_queries = cost.gradient_queries},
          .at_work = std::min(side_by_side, samples),
          .budget = command.budget};
}

/// Runs an attack on the samples, and hands over what each block of them comes to. Ends early if interrupted;
/// whatever it throws, the blocks before are handed over; `finished` is called when one has come to its end.
/// An outcome that holds some already is gone on with. `options` are those common to all attacks. Where there
/// are other ranks, all take part; to them it is the `number`-th attack.
void run(const Command& command, const Model& model, Inputs& in, const Samples& samples, const Job& job,
         RunOptions& options, ProgressLine& progress, Told& outcome,
         const std::function<void(const foil::Block&, const Images&, const std::vector<Extreme>&)>& write,
         const std::function<void()>& finished, Ranks* ranks, std::size_t number) {
  options.observer = [&](const foil::Progress& p) {
    progress.update(p);
    return asked_to_end() ? foil::Control::stop : foil::Control::proceed;
  };
  const double model_seconds = model.seconds(), before = outcome.model_seconds;
  double others_seconds = 0;    // of all ranks, in the model
  std::size_t handed_over = 0;  // pieces
  foil::BlockHooks<Images> hooks{
      .prepare = [&](const foil::Block& block,
                     RunOptions& o) { prepare_block(command, in, samples, block, o); },
      .sink =
          [&](const foil::Block& block, const foil::Result<Images>& result) {
            outcome.model_seconds =
                before +
                (ranks ? others_seconds / ranks->count() : model.seconds() - model_seconds) / command.threads;
            const auto extremes = extremes_of(block, result, samples);
            for (const Extreme& extreme : extremes) outcome.extremes.add(extreme);
            write(block, result.adversarials, extremes);
            outcome.show(block, result, samples);
          },
      .finished = [&](const foil::Block&) { finished(); }};
  if (in.attacked)
    hooks.elsewhere = [&](const foil::Block& block) -> std::optional<foil::Result<Images>> {
      return attack_block(command, model, in, samples, block, job.attack, outcome.epsilon, options);
    };
  std::unique_ptr<Ranks::Pieces> shared;
  std::vector<Piece> pieces;
  if (ranks) {
    pieces = pieces_of(number, std::ssize(outcome.records), samples.size(), ranks->count(),
                       foil::block_size(options), options.batch_size);
    std::vector<std::string> texts;
    for (const Piece& piece : pieces) texts.push_back(piece.text());
    shared = ranks->share_out(texts, [&](const std::string& piece, const Ranks::Stopped& stopped) {
      return attack_piece(Piece::read(piece), command, model, in, samples, job.attack, outcome.epsilon,
                          options, stopped)
          .bytes();
    });
    hooks.size = [&](Index) { return pieces[handed_over].count; };
    hooks.elsewhere = [&](const foil::Block& block) -> std::optional<foil::Result<Images>> {
      std::optional<std::string> bytes;
      try {
        bytes = shared->next([] { return interrupted.load(); });
      } catch (const std::exception& error) {  // about another block, whoever had it: nothing to hand over
        throw std::runtime_error(error.what());
      }
      if (!bytes) return {};
      Answer answer = Answer::read(*bytes);
      require(answer.result.size() == block.count, "ranks: expected the answer about ", block.count,
              " samples, got ", answer.result.size());
      ++handed_over;
      others_seconds += answer.model_seconds;
      return std::move(answer.result);
    };
  }
  with_criterion(command, samples, [&](const auto& criterion) {
    foil::evaluate(job.attack, model, in.images, samples, criterion, options, outcome, hooks);
  });
  progress.finish();
}

/// The files of the adversarials of all attacks at all their epsilons, in the order in which they are run.
std::vector<std::string> file_names(const std::vector<Job>& jobs) {
  std::vector<std::string> names;
  std::set<std::string> taken;
  for (const Job& job : jobs)
    for (const auto& epsilon : job.epsilons) {
      const std::string stem = job.attack.name() + (epsilon ? foil::text("_eps", *epsilon) : "");
      std::string name = stem + ".npy";
      for (int copy = 2; !taken.insert(name).second; ++copy) name = foil::text(stem, "_", copy, ".npy");
      names.push_back(std::move(name));
    }
  return names;
}

/// What there is to say of a run that `why` ended.
Unfinished unfinished(const char* why, const Command& command, const Samples& samples,
                      const std::vector<Told>& outcomes, std::size_t total, bool resumable) {
  Unfinished run{.why = why, .of = total, .of_samples = samples.size()};
  if (resumable) run.again = command.again;
  if (outcomes.empty()) return run;
  const foil::Summary last = outcomes.back().summary();
  run.cut_short = !(last.complete() && last.finished() == samples.size());
  run.attacks = outcomes.size() - (run.cut_short ? 1 : 0);
  run.samples = last.finished();
  run.written = {command.out};
  for (const auto& folder :
       {command.adversarials, command.adversarials_png, command.sheet, command.curve, command.report})
    if (folder) run.written.push_back(*folder);
  return run;
}

std::unique_ptr<Model> open_model(const Command& command, const std::vector<Job>& jobs) {
  auto model = load_model(command.model, {.input_shape = command.input_shape,
                                          .output = command.network_output,
                                          .keep_output_layer = command.keep_output_layer,
                                          .binary = command.binary,
                                          .straight_through = command.straight_through,
                                          .stabilise = command.stabilise,
                                          .surrogate_slopes = command.surrogate_slopes});
  if (!command.transfer_from) check_knowledge(jobs, command, *model);
  return model;
}

/// What is common to all attacks. Takes the pool.
RunOptions options_of(const Command& command, const Model& model, const Inputs& inputs, Samples& samples) {
  RunOptions options{.seed = command.seed,
                     .threads = command.threads,
                     .query_budget = command.budget,
                     .pool = std::move(samples.pool),
                     .batch_size = command.batch_size};
  options.lattice = lattice(model.bounds(), command.lattice, inputs.features());
  return options;
}

/// What a rank other than the first does: it makes of the same command the same run, and attacks what rank 0
/// hands out of it. Rank 0 tells what goes wrong, and its status is the job's: mpirun takes any that is not
/// 0.
int serve(const Command& command, Teller& teller, Ranks& ranks) {
  catch_signals(command);
  std::optional<std::string> failed;
  try {
    const std::vector<Job> jobs = prepare(command);
    const auto model = open_model(command, jobs);
    auto read_in = read_inputs(command, *model, teller, interrupted);
    require(read_in.has_value(), "ended by a signal");
    Inputs& inputs = *read_in;
    const foil::Fingerprint depends_on = fingerprint(command, *model, all_options(jobs));
    Samples samples = choose(command, *model, inputs, teller, interrupted);
    require(!interrupted, "ended by a signal");
    RunOptions options = options_of(command, *model, inputs, samples);
    std::vector<std::pair<const Job*, std::optional<double>>> attacks;
    for (const Job& job : jobs)
      for (const auto& epsilon : job.epsilons) attacks.emplace_back(&job, epsilon);
    ranks.ready(greeting(ranks, depends_on));
    ranks.serve([&](const std::string& text, const Ranks::Stopped& stopped) {
      const Piece piece = Piece::read(text);
      const auto& [job, epsilon] = attacks.at(piece.number);
      const Answer answer =
          attack_piece(piece, command, *model, inputs, samples, job->attack, epsilon, options, stopped);
      require(!interrupted, "ended by a signal");
      return answer.bytes();
    });
    return 0;
  } catch (const std::exception& error) {
    failed = error.what();
  }
  ranks.ready(refusal(ranks, *failed));
  return 0;
}

/// That results lack what an option asks for.
std::string not_done(const char* option) {
  return foil::text(option, ": its figures are missing here, as the run had not come to them");
}

/// The whole job; the exit status. Now and then after an attack, all files are brought up to date.
int evaluate_model(const Command& command, Teller& teller, Ranks* ranks) {
  const std::vector<Job> jobs = prepare(command);
  const std::vector<std::string> names = file_names(jobs);
  std::vector<std::string> notes = notes_on_radii(command, jobs);
  for (const std::string& note : notes) teller.warn(note);
  const auto loaded = open_model(command, jobs);
  std::vector<std::filesystem::path> read = command.inputs();
  read.insert(read.end(), loaded->files().begin(), loaded->files().end());
  State state(command, teller);
  Places places{.results = command.out,
                .sheet = command.sheet,
                .curve = command.curve,
                .report = command.report,
                .folder = command.adversarials,
                .pictures = command.adversarials_png,
                .state = state_path(command),
                .resume = state.resumed(),
                .names = names,
                .picture_folders = {},
                .inputs = read};
  places.names.push_back(indices);
  for (const std::string& name : names)
    places.picture_folders.push_back(std::filesystem::path(name).stem().string());
  catch_signals(command);  // from here on there is something to clean up
  Outputs outputs(std::move(places));
  teller.event({{"event", "start"},
                {"foil_version", programs::version()},
                {"run_id", outputs.run_id()},
                {"attacks", names.size()},
                {"resumed", state.resumed()}});
  const auto not_begun = [&] {
    teller.unfinished(
        {.why = "interrupted", .of = names.size(), .again = state.resumed() ? command.again : ""});
    return exit_interrupted();
  };
  auto read_in = read_inputs(command, *loaded, teller, interrupted);
  if (!read_in) return not_begun();
  Inputs& inputs = *read_in;
  const foil::Fingerprint depends_on = fingerprint(command, *loaded, all_options(jobs));
  state.begin(depends_on);
  const Model& model = *loaded;
  const auto note = [&](const std::string& text, void (Teller::*tell)(const std::string&)) {
    notes.push_back(text);
    (teller.*tell)(text);
  };
  for (const std::string& text : inputs.oddities) note(text, &Teller::warn);
  for (const std::string& text : inputs.notes) note(text, &Teller::remark);
  std::vector<foil::Warning> warnings;
  if (command.corruptions) warnings = check_corruptions(command, inputs);
  for (const foil::Warning& warning : warnings) teller.warn(warning.message);
  for (const std::string& text : model.notes())
    note(command.model.filename().string() + ": " + text, &Teller::remark);
  if (command.transfer_from)
    note("adversarials are made for " + command.transfer_from->filename().string() + ": " +
             command.model.filename().string() +
             " is as robust as this says against these; attacks on itself may fool it more often and by less",
         &Teller::remark);
  std::optional<PngFolder> pictures;
  if (command.adversarials_png)
    pictures.emplace(outputs.pictures(), model.bounds(), inputs.images.sample_shape());

  Samples samples = choose(command, model, inputs, teller, interrupted);
  if (ranks) {
    const auto greetings = ranks->greetings([] { return interrupted.load(); });
    if (!interrupted) check_greetings(greetings, depends_on);
  }
  if (interrupted) return not_begun();
  const Index count = samples.size();
  if (command.adversarials) {
    foil::io::write_npy<std::int64_t>(outputs.staged(indices), samples.rows, {count});
    outputs.add(indices);
  }

  RunOptions options = options_of(command, model, inputs, samples);
  const foil::Setting setting = setting_of(samples, model);
  for (foil::Warning& warning : warnings) warning.samples = count;
  std::vector<Told> outcomes;
  Kept kept(command.audit ? audit_policy(command).samples : 0);
  std::optional<AuditTold> audited;
  std::optional<foil::report::CorruptionFigures> corrupted;
  bool complete = jobs.empty();
  ChallengeTold scores;
  const auto told = [&] {  // what results say in words, as far as they have come
    std::vector<std::string> all = notes;
    if (command.audit && !audited) all.push_back(not_done("--audit"));
    if (command.corruptions && !corrupted) all.push_back(not_done("--corruptions"));
    return all;
  };
  const auto publish = [&](bool last) {
    if (outcomes.empty() && !corrupted) return;
    const Writing in_peace;
    const bool whole = complete && (!command.audit || audited) && (!command.corruptions || corrupted);
    RunFacts facts{.id = outputs.run_id(), .complete = whole, .challenge = scores.json};
    if (corrupted) facts.corruptions = corruption_facts(*corrupted);
    if (command.shards > 0) facts.shard = shard_facts(command, samples, setting, depends_on);
    if (last) draw_extremes(command, inputs, samples, outcomes);
    const Verdict verdict = judge(outcomes, setting, told(), warnings, audited);
    auto root = results_of(command, samples, verdict, facts);
    put_outcomes(root, samples, outcomes, verdict);
    std::string picture, table, page;
    if (last && command.sheet) {
      picture =
          signed_png(foil::io::encode_png(sheet(command, samples, outcomes, inputs.images.sample_shape())));
      root["sheet"] = file_facts(*command.sheet, picture);
    }
    if (last && command.curve) {
      table = curve_table(outcomes);
      root["curve"] = file_facts(*command.curve, table);
    }
    if (last && command.report) {
      page = report_page(root, samples, outcomes);
      root["report"] = file_facts(*command.report, page);
    }
    outputs.publish(
        [&](foil::io::AtomicFile& file) { write_results(file, root, samples, outcomes, verdict); },
        {.sheet = picture, .curve = table, .report = page}, last);
  };
  for (const Job& job : jobs)
    for (const auto& epsilon : job.epsilons) {
      if (interrupted) break;
      const std::size_t number = outcomes.size();
      Told outcome(job.attack, epsilon);
      outcome.options = job.options;
      outcome.settings = job.settings;
      std::optional<Adversarials> adversarials;
      if (command.adversarials) {
        outcome.file = names[number];
        std::vector<Index> shape = inputs.images.sample_shape();
        shape.insert(shape.begin(), count);
        adversarials.emplace(outputs.staged(outcome.file), shape);
      }
      kept.begin();
      const State::Parts parts{.adversarials = adversarials ? &*adversarials : nullptr,
                               .pictures = pictures ? &outputs.pictures() : nullptr,
                               .kept = command.audit ? &kept : nullptr,
                               .sheet = command.sheet.has_value()};
      state.restore(number, outcome, samples, parts);
      const auto write = [&](const foil::Block& block, const Images& found,
                             const std::vector<Extreme>& extremes) {
        kept.add(block, found);
        if (adversarials) adversarials->write(found);
        std::vector<std::pair<std::string, Content>> written;
        if (pictures)
          written = pictures->write(std::filesystem::path(names[number]).stem().string(), found, block.rows);
        state.note(block, found, samples, parts, written, extremes);
      };
      const auto finished = [&] {
        state.save(number, outcome, parts);
        outputs.retain(state.kept());
      };
      const auto keep = [&] {
        if (outcome.records.empty()) return;
        if (adversarials) {
          const auto sum = adversarials->finish();
          if (sum)
            outputs.add(outcome.file, {adversarials->size(), *sum});
          else
            outputs.add(outcome.file);
        }
        const foil::Summary summary = outcome.summary();
        const bool whole = summary.complete() && summary.finished() == count;
        outcomes.push_back(std::move(outcome));
        complete = whole && outcomes.size() == names.size();
      };
      try {
        if (static_cast<Index>(outcome.records.size()) < count) {
          ProgressLine progress(teller, work_of(command, outcome, number, names.size(), count));
          run(command, model, inputs, samples, job, options, progress, outcome, write, finished, ranks,
              number);
        }
      } catch (...) {
        std::string why_not;
        try {
          keep();
          publish(true);
        } catch (const foil::Error& error) {
          why_not = error.what();
        }
        Unfinished run = unfinished("failed", command, samples, outcomes, names.size(), state.kept());
        run.why_not_written = why_not;
        teller.unfinished(run);
        throw;
      }
      keep();
      if ((outcomes.size() < names.size() || command.audit || command.corruptions) && !interrupted &&
          outputs.due())
        publish(false);
    }
  if (command.audit && complete) {
    audited = audit(command, model, inputs, samples, outcomes, setting, kept, options, teller, interrupted);
    complete = audited.has_value();
  }
  if (command.challenge && complete) {
    scores = challenge(model, inputs, samples, outcomes);
    notes.push_back(scores.text);
  }
  if (command.corruptions && complete) {
    corrupted = count_under_corruptions(command, model, inputs, samples, teller, interrupted);
    complete = corrupted.has_value();
    if (corrupted)
      for (const foil::Warning& warning : warnings_of(*corrupted)) {
        teller.warn(warning.message);
        warnings.push_back(warning);
      }
  }
  publish(true);
  if (complete) {
    state.remove();
    outputs.retain(false);
  }

  const Verdict verdict = judge(outcomes, setting, told(), warnings, audited);
  for (std::size_t i = notes.size(); i < verdict.notes.size(); ++i) teller.warn(verdict.notes[i]);
  const std::string text = foil::text(
      "\n", command.model.filename().string(), ": clean accuracy ",
      percent(foil::share(samples.accurate, samples.examined)), " (", samples.accurate, " of ",
      samples.examined, " rows), ", samples.size(), " samples\n\n",
      outcomes.empty() ? std::string() : table(outcomes, samples, verdict),
      audited ? foil::text("\nAudit (", audited->kind, "). ", audited->report.lines()) : std::string(),
      corrupted ? foil::text(outcomes.empty() ? "" : "\n", corruption_text(*corrupted)) : std::string(),
      outcomes.empty() ? "\n" : "\nforward, backward: model calls per sample. ",
      "Results: ", command.out.string(), "\n");
  const bool anything = !outcomes.empty() || corrupted;
  const bool printed = !anything || print(text, outputs.take_stdout() ? stderr : stdout);
  if (complete)
    teller.event(
        {{"event", "done"}, {"results", command.out.string()}, {"warnings", verdict.warnings.size()}});
  else
    teller.unfinished(unfinished("interrupted", command, samples, outcomes, names.size(), state.kept()));
  if (!printed || !complete) return printed ? exit_interrupted() : exit_failed;
  const bool failed = audited && audited->report.count(foil::Verdict::fail) > 0;
  return command.strict && (failed || !verdict.warnings.empty()) ? exit_warnings : 0;
}

}  // namespace

int main(int argc, char** argv) {
  programs::open_standard_streams();
  std::optional<Teller> teller(Telling::lines);
  try {
    const auto ranks = find_ranks();
    const unsigned processors = std::max(1u, std::thread::hardware_concurrency());
    const auto command = parse_command_line(argc, argv, ranks ? 1 : static_cast<int>(processors));
    if (!command.help.empty()) return print(command.help) ? 0 : exit_failed;
    if (command.list) return print(list_attacks(command.listed)) ? 0 : exit_failed;
    std::signal(SIGPIPE, SIG_IGN);  // whoever reads the progress may go: the files are still written
    teller.emplace(command.telling);
    return ranks && ranks->rank() > 0 ? serve(command, *teller, *ranks)
                                      : evaluate_model(command, *teller, ranks.get());
  } catch (const foil::RunFailure<Images>& failure) {
    teller->fail(foil::text("failed: ", failure.what()));
    return exit_failed;
  } catch (const foil::Error& error) {
    std::string line = error.what();
    std::replace(line.begin(), line.end(), '\n', ' ');
    teller->fail(line);
    return programs::exit_status(error);
  } catch (const std::exception& error) {
    teller->fail(foil::text("failed: ", error.what()));
    return exit_failed;
  }
}
