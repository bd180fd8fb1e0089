// SPDX-License-Identifier: MIT
// How large is noise "of size epsilon" once it has been clipped to the pixels' range? Smaller, and by how
// much depends on the image: noise tests then compare unlike things. Clipping-aware rescaling (Rauber &
// Bethge 2020) makes it what it is said to be.
//
// normalized_noise [images] [picture.png]
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <foil/foil.hpp>
#include <foil/geometry/rescale.hpp>
#include <foil/io/data.hpp>
#include <foil/io/png.hpp>
#include <foil/onnx/onnx.hpp>
#include <foil/report/sheet.hpp>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace {

using foil::Index;
using Images = foil::Tensor<float, 4>;

const foil::Bounds<float> bounds(0, 1);  // of the pixels

/// Each image with its noise, stretched by its own factor, clipped.
Images noisy(const Images& images, const Images& noise, const Eigen::VectorXd& factors) {
  Images out = images;
  for (Index i = 0; i < foil::samples(images); ++i)
    foil::sample(out, i) = (foil::sample(images, i) + static_cast<float>(factors[i]) * foil::sample(noise, i))
                               .cwiseMax(0.0f)
                               .cwiseMin(1.0f);
  return out;
}

/// What became of the noise.
struct Outcome {
  double smallest = INFINITY, largest = 0, mean = 0;  // L2 size
  double fooled = 0;                                  // share of the images
  std::vector<double> sizes{};
};

template <class Network>
Outcome judge(const Network& network, const Images& images, const Images& changed,
              const foil::Labels& labels) {
  Outcome outcome;
  const auto count = static_cast<double>(labels.size());
  const foil::Labels said = foil::predict(network, changed);
  for (Index i = 0; i < labels.size(); ++i) {
    const double size = foil::distance(foil::L2{}, foil::sample(images, i), foil::sample(changed, i));
    outcome.sizes.push_back(size);
    outcome.smallest = std::min(outcome.smallest, size);
    outcome.largest = std::max(outcome.largest, size);
    outcome.mean += size / count;
    outcome.fooled += (said[i] != labels[i]) / count;
  }
  return outcome;
}

foil::report::SheetBlock block(const char* title, const Images& images, const Images& changed,
                               const Outcome& outcome, double epsilon) {
  foil::report::SheetBlock out{
      title,
      foil::text("mean L2 size ", std::round(100 * outcome.mean) / 100, " of ", epsilon),
      {},
      "with noise"};
  for (Index i = 0; i < std::min<Index>(6, foil::samples(images)); ++i) {
    const auto clean = foil::sample(images, i), after = foil::sample(changed, i);
    out.rows.push_back({foil::text("L2 ", std::round(100 * outcome.sizes[static_cast<std::size_t>(i)]) / 100),
                        {clean.begin(), clean.end()},
                        {after.begin(), after.end()}});
  }
  return out;
}

void compare(int argc, char** argv) {
  const std::string data = FOIL_EXAMPLES_DATA;
  char* end = nullptr;
  const long count = argc > 1 ? std::strtol(argv[1], &end, 10) : 500;
  const std::string picture = argc > 2 ? argv[2] : "normalized_noise.png";

  const auto network = foil::onnx::load<float, 4>(data + "/mnist_cnn.onnx", {.bounds = bounds});
  const Images all = foil::io::read_images(data + "/mnist-test-1000-images.idx3-ubyte.gz", bounds);
  const foil::Labels all_labels = foil::io::read_labels(data + "/mnist-test-1000-labels.idx1-ubyte.gz");
  foil::require((end == nullptr || *end == '\0') && count >= 1 && count <= foil::samples(all),
                "expected 1 to ", foil::samples(all), " images, got ", argc > 1 ? argv[1] : "");
  std::vector<Index> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  const Images images = foil::gather(all, rows);
  const foil::Labels labels = all_labels.head(count);

  Images noise = images;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (float& value : foil::as_matrix(noise).reshaped()) value = normal(random);

  std::printf(
      "Gaussian noise on %ld MNIST images, clipped to [0, 1]: L2 size after clipping, and images taken for "
      "another digit\n\n",
      count);
  std::printf("         |            scaled, then clipped |                  clipping-aware\n");
  std::printf("epsilon  |    min   mean    max   mistaken |    min   mean    max   mistaken\n");
  std::printf("---------+---------------------------------+--------------------------------\n");
  std::vector<foil::report::SheetBlock> blocks;
  for (const double epsilon : {1.0, 2.0, 4.0, 6.0, 8.0, 10.0}) {
    Eigen::VectorXd naive(count);
    for (Index i = 0; i < count; ++i) naive[i] = epsilon / foil::L2::size(foil::sample(noise, i));
    const auto aware = foil::geometry::rescale(
        images, noise, bounds, Eigen::VectorXd(Eigen::VectorXd::Constant(count, epsilon)), foil::L2{});
    std::printf("%7g  |", epsilon);
    for (const bool clipping_aware : {false, true}) {
      const Images changed = noisy(images, noise, clipping_aware ? aware.eta : naive);
      const Outcome outcome = judge(network, images, changed, labels);
      std::printf(" %6.3f %6.3f %6.3f %8.1f %% %s", outcome.smallest, outcome.mean, outcome.largest,
                  100 * outcome.fooled, clipping_aware ? "\n" : "|");
      if (epsilon == 8)
        blocks.push_back(block(clipping_aware ? "clipping-aware" : "scaled, then clipped", images, changed,
                               outcome, epsilon));
    }
  }
  foil::io::write_png(picture, foil::report::draw_sheet("Noise of L2 size 8", {}, blocks));
  std::printf("\nPicture: %s\n", picture.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    compare(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "normalized_noise: %s\n", error.what());
    return 2;
  }
}
