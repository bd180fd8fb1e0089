// SPDX-License-Identifier: MIT
/// \file
/// What a network costs in foil's engine: forward, and forward with the gradient of the input.
///
///     engine net.onnx           medians at batch 1 and 100, and the peak of the engine's matrix kernel
///     engine net.onnx --serve   for engine_torch.py: one timing for every line "batch threads gradient" of
///                               standard input
///
/// The network takes rank-4 inputs.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <foil/nn/gemm.hpp>
#include <foil/nn/onnx.hpp>
#include <iostream>
#include <string>
#include <vector>

namespace {

using foil::Index;
using Network = foil::nn::Network<float, 4>;
using Clock = std::chrono::steady_clock;

double keep_busy = 0;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// The median time of a call in seconds, over as many calls as fit the time, at least five.
template <class F>
double seconds(F&& call, double time) {
  std::vector<double> times;
  call();
  for (double spent = 0; spent < time || times.size() < 5; spent += times.back()) {
    const auto start = Clock::now();
    call();
    times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  return median(std::move(times));
}

struct Job {
  Index batch;
  int threads;
  bool gradient;
};

/// Milliseconds per sample.
double measure(const std::string& file, const Job& job, double time) {
  const Network network = foil::onnx::load(file, {.threads = job.threads});
  const auto& shape = network.input_shape();
  foil::Tensor<float, 4> x(job.batch, shape[0], shape[1], shape[2]);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i * 37 % 101) / 101.f;
  const foil::Logits<float> cotangent = foil::Logits<float>::Ones(job.batch, network.classes());
  const auto run = [&] {
    if (job.gradient)
      keep_busy += static_cast<double>(network.vjp(x).pullback(cotangent).data()[0]);
    else
      keep_busy += static_cast<double>(network.logits(x)(0, 0));
  };
  return seconds(run, time) * 1e3 / static_cast<double>(job.batch);
}

/// Floating-point operations per second of full tiles on data in the caches.
double kernel_peak() {
  constexpr Index depth = 512, columns = 256;
  const foil::nn::PackedMatrix<float> matrix(depth, columns, [](Index, Index) { return 0.5f; });
  foil::nn::Buffer<float> storage(foil::nn::RowTile<float>::storage(depth));
  const foil::nn::RowTile<float> tile(storage.data(), foil::nn::tile_rows);
  for (Index r = 0; r < tile.rows(); ++r) tile.row(r).zeros(depth);
  const std::vector<float> start(columns, 0.f);
  std::vector<float> out(static_cast<std::size_t>(foil::nn::tile_rows * columns));
  constexpr int calls = 50;
  const double time = seconds(
      [&] {
        for (int i = 0; i < calls; ++i) matrix.multiply(tile, start.data(), out.data(), columns);
        keep_busy += static_cast<double>(out[0]);
      },
      0.2);
  return 2. * static_cast<double>(depth * columns * foil::nn::tile_rows) * calls / time;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || (argc > 2 && std::string(argv[2]) != "--serve")) {
    std::fprintf(stderr, "usage: engine net.onnx [--serve]\n");
    return 2;
  }
  try {
    if (argc > 2) {
      int gradient = 0;
      for (Job job{}; std::cin >> job.batch >> job.threads >> gradient;) {
        job.gradient = gradient != 0;
        std::printf("%.6f\n", measure(argv[1], job, 0.1));
        std::fflush(stdout);
      }
      return 0;
    }
    std::printf("kernel peak: %.1f GFLOP/s on one thread\n", kernel_peak() * 1e-9);
    for (const int threads : {1, 2})
      for (const Index batch : {Index(1), Index(100)})
        for (const bool gradient : {false, true})
          std::printf("batch %3d, %d thread%s, %-18s %8.4f ms per sample\n", static_cast<int>(batch), threads,
                      threads > 1 ? "s" : " ", gradient ? "forward + gradient" : "forward",
                      measure(argv[1], {batch, threads, gradient}, 1.));
  } catch (const foil::Error& problem) {
    std::fprintf(stderr, "engine: %s\n", problem.what());
    return 2;
  }
  return keep_busy == 0.123;  // the results are used
}
