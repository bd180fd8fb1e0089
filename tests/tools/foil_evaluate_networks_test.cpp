// SPDX-License-Identifier: MIT
/// \file
/// foil-evaluate on networks of every rank and with every end.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "foil/core/tensor.hpp"
#include "foil/io/npy.hpp"
#include "support/catch.hpp"
#include "support/onnx_builder.hpp"
#include "tools/foil_evaluate.hpp"

using Catch::Matchers::ContainsSubstring;
using foil::Index;
using foil::test::attribute;
using foil::test::Floats;
using foil::test::Ints;
using foil::test::Names;
using foil::test::OnnxBuilder;
using foil_test::Arguments;
using foil_test::Outcome;
using foil_test::read;
using foil_test::TemporaryDirectory;
using foil_test::write;

namespace {

constexpr std::size_t rows = 40, features = 12, classes = 3;

/// A linear classifier of 12 features, z = W x, the labels that it gives 40 samples, and the samples.
struct Problem {
  Floats weights = foil::test::spread(features * classes, -1, 1, 5),
         x = foil::test::spread(rows * features, 0, 1, 6);
  std::vector<int> labels{};

  Problem() {
    for (std::size_t i = 0; i < rows; ++i) {
      std::vector<double> z(classes, 0.);
      for (std::size_t f = 0; f < features; ++f)
        for (std::size_t k = 0; k < classes; ++k)
          z[k] += static_cast<double>(x[i * features + f] * weights[f * classes + k]);
      labels.push_back(static_cast<int>(std::max_element(z.begin(), z.end()) - z.begin()));
    }
  }

  /// A network for samples of this shape; the classifier's answer z is then to be turned into y.
  OnnxBuilder network(const Ints& shape) const {
    Ints input{-1};
    input.insert(input.end(), shape.begin(), shape.end());
    OnnxBuilder file(input);
    file.constant("w", {features, classes}, weights);
    return file.node("Flatten", {"x"}, "flat").node("MatMul", {"flat", "w"}, "z");
  }
};

/// What foil-evaluate makes of 20 steps of PGD on the network; the samples have this shape in their file.
struct Run {
  TemporaryDirectory dir{};
  Outcome outcome{};
  double robust = -1, clean = -1;

  Run(const OnnxBuilder& network, const Ints& shape, const Arguments& more = {}) {
    const Problem problem;
    write(dir / "net.onnx", network.bytes());
    std::vector<Index> dims{rows};
    dims.insert(dims.end(), shape.begin(), shape.end());
    foil::io::write_npy<float>(dir / "x.npy", problem.x, dims);
    foil::io::write_npy<int>(dir / "y.npy", problem.labels, {rows});
    Arguments arguments{
        "--model",        (dir / "net.onnx").string(), "--images",  (dir / "x.npy").string(),
        "--labels",       (dir / "y.npy").string(),    "--out",     (dir / "results.json").string(),
        "--adversarials", (dir / "found").string(),    "--epsilon", "0.1",
        "--attack",       "linf-pgd:steps=20"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    outcome = foil_test::run(arguments);
    if (outcome.status != 0) return;
    const auto json = foil_test::results(dir);
    robust = json["attacks"][0]["robust_accuracy"];
    clean = json["clean_accuracy"];
  }
};

}  // namespace

TEST_CASE("foil-evaluate: networks of rank 2 to 5, whose adversarials have the shape of the data",
          "[evaluate]") {
  const Problem problem;
  double robust = -1;
  for (const Ints& shape : {Ints{12}, Ints{4, 3}, Ints{3, 2, 2}, Ints{1, 3, 2, 2}}) {
    OnnxBuilder file = problem.network(shape);
    const Run run(file.node("Identity", {"z"}, "y"), shape);
    INFO(run.outcome.err);
    REQUIRE(run.outcome.status == 0);
    CHECK(run.clean == 1);
    if (robust < 0) robust = run.robust;
    CHECK(run.robust == robust);
    const auto found = foil::io::read_npy(run.dir / "found/linf-pgd_eps0.1.npy");
    std::vector<Index> want{rows};
    want.insert(want.end(), shape.begin(), shape.end());
    CHECK(found.shape == want);
  }
  CHECK(robust > 0.05);
  CHECK(robust < 0.95);

  // Axes of length one make no difference to the order, another order does.
  OnnxBuilder tabular = problem.network({12});
  tabular.node("Identity", {"z"}, "y");
  CHECK(Run(tabular, {1, 12, 1}).robust == robust);
  const Run refused(tabular, {3, 4});
  CHECK(refused.outcome.status == 2);
  CHECK_THAT(refused.outcome.err,
             ContainsSubstring("x.npy: expected images of shape (N, 12) as the model takes, "
                               "found (40, 3, 4)"));
}

TEST_CASE(
    "foil-evaluate: samples of two axes have no channels that a layout would move, nor have their masks",
    "[evaluate]") {
  const Problem problem;
  OnnxBuilder file = problem.network({4, 3});
  file.node("Identity", {"z"}, "y");
  const TemporaryDirectory files;
  std::vector<float> mask(12, 0);
  mask[1] = mask[7] = 1;
  foil::io::write_npy<float>(files / "mask.npy", mask, {4, 3});
  const Run run(file, {4, 3}, {"--layout", "nhwc", "--mask", (files / "mask.npy").string()});
  INFO(run.outcome.err);
  REQUIRE(run.outcome.status == 0);
  const auto found = foil::io::read_npy(run.dir / "found/linf-pgd_eps0.1.npy").values<float>();
  std::vector<bool> moved(12);
  for (std::size_t i = 0; i < found.size(); ++i)
    if (found[i] != problem.x[i]) moved[i % 12] = true;
  CHECK(moved[1]);
  CHECK(moved[7]);
  CHECK(std::count(moved.begin(), moved.end(), true) == 2);
}

TEST_CASE("foil-evaluate: saturated outputs count as what is behind them, which is told", "[evaluate]") {
  const Problem problem;
  const Ints shape{12};
  const auto with = [&](const std::vector<std::string>& layers, float heat) {
    OnnxBuilder file = problem.network(shape);
    file.constant("heat", {}, {heat}).node("Mul", {"z", "heat"}, "l0");
    for (std::size_t i = 0; i < layers.size(); ++i)
      file.node(layers[i], {"l" + std::to_string(i)},
                i + 1 == layers.size() ? "y" : "l" + std::to_string(i + 1));
    return file;
  };
  const double logits = Run(with({"Identity"}, 1), shape).robust;
  for (const auto& [layers, told] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"Softmax"}, "taken off the end of the network: Softmax;"},
           {{"LogSoftmax"}, "network: LogSoftmax;"},
           {{"Sigmoid", "Log"}, "network: Sigmoid, Log;"}}) {
    CAPTURE(told);
    const Run saturated(with(layers, 300), shape);
    REQUIRE(saturated.outcome.status == 0);
    CHECK(saturated.robust <= logits + 0.026);
    CHECK_THAT(saturated.outcome.err, ContainsSubstring(told));
  }
  const Run kept(with({"Softmax"}, 300), shape, {"--keep-output-layer"});
  CHECK(kept.robust > logits + 0.1);  // the false number that is avoided
  CHECK_THAT(kept.outcome.err, !ContainsSubstring("taken off"));
}

TEST_CASE("foil-evaluate: of probabilities that cannot be taken off, the logarithm is attacked",
          "[evaluate]") {
  const Problem problem;
  // The mean of two softmaxes: no chain of layers, but its answers add up to 1.
  OnnxBuilder file = problem.network({12});
  file.constant("hot", {}, {10}).constant("half", {}, {0.5f});
  file.node("Mul", {"z", "hot"}, "l").node("Softmax", {"l"}, "p").node("Softmax", {"z"}, "q");
  file.node("Add", {"p", "q"}, "s").node("Mul", {"s", "half"}, "y");
  const std::string told = "are probabilities that add up to 1: attacked is log p";
  const Run run(file, {12});
  REQUIRE(run.outcome.status == 0);
  CHECK(run.clean == 1);
  CHECK_THAT(run.outcome.err, ContainsSubstring(told));
  CHECK_THAT(Run(file, {12}, {"--keep-output-layer"}).outcome.err, !ContainsSubstring(told));

  // Neither the size of batches nor the number of threads has a say in that.
  const Run other(file, {12}, {"--batch-size", "3", "--threads", "2"});
  CHECK_THAT(other.outcome.err, ContainsSubstring(told));
  CHECK(read(other.dir / "found/linf-pgd_eps0.1.npy") == read(run.dir / "found/linf-pgd_eps0.1.npy"));
}

TEST_CASE("foil-evaluate: a single output is two classes where that is certain or said", "[evaluate]") {
  // Whether the first feature is larger than the second one, by its logit or its probability.
  const auto network = [](const std::string& last) {
    OnnxBuilder file({-1, 12});
    Floats weights(12, 0.f);
    weights[0] = 1, weights[1] = -1;
    file.constant("one", {}, {1}).constant("half", {}, {0.5f});
    if (last == "written out") {
      for (std::size_t i = 0; i < 2; ++i) weights[i] *= -1;
      file.constant("v", {12, 1}, weights).node("MatMul", {"x", "v"}, "m");
      return file.node("Exp", {"m"}, "e").node("Add", {"e", "one"}, "d").node("Div", {"one", "d"}, "y");
    }
    if (last == "1 - Sigmoid") {
      for (std::size_t i = 0; i < 2; ++i) weights[i] *= -1;
      file.constant("v", {12, 1}, weights).node("MatMul", {"x", "v"}, "m");
      return file.node("Sigmoid", {"m"}, "q").node("Sub", {"one", "q"}, "y");
    }
    if (last == "Greater") {
      file.constant("v", {12, 1}, weights).node("MatMul", {"x", "v"}, "s");
      file.node("Sigmoid", {"s"}, "q").node("Greater", {"q", "half"}, "g");
      return file.node("Cast", {"g"}, "y", {attribute("to", 1)});
    }
    return file.constant("v", {12, 1}, weights).node("MatMul", {"x", "v"}, "s").node(last, {"s"}, "y");
  };
  const auto labelled = [&](const std::string& last, const Arguments& more) {
    const Problem problem;
    const TemporaryDirectory dir;
    std::vector<int> labels;
    for (std::size_t i = 0; i < rows; ++i) labels.push_back(problem.x[12 * i] > problem.x[12 * i + 1]);
    write(dir / "net.onnx", network(last).bytes());
    foil::io::write_npy<float>(dir / "x.npy", problem.x, {rows, 12});
    foil::io::write_npy<int>(dir / "y.npy", labels, {rows});
    Arguments arguments{"--model",   (dir / "net.onnx").string(),
                        "--images",  (dir / "x.npy").string(),
                        "--labels",  (dir / "y.npy").string(),
                        "--out",     (dir / "results.json").string(),
                        "--epsilon", "0.1",
                        "--attack",  "linf-pgd"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = foil_test::run(arguments);
    double robust = -1;
    if (outcome.status == 0) {
      robust = foil_test::results(dir)["attacks"][0]["robust_accuracy"];
      CHECK(foil_test::results(dir)["clean_accuracy"] == 1);
    }
    return std::pair(outcome, robust);
  };
  // Exactly those more than 0.2 apart withstand 0.1 to either side.
  const Problem problem;
  double apart = 0;
  for (std::size_t i = 0; i < rows; ++i)
    apart += std::abs(problem.x[12 * i] - problem.x[12 * i + 1]) > 0.2f ? 1. / rows : 0.;
  const auto [refused, none] = labelled("Identity", {});
  CHECK(refused.status == 2);
  CHECK_THAT(refused.err, ContainsSubstring("single output 'y'") && ContainsSubstring("--binary"));
  CHECK(labelled("Identity", {"--binary"}).second == Catch::Approx(apart));
  const auto [told, robust] = labelled("Sigmoid", {});
  CHECK(robust == Catch::Approx(apart));
  CHECK_THAT(told.err, ContainsSubstring("a sigmoid, is read as two classes"));

  // Probabilities that do not say so themselves are known by where they lie.
  for (const std::string last : {"written out", "1 - Sigmoid"}) {
    CAPTURE(last);
    const auto [said, reached] = labelled(last, {"--binary"});
    CHECK(reached == Catch::Approx(apart));
    CHECK_THAT(said.err, ContainsSubstring("read as the probability of class 1"));
    CHECK(labelled(last, {}).first.status == 2);
  }
  // What lies there for another reason, a ReLU, is a logit; one that decides is 0 or 1, and 0 is class 0. Of
  // class 0, which is the flat side of a ReLU, few are fooled.
  double falls = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    const float lead = problem.x[12 * i] - problem.x[12 * i + 1];
    falls += lead > 0 && lead < 0.2f ? 1. / rows : 0.;
  }
  CHECK(falls > 0.05);
  for (const std::string last : {"Relu", "Greater"}) {
    CAPTURE(last);
    const auto [said, reached] = labelled(last, {"--binary", "--straight-through"});
    CHECK_THAT(said.err, ContainsSubstring("read as the logit of class 1"));
    CHECK(reached > apart - 0.01);
    CHECK(reached < (last == "Relu" ? 1 - falls : apart) + 0.01);
  }
}

TEST_CASE("foil-evaluate: --straight-through gives networks that round gradients", "[evaluate]") {
  const Problem problem;
  OnnxBuilder file({-1, 12});
  file.constant("w", {features, classes}, problem.weights).constant("levels", {}, {255});
  file.node("Mul", {"x", "levels"}, "a").node("Round", {"a"}, "b").node("Div", {"b", "levels"}, "c");
  file.node("MatMul", {"c", "w"}, "y");
  const Run blind(file, {12}), seeing(file, {12}, {"--straight-through"});
  REQUIRE(blind.outcome.status == 0);
  REQUIRE(seeing.outcome.status == 0);
  CHECK(seeing.robust < blind.robust - 0.1);
}

TEST_CASE("foil-evaluate: --stabilise and --surrogate-slopes give saturated networks gradients",
          "[evaluate]") {
  const Problem problem;
  OnnxBuilder file({-1, 12});
  file.constant("w", {features, classes}, problem.weights)
      .constant("half", {}, {0.5f})
      .constant("steep", {}, {1000});
  file.node("Sub", {"x", "half"}, "a").node("Mul", {"a", "steep"}, "b").node("Tanh", {"b"}, "t");
  file.node("MatMul", {"t", "w"}, "y");
  const Run blind(file, {12}), steady(file, {12}, {"--stabilise"}),
      flatter(file, {12}, {"--surrogate-slopes"});
  for (const Run* run : {&blind, &steady, &flatter}) REQUIRE(run->outcome.status == 0);
  CHECK(steady.robust < blind.robust);
  CHECK(flatter.robust < blind.robust);
  CHECK_THAT(steady.outcome.err, ContainsSubstring("gradients are stabilised"));
  CHECK_THAT(flatter.outcome.err, ContainsSubstring("BPDA"));
}

TEST_CASE("foil-evaluate: of several outputs the first with classes is attacked, or the one that is named",
          "[evaluate]") {
  const Problem problem;
  OnnxBuilder file = problem.network({12});
  file.output("p").node("Identity", {"z"}, "y").node("Softmax", {"z"}, "p");
  const Run first(file, {12}), named(file, {12}, {"--output", "p"});
  CHECK_THAT(first.outcome.err, ContainsSubstring("the classes are 'y', the first that fits"));
  CHECK_THAT(named.outcome.err, ContainsSubstring("the classes are 'p'"));
  CHECK(first.robust == named.robust);
  CHECK(Run(file, {12}, {"--output", "q"}).outcome.status == 2);
}

TEST_CASE("foil-evaluate: trees are attacked by what needs no gradients, and by nothing else", "[evaluate]") {
  OnnxBuilder trees({-1, 2});
  trees.node("TreeEnsembleClassifier", {"x"}, Names{"label", "y"},
             {attribute("nodes_treeids", Ints{0, 0, 0}), attribute("nodes_nodeids", Ints{0, 1, 2}),
              attribute("nodes_featureids", Ints{1, 0, 0}), attribute("nodes_values", Floats{0.5f, 0, 0}),
              attribute("nodes_modes", Names{"BRANCH_LEQ", "LEAF", "LEAF"}),
              attribute("nodes_truenodeids", Ints{1, 0, 0}), attribute("nodes_falsenodeids", Ints{2, 0, 0}),
              attribute("class_treeids", Ints{0, 0}), attribute("class_nodeids", Ints{1, 2}),
              attribute("class_ids", Ints{0, 1}), attribute("class_weights", Floats{1, 1}),
              attribute("classlabels_strings", Names{"low", "high"})},
             "stump", "ai.onnx.ml");
  const TemporaryDirectory dir;
  write(dir / "trees.onnx", trees.bytes());
  const Floats x{0.3f, 0.1f, 0.9f, 0.4f, 0.5f, 0.7f, 0.1f, 0.95f};
  foil::io::write_npy<float>(dir / "x.npy", x, {4, 2});
  foil::io::write_npy<int>(dir / "y.npy", std::vector<int>{0, 0, 1, 1}, {4});
  const auto attacked = [&](const std::string& attack) {
    return foil_test::run({"--model", (dir / "trees.onnx").string(), "--images", (dir / "x.npy").string(),
                           "--labels", (dir / "y.npy").string(), "--out", (dir / "results.json").string(),
                           "--attack", attack, "--epsilon", "0.1", "--attack", "fgsm"});
  };
  const Outcome refused = attacked("boundary");
  CHECK(refused.status == 2);
  CHECK_THAT(refused.err, ContainsSubstring("fgsm needs gradients, and trees.onnx has none") &&
                              ContainsSubstring("boundary"));
  const Outcome outcome = foil_test::run(
      {"--model", (dir / "trees.onnx").string(), "--images", (dir / "x.npy").string(), "--labels",
       (dir / "y.npy").string(), "--out", (dir / "results.json").string(), "--attack", "boundary:steps=500"});
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  CHECK_THAT(outcome.out, ContainsSubstring("the classes are in this order: 'low', 'high'"));
  const auto json = foil_test::results(dir);
  CHECK(json["clean_accuracy"] == 1);
  for (std::size_t i = 0; i < 4; ++i) {
    const double distance = json["attacks"][0]["samples"][i]["distance"];
    const double least = std::abs(double{x[2 * i + 1]} - 0.5);
    CHECK(distance >= least * (1 - 1e-6));
    CHECK(distance <= least * 1.2 + 1e-3);
  }
}
