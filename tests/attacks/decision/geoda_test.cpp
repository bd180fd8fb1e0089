// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/geoda.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "foil/models/lambdas.hpp"
#include "support/affine_problem.hpp"
#include "support/catch.hpp"
#include "support/minimal_checks.hpp"
#include "support/models.hpp"
#include "support/scripted.hpp"

using namespace foil;
using Flat = Tensor<double, 2>;
using Images = Tensor<double, 4>;

namespace {

/// Class 1 where w . x >= c, or nowhere; counts the rows of every call.
template <Batch T>
auto half_space(Eigen::VectorXd w, double c, std::vector<Index>* calls = nullptr) {
  return make_model<T>(Bounds<double>(-50, 50), [w = std::move(w), c, calls](const T& x) {
    if (calls) calls->push_back(samples(x));
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) labels[i] = dot(w, sample(x, i)) >= c;
    return labels;
  });
}

Flat origins(Index count, Index features) {
  Flat out(count, features);
  out.setZero();
  return out;
}

}  // namespace

TEMPLATE_TEST_CASE("geoda: comes close to half-spaces in any box, and never closer than they are", "[geoda]",
                   L1, L2, Linf) {
  const GeodaAttack<TestType> attack({.steps = 8, .estimates = 200});
  for (const test::Box box : test::all_boxes) {
    CAPTURE(static_cast<int>(box));
    const auto p = test::affine_problem<Flat>(2, 20, 6, 3, box);
    const std::vector<double> ratios =
        test::ratios_to_nearest<TestType>(attack(p.model, p.inputs, p.labels), p);
    CHECK(ratios[3] < 1.05);
    CHECK(ratios.back() < 1.2);
  }
}

TEST_CASE("geoda: the angle to the normal after so many answers is that of theory", "[geoda]") {
  // Of q signs around a point at the boundary: E cos^2 = (2 q / pi + 1 - 2 / pi) / (2 q / pi + d - 2 / pi).
  constexpr Index d = 400;
  constexpr int q = 100, repeats = 12;
  test::Random random(3);
  Eigen::VectorXd w = random.normals(d);
  w /= w.norm();
  Flat start(repeats, d);
  for (Index i = 0; i < repeats; ++i) sample(start, i) = 4 * w + random.normals(d) / 4;
  const auto result = L2GeodaAttack({.steps = 1, .estimates = q, .tolerance = 1e-9})(
      half_space<Flat>(w, 1), origins(repeats, d), Labels(Labels::Zero(repeats)), {.starting_points = start});
  // The closest of the start's way and the normal's: one over the cosine.
  const double expected = (2 * q / M_PI + 1 - 2 / M_PI) / (2 * q / M_PI + d - 2 / M_PI);
  CHECK(result.success.all());
  double mean = 0;
  for (Index i = 0; i < repeats; ++i) mean += std::pow(result.distances[i], -2) / repeats;
  CHECK(mean > expected * 0.85);
  CHECK(expected == Catch::Approx(0.138).epsilon(0.01));
}

TEST_CASE("geoda: normals of all steps are added up, and later ones are of more points", "[geoda]") {
  constexpr Index d = 64;
  std::vector<Index> calls;
  const auto model = half_space<Flat>(Eigen::VectorXd::Unit(d, 0), 1, &calls);
  Flat start = origins(1, d);
  start(0, 0) = 4;
  const auto run = [&](GeodaOptions options) {
    calls.clear();
    return L2GeodaAttack(options)(model, origins(1, d), Labels(Labels::Zero(1)),
                                  {.starting_points = start, .batch_size = 64});
  };
  const auto none = run({.steps = 0}), two = run({.steps = 2, .estimates = 64, .decay = 0.125});
  CHECK(none.queries[0] == 1 + 1 + 12);  // the input, the start, sqrt(64) * 4 to within a hundredth
  CHECK(two.queries[0] - none.queries[0] > 64 + 4 * 64);
  CHECK(two.queries[0] - none.queries[0] <= 64 + 4 * 64 + 2 * 20);
  CHECK(std::count(calls.begin(), calls.end(), 64) == 5);
  // Eight estimates of 100 are worth one of 800: 1.06 in the mean, not 1.4.
  start.setConstant(4);
  CHECK(run({.steps = 8, .estimates = 100, .decay = 1}).distances[0] < 1.15);
}

TEST_CASE("geoda: images are changed by low frequencies only", "[geoda]") {
  test::Random random(9);
  const Eigen::VectorXd w = random.normals(2 * 12 * 8);
  const auto model = half_space<Images>(w, 1);
  Images input(1, 2, 12, 8), start(1, 2, 12, 8);
  input.setZero();
  sample(start, 0) = w;
  const auto distance = [&](int subspace) {
    return L2GeodaAttack({.steps = 6, .estimates = 300, .subspace = subspace})(
               model, input, Labels(Labels::Zero(1)), {.starting_points = start})
        .distances[0];
  };
  // The start is on the best ray there is; what the steps find is not where normals are made of few
  // frequencies.
  CHECK(distance(1) == Catch::Approx(1 / w.norm()).epsilon(0.01));
  Eigen::VectorXd found;
  const auto result =
      L2GeodaAttack({.steps = 6, .estimates = 300, .subspace = 4})(model, input, Labels(Labels::Zero(1)));
  found = sample(result.adversarials, 0);
  // Of 12 rows the 3 lowest frequencies, of 8 columns the 2 lowest.
  double low = 0;
  for (Index c = 0; c < 2; ++c)
    for (Index k = 0; k < 3; ++k)
      for (Index l = 0; l < 2; ++l) {
        double coefficient = 0;
        for (Index i = 0; i < 12; ++i)
          for (Index j = 0; j < 8; ++j)
            coefficient += found[(c * 12 + i) * 8 + j] *
                           std::cos(M_PI * static_cast<double>(k) * (static_cast<double>(i) + 0.5) / 12) *
                           std::cos(M_PI * static_cast<double>(l) * (static_cast<double>(j) + 0.5) / 8);
        low += coefficient * coefficient * (k == 0 ? 1 : 2) * (l == 0 ? 1 : 2) / 96;
      }
  CHECK(low == Catch::Approx(found.squaredNorm()));
}

TEMPLATE_TEST_CASE("geoda: a sample's bits are its own", "[geoda]", L1, L2, Linf) {
  test::check_alone_as_together(GeodaAttack<TestType>({.steps = 3, .estimates = 30}));
}

TEMPLATE_TEST_CASE("geoda: ends where there is nothing to find, and where decisions are a lottery", "[geoda]",
                   L1, L2, Linf) {
  const GeodaAttack<TestType> attack({.steps = 3, .estimates = 20, .start = {.noise_draws = 20}});
  const auto nowhere =
      attack(half_space<Flat>(Eigen::VectorXd::Zero(5), 1), origins(2, 5), Labels(Labels::Zero(2)));
  for (const Status status : nowhere.status) CHECK(status == Status::start_failed);
  CHECK((nowhere.queries.array() <= 30).all());

  const auto lottery = make_model<Flat>(Bounds<double>(-1, 1), [](const Flat& x) {
    Labels labels(samples(x));
    for (Index i = 0; i < labels.size(); ++i) {
      const double at = 1e6 * std::abs(as_matrix(x).row(i).sum());
      labels[i] = at > 0 && std::fmod(std::floor(at), 2) == 1;
    }
    return labels;
  });
  const auto drawn = attack(lottery, origins(4, 5), Labels(Labels::Zero(4)));
  CHECK(drawn.success.all());
  CHECK((drawn.queries.array() <= 60 + 20 + 28 + 40 + 3 * 100).all());
}

TEMPLATE_TEST_CASE("geoda: a target from a start of its class, a single feature, masks and lattices",
                   "[geoda]", L1, L2, Linf) {
  const auto p = test::affine_problem<Flat>(3, 20, 6, 9, test::Box::wide);
  const Labels targets = p.labels.unaryExpr([](int y) { return (y + 1) % 3; });
  Flat starts = p.inputs;
  for (Index i = 0; i < 6; ++i)
    for (Index j = 0; j < 20; ++j)
      starts(i, j) = p.model.weights()(targets[i], j) > p.model.weights()((targets[i] + 1) % 3, j) ? 2 : -1;
  const GeodaAttack<TestType> attack({.steps = 4});
  const auto result =
      attack(p.model, p.inputs, TargetedMisclassification(targets), {.starting_points = starts});
  for (Index i = 0; i < 6; ++i)
    if (result.success[i]) CHECK(predict(p.model, result.adversarials)[i] == targets[i]);
  CHECK(result.success.count() >= 3);

  Flat mask = origins(1, 3);
  mask(0, 1) = 1;
  const auto single = attack(half_space<Flat>(Eigen::Vector3d(1, 0.5, 1), 1), origins(1, 3),
                             Labels(Labels::Zero(1)), {.mask = mask});
  CHECK(single.status[0] == Status::converged);
  CHECK(single.distances[0] == Catch::Approx(2).epsilon(1e-9));
  test::check_mask_and_lattice(GeodaAttack<TestType>({.steps = 3}), 64);
}

TEST_CASE("geoda: options that make no sense are refused", "[geoda]") {
  using Catch::Matchers::ContainsSubstring;
  CHECK_THROWS_WITH(L1GeodaAttack({.steps = -1}), ContainsSubstring("l1-geoda: expected steps >= 0, got -1"));
  CHECK_THROWS_WITH(LinfGeodaAttack({.decay = 0}),
                    ContainsSubstring("linf-geoda: expected decay in (0, 1], got 0"));
  CHECK_THROWS_WITH(L2GeodaAttack({.subspace = 0}),
                    ContainsSubstring("l2-geoda: expected subspace >= 1, got 0"));
}
