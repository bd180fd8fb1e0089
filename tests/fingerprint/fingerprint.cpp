// SPDX-License-Identifier: MIT
// Prints what every attack of the library finds, as hashes: of the adversarials, the distances, the statuses
// and the counts. Default options, the first 20 images of examples/data, a fixed seed; on one and on two
// threads. Two revisions built on one machine are compared by compare.sh; bits may differ between machines,
// so nothing is recorded.
//
//   fingerprint [part of a name]
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>

#include "catalogue/all_attacks.hpp"
#include "foil/io/data.hpp"
#include "support/onnx.hpp"

namespace {

using Images = foil::Tensor<float, 4>;

/// FNV-1a over the bytes of an array.
template <class Array>
std::uint64_t hash(const Array& array) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(array.data());
  const auto size = static_cast<std::size_t>(array.size()) * sizeof(*array.data());
  std::uint64_t out = 0xCBF29CE484222325u;
  for (std::size_t i = 0; i < size; ++i) out = (out ^ bytes[i]) * 0x100000001B3u;
  return out;
}

double radius(foil::Lp norm) {
  return norm.p == 0 ? 50 : norm.p == 1 ? 15 : norm.p == 2 ? 2 : 0.15;
}

template <class... Arrays>
void print(const char* what, const Arrays&... arrays) {
  std::printf("  %s", what);
  (std::printf(" %016llx", static_cast<unsigned long long>(hash(arrays))), ...);
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string data = FOIL_EXAMPLES_DATA, wanted = argc > 1 ? argv[1] : "";
  const auto network = foil::onnx::load<float, 4>(data + "/mnist_cnn.onnx");
  const Images all =
      foil::io::read_images<float>(data + "/mnist-test-1000-images.idx3-ubyte.gz", network.bounds());
  const foil::Labels every = foil::io::read_labels(data + "/mnist-test-1000-labels.idx1-ubyte.gz");
  const auto rows = [&](foil::Index first, foil::Index count) {
    Images out(foil::resized(all, count));
    foil::as_matrix(out) = foil::as_matrix(all).middleRows(first, count);
    return out;
  };
  const Images images = rows(0, 20);
  const foil::Labels labels = every.head(20);
  const foil::Pool<Images> pool(network, rows(100, 100));
  for (const foil::AttackEntry& entry : programs::all_attacks().entries()) {
    if (entry.name.find(wanted) == std::string::npos) continue;
    for (const int threads : {1, 2}) {
      const auto result = entry.make({})(network, images, labels, radius(entry.norm),
                                         {.seed = 7, .threads = threads, .pool = pool, .batch_size = 8});
      std::printf("%-55s %d", entry.name.c_str(), threads);
      print("adversarials", result.adversarials);
      print("distances", result.distances);
      print("statuses", result.status, result.success, result.predictions);
      print("counts", result.queries, result.gradient_queries, result.verification_queries,
            result.surplus_queries, result.bad_rows);
      std::putchar('\n');
      std::fflush(stdout);
    }
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "fingerprint: %s\n", error.what());
  return 2;
}
