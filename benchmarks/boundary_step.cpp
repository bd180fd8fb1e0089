// SPDX-License-Identifier: MIT
/// \file
/// What the step of the Brendel & Bethge attacks costs: n = 784 and 150,528, radius slack and binding.
#include "foil/geometry/boundary_step.hpp"

#include <benchmark/benchmark.h>

#include <random>
#include <string>

namespace {

using foil::Index;
using Vector = Eigen::VectorXd;

struct Problem {
  Vector original, x, lower, upper, b;
  double c, radius;
};

/// As in a walk on images: two thirds of the entries at a bound in the input, most of them still there.
Problem random_problem(Index n, double radius) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> unit;
  std::normal_distribution<double> normal;
  Problem p{Vector(n), Vector(n), Vector::Zero(n), Vector::Ones(n), Vector(n), 0, 0};
  for (Index i = 0; i < n; ++i) {
    p.original[i] = unit(random) < 0.67 ? 0 : unit(random);
    p.x[i] = std::min(std::max(p.original[i] + (unit(random) < 0.4 ? 0.2 * normal(random) : 0), 0.0), 1.0);
    p.b[i] = normal(random);
  }
  p.radius = radius * (p.x - p.original).norm();
  p.c = -0.02 * p.radius * p.b.norm();
  return p;
}

template <class N>
void step(benchmark::State& state) {
  const double radius = state.range(1) ? 0.1 : 10;
  const Problem p = random_problem(state.range(0), radius);
  int passes = 0;
  for (auto _ : state) {
    const auto found =
        foil::geometry::boundary_step<N>(p.original, p.x, p.lower, p.upper, p.b, p.c, p.radius);
    benchmark::DoNotOptimize(found.point.data());
    passes = found.passes;
  }
  state.counters["passes"] = passes;
  state.SetLabel(state.range(1) ? "radius binds" : "radius slack");
}

void sizes(benchmark::internal::Benchmark* family) {
  for (const int n : {784, 150'528})
    for (const int binds : {0, 1}) family->Args({n, binds});
  family->Unit(benchmark::kMicrosecond);
}

BENCHMARK(step<foil::L0>)->Apply(sizes);
BENCHMARK(step<foil::L1>)->Apply(sizes);
BENCHMARK(step<foil::L2>)->Apply(sizes);
BENCHMARK(step<foil::Linf>)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
