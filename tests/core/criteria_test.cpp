// SPDX-License-Identifier: MIT
#include "foil/core/criteria.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;
using Row = Eigen::VectorXd;

constexpr Index classes = 5;

Labels labels_of(std::initializer_list<int> values) {
  Labels out(static_cast<Index>(values.size()));
  Index i = 0;
  for (const int value : values) out[i++] = value;
  return out;
}

double probability(const Row& z, Index k) {
  double total = 0;
  for (Index j = 0; j < z.size(); ++j) total += std::exp(z[j] - z[k]);
  return 1 / total;
}

/// How many other classes are strictly ahead of class k, or level with it.
struct Ranking {
  int ahead = 0, level = 0;
  Ranking(const Row& z, Index k) {
    for (Index j = 0; j < z.size(); ++j)
      if (j != k) ahead += z[j] > z[k], level += z[j] == z[k];
  }
};

/// Random logits, every third time from a small grid so that ties are frequent.
template <class Check>
void on_random_logits(Check check) {
  test::Random random(1);
  for (int repeat = 0; repeat < 600; ++repeat) {
    Row z = 2 * random.normals(classes);
    if (repeat % 3 == 0) z = z.array().round();
    check(z);
  }
}

/// The margin is negative where the criterion holds and positive where it does not, and its gradient is its
/// derivative wherever a step of the differences does not cross a kink.
template <class C>
void check_margin(const C& criterion) {
  static_assert(MarginCriterion<C>);
  int smooth = 0;
  on_random_logits([&](const Row& z) {
    CAPTURE(z.transpose());
    const Scores scores{0, z};
    Row gradient = Row::Constant(classes, 99);
    const double margin = criterion.margin(scores, &gradient);
    CHECK(criterion.margin(scores, nullptr) == margin);
    if (margin < 0) CHECK(criterion(scores));
    if (margin > 0) CHECK_FALSE(criterion(scores));
    CHECK(std::abs(gradient.sum()) < 1e-13);
    bool kink = false;
    for (Index j = 0; j < classes; ++j)
      for (Index k = 0; k < j; ++k) kink = kink || std::abs(z[j] - z[k]) < 1e-4;
    if (kink || std::abs(margin) < 1e-4) return;
    ++smooth;
    for (Index j = 0; j < classes; ++j) {
      Row up = z, down = z;
      up[j] += 1e-6;
      down[j] -= 1e-6;
      const double slope =
          (criterion.margin(Scores{0, up}, nullptr) - criterion.margin(Scores{0, down}, nullptr)) / 2e-6;
      CHECK(gradient[j] == Catch::Approx(slope).margin(1e-7));
    }
  });
  CHECK(smooth > 300);
}

/// What gradient attacks ascend rises as the criterion comes nearer: its gradient is the loss's derivative.
template <class C>
void check_loss(const C& criterion, Loss kind) {
  on_random_logits([&](const Row& z) {
    for (Index j = 0; j < classes; ++j)
      for (Index k = 0; k < j; ++k)
        if (std::abs(z[j] - z[k]) < 1e-2) return;
    CAPTURE(z.transpose(), static_cast<int>(kind));
    Row gradient = Row::Constant(classes, 99);
    const double value = loss_of(criterion, kind, Scores{0, z}, &gradient);
    CHECK(value == loss_of(criterion, kind, Scores{0, z}, nullptr));
    for (Index j = 0; j < classes; ++j) {
      Row up = z, down = z;
      up[j] += 1e-6;
      down[j] -= 1e-6;
      const double slope = (loss_of(criterion, kind, Scores{0, up}, nullptr) -
                            loss_of(criterion, kind, Scores{0, down}, nullptr)) /
                           2e-6;
      CHECK(gradient[j] == Catch::Approx(slope).epsilon(1e-5).margin(1e-6));
    }
  });
}

const Labels second = labels_of({2});

TEST_CASE("criteria: misclassification: some other class is strictly ahead", "[criteria]") {
  const Misclassification criterion(second);
  static_assert(DecisionCriterion<Misclassification> &&
                knowledge_needed<Misclassification> == Knowledge::decisions);
  on_random_logits([&](const Row& z) {
    CHECK(criterion(Scores{0, z}) == (Ranking(z, 2).ahead > 0));
    Row others = z;
    others[2] = -std::numeric_limits<double>::infinity();
    CHECK(criterion.margin(Scores{0, z}) == z[2] - others.maxCoeff());
  });
  CHECK(criterion(Decision{0, 1}));
  CHECK_FALSE(criterion(Decision{0, 2}));
  check_margin(criterion);
  for (const Loss kind : {Loss::lsem, Loss::cross_entropy, Loss::margin, Loss::dlr})
    check_loss(criterion, kind);
}

TEST_CASE("criteria: targeted misclassification: the target is strictly ahead of all", "[criteria]") {
  const TargetedMisclassification criterion(second);
  on_random_logits([&](const Row& z) {
    const Ranking rank(z, 2);
    CHECK(criterion(Scores{0, z}) == (rank.ahead == 0 && rank.level == 0));
  });
  CHECK(criterion(Decision{0, 2}));
  CHECK_FALSE(criterion(Decision{0, 1}));
  check_margin(criterion);
  for (const Loss kind : {Loss::lsem, Loss::cross_entropy, Loss::margin, Loss::dlr})
    check_loss(criterion, kind);
}

TEST_CASE("criteria: every sample is judged by its own class", "[criteria]") {
  const Labels labels = labels_of({0, 1, 2});
  const Row z = Eigen::Vector3d(0, 5, 1);
  for (Index i = 0; i < 3; ++i) {
    CHECK(Misclassification(labels)(Scores{i, z}) == (i != 1));
    CHECK(TargetedMisclassification(labels)(Scores{i, z}) == (i == 1));
    CHECK(Misclassification(labels)(Decision{i, 1}) == (i != 1));
  }
  CHECK(Misclassification(labels).labels() == labels);
  CHECK(TargetedMisclassification(labels).targets() == labels);
}

TEST_CASE("criteria: ties are not adversarial", "[criteria]") {
  const Row level = Row::Zero(classes);
  const Scores scores{0, level};
  CHECK_FALSE(Misclassification(second)(scores));
  CHECK_FALSE(TargetedMisclassification(second)(scores));
  CHECK_FALSE(MarginAbove(second, 0)(scores));
  for (int k = 1; k < classes; ++k) {
    CHECK_FALSE(TopKMisclassification(second, k)(scores));
    CHECK_FALSE(TargetedTopK(second, k)(scores));
  }
  const Row front = Eigen::Vector3d(1, 1, 1);  // a tie with a class of lower index, which argmax would prefer
  CHECK_FALSE(Misclassification(second)(Scores{0, front}));
}

TEST_CASE("criteria: top-k counts the classes ahead, k = 1 is plain misclassification", "[criteria]") {
  for (int k = 1; k < classes; ++k) {
    const TopKMisclassification criterion(second, k);
    const TargetedTopK targeted(second, k);
    static_assert(!DecisionCriterion<TopKMisclassification> && !DecisionCriterion<TargetedTopK>);
    on_random_logits([&](const Row& z) {
      const Ranking rank(z, 2);
      const Scores scores{0, z};
      CHECK(criterion(scores) == (rank.ahead >= k));
      CHECK(targeted(scores) == (rank.ahead + rank.level < k));
      // One is the complement of the other, ties apart, which belong to neither.
      CHECK_FALSE((criterion(scores) && targeted(scores)));
      if (rank.level == 0) CHECK(criterion(scores) != targeted(scores));
      CHECK(criterion.margin(scores) == -targeted.margin(scores));
      if (k > 1) return;
      CHECK(criterion(scores) == Misclassification(second)(scores));
      CHECK(criterion.margin(scores) == Misclassification(second).margin(scores));
      CHECK(targeted(scores) == TargetedMisclassification(second)(scores));
      CHECK(targeted.margin(scores) == TargetedMisclassification(second).margin(scores));
    });
    check_margin(criterion);
    check_margin(targeted);
    check_loss(criterion, Loss::lsem);
    check_loss(targeted, Loss::lsem);
  }
}

TEST_CASE("criteria: probabilities are those of the softmax", "[criteria]") {
  for (const double p : {0.05, 0.5, 0.9}) {
    const ConfidentMisclassification confident(second, p);
    const OriginalClassProbability original(second, p);
    const TargetClassProbability target(second, p);
    on_random_logits([&](const Row& z) {
      const Scores scores{0, z};
      double wrong = 0;
      for (Index j = 0; j < classes; ++j)
        if (j != 2) wrong = std::max(wrong, probability(z, j));
      if (std::abs(wrong - p) > 1e-12) CHECK(confident(scores) == (wrong >= p));
      const double own = probability(z, 2);
      if (std::abs(own - p) > 1e-12) {
        CHECK(original(scores) == (own < p));
        CHECK(target(scores) == (own > p));
      }
    });
    check_margin(confident);
    check_margin(original);
    check_margin(target);
    check_loss(confident, Loss::lsem);
    check_loss(original, Loss::lsem);
    check_loss(target, Loss::lsem);
  }
  // Exactly p: "at least p" holds, "below p" and "above p" do not.
  const Row even = Eigen::Vector2d(0.25, 0.25);
  CHECK(ConfidentMisclassification(labels_of({0}), 0.5)(Scores{0, even}));
  CHECK_FALSE(OriginalClassProbability(labels_of({0}), 0.5)(Scores{0, even}));
  CHECK_FALSE(TargetClassProbability(labels_of({0}), 0.5)(Scores{0, even}));
}

TEST_CASE("criteria: a probability beyond one half makes the wrong class the prediction", "[criteria]") {
  on_random_logits([&](const Row& z) {
    if (ConfidentMisclassification(second, 0.51)(Scores{0, z}))
      CHECK(Misclassification(second)(Scores{0, z}));
  });
}

TEST_CASE("criteria: a safety margin in logits", "[criteria]") {
  const MarginAbove criterion(second, 0.75);
  on_random_logits([&](const Row& z) {
    CHECK(criterion(Scores{0, z}) == (losses::margin(z, 2) >= 0.75));
    CHECK(MarginAbove(second, 0)(Scores{0, z}) == Misclassification(second)(Scores{0, z}));
  });
  CHECK(criterion(Scores{0, Eigen::VectorXd(Eigen::Vector3d(0.75, 0, 0))}));
  check_margin(criterion);
  for (const Loss kind : {Loss::lsem, Loss::cross_entropy, Loss::margin, Loss::dlr})
    check_loss(criterion, kind);
}

TEST_CASE("criteria: a safety margin of the target", "[criteria]") {
  const TargetedMarginAbove criterion(second, 0.75);
  on_random_logits([&](const Row& z) {
    CHECK(criterion(Scores{0, z}) == (-losses::margin(z, 2) >= 0.75));
    CHECK(TargetedMarginAbove(second, 0)(Scores{0, z}) == TargetedMisclassification(second)(Scores{0, z}));
  });
  CHECK(criterion(Scores{0, Eigen::VectorXd(Eigen::Vector3d(0.5, 0, 1.25))}));
  check_margin(criterion);
  for (const Loss kind : {Loss::lsem, Loss::cross_entropy, Loss::margin, Loss::dlr})
    check_loss(criterion, kind);
}

TEST_CASE("criteria: and, or, not", "[criteria]") {
  const Misclassification wrong(second);
  const TargetedMisclassification target(labels_of({4}));
  const OriginalClassProbability unlikely(second, 0.1);
  const auto both = wrong && unlikely;
  const auto either = target || unlikely;
  const auto neither = !(wrong || target);
  on_random_logits([&](const Row& z) {
    const Scores s{0, z};
    CHECK(both(s) == (wrong(s) && unlikely(s)));
    CHECK(either(s) == (target(s) || unlikely(s)));
    CHECK(neither(s) == !(wrong(s) || target(s)));
    CHECK(both.margin(s) == std::max(wrong.margin(s), unlikely.margin(s)));
    CHECK(either.margin(s) == std::min(target.margin(s), unlikely.margin(s)));
    CHECK(neither.margin(s) == -std::min(wrong.margin(s), target.margin(s)));
  });
  check_margin(both);
  check_margin(either);
  check_margin(neither);
  check_margin(!both);
  check_loss(!both, Loss::lsem);
  // The loss is that of the part that decides: for both, of the one farther from being met.
  const Row far = Eigen::Vector3d(0, 0, 4);
  const auto strict = Misclassification(second) && MarginAbove(second, 2);
  CHECK(loss_of(strict, Loss::cross_entropy, Scores{0, far}, nullptr) == losses::cross_entropy(far, 2));
  const auto mixed = Misclassification(second) && TopKMisclassification(second, 2);
  CHECK(loss_of(mixed, Loss::cross_entropy, Scores{0, Row(Eigen::Vector3d(3, 0, 4))}, nullptr) ==
        -(4 - 0.0));  // the runner-up of the others is farther: minus its margin
}

TEST_CASE("criteria: combinations need what their parts need", "[criteria]") {
  using Wrong = Misclassification;
  using Confident = ConfidentMisclassification;
  static_assert(DecisionCriterion<decltype(Wrong(second) && Wrong(second))>);
  static_assert(DecisionCriterion<decltype(!Wrong(second))>);
  static_assert(!DecisionCriterion<decltype(Wrong(second) && Confident(second, 0.5))>);
  static_assert(!DecisionCriterion<decltype(!Confident(second, 0.5))>);
  const auto odd = [](const Decision& d) { return d.label % 2 == 1; };
  static_assert(DecisionCriterion<decltype(Wrong(second) && odd)>);
  static_assert(!MarginCriterion<decltype(Wrong(second) && odd)>);
  static_assert(MarginCriterion<decltype(!Wrong(second) || Confident(second, 0.5))>);
  CHECK((Wrong(second) && Wrong(labels_of({1})))(Decision{0, 3}));
  CHECK_FALSE((Wrong(second) && Wrong(labels_of({1})))(Decision{0, 1}));
  CHECK((!Wrong(second))(Decision{0, 2}));
}

TEST_CASE("criteria: a user's own callables are criteria, alone and combined on either side", "[criteria]") {
  const auto odd = [](const Decision& d) { return d.label % 2 == 1; };
  const auto lukewarm = [](const Scores& s) { return s.logits.maxCoeff() < 1; };
  static_assert(DecisionCriterion<decltype(odd)> && !ScoreCriterion<decltype(odd)>);
  static_assert(ScoreCriterion<decltype(lukewarm)> && !MarginCriterion<decltype(lukewarm)>);
  const Misclassification wrong(second);
  on_random_logits([&](const Row& z) {
    const Scores s{0, z};
    Index best = 0;
    for (Index k = 1; k < classes; ++k)
      if (z[k] > z[best]) best = k;
    CHECK((wrong && odd)(s) == (wrong(s) && best % 2 == 1));
    CHECK((odd && wrong)(s) == (wrong(s) && best % 2 == 1));
    CHECK((wrong || lukewarm)(s) == (wrong(s) || lukewarm(s)));
    CHECK((lukewarm || wrong)(s) == (wrong(s) || lukewarm(s)));
  });
  CHECK((wrong && odd)(Decision{0, 3}));
  CHECK_FALSE((wrong && odd)(Decision{0, 4}));
}

TEST_CASE("criteria: labels that do not fit are refused with what was given and expected", "[criteria]") {
  const auto refuses = [](const auto& criterion, const std::string& what) {
    CAPTURE(what);
    CHECK_NOTHROW(criterion.check(3, classes));
    CHECK_NOTHROW(criterion.check(3, 0));
    CHECK_THROWS_WITH(criterion.check(4, classes), ContainsSubstring(what) &&
                                                       ContainsSubstring("4 samples") &&
                                                       ContainsSubstring("got 3"));
    CHECK_THROWS_WITH(criterion.check(3, 4), ContainsSubstring(what) &&
                                                 ContainsSubstring("class 4 of sample 2") &&
                                                 ContainsSubstring("classes 0 to 3"));
  };
  const Labels labels = labels_of({0, 1, 4});
  refuses(Misclassification(labels), "labels");
  refuses(TargetedMisclassification(labels), "target classes");
  refuses(TopKMisclassification(labels, 2), "labels");
  refuses(TargetedTopK(labels, 2), "target classes");
  refuses(ConfidentMisclassification(labels, 0.5), "labels");
  refuses(OriginalClassProbability(labels, 0.5), "labels");
  refuses(TargetClassProbability(labels, 0.5), "target classes");
  refuses(MarginAbove(labels, 1), "labels");
  refuses(TargetedMarginAbove(labels, 1), "target classes");
  refuses(Misclassification(labels) || [](const Decision&) { return true; }, "labels");
  refuses(!Misclassification(labels), "labels");
  refuses([](const Decision&) { return true; } && TargetedMisclassification(labels), "target classes");
  CHECK_THROWS_WITH(Misclassification(labels_of({0, -1})).check(2, 0),
                    ContainsSubstring("class -1 of sample 1"));
}

TEST_CASE("criteria: parameters that make no sense are refused with their value", "[criteria]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(TopKMisclassification(second, 0),
                    ContainsSubstring("k >= 1") && ContainsSubstring("got 0"));
  CHECK_THROWS_WITH(TargetedTopK(second, -2), ContainsSubstring("k >= 1") && ContainsSubstring("got -2"));
  CHECK_THROWS_WITH(TopKMisclassification(second, 5).check(1, 5),
                    ContainsSubstring("number of classes, 5") && ContainsSubstring("got 5"));
  CHECK_THROWS_WITH(TargetedTopK(second, 7).check(1, 5), ContainsSubstring("got 7"));
  CHECK_NOTHROW(TopKMisclassification(second, 4).check(1, 5));
  for (const double p : {0.0, 1.0, -0.5, 2.0, nan}) {
    CHECK_THROWS_WITH(ConfidentMisclassification(second, p), ContainsSubstring("between 0 and 1"));
    CHECK_THROWS_WITH(OriginalClassProbability(second, p), ContainsSubstring("between 0 and 1"));
    CHECK_THROWS_WITH(TargetClassProbability(second, p), ContainsSubstring("between 0 and 1"));
  }
  for (const double kappa : {-1.0, nan, std::numeric_limits<double>::infinity()}) {
    CHECK_THROWS_WITH(MarginAbove(second, kappa), ContainsSubstring("kappa >= 0"));
    CHECK_THROWS_WITH(TargetedMarginAbove(second, kappa), ContainsSubstring("kappa >= 0"));
  }
}

TEST_CASE("criteria: bare labels mean misclassification, other criteria are taken as they are",
          "[criteria]") {
  static_assert(std::is_same_v<decltype(as_criterion(second)), Misclassification>);
  static_assert(
      std::is_same_v<decltype(as_criterion(TopKMisclassification(second, 2))), TopKMisclassification>);
  CHECK(as_criterion(second).labels() == second);
}

TEST_CASE("criteria: a criterion without a loss of its own is ascended by minus its margin", "[criteria]") {
  const TopKMisclassification criterion(second, 2);
  const Row z = Row::LinSpaced(classes, 0, 1);
  Row gradient(classes), margin_gradient(classes);
  const double loss = loss_of(criterion, Loss::dlr, Scores{0, z}, &gradient);
  CHECK(loss == -criterion.margin(Scores{0, z}, &margin_gradient));
  CHECK(gradient == -margin_gradient);
}

bool is(const Goal& goal, int leave, int reach, double lead) {
  return goal.leave == leave && goal.reach == reach && goal.lead == lead;
}

TEST_CASE("criteria: those on classes say what they want of each sample, others say nothing", "[criteria]") {
  const Labels labels = labels_of({3, 0, 2});
  CHECK(is(goal_of(Misclassification(labels), 0), 3, -1, 0));
  CHECK(is(goal_of(Misclassification(labels), 1), 0, -1, 0));
  CHECK(is(goal_of(TargetedMisclassification(labels), 0), -1, 3, 0));
  CHECK(is(goal_of(TargetedMisclassification(labels), 2), -1, 2, 0));
  CHECK(is(goal_of(MarginAbove(labels, 0.25), 2), 2, -1, 0.25));
  CHECK(is(goal_of(TargetedMarginAbove(labels, 0.25), 2), -1, 2, 0.25));

  CHECK(is(Goal{}, -1, -1, 0));
  CHECK(is(goal_of(TopKMisclassification(labels, 1), 0), -1, -1, 0));
  CHECK(is(goal_of(TargetedTopK(labels, 1), 0), -1, -1, 0));
  CHECK(is(goal_of(ConfidentMisclassification(labels, 0.5), 0), -1, -1, 0));
  CHECK(is(goal_of(OriginalClassProbability(labels, 0.5), 0), -1, -1, 0));
  CHECK(is(goal_of(TargetClassProbability(labels, 0.5), 0), -1, -1, 0));
  CHECK(is(goal_of(Misclassification(labels) && MarginAbove(labels, 1), 0), -1, -1, 0));
  CHECK(is(goal_of(Misclassification(labels) || Misclassification(labels), 0), -1, -1, 0));
  CHECK(is(goal_of(!Misclassification(labels), 0), -1, -1, 0));
  CHECK(is(goal_of([](const Decision& d) { return d.label == 1; }, 0), -1, -1, 0));
}

TEST_CASE("criteria: a goal holds exactly where its criterion does", "[criteria]") {
  const auto holds = [](const Goal& goal, const Row& z) {
    const Index own = goal.leave < 0 ? goal.reach : goal.leave;
    double best = -std::numeric_limits<double>::infinity();
    for (Index j = 0; j < z.size(); ++j)
      if (j != own) best = std::max(best, z[j]);
    const double lead = goal.leave < 0 ? z[own] - best : best - z[own];
    return lead > 0 && lead >= goal.lead;
  };
  on_random_logits([&](const Row& z) {
    const Scores scores{0, z};
    CHECK(holds(goal_of(Misclassification(second), 0), z) == Misclassification(second)(scores));
    CHECK(holds(goal_of(TargetedMisclassification(second), 0), z) ==
          TargetedMisclassification(second)(scores));
    CHECK(holds(goal_of(MarginAbove(second, 1), 0), z) == MarginAbove(second, 1)(scores));
    CHECK(holds(goal_of(TargetedMarginAbove(second, 1), 0), z) == TargetedMarginAbove(second, 1)(scores));
  });
}

/// "Another class reaches class 2", or "class 2 has the largest logit", as inequalities.
OutputProperty property_of_second(bool reached) {
  OutputProperty property;
  OutputClause together;
  for (Index j = 0; j < classes; ++j) {
    if (j == 2) continue;
    OutputInequality inequality{Row::Zero(classes)};
    inequality.coefficients[j] = reached ? -1 : 1;
    inequality.coefficients[2] = reached ? 1 : -1;
    if (reached) property.clauses.push_back({inequality});
    together.push_back(inequality);
  }
  if (!reached) property.clauses.push_back(together);
  return property;
}

TEST_CASE("criteria: an output property of classes is theirs, but that a tie meets it", "[criteria]") {
  const OutputProperty reached = property_of_second(true), largest = property_of_second(false);
  check_margin(reached);
  check_margin(largest);
  for (const Loss kind : {Loss::lsem, Loss::margin}) {
    check_loss(reached, kind);
    check_loss(largest, kind);
  }
  on_random_logits([&](const Row& z) {
    const Scores s{0, z};
    const Ranking ranking(z, 2);
    CHECK(reached(s) == (ranking.ahead + ranking.level > 0));
    CHECK(largest(s) == (ranking.ahead == 0));
    CHECK(reached.margin(s) == Misclassification(second).margin(s));
    CHECK(largest.margin(s) == TargetedMisclassification(second).margin(s));
    Row slope(classes), own(classes);
    CHECK(loss_of(reached, Loss::lsem, s, &slope) ==
          Catch::Approx(loss_of(Misclassification(second), Loss::lsem, s, &own)));
    CHECK((slope - own).cwiseAbs().maxCoeff() < 1e-12);
    CHECK(loss_of(largest, Loss::lsem, s, &slope) ==
          Catch::Approx(loss_of(TargetedMisclassification(second), Loss::lsem, s, &own)));
    CHECK((slope - own).cwiseAbs().maxCoeff() < 1e-12);
  });
}

TEST_CASE("criteria: an output property is the smallest of the largest excesses of its clauses",
          "[criteria]") {
  test::Random random(7);
  for (int repeat = 0; repeat < 300; ++repeat) {
    OutputProperty property;
    std::vector<std::vector<double>> values;
    const Row y = (64 * random.normals(3)).array().round() / 64;  // sums are exact, fused products or not
    for (int c = 0; c < 1 + repeat % 3; ++c) {
      property.clauses.emplace_back();
      values.emplace_back();
      for (int i = 0; i < 1 + repeat % 4; ++i) {
        const Row a = random.normals(3).array().round();
        const double bound = repeat % 5 == 0 ? a[0] * y[0] + a[1] * y[1] + a[2] * y[2]
                                             : std::round(64 * random.normals(1)[0]) / 64;
        property.clauses.back().push_back({a, bound, random.normals(1)[0] > 0});
        values.back().push_back(a[0] * y[0] + a[1] * y[1] + a[2] * y[2] - bound);
      }
    }
    bool met = false;
    double margin = std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < values.size(); ++c) {
      bool all = true;
      for (std::size_t i = 0; i < values[c].size(); ++i)
        all = all && (property.clauses[c][i].strict ? values[c][i] < 0 : values[c][i] <= 0);
      met = met || all;
      margin = std::min(margin, *std::max_element(values[c].begin(), values[c].end()));
    }
    CHECK(property(Scores{0, y}) == met);
    CHECK(property.margin(Scores{0, y}) == margin);
    CHECK((property && property)(Scores{0, y}) == met);
  }
}

TEST_CASE("criteria: the sign of an excess is exact, however far terms cancel, underflow or overflow",
          "[criteria]") {
  test::Random random(13);
  for (int repeat = 0; repeat < 400; ++repeat) {
    // Whole numbers times 2^(e + f), which sum to -1, 0 or 1; two more terms cancel, 2^80 times as large.
    const int e = std::vector<int>{-600, -537, 0, 500}[static_cast<std::size_t>(repeat % 4)];
    const int f = std::vector<int>{-530, -537, 0, 450}[static_cast<std::size_t>(repeat % 4)];
    OutputInequality inequality{Row::Zero(6), 0, repeat % 8 < 4};
    Row y = Row::Constant(6, std::ldexp(1.0, f));
    const std::int64_t sign = random.integer(3) - 1;
    std::int64_t total = -sign;
    for (Index k : {1, 2, 3}) {
      const std::int64_t a = random.integer(1 << 25) - (1 << 24), b = random.integer(1 << 25) - (1 << 24);
      inequality.coefficients[k] = std::ldexp(static_cast<double>(a), e);
      y[k] = std::ldexp(static_cast<double>(b), f);
      total += a * b;
    }
    inequality.coefficients[0] = std::ldexp(1.0, e + 80);
    inequality.coefficients[4] = std::ldexp(static_cast<double>(-total), e);
    inequality.coefficients[5] = -inequality.coefficients[0];
    const double excess = inequality.excess(y);
    CAPTURE(repeat, sign, excess);
    CHECK((excess > 0) - (excess < 0) == sign);
    CHECK(inequality.holds(y) == (sign < 0 || (sign == 0 && !inequality.strict)));
    const double exact = std::ldexp(static_cast<double>(sign), e + f);
    CHECK((e + f < -1074 ? std::abs(excess) <= 5e-324 : excess == exact));
    inequality.bound = sign == 0 ? 0 : std::copysign(1e-300, exact);
    if (e + f > 0) CHECK(inequality.excess(y) == exact);
  }
  // The worst of coefficients that may be off by a quarter: 3 - 5 + (3 + 5) / 4.
  const OutputInequality uncertain{Row{{1, -1}}, 0, false, 0.25};
  CHECK((uncertain.excess(Row{{3, 5}}) >= 0 && uncertain.excess(Row{{3, 5}}) < 1e-15));
  CHECK(uncertain.excess(Row{{1, 2}}) == -0.25);
  CHECK(uncertain.excess_within(Row{{1, 2}}, 0.125) == Catch::Approx(-0.25 + 0.25 + 0.0625));
  CHECK_THROWS_WITH((OutputProperty{{{{Row{{1, -1}}, 0, false, 2}}}}.check(1, 2)),
                    ContainsSubstring("expected an uncertainty from 0 to 1, clause 0 has 2"));
  // The worst of the outputs around these, here at a corner: 1 + 0.5 - (2 - 0.5) and a bound.
  const OutputInequality difference{Row{{1, -1}}, 0.25};
  CHECK(difference.excess_within(Row{{1, 2}}, 0.5) == -0.25);
  CHECK(difference.excess_within(Row{{1, 2}}, 0) == difference.excess(Row{{1, 2}}));
}

TEST_CASE("criteria: an output property at its ends: equality, nothing to meet, numbers too large",
          "[criteria]") {
  const Row y = Row::Constant(1, 0.5), huge = Row::Constant(2, 1e308);
  const OutputInequality loose{Row::Ones(1), 0.5}, strict{Row::Ones(1), 0.5, true};
  CHECK(OutputProperty{{{loose}}}(Scores{0, y}));
  CHECK_FALSE(OutputProperty{{{strict}}}(Scores{0, y}));
  CHECK_FALSE(OutputProperty{{{loose, strict}}}(Scores{0, y}));
  CHECK(OutputProperty{{{strict}, {loose}}}(Scores{0, y}));
  const OutputProperty always{{{}}}, never, overflowing{{{{Row{{10, -10}}, 0}}}};
  Row gradient = Row::Ones(2);
  CHECK(always(Scores{0, y}));
  CHECK(always.margin(Scores{0, y}) == -std::numeric_limits<double>::infinity());
  CHECK_FALSE(never(Scores{0, y}));
  CHECK(never.margin(Scores{0, y}) == std::numeric_limits<double>::infinity());
  CHECK(overflowing(Scores{0, huge}));  // infinity on the way to 0
  const OutputProperty sinking{{{{Row{{-10, -10}}, 0}}}}, below{{{{Row{{1, 0}}, 0}}}};
  CHECK(sinking.margin(Scores{0, huge}) == -std::numeric_limits<double>::max());
  CHECK(below(Scores{0, Row{{-std::numeric_limits<double>::infinity(), 0}}}));
  CHECK_FALSE(below(Scores{0, Row{{NAN, 0}}}));
  CHECK(below.loss(Loss::lsem, Scores{0, Row{{NAN, 0}}}, &gradient) ==
        -std::numeric_limits<double>::infinity());
  CHECK(gradient == Row{{-1, 0}});
  CHECK_NOTHROW(always.check(1, 2));
  CHECK_THROWS_WITH(never.check(1, 2), ContainsSubstring("no clause"));
  CHECK_THROWS_WITH((OutputProperty{{{loose}}}.check(1, 2)),
                    ContainsSubstring("clause 0 has 1 coefficients, the model has 2 outputs"));
  CHECK_THROWS_WITH((OutputProperty{{{}, {{Row{{1, NAN}}, 0}}}}.check(1, 2)),
                    ContainsSubstring("clause 1 has others"));
}

}  // namespace
