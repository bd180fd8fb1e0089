// SPDX-License-Identifier: MIT
#include "foil/core/summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;

constexpr double infinity = std::numeric_limits<double>::infinity();

struct Sample {
  Status status;
  bool success = false;
  double distance = infinity;
  bool correct = true;
  bool finite = true;
};

Summary summary_of(const std::vector<Sample>& samples, double epsilon = infinity) {
  Tally tally(epsilon);
  for (const Sample& s : samples) tally.add(s.status, s.success, s.distance, s.correct, s.finite);
  return tally.summary();
}

TEST_CASE("summary: one bin for each sample, and the figures it enters", "[summary]") {
  struct Case {
    const char* what;
    Sample sample;
    Index Summary::* bin;
    bool counts, attacked;  // in the denominator of robust accuracy, in that of the success rate
  };
  const std::vector<Case> cases{
      {"never reached", {Status::not_run}, &Summary::unfinished, false, false},
      {"never reached, wrong", {Status::not_run, false, infinity, false}, &Summary::unfinished, false, false},
      {"failed", {Status::failed}, &Summary::unfinished, false, false},
      {"failed, unverified", {Status::failed, false, 1}, &Summary::unfinished, false, false},
      {"interrupted", {Status::interrupted}, &Summary::unfinished, false, false},
      {"interrupted, fooled", {Status::interrupted, true, 1}, &Summary::fooled, true, true},
      {"invalid", {Status::invalid_input}, &Summary::invalid, true, false},
      {"invalid, wrong", {Status::invalid_input, false, infinity, false}, &Summary::invalid, true, false},
      {"NaN on the way", {Status::non_finite}, &Summary::non_finite, true, true},
      {"NaN at once", {Status::non_finite, false, infinity, false}, &Summary::non_finite, true, false},
      {"NaN on the way of whatever ended",
       {Status::not_found, false, infinity, true, false},
       &Summary::non_finite,
       true,
       true},
      {"NaN on the way, fooled", {Status::success, true, 1, true, false}, &Summary::fooled, true, true},
      {"NaN on the way, wrong",
       {Status::not_found, false, infinity, false, false},
       &Summary::wrong,
       true,
       false},
      {"no start", {Status::start_failed}, &Summary::no_start, true, true},
      {"unstable", {Status::unstable}, &Summary::unstable, true, true},
      {"adversarial as it is", {Status::already_adversarial, true, 0}, &Summary::wrong, true, false},
      {"wrong, not on target", {Status::not_found, false, infinity, false}, &Summary::wrong, true, false},
      {"wrong, then on target", {Status::success, true, 1, false}, &Summary::wrong, true, false},
      {"wrong, no start", {Status::start_failed, false, infinity, false}, &Summary::wrong, true, false},
      {"fooled", {Status::success, true, 1}, &Summary::fooled, true, true},
      {"fooled, converged", {Status::converged, true, 1}, &Summary::fooled, true, true},
      {"fooled, out of budget", {Status::budget_exhausted, true, 1}, &Summary::fooled, true, true},
      {"not found", {Status::not_found}, &Summary::robust, true, true},
      {"converged on nothing", {Status::converged}, &Summary::robust, true, true},
      {"out of budget", {Status::budget_exhausted}, &Summary::robust, true, true}};
  const std::vector<Index Summary::*> bins{&Summary::unfinished, &Summary::invalid,  &Summary::non_finite,
                                           &Summary::no_start,   &Summary::unstable, &Summary::wrong,
                                           &Summary::fooled,     &Summary::robust};
  for (const Case& c : cases) {
    CAPTURE(std::string(c.what));
    const Summary s = summary_of({c.sample});
    for (const auto bin : bins) CHECK(s.*bin == (bin == c.bin));
    CHECK(s.total() == 1);
    CHECK(s.finished() == c.counts);
    CHECK(s.attacked == c.attacked);
    const bool fooled = c.bin == &Summary::fooled, robust = c.bin == &Summary::robust;
    CHECK((c.attacked ? s.success_rate() == fooled : std::isnan(s.success_rate())));
    CHECK((c.counts ? s.robust_accuracy() == robust : std::isnan(s.robust_accuracy())));
    CHECK((c.attacked ? s.median_distance == (fooled ? c.sample.distance : infinity)
                      : std::isnan(s.median_distance)));
  }
}

TEST_CASE("summary: an adversarial beyond the radius is a failure, but of an unfinished attack nothing",
          "[summary]") {
  const std::vector<Sample> samples{{Status::success, true, 1},
                                    {Status::success, true, 3},
                                    {Status::budget_exhausted, true, 3},
                                    {Status::interrupted, true, 3},
                                    {Status::already_adversarial, true, 0}};
  const Summary near = summary_of(samples, 2), all = summary_of(samples, 3);
  CHECK(near.fooled == 1);
  CHECK(near.robust == 2);
  CHECK(near.unfinished == 1);
  CHECK(near.wrong == 1);
  CHECK(near.robust_accuracy() == 0.5);
  CHECK(near.median_distance == infinity);
  // A sample about which the model answered NaN has not withstood what found it farther away.
  CHECK(summary_of({{Status::success, true, 3, true, false}}, 2).non_finite == 1);
  CHECK(all.fooled == 4);
  CHECK(all.robust_accuracy() == 0);
  CHECK(all.median_distance == 3);
}

TEST_CASE("summary: a run is complete if no attack was cut short", "[summary]") {
  CHECK(summary_of({}).complete());
  CHECK(summary_of({{Status::success, true, 1}, {Status::invalid_input}}).complete());
  for (const Sample& cut :
       {Sample{Status::not_run}, Sample{Status::failed}, Sample{Status::interrupted},
        Sample{Status::interrupted, true, 1}, Sample{Status::interrupted, true, 1, false}})
    CHECK_FALSE(summary_of({{Status::success, true, 1}, cut}).complete());
}

TEST_CASE("summary: the median is that of the sorted distances, failures last", "[summary][property]") {
  test::Random random(1);
  for (int run = 0; run < 200; ++run) {
    Tally tally;
    std::vector<double> sorted;
    for (Index i = random.integer(9) + 1; i > 0; --i) {
      const bool found = random.integer(4) > 0;
      sorted.push_back(found ? random.uniform() : infinity);
      tally.add(found ? Status::success : Status::not_found, found, sorted.back());
    }
    std::sort(sorted.begin(), sorted.end());
    const double low = sorted[(sorted.size() - 1) / 2], high = sorted[sorted.size() / 2];
    CAPTURE(run, low, high);
    CHECK((tally.summary().median_distance == high || std::isfinite(high)));
    if (std::isfinite(high)) CHECK(tally.summary().median_distance == Catch::Approx((low + high) / 2));
  }
}

TEST_CASE("summary: a share of nothing is no number", "[summary]") {
  CHECK(std::isnan(share(0, 0)));
  CHECK(share(1, 4) == 0.25);
}
}  // namespace
