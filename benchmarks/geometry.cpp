// SPDX-License-Identifier: MIT
/// \file
/// What the functions of geometry/ cost on 784 features (MNIST) and 150,528 (ImageNet).
///
///     geometry [--benchmark_filter=half_space_step ...] [--benchmark_repetitions=5]
///              [--benchmark_enable_random_interleaving=true]
///
/// Either way a round takes 150,528 features: one image, or 192 of 784 one after the other, as an attack
/// meets them. A single small one, again and again, is no measure: the processor learns by heart which way
/// its branches go, and keeps it in the nearest cache, neither of which it does between the calls of a model.
///
/// `per_feature` is the processor time per feature; `bytes_per_second` counts every array that is read or
/// written once, as a measure of how far a function is from the memory's speed. In the end the least times of
/// both sizes and their ratio; the rows `stream<k>`, sums of k arrays, show how much of that is the memory's.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
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
  explicit Problem(Index n, unsigned seed = 1)
      : original(n), x(n), box{Vector::Zero(n), Vector::Ones(n)}, direction(n) {
    std::mt19937 random(seed);
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

/// Of a round.
constexpr Index features = 150'528;

/// Calls `use` on every input of a round, which `make` makes of the problems, for as long as it is asked to.
template <class Make, class Use>
void measure(benchmark::State& state, Index bytes_per_feature, Make&& make, Use&& use) {
  std::vector<decltype(make(std::declval<Problem>()))> inputs;
  for (unsigned seed = 1; seed <= features / state.range(0); ++seed)
    inputs.push_back(make(Problem(state.range(0), seed)));
  for (auto _ : state)
    for (auto& input : inputs) use(input);
  using benchmark::Counter;
  state.counters["per_feature"] =
      Counter(static_cast<double>(state.iterations() * features), Counter::kIsRate | Counter::kInvert);
  if (bytes_per_feature > 0) state.SetBytesProcessed(state.iterations() * features * bytes_per_feature);
}

/// Half of the distance to the point, as the radius of a ball.
template <class N>
double half_way(const Problem& p) {
  return 0.5 * N::size(Vector(p.x - p.original));
}

/// Half of the distance to a point far outside: ball and box both bind.
template <class N>
void project(benchmark::State& state) {
  struct Input {
    Problem p;
    Vector outside;
    double epsilon;
  };
  Vector x(state.range(0));
  measure(
      state, 7 * sizeof(double),
      [](const Problem& p) {
        return Input{p, p.original + 2 * (p.x - p.original) + 0.1 * p.direction, half_way<N>(p)};
      },
      [&](const Input& input) {
        x = input.outside;
        geometry::project(x, geometry::Region<N>{input.p.original, input.p.box, input.epsilon});
        benchmark::DoNotOptimize(x.data());
      });
}

/// Half as many changes as there are.
void project_l0(benchmark::State& state) {
  Vector x(state.range(0));
  measure(
      state, 7 * sizeof(double), [](const Problem& p) { return std::pair(p, half_way<foil::L0>(p)); },
      [&](const auto& input) {
        const auto& [p, epsilon] = input;
        x = p.x;
        geometry::project(x, geometry::Region<foil::L0>{p.original, p.box, epsilon});
        benchmark::DoNotOptimize(x.data());
      });
}

template <class N>
void maximise(benchmark::State& state) {
  measure(
      state, 5 * sizeof(double), [](const Problem& p) { return std::pair(p, half_way<N>(p)); },
      [](const auto& input) {
        const auto& [p, epsilon] = input;
        const Vector w = geometry::maximise(p.direction, geometry::Region<N>{p.original, p.box, epsilon});
        benchmark::DoNotOptimize(w.data());
      });
}

/// In float, as the attacks' inputs are.
struct FloatInput {
  Eigen::VectorXf x, direction;
  double epsilon;
};
template <class N>
FloatInput float_input(const Problem& p) {
  return {p.original.cast<float>(), p.direction.cast<float>(), half_way<N>(p)};
}

template <class N>
void rescale(benchmark::State& state) {
  measure(state, 2 * sizeof(float), float_input<N>, [](const FloatInput& in) {
    benchmark::DoNotOptimize(
        geometry::rescale(in.x, in.direction, foil::Bounds<float>{}, in.epsilon, N{}).eta);
  });
}

template <class N>
void step_of_size(benchmark::State& state) {
  Eigen::VectorXf out(state.range(0));
  measure(state, 3 * sizeof(float), float_input<N>, [&](const FloatInput& in) {
    geometry::step_of_size(in.x, in.direction, foil::Bounds<float>{}, in.epsilon, N{}, out);
    benchmark::DoNotOptimize(out.data());
  });
}

template <class N>
void step_of_size_vjp(benchmark::State& state) {
  struct Input {
    Problem p;
    double epsilon;
    geometry::Rescaling found;
  };
  measure(
      state, 5 * sizeof(double),
      [](const Problem& p) {
        const double epsilon = half_way<N>(p);
        return Input{p, epsilon, geometry::rescale(p.original, p.direction, 0.0, 1.0, epsilon, N{})};
      },
      [](const Input& input) {
        const auto& [p, epsilon, found] = input;
        const auto gradient =
            geometry::step_of_size_vjp(p.original, p.direction, 0.0, 1.0, epsilon, N{}, found, p.x);
        benchmark::DoNotOptimize(gradient.x.data());
      });
}

/// The step of the Brendel & Bethge attacks; the second argument says whether the trust region binds.
template <class N>
void half_space_step(benchmark::State& state) {
  struct Input {
    Problem p;
    double radius, c;
  };
  double passes = 0;
  geometry::HalfSpaceMemory memory;
  measure(
      state, 0,
      [&](const Problem& p) {
        const double radius = (state.range(1) ? 0.1 : 10) * (p.x - p.original).norm();
        return Input{p, radius, -0.02 * radius * p.direction.norm()};
      },
      [&](const Input& input) {
        const auto& [p, radius, c] = input;
        const auto& found =
            geometry::half_space_step<N>({p.original, p.x, p.box, p.direction, c, radius}, memory);
        benchmark::DoNotOptimize(found.point.data());
        passes += found.passes;
      });
  state.counters["passes"] =
      passes * static_cast<double>(state.range(0)) / features / static_cast<double>(state.iterations());
  state.SetLabel(state.range(1) ? "radius binds" : "radius slack");
}

template <class N>
void on_the_way(benchmark::State& state) {
  measure(
      state, 3 * sizeof(double), [](Problem&& p) { return p; },
      [](const Problem& p) {
        const Vector x = geometry::on_the_way<N>(p.original, p.x, 0.4);
        benchmark::DoNotOptimize(x.data());
      });
}

geometry::ImageLayout image(Index size) {
  return size == 784 ? geometry::ImageLayout{1, 28, 28} : geometry::ImageLayout{3, 224, 224};
}

/// Nine weights along either axis.
void smooth(benchmark::State& state) {
  measure(
      state, 0, [](const Problem& p) { return p.x; },
      [&](Vector& pixels) {
        geometry::smooth(image(state.range(0)), {0.2, 0.15, 0.1, 0.1, 0.05}, pixels);
        benchmark::DoNotOptimize(pixels.data());
      });
}

/// To nine tenths of the size; the second argument stands for the adjoint.
void shrink_and_place(benchmark::State& state) {
  const geometry::ImageLayout layout = image(state.range(0));
  const geometry::ShrinkAndPlace place(layout, 9 * layout.height / 10, 9 * layout.width / 10, 1, 2);
  Vector out(state.range(0));
  measure(
      state, 0, [](const Problem& p) { return p.x; },
      [&](const Vector& pixels) {
        state.range(1) ? place.adjoint(pixels, out) : place.apply(pixels, out);
        benchmark::DoNotOptimize(out.data());
      });
  state.SetLabel(state.range(1) ? "adjoint" : "apply");
}

/// What reading `count` arrays and writing one costs.
template <int count>
void stream(benchmark::State& state) {
  Vector out(state.range(0));
  measure(
      state, (count + 1) * sizeof(double), [](const Problem& p) { return std::vector<Vector>(count, p.x); },
      [&](const std::vector<Vector>& arrays) {
        if constexpr (count == 1) out = arrays[0];
        if constexpr (count == 2) out = arrays[0] + arrays[1];
        if constexpr (count == 4) out = arrays[0] + arrays[1] + arrays[2] + arrays[3];
        benchmark::DoNotOptimize(out.data());
      });
}

void take_largest(benchmark::State& state) {
  using Entries = std::vector<geometry::detail::KeyedWeight>;
  Entries entries;
  measure(
      state, 2 * sizeof(geometry::detail::KeyedWeight),
      [](const Problem& p) {
        Entries all;
        for (Index i = 0; i < p.x.size(); ++i)
          all.push_back({std::abs(p.direction[i]), p.box.upper[i] - p.x[i], i});
        return all;
      },
      [&](const Entries& all) {
        entries = all;
        benchmark::DoNotOptimize(
            geometry::detail::take_largest(entries, 0.05 * static_cast<double>(state.range(0))));
      });
}

/// With sums over the entries as in half_space_step's search for a multiplier.
void decreasing_root(benchmark::State& state) {
  const auto balance = [](const Problem& p, double u) {
    geometry::detail::Balance sum;
    for (Index i = 0; i < p.x.size(); ++i) {
      const double b = p.direction[i], delta = std::clamp(-u * b, -p.x[i], 1 - p.x[i]);
      sum.value += b * delta;
      sum.size += std::abs(b * delta);
      sum.slope += delta == -u * b ? b * b : 0;
    }
    return sum;
  };
  measure(
      state, 0, [&](const Problem& p) { return std::pair(p, balance(p, 0.3).value); },
      [&](const auto& input) {
        const auto& [p, target] = input;
        const Problem& problem = p;
        benchmark::DoNotOptimize(geometry::detail::decreasing_root(
            [&](double u) { return balance(problem, u); }, target, 0, true));
      });
}

template <class Scalar>
void saturated_sum(benchmark::State& state) {
  using Array = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;
  struct Input {
    Array w, z;
    double target;
  };
  measure(
      state, 2 * sizeof(Scalar),
      [](const Problem& p) {
        const Array z = p.x.cwiseAbs2().cast<Scalar>();
        return Input{p.direction.cwiseAbs2().cast<Scalar>(), z, 0.5 * static_cast<double>(z.sum())};
      },
      [](const Input& input) {
        benchmark::DoNotOptimize(geometry::saturated_sum(input.w, input.z, input.target).argument);
      });
}

template <class N>
void uniform_in_ball(benchmark::State& state) {
  std::uint32_t draw = 0;
  measure(
      state, 0, [](const Problem&) { return 0; },
      [&](int) {
        const Vector w = geometry::uniform_in_ball<N>(state.range(0),
                                                      foil::RandomDraw(1, 0, foil::Purpose::start, ++draw));
        benchmark::DoNotOptimize(w.data());
      });
}

/// As after a projection, anywhere in the ball; on the 256 levels of an image where the second argument says
/// so.
template <class N>
void settle(benchmark::State& state) {
  const foil::Lattice levels(0, 1, 255);
  const bool on_lattice = state.range(1) != 0;
  struct Input {
    Input(Problem&& problem, const foil::Lattice* lattice) : p(std::move(problem)), inside(p.x.size()) {
      p.original = p.original.cast<float>().cast<double>();
      for (double& value : p.original)
        if (lattice)
          value = static_cast<double>(static_cast<float>(lattice->value(0, lattice->index(0, value))));
      inside = p.original + 0.1 * p.direction;
      epsilon = 0.5 * N::size(Vector(inside - p.original));
      geometry::project(inside, geometry::Region<N>{p.original, p.box, epsilon});
      points = std::make_unique<geometry::Representable>(p.original, p.box, N{}, true, lattice);
    }
    Problem p;
    Vector inside;
    double epsilon = 0;
    std::unique_ptr<geometry::Representable> points{};
  };
  Vector x(state.range(0));
  measure(
      state, 5 * sizeof(double),
      [&](Problem&& p) { return std::make_unique<Input>(std::move(p), on_lattice ? &levels : nullptr); },
      [&](const std::unique_ptr<Input>& input) {
        x = input->inside;
        input->points->settle(x, input->epsilon);
        benchmark::DoNotOptimize(x.data());
      });
  state.SetLabel(on_lattice ? "lattice" : "any value");
}

/// Noise of a quarter of the frequencies along each axis.
void low_frequency(benchmark::State& state) {
  const geometry::ImageLayout layout = image(state.range(0));
  const geometry::LowFrequency basis(layout.channels, layout.height, layout.width, 4);
  Vector pixels;
  measure(
      state, 0, [&](const Problem& p) { return Vector(p.direction.head(basis.dimension())); },
      [&](const Vector& coefficients) {
        basis.synthesise(coefficients, pixels);
        benchmark::DoNotOptimize(pixels.data());
      });
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
      const double time = run.GetAdjustedCPUTime() * 1e3 / features;
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
