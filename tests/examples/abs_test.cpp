// SPDX-License-Identifier: MIT
// Analysis by synthesis with the published decoders, beside what PyTorch computed of the same images.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "../examples/abs/published_model.hpp"
#include "foil/attacks/gradient/latent_descent.hpp"
#include "foil/io/array_file.hpp"
#include "foil/io/data.hpp"
#include "foil/models/calibrated_softmax.hpp"
#include "support/catch.hpp"
#include "support/onnx.hpp"

namespace {
using abs_example::Images;
using abs_example::Model;
using foil::Index;
const std::filesystem::path data = FOIL_EXAMPLES_DATA, folder = data / ".." / "abs";

/// The first rows of a recorded array.
foil::Logits<float> recorded(const std::string& name, Index rows) {
  foil::io::NpyReader reader = foil::io::open_npy(folder / ("golden.npz:" + name));
  const Index all = reader.shape()[0], columns = reader.shape().size() > 1 ? reader.shape()[1] : 1;
  foil::Logits<float> out(all, columns);
  reader.next(all, std::span<float>(out.data(), static_cast<std::size_t>(out.size())));
  return out.topRows(rows);
}

/// The differences of a model's logits from recorded ones: of the recorded class, and of the others.
struct Apart {
  double winner = 0, others = 0;
  Index same = 0;  ///< class
};
Apart apart(const foil::Logits<float>& logits, const foil::Logits<float>& expected) {
  Apart out;
  const foil::Labels best = foil::argmax<float>(expected), own = foil::argmax<float>(logits);
  for (Index i = 0; i < logits.rows(); ++i) {
    out.same += best[i] == own[i];
    for (Index c = 0; c < logits.cols(); ++c) {
      double& worst = c == best[i] ? out.winner : out.others;
      worst =
          std::max(worst, std::abs(static_cast<double>(logits(i, c)) - static_cast<double>(expected(i, c))));
    }
  }
  return out;
}
}  // namespace

TEST_CASE("abs: energies, logits, binary logits and lower bounds are those of PyTorch",
          "[examples][oracle]") {
  constexpr Index all = 60, some = 6;
  const Images every = foil::io::read_images<float>(data / "mnist-test-1000-images.idx3-ubyte.gz", {0, 1});
  const foil::Labels labels = foil::io::read_labels(data / "mnist-test-1000-labels.idx1-ubyte.gz");
  const auto first = [&](Index count) {
    Images out(foil::resized(every, count));
    foil::as_matrix(out) = foil::as_matrix(every).topRows(count);
    return out;
  };
  const Model model = abs_example::published_model(folder, abs_example::published_bank(folder),
                                                   abs_example::published_options());

  foil::SynthesisOptions none = model.options();
  none.steps = 0;
  const Apart bank = apart(model.with(none).logits(first(all)), -recorded("bank_energies", all));
  CHECK(bank.same == all);
  CHECK(bank.winner < 1e-5);
  CHECK(bank.others < 1e-5);

  const Images x = first(some);
  const foil::Logits<float> logits = model.logits(x);
  const Apart full = apart(logits, recorded("logits", some));
  CHECK(full.same == some);
  CHECK(full.winner < 1e-4);
  CHECK(full.others < 5e-3);
  const auto sure =
      foil::calibrated_softmax(logits, abs_example::confidence_scale, abs_example::confidence_floor);
  CHECK(sure(0, 7) == Catch::Approx(0.99579).epsilon(1e-4));
  CHECK(sure(1, 2) == Catch::Approx(0.85955).epsilon(1e-4));

  const Model binary = model.with(abs_example::published_options(true));
  const Apart of_binary = apart(binary.logits(x), recorded("binary_logits", some));
  CHECK(of_binary.same == some);
  CHECK(of_binary.winner < 1e-4);
  CHECK(of_binary.others < 5e-3);

  const foil::Labels own = labels.head(some);
  const Eigen::VectorXd bounds = model.lower_bound_l2(x, own);
  const foil::Logits<float> expected = recorded("lower_bound_l2", some);
  for (Index i = 0; i < some; ++i) CHECK(std::abs(bounds[i] - static_cast<double>(expected(i, 0))) < 1e-3);

  // Each image's energy is that of what the model shows for it.
  const auto made = model.reconstructions(x);
  const auto latents = model.latents(x);
  for (Index i = 0; i < some; ++i)
    for (std::size_t c = 0; c < 10; ++c) {
      const double square = (foil::as_matrix(x).row(i) - made.images[c].row(i)).cast<double>().squaredNorm();
      const double latent = latents[c].row(i).cast<double>().squaredNorm() / 2;
      CHECK(-784 * static_cast<double>(made.logits(i, static_cast<Index>(c))) ==
            Catch::Approx(square + latent).epsilon(1e-4));
    }

  // No adversarial within the bound.
  const Images two = first(2);
  const auto found = foil::LatentDescentAttack({.steps = 8, .bisections = 2})(model, two, labels.head(2));
  REQUIRE(found.success.all());
  for (Index i = 0; i < 2; ++i) CHECK(found.distances[i] >= bounds[i]);
}

TEST_CASE("abs: a decoder makes the images that it made in PyTorch", "[examples][oracle]") {
  Eigen::MatrixXd bank = abs_example::published_bank(folder);
  REQUIRE(bank.rows() == 8000);
  REQUIRE(bank.cols() == 8);
  foil::io::NpyReader reader = foil::io::open_npy(folder / "golden.npz:decoded_bank0");
  foil::Logits<float> expected(10, 784);
  REQUIRE(reader.shape() == std::vector<Index>{10, 28, 28});
  reader.next(10, std::span<float>(expected.data(), static_cast<std::size_t>(expected.size())));
  // A bank of one vector and no steps: each class has nothing else to show.
  foil::SynthesisOptions none;
  none.steps = 0;
  const Model model = abs_example::published_model(folder, bank.topRows(1), none);
  Images x(1, 1, 28, 28);
  x.setZero();
  const auto made = model.reconstructions(x);
  for (Index c = 0; c < 10; ++c)
    CHECK((made.images[static_cast<std::size_t>(c)].row(0) - expected.row(c)).cwiseAbs().maxCoeff() < 1e-5f);
}
