// SPDX-License-Identifier: MIT
/// \file
/// An evaluation that passes every check, to be spoilt in one way at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "foil/evaluation/audit/facts.hpp"

namespace foil::test {

inline constexpr std::size_t audited = 100;

/// An outcome of samples that were right, each with an adversarial at the distance given by its number; none
/// where that is beyond epsilon.
inline Outcome outcome_of(const std::string& attack, Lp norm, Knowledge knowledge,
                          std::optional<double> epsilon, const std::function<double(std::size_t)>& distance) {
  Outcome out(attack, norm, epsilon);
  out.knowledge = knowledge;
  out.classes = 10;
  out.options = {{"steps", "40"}, {"restarts", "10"}, {"relative_step", "0.1"}};
  for (std::size_t i = 0; i < audited; ++i) {
    const double d = distance(i);
    const bool found = std::isfinite(d) && (!epsilon || d <= *epsilon);
    out.records.push_back({static_cast<std::int64_t>(i), found ? Status::success : Status::not_found, found,
                           true, found ? 1 : 0,
                           !found ? std::numeric_limits<double>::infinity() : epsilon.value_or(d), 10, 10,
                           found ? 1 : 0});
  }
  return out;
}

/// Where the outcomes of healthy() stand.
enum Place : std::size_t { single_step, near, middle, far, closest, with_scores, without_gradients };

/// An evaluation in linf of samples whose nearest adversarials are at the distances given; it passes every
/// check.
inline AuditFacts healthy(const std::function<double(std::size_t)>& distance = [](std::size_t i) {
  return 0.1 * static_cast<double>(i + 1) / 70;
}) {
  constexpr auto gradients = Knowledge::gradients;
  const auto times = [&](double factor) {
    return [distance, factor](std::size_t i) {
      const double d = factor * distance(i);
      return std::isfinite(d) ? std::min(1.0, d) : d;
    };
  };
  AuditFacts facts;
  facts.outcomes = {outcome_of("fgsm", Linf{}, gradients, 0.1, times(1.2)),
                    outcome_of("linf-pgd", Linf{}, gradients, 0.1, times(1)),
                    outcome_of("linf-pgd", Linf{}, gradients, 0.2, times(1)),
                    outcome_of("linf-pgd", Linf{}, gradients, 1, times(1)),
                    outcome_of("linf-fmn", Linf{}, gradients, std::nullopt, times(1)),
                    outcome_of("minimal-linf-square", Linf{}, Knowledge::scores, std::nullopt, times(2.5)),
                    outcome_of("linf-dataset", Linf{}, Knowledge::decisions, std::nullopt, times(2))};
  facts.setting.examined = 1000;
  facts.setting.accurate = 990;
  facts.setting.widths = Eigen::VectorXd::Ones(20);
  facts.declared_accuracy = 0.992;
  facts.seed = 1;
  facts.version = "1.0.0";
  facts.comparisons = {{single_step, near, closest}};
  facts.transfer = {outcome_of("transfer", Linf{}, gradients, 0.1, times(3))};
  facts.adversarials = {{"linf-pgd eps 0.1", 70}};
  facts.answers = AnswersAgain{.samples = 100, .repeated = 0, .reordered = 1e-7, .alone = 1e-7};
  facts.slopes = Slopes{.errors = std::vector<double>(200, 1e-4)};
  facts.gradients = GradientsInUse{.samples = 100, .risen = 98, .risen_random = 50, .step = 0.01};
  Ceiling ceiling{Linf{}, {}};
  for (std::size_t i = 0; i < audited; ++i) ceiling.distances.push_back(times(1.5)(i));
  facts.ceilings = {ceiling};
  for (const char* const option : {"steps", "restarts", "relative_step"})
    facts.reruns.push_back({near, option, 2, facts.outcomes[near]});
  LossTrace trace{"linf-pgd eps 0.1", {}};
  for (int t = 0; t < 40; ++t) trace.losses.push_back(1 - std::exp(-0.2 * t));
  facts.traces = {trace};
  facts.replays = {{"linf-pgd eps 0.1", 10, 0}};
  facts.training_attack = "linf-pgd";
  facts.noise = {{Linf{}, 0.1, 100, 10000, 0}};
  facts.brute_force = {{Linf{}, 10000, {}}};
  facts.towards_classes = {{Linf{}, 9, {}}};
  facts.certificates = {{Linf{}, {}}};
  Index standing = 0;
  for (std::size_t i = 0; i < audited; ++i) {
    const double d = times(1)(i);
    standing += d > 0.1;
    facts.brute_force[0].distances.push_back(times(4)(i));
    facts.towards_classes[0].distances.push_back(d);
    facts.certificates[0].radii.push_back(0.5 * d);
  }
  facts.reported = {{Linf{}, 0.1, static_cast<double>(standing) / static_cast<double>(audited)}};
  ReportedCurve curve{Linf{}, {}, {}, 0.07};
  for (int k = 0; k <= 20; ++k) {
    curve.epsilons.push_back(0.05 * k);
    curve.accuracies.push_back(1 - 0.05 * k);
  }
  facts.curves = {curve};
  facts.preprocessing = PreprocessingAttacked{"JPEG", true, true, true, 100, 97};
  facts.twin = {outcome_of("linf-pgd", Linf{}, gradients, 0.3, [](std::size_t) { return 0.0; })};
  for (const std::string_view defence : planted_defences)
    facts.planted.push_back({std::string(defence), 100, 96, {"C4", "C5"}});
  facts.planted[3].failing = {"C3"};
  for (const char* const threat : {"rotation", "translation", "gaussian noise", "corruption"})
    facts.severities.push_back({threat, {0, 1, 2}, {0.99, 0.8, 0.81}});
  facts.abstaining = Abstaining{
      true, {1, 2, 3, 4}, {2.5, 3.5}, {true, true, true, false}, "rejected adversarials count as failed"};
  return facts;
}

}  // namespace foil::test
