// SPDX-License-Identifier: MIT
#include "foil/evaluation/curve.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::WithinAbs;
using Catch::Matchers::WithinRel;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// How one sample ended; with success where the distance is finite.
struct End {
  Status status;
  double distance = infinity;
  bool correct = true;
  int bad_rows = 0;
};

Outcome outcome(const std::vector<End>& ends, std::optional<double> epsilon = std::nullopt,
                const char* name = "some", Lp norm = L2{}) {
  Outcome out(name, norm, epsilon);
  for (const End& end : ends)
    out.records.push_back({static_cast<std::int64_t>(out.records.size()), end.status,
                           std::isfinite(end.distance), end.correct, 0, end.distance, 1, 1, 1, end.bad_rows});
  return out;
}

const End withstood{Status::not_found}, wrong{Status::already_adversarial, 0, false};

End found(double distance) {
  return {Status::success, distance};
}

/// Whatever may come out for a sample, within a radius if there is one.
End any_end(test::Random& random, double radius) {
  const auto status = static_cast<Status>(random.integer(static_cast<Index>(Status::failed) + 1));
  const bool success =
      status == Status::already_adversarial || status == Status::success || status == Status::converged ||
      ((status == Status::budget_exhausted || status == Status::interrupted) && random.integer(2) == 0);
  const bool at_once = status == Status::already_adversarial;
  // Few different distances, so that many are equal.
  const double distance = std::min(radius, 0.125 * static_cast<double>(random.integer(8)));
  return {status,
          !success  ? infinity
          : at_once ? 0
                    : distance,
          !at_once && random.integer(5) > 0, static_cast<int>(random.integer(4)) / 3};
}

void check_equal(const Summary& a, const Summary& b) {
  for (const auto bin :
       {&Summary::unfinished, &Summary::invalid, &Summary::non_finite, &Summary::no_start, &Summary::unstable,
        &Summary::wrong, &Summary::fooled, &Summary::robust, &Summary::attacked, &Summary::cut_short})
    CHECK(a.*bin == b.*bin);
}

TEST_CASE("curve: a minimal attack's is its summary within every epsilon", "[curve][property]") {
  test::Random random(1);
  for (int run = 0; run < 60; ++run) {
    std::vector<End> ends(static_cast<std::size_t>(random.integer(30)));
    for (End& end : ends) end = any_end(random, infinity);
    const Outcome one = outcome(ends);
    const Curve curve = curve_of(one);
    CHECK(curve.minimal);
    for (double epsilon = 0; epsilon < 1; epsilon += 0.0625) {
      CAPTURE(run, epsilon);
      check_equal(curve.at(epsilon), one.summary(epsilon));
    }
    check_equal(curve.at(infinity), one.summary());
    const double median = one.summary().median_distance;
    CHECK((curve.median_distance() == median || (std::isnan(median) && std::isnan(curve.median_distance()))));
    for (std::size_t i = 1; i < curve.points.size(); ++i)
      CHECK(curve.points[i - 1].epsilon < curve.points[i].epsilon);
  }
}

TEST_CASE("curve: attacks together are their worst case at every radius, and never rise",
          "[curve][property]") {
  test::Random random(2);
  for (int run = 0; run < 200; ++run) {
    const auto count = static_cast<std::size_t>(random.integer(12) + 1);
    std::vector<Outcome> all;
    for (const double radius : {infinity, 0.25, 0.5, 0.5, infinity}) {
      if (random.integer(3) == 0) continue;
      std::vector<End> ends(count);
      for (End& end : ends) end = any_end(random, radius);
      all.push_back(outcome(ends, std::isinf(radius) ? std::nullopt : std::optional(radius)));
    }
    if (all.empty()) continue;
    const Curve curve = curve_of(all);
    for (std::size_t i = 0; i < curve.points.size(); ++i) {
      const Summary& now = curve.points[i].summary;
      const Summary& before = curve.points[i > 0 ? i - 1 : 0].summary;
      CAPTURE(run, curve.points[i].epsilon);
      CHECK(now.total() == static_cast<Index>(count));
      CHECK(now.robust <= before.robust);
      if (now.unfinished <= before.unfinished) CHECK(now.finished() >= before.finished());
    }
    // Of attacks at one radius, all have their say there and none farther out knows better.
    std::vector<std::reference_wrapper<const Outcome>> near;
    for (const Outcome& one : all)
      if (one.epsilon.value_or(0.25) == 0.25) near.emplace_back(one);
    if (near.empty() || !curve_of(near).radii.size()) continue;
    CAPTURE(run);
    check_equal(curve_of(near).at(0.25), worst_of(near).outcome.summary());
  }
}

TEST_CASE("curve: a sample that is fooled within a radius is so within larger ones", "[curve]") {
  // The second attack finds less at the larger radius, and one closer than it had to.
  const std::vector<Outcome> all{outcome({found(0.1), withstood, withstood, wrong}, 0.1),
                                 outcome({withstood, found(0.15), withstood, wrong}, 0.2)};
  const Curve curve = curve_of(all);
  CHECK_FALSE(curve.minimal);
  CHECK(curve.radii == std::vector<double>{0.1, 0.2});
  CHECK(curve.robust_accuracy(0) == 0.75);
  CHECK(curve.robust_accuracy(0.09) == 0.75);
  CHECK(curve.robust_accuracy(0.1) == 0.5);
  CHECK(curve.robust_accuracy(0.15) == 0.25);
  CHECK(curve.robust_accuracy(0.2) == 0.25);
  CHECK(curve.robust_accuracy(5) == 0.25);
  CHECK(curve.last() == 0.2);
  REQUIRE(curve.points.size() == 4);
  CHECK(curve.points[3].epsilon == 0.2);  // nothing changes there, but it was asked about
}

TEST_CASE("curve: what an attack could not do is not undone by a larger radius", "[curve]") {
  // No verdict at the smaller radius stays none; a start that is missing does not outweigh who withstood.
  const std::vector<Outcome> all{
      outcome({{Status::interrupted}, {Status::start_failed}, {Status::start_failed}}, 0.1),
      outcome({withstood, withstood, found(0.2)}, 0.2)};
  const Curve curve = curve_of(all);
  CHECK(curve.at(0.1).unfinished == 1);
  CHECK(curve.at(0.1).robust == 1);
  CHECK(curve.at(0.1).no_start == 1);
  CHECK(curve.at(0.2).unfinished == 1);
  CHECK(curve.at(0.2).robust == 1);
  CHECK(curve.at(0.2).fooled == 1);
}

TEST_CASE("curve: the area is the integral, the mean of distances cut off", "[curve]") {
  const Curve curve = curve_of(outcome({found(0.25), found(1), withstood, wrong, found(0.25)}));
  CHECK(curve.area(0) == 0);
  CHECK_THAT(curve.area(0.125), WithinAbs(0.125 * 0.8, 1e-15));
  CHECK_THAT(curve.area(0.5), WithinAbs((0.25 + 0.5 + 0.5 + 0 + 0.25) / 5, 1e-15));
  CHECK_THAT(curve.area(2), WithinAbs((0.25 + 1 + 2 + 0 + 0.25) / 5, 1e-15));
  CHECK(std::isnan(curve_of(outcome({})).area(1)));
  CHECK_THROWS_WITH(curve.area(infinity), ContainsSubstring("finite epsilon >= 0, got inf"));
}

TEST_CASE("curve: the median has the interval of its order statistics", "[curve]") {
  std::vector<End> ends{wrong};
  for (int i = 100; i > 0; --i) ends.push_back(i > 90 ? withstood : found(i));
  const Curve curve = curve_of(outcome(ends));
  CHECK(curve.median_distance() == 50.5);
  CHECK(curve.median_interval() == Interval{40, 61});
  CHECK(curve.median_interval(1 - 1e-15) == Interval{12, 89});
  const Curve open = curve_of(outcome({found(3), found(2), withstood, found(2), found(4), found(5)}));
  CHECK(open.median_interval() == Interval{2, infinity});

  const Curve few = curve_of(outcome({found(1), found(2), found(2), found(3), withstood}));
  CHECK(few.median_distance() == 2);
  CHECK(few.median_interval() == Interval{0, infinity});
  const Curve none = curve_of(outcome({wrong, wrong}));
  CHECK(std::isnan(none.median_distance()));
  CHECK(none.median_interval() == Interval{0, infinity});
  CHECK(none.robust_accuracy(1) == 0);
}

TEST_CASE("curve: intervals are of the counts that a summary divides", "[curve]") {
  Summary s;
  s.robust = 30, s.fooled = 50, s.attacked = 85, s.no_start = 5, s.wrong = 15, s.unfinished = 7;
  CHECK(robust_accuracy_interval(s) == clopper_pearson(30, 100));
  CHECK(success_rate_interval(s, 0.9) == clopper_pearson(50, 85, 0.9));
}

TEST_CASE("curve: an evaluation has a curve for each attack, and one for each norm of several", "[curve]") {
  std::vector<Outcome> all{outcome({withstood, withstood}, 0.1, "pgd"),
                           outcome({found(0.2), withstood}, 0.2, "pgd"),
                           outcome({found(0.15), found(0.3)}, std::nullopt, "minimal"),
                           outcome({withstood, withstood}, 0.1, "pgd"),
                           outcome({found(3), withstood}, std::nullopt, "other", L1{}),
                           outcome({withstood}, 0.2, "minimal")};
  all[3].options = {{"steps", "3"}};
  const auto told = curves(all);
  REQUIRE(told.size() == 6);
  CHECK(told[0].name == "pgd");
  CHECK(told[0].members == std::vector<std::size_t>{0, 1});
  CHECK(told[0].curve.robust_accuracy(0.2) == 0.5);
  CHECK(told[1].name == "minimal");
  CHECK(told[2].members == std::vector<std::size_t>{3});
  CHECK(told[3].norm == L1{});
  CHECK(told[4].members == std::vector<std::size_t>{5});  // on fewer samples
  CHECK(told[5].name == "worst case");
  CHECK(told[5].members == std::vector<std::size_t>{0, 1, 2, 3});
  CHECK(told[5].curve.robust_accuracy(0.15) == 0.5);
  CHECK(told[5].curve.robust_accuracy(0.3) == 0);
}

TEST_CASE("curve: what does not go together is refused in words", "[curve]") {
  using Outcomes = std::vector<Outcome>;
  CHECK_THROWS_WITH(curve_of(Outcomes{}), ContainsSubstring("at least one outcome"));
  CHECK_THROWS_WITH(curve_of(Outcomes{outcome({withstood}), outcome({withstood}, 0.1, "some", Linf{})}),
                    ContainsSubstring("in one norm, got l2 and linf"));
  CHECK_THROWS_WITH(curve_of(Outcomes{outcome({withstood}), outcome({}, 0.1, "short")}),
                    ContainsSubstring("the same samples, got others of short"));
  Outcome renamed = outcome({withstood}, 0.1, "renamed");
  renamed.records[0].id = 7;
  CHECK_THROWS_WITH(curve_of(Outcomes{outcome({withstood}), renamed}),
                    ContainsSubstring("others of renamed"));
  CHECK_THROWS_WITH(curve_of(outcome({withstood})).at(-1), ContainsSubstring("epsilon >= 0, got -1"));
  CHECK_THROWS_WITH(curve_of(outcome({withstood})).at(std::nan("")), ContainsSubstring("got nan"));
}
}  // namespace
