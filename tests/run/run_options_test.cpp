// SPDX-License-Identifier: MIT
#include "foil/run/run_options.hpp"

#include <limits>
#include <memory>

#include "support/catch.hpp"

namespace {
using namespace foil;
using Input = Tensor<float, 2>;
using Options = RunOptions<Input>;
using Catch::Matchers::ContainsSubstring;

TEST_CASE("run options: the defaults are valid and make sense", "[run_options]") {
  const Options options;
  CHECK_NOTHROW(options.validate(Input(3, 2)));
  CHECK(options.threads == 1);
  CHECK(options.early_stop == 0);
  CHECK(options.starting_points.size() == 0);
  CHECK_FALSE(options.observer);
  CHECK(options.on_bad_sample == OnBadSample::report);
}

TEST_CASE("run options: what makes no sense is refused, saying what was expected and given",
          "[run_options]") {
  const Input inputs(3, 2);
  const auto refuses = [&](const Options& options, const char* expected, const char* given) {
    CHECK_THROWS_WITH(options.validate(inputs), ContainsSubstring(expected) && ContainsSubstring(given));
  };
  refuses({.sample_ids = {1, 2}}, "each of the 3 samples", "got 2");
  refuses({.threads = 0}, "threads >= 1", "got 0");
  refuses({.query_budget = 0}, "query budget >= 1", "got 0");
  refuses({.starting_points = Input(3, 4)}, "shape (3, 2)", "got (3, 4)");
  refuses({.starting_points = Input(2, 2)}, "shape (3, 2)", "got (2, 2)");
  refuses({.early_stop = -0.5}, "early stop distance >= 0", "got -0.5");
  refuses({.early_stop = std::numeric_limits<double>::quiet_NaN()}, "early stop distance >= 0", "nan");
  refuses({.batch_size = 0}, "batch size >= 1", "got 0");
  CHECK_NOTHROW(Options{.sample_ids = {5, 5, -1}, .starting_points = Input(3, 2)}.validate(inputs));
}

TEST_CASE("run options: ids are those given, else numbered from the first", "[run_options]") {
  CHECK(Options{}.sample_id(2) == 2);
  CHECK(Options{.first_sample = 1'000'000'000'000}.sample_id(2) == 1'000'000'000'002);
  CHECK(Options{.first_sample = 9, .sample_ids = {4, -7}}.sample_id(1) == -7);
}

TEST_CASE("run options: an observer may return nothing or a control, and need not be copyable state",
          "[run_options]") {
  const Progress progress{1, 2, 0, 3, 4};
  CHECK(Observer{}(progress) == Control::proceed);
  std::int64_t seen = 0;
  const Observer silent = [&](const Progress& p) { seen += p.queries; };
  CHECK(silent);
  CHECK(silent(progress) == Control::proceed);
  const Observer strict = [&](const Progress& p) {
    return p.finished > 0 ? Control::stop : Control::proceed;
  };
  CHECK(strict(progress) == Control::stop);
  const Observer counting = [count = 0](const Progress&) mutable {
    return ++count > 2 ? Control::stop : Control::proceed;
  };
  CHECK(counting(progress) == Control::proceed);
  CHECK(counting(progress) == Control::proceed);
  CHECK(counting(progress) == Control::stop);
  CHECK(seen == 3);
}

TEST_CASE("run options: models that cannot be shared have no thread count", "[run_options]") {
  using Single = RunOptions<Input, false>;
  static_assert(!std::is_convertible_v<decltype(Single::threads), bool> ||
                !std::is_same_v<decltype(Single::threads), int>);
  const Single options;
  CHECK(static_cast<int>(options.threads) == 1);
  CHECK_NOTHROW(options.validate(Input(1, 1)));
}
}  // namespace
