// SPDX-License-Identifier: MIT
// The flow that comes with the examples, as PyTorch computed it, and its metamers.
#include <cstddef>
#include <filesystem>
#include <vector>

#include "foil/evaluation/invariance/metamers.hpp"
#include "foil/io/data.hpp"
#include "foil/io/npy.hpp"
#include "foil/onnx/flow.hpp"
#include "support/catch.hpp"
#include "support/onnx.hpp"

using foil::Index;

TEST_CASE("metamers: the flow of the examples is PyTorch's, invertible and fooled by none of its metamers",
          "[examples][oracle]") {
  using Images = foil::Tensor<double, 4>;
  const std::filesystem::path data = FOIL_EXAMPLES_DATA, folder = data / ".." / "metamers" / "flow";
  const auto flow = foil::onnx::load_flow<double>(folder);
  const auto all =
      foil::io::read_images<double>(data / "mnist-test-1000-images.idx3-ubyte.gz", flow.bounds());
  const Images x = foil::gather(all, std::vector<Index>{995, 996, 997, 998, 999});
  const auto codes = foil::io::read_npy(folder / "codes.npy").values<double>();
  const auto log_determinants = foil::io::read_npy(folder / "log_determinants.npy").values<double>();
  REQUIRE(codes.size() == 5 * 784);
  REQUIRE(log_determinants.size() == 5);

  // Pixels differ: PyTorch had bytes divided by 255 in single precision.
  const foil::Logits<double> said = flow.forward(x);
  const foil::ConstMatrixView<double> expected(codes.data(), 5, 784);
  CHECK((said - expected).cwiseAbs().maxCoeff() < 1e-4);
  CHECK(expected.cwiseAbs().maxCoeff() > 1);
  const Eigen::VectorXd volumes = flow.log_determinants(x);
  for (Index i = 0; i < 5; ++i)
    CHECK(volumes[i] == Catch::Approx(log_determinants[static_cast<std::size_t>(i)]).epsilon(1e-6));
  CHECK((foil::as_matrix(flow.inverse(said)) - foil::as_matrix(x)).cwiseAbs().maxCoeff() < 1e-10);

  const auto a = foil::gather(x, std::vector<Index>{0, 1, 2, 3});
  const auto b = foil::gather(x, std::vector<Index>{1, 2, 3, 4});
  const auto metamers = foil::metameric_sample(flow, a, b);
  CHECK(metamers.drifts.maxCoeff() < 1e-10);
  CHECK(foil::predict(flow, metamers.images) == foil::predict(flow, a));
  CHECK(metamers.outside.minCoeff() > 0);
}
