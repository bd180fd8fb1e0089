// SPDX-License-Identifier: MIT
// What a classifier does not look at. Of a small invertible network: images with the logits of one digit that
// look like another one, exact and without any search. Of an ordinary network: the nearest to another digit
// that an image comes while the logits stay what they are.
//
// metamers [pairs] [picture.png]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <foil/evaluation/invariance/invariance_attack.hpp>
#include <foil/evaluation/invariance/metamers.hpp>
#include <foil/evaluation/invariance/nuisance_probe.hpp>
#include <foil/foil.hpp>
#include <foil/io/data.hpp>
#include <foil/io/png.hpp>
#include <foil/onnx/flow.hpp>
#include <foil/onnx/onnx.hpp>
#include <foil/report/sheet.hpp>
#include <numeric>
#include <string>
#include <vector>

namespace {

using foil::Index;
using Images = foil::Tensor<float, 4>;

constexpr Index first_test_row = 800;  // those before trained the flow: see train_flow.py

/// Pairs of images of different digits that a model gets right, each image in one pair at most.
struct Pairs {
  std::vector<Index> ones, others;
};

template <class Model>
Pairs find_pairs(const Model& model, const Images& images, const foil::Labels& labels, std::size_t count) {
  const foil::Labels said = foil::predict(model, images);
  Pairs out;
  std::vector<Index> waiting;
  for (Index i = 0; i < labels.size() && out.ones.size() < count; ++i) {
    if (said[i] != labels[i]) continue;
    const auto partner =
        std::find_if(waiting.begin(), waiting.end(), [&](Index other) { return labels[other] != labels[i]; });
    if (partner == waiting.end()) {
      waiting.push_back(i);
      continue;
    }
    out.ones.push_back(*partner);
    out.others.push_back(i);
    waiting.erase(partner);
  }
  return out;
}

/// Rows of the image that is looked like, what was found, and the difference.
foil::report::SheetBlock block(const char* title, const std::string& note, const char* heading,
                               const Images& like, const Images& found, const foil::Labels& looks,
                               const foil::Labels& counts) {
  foil::report::SheetBlock out{title, note, {}, heading};
  for (Index i = 0; i < std::min<Index>(6, foil::samples(like)); ++i) {
    const auto before = foil::sample(like, i), after = foil::sample(found, i);
    out.rows.push_back({foil::text("a ", looks[i], ", logits of a ", counts[i]),
                        {before.begin(), before.end()},
                        {after.begin(), after.end()}});
  }
  return out;
}

foil::Labels labels_of(const foil::Labels& labels, const std::vector<Index>& rows) {
  foil::Labels out(static_cast<Index>(rows.size()));
  for (Index i = 0; i < out.size(); ++i) out[i] = labels[rows[static_cast<std::size_t>(i)]];
  return out;
}

void show(int argc, char** argv) {
  const std::string data = FOIL_EXAMPLES_DATA;
  char* end = nullptr;
  const long count = argc > 1 ? std::strtol(argv[1], &end, 10) : 20;
  const std::string picture = argc > 2 ? argv[2] : "metamers.png";
  foil::require((end == nullptr || *end == '\0') && count >= 1 && count <= 100,
                "expected 1 to 100 pairs, got ", argc > 1 ? argv[1] : "");

  const auto flow = foil::onnx::load_flow<float>(FOIL_METAMERS_FLOW);
  const Images all = foil::io::read_images(data + "/mnist-test-1000-images.idx3-ubyte.gz", flow.bounds());
  const foil::Labels all_labels = foil::io::read_labels(data + "/mnist-test-1000-labels.idx1-ubyte.gz");
  std::vector<Index> rows(static_cast<std::size_t>(all_labels.size() - first_test_row));
  std::iota(rows.begin(), rows.end(), first_test_row);
  const Images images = foil::gather(all, rows);
  const foil::Labels labels = labels_of(all_labels, rows);

  const auto right = (foil::predict(flow, images).array() == labels.array()).count();
  std::printf("flow: %ld of %ld images right that it was not trained on\n", static_cast<long>(right),
              static_cast<long>(labels.size()));

  // What its nuisances tell of the digit, beside the logits, measured on images that it was not trained on.
  const foil::Logits<float> codes = foil::codes_of(flow, all);
  const Index seen = flow.semantic_size();
  const auto tell = [&](const char* what, const Eigen::MatrixXd& numbers) {
    const foil::Probe probe =
        foil::nuisance_probe(numbers.topRows(first_test_row), all_labels.head(first_test_row),
                             numbers.bottomRows(labels.size()), labels);
    std::printf("%-10s tell at least %.2f of %.2f bits of the digit (+- %.2f), %.1f %% right\n", what,
                probe.information_bits(), probe.entropy / std::log(2.), probe.standard_error / std::log(2.),
                100 * probe.accuracy());
  };
  tell("logits", codes.leftCols(seen).cast<double>());
  tell("nuisances", codes.rightCols(codes.cols() - seen).cast<double>());

  const Pairs pairs = find_pairs(flow, images, labels, static_cast<std::size_t>(count));
  const Images a = foil::gather(images, pairs.ones), b = foil::gather(images, pairs.others);
  const foil::Labels of_a = labels_of(labels, pairs.ones), of_b = labels_of(labels, pairs.others);
  const auto metamers = foil::metameric_sample(flow, a, b);
  const auto same = (foil::predict(flow, metamers.images).array() == of_a.array()).count();
  long within = 0;
  for (Index i = 0; i < metamers.size(); ++i) within += metamers.within(i);
  const Images clipped = metamers.images.cwiseMax(0.f).cwiseMin(1.f);
  const auto shown = (foil::predict(flow, clipped).array() == of_a.array()).count();
  std::printf(
      "metamers: %ld of %ld classified as the image that they do not look like; logits off by at most %.1e\n"
      "          %ld within [0, 1], outside by at most %.2f; clipped, %ld keep their class\n",
      static_cast<long>(same), static_cast<long>(metamers.size()), metamers.drifts.maxCoeff(), within,
      metamers.outside.maxCoeff(), static_cast<long>(shown));

  // The same question to a network that is not invertible.
  const auto network = foil::onnx::load<float, 4>(data + "/mnist_cnn.onnx");
  const Pairs others = find_pairs(network, images, labels, static_cast<std::size_t>(count));
  const Images from = foil::gather(images, others.ones), to = foil::gather(images, others.others);
  const auto found = foil::invariance_attack(network, from, to, {.tolerance = 0.05});
  const foil::Labels of_from = labels_of(labels, others.ones), of_to = labels_of(labels, others.others);
  const auto kept = (foil::predict(network, found.images).array() == of_from.array()).count();
  std::printf(
      "mnist_cnn: %ld of %ld still classified as before; L2 distance to the other image %.2f on average, "
      "%.2f "
      "before; logits off by at most %.1e\n",
      static_cast<long>(kept), static_cast<long>(found.size()), found.distances.mean(),
      found.from_input.mean(), found.drifts.maxCoeff());

  const std::vector blocks{
      block("metamers of the flow", "no search: an exchange of nuisances", "metamer", b, metamers.images,
            of_b, of_a),
      block("mnist_cnn, logits kept", "foil::invariance_attack", "found", to, found.images, of_to, of_from)};
  foil::io::write_png(picture, foil::report::draw_sheet("Looks like one, counts as another", {}, blocks));
  std::printf("Picture: %s\n", picture.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    show(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "metamers: %s\n", error.what());
    return 2;
  }
}
