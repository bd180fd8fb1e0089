// SPDX-License-Identifier: MIT
/// \file
/// The search for latent vectors whose images look most like an input.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "foil/core/adam.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/synthesis/bank.hpp"
#include "foil/models/synthesis/options.hpp"

namespace foil::synthesis {

/// Decoders, and a bank of latent vectors with what each of them makes of it.
template <DifferentiableModel Decoder, class = simd::Isa>
class Search {
 public:
  using Scalar = scalar_t<Decoder>;
  using Rows = Logits<Scalar>;

  /// Decodes the bank into images of so many pixels.
  Search(std::vector<Decoder> decoders, const Eigen::MatrixXd& bank, Index pixels)
      : decoders_(std::move(decoders)), latents_(bank.cast<Scalar>()), pixels_(pixels) {
    require(classes() >= 2, "analysis by synthesis: expected decoders of at least 2 classes, got ",
            classes());
    require(bank.size() > 0 && bank.allFinite(),
            "analysis by synthesis: expected a bank of finite latent vectors, got ", bank.rows(), " x ",
            bank.cols(), " numbers");
    constexpr Index together = 256;
    for (const Decoder& decoder : decoders_) {
      Rows images(latents_.rows(), pixels_);
      for (Index first = 0; first < images.rows(); first += together) {
        const Index count = std::min(together, images.rows() - first);
        images.middleRows(first, count) = images_of(decoder, latents_.middleRows(first, count));
      }
      banks_.emplace_back(latents_, std::move(images));
    }
  }

  Index classes() const { return static_cast<Index>(decoders_.size()); }
  Index pixels() const { return pixels_; }

  /// Calls found(class, first row, latent vectors, images) for every class of some rows of the targets, and
  /// then of the next ones.
  template <class Found>
  void run(const Rows& targets, const SynthesisOptions& options, double beta, const Found& found) const {
    constexpr Index together = 64;
    for (Index first = 0; first < targets.rows(); first += together) {
      const Rows some = targets.middleRows(first, std::min(together, targets.rows() - first));
      for (Index c = 0; c < classes(); ++c) {
        const Decoder& decoder = decoders_[static_cast<std::size_t>(c)];
        Rows z(some.rows(), latents_.cols());
        const std::vector<Index> best = banks_[static_cast<std::size_t>(c)].nearest(some, beta);
        for (Index i = 0; i < z.rows(); ++i) z.row(i) = latents_.row(best[static_cast<std::size_t>(i)]);
        descend(decoder, some, options, beta, z);
        found(c, first, z, images_of(decoder, z));
      }
    }
  }

 private:
  /// Latent vectors as decoders take them.
  static input_t<Decoder> as_latents(const Rows& z) {
    typename input_t<Decoder>::Dimensions shape;
    shape.fill(1);
    shape[0] = z.rows();
    shape[1] = z.cols();
    input_t<Decoder> out(shape);
    as_matrix(out) = z;
    return out;
  }
  Rows images_of(const Decoder& decoder, const Rows& z) const {
    Rows images = decoder.logits(as_latents(z));
    check_images(images, z.rows());
    return images;
  }
  void check_images(const Rows& images, Index count) const {
    require(images.rows() == count && images.cols() == pixels_,
            "analysis by synthesis: expected a decoder to make images of ", count, " x ", pixels_,
            " features, got ", images.rows(), " x ", images.cols());
  }

  /// Adam's steps of each row.
  void descend(const Decoder& decoder, const Rows& targets, const SynthesisOptions& options, double beta,
               Rows& z) const {
    const double share = 1 / static_cast<double>(pixels_);
    std::vector<Adam> adam(static_cast<std::size_t>(z.rows()), Adam(z.cols(), 0.9, Adam::Sizes::each));
    Eigen::VectorXd row(z.cols()), direction(z.cols());
    for (int step = 0; step < options.steps; ++step) {
      auto pass = decoder.vjp(as_latents(z));
      Rows cotangent = pass.logits;
      check_images(cotangent, z.rows());
      cotangent = static_cast<Scalar>(2 * share) * (cotangent - targets);
      const input_t<Decoder> gradient = pass.pullback(cotangent);
      require(samples(gradient) == z.rows() && features(gradient) == z.cols(),
              "analysis by synthesis: expected a decoder's gradient of ", z.rows(), " x ", z.cols(), ", got ",
              shape_text(gradient));
      for (Index i = 0; i < z.rows(); ++i) {
        row = z.row(i).template cast<double>();
        direction = sample(gradient, i).template cast<double>() + beta * share * row;
        adam[static_cast<std::size_t>(i)].refine(direction);
        row -= options.learning_rate * direction;
        clip(options, row);
        z.row(i) = row.template cast<Scalar>();
      }
    }
  }
  static void clip(const SynthesisOptions& options, Eigen::VectorXd& z) {
    const double length = norm2(z);
    if (!(length > options.radius)) return;
    z *= options.radius / length;
    if (options.clip == SphereClip::reference) z = z.cwiseAbs();
  }

  std::vector<Decoder> decoders_;
  Rows latents_;
  Index pixels_;
  std::vector<DecodedBank<Scalar>> banks_{};
};

}  // namespace foil::synthesis
