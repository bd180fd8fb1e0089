// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate on TorchScript files. FOIL_EVALUATE is the program's path.
#include "foil/adapters/torch.hpp"

#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "foil/io/npy.hpp"
#include "io/temporary_directory.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

using Catch::Matchers::ContainsSubstring;
using foil_test::read;
using Images = foil::Tensor<float, 4>;

namespace {

/// Ten images of 1 x 2 x 2 in a linear classifier's file: class 1 where the upper row is the brighter one.
void prepare(const foil_test::TemporaryDirectory& dir) {
  torch::jit::Module module("net");
  const std::vector<float> weights{-1, -1, 1, 1, 1, 1, -1, -1};
  module.register_parameter("weights", torch::tensor(weights).view({2, 4}), false);
  module.define("def forward(self, x):\n    return torch.matmul(x.flatten(1), self.weights.t())\n");
  module.save((dir / "net.pt").string());
  foil::test::Random random(1);
  const auto images = foil::test::random_batch<Images>(random, Images::Dimensions(10, 1, 2, 2));
  foil::io::write_npy(dir / "images.npy", images);
  foil::io::write_npy(dir / "small.npy",
                      foil::test::random_batch<Images>(random, Images::Dimensions(10, 1, 1, 2)));
  std::vector<std::int64_t> labels;
  for (foil::Index i = 0; i < 10; ++i) {
    const auto x = foil::sample(images, i);
    labels.push_back(x[0] + x[1] > x[2] + x[3]);
  }
  foil::io::write_npy<std::int64_t>(dir / "labels.npy", labels, {10});
}

/// The exit status; what the program says goes to the files out and err.
int run(const foil_test::TemporaryDirectory& dir, const std::string& model, const std::string& images,
        const std::string& arguments) {
  const std::string command = "cd '" + dir.path().string() + "' && '" FOIL_EVALUATE "' --model " + model +
                              " --images " + images + " --labels labels.npy --out results.json " + arguments +
                              " >out 2>err";
  const int status = std::system(command.c_str());
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("foil-evaluate: a TorchScript file", "[adapters][torch][evaluate]") {
  const foil_test::TemporaryDirectory dir;
  prepare(dir);
  const int status = run(dir, "net.pt", "images.npy", "--attack minimal-l2-fgm --threads 2 --batch-size 3");
  INFO(read(dir / "err"));
  REQUIRE(status == 0);
  const auto results = nlohmann::json::parse(read(dir / "results.json"));
  INFO(results.dump());
  CHECK_THAT(read(dir / "out"), ContainsSubstring("net.pt: clean accuracy 100.0 % (10 of 10 rows)"));
  CHECK_THAT(read(dir / "out"), ContainsSubstring("100.0 %        0.0 %"));
}

TEST_CASE("foil-evaluate: TorchScript files that do not do", "[adapters][torch][evaluate]") {
  const foil_test::TemporaryDirectory dir;
  prepare(dir);
  foil_test::write(dir / "damaged.pt", read(dir / "net.pt").substr(0, 400));
  CHECK(run(dir, "damaged.pt", "images.npy", "--attack fgsm --epsilon 0.1") == 2);
  CHECK_THAT(read(dir / "err"), ContainsSubstring("damaged.pt' as TorchScript: "));
  CHECK(run(dir, "net.pt", "small.npy", "--attack fgsm --epsilon 0.1") == 2);
  CHECK_THAT(
      read(dir / "err"),
      ContainsSubstring("small.npy: the model refuses images of shape (N, 1, 1, 2): torch: the model: mat1"));
  CHECK(read(dir / "err").find('\n') == read(dir / "err").size() - 1);
}

TEST_CASE("foil-evaluate: TorchScript files that answer with probabilities, of samples of one axis",
          "[adapters][torch][evaluate]") {
  const foil_test::TemporaryDirectory dir;
  prepare(dir);
  const auto save = [&](const std::string& name, const std::string& answer) {
    torch::jit::Module module("net");
    module.register_parameter(
        "weights", torch::tensor(std::vector<float>{-1, -1, 1, 1, 1, 1, -1, -1}).view({2, 4}), false);
    module.define("def forward(self, x):\n    z = torch.matmul(x, self.weights.t())\n    return " + answer +
                  "\n");
    module.save((dir / name).string());
  };
  const auto images = foil::io::read_npy(dir / "images.npy").values<float>();
  foil::io::write_npy<float>(dir / "flat.npy", images, {10, 4});
  const std::string attack = "--attack l2-deepfool";
  const auto robustness = [&](const std::string& model, const std::string& more = {}) {
    const int status = run(dir, model, "flat.npy", attack + " " + more);
    INFO(read(dir / "err"));
    REQUIRE(status == 0);
    const auto json = nlohmann::json::parse(read(dir / "results.json"));
    CHECK(json["clean_accuracy"] == 1);
    return json["attacks"][0]["median_distance"].get<double>();
  };
  save("z.pt", "z");
  save("softmax.pt", "torch.softmax(20 * z, 1)");
  save("sigmoid.pt", "torch.sigmoid(3 * z + 0.5)");
  save("logit.pt", "z[:, 1:]");
  save("probability.pt", "torch.sigmoid(3 * z[:, 1:])");
  const double logits = robustness("z.pt");
  CHECK_THAT(read(dir / "err"), !ContainsSubstring("attacked is"));
  CHECK(robustness("softmax.pt") == Catch::Approx(logits).epsilon(1e-3));
  CHECK_THAT(read(dir / "err"), ContainsSubstring("add up to 1: attacked is log p"));
  CHECK(robustness("sigmoid.pt") == Catch::Approx(logits).epsilon(1e-3));
  CHECK_THAT(read(dir / "err"), ContainsSubstring("attacked is log p - log(1 - p)"));
  CHECK(robustness("logit.pt", "--binary") == Catch::Approx(logits).epsilon(1e-3));
  CHECK(robustness("probability.pt", "--binary") == Catch::Approx(logits).epsilon(1e-3));

  CHECK(run(dir, "logit.pt", "flat.npy", attack) == 2);
  CHECK_THAT(read(dir / "err"), ContainsSubstring("single output") && ContainsSubstring("--binary"));
  CHECK(run(dir, "z.pt", "flat.npy", attack + " --binary") == 2);
  CHECK(run(dir, "z.pt", "flat.npy", attack + " --straight-through") == 2);
  CHECK_THAT(read(dir / "err"), ContainsSubstring("are for ONNX files"));
}
