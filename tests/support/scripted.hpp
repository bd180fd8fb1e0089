// SPDX-License-Identifier: MIT
/// \file
/// Attacks written in a test: any coroutine over the oracle, run by the library as one of its own.
#pragma once

#include <cstring>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/run/attack.hpp"

namespace foil::test {

/// A minimal attack that runs `script(oracle)` on every sample. The script must outlive the call, as lambdas
/// do that are stored here.
template <Norm N = L2, Knowledge needed = Knowledge::gradients>
class Scripted : public MinimalAttack<Scripted<N, needed>> {
 public:
  using norm = N;
  static std::string name() { return "scripted"; }
  static constexpr Knowledge knowledge = needed;

  explicit Scripted(std::function<Task<>(Oracle&)> script) : script_(std::move(script)) {}
  Task<> attack(Oracle& oracle) const { return script_(oracle); }

 private:
  std::function<Task<>(Oracle&)> script_;
};

/// As Scripted, with a fixed budget: `script(oracle, epsilon)`.
template <Norm N = L2, Knowledge needed = Knowledge::gradients>
class ScriptedWithin : public FixedBudgetAttack<ScriptedWithin<N, needed>> {
 public:
  using norm = N;
  static std::string name() { return "scripted-within"; }
  static constexpr Knowledge knowledge = needed;

  explicit ScriptedWithin(std::function<Task<>(Oracle&, double)> script) : script_(std::move(script)) {}
  Task<> attack(Oracle& oracle, double epsilon) const { return script_(oracle, epsilon); }

 private:
  std::function<Task<>(Oracle&, double)> script_;
};

/// Whether two results agree in every bit of every field.
template <Batch T>
bool same_bits(const Result<T>& a, const Result<T>& b) {
  const auto bytes = [](const auto& x) { return static_cast<std::size_t>(x.size()) * sizeof(*x.data()); };
  const auto equal = [&](const auto& x, const auto& y) {
    return x.size() == y.size() && (x.size() == 0 || std::memcmp(x.data(), y.data(), bytes(x)) == 0);
  };
  return equal(a.adversarials, b.adversarials) && equal(a.success, b.success) &&
         equal(a.distances, b.distances) && equal(a.status, b.status) && equal(a.queries, b.queries) &&
         equal(a.gradient_queries, b.gradient_queries) &&
         equal(a.verification_queries, b.verification_queries) && equal(a.bad_rows, b.bad_rows) &&
         equal(a.zero_gradients, b.zero_gradients) && equal(a.probability_rows, b.probability_rows) &&
         equal(a.changed_answers, b.changed_answers) && a.stages == b.stages &&
         a.parameters == b.parameters && a.classes == b.classes && equal(a.predictions, b.predictions) &&
         a.traces == b.traces;
}

/// The result of the given rows alone, in that order.
template <Batch T>
Result<T> select(const Result<T>& all, const std::vector<Index>& rows) {
  Result<T> out(gather(all.adversarials, rows));
  out.classes = all.classes;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Index to = static_cast<Index>(i), from = rows[i];
    out.success[to] = all.success[from];
    out.distances[to] = all.distances[from];
    out.status[i] = all.status[static_cast<std::size_t>(from)];
    out.queries[to] = all.queries[from];
    out.gradient_queries[to] = all.gradient_queries[from];
    out.verification_queries[to] = all.verification_queries[from];
    out.bad_rows[to] = all.bad_rows[from];
    out.zero_gradients[to] = all.zero_gradients[from];
    out.probability_rows[to] = all.probability_rows[from];
    out.changed_answers[to] = all.changed_answers[from];
    out.stages[i] = all.stages[static_cast<std::size_t>(from)];
    out.parameters[i] = all.parameters[static_cast<std::size_t>(from)];
    out.predictions[to] = all.predictions[from];
    out.traces[i] = all.traces[static_cast<std::size_t>(from)];
  }
  return out;
}

}  // namespace foil::test
