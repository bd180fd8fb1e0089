// SPDX-License-Identifier: MIT
#include "foil/evaluation/degradations/degrade.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "support/catch.hpp"

namespace {
using namespace foil;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using degradations::PhasePairs;
using degradations::Planes;

/// A picture of 8 x 8 pixels, of whole levels.
Planes picture() {
  Planes out(3, 8, 8);
  for (Index y = 0; y < 8; ++y)
    for (Index x = 0; x < 8; ++x) {
      const Index levels[] = {(37 * y + 11 * x) % 256, (5 * y * y + 29 * x) % 256,
                              (90 + 13 * y * x + 7 * x) % 256};
      for (Index c = 0; c < 3; ++c) out.row(c, y)[x] = static_cast<double>(levels[c]) / 255;
    }
  return out;
}

/// The first and the sixth row of what the authors' definitions make of it: SciPy 1.17.1, scikit-image
/// 0.26.0, NumPy 2.4.6.
struct Expected {
  std::vector<double> first, sixth;
};

bool agrees(const Planes& found, const Expected& expected) {
  double worst = 0;
  for (std::size_t x = 0; x < 8; ++x)
    worst = std::max({worst, std::abs(found.row(0, 0)[x] - expected.first[x]),
                      std::abs(found.row(0, 5)[x] - expected.sixth[x])});
  return worst < 1e-8;
}

/// Numbers that look drawn.
Eigen::VectorXd draws(Index count) {
  Eigen::VectorXd out(count);
  for (Index i = 0; i < count; ++i) out[i] = (static_cast<double>(i * 7 % 24) + 0.5) / 24;
  return out;
}

Tensor<float, 4> batch(Index count) {
  Tensor<float, 4> out(count, 3, 8, 8);
  const Planes image = picture();
  for (Index i = 0; i < count; ++i) sample(out, i) = image.values.cast<float>();
  return out;
}

}  // namespace

TEST_CASE("degradations: filters as SciPy has them, and turns", "[evaluation]") {
  const Planes gray = degradations::gray(picture());
  CHECK(agrees(gray, {{0.025447059, 0.117952157, 0.210457255, 0.302962353, 0.395467451, 0.487972549,
                       0.580477647, 0.672982745},
                      {0.530300000, 0.641183529, 0.752067059, 0.790567843, 0.901451373, 0.294129412,
                       0.332630196, 0.230180392}}));
  Planes out = gray;
  degradations::low_pass(out, 1);
  CHECK(agrees(out, {{0.275126468, 0.255176784, 0.302572946, 0.367003024, 0.432624172, 0.496517366,
                      0.547124942, 0.547663255},
                     {0.529473691, 0.594903572, 0.627902593, 0.612769101, 0.569075002, 0.509705423,
                      0.463967794, 0.430818214}}));
  out = gray;
  degradations::low_pass(out, 3);  // reaches beyond the picture
  CHECK(agrees(out, {{0.414987936, 0.420206168, 0.430857165, 0.445247748, 0.460351321, 0.472810477,
                      0.480096144, 0.481310809},
                     {0.457526388, 0.465228676, 0.473661992, 0.481485147, 0.487172938, 0.489463403,
                      0.487789787, 0.482510484}}));
  out = gray;
  degradations::high_pass(out, 0.7);
  CHECK(agrees(out, {{0.259595901, 0.359537908, 0.382365643, 0.401458781, 0.420537278, 0.439766342,
                      0.461833429, 0.537203694},
                     {0.436176108, 0.450071735, 0.502826757, 0.562987301, 0.718009916, 0.264068574,
                      0.358062637, 0.306619453}}));
  for (const double nothing : {0.0, std::numeric_limits<double>::infinity()}) {
    out = gray;
    if (nothing == 0)
      degradations::low_pass(out, nothing);
    else
      degradations::high_pass(out, nothing);
    CHECK((out.values - gray.values).cwiseAbs().maxCoeff() < 1e-15);
  }
  Planes turned = gray;
  degradations::turn(turned, 90);
  CHECK(turned.row(0, 0)[0] == gray.row(0, 0)[7]);  // the right edge is on top
  CHECK(turned.row(0, 0)[7] == gray.row(0, 7)[7]);
  Planes back = turned;
  degradations::turn(back, 270);
  CHECK(back.values == gray.values);
  degradations::turn(turned, 90);
  out = gray;
  degradations::turn(out, -180);
  CHECK(out.values == turned.values);
  CHECK_THROWS_WITH(degradations::turn(out, 45), ContainsSubstring("multiple of 90 degrees, got 45"));
  Planes wide(1, 4, 6);
  CHECK_THROWS_WITH(degradations::turn(wide, 90), ContainsSubstring("got 4 x 6"));
}

TEST_CASE("degradations: phases and amplitudes as NumPy has them", "[evaluation]") {
  const Planes gray = degradations::gray(picture());
  REQUIRE(degradations::phase_draws(gray) == 24);
  Planes out = gray;
  degradations::phase_noise(out, 90, draws(24));
  CHECK(agrees(out, {{0.106301755, 0.286183231, 0.411703908, 0.536541684, 0.366301882, 0.530693784,
                      0.661028618, 0.561937857},
                     {0.736486076, 0.712541783, 0.755275057, 0.776242290, 0.738820005, 0.317612759,
                      0.430089788, 0.293886642}}));
  out = gray;
  degradations::phase_noise(out, 90, draws(24), PhasePairs::conjugate);
  CHECK(agrees(out, {{0.272022147, 0.458179824, 0.269965946, 0.367797591, 0.282417359, 0.446315976,
                      0.866759311, 0.788891765},
                     {0.487896657, 0.492406135, 0.690679760, 0.916043644, 0.974186752, 0.462605729,
                      0.454661075, 0.175981285}}));
  const Planes kept = degradations::amplitudes(out), before = degradations::amplitudes(gray);
  CHECK((kept.values - before.values).cwiseAbs().maxCoeff() < 1e-12);
  CHECK(before.row(0, 4)[4] == Approx(gray.values.sum()));
  for (const PhasePairs pairs : {PhasePairs::published, PhasePairs::conjugate}) {
    out = gray;
    degradations::phase_noise(out, 0, draws(24), pairs);
    CHECK((out.values - gray.values).cwiseAbs().maxCoeff() < 1e-14);
  }
  // Any size: phases move, amplitudes do not.
  Planes odd(1, 5, 6);
  odd.values = draws(30);
  const Planes of_odd = degradations::amplitudes(odd);
  degradations::phase_noise(odd, 180, draws(degradations::phase_draws(odd)), PhasePairs::conjugate);
  CHECK((degradations::amplitudes(odd).values - of_odd.values).cwiseAbs().maxCoeff() < 1e-12);
  CHECK((odd.values - draws(30)).cwiseAbs().maxCoeff() > 0.1);

  Planes wanted(1, 8, 8);
  for (Index y = 0; y < 8; ++y)
    for (Index x = 0; x < 8; ++x)
      wanted.row(0, y)[x] = 1 + 10 / (1 + static_cast<double>((y - 4) * (y - 4) + (x - 4) * (x - 4)));
  out = gray;
  degradations::equalise_power(out, wanted);
  CHECK(agrees(out, {{-0.570208699, -0.347753831, -0.228772191, -0.286636259, 0.137430008, 0.119905675,
                      0.306568011, 0.441338769},
                     {0.363928532, 0.343981857, 0.126487682, 0.096136143, 0.557610686, 0.035288689,
                      0.250566671, -0.214144439}}));
  CHECK_THROWS_WITH(degradations::equalise_power(out, {}), ContainsSubstring("expected amplitudes of 8 x 8"));
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity(), -1.0}) {
    Planes broken = wanted;
    broken.values[9] = bad;
    CHECK_THROWS_WITH(degradations::equalise_power(out, broken), ContainsSubstring("finite and >= 0, got"));
  }
  wanted.values.setZero();
  CHECK_THROWS_WITH(degradations::equalise_power(out, wanted), ContainsSubstring("got only zeros"));
  Planes black(1, 8, 8);  // whose own these are
  degradations::equalise_power(black, wanted);
  CHECK(black.values.isZero(0));
  wanted.values.setConstant(std::numeric_limits<double>::max());
  CHECK_THROWS_WITH(degradations::equalise_power(out, wanted), ContainsSubstring("a double holds"));
  for (const Planes& given : {Planes(1, 0, 8), Planes(1, 7, 8), Planes(3, 8, 8)})  // none is the mean
    CHECK_THROWS_WITH(degrade(batch(1), Degradation::power_equalisation, 1, {.amplitudes = given}),
                      ContainsSubstring("expected amplitudes of 8 x 8"));
  CHECK_THROWS_WITH(degradations::phase_noise(out, 90, draws(23)),
                    ContainsSubstring("expected 24 random numbers"));
}

TEST_CASE("degradations: the Fourier transform is the sum that it says, and back, in any size",
          "[evaluation]") {
  for (const auto& [height, width] :
       {std::pair<Index, Index>{1, 1}, {1, 7}, {5, 1}, {6, 9}, {13, 4}, {2, 30}}) {
    INFO(height << " x " << width);
    degradations::Fourier fourier(height, width);
    const Eigen::VectorXd plane = draws(height * width);
    const Eigen::VectorXcd spectrum = fourier.forward(plane.data());
    const Index u = height / 2, v = width / 3;
    std::complex<double> sum = 0;
    for (Index y = 0; y < height; ++y)
      for (Index x = 0; x < width; ++x)
        sum += plane[y * width + x] *
               std::polar(1.0, -2 * std::numbers::pi *
                                   (static_cast<double>(u * y) / static_cast<double>(height) +
                                    static_cast<double>(v * x) / static_cast<double>(width)));
    CHECK(std::abs(spectrum[u * width + v] - sum) < 1e-12 * static_cast<double>(height * width));
    Eigen::VectorXd back(height * width);
    fourier.inverse(spectrum, back.data());
    CHECK((back - plane).cwiseAbs().maxCoeff() < 1e-13);
    CHECK(fourier.unmoved(height / 2, width / 2) == 0);
  }
}

TEST_CASE("degradations: Eidolons as NumPy has them, with the same draws", "[evaluation]") {
  const Planes gray = degradations::gray(picture());
  const auto disarrayed = [&](double reach, double coherence) {
    Planes out = gray;
    Index call = 0;
    degradations::eidolon(
        out, {.reach = reach, .coherence = coherence}, [&](Eigen::Ref<Eigen::VectorXd> normal) {
          REQUIRE(normal.size() == 256);
          for (Index i = 0; i < normal.size(); ++i)
            normal[i] = static_cast<double>((i * 7919 + 131 * call * call + 17 * call) % 1009) / 1009 * 4 - 2;
          ++call;
        });
    CHECK(call == (coherence == 0 || coherence == 1 ? 24 : 48));
    return out;
  };
  CHECK(agrees(disarrayed(32, 0.3), {{0.240483350, 0.319048068, 0.329010285, 0.272162855, 0.228563520,
                                      0.305346031, 0.633078506, 0.697733620},
                                     {0.286890911, 0.470202354, 0.562793920, 0.495262354, 0.654234569,
                                      0.723502770, 0.734520332, 0.753189040}}));
  CHECK(agrees(disarrayed(64, 1), {{0.034991088, 0.108882094, 0.211361514, 0.302897412, 0.302566937,
                                    0.395478010, 0.607231130, 0.675037222},
                                   {0.552343517, 0.779972211, 0.733027089, 0.701961513, 0.648208621,
                                    0.387511028, 0.607911980, 0.325704004}}));
  CHECK(agrees(disarrayed(16, 0), {{0.119071335, 0.116843181, 0.214815658, 0.258700924, 0.258665342,
                                    0.351131758, 0.693242499, 0.687830827},
                                   {0.553571559, 0.560692539, 0.566079893, 0.470039989, 0.663017802,
                                    0.480978218, 0.475383545, 0.450971638}}));
  CHECK((disarrayed(0, 1).values - gray.values).cwiseAbs().maxCoeff() < 1e-12);  // scales sum to the image
  Planes out = gray;
  CHECK_THROWS_WITH(degradations::eidolon(out, {.coherence = 2}, {}),
                    ContainsSubstring("coherence in [0, 1]"));
}

TEST_CASE("degradations: opponent colours are those of the authors' monitor, and twice the colours again",
          "[evaluation]") {
  const double pixels[][3] = {{0, 0, 0},     {128, 128, 128}, {200, 100, 50},
                              {30, 60, 220}, {255, 255, 255}, {90, 180, 60}};
  const double expected[][3] = {{0, 0, 0},     {128, 128, 128}, {0, 157, 175},
                                {134, 126, 0}, {255, 255, 255}, {190, 112, 199}};
  Planes image(3, 1, 6);
  for (Index i = 0; i < 6; ++i)
    for (Index c = 0; c < 3; ++c) image.plane(c)[i] = pixels[i][c] / 255;
  const degradations::MonitorCurve curve = degradations::srgb_curve();
  degradations::opponent_colour(image, curve);
  for (Index i = 0; i < 6; ++i)
    for (Index c = 0; c < 3; ++c) CHECK(image.plane(c)[i] * 255 == Approx(expected[i][c]));
  Planes mild(3, 1, 4);
  mild.values << 0.5, 0.55, 0.6, 0.5, 0.5, 0.5, 0.45, 0.55, 0.5, 0.45, 0.5, 0.55;
  Planes twice = mild;
  degradations::opponent_colour(twice, curve);
  CHECK((twice.values - mild.values).cwiseAbs().maxCoeff() > 0.02);
  degradations::opponent_colour(twice, curve);
  CHECK((twice.values - mild.values).cwiseAbs().maxCoeff() < 2.5 / 255);
  CHECK_THROWS_WITH(degradations::opponent_colour(image, {0, 1}), ContainsSubstring("256 ascending"));
  for (const std::size_t place : {std::size_t{0}, std::size_t{100}, std::size_t{255}}) {
    degradations::MonitorCurve broken = curve;
    broken[place] = std::nan("");
    CHECK_THROWS_WITH(degradations::opponent_colour(image, broken), ContainsSubstring("256 ascending"));
  }
}

TEST_CASE("degradations: by name, whatever the batch, with noise as wide as it says", "[evaluation]") {
  CHECK(degradation_named("phase-noise") == Degradation::phase_noise);
  CHECK_THROWS_WITH(degradation_named("phase_noice"), ContainsSubstring("did you mean phase_noise"));
  CHECK(degradations_named("all,-greyscale,-opponent_colour").front() == Degradation::contrast);
  CHECK_THROWS_WITH(degradations_named("contrast,-rotation"), ContainsSubstring("cannot be left out"));
  CHECK(published_levels(Degradation::contrast)[3] == 0.15);
  CHECK(published_levels(Degradation::uniform_noise)[5] == 0.35);
  CHECK(published_levels(Degradation::low_pass)[7] == 40);
  CHECK(std::isinf(published_levels(Degradation::high_pass)[0]));
  CHECK(published_levels(Degradation::high_pass)[5] == 0.55);
  CHECK(published_levels(Degradation::phase_noise)[6] == 180);
  CHECK(published_levels(Degradation::eidolon_ii)[7] == 128);
  CHECK(published_levels(Degradation::salt_and_pepper)[7] == 0.95);
  const Tensor<float, 4> images = batch(3);
  for (const Degradation degradation : all_degradations()) {
    INFO(name(degradation));
    CHECK(degradation_named(name(degradation)) == degradation);
    for (const double level : published_levels(degradation)) {
      const DegradationOptions options{.amplitudes = mean_amplitudes(images)};
      const Tensor<float, 4> all = degrade(images, degradation, level, options, 4),
                             last = degrade(batch(1), degradation, level, options, 6);
      CHECK((as_matrix(all).row(2) - as_matrix(last).row(0)).cwiseAbs().maxCoeff() == 0);
      CHECK((as_matrix(all).array() >= 0).all());
      CHECK((as_matrix(all).array() <= 1).all());
      const bool still = degradation == Degradation::eidolon_i || degradation == Degradation::eidolon_ii ||
                         degradation == Degradation::eidolon_iii || level == 0;
      const bool drawn = degradation == Degradation::uniform_noise ||
                         degradation == Degradation::phase_noise ||
                         degradation == Degradation::salt_and_pepper;
      if (drawn || !still) CHECK((as_matrix(all).row(0) != as_matrix(all).row(1)) == (drawn && level > 0));
    }
  }
  // Levels come out, cut down to the one below, gray in all channels.
  const auto contrast = degrade(images, Degradation::contrast, 0.5);
  const Planes gray = degradations::gray(picture());
  for (Index c = 0; c < 3; ++c)
    CHECK(contrast(0, c, 3, 2) * 255 == Approx(std::floor((0.25 + 0.5 * gray.row(0, 3)[2]) * 255)));
  const auto in_colour = degrade(images, Degradation::greyscale, 0);
  CHECK(as_matrix(in_colour) == as_matrix(images));

  Planes noise(1, 200, 200);
  noise.values.setConstant(1);  // 0.65 at a contrast of 0.3
  degradations::degrade(noise, Degradation::uniform_noise, 0.2, {}, 0);
  CHECK(std::abs(noise.values.mean() - 0.65) < 0.003);
  CHECK(noise.values.minCoeff() < 0.4501);
  CHECK(noise.values.minCoeff() > 0.45);
  CHECK(noise.values.maxCoeff() > 0.8499);
  CHECK(noise.values.maxCoeff() < 0.85);
  noise.values.setConstant(1);
  degradations::degrade(noise, Degradation::salt_and_pepper, 0.2, {}, 0);
  CHECK(std::abs(static_cast<double>((noise.values.array() == 0).count()) / 40000 - 0.1) < 0.01);
  CHECK(std::abs(static_cast<double>((noise.values.array() == 1).count()) / 40000 - 0.1) < 0.01);
  CHECK(((noise.values.array() - 0.65).abs() < 1e-12).count() > 31000);

  for (const auto& [degradation, level] :
       {std::pair{Degradation::contrast, 1.5}, std::pair{Degradation::uniform_noise, -1.0},
        std::pair{Degradation::high_pass, 0.0}, std::pair{Degradation::rotation, 30.0},
        std::pair{Degradation::greyscale, 0.5}, std::pair{Degradation::salt_and_pepper, 2.0},
        std::pair{Degradation::eidolon_i, -1.0}, std::pair{Degradation::low_pass, -1.0},
        std::pair{Degradation::phase_noise, -1.0}}) {
    INFO(name(degradation));
    CHECK_THROWS_AS(degrade(images, degradation, level), Error);
  }
  CHECK_THROWS_WITH(name(static_cast<Degradation>(13)), ContainsSubstring("got the number 13"));
  CHECK_THROWS_WITH(degrade(Tensor<float, 4>(1, 3, 0, 8), Degradation::contrast, 1),
                    ContainsSubstring("at least one pixel"));
}
