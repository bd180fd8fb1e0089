// SPDX-License-Identifier: MIT
// The rules of the Adversarial Vision Challenge in a program of one's own: what a model that shows labels of
// 8-bit images scores, and what attacks that may ask it a thousand times for each image do.
//
// challenge [images]
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <foil/evaluation/challenge.hpp>
#include <foil/foil.hpp>
#include <foil/io/data.hpp>
#include <foil/io/labels.hpp>
#include <foil/onnx/onnx.hpp>
#include <numeric>
#include <span>
#include <string>
#include <vector>

namespace {

using Images = foil::Tensor<float, 4>;

void play(long count) {
  const std::string data = FOIL_EXAMPLES_DATA;
  const auto network = foil::onnx::load<float, 4>(data + "/mnist_cnn.onnx");
  const Images all = foil::io::read_images(data + "/mnist-test-1000-images.idx3-ubyte.gz", network.bounds());
  const foil::Labels labels =
      foil::io::read_labels(data + "/mnist-test-1000-labels.idx1-ubyte.gz", foil::samples(all));
  foil::require(count >= 1 && count <= labels.size(), "expected 1 to ", labels.size(), " images, got ",
                count);
  std::vector<foil::Index> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  const Images images = foil::gather(all, rows);

  const foil::Quantised bytes(network, foil::ChallengeRules::levels);
  const foil::LabelOnly service(bytes);
  foil::RunOptions<Images> rules{.query_budget = foil::ChallengeRules::queries};
  rules.lattice = foil::Lattice(0, 1, foil::ChallengeRules::levels - 1);

  const double range = foil::challenge_range(service.bounds());
  const Eigen::VectorXd worst = foil::worst_case_distances(images, service.bounds());
  std::vector<Eigen::VectorXd> distances;
  for (const foil::AnyAttack& attack :
       {foil::AnyAttack(foil::L2QueryAttack{}), foil::AnyAttack(foil::SurFreeAttack{})}) {
    foil::Outcome outcome(attack);
    outcome.add(attack(service, images, foil::Labels(labels.head(count)), rules));
    distances.push_back(foil::challenge_distances(outcome, range, worst));
    std::printf("%s scores %.3f\n", attack.name().c_str(), foil::attack_score(std::span(distances).last(1)));
  }
  std::printf("the model scores %.3f on %ld images\n", foil::model_score(distances), count);
}

}  // namespace

int main(int argc, char** argv) try {
  play(argc > 1 ? std::atol(argv[1]) : 10);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "challenge: %s\n", error.what());
  return 2;
}
