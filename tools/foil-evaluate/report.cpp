// SPDX-License-Identifier: MIT
#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "common/terminal.hpp"
#include "curves.hpp"
#include "foil-report/run.hpp"
#include "foil/core/status.hpp"
#include "foil/evaluation/curve.hpp"
#include "foil/report/figures.hpp"
#include "foil/report/html.hpp"

namespace evaluate {
namespace {

using foil::Index;
using programs::formatted;
using programs::percent;

/// "40 samples without a start, 2 fooled but not confirmed, not counted as robust"; empty if all is well.
std::string trouble(const foil::Summary& s, Index unfinished) {
  std::string out;
  const auto add = [&](Index count, const char* what) {
    if (count == 0) return;
    out += foil::text(out.empty() ? "" : ", ", count,
                      out.empty() ? count == 1 ? " sample " : " samples " : " ", what);
  };
  add(s.invalid, "with an invalid input");
  add(s.non_finite, "with answers of NaN or infinity");
  add(s.no_start, "without a start");
  add(s.unstable, "fooled but not confirmed");
  if (!out.empty()) out += ", not counted as robust";
  if (unfinished > 0)
    out += foil::text(out.empty() ? "" : "; ", unfinished, unfinished == 1 ? " sample" : " samples",
                      " unfinished, not counted at all");
  if (s.cut_short > 0)
    out += foil::text(out.empty() ? "" : "; ", s.cut_short, s.cut_short == 1 ? " sample" : " samples",
                      " fooled but cut short, counted as found");
  return out;
}

/// What the stages of a suite came to, a line for each that was run; empty for other attacks.
std::string stages(const foil::Outcome& outcome) {
  std::string out;
  std::size_t width = 0;
  for (const foil::StageOutcome& stage : outcome.stages) width = std::max(width, stage.name.size());
  for (const foil::StageOutcome& stage : outcome.stages) {
    if (stage.attacked == 0) continue;
    if (out.empty()) out = '\n' + outcome.title() + ", stage by stage:\n";
    const auto attacked = static_cast<double>(stage.attacked);
    out += "  " + stage.name + std::string(width - stage.name.size(), ' ') +
           foil::text("  fooled ", stage.fooled, " of ", stage.attacked) +
           formatted(", forward %.1f", static_cast<double>(stage.queries) / attacked) +
           formatted(", backward %.1f for each\n", static_cast<double>(stage.gradient_queries) / attacked);
  }
  return out;
}

/// The median of an attack's own measure; empty for other attacks.
std::string own_measure(const Told& outcome) {
  if (outcome.parameters.empty()) return {};
  const double median = foil::by_own_measure(outcome).summary().median_distance;
  return '\n' + outcome.attack + (outcome.settings.empty() ? "" : ":" + outcome.settings) + ": median " +
         outcome.parameters.front() + formatted(" %.4g, failures being infinite\n", median);
}

}  // namespace

std::string to_string(foil::Knowledge knowledge) {
  return knowledge == foil::Knowledge::gradients ? "gradients"
         : knowledge == foil::Knowledge::scores  ? "scores"
                                                 : "decisions";
}

void Told::show(const foil::Block& block, const foil::Result<Images>& result, const Samples& samples) {
  shown.resize(samples.shown.size());
  for (std::size_t s = 0; s < shown.size(); ++s) {
    const Index i = samples.shown[s] - block.first;
    if (i < 0 || i >= block.count || !result.success[i]) continue;
    const auto found = foil::sample(result.adversarials, i);
    shown[s].assign(found.data(), found.data() + found.size());
  }
}

std::string table(const std::vector<Told>& outcomes, const Samples& samples, const Verdict& verdict) {
  std::string notes;
  std::vector<std::vector<std::string>> rows{{"attack", "norm", "epsilon", "success", "robust acc.",
                                              "median dist.", "forward", "backward", "seconds"}};
  const auto add = [&](const foil::Outcome& outcome, const std::string& name) {
    const foil::report::Figures f = foil::report::figures_of(outcome, samples.size());
    rows.push_back({name, outcome.norm.name(), foil::report::epsilon_text(outcome.epsilon), f.success,
                    f.robust, f.median, f.forward, f.backward, f.seconds});
    return f;
  };
  for (const Told& outcome : outcomes) {
    const foil::report::Figures f =
        add(outcome, outcome.attack + (outcome.settings.empty() ? "" : ":" + outcome.settings));
    if (const std::string what = trouble(f.summary, f.undecided); !what.empty())
      notes += outcome.title() + ": " + what + '\n';
  }
  for (const foil::WorstOutcome& worst : verdict.worst)
    add(worst.outcome, foil::text("worst case of ", worst.members.size()));
  std::string text = programs::columns(rows, 2);
  for (const Told& outcome : outcomes) text += stages(outcome) + own_measure(outcome);
  for (const std::string& note : verdict.notes) notes += "Note: " + note + '\n';
  for (const foil::Warning& warning : verdict.warnings) {
    std::string attacks;
    for (const std::string& title : warning.attacks) attacks += (attacks.empty() ? "" : ", ") + title;
    notes += "Warning: " + attacks + (attacks.empty() ? "" : ": ") + warning.message + '\n';
  }
  return text + (notes.empty() ? "" : "\n") + notes;
}

namespace {

using Json = nlohmann::ordered_json;

/// The figures of an outcome.
void put_summary(Json& into, const foil::Outcome& outcome, Index all) {
  const foil::Summary s = outcome.summary();
  const auto ends = [](const foil::Interval& interval) { return Json{interval.low, interval.high}; };
  into.update({{"complete", s.complete() && s.finished() == all},
               {"finished", s.finished()},
               {"unfinished", all - s.finished()},
               {"invalid", s.invalid},
               {"non_finite", s.non_finite},
               {"no_start", s.no_start},
               {"unstable", s.unstable},
               {"wrong", s.wrong},
               {"fooled", s.fooled},
               {"robust", s.robust},
               {"attacked", s.attacked},
               {"cut_short", s.cut_short},
               {"success_rate", s.success_rate()},
               {"robust_accuracy", s.robust_accuracy()},
               {"median_distance", s.median_distance},
               {"success_rate_interval", ends(foil::success_rate_interval(s))},
               {"robust_accuracy_interval", ends(foil::robust_accuracy_interval(s))},
               {"median_distance_interval", ends(foil::curve_of(outcome).median_interval())}});
}

}  // namespace

Json settings_of(const Command& command) {
  const auto limit = [](std::int64_t value) {
    return value == std::numeric_limits<std::int64_t>::max() ? Json(nullptr) : Json(value);
  };
  const auto few = [](const Numbers& numbers) {  // not those of every feature
    return numbers.empty()        ? Json(nullptr)
           : numbers.size() <= 64 ? Json(numbers)
                                  : Json("one for each feature");
  };
  const auto bound = [&](const Numbers& ends) { return ends.size() == 1 ? Json(ends[0]) : few(ends); };
  return {{"foil_version", programs::version()},
          {"model", command.model.string()},
          {"images", command.images.string()},
          {"labels", command.labels.string()},
          {"targets", command.targets ? Json(command.targets->string()) : Json(nullptr)},
          {"starts", command.starts ? Json(command.starts->string()) : Json(nullptr)},
          {"surrogate", command.surrogate ? Json(command.surrogate->string()) : Json(nullptr)},
          {"transfer_from", command.transfer_from ? Json(command.transfer_from->string()) : Json(nullptr)},
          {"mask", command.mask ? Json(command.mask->string()) : Json(nullptr)},
          {"lattice", command.lattice > 0 ? Json(command.lattice) : Json(nullptr)},
          {"margin", command.margin},
          {"bounds", {bound(command.lower), bound(command.upper)}},
          {"layout", command.nhwc ? "nhwc" : "nchw"},
          {"raw", command.raw},
          {"clip", command.clip},
          {"mean", few(command.mean)},
          {"std", few(command.deviation)},
          {"network_output", command.network_output.empty() ? Json(nullptr) : Json(command.network_output)},
          {"input_shape", command.input_shape.empty() ? Json(nullptr) : Json(command.input_shape)},
          {"keep_output_layer", command.keep_output_layer},
          {"binary", command.binary},
          {"straight_through", command.straight_through},
          {"stabilise", command.stabilise},
          {"surrogate_slopes", command.surrogate_slopes},
          {"first", command.first},
          {"count", limit(command.count)},
          {"correct_only", command.correct_only},
          {"pool", {command.pool_first, command.pool_count}},
          {"seed", command.seed},
          {"threads", command.threads},
          {"batch_size", command.batch_size},
          {"query_budget", limit(command.budget)}};
}

Json shard_facts(const Command& command, const Samples& samples, const foil::Setting& setting,
                 const foil::Fingerprint& fingerprint) {
  Json out{{"index", command.shard},
           {"of", command.shards},
           {"first_sample", samples.first_sample},
           {"samples", samples.total},
           {"clean_of_all", samples.clean_of_all},
           {"examined", setting.examined},
           {"accurate", setting.accurate},
           {"unanswered", setting.unanswered},
           {"on_target", setting.on_target},
           {"features", setting.widths.size()},
           {"widths", Json::array()},
           {"adversarials", command.adversarials ? Json(command.adversarials->string()) : Json(nullptr)},
           {"fingerprint", Json::object()}};
  const bool one = (setting.widths.array() == setting.widths[0]).all();
  for (Index i = 0; i < (one ? 1 : setting.widths.size()); ++i) out["widths"].push_back(setting.widths[i]);
  for (const auto& [name, value] : fingerprint)
    if (name != "--shard") out["fingerprint"][name] = value;
  return out;
}

Json file_facts(const std::filesystem::path& path, std::string_view content) {
  const Content facts = content_of(content);
  return {{"file", path.string()}, {"bytes", facts.bytes}, {"crc32", facts.crc32}};
}

Json results_of(const Command& command, const Samples& samples, const Verdict& verdict, const RunFacts& run) {
  Json root{{"foil_version", programs::version()}, {"run_id", run.id}, {"complete", run.complete}};
  if (!run.shard.is_null()) root["shard"] = run.shard;
  root.update(settings_of(command));
  root.update({{"command", command.words},
               {"built_with", programs::built_with()},
               {"sample_count", samples.size()},
               {"clean_accuracy", foil::share(samples.accurate, samples.examined)},
               {"clean_accuracy_rows", samples.examined},
               {"sheet", nullptr},
               {"curve", nullptr},
               {"report", nullptr},
               {"curves", nullptr},
               {"notes", verdict.notes},
               {"warnings", Json::array()},
               {"audit", nullptr},
               {"challenge", run.challenge},
               {"corruptions", run.corruptions},
               {"attacks", Json::array()},
               {"worst_cases", Json::array()}});
  if (verdict.audit) {
    Json audit{{"kind", verdict.audit->kind},
               {"preface", foil::audit_preface},
               {"model_calls", verdict.audit->calls},
               {"checks", Json::array()},
               {"questions", foil::audit_questions}};
    for (const foil::Check& check : verdict.audit->report.checks)
      audit["checks"].push_back({{"id", check.id},
                                 {"verdict", foil::to_string(check.verdict())},
                                 {"title", check.title},
                                 {"evidence", check.finding.evidence},
                                 {"remedy", check.finding.remedy}});
    root["audit"] = std::move(audit);
  }
  return root;
}

void put_outcomes(Json& root, const Samples& samples, const std::vector<Told>& outcomes,
                  const Verdict& verdict) {
  const bool share = root.contains("shard");
  const auto optional = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
  root["curves"] = curves_in_short(outcomes);
  for (const char* list : {"warnings", "attacks", "worst_cases"}) root[list] = Json::array();
  for (const foil::Warning& warning : verdict.warnings)
    root["warnings"].push_back({{"code", warning.code},
                                {"message", warning.message},
                                {"samples", warning.samples},
                                {"attacks", warning.attacks}});
  const auto typed = [](const std::string& text) {
    Json value = Json::parse(text, nullptr, false);
    return value.is_discarded() ? Json(text) : value;
  };
  for (const Told& outcome : outcomes) {
    const foil::Cost cost = outcome.cost();
    Json attack{{"name", outcome.attack},
                {"norm", outcome.norm.name()},
                {"knowledge", to_string(outcome.knowledge)},
                {"asked_for", outcome.settings},
                {"options", Json::object()},
                {"epsilon", optional(outcome.epsilon)}};
    put_summary(attack, outcome, samples.size());
    attack.update({{"seconds", outcome.seconds},
                   {"model_seconds", outcome.model_seconds},
                   {"forward", cost.queries},
                   {"backward", cost.gradient_queries},
                   {"zero_gradients", cost.zero_gradients},
                   {"verification", cost.verification_queries},
                   {"adversarials", outcome.file.empty() ? Json(nullptr) : Json(outcome.file)},
                   {"pictures", outcome.pictures},
                   {"samples", nullptr}});
    for (const auto& [name, value] : outcome.options) attack["options"][name] = typed(value);
    for (const foil::StageOutcome& stage : outcome.stages)
      attack["stages"].push_back({{"name", stage.name},
                                  {"attack", stage.attack},
                                  {"attacked", stage.attacked},
                                  {"fooled", stage.fooled},
                                  {"forward", stage.queries},
                                  {"backward", stage.gradient_queries}});
    if (!outcome.parameters.empty()) {
      const foil::Interval ends = foil::curve_of(foil::by_own_measure(outcome)).median_interval();
      attack["parameters"] = outcome.parameters;
      attack["own_measure"] = {{"name", outcome.parameters.front()},
                               {"median", foil::by_own_measure(outcome).summary().median_distance},
                               {"median_interval", {ends.low, ends.high}}};
    }
    if (share) attack["classes"] = outcome.classes;
    root["attacks"].push_back(std::move(attack));
  }

  for (const foil::WorstOutcome& worst : verdict.worst) {
    Json entry{{"norm", worst.outcome.norm.name()},
               {"epsilon", optional(worst.outcome.epsilon)},
               {"attacks", worst.members}};
    put_summary(entry, worst.outcome, samples.size());
    entry["samples"] = nullptr;
    root["worst_cases"].push_back(std::move(entry));
  }
}

void write_results(foil::io::AtomicFile& file, const Json& root, const Samples& samples,
                   const std::vector<Told>& outcomes, const Verdict& verdict) {
  const bool share = root.contains("shard");
  // The samples, one to a line, do not go through a tree in memory: each attack's are put in its null's
  // place.
  const std::string text = root.dump(1, ' ', false, Json::error_handler_t::replace) + '\n';
  const std::string place = "\"samples\": null";
  std::size_t done = 0;
  const auto write_samples = [&](const foil::Outcome& outcome, const auto& describe) {
    const std::size_t at = text.find(place, done);
    file.write(std::string_view(text).substr(done, at - done));
    done = at + place.size();
    file.write("\"samples\": [");
    for (std::size_t row = 0; row < outcome.records.size(); ++row)
      file.write((row == 0 ? "\n    " : ",\n    ") + describe(outcome.records[row], row).dump());
    file.write("\n   ]");
  };
  const auto predicted = [&](const foil::Record& record, Index i) {
    return record.predicted < 0 ? samples.predictions[i] : record.predicted;
  };
  for (const Told& outcome : outcomes)
    write_samples(outcome, [&](const foil::Record& record, std::size_t row) {
      const auto i = static_cast<Index>(row);
      Json sample{{"index", record.id},
                  {"label", samples.labels[i]},
                  {"clean_predicted", samples.predictions[i]},
                  {"predicted", predicted(record, i)},
                  {"status", foil::to_string(record.status)},
                  {"success", record.success},
                  {"correct", record.correct},
                  {"distance", record.distance},  // null if infinite
                  {"forward", record.queries},
                  {"backward", record.gradient_queries},
                  {"zero_gradients", record.zero_gradients},
                  {"bad_rows", record.bad_rows}};
      if (samples.targets) sample["target"] = (*samples.targets)[i];
      if (share)
        sample["rest"] = {record.verification_queries, record.probability_rows, record.changed_answers};
      if (!outcome.parameters.empty())
        sample["parameters"] = record.parameters.empty() ? Json(nullptr) : Json(record.parameters);
      if (!outcome.stages.empty())
        sample["stage"] = record.stage < 0
                              ? Json(nullptr)
                              : Json(outcome.stages[static_cast<std::size_t>(record.stage)].name);
      return sample;
    });
  for (const foil::WorstOutcome& worst : verdict.worst)
    write_samples(worst.outcome, [&](const foil::Record& record, std::size_t row) {
      const Index winner = worst.winner[row];
      return Json{
          {"index", record.id},
          {"predicted", predicted(record, static_cast<Index>(row))},
          {"status", foil::to_string(record.status)},
          {"success", record.success},
          {"distance", record.distance},
          {"attack", winner < 0 ? Json(nullptr) : Json(worst.members[static_cast<std::size_t>(winner)])}};
    });
  file.write(std::string_view(text).substr(done));
}

std::string report_page(const Json& root, const Samples& samples, const std::vector<Told>& outcomes) {
  const std::vector<int> labels(samples.labels.data(), samples.labels.data() + samples.labels.size());
  const std::vector<foil::Outcome> all(outcomes.begin(), outcomes.end());
  return foil::report::html_page({{reports::run_of(root, all, labels)}, std::nullopt});
}

foil::io::Picture sheet(const Command& command, const Samples& samples, const std::vector<Told>& outcomes,
                        const std::vector<Index>& shape) {
  const Canvas canvas(command, shape, samples.shown_images.dimensions());
  std::vector<foil::report::SheetBlock> blocks;
  for (const Told& outcome : outcomes) {
    const foil::Summary s = outcome.summary();
    const std::string norm(outcome.norm.name());
    foil::report::SheetBlock block{outcome.attack, "fools " + percent(s.success_rate()), {}};
    if (!outcome.parameters.empty())
      block.note += ", median " + outcome.parameters.front() +
                    formatted(" %.3g", foil::by_own_measure(outcome).summary().median_distance);
    else
      block.note += outcome.epsilon ? " within " + norm + " " + formatted("%g", *outcome.epsilon)
                                    : ", median " + norm + " " + formatted("%.3g", s.median_distance);
    for (std::size_t i = 0; i < samples.shown.size(); ++i) {
      const auto clean = foil::sample(samples.shown_images, static_cast<Index>(i));
      std::string caption = std::to_string(samples.labels[samples.shown[i]]);
      if (outcome.shown[i].empty()) {
        caption += "   not fooled";
      } else {
        const foil::Record& record = outcome.records[static_cast<std::size_t>(samples.shown[i])];
        caption += " -> " + std::to_string(record.predicted) + "   " +
                   (record.parameters.empty()
                        ? norm + formatted(" %.3g", record.distance)
                        : outcome.parameters.front() + formatted(" %.3g", record.parameters.front()));
      }
      block.rows.push_back({caption, canvas.planes(clean.data(), static_cast<std::size_t>(clean.size())),
                            canvas.planes(outcome.shown[i].data(), outcome.shown[i].size())});
    }
    blocks.push_back(std::move(block));
  }
  return foil::report::draw_sheet(command.model.filename().string() + ", clean accuracy " +
                                      percent(foil::share(samples.accurate, samples.examined)),
                                  canvas.form(), blocks);
}

}  // namespace evaluate
