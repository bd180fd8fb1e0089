// SPDX-License-Identifier: MIT
/// \file
/// A run of ten attacks on a network so small that it takes a second or two: for what has to come to its
/// bits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/foil_evaluate.hpp"

namespace foil_test {

/// Writes a network of two layers, 16 features and 3 classes, and images for it, of whose labels some are
/// wrong. Everything is made of sines.
inline void write_small_problem(const std::filesystem::path& folder, int images) {
  const auto wave = [](std::size_t i, double pitch) {
    return static_cast<float>(std::sin(pitch * static_cast<double>(i + 1)));
  };
  constexpr std::size_t features = 16, hidden = 12, classes = 3;
  std::vector<float> w1(hidden * features), w2(classes * hidden), b1(hidden), b2(classes, 0);
  for (std::size_t i = 0; i < w1.size(); ++i) w1[i] = wave(i, 1.7);
  for (std::size_t i = 0; i < w2.size(); ++i) w2[i] = wave(i, 2.3);
  for (std::size_t i = 0; i < b1.size(); ++i) b1[i] = wave(i, 0.9) / 2;
  using foil::test::attribute;
  foil::test::OnnxBuilder network({-1, 1, 4, 4});
  network.constant("w1", {hidden, features}, w1).constant("b1", {hidden}, b1);
  network.constant("w2", {classes, hidden}, w2).constant("b2", {classes}, b2);
  network.node("Flatten", {"x"}, "flat").node("Gemm", {"flat", "w1", "b1"}, "h", {attribute("transB", 1)});
  network.node("Relu", {"h"}, "r").node("Gemm", {"r", "w2", "b2"}, "y", {attribute("transB", 1)});
  write(folder / "net.onnx", network.bytes());

  const auto count = static_cast<std::size_t>(images);
  std::vector<float> x(count * features);
  std::vector<int> labels(count);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.5f + 0.45f * wave(i, 3.1 + 1e-3);
  for (std::size_t n = 0; n < count; ++n) {
    std::vector<double> y(classes, 0);
    for (std::size_t h = 0; h < hidden; ++h) {
      double sum = b1[h];
      for (std::size_t f = 0; f < features; ++f) sum += w1[h * features + f] * x[n * features + f];
      for (std::size_t c = 0; c < classes; ++c) y[c] += w2[c * hidden + h] * std::max(0.0, sum);
    }
    labels[n] = static_cast<int>(std::max_element(y.begin(), y.end()) - y.begin());
    if (n % 11 == 5) labels[n] = (labels[n] + 1) % 3;
  }
  foil::io::write_npy<float>(folder / "images.npy", x, {images, 1, 4, 4});
  foil::io::write_npy<int>(folder / "labels.npy", labels, {images});
}

/// The run, in a directory, of the problem that is in another. A block is of 256 samples.
inline Arguments ten_attacks(const std::filesystem::path& problem, const std::filesystem::path& dir) {
  return {"--model",        (problem / "net.onnx").string(),
          "--images",       (problem / "images.npy").string(),
          "--labels",       (problem / "labels.npy").string(),
          "--out",          (dir / "results.json").string(),
          "--adversarials", (dir / "adversarials").string(),
          "--curve",        (dir / "curve.csv").string(),
          "--batch-size",   "16",
          "--budget",       "40",
          "--epsilon",      "0.1",
          "--attack",       "linf-pgd:steps=12",
          "--attack",       "linf-standard",
          "--attack",       "boundary",
          "--attack",       "l2-brendel-bethge:steps=10",
          "--attack",       "fgsm",
          "--attack",       "linf-square",
          "--attack",       "l2-closest:gradients=12",
          "--attack",       "linf-additive-uniform-noise",
          "--attack",       "dataset",
          "--attack",       "minimal-l1-pgd:steps=3"};
}

/// The same for one thread, unless told otherwise.
inline Arguments ten_attacks(const TemporaryDirectory& problem, const TemporaryDirectory& dir,
                             const std::string& threads = "1") {
  return ten_attacks(problem.path(), dir.path()) + Arguments{"--threads", threads};
}

}  // namespace foil_test
