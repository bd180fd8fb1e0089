// SPDX-License-Identifier: MIT
/// \file
/// foil's side of engine_versus.py: what loading a network of rank-4 inputs costs, then one timing for every
/// line "batch threads gradient seconds" of standard input. Needs no library but the importer's.
///
///     engine_serve net.onnx
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>

#include "foil/onnx/onnx.hpp"

namespace {

using foil::Index;
using Network = foil::nn::Network<float, 4>;

foil::Tensor<float, 4> inputs(const Network& network, Index batch) {
  const auto& shape = network.input_shape();
  foil::Tensor<float, 4> x(batch, shape[0], shape[1], shape[2]);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i * 37 % 101) / 101.f;
  return x;
}

/// Seconds in user mode, and seconds on the clock.
struct Times {
  double user, wall;
};

Times now() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return {static_cast<double>(usage.ru_utime.tv_sec) + 1e-6 * static_cast<double>(usage.ru_utime.tv_usec),
          std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count()};
}

/// A line of /proc/self/status in MB: VmRSS, or VmHWM, its peak.
double megabytes(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == key + ":") {
      double kilobytes = 0;
      status >> kilobytes;
      return kilobytes / 1024;
    }
  return 0;
}

/// Times per call, over as many calls as fit the seconds; the first one warms up.
template <class F>
Times per_call(F&& call, double seconds) {
  call();
  const Times start = now();
  Times end = start;
  int calls = 0;
  for (; calls == 0 || end.wall - start.wall < seconds; end = now(), ++calls) call();
  return {(end.user - start.user) / calls, (end.wall - start.wall) / calls};
}

void serve(const std::string& file) {
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak starts from here
  const double before = megabytes("VmRSS");
  const std::clock_t start = std::clock();
  Network network = foil::onnx::load(file);
  const double spent = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  const double loaded = megabytes("VmHWM") - before;
  const auto logits = network.logits(inputs(network, 1));
  std::printf("%.6g %.6g %.6g", spent, loaded, megabytes("VmHWM") - before);
  for (Index i = 0; i < logits.cols(); ++i) std::printf(" %.9g", static_cast<double>(logits(0, i)));
  std::printf("\n");
  std::fflush(stdout);

  int loaded_threads = 1, threads = 0, gradient = 0;
  double seconds = 0;
  for (Index batch = 0; std::cin >> batch >> threads >> gradient >> seconds;) {
    if (threads != loaded_threads) network = foil::onnx::load(file, {.threads = threads});
    loaded_threads = threads;
    const auto x = inputs(network, batch);
    const foil::Logits<float> ones = foil::Logits<float>::Ones(batch, network.classes());
    volatile float sink = 0;
    const Times times = per_call(
        [&] { sink = gradient != 0 ? *network.vjp(x).pullback(ones).data() : *network.logits(x).data(); },
        seconds);
    std::printf("%.9g %.9g\n", times.user, times.wall);
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: engine_serve net.onnx\n");
    return 2;
  }
  serve(argv[1]);
  return 0;
} catch (const foil::Error& problem) {
  std::fprintf(stderr, "engine_serve: %s\n", problem.what());
  return 2;
}
