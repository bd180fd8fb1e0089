// SPDX-License-Identifier: MIT
#include "foil-evaluate/progress.hpp"

#include <cstddef>
#include <string>

#include "common/arguments.hpp"
#include "support/catch.hpp"

using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using evaluate::Pace;
using evaluate::Work;

namespace {

Work an_attack() {
  return {.phase = "attack",
          .label = "linf-pgd eps 0.1",
          .attack = "linf-pgd",
          .epsilon = 0.1,
          .number = 2,
          .of = 5,
          .at_work = 100};
}

const foil::Progress half_way{
    .finished = 500, .total = 1000, .found = 480, .queries = 12000, .gradient_queries = 11000};

/// What is done evenly over the time.
Pace steady(foil::Index done, double seconds) {
  Pace pace;
  for (int k = 1; k <= 10; ++k) pace.note(done * k / 10, seconds * k / 10);
  return pace;
}

std::string line_of(const Work& work, const foil::Progress& now, double seconds, std::size_t width,
                    bool bar) {
  const Pace pace = steady(now.finished - work.from.finished, seconds);
  return evaluate::progress_text(work, evaluate::stand(work, now, seconds, pace), width, bar);
}

}  // namespace

TEST_CASE("progress: where there is room, the line has everything", "[evaluate][progress]") {
  CHECK(
      line_of(an_attack(), half_way, 65, 200, true) ==
      "linf-pgd eps 0.1  [##########..........]  500/1000 done (50 %), 480 found, 12000 + 11000 model calls "
      "at 354/s, 1:05, about 1:05 left, 3 more attacks");
  CHECK(line_of({.phase = "images", .label = "reading x.npy"}, {.finished = 20, .total = 100}, 4, 200,
                false) == "reading x.npy  20/100 done (20 %), 0:04, about 0:16 left");
}

TEST_CASE("progress: the line fits any width, and keeps what matters most", "[evaluate][progress]") {
  for (std::size_t width = 0; width < 200; ++width) {
    const std::string line = line_of(an_attack(), half_way, 65, width, true);
    INFO(width << ": " << line);
    CHECK(line.size() <= width);
    if (width >= 8) CHECK_THAT(line, ContainsSubstring("(50 %)"));
    if (width >= 40) {
      CHECK_THAT(line, ContainsSubstring("linf-pgd eps 0.1  "));
      CHECK_THAT(line, ContainsSubstring("  500/1000 done (50 %)"));
    }
    if (width >= 52) CHECK_THAT(line, ContainsSubstring("480 found"));
    if (width >= 69) CHECK_THAT(line, ContainsSubstring("about 1:05 left"));
  }
}

TEST_CASE("progress: a share of all is no more than that", "[evaluate][progress]") {
  foil::Progress nearly = half_way;
  nearly.finished = 999;
  CHECK_THAT(line_of(an_attack(), nearly, 65, 200, false), ContainsSubstring("999/1000 done (99 %)"));
}

TEST_CASE("progress: the time left is told when as many are done as are worked on side by side",
          "[evaluate][progress]") {
  const auto left = [&](foil::Index finished) {
    return evaluate::stand(an_attack(), {.finished = finished, .total = 1000}, 10, steady(finished, 10))
        .seconds_left;
  };
  CHECK_FALSE(left(0));
  CHECK_FALSE(left(99));
  REQUIRE(left(100));
  CHECK(*left(100) == Approx(90));
  CHECK(*left(1000) == 0);
}

TEST_CASE("progress: the pace is that of late", "[evaluate][progress]") {
  Pace pace;
  CHECK_FALSE(pace.per_second());
  pace.note(0, 1);
  CHECK_FALSE(pace.per_second());
  for (int k = 1; k <= 5000; ++k) pace.note(k, k / 100.0);  // 100 a second for 50 seconds,
  CHECK(*pace.per_second() == Approx(100));
  for (int k = 1; k <= 500; ++k) pace.note(5000 + k, 50 + k / 10.0);  // then 10 for as long
  CHECK(*pace.per_second() == Approx(10).epsilon(0.3));
  pace.note(5500, 1000);  // and now none
  CHECK(*pace.per_second() < 5);
}

TEST_CASE("progress: what an earlier run has done took none of this one's time", "[evaluate][progress]") {
  Work work = an_attack();
  work.from = {.finished = 400, .total = 1000, .queries = 10000, .gradient_queries = 10000};
  const auto at = evaluate::stand(work, half_way, 10, steady(100, 10));
  CHECK(*at.calls_per_second == Approx(300));
  CHECK(*at.seconds_left == Approx(50));
  const auto begin = evaluate::stand(work, work.from, 10, Pace());
  CHECK_FALSE(begin.calls_per_second);
  CHECK_FALSE(begin.seconds_left);
}

TEST_CASE("progress: a budget tells the most that is left", "[evaluate][progress]") {
  Work work = an_attack();
  work.at_work = 1000;
  foil::Progress now{.finished = 0, .total = 1000, .queries = 20000};
  CHECK_FALSE(evaluate::stand(work, now, 10, Pace()).most_seconds_left);
  work.budget = 50;
  CHECK(*evaluate::stand(work, now, 10, Pace()).most_seconds_left == Approx(15));
  CHECK_THAT(line_of(work, now, 10, 200, false), ContainsSubstring(", at most about 0:15 left"));
  now.finished = 900;
  CHECK(*evaluate::stand(work, now, 10, Pace()).most_seconds_left == Approx(2.5));
}

TEST_CASE("command lines: a shell reads their words as they were", "[evaluate][progress]") {
  CHECK(programs::shell_word("foil-evaluate") == "foil-evaluate");
  CHECK(programs::shell_word("--epsilon=8/255") == "--epsilon=8/255");
  CHECK(programs::shell_word("a b.onnx") == "'a b.onnx'");
  CHECK(programs::shell_word("it's") == "'it'\\''s'");
  CHECK(programs::shell_word("x=$HOME") == "'x=$HOME'");
  CHECK(programs::shell_word("").size() == 2);
  CHECK(programs::shell_word("a\nb'\\\t") == "$'a\\012b\\047\\134\\011'");
}
