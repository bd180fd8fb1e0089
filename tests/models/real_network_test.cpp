// SPDX-License-Identifier: MIT
/// \file
/// Wrapped models on the shipped convolutional network.
#include <filesystem>

#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/io/data.hpp"
#include "foil/models/gradient_estimator.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/onnx.hpp"

namespace {
using namespace foil;
using Images = Tensor<float, 4>;

TEST_CASE("gradient estimator: fools the shipped network by its scores", "[estimator]") {
  const std::filesystem::path data = FOIL_EXAMPLES_DATA;
  const auto network = onnx::load(data / "mnist_cnn.onnx");
  const Images all = io::read_images<float>(data / "mnist-test-1000-images.idx3-ubyte.gz", {0, 1});
  Images images(resized(all, 8));
  as_matrix(images) = as_matrix(all).topRows(8);
  const Labels labels = predict(network, images);
  const auto scores =
      make_model<Images>(network.bounds(), [&](const Images& x) { return network.logits(x); });
  const GradientEstimator model(scores, {.samples = 128});
  const LinfPGD attack({.steps = 30});
  REQUIRE(attack(network, images, labels, 0.3).success.all());
  const auto result = attack(model, images, labels, 0.3);
  CHECK(result.success.all());
  CHECK((predict(network, result.adversarials).array() != labels.array()).all());
}
}  // namespace
