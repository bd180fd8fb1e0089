// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate: what its results say.
#include "tools/foil_evaluate.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "foil/core/losses.hpp"
#include "foil/core/norms.hpp"
#include "foil/io/data.hpp"
#include "support/catch.hpp"
#include "support/onnx.hpp"

using namespace foil_test;
using Catch::Matchers::ContainsSubstring;
using foil::Index;

TEST_CASE("foil-evaluate: what results.json says is true of the adversarials", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Outcome outcome =
      run(on_mnist(dir) + Arguments{"--count", "30", "--attack", "fgsm", "--attack", "l2-pgd:steps=20",
                                    "--attack", "minimal-fgsm", "--epsilon", "0.3", "2", "--sheet",
                                    (dir / "sheet.png").string()});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto json = results(dir);
  CHECK(json["complete"] == true);
  CHECK(json["sample_count"] == 30);
  CHECK(json["clean_accuracy_rows"] == 30);
  REQUIRE(json["attacks"].size() == 5);
  CHECK(json["attacks"][2]["name"] == "l2-pgd");
  CHECK(json["attacks"][2]["options"]["steps"] == 20);
  CHECK(json["attacks"][2]["options"]["loss"] == "lsem");
  CHECK(json["attacks"][4]["epsilon"].is_null());

  const auto model = foil::onnx::load<float, 4>(model_file);
  const Images all = foil::io::read_images(image_file, model.bounds());
  const foil::Labels labels = foil::io::read_labels(label_file);
  std::vector<Index> rows;
  for (const auto row : foil::io::read_npy(dir / "adversarials/indices.npy").values<std::int64_t>())
    rows.push_back(row);
  REQUIRE(rows.size() == 30);
  const Images images = foil::gather(all, rows);
  const foil::Labels clean = foil::predict(model, images);
  CHECK(json["clean_accuracy"] ==
        Catch::Approx((clean.array() == labels.head(30).array()).cast<double>().mean()));

  int successes = 0;
  for (const auto& attack : json["attacks"]) {
    const std::string norm = attack["norm"];
    const auto file = dir.path() / "adversarials" / attack["adversarials"].get<std::string>();
    const Images found = foil::io::read_images(file, model.bounds());
    const foil::Labels predicted = foil::predict(model, found);
    REQUIRE(foil::samples(found) == 30);
    REQUIRE(attack["samples"].size() == 30);
    CHECK(attack["complete"] == true);
    CHECK(attack["finished"] == 30);
    CHECK(attack["unfinished"] == 0);
    for (const char* none : {"invalid", "non_finite", "no_start", "unstable"}) CHECK(attack[none] == 0);
    CHECK(attack["model_seconds"] > 0);
    Index attacked = 0, fooled = 0, robust = 0;
    std::int64_t forward = 0, backward = 0;
    std::vector<double> distances;
    for (Index i = 0; i < 30; ++i) {
      const auto& sample = attack["samples"][static_cast<std::size_t>(i)];
      CAPTURE(attack["name"], i);
      CHECK(sample["index"] == rows[static_cast<std::size_t>(i)]);
      CHECK(sample["label"] == labels[rows[static_cast<std::size_t>(i)]]);
      CHECK(sample["clean_predicted"] == clean[i]);
      CHECK(sample["predicted"] == predicted[i]);
      const double distance = foil::distance(norm == "linf" ? foil::Lp(foil::Linf{}) : foil::Lp(foil::L2{}),
                                             foil::sample(images, i), foil::sample(found, i));
      const bool success = sample["success"];
      if (success) {
        CHECK(predicted[i] != labels[i]);
        CHECK(sample["distance"] == distance);
        if (!attack["epsilon"].is_null()) CHECK(distance <= attack["epsilon"]);
      } else {
        CHECK(sample["status"] == "not_found");
        CHECK(sample["distance"].is_null());
        CHECK(distance == 0);
      }
      successes += success;
      forward += sample["forward"].get<std::int64_t>();
      backward += sample["backward"].get<std::int64_t>();
      robust += clean[i] == labels[i] && !success;
      if (clean[i] != labels[i]) {
        CHECK(sample["status"] == "already_adversarial");
        continue;
      }
      ++attacked;
      fooled += success;
      distances.push_back(success ? distance : std::numeric_limits<double>::infinity());
    }
    CHECK(attack["success_rate"] ==
          Catch::Approx(static_cast<double>(fooled) / static_cast<double>(attacked)));
    CHECK(attack["robust_accuracy"] == Catch::Approx(static_cast<double>(robust) / 30));
    CHECK(attack["attacked"] == attacked);
    CHECK(attack["fooled"] == fooled);
    CHECK(attack["robust"] == robust);
    CHECK(attack["wrong"] == 30 - attacked);
    CHECK(attack["forward"] == forward);
    CHECK(attack["backward"] == backward);
    std::sort(distances.begin(), distances.end());
    const double low = distances[(distances.size() - 1) / 2], high = distances[distances.size() / 2];
    if (std::isinf(high))
      CHECK(attack["median_distance"].is_null());
    else
      CHECK(attack["median_distance"] == Catch::Approx((low + high) / 2));
    CHECK_THAT(outcome.out, ContainsSubstring(attack["name"]));
  }
  CHECK(successes > 30);
  CHECK(read(dir / "sheet.png").starts_with("\x89PNG"));
  CHECK(dir.entries() == 3);  // results.json, adversarials/, sheet.png
}

TEST_CASE("foil-evaluate: without a start no sample is robust", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Outcome outcome = run(on_network(dir, {0, 0, 0, 0, 0, 0, 0, 0}, {1, 0}, {0, 0, 0, 1}) +
                              Arguments{"--attack", "boundary", "--attack", "fgsm", "--epsilon", "1"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto json = results(dir);
  const auto& boundary = json["attacks"][0];
  CHECK(boundary["no_start"] == 3);
  CHECK(boundary["wrong"] == 1);
  CHECK(boundary["robust"] == 0);
  CHECK(boundary["robust_accuracy"] == 0);
  CHECK(boundary["attacked"] == 3);
  CHECK(boundary["success_rate"] == 0);
  CHECK(boundary["samples"][0]["status"] == "start_failed");
  CHECK_THAT(outcome.out,
             ContainsSubstring("\nboundary: 3 samples without a start, not counted as robust\n"));
  CHECK(json["attacks"][1]["robust_accuracy"] == 0.75);
  CHECK(outcome.out.find("\nfgsm eps 1:") == std::string::npos);
}

TEST_CASE("foil-evaluate: an answer of NaN or infinity is neither correct nor robust",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const float nan = std::numeric_limits<float>::quiet_NaN(), large = 3e38f;
  SECTION("from the beginning") {
    const Outcome outcome = run(on_network(dir, {nan, 0, 0, 0, 0, 0, 0, 0}, {1, 0}, {0, 0, 0, 0}) +
                                Arguments{"--attack", "fgsm", "--epsilon", "0.1"});
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    const auto json = results(dir);
    const auto& fgsm = json["attacks"][0];
    CHECK(json["clean_accuracy"] == 0);
    CHECK(fgsm["samples"][0]["clean_predicted"] == -1);
    CHECK(fgsm["samples"][0]["predicted"] == -1);
    CHECK(fgsm["non_finite"] == 4);
    CHECK(fgsm["attacked"] == 0);
    CHECK(fgsm["success_rate"].is_null());
    CHECK(fgsm["robust_accuracy"] == 0);
    CHECK_THAT(outcome.out, ContainsSubstring("\nfgsm eps 0.1: 4 samples with answers of NaN or infinity, "
                                              "not counted as robust\n"));
  }
  SECTION("where the attack goes") {  // the first logit overflows where the pixels sum up to more than 1.13
    const Outcome outcome =
        run(on_network(dir, {large, large, large, large, 0, 0, 0, 0}, {2, 1}, {0, 0, 0, 0}) +
            Arguments{"--attack", "linf-repeated-additive-uniform-noise", "--epsilon", "1"});
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    const auto json = results(dir);
    const auto& noise = json["attacks"][0];
    CHECK(json["clean_accuracy"] == 1);
    CHECK(noise["non_finite"] == 4);
    CHECK(noise["attacked"] == 4);
    CHECK(noise["success_rate"] == 0);
    CHECK(noise["robust_accuracy"] == 0);
  }
}

TEST_CASE("foil-evaluate: bits depend on the seed, not on threads, batches or other samples",
          "[examples][evaluate][property]") {
  const Arguments attack{"--attack", "linf-pgd:steps=5", "--epsilon", "0.3", "--seed"};
  const auto bits = [&](const Arguments& arguments) {
    const TemporaryDirectory dir;
    const Outcome outcome = run(on_mnist(dir) + arguments);
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    return adversarials(dir, "linf-pgd_eps0.3.npy");
  };
  const Arguments few{"--count", "12"};
  const std::string one = bits(few + Arguments{"--threads", "1"} + attack + Arguments{"7"});
  const std::string two =
      bits(few + Arguments{"--threads", "2", "--batch-size", "5"} + attack + Arguments{"7"});
  const std::string other = bits(few + Arguments{"--threads", "1"} + attack + Arguments{"8"});
  const std::string part = bits(Arguments{"--first", "4", "--count", "3"} + attack + Arguments{"7"});
  constexpr std::size_t sample = 28 * 28 * 4;
  CHECK(one.compare(two) == 0);
  CHECK(one.compare(other) != 0);
  CHECK(one.compare(one.size() - 8 * sample, 3 * sample, part, part.size() - 3 * sample) == 0);
}

TEST_CASE("foil-evaluate: bits do not depend on how many blocks the samples are read in",
          "[examples][evaluate][property]") {
  const TemporaryDirectory one, many, images, starts;
  std::vector<Index> rows;
  for (Index i = 0; i < 300; ++i) rows.push_back((7 * i + 500) % 1000);
  foil::io::write_npy<std::int64_t>(starts / "rows.npy", std::vector<std::int64_t>(rows.begin(), rows.end()),
                                    {300});
  foil::io::write_npy(starts / "images.npy",
                      foil::gather(foil::io::read_images(image_file, foil::Bounds<float>()), rows));
  const auto attack = [&](const TemporaryDirectory& dir, const std::string& batch_size, const char* file) {
    const Outcome outcome = run(on_mnist(dir) + Arguments{"--first",      "5",
                                                          "--count",      "300",
                                                          "--threads",    "1",
                                                          "--batch-size", batch_size,
                                                          "--attack",     "fgsm",
                                                          "--epsilon",    "0.2",
                                                          "--attack",     "dataset",
                                                          "--attack",     "boundary",
                                                          "--budget",     "30",
                                                          "--starts",     (starts / file).string(),
                                                          "--sheet",      (dir / "sheet.png").string()});
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
  };
  attack(one, "40", "rows.npy");  // one block of 320
  attack(many, "1", "rows.npy");  // 256 and 44
  attack(images, "1", "images.npy");
  const auto expected = results(one);
  for (const TemporaryDirectory* dir : {&many, &images}) {
    for (const char* name : {"indices.npy", "fgsm_eps0.2.npy", "dataset.npy", "boundary.npy"})
      CHECK(adversarials(one, name).compare(adversarials(*dir, name)) == 0);
    CHECK(read(one / "sheet.png") == read(*dir / "sheet.png"));
    const auto json = results(*dir);
    REQUIRE(json["attacks"].size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(json["attacks"][i]["samples"].size() == 300);
      CHECK(json["attacks"][i]["samples"] == expected["attacks"][i]["samples"]);
      CHECK(json["attacks"][i]["forward"] == expected["attacks"][i]["forward"]);
      CHECK(json["attacks"][i]["verification"] == expected["attacks"][i]["verification"]);
    }
    CHECK(json["attacks"][1]["success_rate"] == 1);
  }
}

TEST_CASE("foil-evaluate: .npy images give the bits that idx images give", "[examples][evaluate]") {
  const TemporaryDirectory dir, other;
  const Images images = foil::io::read_images(image_file, foil::Bounds<float>());
  const foil::Labels labels = foil::io::read_labels(label_file);
  const std::vector<Index> rows{0, 1, 2, 3};
  foil::io::write_npy(other / "images.npy", foil::gather(images, rows));
  foil::io::write_npy<int>(other / "labels.npy", std::vector<int>(labels.data(), labels.data() + 4), {4});
  const Arguments attack{"--attack", "l2-fgm", "--epsilon=2"};
  REQUIRE(run(on_mnist(dir) + attack + Arguments{"--count", "4"}).status == 0);
  REQUIRE(run(Arguments{"--model", model_file, "--images", (other / "images.npy").string(), "--labels",
                        (other / "labels.npy").string(), "--out", (other / "results.json").string(),
                        "--adversarials", (other / "adversarials").string()} +
              attack)
              .status == 0);
  CHECK(adversarials(dir, "l2-fgm_eps2.npy").compare(adversarials(other, "l2-fgm_eps2.npy")) == 0);
}

TEST_CASE("foil-evaluate: targets are what successful samples are taken for", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const foil::Labels labels = foil::io::read_labels(label_file);
  std::vector<int> targets;
  for (Index i = 0; i < labels.size(); ++i) targets.push_back((labels[i] + 1) % 10);
  const bool for_all = GENERATE(true, false);
  if (!for_all) targets.assign(targets.begin() + 2, targets.begin() + 12);
  foil::io::write_npy<int>(dir / "targets.npy", targets, {static_cast<Index>(targets.size())});
  const Outcome outcome =
      run(on_mnist(dir) + Arguments{"--first", "2", "--count", "10", "--attack", "linf-pgd:steps=20",
                                    "--epsilon", "0.5", "--targets", (dir / "targets.npy").string()});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  int successes = 0;
  const auto json = results(dir);
  for (const auto& sample : json["attacks"][0]["samples"]) {
    CHECK(sample["target"] == (sample["label"].get<int>() + 1) % 10);
    if (!sample["success"].get<bool>()) continue;
    ++successes;
    CHECK(sample["predicted"] == sample["target"]);
  }
  CHECK(successes > 5);
}

TEST_CASE("foil-evaluate: says where a radius is a whole number of lattice steps", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const auto told = [&](const char* attack, const char* epsilon, const char* lattice) {
    const Outcome outcome = run(on_mnist(dir) + Arguments{"--count", "2", "--attack", attack, "--epsilon",
                                                          epsilon, "--lattice", lattice});
    REQUIRE(outcome.status == 0);
    return outcome.err.find("steps of the lattice") != std::string::npos;
  };
  CHECK(told("fgsm", "0.0313725490196", "255"));
  CHECK(told("linf-bim", "0.25,0.5", "510"));
  CHECK_FALSE(told("fgsm", "0.0314", "255"));
  CHECK_FALSE(told("l2-fgm", "0.0313725490196", "255"));
}

TEST_CASE("foil-evaluate: warns of a radius that leaves nothing to change", "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const auto told = [&](const char* attack, const char* epsilon, const Arguments& more = {}) {
    const Outcome outcome =
        run(on_mnist(dir) + more + Arguments{"--count", "2", "--attack", attack, "--epsilon", epsilon});
    REQUIRE(outcome.status == 0);
    const bool warned = outcome.out.find("nothing could be changed about 2 of 2") != std::string::npos;
    const bool in_l0 = outcome.out.find("as radii in l0 are numbers of features") != std::string::npos;
    CHECK(in_l0 == (warned && std::string(attack).starts_with("l0")));
    return warned;
  };
  CHECK(told("l0-sparse-rs:steps=5", "0.1"));
  CHECK_FALSE(told("l0-sparse-rs:steps=5", "1"));
  CHECK_FALSE(told("fgsm", "0.1"));
  CHECK(told("fgsm", "0.003", {"--lattice", "255"}));
  CHECK_FALSE(told("fgsm", "0.004", {"--lattice", "255"}));
}

TEST_CASE("foil-evaluate: masked pixels do not move, and values lie on the lattice",
          "[examples][evaluate][property]") {
  constexpr Index first = 3, count = 12, pixels = 784;
  const TemporaryDirectory dir, files;
  const bool lattice = GENERATE(false, true);
  const std::string mask = GENERATE("none", "one", "one of four axes", "each row", "each used row");
  if (!lattice && mask == "none") return;

  // Which pixels of a row may move: three of four, others in every row if masks are for rows.
  const auto may_move = [&](Index row, Index pixel) {
    return mask == "none" || (mask.starts_with("one") ? pixel : pixel + 7 * row) % 4 != 0;
  };
  const Index masks = mask.starts_with("one") ? 1 : mask == "each row" ? 1000 : count;
  std::vector<double> values;
  for (Index i = 0; i < masks; ++i)
    for (Index pixel = 0; pixel < pixels; ++pixel)
      values.push_back(may_move(mask == "each used row" ? first + i : i, pixel) ? -0.5 : 0.0);
  if (mask == "one")
    foil::io::write_npy<double>(files / "mask.npy", values, {1, 28, 28});
  else
    foil::io::write_npy<double>(files / "mask.npy", values, {masks, 1, 28, 28});

  Arguments arguments{"--first",   "3",       "--count",  "12",
                      "--threads", "2",       "--budget", "200",
                      "--attack",  "fgsm",    "--attack", "l2-pgd:steps=5",
                      "--attack",  "l1-bim",  "--attack", "boundary",
                      "--attack",  "dataset", "--attack", "salt-and-pepper",
                      "--epsilon", "0.3",     "4"};
  if (lattice) arguments = arguments + Arguments{"--lattice", "255"};
  if (mask != "none") arguments = arguments + Arguments{"--mask", (files / "mask.npy").string()};
  const Outcome outcome = run(on_mnist(dir) + arguments);
  CAPTURE(lattice, mask, outcome.err);
  REQUIRE(outcome.status == 0);
  const auto json = results(dir);
  CHECK(json["lattice"] == (lattice ? nlohmann::json(255) : nlohmann::json(nullptr)));
  CHECK(json["mask"] ==
        (mask == "none" ? nlohmann::json(nullptr) : nlohmann::json((files / "mask.npy").string())));

  const Images images = foil::io::read_images(image_file, foil::Bounds<float>());
  int fooling = 0;
  for (const auto& attack : json["attacks"]) {
    fooling += attack["fooled"] > 0;
    const auto file = dir.path() / "adversarials" / attack["adversarials"].get<std::string>();
    const Images found = foil::io::read_images(file, foil::Bounds<float>());
    REQUIRE(foil::samples(found) == count);
    Index frozen_moved = 0, off_lattice = 0, moved = 0;
    for (Index i = 0; i < count; ++i)
      for (Index pixel = 0; pixel < pixels; ++pixel) {
        const float before = foil::sample(images, first + i)[pixel], after = foil::sample(found, i)[pixel];
        moved += before != after;
        frozen_moved += before != after && !may_move(first + i, pixel);
        off_lattice += after != static_cast<float>(std::round(double{after} * 255) / 255);
      }
    CAPTURE(attack["name"], attack["epsilon"]);
    CHECK((moved > 0) == (attack["fooled"] > 0));
    CHECK(frozen_moved == 0);
    if (lattice) CHECK(off_lattice == 0);
  }
  CHECK(fooling >= 6);
}

TEST_CASE("foil-evaluate: --margin is the lead of another class, or of the target", "[examples][evaluate]") {
  const auto model = foil::onnx::load<float, 4>(model_file);
  const foil::Labels labels = foil::io::read_labels(label_file);
  const auto smallest_lead = [&](const Arguments& more, bool targets) {
    const TemporaryDirectory dir;
    Arguments line =
        on_mnist(dir) + more + Arguments{"--count", "5", "--attack", "boundary", "--budget", "1000"};
    const foil::Labels wanted = labels.head(5).unaryExpr([](int y) { return (y + 1) % 10; });
    if (targets) {
      std::ofstream file(dir.path() / "targets.txt");
      for (const int target : wanted) file << target << '\n';
      line = line + Arguments{"--targets", (dir.path() / "targets.txt").string()};
    }
    const Outcome outcome = run(line);
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    const Images found = foil::io::read_images(dir.path() / "adversarials/boundary.npy", model.bounds());
    const auto logits = model.logits(found);
    double smallest = std::numeric_limits<double>::infinity();
    for (Index i = 0; i < 5; ++i) {
      const Eigen::VectorXd scores = logits.row(i).transpose().cast<double>();
      smallest = std::min(smallest, targets ? -foil::losses::margin(scores, wanted[i])
                                            : foil::losses::margin(scores, labels[i]));
    }
    return smallest;
  };
  for (const bool targets : {false, true}) {
    const double least = smallest_lead({}, targets);
    CHECK((least >= 0 && least < 0.5));
    CHECK(smallest_lead({"--margin", "0.5"}, targets) >= 0.5);
  }
}

TEST_CASE("foil-evaluate: --correct-only counts the samples that are classified correctly",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Outcome outcome = run(
      on_mnist(dir) + Arguments{"--correct-only", "--count", "990", "--attack", "fgsm", "--epsilon", "0.01"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto json = results(dir);
  const auto& samples = json["attacks"][0]["samples"];
  CHECK(samples.size() == 990);
  CHECK(samples.back()["index"] > 989);
  for (const auto& sample : samples) CHECK(sample["clean_predicted"] == sample["label"]);
  CHECK(json["clean_accuracy"] == Catch::Approx(990 / json["clean_accuracy_rows"].get<double>()));
  CHECK(json["clean_accuracy_rows"] == samples.back()["index"].get<int>() + 1);
}

TEST_CASE("foil-evaluate: the query budget is kept, and one attack may be asked for twice",
          "[examples][evaluate]") {
  const TemporaryDirectory dir;
  const Outcome outcome =
      run(on_mnist(dir) + Arguments{"--count", "6", "--attack", "linf-pgd:steps=9", "--attack",
                                    " pgd : steps = 50 , restarts=3", "--epsilon", "0.01", "--budget", "20"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  const auto json = results(dir);
  CHECK(json["query_budget"] == 20);
  CHECK(json["warnings"][0]["code"] == "budget");
  CHECK(json["attacks"][1]["cut_short"] == 0);
  CHECK_THAT(outcome.out, ContainsSubstring("\nlinf-pgd:steps=9  "));
  CHECK_THAT(outcome.out, ContainsSubstring("\nlinf-pgd:steps=50,restarts=3  linf "));
  CHECK(json["attacks"][0]["adversarials"] == "linf-pgd_eps0.01.npy");
  CHECK(json["attacks"][1]["adversarials"] == "linf-pgd_eps0.01_2.npy");
  CHECK(json["attacks"][1]["options"]["restarts"] == 3);
  for (const auto& sample : json["attacks"][1]["samples"]) {
    CHECK(sample["forward"] <= 20);
    if (!sample["success"].get<bool>()) CHECK(sample["status"] == "budget_exhausted");
  }
}
