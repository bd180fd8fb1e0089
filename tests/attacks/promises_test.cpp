// SPDX-License-Identifier: MIT
// What foil promises its users, each promise held against every attack of the catalogue.
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "catalogue/all_attacks.hpp"
#include "foil/attacks/gradient/projected_gradient/projected_gradient.hpp"
#include "foil/models/label_only.hpp"
#include "support/catch.hpp"
#include "support/for_rows.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;
using Input = Tensor<float, 2>;
using Model = test::Affine<Input>;

constexpr Index count = 13, width = 6;

const Model& model() {
  static const Model affine = test::random_affine<Input>(3, width, 21);
  return affine;
}

const Input& inputs() {
  static const Input batch = [] {
    test::Random random(22);
    return test::random_batch<Input>(random, Input::Dimensions(count, width));
  }();
  return batch;
}

/// The model's own classes, but sample 3 is misclassified from the beginning.
Labels labels() {
  Labels own = predict(model(), inputs());
  own[3] = (own[3] + 1) % 3;
  return own;
}

/// The attacks of the catalogue, with few enough queries.
const std::vector<AnyAttack>& attacks() {
  static const std::vector<AnyAttack> all = [] {
    std::vector<AnyAttack> made;
    for (const AttackEntry& entry : programs::all_attacks().entries())
      made.push_back(entry.make(test::for_rows(entry)));
    return made;
  }();
  return all;
}

double radius(const AnyAttack& attack) {
  return attack.norm() == Lp(L1{}) ? 0.7 : attack.norm() == Lp(L2{}) ? 0.35 : 0.15;
}

RunOptions<Input> options() {
  return {.seed = 5, .query_budget = 300, .trace = true};
}

template <class M>
Result<Input> run(const AnyAttack& attack, const M& on, const Input& x, const Labels& y,
                  const RunOptions<Input>& with = options()) {
  return attack(on, x, y, radius(attack), with);
}

TEST_CASE("promise 1, verified: a success is adversarial, in bounds and at the distance stated",
          "[promises]") {
  Index successes = 0;
  for (const AnyAttack& attack : attacks()) {
    CAPTURE(attack.name());
    const auto result = run(attack, model(), inputs(), labels());
    const Logits<float> z = model().logits(result.adversarials);
    for (Index i = 0; i < count; ++i) {
      if (!result.success[i]) {
        CHECK(result.distances[i] == std::numeric_limits<double>::infinity());
        CHECK(sample(result.adversarials, i) == sample(inputs(), i));
        continue;
      }
      ++successes;
      const auto x = sample(result.adversarials, i);
      CHECK(x.minCoeff() >= 0);
      CHECK(x.maxCoeff() <= 1);
      Eigen::VectorXf others = z.row(i).transpose();
      others[labels()[i]] = -std::numeric_limits<float>::infinity();
      CHECK(others.maxCoeff() > z(i, labels()[i]));
      CHECK(result.predictions[i] == argmax<float>(z)[i]);
      CHECK(result.distances[i] == distance(attack.norm(), sample(inputs(), i), x));
      if (!attack.minimal()) CHECK(result.distances[i] <= radius(attack));
      CHECK(result.verification_queries[i] == (i == 3 ? 0 : 1));
    }
  }
  CHECK(successes > 200);
}

TEST_CASE("promise 1, verified: what the model does not confirm is never called a success", "[promises]") {
  for (const AnyAttack& attack : attacks()) {
    CAPTURE(attack.name());
    // Takes back every answer: asked about a point again, it gives the right class.
    std::map<std::vector<float>, int> asked;
    test::Tampered fickle(model());
    const Labels own = predict(model(), inputs());
    fickle.answer = [&](std::int64_t, const Input& x, Logits<float>& z) {
      for (Index i = 0; i < samples(x); ++i)
        if (asked[{&x(i, 0), &x(i, 0) + width}]++ > 0) z.row(i).setZero(), z(i, own[0]) = 1;
    };
    const auto result = run(attack, fickle, gather(inputs(), std::vector<Index>{0}), Labels(own.head(1)));
    CHECK_FALSE(result.success.any());
    CHECK(result.distances[0] == std::numeric_limits<double>::infinity());
  }
}

TEST_CASE("promise 2, reproducible: the same bits in any batch, order and company, on any number of threads",
          "[promises]") {
  const std::vector<Index> order{7, 2, 12, 0, 5, 9, 1, 11, 3, 6, 10, 4, 8}, few{9, 0, 3};
  const auto ids = [](const std::vector<Index>& rows) {
    return std::vector<std::int64_t>(rows.begin(), rows.end());
  };
  for (const AnyAttack& attack : attacks()) {
    CAPTURE(attack.name());
    const auto reference = run(attack, model(), inputs(), labels());
    auto with = options();
    for (const Index batch_size : {1, 5}) {
      with.batch_size = batch_size;
      for (const int threads : {1, 3}) {
        with.threads = threads;
        CHECK(test::same_bits(run(attack, model(), inputs(), labels(), with), reference));
      }
    }
    for (const auto& rows : {order, few}) {
      with.sample_ids = ids(rows);
      CHECK(test::same_bits(run(attack, model(), gather(inputs(), rows), Labels(labels()(rows)), with),
                            test::select(reference, rows)));
    }
  }
}

TEST_CASE("promise 2, reproducible: another seed is another run of an attack that uses chance",
          "[promises]") {
  for (const char* name : {"linf-pgd", "l2-repeated-additive-gaussian-noise", "boundary"}) {
    CAPTURE(name);
    const AnyAttack attack = programs::all_attacks().find(name).make({});
    auto with = options();
    const auto reference = run(attack, model(), inputs(), labels(), with);
    with.seed = 6;
    CHECK_FALSE(test::same_bits(run(attack, model(), inputs(), labels(), with), reference));
  }
}

TEST_CASE(
    "promise 3, isolated: a sample that cannot be attacked is reported and changes nothing for the others",
    "[promises]") {
  // Row 1 is not finite, row 3 is misclassified, row 4 is out of bounds, row 8 makes the model answer NaN.
  Input x = inputs();
  x(1, 2) = std::numeric_limits<float>::quiet_NaN();
  x(4, 0) = -0.5f;
  x(8, 5) = 0.987654321f;
  test::Tampered spoiled(model());
  spoiled.answer = [](std::int64_t, const Input& batch, Logits<float>& z) {
    for (Index i = 0; i < samples(batch); ++i)
      if (batch(i, 5) == 0.987654321f) z.row(i).setConstant(std::numeric_limits<float>::quiet_NaN());
  };
  const std::vector<Index> others{0, 2, 3, 5, 6, 7, 9, 10, 11, 12};
  for (const AnyAttack& attack : attacks()) {
    CAPTURE(attack.name());
    const auto result = run(attack, spoiled, x, labels());
    CHECK(result.status[1] == Status::invalid_input);
    CHECK(result.status[3] == Status::already_adversarial);
    CHECK(result.status[4] == Status::invalid_input);
    CHECK(result.status[8] == Status::non_finite);
    CHECK((result.success[3] && !result.success[1] && !result.success[4] && !result.success[8]));
    CHECK(test::same_bits(test::select(result, others),
                          test::select(run(attack, model(), inputs(), labels()), others)));
  }
}

TEST_CASE("promise 3, isolated: where no adversarial exists, the sample fails and the batch does not",
          "[promises]") {
  const Model constant(Eigen::MatrixXd::Zero(3, width), Eigen::Vector3d(1, 0, 0));
  Labels y = Labels::Zero(count);
  y[5] = 1;
  for (const AnyAttack& attack : attacks()) {
    CAPTURE(attack.name());
    const auto result = run(attack, constant, inputs(), y);
    for (Index i = 0; i < count; ++i) {
      const Status status = result.status[static_cast<std::size_t>(i)];
      CAPTURE(i, to_string(status));
      CHECK(result.success[i] == (i == 5));
      CHECK((status == Status::already_adversarial) == (i == 5));
      if (i != 5)
        CHECK((status == Status::not_found || status == Status::start_failed ||
               status == Status::budget_exhausted));
    }
  }
}

TEST_CASE("promise 4, counted: the queries reported are those that the model saw, within the budget",
          "[promises]") {
  for (const AnyAttack& attack : attacks()) {
    for (const int threads : {1, 2}) {
      for (const std::int64_t budget : {1, 2, 7, 300}) {
        CAPTURE(attack.name(), threads, budget);
        test::CountingModel counted(model());
        auto with = options();
        with.threads = threads;
        with.query_budget = budget;
        with.batch_size = 4;
        const auto result = run(attack, counted, inputs(), labels(), with);
        CHECK(counted.forward ==
              result.queries.sum() + result.surplus_queries.sum() + result.verification_queries.sum());
        CHECK(counted.backward == result.gradient_queries.sum() + result.surplus_gradient_queries.sum());
        CHECK(result.queries.maxCoeff() <= budget);
        CHECK(result.queries[3] == 1);
      }
    }
  }
}

TEST_CASE("promise 5, clear errors: what makes no sense is refused in words, before it does harm",
          "[promises]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Labels y = labels();
  const auto refuses = [&](const std::string& expected, const std::string& given, const auto& call) {
    CAPTURE(expected, given);
    try {
      call();
      FAIL("nothing was thrown");
    } catch (const Error& error) {
      CHECK_THAT(error.what(), ContainsSubstring(expected) && ContainsSubstring(given));
    }
  };
  for (const AnyAttack& attack : attacks()) {
    CAPTURE(attack.name());
    const auto with = [&](const auto& change) {
      auto changed = options();
      change(changed);
      return changed;
    };
    refuses("at least one sample", "(0, 6)", [&] { run(attack, model(), Input(0, width), Labels()); });
    refuses("finite values within the bounds", "got nan in [0, 1]", [&] {
      Input x = inputs();
      x.setConstant(nan);
      run(attack, model(), x, y);
    });
    refuses("finite values within the bounds", "got 1.5 in [0, 1]", [&] {
      Input x = inputs();
      x.setConstant(1.5f);
      run(attack, model(), x, y);
    });
    refuses("each of the 13 samples", "got 2", [&] { run(attack, model(), inputs(), Labels(y.head(2))); });
    refuses("classes 0 to 2", "class 3 of sample 12", [&] {
      Labels wrong = y;
      wrong[12] = 3;
      run(attack, model(), inputs(), wrong);
    });
    refuses("out of range", "class -1 of sample 0",
            [&] { run(attack, model(), inputs(), Labels(y.array() - y[0] - 1)); });
    refuses("query budget >= 1", "got 0",
            [&] { run(attack, model(), inputs(), y, with([](auto& o) { o.query_budget = 0; })); });
    refuses("threads >= 1", "got -1",
            [&] { run(attack, model(), inputs(), y, with([](auto& o) { o.threads = -1; })); });
    refuses("starting points of shape (13, 6)", "got (1, 6)", [&] {
      run(attack, model(), inputs(), y, with([](auto& o) { o.starting_points = Input(1, 6); }));
    });
    if (!attack.minimal()) {
      refuses("finite and >= 0", "got -1", [&] { attack(model(), inputs(), y, -1); });
      refuses("finite and >= 0", "got nan", [&] { attack(model(), inputs(), y, nan); });
      refuses("each of the 13 samples", "got 2",
              [&] { attack(model(), inputs(), y, std::vector<double>{0.1, 0.2}); });
    }
    LabelOnly labels_only(model());
    if (attack.knowledge() != Knowledge::decisions)
      refuses("needs more of the model", std::string(attack.name()),
              [&] { attack(labels_only, inputs(), y, 0.1); });
  }
  const Model narrow =
      test::random_affine<Input>(3, width, 1, {Eigen::VectorXf::Zero(4), Eigen::VectorXf::Ones(4)});
  refuses("given for 4 features", "has 6", [&] { LinfPGD{}(narrow, inputs(), y, 0.1); });
  refuses("steps >= 1", "got 0", [] { LinfPGD({.steps = 0}); });
}
}  // namespace
