// SPDX-License-Identifier: MIT
// A cue that goes with the class in training, but has nothing to do with it: what does a model learn
// (Geirhos et al. 2020)? A logistic regression is trained on digits with each of several cues, and asked
// about digits whose cue is that of their class, absent, drawn, or that of another class.
//
// shortcuts [picture.png]
#include <cstdio>
#include <exception>
#include <foil/evaluation/shape_bias.hpp>
#include <foil/evaluation/shortcut/shortcut_reliance.hpp>
#include <foil/io/data.hpp>
#include <foil/io/png.hpp>
#include <foil/onnx/onnx.hpp>
#include <foil/report/image.hpp>
#include <foil/report/panels.hpp>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace {

using foil::Index;
using foil::shortcut::Mode;
using Images = foil::Tensor<float, 4>;

const foil::Bounds<float> bounds(0, 1);

/// Logits of pixels times weights.
struct Logistic {
  using Input = Images;
  Eigen::MatrixXf weights = Eigen::MatrixXf::Zero(784, 10);
  Eigen::RowVectorXf offsets = Eigen::RowVectorXf::Zero(10);

  foil::Bounds<float> bounds() const { return {0.f, 1.f}; }
  foil::Logits<float> logits(const Images& x) const {
    return (foil::as_matrix(x) * weights).rowwise() + offsets;
  }

  /// Gradient descent on the cross-entropy.
  void train(const Images& x, const foil::Labels& labels) {
    const float rate = 0.5f / static_cast<float>(foil::samples(x));
    for (int step = 0; step < 100; ++step) {
      foil::Logits<float> p = logits(x);
      for (Index i = 0; i < p.rows(); ++i) {
        p.row(i) = (p.row(i).array() - p.row(i).maxCoeff()).exp().matrix().eval();
        p.row(i) /= p.row(i).sum();
        p(i, labels[i]) -= 1;
      }
      weights -= rate * foil::as_matrix(x).transpose() * p;
      offsets -= rate * p.colwise().sum();
    }
  }
};

void print(const char* who, const foil::ShortcutReliance& found) {
  const foil::Interval interval = found.interval();
  std::printf("  %-22s %8.1f %%  %6.1f %%  %6.1f %%  %8.1f %%   %6.2f  %5.2f to %.2f  %8.1f %%\n", who,
              100 * found.contradicting.first(), 100 * found.absent.second(), 100 * found.randomised.second(),
              100 * found.contradicting.second(), found.reliance(), interval.low, interval.high,
              100 * found.following());
}

void run(int argc, char** argv) {
  const std::string data = FOIL_EXAMPLES_DATA;
  const std::string picture = argc > 1 ? argv[1] : "shortcuts.png";
  const auto network = foil::onnx::load<float, 4>(data + "/mnist_cnn.onnx", {.bounds = bounds});
  const Images all = foil::io::read_images(data + "/mnist-test-1000-images.idx3-ubyte.gz", bounds);
  const foil::Labels labels = foil::io::read_labels(data + "/mnist-test-1000-labels.idx1-ubyte.gz");
  const Index training = 600, rest = foil::samples(all) - training;
  std::vector<Index> rows(static_cast<std::size_t>(foil::samples(all)));
  std::iota(rows.begin(), rows.end(), 0);
  const Images seen = foil::gather(all, std::vector<Index>(rows.begin(), rows.begin() + training)),
               fresh = foil::gather(all, std::vector<Index>(rows.begin() + training, rows.end()));
  const foil::Labels seen_labels = labels.head(training), fresh_labels = labels.tail(rest);

  namespace shortcut = foil::shortcut;
  const std::vector<std::pair<std::string, shortcut::Cue>> cues{
      {"square of 1 x 1", shortcut::Pixel{}},
      {"square of 2 x 2", shortcut::Pixel{.size = 2}},
      {"square of 4 x 4", shortcut::Pixel{.size = 4}},
      {"frame of 2", shortcut::Border{.width = 2}},
      {"waves of strength 0.25", shortcut::Texture{}},
      {"waves of strength 0.5", shortcut::Texture{.strength = 0.5}},
      {"place, by 3 pixels", shortcut::Position{.step = 3}}};
  std::printf(
      "%ld MNIST images; the cue is            own    absent    drawn   another's   reliance, 95 %%      "
      "follows the cue\n",
      static_cast<long>(rest));
  const foil::report::ImageForm form{1, 28, 28, 0, 1};
  std::vector<foil::report::PanelBlock> blocks;
  for (const auto& [name, cue] : cues) {
    Logistic trained;
    trained.train(shortcut::plant(seen, seen_labels, bounds, cue, Mode::consistent).images, seen_labels);
    std::printf("%s\n", name.c_str());
    print("trained on it", foil::shortcut_reliance(trained, fresh, fresh_labels, cue));
    print("network that was not", foil::shortcut_reliance(network, fresh, fresh_labels, cue));

    const auto own = shortcut::plant(fresh, fresh_labels, bounds, cue, Mode::consistent),
               another = shortcut::plant(fresh, fresh_labels, bounds, cue, Mode::contradicting);
    auto& block = blocks.emplace_back(
        foil::report::PanelBlock{name, "own class, another one", {"own", "another's"}, {}});
    for (Index i = 0; i < 3; ++i) {
      const auto a = foil::sample(own.images, i), b = foil::sample(another.images, i);
      block.rows.push_back({foil::text(fresh_labels[i], " as ", another.cues[i]),
                            {foil::report::picture_of(form, {a.begin(), a.end()}),
                             foil::report::picture_of(form, {b.begin(), b.end()})}});
    }
    if (name != "waves of strength 0.5") continue;
    for (const auto& [who, bias] :
         {std::pair{"  shape bias, trained on it",
                    foil::cue_conflict(trained, another.images, fresh_labels, another.cues, 10)},
          std::pair{"  shape bias, network that was not",
                    foil::cue_conflict(network, another.images, fresh_labels, another.cues, 10)}}) {
      const foil::Interval interval = bias.interval();
      std::printf("%-34s %.3f, %.3f to %.3f, of the %.1f %% that are either\n", who, bias.bias(),
                  interval.low, interval.high, 100 * bias.either());
    }
  }
  foil::io::write_png(picture, foil::report::draw_panels("Cues that tell the class", 28, 28, blocks));
  std::printf("\nPicture: %s\n", picture.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "shortcuts: %s\n", error.what());
    return 2;
  }
}
