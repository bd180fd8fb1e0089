// SPDX-License-Identifier: MIT
/// \file
/// What a network costs in foil's engine: as a whole, and one operator after the other, forward and backward.
///
///     engine net.onnx [--benchmark_filter=...]
///
/// One row per operator, direction and batch size. `per_sample` is the processor time; FLOP/s counts the
/// products alone, and `peak` is their share of what the engine's matrix kernel reaches on full tiles in the
/// caches. The network takes rank-4 inputs.
#include <benchmark/benchmark.h>
#include <cxxabi.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <regex>
#include <string>
#include <typeinfo>
#include <vector>

#include "catalogue/importer.hpp"
#include "kernel_peak.hpp"

namespace {

using foil::Index;
using Network = foil::nn::Network<float, 4>;
using View = foil::nn::Graph<float>::View;
using Array = std::vector<float>;

foil::Tensor<float, 4> inputs(const Network& network, Index batch) {
  const auto& shape = network.input_shape();
  foil::Tensor<float, 4> x(batch, shape[0], shape[1], shape[2]);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i * 37 % 101) / 101.f;
  return x;
}

/// Runs the network once: forward, or forward and backward.
class Run {
 public:
  Run(const Network& network, Index batch, bool gradient)
      : network_(network),
        x_(inputs(network, batch)),
        cotangent_(foil::Logits<float>::Ones(batch, network.classes())),
        gradient_(gradient) {}

  void operator()() const {
    if (gradient_)
      benchmark::DoNotOptimize(network_.vjp(x_).pullback(cotangent_).data());
    else
      benchmark::DoNotOptimize(network_.logits(x_).data());
  }

 private:
  const Network& network_;
  foil::Tensor<float, 4> x_;
  foil::Logits<float> cotangent_;
  bool gradient_;
};

void report(benchmark::State& state, Index batch, double multiply_adds, double peak) {
  using benchmark::Counter;
  const double samples = static_cast<double>(state.iterations() * batch);
  state.counters["per_sample"] = Counter(samples, Counter::kIsRate | Counter::kInvert);
  if (multiply_adds == 0) return;
  state.counters["FLOP/s"] = Counter(2 * multiply_adds * samples, Counter::kIsRate);
  state.counters["peak"] = Counter(2 * multiply_adds * samples / peak, Counter::kIsRate);
}

/// One operator on as many samples at once as the network gives it.
class Layer {
 public:
  Layer(const View& view, Index chunk)
      : view_(view),
        chunk_(chunk),
        scratch_(view.op.scratch()),
        kept_(static_cast<std::size_t>(chunk * view.op.kept_bytes())) {
    for (const Index size : view.inputs) {
      arrays_.push_back(noise(chunk * size));
      gradients_.push_back(Array(static_cast<std::size_t>(chunk * size)));
    }
    for (Array& array : arrays_) from_.push_back(array.data());
    for (Array& array : gradients_) to_.push_back(array.data());
    output_ = cotangent_ = noise(chunk * view.output);
    view_.op.forward_keeping(chunk, from_.data(), output_.data(), kept_.data(), scratch_.data());
  }

  void forward(Index batch) {
    for (; batch > 0; batch -= chunk_)
      view_.op.forward(std::min(batch, chunk_), from_.data(), output_.data(), scratch_.data());
    benchmark::ClobberMemory();
  }

  void backward(Index batch) {
    for (; batch > 0; batch -= chunk_)
      if (kept_.empty())
        view_.op.backward(std::min(batch, chunk_), from_.data(), output_.data(), cotangent_.data(),
                          to_.data(), scratch_.data());
      else
        view_.op.backward_from(std::min(batch, chunk_), kept_.data(), cotangent_.data(), to_.data(),
                               scratch_.data());
    benchmark::ClobberMemory();
  }

 private:
  static Array noise(Index size) {
    Array values(static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 37 % 101) / 50.f - 1.f;
    return values;
  }

  View view_;
  Index chunk_;
  foil::nn::Buffer<float> scratch_;
  std::vector<std::byte> kept_;
  std::vector<Array> arrays_, gradients_;
  Array output_, cotangent_;
  std::vector<const float*> from_;
  std::vector<float*> to_;
};

/// The operator's type without namespaces, scalar types and instruction sets, and its sizes per sample.
std::string name_of(const View& view) {
  int status = 0;
  char* const demangled = abi::__cxa_demangle(typeid(view.op).name(), nullptr, nullptr, &status);
  std::string name =
      std::regex_replace(std::string(demangled), std::regex(", foil::(simd|kernels)::[\\w:]*Isa"), "");
  name = std::regex_replace(name, std::regex("foil::(nn|kernels::\\w+::\\w+)::|float, |<float>| "), "");
  std::free(demangled);
  const auto append = [&](const char* before, Index n) { name += before + std::to_string(n); };
  for (std::size_t i = 0; i < view.inputs.size(); ++i) append(i == 0 ? "/" : "+", view.inputs[i]);
  append("to", view.output);
  return name;
}

void register_all(const Network& network, const double peak) {
  const auto& engine = network.engine();
  double all = 0;
  for (std::size_t i = 0; i < engine.graph.operators(); ++i)
    all += static_cast<double>(engine.graph.view(i).op.multiply_adds());
  for (const Index batch : {Index(1), Index(100)}) {
    const std::string end = "/batch:" + std::to_string(batch);
    for (const bool gradient : {false, true})
      benchmark::RegisterBenchmark(("network/" + std::string(gradient ? "vjp" : "logits") + end).c_str(),
                                   [=, &network](benchmark::State& state) {
                                     const Run run(network, batch, gradient);
                                     for (auto _ : state) run();
                                     report(state, batch, gradient ? 2 * all : all, peak);
                                   });
    for (std::size_t i = 0; i < engine.graph.operators(); ++i)
      for (const bool backward : {false, true}) {
        const View view = engine.graph.view(i);
        const std::string name = std::to_string(i) + ":" + name_of(view);
        benchmark::RegisterBenchmark(
            (name + (backward ? "/backward" : "/forward") + end).c_str(), [=](benchmark::State& state) {
              Layer layer(view, std::min(batch, view.together));
              for (auto _ : state) backward ? layer.backward(batch) : layer.forward(batch);
              report(state, batch, static_cast<double>(view.op.multiply_adds()), peak);
            });
      }
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2 || argv[1][0] == '-') {
    std::fprintf(stderr, "usage: engine net.onnx [--benchmark_filter=... and the like]\n");
    return 2;
  }
  const std::string file = argv[1];
  benchmark::Initialize(&argc, argv);
  const Network network = foil::onnx::load(file);
  const double peak = kernel_peak();
  benchmark::AddCustomContext("kernel_peak", foil::text(peak * 1e-9, " GFLOP/s on one thread"));
  register_all(network, peak);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
} catch (const foil::Error& problem) {
  std::fprintf(stderr, "engine: %s\n", problem.what());
  return 2;
}
