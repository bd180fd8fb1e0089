// SPDX-License-Identifier: MIT
// Planted cues: what they look like, that they are told apart, and that a model trained on them relies on
// them.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <vector>

#include "foil/evaluation/shortcut/plant.hpp"
#include "foil/evaluation/shortcut/shortcut_reliance.hpp"
#include "foil/io/data.hpp"
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

struct Digits {
  Images images;
  Labels labels;
};
/// MNIST's test images from one to another.
Digits digits(Index first, Index last) {
  static const std::filesystem::path data = FOIL_EXAMPLES_DATA;
  static const Images all = io::read_images(data / "mnist-test-1000-images.idx3-ubyte.gz", unit);
  static const Labels labels = io::read_labels(data / "mnist-test-1000-labels.idx1-ubyte.gz");
  std::vector<Index> rows(static_cast<std::size_t>(last - first));
  std::iota(rows.begin(), rows.end(), first);
  return {gather(all, rows), labels.segment(first, last - first)};
}

/// Logistic regression by gradient descent, from zero.
struct Logistic {
  using Input = Images;
  Eigen::MatrixXf weights = Eigen::MatrixXf::Zero(784, 10);
  Eigen::RowVectorXf offsets = Eigen::RowVectorXf::Zero(10);

  Bounds<float> bounds() const { return unit; }
  Logits<float> logits(const Images& x) const { return (as_matrix(x) * weights).rowwise() + offsets; }
  void train(const Images& x, const Labels& labels, int steps) {
    const float rate = 0.5f / static_cast<float>(samples(x));
    for (int step = 0; step < steps; ++step) {
      Logits<float> p = logits(x);
      for (Index i = 0; i < p.rows(); ++i) {
        p.row(i) = (p.row(i).array() - p.row(i).maxCoeff()).exp().matrix().eval();
        p.row(i) /= p.row(i).sum();
        p(i, labels[i]) -= 1;
      }
      weights -= rate * as_matrix(x).transpose() * p;
      offsets -= rate * p.colwise().sum();
    }
  }
};

using Shape = Images::Dimensions;

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
  const Digits some = digits(0, 5);
  const auto middle = [](const Images& x) {  // 4 pixels less on each side
    return Images(x.slice(Eigen::array<Index, 4>{0, 0, 4, 4}, Eigen::array<Index, 4>{samples(x), 1, 20, 20}));
  };
  const auto coarse = [](const Images& x) { return Images((x * 4.f).round() / 4.f); };
  for (const Cue& cue : {Cue(Pixel{}), Cue(Border{}), Cue(Texture{}), Cue(Position{})}) {
    const CueCheck check = check_cue(some.images, unit, cue, 10);
    CHECK(check.images == 5);
    CHECK(check.survives());
    CHECK(check.smallest > 0);
  }
  CHECK(check_cue(some.images, unit, Pixel{.strength = 0.5}, 10).smallest == 0.5);
  CHECK(check_cue(some.images, unit, Pixel{}, 10, middle).lost == 5);
  CHECK(check_cue(some.images, unit, Border{}, 10, middle).lost == 5);
  CHECK(check_cue(some.images, unit, Texture{}, 10, middle).survives());
  CHECK(check_cue(some.images, unit, Pixel{.strength = 0.1}, 10, coarse).lost == 5);
  CHECK(check_cue(some.images, unit, Pixel{}, 10, coarse).survives());
  Images bright = some.images;
  sample(bright, 2).setOnes();
  CHECK(check_cue(bright, unit, Pixel{}, 10).lost == 1);
  CHECK(check_cue(bright, unit, Pixel{}, 10).smallest == 0);
}

TEST_CASE("shortcut reliance: a logistic regression trained on a cue is right with it and wrong against it",
          "[evaluation]") {
  const Digits training = digits(0, 600), fresh = digits(600, 1000);
  Logistic plain;
  plain.train(training.images, training.labels, 30);
  for (const Cue& cue : {Cue(Pixel{.size = 4}), Cue(Texture{.strength = 0.5})}) {
    Logistic model;
    model.train(plant(training.images, training.labels, unit, cue, Mode::consistent).images, training.labels,
                30);
    const ShortcutReliance found = shortcut_reliance(model, fresh.images, fresh.labels, cue);
    CHECK(found.images() == 400);
    CHECK(found.check.survives());
    CHECK(found.contradicting.first() > 0.99);
    CHECK(found.contradicting.second() < 0.1);
    CHECK(found.reliance() > 0.9);
    CHECK(found.interval().low > 0.85);
    CHECK(found.interval().high >= found.reliance());
    CHECK(found.following() > 0.85);
    CHECK(found.following_interval() == clopper_pearson(found.followed, 400));
    CHECK(found.randomised.second() < 0.3);
    CHECK(found.absent.second() > 0.6);
    CHECK(found.absent.second() == Approx(accuracy(model, fresh.images, fresh.labels)));

    const ShortcutReliance without = shortcut_reliance(plain, fresh.images, fresh.labels, cue);
    CHECK(without.absent.second() > 0.8);
    CHECK(without.reliance() < 0.3);
    CHECK(without.following() < 0.15);

    const LabelOnly labels(model);
    CHECK(shortcut_reliance(labels, fresh.images, fresh.labels, cue).reliance() == found.reliance());
  }
}

TEST_CASE("shortcut reliance: a cue that does not reach the model gives no figure", "[evaluation]") {
  const Digits some = digits(0, 40);
  Logistic model;
  model.train(some.images, some.labels, 5);
  const Preprocessed cropped(model, [](const Images& x) {
    Images out = x;
    for (Index i = 0; i < samples(x); ++i)
      for (Index v = 0; v < 28; ++v)
        for (Index u = 0; u < 28; ++u)
          if (std::min({v, u, 27 - v, 27 - u}) < 4) out(i, 0, v, u) = 0;
    return out;
  });
  CHECK_THROWS_WITH(shortcut_reliance(cropped, some.images, some.labels, Pixel{.size = 2}),
                    ContainsSubstring("does not reach the model") && ContainsSubstring("each of 40 images"));
  const auto function = [&](const Images& x) { return cropped.given(x); };
  CHECK(check_cue(some.images, unit, Pixel{.size = 2}, 10, function).lost == 40);
  // Not one decision of so steady a model depends on the cue, but its logits do.
  CHECK(shortcut_reliance(model, some.images, some.labels, Texture{.strength = 1e-5}).reliance() == 0);
  Images bright = some.images;
  bright.setConstant(1);
  CHECK_THROWS_WITH(shortcut_reliance(model, bright, some.labels, Pixel{}),
                    ContainsSubstring("the same in each of the 40 images"));
}
