// SPDX-License-Identifier: MIT
/// \file
/// Every attack of the catalogue on the shipped convolutional network and MNIST images.
#include <filesystem>
#include <string>

#include "catalogue/all_attacks.hpp"
#include "foil/attacks/gradient/fast_gradient.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/evaluation/accuracy.hpp"
#include "foil/io/data.hpp"
#include "support/catch.hpp"
#include "support/onnx.hpp"

using namespace foil;

namespace {

using Images = Tensor<float, 4>;

const std::filesystem::path data = FOIL_EXAMPLES_DATA;

const auto& network() {
  static const auto loaded = onnx::load(data / "mnist_cnn.onnx");
  return loaded;
}

struct Digits {
  Images images;
  Labels labels;
};

/// The first `count` test images that the network classifies correctly.
Digits digits(Index count) {
  static const Images all = io::read_images<float>(data / "mnist-test-1000-images.idx3-ubyte.gz", {0, 1});
  static const Labels labels = io::read_labels(data / "mnist-test-1000-labels.idx1-ubyte.gz");
  static const Labels predictions = predict_in_batches(network(), all);
  std::vector<Index> rows;
  for (Index i = 0; static_cast<Index>(rows.size()) < count; ++i)
    if (predictions[i] == labels[i]) rows.push_back(i);
  Digits out{gather(all, rows), Labels(count)};
  for (Index i = 0; i < count; ++i) out.labels[i] = labels[rows[static_cast<std::size_t>(i)]];
  return out;
}

double radius(Lp norm) {
  return norm == Lp(L0{}) ? 50 : norm == Lp(L1{}) ? 15 : norm == Lp(L2{}) ? 2 : 0.15;
}

/// The attack of an entry, with few steps so that all of them run in a few seconds.
AnyAttack brief(const AttackEntry& entry) {
  OptionValues options;
  for (const OptionInfo& option : entry.options) {
    if (option.name == "steps" || option.name == "repeats")
      options[option.name] = entry.minimal && !entry.minimal_form ? "20" : "10";
    if (option.name == "bisections") options[option.name] = "5";
    if (option.name == "features") options[option.name] = "3";
    if (option.name == "neighbours" && option.value != "0") options[option.name] = "1";
    if (option.name == "targets" && option.value != "0") options[option.name] = "1";
    if (option.name == "nearest") options[option.name] = "1";
  }
  return entry.make(options);
}

/// What a result claims, checked without foil's help but for the network's.
void check_claims(const Result<Images>& result, const Digits& given, Lp norm, double epsilon) {
  const Logits<float> logits = network().logits(result.adversarials);
  for (Index i = 0; i < result.size(); ++i) {
    const auto x = sample(given.images, i).cast<double>(), y = sample(result.adversarials, i).cast<double>();
    if (!result.success[i]) {
      REQUIRE(y == x);
      REQUIRE(std::isinf(result.distances[i]));
      continue;
    }
    REQUIRE(y.minCoeff() >= 0);
    REQUIRE(y.maxCoeff() <= 1);
    Index winner = 0;
    const float top = logits.row(i).maxCoeff(&winner);
    REQUIRE(winner != given.labels[i]);
    REQUIRE(top > logits(i, given.labels[i]));
    const Eigen::VectorXd w = y - x;
    const double length = norm == Lp(L0{})   ? static_cast<double>((w.array() != 0).count())
                          : norm == Lp(L1{}) ? w.lpNorm<1>()
                          : norm == Lp(L2{}) ? w.norm()
                                             : w.lpNorm<Eigen::Infinity>();
    REQUIRE(result.distances[i] == Catch::Approx(length).epsilon(1e-12));
    REQUIRE(result.distances[i] <= epsilon);
  }
}

void check_same(const Result<Images>& a, const Result<Images>& b) {
  CHECK(as_matrix(a.adversarials) == as_matrix(b.adversarials));
  CHECK(a.queries == b.queries);
  CHECK((a.success == b.success).all());
}

}  // namespace

TEST_CASE("what any attack claims about real images holds, whatever the batch and the threads") {
  const Digits few = digits(5);
  for (const AttackEntry& entry : programs::all_attacks().entries()) {
    INFO(entry.name);
    const AnyAttack attack = brief(entry);
    const double epsilon = entry.minimal ? std::numeric_limits<double>::infinity() : radius(entry.norm);
    const Epsilons given = entry.minimal ? 0 : epsilon;
    const auto result = attack(network(), few.images, few.labels, given, {.query_budget = 200});
    check_claims(result, few, entry.norm, epsilon);
    if (entry.knowledge == Knowledge::gradients) CHECK(result.success.count() >= (entry.minimal ? 5 : 1));
    check_same(result, attack(network(), few.images, few.labels, given,
                              {.threads = 2, .query_budget = 200, .batch_size = 3}));
  }
}

TEMPLATE_TEST_CASE("at equal radius PGD finds no less than BIM, and BIM no less than one step", "", L1, L2,
                   Linf) {
  const Digits many = digits(50);
  const double epsilon = 0.6 * radius(TestType{});
  const auto count = [&](const auto& attack) {
    const auto result = attack(network(), many.images, many.labels, epsilon);
    check_claims(result, many, TestType{}, epsilon);
    return result.success.count();
  };
  const Index pgd = count(ProjectedGradientDescent<TestType>());
  const Index bim = count(BasicIterativeMethod<TestType>());
  const Index fgm = count(FastGradientAttack<TestType>());
  INFO("PGD " << pgd << ", BIM " << bim << ", one step " << fgm << " of 50");
  CHECK(pgd >= bim);
  CHECK(bim > fgm);
  CHECK(fgm > 0);
}

TEST_CASE("a targeted run ends in the target's class") {
  const Digits few = digits(20);
  const Labels targets = few.labels.unaryExpr([](int label) { return (label + 1) % 10; });
  const auto result = L2PGD({.steps = 40})(network(), few.images, TargetedMisclassification(targets), 4);
  CHECK(result.success.count() >= 15);
  for (Index i = 0; i < result.size(); ++i)
    if (result.success[i]) CHECK(result.predictions[i] == targets[i]);
}
