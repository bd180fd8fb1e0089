// SPDX-License-Identifier: MIT
// Affine decoders, for which the least energy, its gradient and all distances are known in closed form. The
// published decoders are in tests/examples/abs_test.cpp.
#include "foil/models/analysis_by_synthesis.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "foil/models/calibrated_softmax.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;
using Rows = Tensor<double, 2>;
using Decoder = test::Affine<Rows>;
using Model = AnalysisBySynthesis<Decoder, 2>;

constexpr Index classes = 3, latent = 2, pixels = 7;  // which fill no vector

/// Decoders A z + b, and what is known of them.
struct Problem {
  std::vector<Eigen::MatrixXd> a;
  std::vector<Eigen::VectorXd> b;
  Eigen::MatrixXd bank;

  explicit Problem(std::uint64_t seed) {
    test::Random random(seed);
    for (Index c = 0; c < classes; ++c) {
      Eigen::MatrixXd m(pixels, latent);
      for (Index i = 0; i < m.size(); ++i) m.data()[i] = 0.3 * random.normal();
      a.push_back(m);
      b.push_back(random.uniforms(pixels));
    }
    bank.resize(20, latent);
    for (Index i = 0; i < bank.size(); ++i) bank.data()[i] = random.normal();
  }
  std::vector<Decoder> decoders() const {
    std::vector<Decoder> out;
    for (std::size_t c = 0; c < a.size(); ++c) out.emplace_back(a[c], b[c]);
    return out;
  }
  /// That searches long enough to find the least energy.
  Model model(SynthesisOptions options = {}) const {
    options.steps = 4000;
    options.learning_rate = 0.01;
    return {decoders(), bank, {pixels}, options};
  }
  Eigen::VectorXd best_latent(std::size_t c, const Eigen::VectorXd& x, double beta) const {
    const Eigen::MatrixXd normal =
        2 * a[c].transpose() * a[c] + beta * Eigen::MatrixXd::Identity(latent, latent);
    return normal.ldlt().solve(2 * a[c].transpose() * (x - b[c]));
  }
  Eigen::VectorXd image(std::size_t c, const Eigen::VectorXd& z) const { return a[c] * z + b[c]; }
  double energy(std::size_t c, const Eigen::VectorXd& x, double beta) const {
    const Eigen::VectorXd z = best_latent(c, x, beta);
    return ((x - image(c, z)).squaredNorm() + beta / 2 * z.squaredNorm()) / pixels;
  }
};

Rows inputs(Index count, std::uint64_t seed) {
  test::Random random(seed);
  return test::random_batch<Rows>(random, Rows::Dimensions(count, pixels));
}
}  // namespace

TEST_CASE("analysis by synthesis: energies, latents, images and gradients of affine decoders are exact",
          "[models]") {
  static_assert(DifferentiableModel<const Model> && PrototypeModel<const Model> &&
                LowerBoundModel<const Model> && shareable<Model>);
  const Problem problem(1);
  for (const double beta : {1.0, 0.25}) {
    const std::vector<double> factors{1, 1.25, 0.5};
    const Model model = problem.model({.beta = beta, .radius = 100, .factors = factors});
    const Rows x = inputs(3, 2);
    const auto made = model.reconstructions(x);
    const auto latents = model.latents(x);
    const auto pass = model.vjp(x);
    const Logits<double> cotangent = Logits<double>::Random(3, classes);
    const Rows gradient = pass.pullback(cotangent);
    CHECK(pass.logits == made.logits);
    CHECK(model.logits(x) == made.logits);
    for (Index i = 0; i < 3; ++i) {
      const Eigen::VectorXd input = sample(x, i);
      Eigen::VectorXd slope = Eigen::VectorXd::Zero(pixels);
      for (std::size_t c = 0; c < classes; ++c) {
        const auto column = static_cast<Index>(c);
        const Eigen::VectorXd z = problem.best_latent(c, input, beta), image = problem.image(c, z);
        CHECK_THAT(made.logits(i, column), WithinRel(-factors[c] * problem.energy(c, input, beta), 1e-6));
        CHECK((latents[c].row(i).transpose() - z).norm() < 1e-3);
        CHECK((made.images[c].row(i).transpose() - image).norm() < 1e-3);
        slope -= cotangent(i, column) * factors[c] * 2 / pixels * (input - image);
      }
      CHECK((sample(gradient, i) - slope).norm() < 1e-3);
      // The envelope theorem: it is the slope of the least energy.
      Eigen::VectorXd nearby = input;
      nearby[4] += 1e-4;
      double difference = 0;
      for (std::size_t c = 0; c < classes; ++c)
        difference -= cotangent(i, static_cast<Index>(c)) * factors[c] *
                      (problem.energy(c, nearby, beta) - problem.energy(c, input, beta));
      CHECK_THAT(slope[4], WithinAbs(difference / 1e-4, 1e-4));
    }
  }
}

TEST_CASE("analysis by synthesis: no step is the best of the bank, whatever is beside it", "[models]") {
  const Problem problem(3);
  const Rows x = inputs(70, 4);  // more than are searched for together
  for (const double beta : {1.0, 0.0}) {
    const Model model(problem.decoders(), problem.bank, {pixels}, {.steps = 0, .beta = beta});
    const Logits<double> logits = model.logits(x);
    for (Index i = 0; i < samples(x); ++i)
      for (std::size_t c = 0; c < classes; ++c) {
        double least = std::numeric_limits<double>::infinity();
        for (Index j = 0; j < problem.bank.rows(); ++j) {
          const Eigen::VectorXd z = problem.bank.row(j);
          least = std::min(least,
                           (sample(x, i) - problem.image(c, z)).squaredNorm() + beta / 2 * z.squaredNorm());
        }
        CHECK_THAT(logits(i, static_cast<Index>(c)), WithinRel(-least / pixels, 1e-12));
      }
  }
  const Model model(problem.decoders(), problem.bank, {pixels}, {.steps = 7});
  const Logits<double> together = model.logits(x);
  for (const Index i : {Index{0}, Index{5}, Index{63}, Index{64}, Index{69}})
    CHECK(model.logits(gather(x, std::vector<Index>{i})) == together.row(i));
  CHECK(together != model.with({.steps = 6}).logits(x));
  CHECK(together == model.with({.steps = 6}).with({.steps = 7}).logits(x));
}

TEST_CASE("analysis by synthesis: latent vectors stay in the ball, and the reference loses their signs",
          "[models]") {
  const Problem problem(5);
  const Rows x = inputs(8, 6);
  const auto radial = problem.model({.radius = 0.1}).latents(x);
  Index on_sphere = 0;
  for (std::size_t c = 0; c < classes; ++c)
    for (Index i = 0; i < samples(x); ++i) {
      CHECK(radial[c].row(i).norm() <= 0.1 * (1 + 1e-12));
      if (problem.best_latent(c, sample(x, i), 1).norm() <= 0.1) continue;
      ++on_sphere;
      CHECK_THAT(radial[c].row(i).norm(), WithinRel(0.1, 1e-3));
    }
  CHECK(on_sphere > 5);

  // After a single step from a bank of long vectors.
  const auto once = [&](SphereClip clip) {
    const SynthesisOptions options{.steps = 1, .radius = 0.01, .clip = clip};
    return Model(problem.decoders(), problem.bank, {pixels}, options).latents(x);
  };
  const auto kept = once(SphereClip::radial), lost = once(SphereClip::reference);
  for (std::size_t c = 0; c < classes; ++c) {
    CHECK(kept[c].minCoeff() < 0);
    CHECK(lost[c] == kept[c].cwiseAbs());
  }
}

TEST_CASE("analysis by synthesis: inputs are made binary, and gradients pass that unchanged", "[models]") {
  const Problem problem(7);
  const Model plain = problem.model(), binary = problem.model({.threshold = 0.5});
  Rows x(2, pixels), rounded(2, pixels);
  x.setValues({{0.5, 0.49, 0, 1, 0.7, 0.2, 0.5}, {0.9, 0.1, 0.6, 0.4, 0.51, 0.4999, 0}});
  rounded.setValues({{1, 0, 0, 1, 1, 0, 1}, {1, 0, 1, 0, 1, 0, 0}});
  CHECK(binary.logits(x) == plain.logits(rounded));
  const Logits<double> cotangent = Logits<double>::Random(2, classes);
  CHECK(as_matrix(binary.vjp(x).pullback(cotangent)) == as_matrix(plain.vjp(rounded).pullback(cotangent)));

  Rows odd = x;
  odd(0, 3) = std::numeric_limits<double>::quiet_NaN();  // on neither side
  const Logits<double> answers = binary.logits(odd);
  CHECK(answers.row(0).array().isNaN().all());
  CHECK(answers.row(1) == binary.logits(x).row(1));
  const Labels labels = foil::predict(binary, x);
  const Eigen::VectorXd bounds = binary.lower_bound_l2(odd, labels);
  CHECK(bounds[0] == 0);
  CHECK(bounds[1] == binary.lower_bound_l2(x, labels)[1]);
}

TEST_CASE("analysis by synthesis: within the lower bound no change turns the label", "[models]") {
  const Problem problem(9);
  test::Random random(10);
  for (const auto& factors : {std::vector<double>{}, std::vector<double>{1, 1.5, 0.8}}) {
    const Model model = problem.model({.radius = 100, .factors = factors});
    const auto factor = [&](std::size_t c) { return factors.empty() ? 1 : factors[c]; };
    const auto label = [&](const Eigen::VectorXd& x) {
      std::size_t best = 0;
      for (std::size_t c = 1; c < classes; ++c)
        if (factor(c) * problem.energy(c, x, 1) < factor(best) * problem.energy(best, x, 1)) best = c;
      return best;
    };
    const Rows x = inputs(12, 11);
    const Labels labels = foil::predict(model, x);
    const Eigen::VectorXd bound = model.lower_bound_l2(x, labels);
    CHECK((bound.array() > 1e-3).count() >= 4);
    for (Index i = 0; i < samples(x); ++i) {
      const Eigen::VectorXd input = sample(x, i);
      const auto own = static_cast<std::size_t>(labels[i]);
      // The closed form, from the distances that the closed form gives.
      const Eigen::VectorXd z = problem.best_latent(own, input, 1);
      const synthesis::Explained explained{(input - problem.image(own, z)).norm(), z.squaredNorm() / 2,
                                           factor(own)};
      double expected = std::numeric_limits<double>::infinity();
      for (std::size_t c = 0; c < classes; ++c) {
        if (c == own) continue;
        const Eigen::VectorXd nearest = problem.image(c, problem.best_latent(c, input, 0));
        expected = std::min(expected,
                            synthesis::change_between(explained, {(input - nearest).norm(), 0, factor(c)}));
        for (int draw = 0; draw < 50; ++draw) {  // towards it, and anywhere
          Eigen::VectorXd way = draw == 0 ? Eigen::VectorXd(nearest - input) : random.normals(pixels);
          way *= 0.999 * bound[i] / way.norm();
          CHECK(label(input + way) == own);
        }
      }
      CHECK_THAT(bound[i], WithinAbs(expected, 1e-6));
    }
    Labels other = labels;
    for (Index i = 0; i < other.size(); ++i) other[i] = (other[i] + 1) % static_cast<int>(classes);
    CHECK(model.lower_bound_l2(x, other).isZero(0));
    other[2] = 3;
    CHECK_THROWS_WITH(model.lower_bound_l2(x, other), ContainsSubstring("label 3 of sample 2"));
  }
}

TEST_CASE("analysis by synthesis: the change between two classes is where their bounds meet", "[models]") {
  using synthesis::change_between;
  test::Random random(12);
  int positive = 0;
  for (int draw = 0; draw < 200; ++draw) {
    const synthesis::Explained own{random.uniform(0, 3), random.uniform(0, 2), random.uniform(0.5, 2)},
        other{random.uniform(0, 6), 0, draw % 2 == 0 ? own.factor : random.uniform(0.5, 2)};
    const double e = change_between(own, other);
    const auto lead = [&](double by) {
      return other.factor * std::pow(other.distance - by, 2) -
             own.factor * (std::pow(own.distance + by, 2) + own.latent);
    };
    if (lead(0) <= 0) {
      CHECK(e == 0);
      continue;
    }
    ++positive;
    CHECK(e <= other.distance);
    CHECK_THAT(lead(e), WithinAbs(0, 1e-9));
    CHECK(lead(0.9 * e) > 0);
  }
  CHECK(positive > 50);
  // Equal factors: the closed form of the paper.
  CHECK_THAT(change_between({1, 0.5, 2}, {3, 0, 2}), WithinRel((9 - 1 - 0.5) / (2 * 4), 1e-14));

  // Binary images differ by 1 for each entry that changes sides; the cheapest come first.
  Eigen::VectorXd x(4);
  x << 0.1, 0.4, 0.9, 0.5;
  using synthesis::change_before_threshold;
  CHECK(change_before_threshold(x, 0.5, 0) == 0);
  CHECK(change_before_threshold(x, 0.5, 1) == 0);  // the last one stands at the threshold
  CHECK_THAT(change_before_threshold(x, 0.5, 1.01), WithinRel(0.1, 1e-12));
  CHECK_THAT(change_before_threshold(x, 0.5, std::sqrt(2.0)), WithinRel(0.1, 1e-12));
  CHECK_THAT(change_before_threshold(x, 0.5, 2), WithinRel(std::sqrt(0.01 + 0.16 + 0.16), 1e-12));
  CHECK(change_before_threshold(x, 0.5, 2.01) == std::numeric_limits<double>::infinity());
}

TEST_CASE("analysis by synthesis: what makes no sense is said", "[models]") {
  const Problem problem(13);
  const auto make = [&](SynthesisOptions options, Index shape = pixels) {
    return Model(problem.decoders(), problem.bank, {shape}, options);
  };
  CHECK_THROWS_WITH(make({.steps = -1}), ContainsSubstring("steps >= 0, got -1"));
  CHECK_THROWS_WITH(make({.learning_rate = 0}), ContainsSubstring("learning_rate > 0"));
  CHECK_THROWS_WITH(make({.beta = -1}), ContainsSubstring("beta >= 0"));
  CHECK_THROWS_WITH(make({.radius = 0}), ContainsSubstring("radius > 0"));
  CHECK_THROWS_WITH(make({.factors = {1, 1}}), ContainsSubstring("each of the 3 classes, got 2"));
  CHECK_THROWS_WITH(make({.factors = {1, 1, 0}}), ContainsSubstring("factors > 0, got 0"));
  CHECK_THROWS_WITH(make({}).with({.steps = -1}), ContainsSubstring("steps >= 0, got -1"));
  CHECK_THROWS_WITH(make({}, 8), ContainsSubstring("images of 20 x 8 features, got 20 x 7"));
  CHECK_THROWS_WITH(Model(problem.decoders(), Eigen::MatrixXd(), {pixels}),
                    ContainsSubstring("bank of finite latent vectors"));
  CHECK_THROWS_WITH(Model({problem.decoders()[0]}, problem.bank, {pixels}),
                    ContainsSubstring("at least 2 classes, got 1"));
  CHECK_THROWS_WITH(make({.steps = 0}).logits(Rows(1, 5)), ContainsSubstring("of shape (1, 5)"));
}

TEST_CASE("latent bank: the shortest vectors of a seed, in their order", "[models]") {
  const Eigen::MatrixXd all = latent_bank(8, {.samples = 8888, .dismissed = 0, .seed = 3});
  const Eigen::MatrixXd kept = latent_bank(8, {.seed = 3});
  REQUIRE(all.rows() == 8888);
  REQUIRE(kept.rows() == 8000);
  const double longest = kept.rowwise().norm().maxCoeff() * (1 + 1e-12);  // sums in another order
  Index row = 0;
  for (Index i = 0; i < all.rows(); ++i)
    if (all.row(i).norm() <= longest) CHECK(all.row(i) == kept.row(row++));
  CHECK(row == 8000);
  // The 0.9 quantile of a chi distribution of 8 degrees, and the moments without the dismissed.
  CHECK_THAT(longest, WithinAbs(3.6554, 0.05));
  CHECK(std::abs(all.mean()) < 0.02);
  CHECK_THAT(all.squaredNorm() / static_cast<double>(all.size()), WithinAbs(1, 0.02));
  CHECK(latent_bank(8, {.seed = 4}).row(0) != kept.row(0));
  CHECK_THROWS_WITH(latent_bank(8, {.dismissed = 1}), ContainsSubstring("[0, 1), got 1"));
  CHECK_THROWS_WITH(latent_bank(0), ContainsSubstring("one dimension"));
}

TEST_CASE("calibrated softmax: sure near a class, and of nothing far from all", "[models]") {
  Logits<float> z(3, 3);
  z << -0.01f, -0.02f, -0.05f, -1, -2, -3, 500, 499, 0;
  const Logits<double> p = calibrated_softmax(z, 440, 3.9e-5);
  for (Index i = 0; i < 3; ++i) CHECK_THAT(p.row(i).sum(), WithinRel(1., 1e-14));
  const double a = std::exp(-4.4) + 3.9e-5, b = std::exp(-8.8) + 3.9e-5, c = std::exp(-22) + 3.9e-5;
  CHECK_THAT(p(0, 0), WithinRel(a / (a + b + c), 1e-5));
  for (Index k = 0; k < 3; ++k) CHECK_THAT(p(1, k), WithinRel(1 / 3., 1e-9));
  CHECK_THAT(p(2, 0), WithinRel(1., 1e-12));
  const Logits<double> plain = calibrated_softmax(z, 1, 0);
  CHECK_THAT(plain(2, 1), WithinRel(1 / (1 + std::exp(1.)), 1e-6));
  CHECK_THAT(plain(1, 2), WithinRel(std::exp(-2.) / (1 + std::exp(-1.) + std::exp(-2.)), 1e-6));
  CHECK_THROWS_WITH(calibrated_softmax(z, 0, 1), ContainsSubstring("scale > 0"));
  CHECK_THROWS_WITH(calibrated_softmax(z, 1, -1), ContainsSubstring("floor >= 0"));
}
