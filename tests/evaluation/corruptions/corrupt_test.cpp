// SPDX-License-Identifier: MIT
// Corruptions beside those of others, given the same random numbers, and what holds of them whatever these
// are.
#include "foil/evaluation/corruptions/corrupt.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/corrupted.hpp"

namespace {
using namespace foil;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using Images = Tensor<float, 4>;
constexpr CorruptionProfile profiles[] = {CorruptionProfile::imagenet, CorruptionProfile::tiny_imagenet,
                                          CorruptionProfile::cifar};

/// Stands for JPEG where it does not matter what that does.
void darken(std::span<std::uint8_t> pixels, Index, Index, Index, int quality) {
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(pixel * quality / 100);
}

CorruptionOptions with_everything(CorruptionProfile profile = CorruptionProfile::imagenet) {
  CorruptionOptions options;
  options.profile = profile;
  options.frost = {foil::test::texture_of_ice(40, 50)};
  options.jpeg = darken;
  return options;
}

bool same(const Images& a, const Images& b) {
  return a.dimensions() == b.dimensions() && std::equal(a.data(), a.data() + a.size(), b.data());
}

/// Random pixels of 256 levels.
Images random_images(Index count, Index channels, Index height, Index width) {
  Images out(count, channels, height, width);
  RandomDraw random(5, 0, Purpose::start, 0);
  for (Index i = 0; i < out.size(); ++i) out.data()[i] = static_cast<float>(random.integer(256)) / 255.0f;
  return out;
}

/// How far numbers are from a distribution by Kolmogorov and Smirnov, times the root of their count: beyond
/// 1.95 once in a thousand times.
template <class Distribution>
double distance_to(std::vector<double> numbers, const Distribution& below) {
  std::sort(numbers.begin(), numbers.end());
  const auto count = static_cast<double>(numbers.size());
  double out = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double share = below(numbers[i]), place = static_cast<double>(i);
    out = std::max({out, share - place / count, (place + 1) / count - share});
  }
  return out * std::sqrt(count);
}

}  // namespace

TEST_CASE("corruptions are within a level of the published ones, given the same random numbers") {
  for (const CorruptionProfile profile : profiles)
    for (const Corruption corruption : all_corruptions())
      for (int severity = 1; severity <= 5; ++severity) {
        if (corruption == Corruption::jpeg_compression) continue;  // tests/io/jpeg_test.cpp
        const auto difference = foil::test::difference_to_fixture(profile, corruption, severity);
        INFO(name(profile) << " " << name(corruption) << " " << severity << ": " << difference.mean << " "
                           << difference.largest);
        CHECK(difference.largest <= 1);
        CHECK(difference.mean <= 0.2);
      }
}

TEST_CASE("an image is corrupted in the same way whatever batch, layout, type and bounds it comes in") {
  const Images images = random_images(3, 3, 13, 18);
  Images last(3, 13, 18, 3);
  for (Index i = 0; i < 3; ++i)
    for (Index c = 0; c < 3; ++c)
      for (Index y = 0; y < 13; ++y)
        for (Index x = 0; x < 18; ++x) last(i, y, x, c) = images(i, c, y, x);
  Tensor<double, 4> other(3, 3, 13, 18);
  for (Index i = 0; i < other.size(); ++i) other.data()[i] = 4 * static_cast<double>(images.data()[i]) - 1;
  CorruptionOptions options = with_everything();
  for (const Corruption corruption : all_corruptions()) {
    INFO(name(corruption));
    const Images all = corrupt(images, corruption, 3, options, 20);
    const std::vector<std::int64_t> ids{22, 20};
    CHECK(same(corrupt(gather(images, std::vector{2, 0}), corruption, 3, options,
                       std::span<const std::int64_t>(ids)),
               gather(all, std::vector{2, 0})));
    CorruptionOptions moved = options;
    moved.channels_last = true;
    const Images turned = corrupt(last, corruption, 3, moved, 20);
    moved = options;
    moved.bounds = Bounds<double>(-1, 3);
    const Tensor<double, 4> scaled = corrupt(other, corruption, 3, moved, 20);
    double largest = 0;
    for (Index i = 0; i < 3; ++i)
      for (Index c = 0; c < 3; ++c)
        for (Index y = 0; y < 13; ++y)
          for (Index x = 0; x < 18; ++x)
            largest =
                std::max({largest, std::abs(static_cast<double>(turned(i, y, x, c) - all(i, c, y, x))),
                          std::abs((scaled(i, c, y, x) + 1) / 4 - static_cast<double>(all(i, c, y, x)))});
    CHECK(largest < 1e-6);
    double off = 0;
    for (Index i = 0; i < all.size(); ++i)
      off =
          std::max(off, std::abs(static_cast<double>(all.data()[i]) * 255 - std::round(all.data()[i] * 255)));
    CHECK(off < 1e-3);
  }
}

TEST_CASE("random corruptions depend on the seed, the sample and the severity, others do not") {
  const Images image = random_images(1, 3, 24, 24);
  CorruptionOptions options = with_everything(), reseeded = options;
  reseeded.seed = 1;
  for (const Corruption corruption : all_corruptions()) {
    INFO(name(corruption));
    const bool drawn = corruption != Corruption::defocus_blur && corruption != Corruption::zoom_blur &&
                       corruption != Corruption::brightness && corruption != Corruption::contrast &&
                       corruption != Corruption::pixelate && corruption != Corruption::jpeg_compression &&
                       corruption != Corruption::gaussian_blur && corruption != Corruption::saturate;
    const Images once = corrupt(image, corruption, 4, options);
    CHECK(same(once, corrupt(image, corruption, 4, options)));
    CHECK(same(once, corrupt(image, corruption, 4, reseeded)) == !drawn);
    CHECK(same(once, corrupt(image, corruption, 4, options, 1)) == !drawn);
    CHECK_FALSE(same(once, corrupt(image, corruption, 5, options)));
  }
}

TEST_CASE("images of any size, gray or in colours, are corrupted in all ways") {
  for (const CorruptionProfile profile : profiles)
    for (const auto& [height, width] : {std::pair<Index, Index>{1, 1}, {1, 9}, {7, 2}, {28, 28}})
      for (const Index channels : {1, 3}) {
        const Images images = random_images(1, channels, height, width);
        for (const Corruption corruption : all_corruptions())
          for (const int severity : {1, 5}) {
            INFO(name(profile) << " " << name(corruption) << " " << severity << " " << height << " x "
                               << width);
            const Images out = corrupt(images, corruption, severity, with_everything(profile));
            CHECK(Bounds<float>().contain(sample(out, 0)));
          }
      }
  // A gray image and the same one in colours, where both are corrupted alike.
  const Images gray = random_images(1, 1, 20, 20);
  Images colours(1, 3, 20, 20);
  for (Index i = 0; i < colours.size(); ++i) colours.data()[i] = gray.data()[i % 400];
  for (const Corruption corruption :
       {Corruption::defocus_blur, Corruption::glass_blur, Corruption::motion_blur, Corruption::zoom_blur,
        Corruption::snow, Corruption::fog, Corruption::brightness, Corruption::contrast,
        Corruption::elastic_transform, Corruption::pixelate, Corruption::gaussian_blur}) {
    const Images a = corrupt(gray, corruption, 2), b = corrupt(colours, corruption, 2);
    double largest = 0;
    for (Index i = 0; i < b.size(); ++i)
      largest = std::max(largest, std::abs(static_cast<double>(b.data()[i] - a.data()[i % 400])));
    INFO(name(corruption));
    CHECK(largest <= 1.001 / 255);  // the gray of a gray is that but for rounding
  }
}

TEST_CASE("noise has the distribution that its severity says") {
  Images half(1, 1, 1000, 1000);
  half.setConstant(0.5f);
  CorruptionOptions options;
  options.eight_bit = false;
  options.bounds = Bounds<double>(-9.5, 10.5);  // so that nothing is clipped: white is 20 away from black
  const double count = 1e6;
  const auto numbers = [&](Corruption corruption, int severity) {
    const Images out = corrupt(half, corruption, severity, options);
    return std::vector<double>(out.data(), out.data() + out.size());
  };
  for (const auto& [corruption, scale] : {std::pair{Corruption::gaussian_noise, 20 * 0.08},
                                          std::pair{Corruption::speckle_noise, 20 * 0.5 * 0.15}}) {
    INFO(name(corruption));
    auto x = numbers(corruption, 1);
    double mean = 0, square = 0;
    for (double& v : x) {
      v = (v - 0.5) / scale;
      mean += v / count;
      square += v * v / count;
    }
    CHECK(std::abs(mean) < 4 / std::sqrt(count));
    CHECK(std::abs(square - 1) < 4 * std::sqrt(2 / count));
    CHECK(distance_to(std::move(x), [](double v) { return std::erfc(-v / std::sqrt(2.0)) / 2; }) < 1.95);
  }
  // Photons: 60 at white, 30 at a gray of one half.
  double mean = 0, square = 0;
  std::vector<double> found(61);
  for (const double v : numbers(Corruption::shot_noise, 1)) {
    const double k = std::round((v + 9.5) / 20 * 60);
    mean += k / count;
    square += k * k / count;
    ++found[static_cast<std::size_t>(k)];
  }
  CHECK(std::abs(mean - 30) < 4 * std::sqrt(30 / count));
  CHECK(std::abs(square - mean * mean - 30) < 4 * std::sqrt((2 * 900 + 30) / count));
  double chi_square = 0, expected = count * std::exp(-30.0);
  for (int k = 0; k <= 46; expected *= 30.0 / ++k)
    if (k >= 15) {
      const double difference = found[static_cast<std::size_t>(k)] - expected;
      chi_square += difference * difference / expected;
    }
  CHECK(chi_square < 62);  // of 32 numbers, beyond it once in a thousand times
  double black = 0, white = 0;
  for (const double v : numbers(Corruption::impulse_noise, 5)) {
    black += v == -9.5;
    white += v == 10.5;
  }
  CHECK(std::abs(black / count - 0.135) < 4 * std::sqrt(0.135 / count));
  CHECK(std::abs(white / count - 0.135) < 4 * std::sqrt(0.135 / count));
}

TEST_CASE("pixels that a corruption leaves alone keep their level, also where float does not hold it") {
  Images levels(1, 1, 16, 16);
  for (Index i = 0; i < 256; ++i)
    levels.data()[i] = static_cast<float>(-2.1 + 4.7 * static_cast<double>(i) / 255);
  CorruptionOptions options;
  options.bounds = Bounds<double>(-2.1, 2.6);
  Images out = corrupt(levels, Corruption::saturate, 1, options);
  CHECK(same(out, levels));
  out = corrupt(levels, Corruption::impulse_noise, 1, options);
  Index kept = 0;
  for (Index i = 0; i < 256; ++i) kept += out.data()[i] == levels.data()[i];
  CHECK(kept > 230);
  // What is flat stays so through blurs, which do not round in its favour.
  Images flat(256, 1, 9, 9);
  for (Index i = 0; i < flat.size(); ++i)
    flat.data()[i] = static_cast<float>(static_cast<double>(i / 81) / 255);
  for (const Corruption corruption :
       {Corruption::gaussian_blur, Corruption::defocus_blur, Corruption::zoom_blur, Corruption::contrast,
        Corruption::glass_blur, Corruption::elastic_transform, Corruption::pixelate}) {
    INFO(name(corruption));
    CHECK(same(corrupt(flat, corruption, 1), flat));
  }
  // Between levels, the next one below.
  Images between(1, 1, 1, 2);
  between.setConstant(100.7f / 255);
  CHECK(corrupt(between, Corruption::saturate, 1)(0, 0, 0, 0) == Approx(100 / 255.0));
  options.eight_bit = false;
  options.bounds = Bounds<double>(0, 1);
  CHECK(corrupt(between, Corruption::saturate, 1, options)(0, 0, 0, 0) == Approx(100.7 / 255));
}

TEST_CASE("rough glass copies pixels, or swaps them") {
  corruptions::Planes image(1, 12, 12), swapped = image;
  for (Index i = 0; i < 144; ++i) image.values[i] = swapped.values[i] = static_cast<double>(i) / 255;
  RandomDraw random(1, 1, Purpose::noise, 0);
  Eigen::VectorXd uniform(corruptions::glass_draws(image, 2, 3));
  REQUIRE(uniform.size() == 2 * 3 * 8 * 8);
  random.fill_uniform(uniform, 0, 1);
  const auto distinct = [](const corruptions::Planes& planes) {
    std::vector<double> values(planes.values.data(), planes.values.data() + 144);
    std::sort(values.begin(), values.end());
    return std::unique(values.begin(), values.end()) - values.begin();
  };
  corruptions::glass_blur(image, 0, 2, 3, uniform);
  corruptions::glass_blur(swapped, 0, 2, 3, uniform, corruptions::GlassSwap::true_swap);
  CHECK(distinct(image) < 100);
  CHECK(distinct(swapped) == 144);
  CHECK(swapped.values[0] == 0);  // the frame is left alone but for what is swapped into it
}

TEST_CASE("a disk out of focus brightens where it reaches the edge of its grid, as in the original") {
  const auto sum = [](double radius, double softness) {
    const Eigen::MatrixXd weights = corruptions::defocus_weights(radius, softness);
    const auto others = weights.rows() - 1;
    return weights(0, 0) + 2 * weights.row(0).tail(others).sum() + 2 * weights.col(0).tail(others).sum() +
           4 * weights.bottomRightCorner(others, others).sum();
  };
  for (const auto& [radius, softness] : {std::pair{3, 0.1}, {4, 0.5}, {6, 3.0}})
    CHECK(sum(radius, softness) == Approx(1).epsilon(1e-12));
  CHECK(sum(8, 0.5) == Approx(1.0129754).epsilon(1e-6));  // imagecorruptions' disk() in single precision
  CHECK(sum(10, 0.5) == Approx(1.0107858).epsilon(1e-6));
}

TEST_CASE("ice of colours on a gray image is the gray of red, green and blue") {
  corruptions::Planes image(1, 1, 1), texture(3, 1, 1);
  texture.values << 1, 0.5, 0.25;
  corruptions::frost(image, 1, 1, texture);
  CHECK(image.values[0] == Approx(.2989 + .5 * .587 + .25 * .114));
}

TEST_CASE("corruptions refuse what makes no sense") {
  const Images image = random_images(1, 3, 8, 8), two = random_images(1, 2, 8, 8);
  CHECK_THROWS_WITH(corrupt(image, Corruption::fog, 6),
                    ContainsSubstring("fog: expected a severity from 1 to 5, got 6"));
  CHECK_THROWS_WITH(corrupt(image, Corruption::frost, 1), ContainsSubstring("CorruptionOptions::frost"));
  CHECK_THROWS_WITH(corrupt(image, Corruption::jpeg_compression, 1),
                    ContainsSubstring("CorruptionOptions::jpeg"));
  CHECK_THROWS_WITH(corrupt(two, Corruption::fog, 1), ContainsSubstring("1 or 3 channels, got 2"));
  Images beyond = image;
  beyond(0, 1, 2, 3) = 1.5f;
  CHECK_THROWS_WITH(corrupt(beyond, Corruption::contrast, 1), ContainsSubstring("values in [0, 1], got 1.5"));
  beyond(0, 1, 2, 3) = std::nanf("");
  CHECK_THROWS_WITH(corrupt(beyond, Corruption::contrast, 1), ContainsSubstring("got nan"));
  CHECK(corruption_named("Gaussian-noise") == Corruption::gaussian_noise);
  CHECK_THROWS_WITH(corruption_named("gausian_blur"), ContainsSubstring("did you mean gaussian_blur?"));
  const auto all = all_corruptions();
  std::vector<Corruption> rest(all.begin(), all.end());
  std::erase(rest, Corruption::frost);
  CHECK(corruptions_named("all,-frost") == rest);
  rest.resize(14);
  CHECK(corruptions_named("benchmark,-frost") == rest);
  CHECK(corruptions_named("snow,fog,-snow") == std::vector<Corruption>{Corruption::fog});
  for (const char* list : {"fog,-frost", "-frost,all", "all,-frost,-frost"})
    CHECK_THROWS_WITH(corruptions_named(list), ContainsSubstring("the corruption frost cannot be left out"));
  CHECK_THROWS_WITH(corruptions_named("all,-fros"), ContainsSubstring("did you mean frost?"));
  CHECK_THROWS_WITH(corruptions_named("all,fog"), ContainsSubstring("the corruption fog is given twice"));
  CHECK_THROWS_WITH(corruptions_named("fog,-fog"), ContainsSubstring("no corruption is left"));
  CHECK(corruption_profile_named("tiny-imagenet") == CorruptionProfile::tiny_imagenet);
  CHECK_THROWS_WITH(corruption_profile_named("mnist"), ContainsSubstring("expected the profile imagenet"));
  CHECK(benchmark_corruptions().size() == 15);
  CHECK(benchmark_corruptions().back() == Corruption::jpeg_compression);

  for (const auto& [channels, height, width] :
       {std::array<Index, 3>{0, 8, 8}, {3, 0, 8}, {3, 8, 0}, {0, 0, 0}})
    CHECK_THROWS_WITH(corrupt(Images(1, channels, height, width), Corruption::fog, 1),
                      ContainsSubstring("at least one pixel"));
  corruptions::Planes short_of_one(1, 8, 8);
  short_of_one.values.conservativeResize(63);
  CHECK_THROWS_WITH(corruptions::corrupt(short_of_one, Corruption::fog, 1, {}, 0),
                    ContainsSubstring("fog: expected at least one pixel and a number for each, got 63"));
  CorruptionOptions options = with_everything();
  for (const double value : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    options.frost[0].values.setConstant(value);
    CHECK_THROWS_WITH(corrupt(image, Corruption::frost, 1, options), ContainsSubstring("finite numbers"));
  }
  options.frost[0].values.conservativeResize(100);
  CHECK_THROWS_WITH(corrupt(image, Corruption::frost, 1, options), ContainsSubstring("got 100 numbers of"));
  options.frost[0] = corruptions::Planes(3, 0, 5);
  CHECK_THROWS_WITH(corrupt(image, Corruption::frost, 1, options), ContainsSubstring("frost: textures"));
  const auto none = static_cast<Corruption>(19);
  CHECK_THROWS_WITH(name(none), ContainsSubstring("expected a corruption, got the number 19"));
  CHECK_THROWS_WITH(corrupt(image, none, 1), ContainsSubstring("got the number 19"));
  CHECK_THROWS_AS(name(static_cast<CorruptionProfile>(-1)), Error);
  CHECK_THROWS_WITH(corruptions::constants(Corruption::fog, static_cast<CorruptionProfile>(3), 1),
                    ContainsSubstring("expected a profile of corruptions, got the number 3"));
}

TEST_CASE("corruptions on their own refuse constants and draws that are none, and what would not fit") {
  using namespace foil::corruptions;
  Planes image(3, 6, 6);
  image.values.setConstant(0.5);
  const Eigen::VectorXd draws = Eigen::VectorXd::Constant(108, 0.5), area = draws.head(36),
                        two = draws.head(72);
  for (const double none : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                            -std::numeric_limits<double>::infinity()}) {
    CAPTURE(none);
    CHECK_THROWS_AS(motion_blur(image, 3, 3, none), Error);
    CHECK_THROWS_AS(motion_blur(image, none, 3, 0), Error);
    CHECK_THROWS_AS(zoom_blur(image, 3, none, false), Error);
    CHECK_THROWS_AS(elastic_transform(image, none, {1, 1}, 1, two), Error);
    CHECK_THROWS_AS(elastic_transform(image, 1, {1, 1}, none, two), Error);
    CHECK_THROWS_AS(elastic_transform(image, 1, {none, 1}, 1, two), Error);
    CHECK_THROWS_AS(move_affinely(image, Eigen::Matrix<double, 3, 2>::Constant(none)), Error);
    CHECK_THROWS_AS(snow(image, {.zoom = none}, area, 0), Error);
    CHECK_THROWS_AS(snow(image, {.mean = none}, area, 0), Error);
    CHECK_THROWS_AS(snow(image, {}, area, none), Error);
    CHECK_THROWS_AS(spatter(image, {.mean = none}, area), Error);
    CHECK_THROWS_AS(spatter(image, {.blur = none}, area), Error);
    CHECK_THROWS_AS(fog(image, none, Planes(1, 6, 6)), Error);
    CHECK_THROWS_AS(frost(image, none, 1, Planes(1, 6, 6)), Error);
    CHECK_THROWS_AS(ice(image, 6, 6, {.factor = none}, 0.5, 0.5), Error);
    CHECK_THROWS_AS(ice(image, 6, 6, {}, none, 0.5), Error);
    CHECK_THROWS_AS(brightness(image, none), Error);
    CHECK_THROWS_AS(contrast(image, none), Error);
    CHECK_THROWS_AS(saturate(image, 1, none), Error);
    CHECK_THROWS_AS(gaussian_noise(image, none, draws), Error);
    CHECK_THROWS_AS(speckle_noise(image, none, draws), Error);
    CHECK_THROWS_AS(impulse_noise(image, none, draws), Error);
    CHECK_THROWS_AS(shot_noise(image, none, draws), Error);
    Eigen::VectorXd broken = draws;
    broken[3] = none;
    CHECK_THROWS_AS(gaussian_noise(image, 1, broken), Error);
    CHECK_THROWS_AS(shot_noise(image, 60, broken), Error);
  }
  CHECK(image.values == Eigen::VectorXd::Constant(108, 0.5));  // refused before anything is changed
  CHECK_THROWS_AS(shot_noise(image, 60, 2 * draws), Error);    // 1 has no quantile
  CHECK_THROWS_AS(snow(image, {.zoom = 1e9}, area, 0), Error);
  CHECK_THROWS_AS(elastic_transform(image, 1e200, {1, 1}, 1e200, two), Error);
  CHECK_THROWS_AS(plasma(4, 1e-160, draws.head(15)), Error);
  CHECK_THROWS_AS(jpeg_compression(image, 0, [](auto&&...) {}), Error);
  constexpr Index huge = Index{1} << 62;
  for (const auto& [reach, passes] : {std::pair<Index, Index>{0, 1}, {huge, 1}, {1, -1}, {1, huge}}) {
    CHECK_THROWS_WITH(glass_draws(image, reach, passes), ContainsSubstring("expected a reach from 1 to"));
    CHECK_THROWS_WITH(glass_blur(image, 1, reach, passes, area), ContainsSubstring("expected a reach from"));
  }
  // A plasma that is all but unseen is not made, one for a large image is.
  CHECK_THROWS_WITH(plasma_side(Planes(1, 2, 20000)),
                    ContainsSubstring("2 x 20000, whose plasma would be of 32768 x 32768"));
  CHECK_THROWS_AS(plasma_side(Planes(1, 8000, 100)), Error);
  CHECK(plasma_side(Planes(1, 4096, 1)) == 4096);
  CHECK(plasma_side(Planes(1, 300, 8000)) == 8192);
}

TEST_CASE("every number has a level, and so has what is none") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const double nothing : {std::nan(""), -infinity, -1e300, -0.0}) {
    CHECK(corruptions::floor_level(nothing) == 0);
    CHECK(corruptions::nearest_level(nothing) == 0);
  }
  for (const double most : {1.0, 1e300, infinity}) {
    CHECK(corruptions::floor_level(most) == 255);
    CHECK(corruptions::nearest_level(most) == 255);
  }
  corruptions::Planes image(1, 1, 2);
  image.values << std::nan(""), infinity;
  Images out(1, 1, 1, 2);
  for (const bool eight_bit : {true, false}) {
    corruptions::Canvas({1, 1, 2}, {}, eight_bit).write<float>(image, sample(out, 0));
    CHECK(out(0, 0, 0, 0) == 0);
    CHECK(out(0, 0, 0, 1) == 1);
  }
}

TEST_CASE("what an image takes beyond one draw comes from the next ones") {
  constexpr Index of_each = 50;
  const std::uint64_t key = random_key(3, "fog", 2);
  const auto draw = [&](std::uint32_t number) { return RandomDraw(key, 9, Purpose::noise, number); };
  for (const bool normal : {false, true}) {
    Eigen::VectorXd expected(3 * of_each);
    for (Index i = 0; i < 3; ++i) {
      RandomDraw random = draw(static_cast<std::uint32_t>(i));
      const auto part = expected.segment(i * of_each, of_each);
      normal ? random.fill_normal(part) : random.fill_uniform(part, 0, 1);
    }
    corruptions::Draws limited(key, 9, of_each), at_once(key, 9, of_each), whole(key, 9);
    const auto take = [&](corruptions::Draws& draws, Index count) {
      return normal ? draws.normals(count) : draws.uniforms(count);
    };
    CHECK(take(at_once, 3 * of_each) == expected);
    for (const auto& [first, count] : {std::pair<Index, Index>{0, 7}, {7, 43}, {50, 60}, {110, 40}})
      CHECK(take(limited, count) == expected.segment(first, count));
    Eigen::VectorXd all(3 * of_each);
    RandomDraw random = draw(0);
    normal ? random.fill_normal(all) : random.fill_uniform(all, 0, 1);
    CHECK(take(whole, 3 * of_each) == all);
  }
  // A whole number, of two words, is not cut in two.
  corruptions::Draws random(key, 9, of_each);
  random.uniforms(of_each - 1);
  RandomDraw second = draw(1);
  CHECK(random.integer(1'000'000) == second.integer(1'000'000));
  CHECK(random.uniform(-2, 5) == second.uniform(-2, 5));
  CHECK_THROWS_AS(corruptions::Draws(key, 9, 1), Error);
  CHECK_THROWS_AS(corruptions::Draws(key, 9, corruptions::Draws::most + 1), Error);
  // As many as a draw gives are what it gives: one more is refused.
  RandomDraw last = draw(0);
  Eigen::VectorXd many(1 << 20);
  for (Index taken = 0; taken < corruptions::Draws::most; taken += many.size()) last.fill_uniform(many, 0, 1);
  CHECK_THROWS_WITH(last.bits(), ContainsSubstring("one draw gives at most"));
}
