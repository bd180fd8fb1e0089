// SPDX-License-Identifier: MIT
#include "run.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <utility>

#include "common/arguments.hpp"
#include "foil/core/error.hpp"
#include "foil/core/summary.hpp"
#include "foil/evaluation/corruptions/corruption.hpp"
#include "foil/report/corruptions.hpp"

namespace reports {
namespace {

using foil::report::PageRun;
using Json = nlohmann::ordered_json;

/// What is told elsewhere on the page, or has to do with other files.
constexpr std::string_view told_elsewhere[] = {"complete",       "command",
                                               "attacks",        "worst_cases",
                                               "curves",         "warnings",
                                               "notes",          "audit",
                                               "sheet",          "curve",
                                               "report",         "sample_count",
                                               "clean_accuracy", "clean_accuracy_rows",
                                               "shard",          "challenge",
                                               "corruptions"};

const char* const not_ours = "expected results.json as foil-evaluate writes it: ";

std::string in_words(const Json& value) {
  return value.is_string() ? value.get<std::string>()
         : value.is_null() ? "none"
                           : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

const Json& at(const Json& object, const char* key) {
  static const Json nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

/// What a list holds; nothing if there is none.
const Json& list_at(const Json& object, const char* key) {
  static const Json nothing = Json::array();
  const Json& list = at(object, key);
  return list.is_array() ? list : nothing;
}

std::string text_at(const Json& object, const char* key) {
  const Json& value = at(object, key);
  return value.is_null() ? std::string() : value.get<std::string>();
}

std::vector<foil::report::PagePicture> pictures_of(const Json& attack) {
  std::vector<foil::report::PagePicture> out;
  for (const Json& picture : list_at(attack, "pictures"))
    out.push_back({.which = picture.at("which"),
                   .row = picture.at("index"),
                   .label = picture.at("label"),
                   .predicted = picture.at("predicted"),
                   .distance = picture.at("distance"),
                   .times = picture.at("change_times"),
                   .clean = picture.at("clean"),
                   .adversarial = picture.at("adversarial"),
                   .change = picture.at("change")});
  if (out.size() == 2 && out[0].row == out[1].row) {
    out.pop_back();
    out[0].which = "closest and farthest";
  }
  return out;
}

foil::report::PageAudit audit_of(const Json& audit) {
  foil::report::PageAudit out{.kind = text_at(audit, "kind")};
  for (const Json& entry : list_at(audit, "checks")) {
    foil::Check check{.id = entry.at("id"), .title = entry.at("title")};
    const auto verdict = entry.at("verdict").get<std::string>();
    for (const foil::Verdict each :
         {foil::Verdict::pass, foil::Verdict::warn, foil::Verdict::fail, foil::Verdict::skip})
      if (foil::to_string(each) == verdict) check.finding.verdict = each;
    check.finding.evidence = entry.at("evidence");
    check.finding.remedy = text_at(entry, "remedy");
    out.report.checks.push_back(std::move(check));
  }
  return out;
}

foil::Index whole(const Json& value, const char* what, foil::Index least, foil::Index most) {
  const bool fits = value.is_number_integer() && value >= least && value <= most;
  foil::require(fits, not_ours, "expected '", what, "' to be a whole number from ", least, " to ", most,
                ", found ", in_words(value).substr(0, 60));
  return value.get<foil::Index>();
}

/// 0 where there is none, as earlier versions wrote it.
foil::Index whole_or_none(const Json& object, const char* key, foil::Index most) {
  const Json& value = at(object, key);
  return value.is_null() ? 0 : whole(value, key, 0, most);
}

/// How many of the severities there are, in ascending order.
std::vector<int> severities_of(const Json& told) {
  std::vector<int> out;
  for (const Json& severity : list_at(told, "severities"))
    out.push_back(static_cast<int>(whole(severity, "severity", 1, foil::corruption_severities)));
  std::sort(out.begin(), out.end());
  foil::require(!out.empty() && std::adjacent_find(out.begin(), out.end()) == out.end(), not_ours,
                "expected 'severities', at least one and each once");
  return out;
}

/// Counts under a corruption, each at its severity wherever it stands in the list.
foil::report::CorruptionFigures::Row row_of(const Json& entry, const std::vector<int>& severities,
                                            foil::Index samples) {
  foil::report::CorruptionFigures::Row row{
      std::string(foil::name(foil::corruption_named(text_at(entry, "corruption")))), {}};
  const Json& list = list_at(entry, "by_severity");
  foil::require(list.size() == severities.size(), not_ours, "expected ", severities.size(), " severities of ",
                row.corruption, ", found ", list.size());
  for (const int severity : severities) {
    const auto found = std::find_if(list.begin(), list.end(),
                                    [&](const Json& each) { return at(each, "severity") == severity; });
    foil::require(found != list.end(), not_ours, "expected ", row.corruption, " at severity ", severity);
    row.right.push_back(whole(at(*found, "right"), "right", 0, samples));
    row.unanswered.push_back(whole_or_none(*found, "unanswered", samples - row.right.back()));
  }
  return row;
}

foil::report::CorruptionFigures corruptions_of(const Json& told) {
  constexpr foil::Index most = 1'000'000'000'000;  // samples nobody has
  const auto profile = foil::corruption_profile_named(told.at("profile").get<std::string>());
  foil::report::CorruptionFigures out{.profile = std::string(foil::name(profile)),
                                      .severities = severities_of(told),
                                      .samples = whole(at(told, "samples"), "samples", 1, most),
                                      .like_imagenet = told.at("like_imagenet"),
                                      .frost_textures = text_at(told, "frost_textures")};
  out.clean = whole(at(told, "clean"), "clean", 0, out.samples);
  out.invalid = whole_or_none(told, "invalid", out.samples);
  out.clean_unanswered = whole_or_none(told, "clean_unanswered", out.samples - out.clean);
  out.unanswered_samples = whole_or_none(told, "unanswered_samples", out.samples);
  for (const Json& entry : list_at(told, "corruptions"))
    out.rows.push_back(row_of(entry, out.severities, out.samples));
  foil::require(!out.rows.empty(), not_ours, "expected 'corruptions', at least one");
  foil::report::table_of(out);  // throws if one is there twice
  return out;
}

/// What of the options restricts the attacker, or the samples.
std::vector<std::string> caveats_of(const Json& root) {
  std::vector<std::string> out;
  const auto given = [&](const char* key) { return !at(root, key).is_null(); };
  if (at(root, "shard").is_object())
    out.push_back(foil::text("This is share ", in_words(at(at(root, "shard"), "index")), " of ",
                             in_words(at(at(root, "shard"), "of")), " of a run."));
  if (at(root, "correct_only") == true)
    out.push_back("Only samples that the model gets right without an attack were chosen (--correct-only).");
  if (given("targets"))
    out.push_back("A sample is fooled only if the model answers its given target (--targets).");
  if (given("mask")) out.push_back("Only some features could be changed (--mask).");
  if (given("lattice"))
    out.push_back("Only values on a lattice of " + in_words(at(root, "lattice")) +
                  " steps were allowed (--lattice).");
  if (given("margin") && at(root, "margin") != 0)
    out.push_back("Another class had to lead by " + in_words(at(root, "margin")) +
                  " in the logits (--margin).");
  if (given("query_budget"))
    out.push_back("No attack had more than " + in_words(at(root, "query_budget")) +
                  " forward calls per sample (--budget).");
  return out;
}

PageRun run_from(const Json& root, std::vector<foil::Outcome> outcomes, std::vector<int> labels) {
  PageRun out{.model = std::filesystem::path(text_at(root, "model")).filename().string(), .source = {}};
  const Json& attacks = root.at("attacks");
  foil::require(attacks.size() == outcomes.size(), "expected ", outcomes.size(), " attacks, found ",
                attacks.size());
  std::size_t longest = 0;
  for (std::size_t a = 0; a < outcomes.size(); ++a) {
    const Json& attack = attacks[a];
    if (at(attack, "seconds").is_number()) outcomes[a].seconds = at(attack, "seconds");
    foil::report::PageAttack facts{.settings = text_at(attack, "asked_for"),
                                   .knowledge = text_at(attack, "knowledge"),
                                   .pictures = pictures_of(attack)};
    for (const Json& stage : list_at(attack, "stages"))
      facts.stages.push_back({stage.at("name"), stage.at("attacked"), stage.at("fooled"), stage.at("forward"),
                              stage.at("backward"), stage.at("attack")});
    for (const auto& [name, value] : attack.at("options").items())
      facts.options.emplace_back(name, in_words(value));
    out.attacks.push_back(std::move(facts));
    longest = std::max(longest, outcomes[a].records.size());
  }
  const Json& count = at(root, "sample_count");
  out.samples = count.is_null() ? static_cast<foil::Index>(longest) : count.get<foil::Index>();
  labels.resize(std::min(labels.size(), static_cast<std::size_t>(out.samples)));
  out.labels = std::move(labels);
  out.outcomes = std::move(outcomes);
  if (const Json& rows = at(root, "clean_accuracy_rows"); rows.is_number()) {
    out.examined = rows;
    const Json& accuracy = at(root, "clean_accuracy");
    if (accuracy.is_number())
      out.accurate = std::llround(accuracy.get<double>() * static_cast<double>(out.examined));
  }
  out.complete = at(root, "complete") != false;
  for (const Json& warning : list_at(root, "warnings"))
    out.warnings.push_back({warning.at("code"), warning.at("message"), warning.at("samples"),
                            warning.at("attacks").get<std::vector<std::string>>()});
  for (const Json& note : list_at(root, "notes")) out.notes.push_back(note);
  out.caveats = caveats_of(root);
  if (at(root, "audit").is_object()) out.audit = audit_of(at(root, "audit"));
  if (!at(root, "corruptions").is_null()) out.corruptions = corruptions_of(at(root, "corruptions"));
  for (const auto& [name, value] : root.items())
    if (std::find(std::begin(told_elsewhere), std::end(told_elsewhere), name) == std::end(told_elsewhere))
      out.settings.emplace_back(name, in_words(value));
  if (out.corruptions) {
    std::string names;
    for (const auto& row : out.corruptions->rows) names += (names.empty() ? "" : ", ") + row.corruption;
    out.settings.emplace_back("corruptions", names);
    out.settings.emplace_back("severities", in_words(at(at(root, "corruptions"), "severities")));
    out.settings.emplace_back("corruption_profile", out.corruptions->profile);
    out.settings.emplace_back("frost_textures", in_words(at(at(root, "corruptions"), "frost_textures")));
  }
  out.command = shell_lines(list_at(root, "command").get<std::vector<std::string>>());
  return out;
}

}  // namespace

PageRun run_of(const Json& root, std::vector<foil::Outcome> outcomes, std::vector<int> labels) {
  try {
    return run_from(root, std::move(outcomes), std::move(labels));
  } catch (const nlohmann::json::exception& error) {
    throw foil::Error(foil::text(not_ours, error.what()));
  }
}

std::vector<std::string> shell_lines(const std::vector<std::string>& words) {
  constexpr std::size_t full = 70;  // then the next option begins another line
  std::vector<std::string> lines;
  for (const std::string& word : words) {
    if (lines.empty() || (word.starts_with("--") && lines.back().size() > full))
      lines.push_back(lines.empty() ? "" : " ");
    std::string& line = lines.back();
    if (!line.empty()) line += ' ';
    line += programs::shell_word(word);
  }
  return lines;
}

}  // namespace reports
