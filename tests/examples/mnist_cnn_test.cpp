// SPDX-License-Identifier: MIT
// The network that comes with the examples, in foil's engine and as PyTorch computed it.
#include <filesystem>
#include <vector>

#include "foil/io/data.hpp"
#include "foil/io/npy.hpp"
#include "support/catch.hpp"
#include "support/onnx.hpp"

using foil::Index;

TEST_CASE("mnist_cnn: the engine's logits agree with PyTorch's recorded ones", "[examples][oracle]") {
  const std::filesystem::path data = FOIL_EXAMPLES_DATA;
  const auto network = foil::onnx::load(data / "mnist_cnn.onnx");
  const auto images =
      foil::io::read_images<float>(data / "mnist-test-1000-images.idx3-ubyte.gz", network.bounds());
  const auto labels = foil::io::read_labels(data / "mnist-test-1000-labels.idx1-ubyte.gz");
  foil::io::NpyArray recorded = foil::io::read_npy(data / "mnist_cnn_logits.npy");
  REQUIRE(recorded.shape == std::vector<Index>{100, 10});
  const auto expected = recorded.values<float>();

  const foil::Logits<float> logits = network.logits(images);
  float worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    worst = std::max(worst, std::abs(logits.data()[i] - expected[i]));
  CHECK(worst < 1e-4f);

  Index right = 0;
  const foil::Labels predicted = foil::argmax<float>(logits);
  for (Index i = 0; i < labels.size(); ++i) right += predicted[i] == labels[i];
  CHECK(right >= 990);
}
