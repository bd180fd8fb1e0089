// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate: another network, whose gradients say where attacks by decisions begin, or that is attacked
/// in the model's place.
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;

namespace {

Arguments few(const TemporaryDirectory& dir) {
  return on_mnist(dir) + Arguments{"--count", "30",       "--attack", "l2-query",  "--attack",
                                   "rays",    "--budget", "40",       "--threads", "1"};
}

}  // namespace

TEST_CASE(
    "foil-evaluate: with a surrogate, attacks by decisions begin where that is fooled, for no question more",
    "[examples][evaluate]") {
  const TemporaryDirectory without, with;
  REQUIRE(run(few(without)).status == 0);
  const Outcome outcome = run(few(with) + Arguments{"--surrogate", model_file});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto before = results(without), after = results(with);
  CHECK(after["surrogate"] == model_file);
  CHECK(before["surrogate"].is_null());
  for (const std::size_t attack : {std::size_t{0}, std::size_t{1}}) {
    CHECK(after["attacks"][attack]["median_distance"] <
          0.9 * before["attacks"][attack]["median_distance"].get<double>());
    CHECK(after["attacks"][attack]["backward"] == 0);
    for (const auto& sample : after["attacks"][attack]["samples"]) CHECK(sample["forward"] <= 40);
  }
}

TEST_CASE("foil-evaluate: a surrogate that is of no use is refused", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const auto refused = [&](const Arguments& arguments, const std::string& why) {
    const Outcome outcome = run(arguments);
    CHECK(outcome.status == 2);
    CHECK_THAT(outcome.err, ContainsSubstring(why));
  };
  refused(on_mnist(dir) + Arguments{"--attack", "fgsm", "--epsilon", "0.1", "--surrogate", model_file},
          "no attack looks at decisions only");
  refused(few(dir) + Arguments{"--surrogate", label_file}, label_file);
  const TemporaryDirectory small;
  on_network(small, std::vector<float>(8), {0, 1}, {0, 0, 0, 0});
  refused(few(dir) + Arguments{"--surrogate", (small / "inputs/net.onnx").string()}, "net.onnx");
}

TEST_CASE("foil-evaluate: what is made for another network is judged by the model", "[examples][evaluate]") {
  const TemporaryDirectory own, same, other;
  const Arguments attacks{"--count",         "60",        "--attack", "fgsm", "--attack",
                          "l2-ddn:steps=10", "--epsilon", "0.1"};
  REQUIRE(run(on_mnist(own) + attacks).status == 0);
  const Outcome outcome = run(on_mnist(same) + attacks + Arguments{"--transfer-from", model_file});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  CHECK_THAT(outcome.err, ContainsSubstring("adversarials are made for mnist_cnn.onnx"));
  const auto before = results(own), after = results(same);
  CHECK(after["transfer_from"] == model_file);
  for (const std::size_t attack : {std::size_t{0}, std::size_t{1}}) {
    const auto& alone = before["attacks"][attack]["samples"];
    const auto& judged = after["attacks"][attack]["samples"];
    REQUIRE(alone.size() == judged.size());
    for (std::size_t i = 0; i < alone.size(); ++i) {
      CHECK(judged[i]["success"] == alone[i]["success"]);
      CHECK(judged[i]["distance"] == alone[i]["distance"]);
      CHECK(judged[i]["forward"] == 2);
      CHECK(judged[i]["backward"] == 0);
    }
  }
  const Outcome refused =
      run(on_mnist(other) + attacks + Arguments{"--transfer-from", model_file, "--audit", "quick"});
  CHECK(refused.status == 2);
  CHECK_THAT(refused.err, ContainsSubstring("--audit looks at attacks on the model"));
}

TEST_CASE("foil-evaluate: attacks on another network start where that one says so", "[examples][evaluate]") {
  // Of the four rows, which are the pool as well, the model takes the third for class 1, the other the
  // fourth.
  const TemporaryDirectory judge, other;
  on_network(other, {0, 0, 0, 0, 0, 0, 0, 1}, {0.05f, 0}, {0, 0, 0, 0});
  const Outcome outcome =
      run(on_network(judge, {0, 0, 0, 0, 0, 0, 1, 0}, {0.05f, 0}, {0, 0, 0, 0}) +
          Arguments{"--attack", "dataset", "--transfer-from", (other / "inputs/net.onnx").string()});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto samples = results(judge)["attacks"][0]["samples"];
  const std::vector<std::string> want{"not_found", "not_found", "already_adversarial", "start_failed"};
  for (std::size_t i = 0; i < 4; ++i) CHECK(samples[i]["status"] == want[i]);
}
