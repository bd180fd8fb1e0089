// SPDX-License-Identifier: MIT
#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

#include "foil/evaluation/corruptions/sweep.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

using namespace foil;
using Image = Tensor<float, 4>;

namespace {

/// Grey images of 6 x 6 pixels, each of one level: 0.1, 0.2, ...
Image levels(Index count) {
  Image out(count, 1, 6, 6);
  for (Index n = 0; n < count; ++n)
    for (Index k = 0; k < 36; ++k) out(n, 0, k / 6, k % 6) = static_cast<float>(n + 1) / 10;
  return out;
}

/// Class 1 where the mean of an image is above 0.5.
Labels bright(const Image& x) {
  Labels labels(samples(x));
  for (Index n = 0; n < labels.size(); ++n) labels[n] = sample(x, n).mean() > 0.5f;
  return labels;
}
const auto brightness_model = make_model<Image>(Bounds<float>(0, 1), bright);

const std::vector<std::int64_t> eight{0, 1, 2, 3, 4, 5, 6, 7};

}  // namespace

TEST_CASE("corruption sweep: counts are those of brightness by its own constants", "[corruptions]") {
  // Of the levels 0.1 to 0.8 three are above 0.5; under 0.1, 0.3 and 0.5 more of brightness those are that
  // were above 0.4, 0.2 and 0, and so wrongly called bright 1, 3 and 5.
  const Image images = levels(8);
  const MemorySource source(images);
  const Labels labels = bright(images);
  REQUIRE(labels.sum() == 3);
  const auto sweep = corruption_sweep(
      brightness_model, source, eight, labels,
      {.corruptions = {Corruption::contrast, Corruption::brightness}, .severities = {1, 3, 5}});
  CHECK(sweep.samples == 8);
  CHECK(sweep.clean == 8);
  REQUIRE(sweep.rows.size() == 2);
  CHECK(sweep.rows[0].right == std::vector<Index>{8, 8, 8});  // one level has no contrast to lose
  CHECK(sweep.rows[1].corruption == Corruption::brightness);
  CHECK(sweep.rows[1].right == std::vector<Index>{7, 5, 3});
}

TEST_CASE("corruption sweep: told to stop, it asks about nothing more", "[corruptions]") {
  const Image images = levels(8);
  const MemorySource source(images);
  int asked = 0, told = 0;
  const auto counting = make_model<Image>(Bounds<float>(0, 1), [&](const Image& x) {
    ++asked;
    return bright(x);
  });
  const auto sweep = corruption_sweep(
      counting, source, eight, bright(images),
      {.corruptions = {Corruption::contrast, Corruption::brightness},
       .severities = {1, 2, 3, 4, 5},
       .batch_size = 3,
       .observer = [&](const Progress&) { return ++told < 4 ? Control::proceed : Control::stop; }});
  CHECK(sweep.stopped);
  CHECK(told == 4);
  CHECK(asked == 4);

  Image damaged = images;  // told so before the first question: of rows that are not shown
  damaged(0, 0, 0, 0) = std::numeric_limits<float>::quiet_NaN();
  const MemorySource other(damaged);
  asked = 0;
  CHECK(corruption_sweep(counting, other, eight, bright(images),
                         {.corruptions = {Corruption::contrast},
                          .severities = {1},
                          .batch_size = 3,
                          .observer = [](const Progress&) { return Control::stop; }})
            .stopped);
  CHECK(asked == 0);
}

TEST_CASE("corruption sweep: neither batches nor threads nor other rows change a count", "[corruptions]") {
  test::Random random(7);
  const Image images = test::random_batch<Image>(random, Image::Dimensions(23, 1, 6, 6));
  const MemorySource source(images);
  std::vector<std::int64_t> all(23);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::int64_t>(i);
  const Labels labels = bright(images);
  std::atomic<Index> shown{0};
  const auto counting = make_model<Image>(Bounds<float>(0, 1), [&](const Image& x) {
    shown += samples(x);
    return bright(x);
  });
  SweepOptions options{.corruptions = {Corruption::gaussian_noise, Corruption::impulse_noise},
                       .severities = {5, 2}};
  const auto reference = corruption_sweep(counting, source, all, labels, options);
  CHECK(shown == 23 * 5);
  CHECK(reference.rows[0].right != reference.rows[1].right);
  std::int64_t told = 0;
  options.observer = [&](const Progress& p) { told = p.finished; };
  for (const int threads : {1, 3})
    for (const Index batch : {1, 4, 100}) {
      options.threads = threads;
      options.batch_size = batch;
      const auto again = corruption_sweep(counting, source, all, labels, options);
      CHECK(again.clean == reference.clean);
      for (std::size_t r = 0; r < 2; ++r) CHECK(again.rows[r].right == reference.rows[r].right);
      CHECK(told == 23 * 5);
    }
  // Two halves make the whole.
  const std::span<const std::int64_t> rows(all);
  const auto front = corruption_sweep(counting, source, rows.first(10), labels.head(10), options);
  const auto back = corruption_sweep(counting, source, rows.subspan(10), labels.tail(13), options);
  for (std::size_t r = 0; r < 2; ++r)
    for (std::size_t s = 0; s < 2; ++s)
      CHECK(front.rows[r].right[s] + back.rows[r].right[s] == reference.rows[r].right[s]);
}

TEST_CASE("corruption sweep: what cannot be shown is wrong, and what makes no sense is refused",
          "[corruptions]") {
  Image images = levels(8);
  images(2, 0, 0, 0) = std::numeric_limits<float>::quiet_NaN();
  const MemorySource source(images);
  const Labels labels = bright(levels(8));
  SweepOptions options{.corruptions = {Corruption::contrast}, .severities = {1}, .batch_size = 3};
  const auto sweep = corruption_sweep(brightness_model, source, eight, labels, options);
  CHECK(sweep.invalid == 1);
  CHECK(sweep.clean == 7);
  CHECK(sweep.rows[0].right == std::vector<Index>{7});
  // Above a mean of 0.65 it has no answer: of clean ones 0.7 and 0.8, under brightness 0.3 those from 0.4 on.
  const auto silent = make_model<Image>(Bounds<float>(0, 1), [](const Image& x) {
    Logits<float> out = Logits<float>::Zero(samples(x), 2);
    for (Index i = 0; i < samples(x); ++i)
      out(i, 1) = sample(x, i).mean() > 0.65f ? std::numeric_limits<float>::quiet_NaN() : 1.0f;
    return out;
  });
  for (const int threads : {1, 2}) {
    const auto unanswered = corruption_sweep(silent, source, eight, Labels::Ones(8),
                                             {.corruptions = {Corruption::contrast, Corruption::brightness},
                                              .severities = {1, 3},
                                              .batch_size = 3,
                                              .threads = threads});
    CHECK(unanswered.clean_unanswered == 2);
    CHECK(unanswered.rows[0].unanswered == std::vector<Index>{2, 2});
    CHECK(unanswered.rows[1].unanswered == std::vector<Index>{3, 5});
    CHECK(unanswered.unanswered == 14);
    CHECK(unanswered.unanswered_samples == 5);
    CHECK(unanswered.rows[1].right == std::vector<Index>{4, 2});
  }
  options.observer = [](const Progress&) { return Control::stop; };
  CHECK(corruption_sweep(brightness_model, source, eight, labels, options).stopped);
  const auto refused = [&](const SweepOptions& wrong) {
    CHECK_THROWS_AS(corruption_sweep(brightness_model, source, eight, labels, wrong), Error);
  };
  refused({});
  refused({.corruptions = {Corruption::contrast, Corruption::contrast}});
  refused({.corruptions = {Corruption::contrast}, .severities = {6}, .threads = 3});
  refused({.corruptions = {Corruption::frost}});
}
