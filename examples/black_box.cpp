// SPDX-License-Identifier: MIT
// A service that tells nothing but a label, attacked within a budget of calls: how close do adversarials get?
//
// black_box [images] [calls per image] [file.csv]
//
// Writes the distance against the number of calls, ready to be plotted: quartiles over the images.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <foil/foil.hpp>
#include <foil/io/data.hpp>
#include <foil/io/file.hpp>
#include <foil/onnx/onnx.hpp>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace {

using Images = foil::Tensor<float, 4>;

long argument(int argc, char** argv, int which, long otherwise) {
  if (argc <= which) return otherwise;
  char* end = nullptr;
  const long value = std::strtol(argv[which], &end, 10);
  foil::require(*end == '\0' && value >= 1, "expected a number >= 1, got '", argv[which], "'");
  return value;
}

/// One line per number of calls, in steps of a twentieth of a decade.
std::string table(const foil::Result<Images>& result, long budget) {
  std::string csv = "calls,lower_quartile,median,upper_quartile\n";
  long last = 0;
  for (double at = 10; last < budget; at *= 1.122018) {
    const long calls = std::min(budget, static_cast<long>(at));
    if (calls == std::exchange(last, calls)) continue;
    std::vector<double> distances;
    for (const auto& trace : result.traces) {
      double distance = std::numeric_limits<double>::infinity();
      for (const foil::TracePoint& point : trace)
        if (point.queries <= calls) distance = point.distance;
      distances.push_back(distance);
    }
    std::sort(distances.begin(), distances.end());
    const auto quantile = [&](double q) {
      return distances[static_cast<std::size_t>(q * static_cast<double>(distances.size() - 1) + 0.5)];
    };
    csv += foil::text(calls, ",", quantile(0.25), ",", quantile(0.5), ",", quantile(0.75), "\n");
  }
  return csv;
}

void attack(int argc, char** argv) {
  const std::string data = FOIL_EXAMPLES_DATA;
  const long count = argument(argc, argv, 1, 20), budget = argument(argc, argv, 2, 2000);
  const std::string out = argc > 3 ? argv[3] : "black_box.csv";

  // The service: a function from images to labels. It could as well ask a server.
  const auto network = foil::onnx::load<float, 4>(data + "/mnist_cnn.onnx");
  const auto service = foil::make_model<Images>(foil::Bounds<float>(0, 1),
                                                [&](const Images& x) { return foil::predict(network, x); });

  const Images all = foil::io::read_images(data + "/mnist-test-1000-images.idx3-ubyte.gz", service.bounds());
  foil::require(count <= foil::samples(all), "expected at most ", foil::samples(all), " images, got ", count);
  std::vector<foil::Index> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  const Images images = foil::gather(all, rows);
  const foil::Labels said = foil::predict(service, images);

  const auto result = foil::BoundaryAttack{}(
      service, images, said,
      {.query_budget = budget,
       .observer =
           [&](const foil::Progress& p) {
             const long calls = std::min<long>(p.queries, count * budget);  // without the final check
             std::fprintf(stderr, "\r%ld of %ld calls", calls, count * budget);
           },
       .trace = true});
  std::fputc('\n', stderr);

  foil::io::write_file(out, table(result, budget));
  std::printf(
      "%ld of %ld images made the service say something else; median L2 distance %.3f after %ld calls. "
      "Curve: %s\n",
      static_cast<long>(result.success.count()), count, result.median_distance(), budget, out.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    attack(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "black_box: %s\n", error.what());
    return 2;
  }
}
