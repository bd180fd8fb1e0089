// SPDX-License-Identifier: MIT
// How close attacks that see labels or scores only have come after so many queries.
//
//   closed_box net.onnx images labels COUNT STARTS.npy|- BUDGET ATTACK[:option=value,...] ...
//
// Attacks the first COUNT images that are classified correctly, from the rows of the images that STARTS.npy
// names or from where the attacks find something themselves, one run each at the budget. Prints lines of CSV:
// attack, norm, the image's row, the queries allowed, the distance by then (empty: none), and the processor
// milliseconds of this run per query, the network's included.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <foil/core/criteria.hpp>
#include <foil/evaluation/accuracy.hpp>
#include <foil/io/data.hpp>
#include <foil/io/labels.hpp>
#include <foil/io/npy.hpp>
#include <limits>
#include <string>
#include <vector>

#include "catalogue/importer.hpp"
#include "request.hpp"

namespace {

using Input = foil::Tensor<float, 4>;
using foil::Index;

constexpr std::int64_t after[] = {100, 200, 500, 1000, 2000, 5000, 10'000, 20'000, 50'000, 100'000};

void measure(const auto& network, const Input& images, const foil::Labels& labels,
             const std::vector<Index>& rows, const foil::RunOptions<Input>& options,
             const std::string& request) {
  const auto attack = benchmarks::attack_of(request).first;
  const std::clock_t start = std::clock();
  const foil::Result<Input> result = attack(network, images, labels, options);
  const double milliseconds = 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC /
                              static_cast<double>(result.queries.sum());
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (const std::int64_t queries : after) {
      if (queries > options.query_budget) break;
      double distance = std::numeric_limits<double>::infinity();
      for (const foil::TracePoint& point : result.traces[i])
        if (point.queries <= queries) distance = point.distance;
      std::printf("\"%s\",%s,%td,%lld,", request.c_str(), attack.norm().name().c_str(), rows[i],
                  static_cast<long long>(queries));
      if (distance < std::numeric_limits<double>::infinity()) std::printf("%.9g", distance);
      std::printf(",%.4g\n", milliseconds);
    }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 8) {
    std::fprintf(stderr, "usage: closed_box net.onnx images labels COUNT STARTS.npy|- BUDGET ATTACK ...\n");
    return 2;
  }
  const auto network = foil::onnx::load<float, 4>(argv[1]);
  const Input all = foil::io::read_images<float>(argv[2], network.bounds());
  const foil::Labels labels = foil::io::read_labels(argv[3], foil::samples(all));
  const auto count = static_cast<std::size_t>(std::atoll(argv[4]));
  const foil::Labels predictions = foil::predict(network, all);
  std::vector<Index> rows;
  for (Index row = 0; row < foil::samples(all) && rows.size() < count; ++row)
    if (predictions[row] == labels[row]) rows.push_back(row);
  foil::RunOptions<Input> options{.query_budget = std::atoll(argv[6]), .batch_size = 100, .trace = true};
  if (std::string(argv[5]) != "-") {
    auto starts = foil::io::read_npy(argv[5]).values<std::int64_t>();
    starts.resize(rows.size());
    options.starting_points = foil::gather(all, starts);
  }
  foil::Labels right(static_cast<Index>(rows.size()));
  for (std::size_t i = 0; i < rows.size(); ++i) right[static_cast<Index>(i)] = labels[rows[i]];
  const Input images = foil::gather(all, rows);
  std::printf("attack,norm,row,queries,distance,milliseconds\n");
  for (int i = 7; i < argc; ++i) measure(network, images, right, rows, options, argv[i]);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "closed_box: %s\n", error.what());
  return 2;
}
