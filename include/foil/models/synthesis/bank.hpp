// SPDX-License-Identifier: MIT
/// \file
/// Latent vectors to begin with, and the one among them that looks most like an input.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "foil/core/error.hpp"
#include "foil/core/random.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/synthesis/options.hpp"

namespace foil {

/// Latent vectors from a standard normal distribution, one in each row, without those of lowest density: so
/// many of the shortest, in the order in which they were drawn.
inline Eigen::MatrixXd latent_bank(Index dimensions, const LatentBankOptions& options = {}) {
  require(dimensions >= 1, "latent bank: expected at least one dimension, got ", dimensions);
  require(options.samples >= 1, "latent bank: expected at least one sample, got ", options.samples);
  require(options.dismissed >= 0 && options.dismissed < 1,
          "latent bank: expected a share dismissed in [0, 1), got ", options.dismissed);
  const auto kept = static_cast<std::size_t>(options.samples);
  const auto drawn = static_cast<std::size_t>(static_cast<double>(kept) / (1 - options.dismissed));
  std::vector<Eigen::VectorXd> vectors(std::max(kept, drawn), Eigen::VectorXd(dimensions));
  std::vector<double> lengths;
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    RandomDraw draw(random_key(options.seed, "latent-bank"), i, Purpose::model, 0);
    draw.fill_normal(vectors[i]);
    lengths.push_back(norm2(vectors[i]));
  }
  std::vector<std::size_t> order(vectors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return lengths[a] != lengths[b] ? lengths[a] < lengths[b] : a < b;
  });
  order.resize(kept);
  std::sort(order.begin(), order.end());
  Eigen::MatrixXd bank(options.samples, dimensions);
  for (std::size_t i = 0; i < kept; ++i) bank.row(static_cast<Index>(i)) = vectors[order[i]].transpose();
  return bank;
}

namespace synthesis {

/// Images of one class by one decoder, to be searched for the nearest one. What is found for an input does
/// not depend on the inputs beside it.
template <class T, class = simd::Isa>
class DecodedBank {
 public:
  /// What was decoded and the images of it, in rows.
  DecodedBank(const Logits<T>& latents, Logits<T> images) : images_(std::move(images)) {
    for (Index j = 0; j < images_.rows(); ++j) {
      image_squares_.push_back(dot(images_.row(j), images_.row(j)));
      latent_squares_.push_back(dot(latents.row(j), latents.row(j)));
    }
  }

  /// For each row of x the image of least squared distance + beta / 2 times the square of its latent vector,
  /// the first of several; 0 for rows that are not finite.
  std::vector<Index> nearest(const Logits<T>& x, double beta) const {
    std::vector<Index> best(static_cast<std::size_t>(x.rows()), 0);
    std::vector<double> least(best.size(), std::numeric_limits<double>::infinity());
    std::vector<double> offsets;  // half of what does not depend on x, but for its own square
    for (std::size_t j = 0; j < image_squares_.size(); ++j)
      offsets.push_back(image_squares_[j] / 2 + beta * latent_squares_[j] / 4);
    for (Index j = 0; j < images_.rows(); j += width)
      for (Index i = 0; i < x.rows(); i += height) {
        const auto products = multiply(x, i, j);
        for (Index a = 0; a < std::min(height, x.rows() - i); ++a)
          for (Index b = 0; b < std::min(width, images_.rows() - j); ++b) {
            const auto row = static_cast<std::size_t>(i + a);
            const double half = offsets[static_cast<std::size_t>(j + b)] -
                                static_cast<double>(products[static_cast<std::size_t>(a * width + b)]);
            if (!(half < least[row])) continue;
            least[row] = half;
            best[row] = j + b;
          }
      }
    return best;
  }

 private:
  static constexpr Index height = 4, width = 2;

  /// Of `height` inputs from i on and `width` images from j on; those beyond the end repeat the last one.
  std::array<T, static_cast<std::size_t>(height* width)> multiply(const Logits<T>& x, Index i,
                                                                  Index j) const {
    using namespace simd;
    constexpr auto rows = static_cast<std::size_t>(height), columns = static_cast<std::size_t>(width);
    const Index n = images_.cols();
    const T *inputs[rows], *images[columns];
    for (std::size_t a = 0; a < rows; ++a)
      inputs[a] = x.data() + std::min(i + static_cast<Index>(a), x.rows() - 1) * n;
    for (std::size_t b = 0; b < columns; ++b)
      images[b] = images_.data() + std::min(j + static_cast<Index>(b), images_.rows() - 1) * n;
    Pack<T> sum[rows * columns]{};
    const auto add = [&](const auto& read) {
      Pack<T> image[columns];
      unroll<columns>([&](auto b) { image[b] = read(images[b]); });
      unroll<rows>([&](auto a) {
        const Pack<T> input = read(inputs[a]);
        unroll<columns>(
            [&](auto b) { sum[a * columns + b] = multiply_add<T>(input, image[b], sum[a * columns + b]); });
      });
    };
    Index k = 0;
    for (; k + lanes<T> <= n; k += lanes<T>) add([k](const T* from) { return load<T>(from + k); });
    if (k < n) add([k, n](const T* from) { return load_partial<T>(from + k, n - k); });
    std::array<T, rows * columns> out;
    for (std::size_t at = 0; at < out.size(); ++at) out[at] = horizontal_sum<T>(sum[at]);
    return out;
  }

  Logits<T> images_;
  std::vector<double> image_squares_, latent_squares_;
};

}  // namespace synthesis

}  // namespace foil
