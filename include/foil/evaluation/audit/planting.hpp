// SPDX-License-Identifier: MIT
/// \file
/// Attacks and checks proved on models that are broken on purpose: what C27 judges.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "foil/core/model.hpp"
#include "foil/core/tensor.hpp"
#include "foil/evaluation/audit.hpp"
#include "foil/evaluation/audit/calls.hpp"
#include "foil/evaluation/audit/facts.hpp"
#include "foil/evaluation/audit/policy.hpp"
#include "foil/evaluation/record.hpp"
#include "foil/evaluation/worst_of.hpp"
#include "foil/models/planted.hpp"

namespace foil {

/// Plants each defence on a model, attacks what comes of it, and audits that.
///
/// \param attack  attack(planted, inputs, labels) -> std::vector<Outcome> of attacks in one norm on a
///                foil::Planted<M>, of which each sample's worst case counts
/// \param data    samples; `labels` should be the model's own classes
/// Model calls: those of the attacks on six models, and of six audits without attacks.
template <DifferentiableModel M, class Attack>
std::vector<PlantedDefence> break_planted(M& model, const AuditData<input_t<M>>& data, const Attack& attack,
                                          const AuditPolicy& policy = {}) {
  std::vector<PlantedDefence> out;
  for (const Plant plant : plants) {
    const Planted<M> planted(model, plant, static_cast<std::uint64_t>(policy.seed));
    AuditFacts facts;
    facts.outcomes = attack(planted, data.inputs, data.labels);
    const Summary worst = worst_of(facts.outcomes).outcome.summary();
    PlantedDefence told{std::string(to_string(plant)), worst.attacked, worst.fooled, {}};
    AuditData<input_t<M>> own = data;
    own.adversarials.clear();
    const AuditReport report = audit(planted, own, std::move(facts), policy);
    for (const Check& check : report.checks)
      if (check.verdict() == Verdict::fail && check.id != "C31")  // which is of the caller's records
        told.failing.push_back(check.id);
    out.push_back(std::move(told));
  }
  return out;
}

}  // namespace foil
