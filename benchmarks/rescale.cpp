// SPDX-License-Identifier: MIT
/// \file
/// Times clipping-aware rescaling (L2, float, the unit box) for rescale_reference.py; geometry.cpp times it
/// beside the other functions of geometry/.
///
///     rescale <samples> <features> <epsilon> <file>
///
/// The file holds raw floats, inputs before directions. Prints the factors, then, for every line of standard
/// input, the medians of the processor time of a rescaling and of reading the arrays once, in seconds.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: rescale <samples> <features> <epsilon> <file>\n");
    return 2;
  }
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
  return keep_busy == 0.123;  // the results are used
}
