// SPDX-License-Identifier: MIT
// Planted cues: what they look like, that they are told apart, and that a model trained on them relies on
// them.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "foil/evaluation/shortcut/plant.hpp"
#include "foil/evaluation/shortcut/shortcut_reliance.hpp"
#include "foil/models/label_only.hpp"
#include "foil/models/lambdas.hpp"
#include "foil/models/preprocessed.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using namespace foil::shortcut;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using Images = Tensor<float, 4>;
const Bounds<float> unit(0, 1);

using Shape = Images::Dimensions;

/// Random pixels in a frame of 4 dark ones.
Images pictures(Index count) {
  test::Random random(6);
  Images out = test::random_batch<Images>(random, Shape(count, 1, 28, 28), 0.1, 0.9);
  for (Index i = 0; i < count; ++i)
    for (Index v = 0; v < 28; ++v)
      for (Index u = 0; u < 28; ++u)
        if (std::min({v, u, 27 - v, 27 - u}) < 4) out(i, 0, v, u) = 0;
  return out;
}

/// One image of random pixels, in every class.
Images variants(const Cue& cue, Index classes, Shape shape, bool channels_last = false) {
  test::Random random(4);
  shape[0] = 1;
  const Images one = test::random_batch<Images>(random, shape, 0.1, 0.9);
  Images all(resized(one, classes));
  Labels labels(classes);
  for (Index k = 0; k < classes; ++k) {
    sample(all, k) = sample(one, 0);
    labels[k] = static_cast<int>(k);
  }
  return plant(all, labels, unit, cue, Mode::consistent, {.classes = classes, .channels_last = channels_last})
      .images;
}

}  // namespace

TEST_CASE("plant: each cue is what it says, in every channel, and nothing else changes", "[evaluation]") {
  test::Random random(4);
  const Images before = test::random_batch<Images>(random, Shape(1, 3, 12, 10), 0.1, 0.9);
  const Images pixel = variants(Pixel{.size = 2}, 6, Shape(1, 3, 12, 10));
  for (Index k = 0; k < 6; ++k)
    for (Index c = 0; c < 3; ++c)
      for (Index v = 0; v < 12; ++v)
        for (Index u = 0; u < 10; ++u) {  // five fit side by side, the sixth below
          const bool lit = k < 5 ? v < 2 && u / 2 == k : v >= 2 && v < 4 && u < 2;
          CHECK(pixel(k, c, v, u) == (lit ? 1.f : before(0, c, v, u)));
        }
  const Images border = variants(Border{.width = 2, .strength = 0.5}, 3, Shape(1, 3, 12, 10));
  for (Index k = 0; k < 3; ++k)
    for (Index v = 0; v < 12; ++v)
      for (Index u = 0; u < 10; ++u) {
        const float old = before(0, 1, v, u);
        const bool framed = v < 2 || v >= 10 || u < 2 || u >= 8;
        CHECK(border(k, 1, v, u) ==
              Approx(framed ? (old + static_cast<float>(k) / 2) / 2 : old).margin(1e-6));
      }
  const Images texture = variants(Texture{.period = 5, .strength = 1}, 2, Shape(1, 3, 12, 10));
  for (Index v = 0; v < 12; ++v)
    for (Index u = 0; u < 10; ++u) {
      const double pi = std::acos(-1.);
      CHECK(texture(0, 2, v, u) ==
            Approx((1 + std::cos(2 * pi * static_cast<double>(u) / 5)) / 2).margin(1e-6));
      CHECK(texture(1, 2, v, u) ==
            Approx((1 + std::cos(2 * pi * static_cast<double>(v) / 5)) / 2).margin(1e-6));
    }
  const Images position = variants(Position{.step = 3}, 4, Shape(1, 3, 12, 10));  // 2 x 2 places
  for (Index k = 0; k < 4; ++k)
    for (Index v = 0; v < 12; ++v)
      for (Index u = 0; u < 10; ++u)
        CHECK(position(k, 0, (v + 3 * (k / 2) - 1 + 12) % 12, (u + 3 * (k % 2) - 1 + 10) % 10) ==
              before(0, 0, v, u));
}

TEST_CASE("plant: channels may come last, and a cue may be one's own", "[evaluation]") {
  const Cue mine = [](Canvas& canvas, int label) { canvas.blend(1, label, 0.5, 1); };
  for (const Cue& cue : {Cue(Pixel{}), Cue(Border{}), Cue(Texture{}), Cue(Position{}), mine}) {
    test::Random random(4);
    const Images first = test::random_batch<Images>(random, Shape(2, 3, 8, 9), 0.1, 0.9);
    Images last(2, 8, 9, 3);
    for (Index i = 0; i < 2; ++i)
      for (Index c = 0; c < 3; ++c)
        for (Index p = 0; p < 72; ++p) sample(last, i)[p * 3 + c] = sample(first, i)[c * 72 + p];
    const Labels labels{{3, 1}};
    const auto a = plant(first, labels, unit, cue, Mode::consistent, {.classes = 5});
    const auto b = plant(last, labels, unit, cue, Mode::consistent, {.classes = 5, .channels_last = true});
    for (Index i = 0; i < 2; ++i)
      for (Index c = 0; c < 3; ++c)
        for (Index p = 0; p < 72; ++p)
          REQUIRE(sample(b.images, i)[p * 3 + c] == sample(a.images, i)[c * 72 + p]);
    CHECK(as_matrix(a.images) != as_matrix(first));
  }
  const Cue wild = [](Canvas& canvas, int label) { canvas.image[0] = 10. * label; };
  CHECK(as_matrix(variants(wild, 3, Shape(1, 1, 2, 2))).col(0) == Eigen::Vector3f(0, 1, 1));
}

TEST_CASE("plant: the cue is of the class, of none, of any, or of another", "[evaluation]") {
  const Index n = 4000;
  const Images images(n, 1, 1, 4);
  Labels labels(n);
  for (Index i = 0; i < n; ++i) labels[i] = static_cast<int>(i % 4);
  const auto cues = [&](Mode mode, std::uint64_t seed = 0) {
    Images x = images;
    x.setConstant(0.5f);
    const auto planted = plant(x, labels, unit, Pixel{}, mode, {.seed = seed});
    for (Index i = 0; i < n; ++i)
      for (Index k = 0; k < 4; ++k)
        if (planted.images(i, 0, 0, k) != (k == planted.cues[i] ? 1.f : 0.5f)) FAIL("image " << i);
    return planted.cues;
  };
  CHECK(cues(Mode::consistent) == labels);
  CHECK((cues(Mode::absent).array() == -1).all());
  const Labels any = cues(Mode::randomised), other = cues(Mode::contradicting);
  CHECK((other.array() != labels.array()).all());
  for (const Labels& drawn : {any, other})
    for (int k = 0; k < 4; ++k) {
      const auto count = (drawn.array() == k).count();
      CHECK(count > 880);
      CHECK(count < 1120);
    }
  const auto agree = (any.array() == labels.array()).count();
  CHECK(agree > 880);
  CHECK(agree < 1120);
  CHECK(cues(Mode::randomised) == any);
  CHECK(cues(Mode::randomised, 1) != any);

  CHECK_THROWS_WITH(plant(images, Labels::Constant(n, 4), unit, Pixel{}, Mode::consistent, {.classes = 4}),
                    ContainsSubstring("labels below 4, got 4"));
  CHECK_THROWS_WITH(plant(images, Labels::Zero(n), unit, Pixel{}, Mode::consistent),
                    ContainsSubstring("at least two classes"));
  CHECK_THROWS_WITH(plant(images, labels, unit, Pixel{.size = 2}, Mode::consistent),
                    ContainsSubstring("room for 4"));
  CHECK_THROWS_WITH(plant(images, labels, Bounds<float>(0, INFINITY), Pixel{}, Mode::consistent),
                    ContainsSubstring("finite bounds"));
}

TEST_CASE("check_cue: a cue that is cropped, rounded or covered is lost", "[evaluation]") {
  const Images some = pictures(5);
  const auto middle = [](const Images& x) {  // 4 pixels less on each side
    return Images(x.slice(Eigen::array<Index, 4>{0, 0, 4, 4}, Eigen::array<Index, 4>{samples(x), 1, 20, 20}));
  };
  const auto coarse = [](const Images& x) { return Images((x * 4.f).round() / 4.f); };
  for (const Cue& cue : {Cue(Pixel{}), Cue(Border{}), Cue(Texture{}), Cue(Position{})}) {
    const CueCheck check = check_cue(some, unit, cue, 10);
    CHECK(check.images == 5);
    CHECK(check.survives());
    CHECK(check.smallest > 0);
  }
  CHECK(check_cue(some, unit, Pixel{.strength = 0.5}, 10).smallest == 0.5);
  CHECK(check_cue(some, unit, Pixel{}, 10, middle).lost == 5);
  CHECK(check_cue(some, unit, Border{}, 10, middle).lost == 5);
  CHECK(check_cue(some, unit, Texture{}, 10, middle).survives());
  CHECK(check_cue(some, unit, Pixel{.strength = 0.1}, 10, coarse).lost == 5);
  CHECK(check_cue(some, unit, Pixel{}, 10, coarse).survives());
  Images bright = some;
  sample(bright, 2).setOnes();
  CHECK(check_cue(bright, unit, Pixel{}, 10).lost == 1);
  CHECK(check_cue(bright, unit, Pixel{}, 10).smallest == 0);
}

TEST_CASE("shortcut reliance: all of a model that reads the cue, nothing of one that reads the class",
          "[evaluation]") {
  // The class is the place of the brightest pixel in the last row, the cue's that in the first.
  const Index n = 60;
  Images images(n, 1, 5, 4);
  images.setConstant(0.2f);
  Labels labels(n);
  for (Index i = 0; i < n; ++i) {
    labels[i] = static_cast<int>(i * 7 % 4);
    images(i, 0, 4, labels[i]) = 0.7f;
  }
  const auto looking_at = [](Index row, double share) {  // of the samples; the others look at the class
    return make_model<Images>(unit, [row, share](const Images& x) {
      Logits<float> z(samples(x), 4);
      for (Index i = 0; i < z.rows(); ++i)
        for (Index k = 0; k < 4; ++k)
          z(i, k) = x(i, 0, static_cast<double>(i) < share * static_cast<double>(z.rows()) ? row : 4, k);
      return z;
    });
  };
  const auto by_cue = looking_at(0, 1), by_class = looking_at(4, 1), by_half = looking_at(0, 0.5);
  const ShortcutReliance all = shortcut_reliance(by_cue, images, labels, Pixel{});
  CHECK(all.images() == n);
  CHECK(all.check.survives());
  CHECK(all.contradicting.right_first() == n);
  CHECK(all.contradicting.right_second() == 0);
  CHECK(all.followed == n);
  CHECK(all.reliance() == 1);
  CHECK(all.interval() == all.contradicting.lost_interval());
  CHECK(all.following_interval() == clopper_pearson(n, n));
  CHECK(all.absent.right_second() == (labels.array() == 0).count());  // without a cue it says 0
  const auto drawn = plant(images, labels, unit, Pixel{}, Mode::randomised);
  CHECK(all.randomised.right_second() == (drawn.cues.array() == labels.array()).count());

  const ShortcutReliance half = shortcut_reliance(by_half, images, labels, Pixel{});
  CHECK(half.reliance() == 0.5);
  CHECK(half.followed == n / 2);
  const LabelOnly labels_alone(by_half);
  CHECK(shortcut_reliance(labels_alone, images, labels, Pixel{}, {}, 60).reliance() == 0.5);
  CHECK_THROWS_WITH(shortcut_reliance(by_class, images, labels, Pixel{}),
                    ContainsSubstring("does not reach the model") && ContainsSubstring("each of 60 images"));
  const LabelOnly class_alone(by_class);  // of a model of labels nothing is known against it
  const ShortcutReliance none = shortcut_reliance(class_alone, images, labels, Pixel{});
  CHECK(none.reliance() == 0);
  CHECK(none.followed == 0);
  CHECK(none.contradicting.both == n);
}

TEST_CASE("shortcut reliance: a cue that does not reach the model gives no figure", "[evaluation]") {
  const Images some = pictures(40);
  const auto model = test::random_affine<Images>(10, 784, 3);
  const Labels labels = foil::predict(model, some);
  const Preprocessed cropped(model, [](const Images& x) {
    Images out = x;
    for (Index i = 0; i < samples(x); ++i)
      for (Index v = 0; v < 28; ++v)
        for (Index u = 0; u < 28; ++u)
          if (std::min({v, u, 27 - v, 27 - u}) < 4) out(i, 0, v, u) = 0;
    return out;
  });
  CHECK_THROWS_WITH(shortcut_reliance(cropped, some, labels, Pixel{.size = 2}),
                    ContainsSubstring("does not reach the model") && ContainsSubstring("each of 40 images"));
  Images odd = some;
  odd(7, 0, 14, 14) = std::numeric_limits<Images::Scalar>::quiet_NaN();  // NaN twice is no difference
  CHECK_THROWS_WITH(shortcut_reliance(cropped, odd, labels, Pixel{.size = 2}),
                    ContainsSubstring("does not reach the model"));
  const auto function = [&](const Images& x) { return cropped.given(x); };
  CHECK(check_cue(some, unit, Pixel{.size = 2}, 10, function).lost == 40);
  // Not one decision of so steady a model depends on the cue, but its logits do.
  CHECK(shortcut_reliance(model, some, labels, Texture{.strength = 1e-5}).reliance() == 0);
  Images bright = some;
  bright.setConstant(1);
  CHECK_THROWS_WITH(shortcut_reliance(model, bright, labels, Pixel{}),
                    ContainsSubstring("the same in each of the 40 images"));
}
