// SPDX-License-Identifier: MIT
// What a logistic regression learns of digits with a cue.
#include <filesystem>
#include <numeric>
#include <vector>

#include "foil/evaluation/accuracy.hpp"
#include "foil/evaluation/shortcut/plant.hpp"
#include "foil/evaluation/shortcut/shortcut_reliance.hpp"
#include "foil/io/data.hpp"
#include "support/catch.hpp"

namespace {
using namespace foil;
using namespace foil::shortcut;
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

}  // namespace

TEST_CASE("shortcut reliance: a logistic regression trained on a cue is right with it and wrong against it",
          "[examples]") {
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
  }
}
