// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate: what it says of all attacks together, the worst case and the warnings.
#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "foil/io/data.hpp"
#include "support/catch.hpp"
#include "tools/foil_evaluate.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("foil-evaluate: the worst case is each sample's closest adversarial, with the attack that found it",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Outcome outcome = run(on_mnist(dir) + Arguments{"--count", "30", "--attack", "fgsm", "--attack",
                                                        "linf-pgd:steps=5", "--attack", "minimal-fgsm",
                                                        "--attack", "l2-fgm", "--epsilon", "0.1,0.2"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto json = results(dir);
  const auto& attacks = json["attacks"];
  REQUIRE(attacks.size() == 7);
  REQUIRE(json["worst_cases"].size() == 2);  // l2 has one attack at each radius, minimal ones in linf are one
  int wins = 0, from_others = 0;
  for (const auto& worst : json["worst_cases"]) {
    const double radius = worst["epsilon"];
    CHECK(worst["norm"] == "linf");
    CHECK(worst["attacks"] == (radius == 0.1 ? nlohmann::json{0, 2, 4} : nlohmann::json{1, 3, 4}));
    REQUIRE(worst["samples"].size() == 30);
    int robust = 0;
    for (std::size_t i = 0; i < 30; ++i) {
      const auto& sample = worst["samples"][i];
      double closest = std::numeric_limits<double>::infinity();
      for (const std::size_t k : worst["attacks"]) {
        const auto& own = attacks[k]["samples"][i];
        if (own["success"] && own["distance"] <= radius)
          closest = std::min(closest, own["distance"].get<double>());
      }
      CAPTURE(radius, i);
      CHECK(sample["success"] == std::isfinite(closest));
      robust += !std::isfinite(closest);
      if (!sample["success"]) {
        CHECK(sample["attack"].is_null());
        CHECK(sample["distance"].is_null());
        continue;
      }
      CHECK(sample["distance"] == closest);
      const auto& winner = attacks[sample["attack"].get<std::size_t>()]["samples"][i];
      CHECK(winner["distance"] == closest);
      CHECK(winner["predicted"] == sample["predicted"]);
      ++wins;
      from_others += sample["attack"] != worst["attacks"][0];
    }
    CHECK(worst["robust"] == robust);
    CHECK(worst["robust_accuracy"] == Catch::Approx(robust / 30.0));
  }
  CHECK(wins > 20);
  CHECK(from_others > 5);
  const auto last = outcome.out.find("\nworst case of 3  ");
  CHECK(last > outcome.out.find("\nl2-fgm"));
  CHECK(last != std::string::npos);
}

TEST_CASE("foil-evaluate: one attack has no worst case", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  REQUIRE(run(on_mnist(dir) + Arguments{"--count", "3", "--attack", "fgsm", "--epsilon", "0.1,0.2"}).status ==
          0);
  CHECK(results(dir)["worst_cases"].empty());
  CHECK(results(dir)["warnings"].empty());
}

TEST_CASE("foil-evaluate: warnings are told, recorded, and with --strict an exit status",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const bool strict = GENERATE(false, true);
  // A network that answers the same about everything has gradients of zero.
  Arguments arguments = on_network(dir, {0, 0, 0, 0, 0, 0, 0, 0}, {2, 1}, {0, 0, 0, 0}) +
                        Arguments{"--attack", "fgsm", "--epsilon", "0.1,7"};
  if (strict) arguments.push_back("--strict");
  const Outcome outcome = run(arguments);
  INFO(outcome.err);
  CHECK(outcome.status == (strict ? 3 : 0));
  CHECK_THAT(outcome.out,
             ContainsSubstring("\nWarning: fgsm eps 0.1, fgsm eps 7: gradients of exactly zero"));
  CHECK_THAT(outcome.out, ContainsSubstring("\nWarning: fgsm eps 7: epsilon 7 is larger than the box"));
  const auto json = results(dir);
  REQUIRE(json["warnings"].size() == 2);
  const auto& zero = json["warnings"][0];
  CHECK(zero["code"] == "zero-gradients");
  CHECK(zero["samples"] == 4);
  CHECK(zero["attacks"] == nlohmann::json{"fgsm eps 0.1", "fgsm eps 7"});
  CHECK_THAT(outcome.out, ContainsSubstring(zero["message"].get<std::string>()));
  CHECK(json["warnings"][1]["code"] == "epsilon-larger-than-box");
  CHECK(json["attacks"][0]["zero_gradients"] == 4);
  for (const auto& sample : json["attacks"][0]["samples"]) CHECK(sample["zero_gradients"] == 1);
  CHECK(json["notes"].empty());
}

TEST_CASE("foil-evaluate: what was taken off a network's end is told and recorded", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  Arguments arguments = on_network(dir, {9, 9, 9, 9, 0, 0, 0, 0}, {0, 1}, {0, 0, 0, 0}) +
                        Arguments{"--attack", "fgsm", "--epsilon", "0.1"};
  foil::test::OnnxBuilder network({-1, 1, 2, 2});
  network.node("Flatten", {"x"}, "flat").node("Softmax", {"flat"}, "y");
  write(arguments[1], network.bytes());
  foil::io::write_npy<int>(arguments[5], std::vector<int>{0, 1, 2, 3}, {4});
  const Outcome outcome = run(arguments);
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto notes = results(dir)["notes"];
  REQUIRE(notes.size() == 1);
  const auto note = notes[0].get<std::string>();
  CHECK_THAT(note, ContainsSubstring("net.onnx: ") && ContainsSubstring("Softmax"));
  CHECK_THAT(outcome.out, ContainsSubstring("\nNote: " + note + "\n"));
  CHECK_THAT(outcome.err, ContainsSubstring("foil-evaluate: " + note + "\n"));
}

TEST_CASE("foil-evaluate: targets that are the labels are left out and told, an error if all are",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const foil::Labels labels = foil::io::read_labels(label_file);
  const Arguments attack{
      "--attack", "linf-pgd:steps=20", "--epsilon", "0.5",       "--first",
      "2",        "--count",           "10",        "--targets", (dir / "targets.npy").string()};
  const bool for_all = GENERATE(true, false);
  const auto write_targets = [&](bool half) {
    std::vector<int> targets;
    for (foil::Index i = 0; i < labels.size(); ++i)
      targets.push_back(half && i % 2 == 1 ? (labels[i] + 1) % 10 : labels[i]);
    if (!for_all) targets = {targets.begin() + 2, targets.begin() + 12};
    foil::io::write_npy<int>(dir / "targets.npy", targets, {static_cast<foil::Index>(targets.size())});
  };
  write_targets(false);
  const Outcome refused = run(on_mnist(dir) + attack);
  CHECK(refused.status == 2);
  CHECK_THAT(refused.err, ContainsSubstring("targets: all 10 are the labels of their rows"));

  write_targets(true);
  const Outcome outcome = run(on_mnist(dir) + attack);
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto json = results(dir);
  CHECK(json["sample_count"] == 5);
  for (const auto& sample : json["attacks"][0]["samples"]) {
    CHECK(sample["index"].get<int>() % 2 == 1);
    CHECK(sample["target"] == (sample["label"].get<int>() + 1) % 10);
  }
  REQUIRE(json["warnings"].size() == 1);
  CHECK(json["warnings"][0]["code"] == "targets-equal-labels");
  CHECK(json["warnings"][0]["samples"] == 5);
}
