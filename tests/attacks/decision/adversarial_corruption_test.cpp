// SPDX-License-Identifier: MIT
#include "foil/attacks/decision/adversarial_corruption/adversarial_corruption.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

using namespace foil;
using Image = Tensor<double, 4>;

namespace {

constexpr double precise = 1e-6;

/// Two channels of 8 x 8 pixels between 0.35 and 0.65: brightness and contrast clip nothing.
Image noise() {
  test::Random random(3);
  return test::random_batch<Image>(random, Image::Dimensions(1, 2, 8, 8), 0.35, 0.65);
}

Eigen::VectorXd flat(const Image& x) {
  return sample(x, 0);
}

/// Class 1 where that is so of the image.
auto where(const std::function<bool(const Eigen::VectorXd&)>& holds) {
  return make_model<Image>(Bounds<double>(0, 1), [holds](const Image& x) {
    Labels labels(samples(x));
    for (Index n = 0; n < labels.size(); ++n) labels[n] = holds(Eigen::VectorXd(sample(x, n)));
    return labels;
  });
}

/// The standard deviation of the first channel.
double spread(const Eigen::VectorXd& x) {
  const auto channel = x.head(64).array();
  return std::sqrt((channel - channel.mean()).square().mean());
}

Result<Image> run(const AdversarialCorruptionOptions& options,
                  const std::function<bool(const Eigen::VectorXd&)>& holds, const Image& inputs) {
  const auto result =
      AdversarialCorruptionAttack(options)(where(holds), inputs, Labels(Labels::Zero(1)), {.seed = 1});
  if (result.success[0]) {  // the severity is what the parameters say
    const auto& parameters = result.parameters[0];
    const AdversarialCorruptionOptions& o = options;
    double largest = 0;
    const auto words = o.chosen();
    REQUIRE(parameters.size() == 1 + words.size());
    for (std::size_t k = 0; k < words.size(); ++k) {
      const double range = words[k] == "rotation"   ? o.rotation
                           : words[k] == "fog"      ? o.fog
                           : words[k] == "blur"     ? o.blur
                           : words[k] == "contrast" ? o.contrast
                                                    : o.brightness;
      largest = std::max(largest, std::abs(parameters[k + 1]) / range);
    }
    CHECK(parameters[0] == Catch::Approx(largest).epsilon(1e-12));
    CHECK(parameters[0] <= 1);
  }
  return result;
}

}  // namespace

TEST_CASE("adversarial corruption: the least brightness and the least contrast are found, none beyond",
          "[adversarial-corruption]") {
  const Image inputs = noise();
  const double mean = flat(inputs).mean(), deviation = spread(flat(inputs));
  for (const double change : {0.2, -0.15}) {
    const auto result = run(
        {.corruptions = "brightness", .brightness = 0.3, .bisections = 30},
        [&](const auto& x) { return (x.mean() - mean) / change >= 1; }, inputs);
    REQUIRE(result.success[0]);
    CHECK(result.parameters[0][0] == Catch::Approx(std::abs(change) / 0.3).margin(precise));
    CHECK(result.parameters[0][1] == Catch::Approx(change).margin(precise));
    CHECK((flat(result.adversarials) - flat(inputs)).isApproxToConstant(change, precise));
  }
  for (const double factor : {0.6, 1.3}) {
    const auto result = run(
        {.corruptions = "contrast", .contrast = 0.5, .bisections = 30},
        [&](const auto& x) {
          return factor < 1 ? spread(x) <= factor * deviation : spread(x) >= factor * deviation;
        },
        inputs);
    REQUIRE(result.success[0]);
    CHECK(result.parameters[0][1] == Catch::Approx(1 - factor).margin(precise));
    CHECK(spread(flat(result.adversarials)) == Catch::Approx(factor * deviation).margin(precise));
    CHECK(flat(result.adversarials).mean() == Catch::Approx(mean).margin(precise));
  }
  // Darker is asked about first, and lighter is a little less severe.
  const auto either = run(
      {.corruptions = "brightness", .brightness = 0.3, .bisections = 30},
      [&](const auto& x) { return x.mean() <= mean - 0.2 || x.mean() >= mean + 0.198; }, inputs);
  REQUIRE(either.success[0]);
  CHECK(either.parameters[0][1] == Catch::Approx(0.198).margin(precise));
  const auto beyond = run(
      {.corruptions = "brightness", .brightness = 0.2},
      [&](const auto& x) { return x.mean() > mean + 0.2001; }, inputs);
  CHECK(beyond.status[0] == Status::not_found);
  CHECK(beyond.parameters[0].empty());
}

TEST_CASE("adversarial corruption: of two at once the corner of least severity is found, and what it is",
          "[adversarial-corruption]") {
  // Brightness b and contrast p (less) are worth b + p / 4 together: adversarial at 0.12, so that the least
  // severity s has s (0.3 + 0.5 / 4) = 0.12.
  const Image inputs = noise();
  const double mean = flat(inputs).mean(), deviation = spread(flat(inputs));
  const auto holds = [&](const Eigen::VectorXd& x) {
    return x.mean() - mean + (1 - spread(x) / deviation) / 4 >= 0.12;
  };
  const auto result = run({.corruptions = "brightness+contrast", .bisections = 30}, holds, inputs);
  REQUIRE(result.success[0]);
  CHECK(result.parameters[0][0] == Catch::Approx(0.12 / 0.425).margin(2e-3));
  CHECK(AdversarialCorruptionAttack({.corruptions = "brightness+contrast"}).parameters() ==
        std::vector<std::string>{"severity", "contrast", "brightness"});
  // What the parameters say makes the image again.
  const double p = result.parameters[0][1], b = result.parameters[0][2];
  Eigen::VectorXd again = flat(inputs);
  for (const Index first : {0, 64}) {
    const double middle = again.segment(first, 64).mean();
    again.segment(first, 64).array() = again.segment(first, 64).array() * (1 - p) + middle * p + b;
  }
  CHECK(flat(result.adversarials).isApprox(again, 1e-12));
  CHECK(result.distances[0] == Catch::Approx((again - flat(inputs)).norm()));
}

TEST_CASE("adversarial corruption: draws go where the grid does not, and gather around the best",
          "[adversarial-corruption]") {
  // In shares of their ranges brightness b and contrast p: b - 2 |p - b / 2| has to be 0.4, which the grid's
  // directions never reach, and p = b / 2 does at b = 0.4, others later.
  const Image inputs = noise();
  const double mean = flat(inputs).mean(), deviation = spread(flat(inputs));
  const auto holds = [&](const Eigen::VectorXd& x) {
    const double b = (x.mean() - mean) / 0.3, p = (1 - spread(x) / deviation) / 0.5;
    return b - 2 * std::abs(p - b / 2) >= 0.4;
  };
  CHECK_FALSE(run({.corruptions = "brightness+contrast", .draws = 0}, holds, inputs).success[0]);
  const auto result = run({.corruptions = "brightness+contrast", .bisections = 20}, holds, inputs);
  REQUIRE(result.success[0]);
  CHECK(result.parameters[0][0] >= 0.4 - precise);
  CHECK(result.parameters[0][0] <= 0.41);
}

TEST_CASE("adversarial corruption: fog keeps the brightest value and hides the rest as much as is said",
          "[adversarial-corruption]") {
  // A grey image of 0.5 under fog c is 0.5 where the plasma is 1, and 0.25 / (0.5 + c) where it is 0.
  Image grey(1, 2, 8, 8);
  grey.setConstant(0.5);
  const auto result = run(
      {.corruptions = "fog", .fog = 2, .bisections = 30}, [](const auto& x) { return x.minCoeff() <= 0.2; },
      grey);
  REQUIRE(result.success[0]);
  CHECK(result.parameters[0][1] == Catch::Approx(0.75).margin(precise));
  const Eigen::VectorXd found = flat(result.adversarials);
  CHECK(found.maxCoeff() == Catch::Approx(0.5).epsilon(1e-12));
  CHECK(found.head(64) == found.tail(64));
}

TEST_CASE("adversarial corruption: rotations and blurs are those of their own attacks",
          "[adversarial-corruption]") {
  const Image inputs = noise();
  const double deviation = spread(flat(inputs));
  const auto turned = run(
      {.corruptions = "rotation", .rotation = 45}, [&](const auto& x) { return x[0] == 0 && x[63] == 0; },
      inputs);
  REQUIRE(turned.success[0]);
  const geometry::ImageLayout layout{2, 8, 8};
  const Eigen::VectorXd black = Eigen::VectorXd::Zero(128);
  CHECK(flat(turned.adversarials) ==
        geometry::moved(layout, {turned.parameters[0][1], 0, 0}, flat(inputs), &black));
  const auto blurred = run(
      {.corruptions = "blur", .blur = 0.25, .bisections = 30},
      [&](const auto& x) { return spread(x) <= deviation / 2; }, inputs);
  REQUIRE(blurred.success[0]);
  Eigen::VectorXd again = flat(inputs);
  geometry::gaussian_blur(layout, 8 * blurred.parameters[0][1], again);
  CHECK(flat(blurred.adversarials).isApprox(again, 1e-12));
  CHECK(spread(again) == Catch::Approx(deviation / 2).margin(precise));
}

TEST_CASE("adversarial corruption: channels are found where they are, unless it is said",
          "[adversarial-corruption]") {
  test::Random random(5);
  const Image inputs = test::random_batch<Image>(random, Image::Dimensions(1, 6, 8, 3), 0.35, 0.65);
  const auto found = [&](geometry::ChannelsLast channels_last) -> Eigen::VectorXd {
    const auto result = run(
        {.corruptions = "rotation", .channels_last = channels_last},
        [&](const auto& x) { return x != flat(inputs); }, inputs);
    REQUIRE(result.success[0]);
    return flat(result.adversarials);
  };
  CHECK(found({}) == found(true));
  CHECK(found({}) != found(false));
}

TEST_CASE("adversarial corruption: costs what is said", "[adversarial-corruption]") {
  const Image inputs = noise();
  const auto never = [](const auto&) { return false; };
  CHECK(run({.blur = 0.25, .steps = 3, .draws = 7}, never, inputs).queries[0] == 1 + 3 * (107 + 7));
  CHECK(run({.corruptions = "fog+rotation", .draws = 0}, never, inputs).queries[0] == 1 + 2 * 5);
  CHECK(run({.corruptions = "brightness"}, never, inputs).queries[0] == 1 + 2 * 2);
  const double mean = flat(inputs).mean();
  const auto brighter = [&](const auto& x) { return x.mean() > mean + 0.1; };  // the second of two directions
  CHECK(run({.corruptions = "brightness", .steps = 1, .bisections = 4}, brighter, inputs).queries[0] ==
        1 + 1 + 1 + 4);
}
