// SPDX-License-Identifier: MIT
#include "foil/evaluation/universal.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "foil/attacks/decision/query/query.hpp"
#include "foil/attacks/gradient/deepfool.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/models/label_only.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

using namespace foil;
using Flat = Tensor<double, 2>;
using FlatF = Tensor<float, 2>;

namespace {

/// Affine classes 0 and 1 in a wide box, inputs at distances 0.1, 0.2, ... on the side of 0, and labels to
/// match.
template <Batch T>
struct OneSided {
  static constexpr Index count = 10, width = 8;
  Eigen::VectorXd normal;  // of length 1
  test::Affine<T> model;
  T inputs{count, width};
  Labels labels = Labels::Zero(count);

  OneSided() : normal(direction()), model(weights(normal), Eigen::Vector2d::Zero(), {-50, 50}) {
    test::Random random(3);
    for (Index i = 0; i < count; ++i) {
      Eigen::VectorXd x = random.normals(width);
      x -= (dot(x, normal) + 0.1 * static_cast<double>(i + 1)) * normal;
      sample(inputs, i) = x.template cast<typename T::Scalar>();
    }
  }
  static Eigen::VectorXd direction() {
    test::Random random(5);
    Eigen::VectorXd w = random.normals(width);
    return w / w.norm();
  }
  static Eigen::MatrixXd weights(const Eigen::VectorXd& w) {
    Eigen::MatrixXd both(2, width);
    both << -w.transpose() / 2, w.transpose() / 2;
    return both;
  }
};

}  // namespace

TEMPLATE_TEST_CASE(
    "universal: samples on one side of a plane need one pass, along the normal, as far as the last",
    "[universal]", Flat, FlatF) {
  const OneSided<TestType> p;
  const UniversalPerturbation search(L2DeepFoolAttack{});
  const auto result = search(p.model, p.inputs, p.labels, 10);
  const Eigen::VectorXd v = sample(result.perturbation, 0).template cast<double>();
  CHECK(result.passes == 1);
  CHECK(result.fooling_rate == 1);
  CHECK(result.fooled.all());
  CHECK(v.norm() >= 1);
  CHECK(v.norm() < 1.1);
  CHECK((v - dot(v, p.normal) * p.normal).norm() < 1e-5 * v.norm());
  const TestType shown = perturbed(p.inputs, result.perturbation, p.model.bounds());
  CHECK((foil::predict(p.model, shown).array() == 1).all());
}

TEMPLATE_TEST_CASE("universal: a radius fools those that are nearer, and is kept as stored", "[universal]",
                   Flat, FlatF) {
  const OneSided<TestType> p;
  test::CountingModel counted(p.model);
  const auto result =
      UniversalPerturbation(L2DeepFoolAttack{}, {.passes = 3})(counted, p.inputs, p.labels, 0.55);
  CHECK(result.fooling_rate == Catch::Approx(0.5));
  for (Index i = 0; i < p.count; ++i) CHECK(result.fooled[i] == (i < 5));
  CHECK(L2::size(Eigen::VectorXd(sample(result.perturbation, 0).template cast<double>())) <= 0.55);
  CHECK(result.passes == 3);
  CHECK(counted.forward == result.queries.sum());
  CHECK(counted.backward == result.gradient_queries.sum());
  const auto enough =
      UniversalPerturbation(L2DeepFoolAttack{}, {.fooling_rate = 0.5})(p.model, p.inputs, p.labels, 0.55);
  CHECK(enough.passes == 1);
}

TEST_CASE("universal: by decisions alone, and in Linf", "[universal]") {
  const OneSided<Flat> p;
  const LabelOnly labels_only(p.model);
  const auto l2 =
      UniversalPerturbation(L2QueryAttack())(labels_only, p.inputs, p.labels, 2, {.query_budget = 300});
  CHECK(l2.fooling_rate >= 0.8);
  CHECK(L2::size(Eigen::VectorXd(sample(l2.perturbation, 0))) <= 2);
  const auto linf =
      UniversalPerturbation(LinfQueryAttack())(labels_only, p.inputs, p.labels, 0.6, {.query_budget = 300});
  CHECK(linf.fooling_rate >= 0.8);
  CHECK(Linf::size(Eigen::VectorXd(sample(linf.perturbation, 0))) <= 0.6);
  CHECK((linf.gradient_queries.array() == 0).all());
}

TEST_CASE("universal: the order follows from seed and ids, not from that of the rows", "[universal]") {
  const auto p = test::affine_problem<Flat>(4, 10, 12, 5);
  const UniversalPerturbation search(L2DeepFoolAttack{}, {.passes = 2, .fooling_rate = 1});
  const auto reference = search(p.model, p.inputs, p.labels, 0.4);
  std::vector<Index> order{7, 2, 0, 5, 9, 1, 11, 3, 6, 10, 4, 8};
  RunOptions<Flat> told{.sample_ids = {order.begin(), order.end()}, .threads = 2, .batch_size = 5};
  const auto moved = search(p.model, gather(p.inputs, order), Labels(p.labels(order)), 0.4, told);
  CHECK(test::same_rows(moved.perturbation, reference.perturbation));
  CHECK(moved.fooling_rate == reference.fooling_rate);
  for (std::size_t i = 0; i < order.size(); ++i)
    CHECK(moved.queries[static_cast<Index>(i)] == reference.queries[order[i]]);
  const auto other = search(p.model, p.inputs, p.labels, 0.4, {.seed = 1});
  CHECK_FALSE(test::same_rows(other.perturbation, reference.perturbation));
}

TEST_CASE("universal: what is invalid, unanswered or adversarial as it is counts nowhere", "[universal]") {
  OneSided<Flat> p;
  p.inputs(1, 2) = std::nan("");
  p.inputs(2, 0) = 60;
  p.labels[4] = 1;
  p.inputs(7, 3) = 0.123456789;
  test::Tampered<test::Affine<Flat>> model(p.model);
  model.answer = [](std::int64_t, const auto& x, auto& z) {
    for (Index i = 0; i < samples(x); ++i)
      if (x(i, 3) == 0.123456789) z.row(i).setConstant(std::nan(""));
  };
  const auto result = UniversalPerturbation(L2DeepFoolAttack{})(model, p.inputs, p.labels, 10);
  for (Index i = 0; i < p.count; ++i) CHECK(result.counted[i] == (i != 1 && i != 2 && i != 4 && i != 7));
  CHECK(result.fooling_rate == 1);
  CHECK(result.queries[1] == 0);
  CHECK(result.queries[4] == 1);
  const auto nothing =
      UniversalPerturbation(L2DeepFoolAttack{})(p.model, p.inputs, Labels(Labels::Ones(p.count)), 10);
  CHECK(std::isnan(nothing.fooling_rate));
  CHECK(nothing.passes == 0);
}

TEST_CASE("universal: a mask is kept, an observer stops it, and what makes no sense is refused",
          "[universal]") {
  using Catch::Matchers::ContainsSubstring;
  const OneSided<Flat> p;
  Flat mask(1, 8);
  for (Index i = 0; i < 8; ++i) mask(0, i) = i % 2 == 1;
  const UniversalPerturbation search(L2DeepFoolAttack{}, {.fooling_rate = 1});
  const auto masked = search(p.model, p.inputs, p.labels, 20, {.mask = mask});
  CHECK(masked.fooling_rate == 1);
  for (Index i = 0; i < 8; i += 2) CHECK(masked.perturbation(0, i) == 0);

  Index told = 0;
  const auto stopped = search(p.model, p.inputs, p.labels, 20, {.observer = [&](const Progress& progress) {
                                CHECK(progress.total == 200);
                                return ++told == 1 ? Control::stop : Control::proceed;
                              }});
  CHECK(stopped.interrupted);
  CHECK(stopped.passes == 1);
  CHECK(told == 1);
  CHECK(stopped.queries.sum() < masked.queries.sum());

  CHECK_THROWS_WITH(UniversalPerturbation(LinfPGD{}), ContainsSubstring("linf-pgd looks within a radius"));
  CHECK_THROWS_WITH(UniversalPerturbation(L2DeepFoolAttack{}, {.passes = 0}),
                    ContainsSubstring("universal: expected passes >= 1, got 0"));
  CHECK_THROWS_WITH(search(p.model, p.inputs, p.labels, 0), ContainsSubstring("radius above 0, got 0"));
  CHECK_THROWS_WITH(search(p.model, p.inputs, p.labels, 1, {.lattice = Lattice{-50, 50, 100}}),
                    ContainsSubstring("no lattice"));
  CHECK_THROWS_WITH(search(LabelOnly(p.model), p.inputs, p.labels, 1),
                    ContainsSubstring("needs more of the model"));
  CHECK_THROWS_WITH(perturbed(p.inputs, p.inputs, p.model.bounds()),
                    ContainsSubstring("one sample of 8 features"));
}
