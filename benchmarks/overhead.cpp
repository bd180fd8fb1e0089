// SPDX-License-Identifier: MIT
// What an attack costs beyond its model calls: total time over the time of the same calls made bare.
//
//   overhead net.onnx images.idx ATTACK[:option=value,...][@EPSILON] ...
//
// Each attack runs on the first 100 images at batch size 100, on one thread, with these images as the pool.
// Its model calls are noted and then made again bare, on images of the same number; both runs alternate, and
// the medians of the times and of the ratios are printed.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <foil/evaluation/accuracy.hpp>
#include <foil/io/data.hpp>
#include <string>
#include <vector>

#include "catalogue/all_attacks.hpp"
#include "catalogue/importer.hpp"
#include "request.hpp"

namespace {

using Input = foil::Tensor<float, 4>;
using Network = decltype(foil::onnx::load<float, 4>(std::string()));
using Clock = std::chrono::steady_clock;

struct Call {
  foil::Index samples;
  bool backward;
};

/// Passes everything on and notes what was asked. Not thread-safe on purpose.
struct Recorder {
  using Input = ::Input;
  const Network& network;
  std::vector<Call>& calls;

  auto bounds() { return network.bounds(); }
  auto logits(const Input& x) {
    calls.push_back({foil::samples(x), false});
    return network.logits(x);
  }
  auto vjp(const Input& x) {
    calls.push_back({foil::samples(x), true});
    return network.vjp(x);
  }
};

double seconds(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// The noted calls again, on the first images.
double bare(const Network& network, const Input& images, const std::vector<Call>& calls) {
  std::vector<Input> batches(static_cast<std::size_t>(foil::samples(images)) + 1);
  for (const Call& call : calls) {
    Input& batch = batches[static_cast<std::size_t>(call.samples)];
    if (batch.size() > 0) continue;
    batch.resize(foil::resized(images, call.samples));
    foil::as_matrix(batch) = foil::as_matrix(images).topRows(call.samples);
  }
  foil::Logits<float> cotangent;
  const auto start = Clock::now();
  for (const Call& call : calls) {
    const Input& batch = batches[static_cast<std::size_t>(call.samples)];
    if (call.backward) {
      const auto vjp = network.vjp(batch);
      cotangent = foil::Logits<float>::Constant(vjp.logits.rows(), vjp.logits.cols(), 0.1f);
      cotangent.col(0).setConstant(-0.9f);
      vjp.pullback(cotangent);
    } else {
      network.logits(batch);
    }
  }
  return seconds(start);
}

void measure(const Network& network, const Input& images, const foil::Pool<Input>& pool,
             const std::string& request, int rounds) {
  const auto [attack, epsilon] = benchmarks::attack_of(request);
  const foil::Labels labels = foil::predict(network, images);
  std::vector<double> totals, bares, ratios;
  for (int round = 0; round <= rounds; ++round) {  // the first one warms up
    std::vector<Call> calls;
    Recorder recorder{network, calls};
    const auto start = Clock::now();
    attack(recorder, images, labels, epsilon.value_or(0.1),
           {.pool = pool, .batch_size = foil::samples(images)});
    const double total = seconds(start);
    const double alone = bare(network, images, calls);
    if (round == 0) continue;
    totals.push_back(total);
    bares.push_back(alone);
    ratios.push_back(total / alone);
  }
  std::printf("%-52s %10.4f %10.4f %8.3f\n", request.c_str(), median(totals), median(bares), median(ratios));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::fprintf(stderr, "usage: overhead net.onnx images.idx ATTACK[:option=value,...][@EPSILON] ...\n");
    return 2;
  }
  const Network network = foil::onnx::load<float, 4>(argv[1]);
  const Input all = foil::io::read_images<float>(argv[2], network.bounds());
  std::vector<foil::Index> rows;
  for (foil::Index row = 0; row < std::min<foil::Index>(100, foil::samples(all)); ++row) rows.push_back(row);
  const Input images = foil::gather(all, rows);
  const foil::Pool<Input> pool(network, images);
  std::printf("%-52s %10s %10s %8s\n", "attack", "seconds", "bare", "ratio");
  for (int i = 3; i < argc; ++i) measure(network, images, pool, argv[i], 9);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "overhead: %s\n", error.what());
  return 2;
}
