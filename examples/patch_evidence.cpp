// SPDX-License-Identifier: MIT
// Which parts of an image speak for a class, does what they say add up, and does it matter where they are
// (Brendel & Bethge 2019)? A network that answers by parts, wherever they are, is a bag of features.
//
// patch_evidence [images] [patch] [stride] [picture.png] [net.onnx images labels]
//
// Draws the evidence for each image's label in so many images, and says the rest of all of them.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <foil/evaluation/patches/additivity_gap.hpp>
#include <foil/evaluation/patches/patch_evidence.hpp>
#include <foil/evaluation/patches/patch_shuffle.hpp>
#include <foil/io/data.hpp>
#include <foil/io/png.hpp>
#include <foil/onnx/onnx.hpp>
#include <foil/report/heat_map.hpp>
#include <numeric>
#include <string>
#include <vector>

namespace {

using foil::Index;
using Images = foil::Tensor<float, 4>;

long argument(int argc, char** argv, int which, long otherwise) {
  if (argc <= which) return otherwise;
  char* end = nullptr;
  const long value = std::strtol(argv[which], &end, 10);
  foil::require(*end == '\0' && value >= 1, "expected a number >= 1, got '", argv[which], "'");
  return value;
}

template <class Network>
foil::report::HeatBlock evidence(const Network& network, const Images& images, const foil::Labels& labels,
                                 const foil::PatchOptions& options) {
  const auto present = foil::patch_evidence(network, images, labels, foil::PatchView::present, options);
  const auto occlude = foil::patch_evidence(network, images, labels, foil::PatchView::occlude, options);
  const foil::Labels said = foil::predict(network, images);
  foil::report::HeatBlock block{
      foil::text("patches of ", options.patch, " x ", options.patch, ", stride ", options.stride),
      "red: for the label, blue: against",
      {"present", "occlude"},
      {}};
  for (Index i = 0; i < foil::samples(images); ++i) {
    const auto image = foil::sample(images, i);
    block.rows.push_back({foil::text("label ", labels[i], ", said ", said[i]),
                          {image.begin(), image.end()},
                          {present.map(i), occlude.map(i)}});
  }
  return block;
}

void look(int argc, char** argv) {
  const std::string data = FOIL_EXAMPLES_DATA;
  const long shown = argument(argc, argv, 1, 6), patch = argument(argc, argv, 2, 7),
             stride = argument(argc, argv, 3, 2);
  const std::string picture = argc > 4 ? argv[4] : "patch_evidence.png";
  foil::require(argc <= 5 || argc == 8, "expected a network, its images and their labels, all or none");
  const bool own = argc == 8;
  const auto options = [&](Index every) {
    foil::PatchOptions out{.patch = patch, .stride = every};
    if (!own) out.baseline = {0};  // what digits stand on
    return out;
  };
  const foil::Bounds<float> bounds(0, 1);
  const auto network =
      foil::onnx::load<float, 4>(own ? argv[5] : data + "/mnist_cnn.onnx", {.bounds = bounds});
  const Images images =
      foil::io::read_images(own ? argv[6] : data + "/mnist-test-1000-images.idx3-ubyte.gz", bounds);
  const foil::Labels labels =
      foil::io::read_labels(own ? argv[7] : data + "/mnist-test-1000-labels.idx1-ubyte.gz");
  foil::require(shown <= foil::samples(images), "expected at most ", foil::samples(images), " images, got ",
                shown);
  std::vector<Index> rows(static_cast<std::size_t>(shown));
  std::iota(rows.begin(), rows.end(), 0);
  const Images few = foil::gather(images, rows);

  const Index side = images.dimension(3);
  std::printf("patches shuffled         right   95 %% interval, of %ld images\n",
              static_cast<long>(foil::samples(images)));
  bool first = true;
  for (const Index parts : {2, 4, 7, 14}) {
    if (side % parts != 0 || images.dimension(2) % (side / parts) != 0) continue;
    const auto found = foil::patch_shuffle(network, images, labels, side / parts);
    const auto line = [](const std::string& what, double share, const foil::Interval& interval) {
      std::printf("%-22s %5.1f %%   %.1f to %.1f %%\n", what.c_str(), 100 * share, 100 * interval.low,
                  100 * interval.high);
    };
    if (first) line("none", found.first(), found.first_interval());
    first = false;
    line(foil::text(side / parts, " x ", side / parts), found.second(), found.second_interval());
  }

  std::printf("\n4 patches of %ld x %ld at once, 10 times in each of %ld images\n", patch, patch, shown);
  for (const bool present : {true, false}) {
    const auto found = foil::additivity_gap(
        network, few, labels.head(shown),
        {.patches = options(patch), .view = present ? foil::PatchView::present : foil::PatchView::occlude});
    std::printf("%s   additivity gap %.3f   correlation %.3f\n", present ? "present" : "occlude", found.gap(),
                found.correlation());
  }

  const foil::report::ImageForm form{images.dimension(1), images.dimension(2), side, 0, 1};
  foil::io::write_png(
      picture, foil::report::draw_heat_maps("Evidence in patches", form,
                                            {evidence(network, few, labels.head(shown), options(stride))}));
  std::printf("\nPicture: %s\n", picture.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    look(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "patch_evidence: %s\n", error.what());
    return 2;
  }
}
