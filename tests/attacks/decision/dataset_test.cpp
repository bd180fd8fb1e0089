// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/dataset.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"
#include "support/one_sample.hpp"

using namespace foil;
using Image = Tensor<float, 4>;

namespace {

struct Problem {
  test::Mlp<Image> model{24, 20, 4, 3};
  Image inputs, data;
  Labels labels;
  Problem() {
    test::Random random(1);
    inputs = test::random_batch<Image>(random, Image::Dimensions(10, 2, 3, 4));
    data = test::random_batch<Image>(random, Image::Dimensions(50, 2, 3, 4));
    labels = foil::predict(model, inputs);
  }
};

template <Norm N>
void check_nearest(const Problem& p) {
  const Pool pool(p.model, p.data);
  const auto result = NearestInDatasetAttack<N>()(p.model, p.inputs, p.labels, {.pool = pool});
  const Labels classes = foil::predict(p.model, p.data);
  CHECK(result.success.all());
  CHECK((result.queries.array() == 1).all());
  for (Index i = 0; i < 10; ++i) {
    double nearest = std::numeric_limits<double>::infinity();
    for (Index row = 0; row < 50; ++row)
      if (classes[row] != p.labels[i])
        nearest = std::min(nearest, distance(N{}, sample(p.inputs, i), sample(p.data, row)));
    CHECK(result.distances[i] == nearest);
  }
}

}  // namespace

TEST_CASE("dataset: the nearest row that is adversarial, by brute force", "[dataset]") {
  const Problem p;
  check_nearest<L2>(p);
  check_nearest<L1>(p);
  check_nearest<Linf>(p);
  CHECK(DatasetAttack::name() == "dataset");
  CHECK(LinfDatasetAttack::name() == "linf-dataset");
}

TEST_CASE("dataset: the first of equally near rows, and the criterion of each sample", "[dataset]") {
  const Problem p;
  Image twins = gather(p.data, std::vector<Index>{0, 1, 0, 1});
  Labels said(4);
  said << 2, 3, 3, 2;
  Labels targets(2);
  targets << 3, 2;
  const Image inputs = gather(p.inputs, std::vector<Index>{0, 0});
  const Pool<Image> pool(twins, said);
  const double to_first = distance(L2{}, sample(inputs, 0), sample(twins, 0));
  const double to_second = distance(L2{}, sample(inputs, 0), sample(twins, 1));
  const Index nearer = to_first < to_second ? 0 : 1;
  const TargetedMisclassification criterion(targets);
  const auto nearest = [&](const auto& from, Index row) {
    Sample facts;
    facts.row = row;
    facts.original = sample(inputs, 0).cast<double>();
    facts.box = test::cube(facts.original.size(), 0, 1);
    return from.nearest_by_class(JudgeBy(criterion), facts, *facts.box, 1).at(0).row;
  };
  CHECK(nearest(pool, 0) == (nearer == 0 ? 2 : 1));
  CHECK(nearest(pool, 1) == (nearer == 0 ? 0 : 3));
  const Pool<Image> equal(twins, Labels(Labels::Constant(4, 3)));
  CHECK(nearest(equal, 0) == nearer);
}

TEST_CASE("dataset: a pool that is out of date is found out at the end", "[dataset]") {
  const Problem p;
  Labels wrong = foil::predict(p.model, p.data);
  wrong.array() = (wrong.array() + 1).unaryExpr([](int k) { return k % 4; });
  const Pool<Image> pool(gather(p.data, std::vector<Index>{0}), Labels(wrong.head(1)));
  const Image input = gather(p.inputs, std::vector<Index>{0});
  const auto result =
      DatasetAttack()(p.model, input, TargetedMisclassification(Labels(wrong.head(1))), {.pool = pool});
  const bool trivial = result.status[0] == Status::already_adversarial;
  CHECK((trivial || result.status[0] == Status::unstable));
  CHECK(result.success[0] == trivial);
}

TEST_CASE("dataset: bisection brings the row to the boundary", "[dataset]") {
  const Problem p;
  const Pool pool(p.model, p.data);
  const auto plain = DatasetAttack()(p.model, p.inputs, p.labels, {.pool = pool});
  const auto near = DatasetAttack({.bisections = 10})(p.model, p.inputs, p.labels, {.pool = pool});
  CHECK(near.success.all());
  CHECK((near.queries.array() == 11).all());
  CHECK((near.distances.array() < plain.distances.array()).all());
}

TEST_CASE("dataset: without a pool, or without such a row, there is no start", "[dataset]") {
  const Problem p;
  const auto without = DatasetAttack()(p.model, p.inputs, p.labels);
  CHECK(without.success.count() == 0);
  for (const Status status : without.status) CHECK(status == Status::start_failed);
  const Pool pool(p.model, p.inputs);
  Labels targets = Labels::Constant(10, p.labels[0]);
  targets[4] = 3 - p.labels[0];
  const bool exists = (p.labels.array() == targets[4]).any();
  const auto some = DatasetAttack()(p.model, p.inputs, TargetedMisclassification(targets), {.pool = pool});
  CHECK(some.success[0]);
  CHECK(some.status[0] == Status::already_adversarial);
  CHECK(some.success[4] == exists);
}

TEST_CASE("dataset: options that make no sense are refused", "[dataset]") {
  CHECK_THROWS_WITH(DatasetAttack({.bisections = -1}),
                    Catch::Matchers::ContainsSubstring("expected bisections >= 0, got -1"));
}
