// SPDX-License-Identifier: MIT
/// \file
/// What the functions of geometry/ cost on 784 features (MNIST) and 150,528 (ImageNet).
///
///     geometry [--benchmark_filter=half_space_step ...] [--benchmark_repetitions=5]
///              [--benchmark_enable_random_interleaving=true]
///
/// `per_feature` is the processor time per feature; `bytes_per_second` counts every array that is read or
/// written once, as a measure of how far a function is from the memory's speed. In the end the least times of
/// both sizes and their ratio; the rows `stream<k>`, sums of k arrays, show how much of that is the memory's:
/// at 784 all is in the nearest cache, at 150,528 each array has 1.2 MB.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "foil/core/bounds.hpp"
#include "foil/core/lattice.hpp"
#include "foil/core/norms.hpp"
#include "foil/core/random.hpp"
#include "foil/geometry/box.hpp"
#include "foil/geometry/clipped_step.hpp"
#include "foil/geometry/decreasing_root.hpp"
#include "foil/geometry/half_space/step.hpp"
#include "foil/geometry/image.hpp"
#include "foil/geometry/largest.hpp"
#include "foil/geometry/low_frequency.hpp"
#include "foil/geometry/maximise.hpp"
#include "foil/geometry/project.hpp"
#include "foil/geometry/region.hpp"
#include "foil/geometry/representable.hpp"
#include "foil/geometry/rescale.hpp"
#include "foil/geometry/rescale_vjp.hpp"
#include "foil/geometry/sampling.hpp"
#include "foil/geometry/saturated_sum.hpp"
#include "foil/geometry/ways.hpp"

namespace {

using foil::Index;
using Vector = Eigen::VectorXd;
namespace geometry = foil::geometry;

/// As in a walk on images: two thirds of the entries at a bound in the original, most of them still there.
struct Problem {
  explicit Problem(Index n) : original(n), x(n), box{Vector::Zero(n), Vector::Ones(n)}, direction(n) {
    std::mt19937 random(1);
    std::uniform_real_distribution<double> unit;
    std::normal_distribution<double> normal;
    for (Index i = 0; i < n; ++i) {
      original[i] = unit(random) < 0.67 ? 0 : unit(random);
      x[i] = std::clamp(original[i] + (unit(random) < 0.4 ? 0.2 * normal(random) : 0), 0.0, 1.0);
      direction[i] = normal(random);
    }
  }

  Vector original, x;
  geometry::Box box;
  Vector direction;
};

void report(benchmark::State& state, Index n, Index bytes_per_feature) {
  using benchmark::Counter;
  state.counters["per_feature"] =
      Counter(static_cast<double>(state.iterations() * n), Counter::kIsRate | Counter::kInvert);
  if (bytes_per_feature > 0) state.SetBytesProcessed(state.iterations() * n * bytes_per_feature);
}

/// Half of the distance to a point far outside: ball and box both bind.
template <class N>
void project(benchmark::State& state) {
  const Problem p(state.range(0));
  const Vector outside = p.original + 2 * (p.x - p.original) + 0.1 * p.direction;
  const double epsilon = 0.5 * N::size(Vector(p.x - p.original));
  Vector x(outside);
  for (auto _ : state) {
    x = outside;
    geometry::project(x, geometry::Region<N>{p.original, p.box, epsilon});
    benchmark::DoNotOptimize(x.data());
  }
  report(state, state.range(0), 7 * sizeof(double));
}

template <class N>
void maximise(benchmark::State& state) {
  const Problem p(state.range(0));
  const double epsilon = 0.5 * N::size(Vector(p.x - p.original));
  for (auto _ : state) {
    const Vector w = geometry::maximise(p.direction, geometry::Region<N>{p.original, p.box, epsilon});
    benchmark::DoNotOptimize(w.data());
  }
  report(state, state.range(0), 5 * sizeof(double));
}

/// In float, as the attacks' inputs are.
template <class N>
void rescale(benchmark::State& state) {
  const Problem p(state.range(0));
  const Eigen::VectorXf x = p.original.cast<float>(), d = p.direction.cast<float>();
  const double epsilon = 0.5 * N::size(Vector(p.x - p.original));
  for (auto _ : state)
    benchmark::DoNotOptimize(geometry::rescale(x, d, foil::Bounds<float>{}, epsilon, N{}).eta);
  report(state, state.range(0), 2 * sizeof(float));
}

template <class N>
void step_of_size(benchmark::State& state) {
  const Problem p(state.range(0));
  const Eigen::VectorXf x = p.original.cast<float>(), d = p.direction.cast<float>();
  const double epsilon = 0.5 * N::size(Vector(p.x - p.original));
  Eigen::VectorXf out(x.size());
  for (auto _ : state) {
    geometry::step_of_size(x, d, foil::Bounds<float>{}, epsilon, N{}, out);
    benchmark::DoNotOptimize(out.data());
  }
  report(state, state.range(0), 3 * sizeof(float));
}

template <class N>
void step_of_size_vjp(benchmark::State& state) {
  const Problem p(state.range(0));
  const double epsilon = 0.5 * N::size(Vector(p.x - p.original));
  const auto found = geometry::rescale(p.original, p.direction, 0.0, 1.0, epsilon, N{});
  for (auto _ : state) {
    const auto gradient =
        geometry::step_of_size_vjp(p.original, p.direction, 0.0, 1.0, epsilon, N{}, found, p.x);
    benchmark::DoNotOptimize(gradient.x.data());
  }
  report(state, state.range(0), 5 * sizeof(double));
}

/// The step of the Brendel & Bethge attacks; the second argument says whether the trust region binds.
template <class N>
void half_space_step(benchmark::State& state) {
  const Problem p(state.range(0));
  const double radius = (state.range(1) ? 0.1 : 10) * (p.x - p.original).norm();
  const double c = -0.02 * radius * p.direction.norm();
  int passes = 0;
  geometry::HalfSpaceMemory memory;
  for (auto _ : state) {
    const auto& found =
        geometry::half_space_step<N>({p.original, p.x, p.box, p.direction, c, radius}, memory);
    benchmark::DoNotOptimize(found.point.data());
    passes = found.passes;
  }
  state.counters["passes"] = passes;
  state.SetLabel(state.range(1) ? "radius binds" : "radius slack");
  report(state, state.range(0), 0);
}

/// Half as many changes as there are.
void project_l0(benchmark::State& state) {
  const Problem p(state.range(0));
  const double epsilon = 0.5 * foil::L0::size(Vector(p.x - p.original));
  Vector x(p.x);
  for (auto _ : state) {
    x = p.x;
    geometry::project(x, geometry::Region<foil::L0>{p.original, p.box, epsilon});
    benchmark::DoNotOptimize(x.data());
  }
  report(state, state.range(0), 7 * sizeof(double));
}

template <class N>
void on_the_way(benchmark::State& state) {
  const Problem p(state.range(0));
  for (auto _ : state) {
    const Vector x = geometry::on_the_way<N>(p.original, p.x, 0.4);
    benchmark::DoNotOptimize(x.data());
  }
  report(state, state.range(0), 3 * sizeof(double));
}

geometry::ImageLayout image(Index features) {
  return features == 784 ? geometry::ImageLayout{1, 28, 28} : geometry::ImageLayout{3, 224, 224};
}

/// Nine weights along either axis.
void smooth(benchmark::State& state) {
  Vector pixels = Problem(state.range(0)).x;
  for (auto _ : state) {
    geometry::smooth(image(state.range(0)), {0.2, 0.15, 0.1, 0.1, 0.05}, pixels);
    benchmark::DoNotOptimize(pixels.data());
  }
  report(state, state.range(0), 0);
}

/// To nine tenths of the size; the second argument stands for the adjoint.
void shrink_and_place(benchmark::State& state) {
  const geometry::ImageLayout layout = image(state.range(0));
  const geometry::ShrinkAndPlace place(layout, 9 * layout.height / 10, 9 * layout.width / 10, 1, 2);
  const Vector pixels = Problem(state.range(0)).x;
  Vector out = pixels;
  for (auto _ : state) {
    state.range(1) ? place.adjoint(pixels, out) : place.apply(pixels, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetLabel(state.range(1) ? "adjoint" : "apply");
  report(state, state.range(0), 0);
}

/// What reading `count` arrays and writing one costs.
template <int count>
void stream(benchmark::State& state) {
  const Index n = state.range(0);
  const std::vector<Vector> arrays(count, Vector::Ones(n));
  Vector out(n);
  for (auto _ : state) {
    if constexpr (count == 1) out = arrays[0];
    if constexpr (count == 2) out = arrays[0] + arrays[1];
    if constexpr (count == 4) out = arrays[0] + arrays[1] + arrays[2] + arrays[3];
    benchmark::DoNotOptimize(out.data());
  }
  report(state, n, (count + 1) * static_cast<Index>(sizeof(double)));
}

void take_largest(benchmark::State& state) {
  const Problem p(state.range(0));
  std::vector<geometry::detail::KeyedWeight> all, entries;
  for (Index i = 0; i < p.x.size(); ++i)
    all.push_back({std::abs(p.direction[i]), p.box.upper[i] - p.x[i], i});
  for (auto _ : state) {
    entries = all;
    benchmark::DoNotOptimize(
        geometry::detail::take_largest(entries, 0.05 * static_cast<double>(state.range(0))));
  }
  report(state, state.range(0), 2 * sizeof(geometry::detail::KeyedWeight));
}

/// With sums over the entries as in half_space_step's search for a multiplier.
void decreasing_root(benchmark::State& state) {
  const Problem p(state.range(0));
  const auto balance = [&](double u) {
    geometry::detail::Balance sum;
    for (Index i = 0; i < p.x.size(); ++i) {
      const double b = p.direction[i], delta = std::clamp(-u * b, -p.x[i], 1 - p.x[i]);
      sum.value += b * delta;
      sum.size += std::abs(b * delta);
      sum.slope += delta == -u * b ? b * b : 0;
    }
    return sum;
  };
  const double target = balance(0.3).value;
  for (auto _ : state) benchmark::DoNotOptimize(geometry::detail::decreasing_root(balance, target, 0, true));
  report(state, state.range(0), 0);
}

template <class Scalar>
void saturated_sum(benchmark::State& state) {
  const Problem p(state.range(0));
  const Eigen::Matrix<Scalar, Eigen::Dynamic, 1> w = p.direction.cwiseAbs2().cast<Scalar>(),
                                                 z = p.x.cwiseAbs2().cast<Scalar>();
  const double target = 0.5 * static_cast<double>(z.sum());
  for (auto _ : state) benchmark::DoNotOptimize(geometry::saturated_sum(w, z, target).argument);
  report(state, state.range(0), 2 * sizeof(Scalar));
}

template <class N>
void uniform_in_ball(benchmark::State& state) {
  std::uint32_t draw = 0;
  for (auto _ : state) {
    const Vector w =
        geometry::uniform_in_ball<N>(state.range(0), foil::RandomDraw(1, 0, foil::Purpose::start, ++draw));
    benchmark::DoNotOptimize(w.data());
  }
  report(state, state.range(0), 0);
}

/// As after a projection, anywhere in the ball; on the 256 levels of an image where the second argument says
/// so.
template <class N>
void settle(benchmark::State& state) {
  const Problem p(state.range(0));
  const foil::Lattice levels(0, 1, 255);
  const bool on_lattice = state.range(1) != 0;
  Vector original = p.original.cast<float>().cast<double>();
  for (double& value : original)
    if (on_lattice) value = static_cast<double>(static_cast<float>(levels.value(0, levels.index(0, value))));
  const Vector wanted = original + 0.1 * p.direction;
  const double epsilon = 0.5 * N::size(Vector(wanted - original));
  const geometry::Representable points(original, p.box, N{}, true, on_lattice ? &levels : nullptr);
  Vector inside = wanted, x = wanted;
  geometry::project(inside, geometry::Region<N>{original, p.box, epsilon});
  for (auto _ : state) {
    x = inside;
    points.settle(x, epsilon);
    benchmark::DoNotOptimize(x.data());
  }
  state.SetLabel(on_lattice ? "lattice" : "any value");
  report(state, state.range(0), 5 * sizeof(double));
}

/// Noise of a quarter of the frequencies along each axis.
void low_frequency(benchmark::State& state) {
  const Index channels = state.range(0) == 784 ? 1 : 3, side = state.range(0) == 784 ? 28 : 224;
  const geometry::LowFrequency basis(channels, side, side, 4);
  const Vector coefficients = Problem(basis.dimension()).direction;
  Vector image;
  for (auto _ : state) {
    basis.synthesise(coefficients, image);
    benchmark::DoNotOptimize(image.data());
  }
  report(state, state.range(0), 0);
}

void sizes(benchmark::internal::Benchmark* family) {
  family->Arg(784)->Arg(150'528)->Unit(benchmark::kMicrosecond);
}
void sizes_and_choices(benchmark::internal::Benchmark* family) {
  family->ArgsProduct({{784, 150'528}, {0, 1}})->Unit(benchmark::kMicrosecond);
}

using foil::L0, foil::L1, foil::L2, foil::Linf;
BENCHMARK(project<L1>)->Apply(sizes);
BENCHMARK(project<L2>)->Apply(sizes);
BENCHMARK(project<Linf>)->Apply(sizes);
BENCHMARK(maximise<L1>)->Apply(sizes);
BENCHMARK(maximise<L2>)->Apply(sizes);
BENCHMARK(maximise<Linf>)->Apply(sizes);
BENCHMARK(rescale<L1>)->Apply(sizes);
BENCHMARK(rescale<L2>)->Apply(sizes);
BENCHMARK(rescale<Linf>)->Apply(sizes);
BENCHMARK(step_of_size<L1>)->Apply(sizes);
BENCHMARK(step_of_size<L2>)->Apply(sizes);
BENCHMARK(step_of_size<Linf>)->Apply(sizes);
BENCHMARK(step_of_size_vjp<L1>)->Apply(sizes);
BENCHMARK(step_of_size_vjp<L2>)->Apply(sizes);
BENCHMARK(step_of_size_vjp<Linf>)->Apply(sizes);
BENCHMARK(half_space_step<L0>)->Apply(sizes_and_choices);
BENCHMARK(half_space_step<L1>)->Apply(sizes_and_choices);
BENCHMARK(half_space_step<L2>)->Apply(sizes_and_choices);
BENCHMARK(half_space_step<Linf>)->Apply(sizes_and_choices);
BENCHMARK(take_largest)->Apply(sizes);
BENCHMARK(decreasing_root)->Apply(sizes);
BENCHMARK(saturated_sum<float>)->Apply(sizes);
BENCHMARK(saturated_sum<double>)->Apply(sizes);
BENCHMARK(uniform_in_ball<L1>)->Apply(sizes);
BENCHMARK(uniform_in_ball<L2>)->Apply(sizes);
BENCHMARK(uniform_in_ball<Linf>)->Apply(sizes);
BENCHMARK(settle<L1>)->Apply(sizes_and_choices);
BENCHMARK(settle<L2>)->Apply(sizes_and_choices);
BENCHMARK(settle<Linf>)->Apply(sizes_and_choices);
BENCHMARK(low_frequency)->Apply(sizes);
BENCHMARK(project_l0)->Apply(sizes);
BENCHMARK(on_the_way<L0>)->Apply(sizes);
BENCHMARK(on_the_way<L1>)->Apply(sizes);
BENCHMARK(on_the_way<L2>)->Apply(sizes);
BENCHMARK(on_the_way<Linf>)->Apply(sizes);
BENCHMARK(smooth)->Apply(sizes);
BENCHMARK(shrink_and_place)->Apply(sizes_and_choices);
BENCHMARK(stream<1>)->Apply(sizes);
BENCHMARK(stream<2>)->Apply(sizes);
BENCHMARK(stream<4>)->Apply(sizes);

/// Prints in the end how the cost per feature grows.
class RatioReporter : public benchmark::ConsoleReporter {
 public:
  RatioReporter() : ConsoleReporter(OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
      std::string name = run.benchmark_name();
      const bool large = name.find("/150528") != std::string::npos;
      const std::string size = large ? "/150528" : "/784";
      if (const auto at = name.find(size); at != std::string::npos) name.erase(at, size.size());
      double& least = (large ? large_ : small_)[name];
      const double time = run.GetAdjustedCPUTime() * 1e3 / (large ? 150'528 : 784);
      least = least == 0 ? time : std::min(least, time);
    }
  }

  void Finalize() override {
    std::printf("\n%-40s %9s %9s %6s\n", "ns per feature", "784", "150,528", "ratio");
    for (const auto& [name, time] : large_)
      if (small_.contains(name))
        std::printf("%-40s %9.3f %9.3f %6.2f\n", name.c_str(), small_[name], time, time / small_[name]);
  }

 private:
  std::map<std::string, double> small_{}, large_{};
};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  RatioReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return 0;
}
