// SPDX-License-Identifier: MIT
// The evidence of patches, on a model that is a bag of them by construction, and on one that is not.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <utility>
#include <vector>

#include "foil/evaluation/patches/additivity_gap.hpp"
#include "foil/evaluation/patches/patch_evidence.hpp"
#include "foil/evaluation/patches/patch_shuffle.hpp"
#include "foil/models/lambdas.hpp"
#include "support/catch.hpp"
#include "support/models.hpp"

namespace {
using namespace foil;
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
using Images = Tensor<double, 4>;

/// The mean over q x q patches side by side of one affine map of a patch, or its square.
struct Bag {
  using Input = Images;
  Index q = 4, channels = 2, classes = 3;
  bool squared = false, last = false;  // the square of the mean; channels last
  Eigen::MatrixXd weights{};           // classes x (channels * q * q)
  mutable Index rows = 0;

  explicit Bag(bool square = false, bool channels_last = false)
      : squared(square), last(channels_last), weights(classes, channels * q * q) {
    test::Random random(5);
    for (Index k = 0; k < classes; ++k) weights.row(k) = random.normals(weights.cols()).transpose();
  }
  Bounds<double> bounds() const { return {-1., 3.}; }
  Eigen::VectorXd local(const Images& x, Index i, Index top, Index left) const {
    Eigen::VectorXd z = Eigen::VectorXd::LinSpaced(classes, 0.5, 1.5);
    for (Index k = 0; k < classes; ++k)
      for (Index c = 0; c < channels; ++c)
        for (Index v = 0; v < q; ++v)
          for (Index u = 0; u < q; ++u)
            z[k] += weights(k, (c * q + v) * q + u) *
                    (last ? x(i, top + v, left + u, c) : x(i, c, top + v, left + u));
    return z;
  }
  Logits<double> logits(const Images& x) const {
    rows += samples(x);
    const Index height = x.dimension(last ? 1 : 2), width = x.dimension(last ? 2 : 3);
    Logits<double> out(samples(x), classes);
    for (Index i = 0; i < samples(x); ++i) {
      Eigen::VectorXd sum = Eigen::VectorXd::Zero(classes);
      for (Index v = 0; v < height; v += q)
        for (Index u = 0; u < width; u += q) sum += local(x, i, v, u);
      sum *= static_cast<double>(q * q) / static_cast<double>(height * width);
      if (squared) sum = sum.cwiseAbs2().eval();
      out.row(i) = sum.transpose();
    }
    return out;
  }
};

Images pictures(Index count = 3, bool last = false) {
  test::Random random(8);
  const Images::Dimensions shape =
      last ? Images::Dimensions(count, 12, 16, 2) : Images::Dimensions(count, 2, 12, 16);
  return test::random_batch<Images>(random, shape, -1, 3);
}
const Labels targets{{2, 0, 1}};

}  // namespace

TEST_CASE("patch evidence: of a bag of patches it is each patch's own logit, and adds up", "[evaluation]") {
  for (const bool last : {false, true}) {
    const Bag bag(false, last);
    const Images x = pictures(3, last);
    const Logits<double> logits = bag.logits(x);
    for (const PatchView view : {PatchView::present, PatchView::occlude}) {
      bag.rows = 0;
      const PatchEvidence e =
          patch_evidence(bag, x, targets, view,
                         {.patch = 4, .baseline = {0.25, -0.5}, .channels_last = last, .batch_size = 5});
      CHECK(bag.rows == 3 * 12 + 3 + 1);
      REQUIRE(e.grid.rows() == 3);
      REQUIRE(e.grid.columns() == 4);
      const Logits<double> local = e.local_logits();
      for (Index i = 0; i < 3; ++i) {
        CHECK(e.whole[i] == logits(i, targets[i]));
        for (Index p = 0; p < 12; ++p)
          CHECK(local(i, p) == Approx(bag.local(x, i, p / 4 * 4, p % 4 * 4)[targets[i]]).margin(1e-9));
        CHECK(local.row(i).mean() == Approx(e.whole[i]).margin(1e-9));
        CHECK(e.values.row(i).sum() == Approx(e.whole[i] - e.blank[i]).margin(1e-9));
        const auto map = e.map(i);
        CHECK(map[0] == static_cast<float>(e.values(i, 0)));
        CHECK(map[5 * 16 + 13] == static_cast<float>(e.values(i, 7)));
      }
    }
  }
}

TEST_CASE(
    "patch evidence: the baseline is what an absent patch looks like, by default the middle of the bounds",
    "[evaluation]") {
  const Bag bag;
  const Images x = pictures();
  const auto blank = [&](std::vector<double> baseline) {
    return patch_evidence(bag, x, targets, PatchView::present, {.patch = 4, .baseline = std::move(baseline)})
        .blank;
  };
  const Eigen::MatrixXd& w = bag.weights;
  const Eigen::VectorXd offset = Eigen::VectorXd::LinSpaced(3, 0.5, 1.5);
  for (Index i = 0; i < 3; ++i) {
    const Index k = targets[i];
    const double sum = w.row(k).sum(), first = w.row(k).head(16).sum();
    CHECK(blank({})[i] == Approx(offset[k] + sum));
    CHECK(blank({0.5})[i] == Approx(offset[k] + sum / 2));
    CHECK(blank({0.5, 2})[i] == Approx(offset[k] + first / 2 + 2 * (sum - first)));
  }
  CHECK_THROWS_WITH(blank({0, 0, 0}), ContainsSubstring("for each of 2, got 3"));
  CHECK_THROWS_WITH(blank({3.5}), ContainsSubstring("within [-1, 3], got 3.5"));
  const double inf = std::numeric_limits<double>::infinity();
  const auto open =
      make_model<Images>(Bounds<double>(-inf, inf), [&](const Images& y) { return bag.logits(y); });
  CHECK_THROWS_WITH(patch_evidence(open, x, targets, PatchView::present, {.patch = 4}),
                    ContainsSubstring("no middle"));
  CHECK_NOTHROW(patch_evidence(open, x, targets, PatchView::present, {.patch = 4, .baseline = {0}}));
}

TEST_CASE("patches: they cover the image whatever their stride, the last ones cut off", "[evaluation]") {
  const geometry::ImageLayout image{1, 10, 7};
  const PatchGrid grid(image, {.patch = 4, .stride = 3});
  CHECK(grid.rows() == 3);
  CHECK(grid.columns() == 2);
  CHECK_FALSE(grid.apart());
  CHECK(grid.square(5).top == 6);
  CHECK(grid.square(5).left == 3);
  CHECK(grid.square(5).height == 4);
  CHECK(PatchGrid(image, {.patch = 4}).square(5).height == 2);
  CHECK(PatchGrid(image, {.patch = 4}).square(5).width == 3);
  CHECK(PatchGrid(image, {.patch = 4}).apart());
  CHECK(PatchGrid(image, {.patch = 3}).between(0, 2) == 3);
  CHECK(PatchGrid(image, {.patch = 3}).between(0, 4) == 0);
  for (Index patch = 1; patch < 10; ++patch)
    for (Index stride = 1; stride <= patch; ++stride) {
      const PatchGrid any(image, {.patch = patch, .stride = stride});
      Eigen::VectorXd values(any.size());
      for (Index i = 0; i < any.size(); ++i) values[i] = 2;
      const auto map = any.spread(values);
      CHECK(std::all_of(map.begin(), map.end(), [](float v) { return v == 2; }));
    }
  Eigen::VectorXd values = Eigen::VectorXd::Zero(6);
  values[0] = 1;
  CHECK(grid.spread(values)[3 * 7 + 3] == 0.25f);  // one of four that cover it
  CHECK_THROWS_WITH(PatchGrid(image, {.patch = 10}), ContainsSubstring("smaller than the images of 10 x 7"));
  CHECK_THROWS_WITH(PatchGrid(image, {.patch = 4, .stride = 5}), ContainsSubstring("stride from 1 to"));
  CHECK_THROWS_WITH(PatchGrid(image, {.patch = 4, .batch_size = 0}), ContainsSubstring("batch size"));
}

TEST_CASE("additivity gap: what is always the same correlates with nothing", "[evaluation]") {
  for (const double value : {0.3, 0.7, 1.1, 2.3})  // the mean of seven or eleven is another number
    for (const Index draws : {3, 7, 10, 11}) {
      Additivity same{Logits<double>::Constant(1, draws, value),
                      Logits<double>::Constant(1, draws, 2 * value)};
      CHECK(std::isnan(same.correlation()));
      same.sums.row(0).setLinSpaced(0, 1);
      CHECK(std::isnan(same.correlation()));
    }
}

TEST_CASE("additivity gap: none of a bag of patches, and of the square of one what the square makes of it",
          "[evaluation]") {
  const Images x = pictures();
  const Bag bag, square(true);
  for (const PatchView view : {PatchView::present, PatchView::occlude}) {
    AdditivityOptions options{.patches = {.patch = 4}, .view = view, .together = 3, .draws = 6};
    bag.rows = 0;
    const Additivity none = additivity_gap(bag, x, targets, options);
    CHECK(bag.rows == 3 * 12 + 3 + 1 + 3 * 6);
    CHECK(none.gap() < 1e-12);
    CHECK(none.correlation() == Approx(1));
    CHECK(none.joints.cwiseAbs().minCoeff() > 1e-6);
    const Additivity some = additivity_gap(square, x, targets, options);
    CHECK(some.gap() > 0.05);
    CHECK(some.gap() <= std::max({some.gap(0), some.gap(1), some.gap(2)}));
    const Additivity again = additivity_gap(square, x, targets, options);
    CHECK(again.joints == some.joints);
    options.seed = 1;
    CHECK(additivity_gap(square, x, targets, options).joints != some.joints);

    // All patches at once: the mean goes from b to m, step by step a_1 + ... + a_n, from either end.
    options.together = 12;
    options.draws = 1;
    const PatchEvidence steps = patch_evidence(bag, x, targets, view, options.patches);
    const Additivity all = additivity_gap(square, x, targets, options);
    for (Index i = 0; i < 3; ++i) {
      const double m = steps.whole[i], b = steps.blank[i];
      const double from = view == PatchView::present ? b : m, way = view == PatchView::present ? 1 : -1;
      double sum = 0;
      for (Index p = 0; p < 12; ++p)
        sum += way * (std::pow(from + way * steps.values(i, p), 2) - from * from);
      CHECK(all.joints(i, 0) == Approx(m * m - b * b));
      CHECK(all.sums(i, 0) == Approx(sum));
      CHECK(all.gap(i) == Approx(std::abs(sum - (m * m - b * b)) / std::abs(m * m - b * b)));
    }
  }
  CHECK(std::isnan(Additivity{Logits<double>::Zero(1, 2), Logits<double>::Zero(1, 2)}.gap()));
  CHECK(Additivity{Logits<double>{{3, 1}}, Logits<double>{{2, -2}}}.gap() == 1);
}

TEST_CASE("additivity gap: patches are different and as far apart as asked", "[evaluation]") {
  const PatchGrid grid({1, 24, 24}, {.patch = 4});
  std::set<Index> seen;
  for (std::uint32_t draw = 0; draw < 40; ++draw) {
    const auto taken = foil::detail::spaced_patches(grid, {.together = 4, .apart = 4},
                                                    RandomDraw(1, 0, Purpose::permutation, draw));
    REQUIRE(taken.size() == 4);
    for (std::size_t a = 0; a < 4; ++a) {
      seen.insert(taken[a]);
      for (std::size_t b = 0; b < a; ++b) CHECK(grid.between(taken[a], taken[b]) >= 4);
    }
  }
  CHECK(seen.size() == 36);
  const Bag bag;
  const Images x = pictures();
  CHECK_THROWS_WITH(additivity_gap(bag, x, targets, {.patches = {.patch = 4}, .together = 12, .apart = 1}),
                    ContainsSubstring("12 patches 1 pixels apart"));
  CHECK_THROWS_WITH(additivity_gap(bag, x, targets, {.patches = {.patch = 4, .stride = 2}}),
                    ContainsSubstring("do not overlap"));
  CHECK_THROWS_WITH(additivity_gap(bag, x, targets, {.patches = {.patch = 4}, .together = 13}),
                    ContainsSubstring("2 to 12"));
}

TEST_CASE("patch shuffle: a bag of patches does not mind, patches stay whole", "[evaluation]") {
  const Images x = pictures(20);
  const Bag bag;
  const Images shuffled = shuffle_patches(x, 4);
  CHECK((bag.logits(shuffled) - bag.logits(x)).cwiseAbs().maxCoeff() < 1e-12);
  CHECK(as_matrix(shuffled) == as_matrix(shuffle_patches(x, 4)));
  CHECK(as_matrix(shuffled) != as_matrix(shuffle_patches(x, 4, 1)));

  // Images of one pixel per patch: a permutation, each with the same chance.
  Tensor<double, 4> numbers(6000, 1, 1, 3);
  for (Index i = 0; i < 6000; ++i) sample(numbers, i) = Eigen::VectorXd{{0, 1, 2}};
  const auto permuted = shuffle_patches(numbers, 1);
  std::vector<int> orders(27);
  for (Index i = 0; i < 6000; ++i)
    ++orders[static_cast<std::size_t>(permuted(i, 0, 0, 0) * 9 + permuted(i, 0, 0, 1) * 3 +
                                      permuted(i, 0, 0, 2))];
  CHECK(std::count(orders.begin(), orders.end(), 0) == 21);
  for (const int n : orders) CHECK((n == 0 || (n > 880 && n < 1120)));

  Labels labels = argmax<double>(bag.logits(x));
  labels[0] = (labels[0] + 1) % 3;
  const PairedAccuracy same = patch_shuffle(bag, x, labels, 4);
  CHECK(same.samples == 20);
  CHECK(same.both == 19);
  CHECK(same.only_first + same.only_second == 0);
  const PairedAccuracy cut = patch_shuffle(bag, x, labels, 2);  // through the middle of its patches
  CHECK(cut.right_first() == 19);
  CHECK(cut.only_first > 0);
  CHECK_THROWS_WITH(shuffle_patches(x, 5), ContainsSubstring("divides those of the images of 12 x 16"));
  CHECK_THROWS_WITH(shuffle_patches(x, 16), ContainsSubstring("smaller than"));
}

TEST_CASE("patch evidence: answers that are not finite stay so, and what is given is checked",
          "[evaluation]") {
  const Images x = pictures();
  const Bag bag;
  const auto broken = make_model<Images>(bag.bounds(), [&](const Images& y) {
    Logits<double> z = bag.logits(y);
    if (samples(y) == 12) z(5, 2) = std::numeric_limits<double>::quiet_NaN();
    return z;
  });
  const PatchEvidence e =
      patch_evidence(broken, x, targets, PatchView::present, {.patch = 4, .batch_size = 12});
  CHECK(std::isnan(e.values(0, 5)));
  CHECK(std::isfinite(e.values(0, 4)));
  CHECK_THROWS_WITH(patch_evidence(bag, x, Labels{{0, 1, 3}}, PatchView::present, {.patch = 4}),
                    ContainsSubstring("classes below 3, got 3 for image 2"));
  CHECK_THROWS_WITH(patch_evidence(bag, x, Labels{{0}}, PatchView::present, {.patch = 4}),
                    ContainsSubstring("each of 3 images"));
  CHECK_THROWS_WITH(
      patch_evidence(bag, x, targets, PatchView::present, {.patch = 4, .stride = 2}).local_logits(),
      ContainsSubstring("do not overlap"));
}
