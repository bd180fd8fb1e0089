// SPDX-License-Identifier: MIT
#include "foil/evaluation/trials/trials.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "foil/evaluation/trials/beside_people.hpp"
#include "foil/evaluation/trials/confusion.hpp"
#include "foil/evaluation/trials/error_consistency.hpp"
#include "foil/evaluation/trials/trial_table.hpp"
#include "support/catch.hpp"

namespace {
using namespace foil;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;

const std::vector<std::string> few{"bear", "cat", "dog"};

/// Errors among the answered trials of each of 16 categories, and those without an answer.
struct Errors {
  std::vector<int> wrong, answered;
  int unanswered;
};

Confusion confusion_of(const Errors& errors) {
  const int categories = static_cast<int>(errors.wrong.size());
  Confusion out(categories);
  for (int k = 0; k < categories; ++k)
    for (int i = 0; i < errors.answered[static_cast<std::size_t>(k)]; ++i)
      out.add(k, i < errors.wrong[static_cast<std::size_t>(k)] ? (k + 1) % categories : k);
  for (int i = 0; i < errors.unanswered; ++i) out.add(0, -1);
  return out;
}

/// Five people under uniform noise of width 0.1, and ResNet-152, counted in the trials that Geirhos et al.
/// 2018 published (CC BY 4.0).
const std::vector<Errors> people{
    {{2, 6, 1, 1, 2, 2, 0, 0, 4, 1, 3, 1, 2, 6, 2, 3}, std::vector<int>(16, 10), 0},
    {{0, 3, 2, 5, 2, 3, 0, 3, 0, 0, 3, 4, 1, 6, 0, 1},
     {10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 8, 10, 10, 10, 10, 10},
     2},
    {{2, 8, 0, 3, 3, 5, 0, 6, 4, 3, 4, 2, 2, 4, 4, 1},
     {9, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10},
     1},
    {{0, 3, 2, 2, 1, 3, 0, 3, 1, 3, 1, 3, 1, 9, 3, 1},
     {10, 10, 10, 9, 9, 10, 9, 10, 9, 9, 9, 10, 9, 10, 10, 10},
     7},
    {{0, 3, 0, 0, 2, 0, 0, 2, 3, 3, 1, 6, 1, 3, 6, 1},
     {10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 9, 10, 10, 10, 9},
     2}};
const Errors resnet{
    {29, 37, 35, 33, 15, 43, 37, 28, 42, 25, 19, 36, 25, 65, 63, 6}, std::vector<int>(16, 70), 0};

/// A table with trials of two people and a model about six images, under a condition that is written twice.
const TrialLines table{{"subject", "image", "extra", "condition", "category", "response"},
                       {"ann", "1_ann_x1.png", "a", "0.10", "cat", "cat"},
                       {"ann", "2_ann_x2.png", "a", "0.10", "dog", "na"},
                       {"ann", "3_ann_x3.png", "a", "0.10", "bear", "dog"},
                       {"ann", "4_ann_x4.png", "a", "0.1", "cat", "cat"},
                       {"bob", "1_bob_x1.png", "a", "0.10", "cat", "cat"},
                       {"bob", "2_bob_x2.png", "a", "0.10", "dog", "dog"},
                       {"bob", "3_bob_x3.png", "a", "0.10", "bear", "bear"},
                       {"bob", "9_bob_x9.png", "b", "0.10", "bear", "fish"},
                       {"net", "1_net_x1.png", "a", "0.1", "cat", "bear"},
                       {"net", "3_net_x3.png", "a", "0.1", "bear", "cat"},
                       {"net", "4_net_x4.png", "a", "0.1", "cat", ""}};
const TrialForm form{.where = {{"extra", "a"}}, .image_fields = 1};

}  // namespace

TEST_CASE("trials: accuracies and error patterns that were published", "[evaluation]") {
  Confusion together(16);
  double between_people = 0, to_resnet = 0;
  for (std::size_t i = 0; i < people.size(); ++i) {
    together.add(confusion_of(people[i]));
    to_resnet += error_pattern_distance(confusion_of(people[i]), confusion_of(resnet)) / 5;
    for (std::size_t j = 0; j < i; ++j)
      between_people += error_pattern_distance(confusion_of(people[i]), confusion_of(people[j])) / 10;
  }
  CHECK(together.trials() == 800);
  CHECK(together.unanswered() == 12);
  CHECK(together.accuracy() == 0.75125);
  CHECK(std::abs(between_people - 0.0607) < 1e-4);
  CHECK(std::abs(to_resnet - 0.0403) < 1e-4);
  CHECK(together.accuracy_interval() == clopper_pearson(601, 800));
}

TEST_CASE("trials: kappas that were published, and what kappa is", "[evaluation]") {
  // VGG-16 and AlexNet, two people, and a person and GoogLeNet, about 1,280 images with two cues.
  const auto of = [](Index both, Index first, Index second) {
    return ErrorConsistency{{1280, both, first, second}};
  };
  CHECK(std::abs(of(151, 42, 198).kappa() - 0.450492) < 1e-6);
  CHECK(std::abs(of(768, 119, 209).kappa() - 0.356786) < 1e-6);
  CHECK(of(245, 642, 52).observed() == Approx(586. / 1280));
  CHECK(of(245, 642, 52).expected() == Approx((887. * 297 + 393. * 983) / 1280 / 1280));

  const Labels truth{{0, 1, 2, 0, 1, 2, 0, 1}}, first{{0, 1, 2, 0, 0, 0, 1, -1}};
  CHECK(error_consistency(first, first, truth).kappa() == 1);
  CHECK(error_consistency(truth, truth, truth).kappa() == 1);  // nothing to divide by
  const Labels contrary{{1, 0, 0, 1, 1, 2, 0, 1}};
  CHECK(error_consistency(first, contrary, truth).kappa() == Approx(-1));
  const Labels half{{0, 1, 0, 1, 1, 2, 1, 0}};
  CHECK(error_consistency(first, half, truth).kappa() == Approx(0).margin(1e-15));
  CHECK(std::isnan(ErrorConsistency{}.kappa()));
}

TEST_CASE("trials: the interval of a kappa covers as it says, and is the seed's", "[evaluation]") {
  // Kappa of independent answers has a standard deviation of 1 / sqrt(images), whatever the accuracies.
  Correctness right(4, 400);
  RandomDraw random(random_key(7, "trials test"), 0, Purpose::noise, 0);
  for (Index i = 0; i < right.cols(); ++i)
    for (Index k = 0; k < 4; ++k) right(k, i) = random.uniform() < 0.5;
  right.row(3).setConstant(-1);
  const MeanConsistency found = mean_error_consistency(right, {{0, 1}});
  CHECK(found.kappa ==
        error_consistency(right.row(0).cast<int>().eval(), right.row(1).cast<int>().eval(), Labels::Ones(400))
            .kappa());
  CHECK(std::abs(found.kappa) < 0.2);
  CHECK(std::abs(found.interval.high - found.interval.low - 2 * 1.96 / 20) < 0.03);
  CHECK(found.interval.low < found.kappa);
  CHECK(found.kappa < found.interval.high);
  CHECK(found.images == 400);
  CHECK(found.rare == std::min({right.row(0).cast<int>().sum(), 400 - right.row(0).cast<int>().sum(),
                                right.row(1).cast<int>().sum(), 400 - right.row(1).cast<int>().sum()}));
  CHECK(mean_error_consistency(right, {{0, 1}}).interval == found.interval);
  CHECK_FALSE(mean_error_consistency(right, {{0, 1}}, {.seed = 1}).interval == found.interval);
  const Interval narrower = mean_error_consistency(right, {{0, 1}}, {.confidence = 0.5}).interval;
  CHECK(std::abs(narrower.high - narrower.low - 2 * 0.6745 / 20) < 0.02);

  const MeanConsistency three = mean_error_consistency(right, {{0, 1}, {0, 2}, {1, 2}, {0, 3}});
  CHECK(three.pairs == 3);  // one saw nothing
  CHECK(three.interval.high - three.interval.low < 0.75 * (found.interval.high - found.interval.low));
  CHECK(std::isnan(mean_error_consistency(right, {{0, 3}}).kappa));
  const Correctness some = right.leftCols(29);
  CHECK(mean_error_consistency(some, {{0, 1}}).pairs == 0);
  CHECK(mean_error_consistency(some, {{0, 1}}, {.least_images = 29}).pairs == 1);
  CHECK_THROWS_WITH(mean_error_consistency(right, {{0, 4}}), ContainsSubstring("below 4, got 0 and 4"));
  CHECK_THROWS_WITH(mean_error_consistency(right, {}, {.draws = 0}), ContainsSubstring("got 0, 30 and 0.95"));
}

TEST_CASE("trials: responses by category, and how evenly they are given", "[evaluation]") {
  Confusion found(4);
  for (const int response : {0, 1, 2, 3}) found.add(2, response);
  CHECK(found.response_entropy() == Approx(2));
  found.add(1, -1);
  CHECK(found.response_entropy() == Approx(2));  // none is none
  CHECK(found.count(1, -1) == 1);
  CHECK(found.count(2, 3) == 1);
  CHECK(found.trials(2) == 4);
  CHECK(found.accuracy() == 0.2);
  const std::vector<double> rates = found.error_rates();
  CHECK(rates[2] == 0.75);
  CHECK(std::isnan(rates[1]));
  Confusion same(4);
  for (int i = 0; i < 7; ++i) same.add(i % 4, 3);
  CHECK(same.response_entropy() == 0);
  CHECK(error_pattern_distance(found, found) == 0);
  CHECK(error_pattern_distance(found, same) == 0);  // all of either's errors that both answered are of one
  Confusion faultless(4), first(4), second(4);
  faultless.add(0, 0);
  CHECK(std::isnan(error_pattern_distance(faultless, same)));
  for (const int category : {0, 1}) {
    first.add(category, category == 0 ? 3 : 1);
    second.add(category, category == 0 ? 0 : 3);
  }
  CHECK(error_pattern_distance(first, second) == 2);
}

TEST_CASE("trials: a table as it is published, people and others side by side", "[evaluation]") {
  CHECK(trial_categories(table, form, "t.csv") == few);
  Trials trials(few);
  trials.add(table, form, "t.csv");
  CHECK(trials.all().size() == 10);
  CHECK(trials.observers() == std::vector<std::string>{"ann", "bob", "net"});
  CHECK(trials.conditions() == std::vector<std::string>{"0.10"});
  CHECK(trials.images() == std::vector<std::string>{"x1.png", "x2.png", "x3.png", "x4.png"});

  const auto found = beside_people(trials, {0, 1}, {.least_images = 2});
  REQUIRE(found.size() == 2);
  CHECK(found[0].observer == -1);
  CHECK(found[0].observers == 2);
  CHECK(found[0].accuracy == Approx(0.75));  // of 1/2 and 1, though ann saw more images
  CHECK(found[0].accuracies == Interval{0.5, 1});
  CHECK(found[0].confusion.trials() == 7);
  CHECK(found[0].entropy == Approx((0.9182958 + 1.5849625) / 2));
  CHECK(found[0].consistency.images == 3);
  CHECK(found[0].consistency.kappa == Approx(0));  // bob is always right
  CHECK(found[1].observer == 2);
  CHECK(found[1].accuracy == 0);
  CHECK(found[1].confusion.unanswered() == 1);
  CHECK(found[1].accuracies.high == Approx(clopper_pearson(0, 3).high));
  CHECK(found[1].consistency.pairs == 2);
  CHECK(found[1].consistency.images == 2);
  // Errors: ann's are all of bears, the network's half of them cats.
  CHECK(found[1].pattern == Approx(0.5));

  // Who answered nothing is wrong, and has neither entropy nor pattern.
  for (const char* const image : {"x1.png", "x2.png"})
    trials.add("eve", "0.1", image, image[1] == '1' ? "cat" : "dog", "na");
  const ObserverFigures with_silent = beside_people(trials, {0, 1, 3}, {.least_images = 2})[0];
  CHECK(with_silent.entropy == found[0].entropy);
  CHECK(with_silent.accuracy == Approx(0.5));
  CHECK(beside_people(trials, {3})[0].accuracy == 0);
  CHECK(std::isnan(beside_people(trials, {3})[0].entropy));

  const auto pairs = observer_pairs(trials, {.least_images = 1});
  REQUIRE(pairs.size() == 6);
  CHECK(pairs[1].second == 2);
  CHECK(pairs[1].consistency.images == 3);

  // The people of another file are not counted twice, and are the same only if they answer the same.
  Trials others(few);
  for (const char* const person : {"ann", "bob"}) {
    TrialForm one = form;
    one.where.emplace_back("subject", person);
    others.add(table, one, "t.csv");
  }
  REQUIRE(others.all().size() == 7);
  const RepeatedTrials repeated = others.add_others(table, form, "t.csv");
  CHECK(repeated.lines == 7);
  CHECK(repeated.observers == std::vector<std::string>{"ann", "bob"});
  CHECK(others.all().size() == 10);

  Trials ordered(few);
  for (const char* const condition : {"c100", "c05", "c30", "Inf-3"})
    ordered.add("a", condition, "i", "cat", "");
  CHECK(ordered.ordered_conditions() == std::vector<int>{3, 1, 2, 0});
  Trials numbers(few);
  for (const char* const condition : {"Inf", "3", "0.45", "10", "inf"})
    numbers.add("a", condition, condition, "cat", "cat");
  CHECK(numbers.conditions().size() == 4);
  Trials zeros(few);
  for (const char* const condition : {"0", "-0", "-0.0"}) zeros.add("a", condition, condition, "cat", "cat");
  CHECK(zeros.conditions() == std::vector<std::string>{"0"});
  CHECK(numbers.ordered_conditions() == std::vector<int>{2, 1, 3, 0});
}

TEST_CASE("trials: what is wrong with a table is told, with its place", "[evaluation]") {
  Trials trials(few);
  CHECK_THROWS_WITH(trials.add(table, {}, "t.csv"),
                    ContainsSubstring("t.csv, line 9: expected a response that is one of the 3 categories "
                                      "('bear' to 'dog'; --categories names others) or "
                                      "'na', found 'fish'"));
  CHECK_THROWS_WITH(trials.add(table, {.observer = "who"}, "t.csv"),
                    ContainsSubstring("no column 'who', only '") &&
                        ContainsSubstring(": say which it is by --columns subject=NAME"));
  CHECK_THROWS_WITH(trials.add({}, form, "t.csv"), ContainsSubstring("found nothing"));
  CHECK_THROWS_WITH(trials.add("a", "", "i", "fish", "cat"), ContainsSubstring("found 'fish'"));
  CHECK_THROWS_WITH(Trials({"cat", "na"}), ContainsSubstring("got 'na'"));
  CHECK_THROWS_WITH(Trials({"cat", "cat"}), ContainsSubstring("got 'cat'"));
  CHECK_THROWS_WITH(Trials({"cat"}), ContainsSubstring("at least two"));
  CHECK_THROWS_WITH(trials.add("", "", "i", "cat", "cat"), ContainsSubstring("found '' and 'i'"));

  // All cells but responses say something, and one column says what.
  for (std::size_t k = 0; k < 5; ++k) {
    if (k == 2) continue;
    TrialLines empty = table;
    empty[4][k].clear();
    const auto refused =
        ContainsSubstring("t.csv, line 5: expected something in the column '" + table[0][k] + "'");
    CHECK_THROWS_WITH(Trials(few).add(empty, form, "t.csv"), refused);
    CHECK_THROWS_WITH(trial_categories(empty, form, "t.csv"), refused);
  }
  TrialLines short_name = table;
  short_name[4][1] = "4_ann_";
  CHECK_THROWS_WITH(Trials(few).add(short_name, form, "t.csv"), ContainsSubstring("t.csv, line 5: expected"));
  for (const std::string name : {"response", "condition", "extra"}) {
    TrialLines doubled = table;
    for (std::size_t i = 0; i < doubled.size(); ++i) doubled[i].push_back(i == 0 ? name : "cat");
    CHECK_THROWS_WITH(Trials(few).add(doubled, form, "t.csv"),
                      ContainsSubstring("t.csv: the column '" + name + "' is there twice"));
  }
  CHECK_THROWS_WITH(Trials(few).add(table, {.response = "category"}, "t.csv"),
                    ContainsSubstring("responses in a column of their own, got 'category'"));

  TrialLines twice = table;
  twice.push_back(twice[1]);
  twice.back()[3] = "0.1";
  CHECK_THROWS_WITH(
      Trials(few).add(twice, form, "t.csv"),
      ContainsSubstring("t.csv, line 13: 'ann' answered twice about the image 'x1.png' under the "
                        "condition '0.1': tell images apart"));
  Trials nobody(few);
  nobody.add("ann", "0.10", "i", "cat", "dog");
  CHECK_THROWS_WITH(beside_people(nobody, {}), ContainsSubstring("found none"));

  // Who was there before says the same again, or is another.
  const auto again = [](std::size_t column, const std::string& cell) {
    TrialLines changed = table;
    changed[1][column] = cell;
    Trials of_table(few);
    of_table.add(table, form, "t.csv");
    of_table.add_others(changed, form, "u.csv");
  };
  CHECK_NOTHROW(again(3, "0.100"));
  CHECK_THROWS_WITH(again(5, "na"), ContainsSubstring("u.csv, line 2: 'ann' was there before, and answered "
                                                      "'cat' rather than 'na' about the image 'x1.png'"));
  CHECK_THROWS_WITH(again(5, "fish"), ContainsSubstring("rather than 'fish'"));
  CHECK_THROWS_WITH(again(3, "0.2"), ContainsSubstring("did not answer about the image 'x1.png' under the "
                                                       "condition '0.2': if it is another, rename it there"));

  // One image shows one category, under one condition.
  TrialLines contrary = table;
  contrary[9][4] = "dog";
  Trials of_one(few);
  CHECK_THROWS_WITH(
      of_one.add(contrary, form, "t.csv"),
      ContainsSubstring("t.csv, line 10: expected 'cat', which was right for the image 'x1.png' under the "
                        "condition '0.1' before, found 'dog'"));
  contrary[9][3] = "0.2";
  Trials(few).add(contrary, form, "t.csv");
}

TEST_CASE("trials: what is not there is told with what is", "[evaluation]") {
  const auto told = [](std::vector<std::pair<std::string, std::string>> where) {
    return not_there(table, TrialForm{.where = std::move(where)});
  };
  CHECK(told({{"extra", "a"}, {"condition", "0.100"}}).empty());  // a number is one however it is written
  CHECK(told({{"extra", "a"}, {"subject", "Ann"}}) ==
        "there is no 'Ann' in the column 'subject', only 'ann', 'bob', 'net'");
  CHECK(told({{"condition", "1"}}) == "there is no '1' in the column 'condition', only '0.10', '0.1'");
  CHECK(told({{"nowhere", "a"}}).empty());  // of which others tell
  CHECK(told({{"subject", "ann"}, {"subject", "net"}}) ==
        "each is in some line, but no line has all of them");
  CHECK(told({{"subject", "ann"}, {"condition", "0.1"}}).empty());
  CHECK(not_there({}, form).empty());
  CHECK(not_there({table[0]}, form) == "there is nothing below the line that names the columns");
}

TEST_CASE("trials: those of several experiments are not taken together", "[evaluation]") {
  TrialLines several = table;
  for (std::size_t i = 0; i < several.size(); ++i)
    several[i].push_back(i == 0 ? "experiment" : i < 5 ? "noise" : i < 8 ? "contrast" : "noise");
  const auto refused = ContainsSubstring(
      "t.csv: expected trials of one experiment, found 2 in the column 'experiment', 'noise', 'contrast': "
      "choose one by --where experiment=NAME");
  CHECK_THROWS_WITH(trial_categories(several, form, "t.csv"), refused);
  CHECK_THROWS_WITH(Trials(few).add(several, form, "t.csv"), refused);
  TrialForm one = form;
  one.where.emplace_back("experiment", "noise");
  Trials trials(few);
  trials.add(several, one, "t.csv");
  CHECK(trials.all().size() == 7);
  CHECK(trials.experiments() == std::vector<std::string>{"noise"});
  one.where.back().second = "contrast";  // all of bob's, which are then passed over
  Trials bobs(few);
  bobs.add(several, one, "t.csv");
  CHECK(bobs.add_others(several, form, "t.csv").lines == 3);
  CHECK(bobs.experiments() == std::vector<std::string>{"contrast", "noise"});
  one = form;
  one.experiment = "none";  // they are one
  Trials(few).add(several, one, "t.csv");
}
