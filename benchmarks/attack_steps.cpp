// SPDX-License-Identifier: MIT
/// \file
/// What each attack of the catalogue costs beside its model: runs against a model of 784 features that
/// answers almost for nothing.
///
///     attack_steps [--benchmark_filter=brendel ...]
///
/// `per_call` is the processor time per sample and model call (a forward pass, or a forward and a backward
/// one), everything included: proposals, judging, bookkeeping, verification and the model, whose own share
/// the rows `model/...` show. `calls` is the mean number of calls per sample. 100 samples at batch size 100,
/// default options but for the steps of the Brendel & Bethge attacks and the Boundary Attack. Fixed-budget
/// attacks get a radius in which there is nothing to find, so that they take all of their steps.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "catalogue/all_attacks.hpp"

namespace {

using foil::Index;
using Input = foil::Tensor<float, 2>;

constexpr Index features = 784, count = 100;

/// Two classes apart by the mean of 16 features: class 1 above 0.5.
struct Model {
  using Input = ::Input;
  static constexpr Index stride = features / 16;

  foil::Bounds<float> bounds() const { return {}; }

  foil::Logits<float> logits(const Input& x) const {
    foil::Logits<float> out(foil::samples(x), 2);
    for (Index i = 0; i < out.rows(); ++i) {
      float sum = 0;
      for (Index k = 0; k < features; k += stride) sum += x(i, k);
      out(i, 0) = 8 - sum;
      out(i, 1) = sum - 8;
    }
    return out;
  }

  auto vjp(const Input& x) const {
    return foil::Vjp{logits(x), [](const foil::Logits<float>& cotangent) {
                       Input dx(cotangent.rows(), features);
                       dx.setZero();
                       for (Index i = 0; i < dx.dimension(0); ++i)
                         for (Index k = 0; k < features; k += stride)
                           dx(i, k) = cotangent(i, 1) - cotangent(i, 0);
                       return dx;
                     }};
  }
};

Input images() {
  Input x(count, features);
  for (Index i = 0; i < x.size(); ++i) {
    const Index noise = i * 7919 % 1009;
    x.data()[i] = noise % 3 < 2 ? 0.f : 0.5f * static_cast<float>(noise) / 1009.f;
  }
  return x;
}

/// Far on the other side.
Input starts() {
  Input x(count, features);
  x.setConstant(0.9f);
  return x;
}

void run(benchmark::State& state, const foil::AttackEntry& entry) {
  foil::OptionValues values;
  for (const foil::OptionInfo& option : entry.options) {
    if (option.name == "steps" && entry.minimal && !entry.name.starts_with("minimal-"))
      values["steps"] = "200";
    if (option.name == "diversity") values["diversity"] = "0";  // the inputs are no images
    if (option.name == "smoothing") values["smoothing"] = "none";
  }
  const foil::AnyAttack attack = entry.make(values);
  const Input x = images();
  const foil::Labels labels = foil::Labels::Zero(count);
  foil::RunOptions<Input> options{.batch_size = count};
  if (entry.minimal) options.starting_points = starts();
  double calls = 0;
  for (auto _ : state) {
    const auto result = attack(Model{}, x, labels, 1e-3, options);
    benchmark::DoNotOptimize(result.adversarials.data());
    calls += static_cast<double>(result.queries.sum() + result.verification_queries.sum());
  }
  using benchmark::Counter;
  state.counters["per_call"] = Counter(calls, Counter::kIsRate | Counter::kInvert);
  state.counters["calls"] = calls / static_cast<double>(state.iterations() * count);
}

void model_alone(benchmark::State& state, bool gradient) {
  const Model model;
  const Input x = images();
  const foil::Logits<float> cotangent = foil::Logits<float>::Ones(count, 2);
  for (auto _ : state) {
    if (gradient)
      benchmark::DoNotOptimize(model.vjp(x).pullback(cotangent).data());
    else
      benchmark::DoNotOptimize(model.logits(x).data());
  }
  state.counters["per_call"] = benchmark::Counter(static_cast<double>(state.iterations() * count),
                                                  benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  for (const bool gradient : {false, true})
    benchmark::RegisterBenchmark(gradient ? "model/vjp" : "model/logits", model_alone, gradient);
  for (const foil::AttackEntry& entry : programs::all_attacks().entries())
    benchmark::RegisterBenchmark(entry.name.c_str(), run, entry)->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
