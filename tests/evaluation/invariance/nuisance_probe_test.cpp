// SPDX-License-Identifier: MIT
#include "foil/evaluation/invariance/nuisance_probe.hpp"

#include <cmath>
#include <limits>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {

using Catch::Matchers::ContainsSubstring;
using foil::Index;
using foil::Labels;
using foil::test::Random;

Labels random_labels(Random& random, Index count, Index classes) {
  Labels labels(count);
  for (int& label : labels) label = static_cast<int>(random.integer(classes));
  return labels;
}

Eigen::MatrixXd noise(Random& random, Index rows, Index columns) {
  return random.normals(rows * columns).reshaped(rows, columns);
}

}  // namespace

TEST_CASE("nuisance_probe: a channel of known information", "[evaluation]") {
  // A bit, flipped with probability p, among noise: log 2 - h(p), which a regression can reach.
  Random random(1);
  const Index count = 6000;
  const double p = 0.1, h = -p * std::log(p) - (1 - p) * std::log(1 - p);
  const Labels labels = random_labels(random, count, 2);
  Eigen::MatrixXd features = noise(random, count, 4);
  for (Index i = 0; i < count; ++i) features(i, 2) = (labels[i] == 1) != (random.uniform() < p) ? 5.0 : 3.0;
  const foil::Probe probe = foil::nuisance_probe(features, labels);
  CHECK(probe.held_out == 1500);
  CHECK(probe.chosen_on == 1125);
  CHECK(probe.trained_on == 3375);
  CHECK(probe.information() == Catch::Approx(std::log(2.) - h).margin(4 * probe.standard_error));
  CHECK(probe.information_bits() == Catch::Approx(probe.information() / std::log(2.)));
  CHECK(probe.standard_error < 0.02);
  CHECK(probe.standard_error > 0.005);
  CHECK(probe.accuracy() == Catch::Approx(1 - p).margin(0.03));
  CHECK(probe.accuracy_interval().low < 1 - p);
  CHECK(probe.accuracy_interval().high > 1 - p);
}

TEST_CASE("nuisance_probe: features that tell all, and features that tell nothing", "[evaluation]") {
  Random random(2);
  const Index count = 800;
  const Labels labels = random_labels(random, count, 5);
  const foil::Probe nothing = foil::nuisance_probe(noise(random, count, 20), labels);
  CHECK(nothing.entropy == Catch::Approx(std::log(5.)).margin(0.05));
  CHECK(nothing.information() < 0.02);
  CHECK(nothing.information() > -0.2);
  CHECK(nothing.accuracy() < 0.35);

  Eigen::MatrixXd features = 0.1 * noise(random, count, 20);
  features.col(0).setConstant(7);                                        // a feature that never changes
  for (Index i = 0; i < count; ++i) features(i, 3 + labels[i]) += 1000;  // whatever its size
  const foil::Probe all = foil::nuisance_probe(features, labels);
  CHECK(all.information() > 0.98 * all.entropy);
  CHECK(all.information() <= all.entropy);
  CHECK(all.right == all.held_out);
  CHECK(all.entropy <= std::log(5.));

  // Measured on rows that are given: of these all are, and no others.
  const foil::Probe given = foil::nuisance_probe(features.topRows(600), labels.head(600),
                                                 features.bottomRows(200), labels.tail(200));
  CHECK(given.held_out == 200);
  CHECK(given.chosen_on == 150);
  CHECK(given.trained_on == 450);
  CHECK(given.right == 200);
  const foil::Probe shifted = foil::nuisance_probe(features.topRows(600), labels.head(600),
                                                   features.topRows(200), labels.segment(1, 200));
  CHECK(shifted.information() < 0);
  CHECK_THROWS_WITH(foil::nuisance_probe(features, labels, features.leftCols(3), labels),
                    ContainsSubstring("as many features in all rows, got 20 and 3"));

  // The same rows in, the same numbers out; another seed deals them out otherwise.
  CHECK(foil::nuisance_probe(features, labels).cross_entropy == all.cross_entropy);
  CHECK(foil::nuisance_probe(features, labels, {.seed = 1}).cross_entropy != all.cross_entropy);
}

TEST_CASE("nuisance_probe: what says nothing is refused", "[evaluation]") {
  Eigen::MatrixXd features = Eigen::MatrixXd::Ones(20, 3);
  Labels labels = Labels::Zero(20);
  labels[3] = 1;
  CHECK(foil::nuisance_probe(features, labels).information() <= 0);
  CHECK_THROWS_WITH(foil::nuisance_probe(features, labels.head(19)), ContainsSubstring("one label for each"));
  CHECK_THROWS_WITH(
      foil::nuisance_probe(features.topRows(6), labels.head(6)),
      ContainsSubstring("at least two rows to train, to choose and to measure, got 3, 1 and 2"));
  CHECK_THROWS_WITH(foil::nuisance_probe(features, labels, {.held_out = 1}), ContainsSubstring("held_out"));
  CHECK_THROWS_WITH(foil::nuisance_probe(features, labels, {.least_penalty = 2}),
                    ContainsSubstring("least_penalty <= largest_penalty"));
  labels[2] = -1;
  CHECK_THROWS_WITH(foil::nuisance_probe(features, labels), ContainsSubstring("got -1 for row 2"));
  labels[2] = std::numeric_limits<int>::max();
  CHECK_THROWS_WITH(foil::nuisance_probe(features, labels), ContainsSubstring("classes from 0 to 999999"));
  labels[2] = 0;
  features(4, 1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(foil::nuisance_probe(features, labels), ContainsSubstring("all of them finite"));
}
