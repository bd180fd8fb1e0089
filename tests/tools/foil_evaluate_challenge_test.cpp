// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate --challenge: its rules are kept, and its scores follow from the adversarials that it writes.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "foil/io/npy.hpp"
#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;

namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

/// As on_network(), with images of 8 bits.
Arguments on_bytes(const TemporaryDirectory& dir, const std::vector<float>& weights,
                   const std::vector<float>& offsets, const std::vector<int>& labels) {
  const Arguments arguments = on_network(dir, weights, offsets, labels);
  std::vector<float> images(16);
  for (std::size_t i = 0; i < 4; ++i) images[5 * i] = 26.f / 255;
  foil::io::write_npy<float>(dir.path() / "inputs/images.npy", images, {4, 1, 2, 2});
  return arguments;
}

}  // namespace

TEST_CASE("foil-evaluate: the challenge's rules are kept, and its scores are those of the files",
          "[examples][evaluate][challenge]") {
  const TemporaryDirectory dir;
  // Brightness decides. The first image is wrong as it is.
  const Arguments network = on_bytes(dir, {-1, -1, -1, -1, 1, 1, 1, 1}, {1, -1}, {1, 0, 0, 0});
  const Outcome outcome = run(
      network + Arguments{"--challenge", "--attack", "surfree", "--attack", "boundary", "--threads", "1"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto root = results(dir);
  CHECK(root["query_budget"] == 1000);
  CHECK(root["lattice"] == 255);
  const auto images = foil::io::read_npy((dir / "inputs/images.npy").string()).values<float>();
  std::vector<double> closest(4, 1e9), scores;
  for (const auto& attack : root["attacks"]) {
    const auto found =
        foil::io::read_npy((dir.path() / "adversarials" / attack["adversarials"].get<std::string>()).string())
            .values<float>();
    std::vector<double> distances;
    for (std::size_t i = 0; i < 4; ++i) {
      double square = 0;
      for (std::size_t j = 4 * i; j < 4 * i + 4; ++j) {
        square += std::pow(double{found[j]} - double{images[j]}, 2);
        if (i > 0) CHECK(std::abs(255 * found[j] - std::round(255 * found[j])) < 1e-4);
      }
      distances.push_back(std::sqrt(square));
      closest[i] = std::min(closest[i], distances[i]);
      CHECK(attack["samples"][i]["forward"] <= 1000);
    }
    CHECK(distances[0] == 0);
    scores.push_back(median(distances));
  }
  const auto challenge = root["challenge"];
  CHECK(challenge["model_score"] == Approx(median(closest)));
  CHECK(challenge["model_score"] > 0.1);
  for (std::size_t i = 0; i < 2; ++i) CHECK(challenge["attacks"][i]["score"] == Approx(scores[i]));
  CHECK(challenge["judged_by"][0] == (scores[0] <= scores[1] ? "surfree" : "boundary"));
  CHECK_THAT(outcome.out, ContainsSubstring("Adversarial Vision Challenge: the model's score is"));
}

TEST_CASE("foil-evaluate: where nothing is found the challenge counts the worst case",
          "[examples][evaluate][challenge]") {
  const TemporaryDirectory dir;
  const Arguments network = on_bytes(dir, std::vector<float>(8), {1, 0}, {0, 0, 0, 0});
  const Outcome outcome = run(network + Arguments{"--challenge", "--threads", "1"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto root = results(dir);
  CHECK(root["attacks"].size() == 5);
  CHECK(root["challenge"]["model_score"] == Approx(std::sqrt(3 + std::pow(229.0 / 255, 2))).epsilon(1e-3));
}

TEST_CASE("foil-evaluate: what the challenge's rules do not allow is refused",
          "[examples][evaluate][challenge]") {
  const TemporaryDirectory dir;
  const Arguments network =
      on_network(dir, std::vector<float>(8), {1, 0}, {0, 0, 0, 0}) + Arguments{"--challenge"};
  const auto refused = [&](const Arguments& arguments, const std::string& why) {
    const Outcome outcome = run(network + arguments);
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.err, ContainsSubstring(why));
  };
  refused({"--budget", "5000"}, "--budget: the rules of --challenge");
  refused({"--lattice", "15"}, "--lattice: the rules of --challenge");
  refused({"--correct-only"}, "--correct-only: the rules of --challenge");
  refused({"--attack", "ddn"}, "by labels only");
  refused({"--attack", "rays"}, "in l2");
}
