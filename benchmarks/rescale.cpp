// SPDX-License-Identifier: MIT
/// \file
/// What clipping-aware rescaling (L2, float, the unit box) costs per entry, beside reading its input once.
///
///     rescale                                      random batches of two shapes
///     rescale <samples> <features> <epsilon> <file>   for rescale_reference.py: a batch from a file of raw
///                                                  floats, inputs before directions; prints the factors,
///                                                  then one line of timings for every line of standard input
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "foil/geometry/rescale.hpp"

namespace {

using foil::Index;
using Images = foil::Tensor<float, 2>;

struct Batch {
  Images inputs, directions;
  double epsilon = 0;
};

double keep_busy = 0;

/// Processor time of this thread: on a busy machine, the wall clock would also count the others.
double now() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// The median time of a call in seconds.
template <class F>
double seconds(F&& call, int repetitions) {
  std::vector<double> times;
  for (int i = 0; i < repetitions; ++i) {
    const double start = now();
    keep_busy += call();
    times.push_back(now() - start);
  }
  std::nth_element(times.begin(), times.begin() + repetitions / 2, times.end());
  return times[static_cast<std::size_t>(repetitions / 2)];
}

foil::geometry::Rescalings rescale(const Batch& batch) {
  const Eigen::VectorXd epsilons = Eigen::VectorXd::Constant(foil::samples(batch.inputs), batch.epsilon);
  return foil::geometry::rescale(batch.inputs, batch.directions, foil::Bounds<float>{}, epsilons, foil::L2{});
}

/// Reads every entry once.
double read(const float* values, Index count) {
  return static_cast<double>(Eigen::Map<const Eigen::ArrayXf>(values, count).sum());
}

struct Timing {
  double rescaling, reading;
};

Timing measure(const Batch& batch, int repetitions) {
  const Index size = batch.inputs.size();
  return {seconds([&] { return rescale(batch).eta.sum(); }, repetitions),
          seconds([&] { return read(batch.inputs.data(), size) + read(batch.directions.data(), size); },
                  repetitions)};
}

Batch random_batch(Index samples, Index features, double epsilon) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> unit;
  std::normal_distribution<float> normal;
  Batch out{Images(samples, features), Images(samples, features), epsilon};
  std::generate_n(out.inputs.data(), out.inputs.size(), [&] { return unit(random); });
  std::generate_n(out.directions.data(), out.directions.size(), [&] { return normal(random); });
  return out;
}

int serve(char** argv) {
  const Index samples = std::atol(argv[1]), features = std::atol(argv[2]);
  Batch batch{Images(samples, features), Images(samples, features), std::atof(argv[3])};
  std::ifstream file(argv[4], std::ios::binary);
  for (Images* images : {&batch.inputs, &batch.directions})
    file.read(reinterpret_cast<char*>(images->data()),
              static_cast<std::streamsize>(images->size()) * static_cast<std::streamsize>(sizeof(float)));
  if (!file) {
    std::fprintf(stderr, "%s does not hold 2 x %s x %s floats\n", argv[4], argv[1], argv[2]);
    return 1;
  }
  for (const double eta : rescale(batch).eta) std::printf("%.17g ", eta);
  std::puts("");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    const auto [rescaling, reading] = measure(batch, 9);
    std::printf("%.9g %.9g\n", rescaling, reading);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5) return serve(argv);
  const Index large = 64 << 20;
  const std::vector<float> block(static_cast<std::size_t>(large), 1.f);
  const double memory =
      2 * seconds([&] { return read(block.data(), large); }, 5) / static_cast<double>(large);
  std::printf("%-14s %12s %24s %24s\n", "batch", "ns / entry", "reading these arrays", "reading from memory");
  for (const auto& batch : {random_batch(128, 784, 3.6), random_batch(16, 150528, 20)}) {
    const auto [rescaling, reading] = measure(batch, 51);
    const double entries = static_cast<double>(batch.inputs.size());
    std::printf("%4td x %-7td %12.3f %14.3f (x %.1f) %14.3f (x %.1f)\n", foil::samples(batch.inputs),
                foil::features(batch.inputs), 1e9 * rescaling / entries, 1e9 * reading / entries,
                rescaling / reading, 1e9 * memory, rescaling / entries / memory);
  }
  return keep_busy == 0;
}
