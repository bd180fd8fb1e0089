// SPDX-License-Identifier: MIT
#include "foil/core/losses.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;
using losses::Row;
using Function = std::function<double(const Row&, Row*)>;

/// All losses on K logits that are functions of the logits alone, under their names.
std::vector<std::pair<std::string, Function>> all_losses(Index classes, Index k) {
  std::vector<std::pair<std::string, Function>> all;
  for (const auto& [name, kind] : {std::pair{"lsem", Loss::lsem}, std::pair{"ce", Loss::cross_entropy},
                                   std::pair{"margin", Loss::margin}, std::pair{"dlr", Loss::dlr}}) {
    const Loss loss = kind;
    if (loss != Loss::dlr || classes >= 3)
      all.emplace_back(std::string("untargeted ") + name,
                       [=](const Row& z, Row* g) { return losses::untargeted(loss, z, k, g); });
    if (loss != Loss::dlr || classes >= 4)
      all.emplace_back(std::string("targeted ") + name,
                       [=](const Row& z, Row* g) { return losses::targeted(loss, z, k, g); });
  }
  all.emplace_back("class probability",
                   [=](const Row& z, Row* g) { return losses::class_probability(z, k, g); });
  const Row reference = Row::LinSpaced(classes, -1, 2);
  all.emplace_back("KL divergence",
                   [=](const Row& z, Row* g) { return losses::kl_divergence(reference, z, g); });
  return all;
}

Row central_differences(const Function& f, const Row& z) {
  constexpr double h = 1e-6;
  Row g(z.size());
  for (Index j = 0; j < z.size(); ++j) {
    Row up = z, down = z;
    up[j] += h;
    down[j] -= h;
    g[j] = (f(up, nullptr) - f(down, nullptr)) / (2 * h);
  }
  return g;
}

double direct_probability(const Row& z, Index k) {
  double total = 0;
  for (Index j = 0; j < z.size(); ++j) total += std::exp(z[j] - z[k]);
  return 1 / total;
}

TEST_CASE("losses: gradients are the derivatives, sum to zero and come with the same value", "[losses]") {
  test::Random random(1);
  for (const Index classes : {2, 3, 4, 10}) {
    for (int repeat = 0; repeat < 25; ++repeat) {
      const Row z = 2 * random.normals(classes);
      const Index k = random.integer(classes);
      for (const auto& [name, f] : all_losses(classes, k)) {
        CAPTURE(name, classes, k, z.transpose());
        Row gradient = Row::Constant(classes, 99);  // to be overwritten
        const double value = f(z, &gradient);
        CHECK(value == f(z, nullptr));
        CHECK((gradient - central_differences(f, z)).cwiseAbs().maxCoeff() <
              1e-7 * std::max(1.0, gradient.cwiseAbs().maxCoeff()));
        CHECK(std::abs(gradient.sum()) < 1e-13 * std::max(1.0, gradient.cwiseAbs().maxCoeff()));
      }
    }
  }
}

TEST_CASE("losses: a shift of all logits changes nothing", "[losses]") {
  test::Random random(2);
  for (int repeat = 0; repeat < 25; ++repeat) {
    const Row z = random.normals(6), shifted = z.array() + 37.5;
    for (const auto& [name, f] : all_losses(6, 2)) {
      CAPTURE(name);
      Row g(6), h(6);
      CHECK(f(z, &g) == Catch::Approx(f(shifted, &h)).epsilon(1e-11).margin(1e-12));
      CHECK((g - h).cwiseAbs().maxCoeff() < 1e-10);
    }
  }
}

TEST_CASE("losses: the values are those of the definitions", "[losses]") {
  test::Random random(3);
  for (int repeat = 0; repeat < 50; ++repeat) {
    const Index classes = 4 + random.integer(4), k = random.integer(classes);
    const Row z = 3 * random.normals(classes);
    const double p = direct_probability(z, k);
    std::vector<double> sorted(z.data(), z.data() + classes), others;
    std::sort(sorted.rbegin(), sorted.rend());
    for (Index j = 0; j < classes; ++j)
      if (j != k) others.push_back(z[j]);
    const double best_other = *std::max_element(others.begin(), others.end());
    const auto close = [](double value) { return Catch::Approx(value).epsilon(1e-11).margin(1e-12); };

    CHECK(losses::cross_entropy(z, k) == close(-std::log(p)));
    CHECK(losses::lsem(z, k) == close(std::log((1 - p) / p)));
    CHECK(losses::margin(z, k) == best_other - z[k]);
    CHECK(losses::dlr(z, k) == close((best_other - z[k]) / (sorted[0] - sorted[2])));
    CHECK(losses::targeted_dlr(z, k) ==
          close((z[k] - best_other) / (sorted[0] - (sorted[2] + sorted[3]) / 2)));
    CHECK(losses::class_probability(z, k) == close(p));
    CHECK(losses::softmax(z)[k] == close(p));
    CHECK(losses::targeted(Loss::cross_entropy, z, k) == close(std::log(p)));
    CHECK(losses::targeted(Loss::lsem, z, k) == -losses::untargeted(Loss::lsem, z, k));
    CHECK(losses::targeted(Loss::margin, z, k) == z[k] - best_other);
    CHECK(losses::kl_divergence(z, z) == close(0));
    const Row reference = random.normals(classes), q = losses::softmax(reference);
    double divergence = 0;
    for (Index j = 0; j < classes; ++j) divergence += q[j] * std::log(q[j] / direct_probability(z, j));
    CHECK(losses::kl_divergence(reference, z) == close(divergence));
  }
}

TEST_CASE("losses: cross-entropy is softplus of LSEM, with the same direction", "[losses]") {
  test::Random random(4);
  for (const double scale : {0.1, 1.0, 30.0}) {
    const Row z = scale * random.normals(5);
    for (Index k = 0; k < 5; ++k) {
      Row ce(5), lsem(5);
      const double odds = losses::lsem(z, k, &lsem);
      CHECK(losses::cross_entropy(z, k, &ce) == losses::softplus(odds));
      CHECK((ce - losses::sigmoid(odds) * lsem).cwiseAbs().maxCoeff() < 1e-15);
    }
  }
}

TEST_CASE("losses: LSEM's gradient does not vanish for a confident model, cross-entropy's does", "[losses]") {
  Row z(3), lsem(3), ce(3);
  z << 1, 0.4, -0.2;
  z *= 1000;
  losses::lsem(z, 0, &lsem);
  losses::cross_entropy(z, 0, &ce);
  CHECK(lsem[0] == -1);
  CHECK(lsem[1] == 1);
  CHECK(ce.cwiseAbs().maxCoeff() < 1e-200);
}

TEST_CASE("losses: logits as large as 10,000 and beyond neither overflow nor turn into NaN", "[losses]") {
  for (const double size : {1e2, 1e4, 1e8, 1e300}) {
    for (const Row& z :
         {Row(Eigen::Vector4d(size, -size, 0, 1)), Row(Eigen::Vector4d(-size, -size, -size, 0)),
          Row(Eigen::Vector4d(size, size, -size, size))}) {
      for (Index k = 0; k < 4; ++k)
        for (const auto& [name, f] : all_losses(4, k)) {
          CAPTURE(name, size, k);
          Row gradient(4);
          CHECK(std::isfinite(f(z, &gradient)));
          CHECK(gradient.allFinite());
        }
    }
  }
  CHECK(losses::cross_entropy(Eigen::Vector2d(-1e4, 1e4), 0) == 2e4);
  CHECK(losses::cross_entropy(Eigen::Vector2d(1e4, -1e4), 0) == 0);
  CHECK(losses::softplus(1000) == 1000);
  CHECK(losses::softplus(-1000) == 0);
  CHECK(losses::softplus(-50) == Catch::Approx(std::exp(-50)).epsilon(1e-14));
  CHECK(losses::sigmoid(-1000) == 0);
  CHECK(losses::sigmoid(1000) == 1);
}

TEST_CASE("losses: DLR refuses models with too few classes", "[losses]") {
  CHECK_THROWS_WITH(losses::dlr(Eigen::Vector2d(1, 0), 0),
                    ContainsSubstring("at least 3 classes") && ContainsSubstring("has 2"));
  CHECK_THROWS_WITH(losses::targeted_dlr(Eigen::Vector3d(1, 0, 2), 0),
                    ContainsSubstring("at least 4 classes") && ContainsSubstring("has 3"));
}

TEST_CASE("losses: ties count as no lead, and pick the first class", "[losses]") {
  CHECK(losses::runner_up(Eigen::Vector4d(1, 3, 3, 2), 0) == 1);
  CHECK(losses::runner_up(Eigen::Vector4d(1, 3, 3, 2), 1) == 2);
  CHECK(losses::runner_up(Eigen::Vector4d(5, 1, 1, 1), 0) == 1);
  CHECK(losses::runner_up(Eigen::Vector4d(0, 0, 0, 0), 0) == 1);
  CHECK(losses::margin(Eigen::Vector3d(2, 2, 1), 0) == 0);
  CHECK(losses::margin(Eigen::Vector3d(2, 2, 1), 1) == 0);
  // Where the denominators vanish, the DLR losses become the margin.
  Row gradient(4);
  CHECK(losses::dlr(Eigen::Vector4d(3, 3, 3, 1), 3, &gradient) == 2);
  CHECK(gradient == Row(Eigen::Vector4d(1, 0, 0, -1)));
  CHECK(losses::targeted_dlr(Eigen::Vector4d(3, 3, 3, 3), 2, &gradient) == 0);
  CHECK(gradient == Row(Eigen::Vector4d(-1, 0, 1, 0)));
}

TEST_CASE("losses: hinge and softplus of a signed margin, with their factors", "[losses]") {
  double factor = -1;
  CHECK(losses::hinge(0.5, 0.25, &factor) == 0.75);
  CHECK(factor == 1);
  CHECK(losses::hinge(-0.25, 0.25, &factor) == 0);
  CHECK(factor == 0);
  CHECK(losses::hinge(-1, 0) == 0);
  for (const double margin : {-3.0, 0.0, 0.7, 40.0}) {
    CHECK(losses::softplus_margin(margin, &factor) == Catch::Approx(std::log1p(std::exp(margin))));
    const double slope =
        (losses::softplus_margin(margin + 1e-6) - losses::softplus_margin(margin - 1e-6)) / 2e-6;
    CHECK(factor == Catch::Approx(slope).epsilon(1e-8));
  }
}
}  // namespace
