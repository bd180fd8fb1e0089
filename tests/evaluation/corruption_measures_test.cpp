// SPDX-License-Identifier: MIT
#include "foil/evaluation/corruption_measures.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"

namespace {
using namespace foil;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;

/// Average precision of Faster R-CNN with ResNet-50 on COCO, to six digits, as Michaelis et al. 2019
/// published it with their code (MIT).
const CorruptionTable coco = [] {
  CorruptionTable out(0.363266);
  const std::pair<const char*, std::vector<double>> published[] = {
      {"gaussian_noise", {0.290029, 0.241675, 0.174316, 0.104003, 0.043002}},
      {"shot_noise", {0.288094, 0.237625, 0.176824, 0.095796, 0.052571}},
      {"impulse_noise", {0.200042, 0.179331, 0.160814, 0.103216, 0.050400}},
      {"defocus_blur", {0.273853, 0.230128, 0.164288, 0.118263, 0.085287}},
      {"glass_blur", {0.223228, 0.163595, 0.067867, 0.054975, 0.038047}},
      {"motion_blur", {0.286988, 0.217729, 0.143291, 0.084543, 0.058073}},
      {"zoom_blur", {0.128176, 0.087074, 0.069446, 0.051132, 0.043585}},
      {"snow", {0.260822, 0.175705, 0.178703, 0.134491, 0.123488}},
      {"frost", {0.291306, 0.235980, 0.199515, 0.194831, 0.172114}},
      {"fog", {0.326925, 0.312789, 0.299699, 0.298893, 0.279886}},
      {"brightness", {0.356427, 0.342315, 0.325626, 0.304205, 0.279758}},
      {"contrast", {0.327762, 0.306039, 0.264770, 0.165705, 0.065094}},
      {"elastic_transform", {0.289903, 0.250614, 0.201923, 0.167920, 0.128168}},
      {"pixelate", {0.268785, 0.228768, 0.097510, 0.049897, 0.027604}},
      {"jpeg_compression", {0.251094, 0.194155, 0.158271, 0.086387, 0.042516}},
      {"speckle_noise", {0.304625, 0.279140, 0.204237, 0.165636, 0.122371}},
      {"gaussian_blur", {0.330673, 0.247850, 0.179660, 0.128939, 0.068236}},
      {"spatter", {0.356720, 0.291031, 0.252677, 0.198607, 0.136867}},
      {"saturate", {0.337600, 0.317400, 0.346274, 0.294527, 0.252838}}};
  for (const auto& [name, by_severity] : published) out.add(name, by_severity);
  return out;
}();

/// Accuracies of a model that errs `times` as often as AlexNet under every corruption, the same at all
/// severities but for a slope that sums to nothing.
CorruptionTable like_alexnet(double times, double clean) {
  CorruptionTable out(clean);
  for (std::size_t k = 0; k < benchmark_corruptions().size(); ++k) {
    const double accuracy = 1 - times * alexnet_on_imagenet_c.errors[k];
    out.add(std::string(name(benchmark_corruptions()[k])),
            {accuracy + 0.02, accuracy + 0.01, accuracy, accuracy - 0.01, accuracy - 0.02});
  }
  return out;
}

}  // namespace

TEST_CASE("corruption measures: the published row of a detector on COCO", "[evaluation]") {
  REQUIRE(coco.has_benchmark());
  CHECK(std::abs(coco.clean() - 0.363) < 0.5e-3);
  CHECK(std::abs(mean_performance_under_corruption(coco) - 0.182) < 0.5e-3);
  CHECK(std::abs(relative_performance_under_corruption(coco) - 0.501) < 0.5e-3);
  std::vector<std::string_view> all;
  for (const CorruptedPerformance& row : coco.rows()) all.push_back(row.corruption);
  CHECK(std::abs(mean_performance_under_corruption(coco, all) - 0.194) < 0.5e-3);  // another number

  const std::vector<CorruptedPerformance> worst = coco.worst_first();
  REQUIRE(worst.size() == 19);
  CHECK(worst.front().corruption == "zoom_blur");
  CHECK(worst[1].corruption == "glass_blur");
  CHECK(worst.back().corruption == "brightness");
  CHECK(std::is_sorted(worst.begin(), worst.end(),
                       [](const auto& a, const auto& b) { return a.mean() < b.mean(); }));
}

TEST_CASE("corruption measures: errors against AlexNet's and against a baseline of one's own",
          "[evaluation]") {
  // ResNet-50's published mCE, 76.7 %, means this share of AlexNet's errors if it is the same everywhere.
  CHECK(mean_corruption_error(like_alexnet(0.767, 0.76)).mean == Approx(0.767));
  CHECK(mean_corruption_error(like_alexnet(1, 0.565)).mean == Approx(1));
  CHECK(relative_mean_corruption_error(like_alexnet(1, 0.565)).mean == Approx(1));
  double sum = 0;
  for (const double error : alexnet_on_imagenet_c.errors) sum += error;
  CHECK(sum == Approx(11.834896).epsilon(1e-12));  // of the published fifteen

  // A model that errs in 0.4 of the images under each corruption and in 0.1 of the clean ones.
  CorruptionTable model(0.9), other(0.8);
  for (std::size_t k = 0; k < benchmark_corruptions().size(); ++k) {
    model.add(std::string(name(benchmark_corruptions()[k])), {0.8, 0.7, 0.6, 0.5, 0.4});
    const double error = k == 0 ? 0.8 : 0.5;
    other.add(std::string(name(benchmark_corruptions()[k])), std::vector<double>(5, 1 - error));
  }
  const CorruptionError ce = mean_corruption_error(model, corruption_baseline(other));
  CHECK(ce.by_corruption[0] == Approx(0.5));
  CHECK(ce.by_corruption[14] == Approx(0.8));
  CHECK(ce.mean == Approx((0.5 + 14 * 0.8) / 15));
  const CorruptionError added = relative_mean_corruption_error(model, corruption_baseline(other));
  CHECK(added.by_corruption[0] == Approx(0.3 / 0.6));
  CHECK(added.by_corruption[14] == Approx(0.3 / 0.3));
  CHECK(mean_corruption_error(model).by_corruption[10] == Approx(0.4 / 0.564592));
  CHECK(relative_mean_corruption_error(model).by_corruption[10] == Approx(0.3 / 0.129592));
}

TEST_CASE("corruption measures: what is not the benchmark has no mPC", "[evaluation]") {
  CorruptionTable part(0.9);
  part.add("fog", {0.8, 0.7, 0.6, 0.5, 0.4});
  CHECK_FALSE(part.has_benchmark());
  CHECK_THROWS_WITH(mean_performance_under_corruption(part), ContainsSubstring("15 corruptions"));
  CHECK_THROWS_WITH(relative_performance_under_corruption(part), ContainsSubstring("15 corruptions"));
  CHECK_THROWS_WITH(mean_corruption_error(part),
                    ContainsSubstring("missing: gaussian_noise, shot_noise, impulse_noise and 11 more"));
  const std::string_view fog[] = {"fog"}, snow[] = {"snow"};
  CHECK(mean_performance_under_corruption(part, fog) == Approx(0.6));
  CHECK_THROWS_WITH(mean_performance_under_corruption(part, snow), ContainsSubstring("'snow' is not in"));

  CorruptionTable one(0.9, {3});
  for (const Corruption corruption : benchmark_corruptions()) one.add(std::string(name(corruption)), {0.5});
  CHECK_FALSE(one.has_benchmark());
  CHECK(one.missing().empty());
  CHECK(one.lack() == "severities 1 to 5, all of them and no other");
  CHECK_THROWS_WITH(one.add("fog", {0.5}), ContainsSubstring("'fog' is there twice"));
  CHECK_THROWS_WITH(one.add("mist", {0.5, 0.5}), ContainsSubstring("1, got 2 under 'mist'"));
  CHECK_THROWS_WITH(one.add("mist", {std::nan("")}), ContainsSubstring("finite"));
  CHECK_THROWS_WITH(CorruptionTable(0.9, {1, 2, 1}), ContainsSubstring("each once, got 1"));
  CHECK_THROWS_WITH(CorruptionTable(0.9, {0}), ContainsSubstring("got 0"));
  CHECK_THROWS_WITH(mean_corruption_error(like_alexnet(76.7, 76)),
                    ContainsSubstring("from 0 to 1, got 76: percent are to be divided by 100"));
  CHECK_THROWS_WITH(
      relative_mean_corruption_error(like_alexnet(1, 0.5), corruption_baseline(like_alexnet(1, 0))),
      ContainsSubstring("above 1"));
}
