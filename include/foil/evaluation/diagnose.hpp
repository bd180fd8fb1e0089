// SPDX-License-Identifier: MIT
/// \file
/// What makes results mean less than they seem to: diagnose() tells it in words, for results, for outcomes
/// and for all outcomes of an evaluation.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/result.hpp"
#include "foil/core/status.hpp"
#include "foil/core/summary.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/diagnose/stages.hpp"
#include "foil/evaluation/diagnose/warning.hpp"
#include "foil/evaluation/record.hpp"

namespace foil {

/// Whether an attack draws its points by chance alone and looks no further.
inline bool is_noise(const Outcome& outcome) {
  return outcome.attack.find("noise") != std::string::npos ||
         outcome.attack.find("salt-and-pepper") != std::string::npos;
}

namespace detail {

/// Writes the warnings of an evaluation.
class Diagnosis {
 public:
  explicit Diagnosis(const Setting& setting) : setting_(setting) {}

  /// What one attack's records tell.
  void look_at(const Outcome& outcome, const std::string& title) {
    const auto& records = outcome.records;
    const auto count = [&](auto holds) { return std::count_if(records.begin(), records.end(), holds); };
    const Index all = std::ssize(records);
    const auto of_all = [&](Index part) {
      return text(part, " of ", all, all == 1 ? " sample" : " samples");
    };

    const Index bad = count([](const Record& r) { return r.bad_rows > 0; });
    const Index without = count([](const Record& r) { return r.status == Status::non_finite; });
    add("non-finite", title, bad,
        text("the model answered NaN or infinity about ", of_all(bad), ", ", without,
             " of which were not fooled and count as non-finite, never as robust. Look for overflow, a "
             "division by zero or the logarithm of zero in the network, and for inputs in the wrong scale."));

    const auto vanished = [](const Record& r) {
      return r.zero_gradients > 0 && 2 * r.zero_gradients >= r.gradient_queries &&
             r.status != Status::already_adversarial;
    };
    const Index blind = count(vanished);
    const Index lost = count([&](const Record& r) { return vanished(r) && !r.success; });
    const Index likely = count(likely_probabilities);
    const Index scored = count([](const Record& r) { return answers(r) > 0; });
    const bool probabilities = likely > 0 && 10 * likely >= scored;
    add("zero-gradients", title, blind,
        text(
            "gradients of exactly zero left ", of_all(blind), " without a direction, ", lost,
            " of which were not fooled: that says nothing about robustness, and adversarials may be much "
            "closer than those found. ",
            probabilities
                ? "The outputs look like probabilities, whose gradients vanish where they saturate: attack "
                  "the logits before them."
                : "Somewhere the model rounds, takes signs, compares or saturates: let gradients pass "
                  "straight "
                  "through there (foil-evaluate --straight-through), and try an attack that needs none, such "
                  "as boundary."));
    add("probabilities", title, probabilities ? likely : 0,
        text("the outputs look like probabilities in all answers about ", of_all(likely),
             ". Rounding takes their gradients and makes ties where they saturate, so that attacks find less "
             "than there is. Return the logits before the softmax or the sigmoid; where that is impossible, "
             "wrap the model in foil::LogProbabilities, one of a single sigmoid in foil::SingleLogit."));

    const Index starts = count([](const Record& r) { return r.status == Status::start_failed; });
    add("no-start", title, starts,
        text("no starting point was found for ", of_all(starts),
             ": they were not attacked and do not count as robust. Give starting points or a pool that "
             "holds the wanted classes, or use an attack that needs no start."));
    const Index cut =
        count([](const Record& r) { return r.status == Status::budget_exhausted && !r.success; });
    add("budget", title, cut,
        text("the query budget ended the attack on ", of_all(cut),
             " before it had found anything: they count as robust, and withstood no more than that."));
    const Index unasked = count([](const Record& r) {
      return r.status == Status::not_found && r.queries == 1 && r.gradient_queries == 0;
    });
    add("nothing-to-change", title, unasked,
        text("nothing could be changed about ", of_all(unasked),
             ": the radius, the mask, the lattice and the model's numbers leave no other point",
             outcome.norm == Lp(L0{}) ? ", as radii in l0 are numbers of features" : "",
             ". They count as robust, and were asked about as they are only."));
    const Index unstable = count([](const Record& r) { return r.status == Status::unstable; });
    add("unstable", title, unstable,
        text("the model contradicted itself about all that was found for ", of_all(unstable),
             ": asked again about the same points, it changed its decision. Does it draw random numbers, or "
             "round differently from one batch size to another? See foil::FixedBatch."));
    const Index invalid = count([](const Record& r) { return r.status == Status::invalid_input; });
    add("invalid-input", "", invalid,
        text(of_all(invalid),
             " hold values that are not finite, not within the bounds or not on the lattice: "
             "they were not attacked and do not count as robust. Scale them as the model expects."));

    for (Warning& warning : warnings_of_stages(outcome))
      add(warning.code, title, warning.samples, std::move(warning.message));
    if (outcome.epsilon && setting_.widths.size() > 0) {
      const double box = outcome.norm.size(setting_.widths);
      add("epsilon-larger-than-box", title, *outcome.epsilon > box ? all : 0,
          text("epsilon ", *outcome.epsilon, " is larger than the box, whose corners are ", box, " apart in ",
               outcome.norm.name(),
               ": it limits nothing. Is it meant in other units, 8 for 8/255, or are the bounds wrong?"));
    }
    look_at_clean(outcome);
  }

  /// Whether noise fooled the model more often than this attack. What neither is robust nor fooled, as where
  /// the model answered NaN or no start was found, speaks for nobody.
  void compare(const Outcome& attack, const std::string& title, const std::vector<const Outcome*>& all) {
    if (!attack.epsilon || is_noise(attack)) return;
    const Summary own = attack.summary();
    const Outcome* best = nullptr;
    Index most = own.fooled;
    for (const Outcome* noise : all) {
      if (!is_noise(*noise) || !(noise->norm == attack.norm) ||
          noise->records.size() != attack.records.size())
        continue;
      if (noise->epsilon && *noise->epsilon != *attack.epsilon) continue;
      const Summary theirs = noise->summary(*attack.epsilon);
      if (own.unfinished > 0 || theirs.unfinished > 0 || theirs.fooled <= most) continue;
      best = noise;
      most = theirs.fooled;
    }
    if (!best) return;
    add("noise-beats-attack", title, most - own.fooled,
        text("noise within the same radius (", best->attack, ") fools ", most, " of ", own.total(),
             " samples, this attack fools ", own.fooled,
             ": something keeps the attack from working, and its figure is no measure of robustness. Look at "
             "its gradients, give it more steps, or use another one."));
  }

  /// What the samples tell, whatever the attack.
  void look_at_samples() {
    const Labels &labels = setting_.labels, &targets = setting_.targets;
    Index equal = setting_.on_target;
    if (targets.size() > 0 && targets.size() == labels.size())
      equal += (targets.array() == labels.array()).count();
    add("targets-equal-labels", "", equal,
        text("the target of ", equal, equal == 1 ? " sample is its label" : " samples is their label",
             ": nothing is to be changed there",
             setting_.on_target > 0 ? ", and they are left out." : ". Leave them out."));
  }

  std::vector<Warning> take() { return std::move(warnings_); }

 private:
  /// Answers that were looked at, if the model gives logits.
  static std::int64_t answers(const Record& r) { return r.queries + r.verification_queries; }
  static bool likely_probabilities(const Record& r) {
    return answers(r) > 0 && r.probability_rows == answers(r);
  }

  /// Whether the model does better than guessing. The first outcome tells it for all.
  void look_at_clean(const Outcome& outcome) {
    if (std::exchange(clean_told_, true)) return;
    const auto& records = outcome.records;
    const auto judged = [](const Record& r) {
      return r.status != Status::invalid_input && r.status != Status::not_run && r.status != Status::failed &&
             !(r.status == Status::non_finite && !r.correct);
    };
    const Index attacked = std::count_if(records.begin(), records.end(), judged);
    const Index standing = std::count_if(records.begin(), records.end(),
                                         [&](const Record& r) { return judged(r) && r.correct; });
    const bool known = setting_.examined > 0;
    const Index shown = known ? setting_.examined - setting_.unanswered : attacked;
    const Index right = known ? setting_.accurate : standing;
    Index classes = outcome.classes;
    for (const Labels* seen : {&setting_.labels, &setting_.predictions})
      if (outcome.classes == 0 && seen->size() > 0) classes = std::max<Index>(classes, seen->maxCoeff() + 1);
    constexpr Index enough = 5;  // fewer may all be wrong by chance
    if (shown >= enough && classes > 1 && right * classes <= shown)
      add("chance", "", shown,
          text("the model is right about ", right, " of ", shown,
               " clean samples, no better than guessing among ", classes, " classes. ", hint()));
    else if (attacked > 0 && standing == 0)
      add("already-adversarial", "", attacked,
          text(attacked == 1 ? "the only sample meets" : text("all ", attacked, " samples meet"),
               " the criterion before any attack: nothing was attacked. ", hint()));
  }

  /// What may be wrong with the labels.
  std::string hint() const {
    const Labels &labels = setting_.labels, &predictions = setting_.predictions;
    if (labels.size() > 0 && labels.size() == predictions.size())
      for (const int shift : {1, -1}) {
        const Index agree = (labels.array() - shift == predictions.array()).count();
        if (2 * agree > labels.size())
          return text("Less ", shift, ", ", agree, " of ", labels.size(),
                      " labels are what the model says: they seem to be counted from ", shift, ".");
      }
    return "Labels counted from 1, in another order than the model's classes, or of other samples? Inputs in "
           "another scale or layout than the model was trained on?";
  }

  /// A warning, or one more attack that an equal one is about. Nothing if it concerns no sample.
  void add(const std::string& code, const std::string& title, Index samples, std::string message) {
    if (samples == 0) return;
    for (Warning& before : warnings_)
      if (before.code == code && before.message == message) {
        if (!title.empty()) before.attacks.push_back(title);
        return;
      }
    warnings_.push_back({code, std::move(message), samples, {}});
    if (!title.empty()) warnings_.back().attacks.push_back(title);
  }

  const Setting& setting_;
  std::vector<Warning> warnings_{};
  bool clean_told_ = false;
};

}  // namespace detail

/// What makes the outcomes of an evaluation mean less than they seem to; empty if nothing does. What several
/// attacks have in common is told once.
/// \param outcomes  of the same samples: any range of foil::Outcome or of what derives from it
template <class Outcomes>
  requires requires(const Outcomes& all) {
    { *all.begin() } -> std::convertible_to<const Outcome&>;
  }
std::vector<Warning> diagnose(const Outcomes& outcomes, const Setting& setting = {}) {
  std::vector<const Outcome*> all;
  for (const Outcome& outcome : outcomes) all.push_back(&outcome);
  detail::Diagnosis diagnosis(setting);
  diagnosis.look_at_samples();
  for (const Outcome* outcome : all) diagnosis.look_at(*outcome, outcome->title());
  for (const Outcome* outcome : all) diagnosis.compare(*outcome, outcome->title(), all);
  return diagnosis.take();
}

/// The same of one outcome.
inline std::vector<Warning> diagnose(const Outcome& outcome, const Setting& setting = {}) {
  detail::Diagnosis diagnosis(setting);
  diagnosis.look_at_samples();
  diagnosis.look_at(outcome, "");
  return diagnosis.take();
}

/// The same of a result, as far as it tells by itself.
template <Batch Input>
std::vector<Warning> diagnose(const Result<Input>& result, const Setting& setting = {}) {
  Outcome outcome("", L2{});
  outcome.add(result);
  return diagnose(outcome, setting);
}

}  // namespace foil
