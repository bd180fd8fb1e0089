// SPDX-License-Identifier: MIT
/// \file
/// Analysis by synthesis: a classifier that tries to make its input, once for each class.
#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "foil/core/adam.hpp"
#include "foil/core/answers.hpp"
#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/prototypes.hpp"
#include "foil/core/simd.hpp"
#include "foil/core/sum.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/synthesis/bank.hpp"
#include "foil/models/synthesis/bound.hpp"
#include "foil/models/synthesis/options.hpp"

namespace foil {

/// Schott, Rauber, Bethge, Brendel 2019, arXiv:1805.09190 (ABS): each class has a decoder, which makes images
/// of latent vectors z. The energy of class c at an input x of n features is the least that a search finds of
///
///     E_c(x) = factor_c (|x - decoder_c(z)|^2 + beta |z|^2 / 2) / n,
///
/// and the logits are the energies with their signs reversed. The search begins with the best vector of a
/// bank, which is decoded once, and takes `steps` steps of Adam within a ball; the last vector counts.
/// docs/analysis-by-synthesis.md says what the model is good for.
///
/// Decoders are differentiable models whose input is a batch of latent vectors, of shape (N, d) or
/// (N, d, 1, ...), and whose logits are images, one column for each feature in the order of memory: an ONNX
/// file read with onnx::Options::flattened, say. They are asked about all inputs of a call at once.
///
/// Gradients are those of the energies with the latent vectors held: what they are where the search has found
/// the least energy (the envelope theorem), and near it otherwise. With a threshold they pass it unchanged.
///
/// Const and safe for threads if the decoders are; copies share the bank. A sample's answer does not depend
/// on the batch if that is so of the decoders. Cost of a row in any call: `steps` + 1 forward and `steps`
/// backward passes of each decoder, a pullback none, lower_bound_l2() twice that; and a product with the
/// bank, which takes K x bank x n numbers of memory. The constructor decodes the bank.
template <DifferentiableModel Decoder, int Rank = 4, class = simd::Isa>
class AnalysisBySynthesis {
 public:
  using Scalar = scalar_t<Decoder>;
  using Input = Tensor<Scalar, Rank>;
  using Shape = std::array<Index, static_cast<std::size_t>(Rank - 1)>;
  using Options = SynthesisOptions;
  static_assert(shareable<Decoder>, "foil: decoders have to be usable through a const reference");

  /// \param decoders  one for each class, two or more
  /// \param bank      latent vectors in rows: see latent_bank()
  /// \param shape     of one input: {1, 28, 28}
  /// \param bounds    that inputs live in
  AnalysisBySynthesis(std::vector<Decoder> decoders, const Eigen::MatrixXd& bank, Shape shape,
                      Options options = {}, Bounds<Scalar> bounds = {})
      : decoders_(std::move(decoders)),
        latents_(bank.cast<Scalar>()),
        shape_(shape),
        options_(std::move(options)),
        bounds_(std::move(bounds)) {
    require(classes() >= 2, "analysis by synthesis: expected decoders of at least 2 classes, got ",
            classes());
    require(bank.size() > 0 && bank.allFinite(),
            "analysis by synthesis: expected a bank of finite latent vectors, got ", bank.rows(), " x ",
            bank.cols(), " numbers");
    options_.check(classes());
    bounds_.check(pixels());
    decode();
  }

  const Options& options() const { return options_; }
  const Bounds<Scalar>& bounds() const { return bounds_; }
  Index classes() const { return static_cast<Index>(decoders_.size()); }
  /// Features of an input.
  Index pixels() const {
    Index count = 1;
    for (const Index extent : shape_) count *= extent;
    return count;
  }

  Logits<Scalar> logits(const Input& x) const { return prototypes(x, options_.beta).logits; }

  /// The logits and what each class makes of the inputs, in the units that energies are in: with a threshold,
  /// near 0 and 1.
  Prototypes<Scalar> reconstructions(const Input& x) const { return prototypes(x, options_.beta); }

  /// The latent vectors that the search ends at: for each class N x d.
  std::vector<Logits<Scalar>> latents(const Input& x) const {
    std::vector<Logits<Scalar>> out;
    search(x, options_.beta, [&](Index c, Index first, const Logits<Scalar>& z, const Logits<Scalar>&) {
      if (first == 0) out.emplace_back(samples(x), z.cols());
      out[static_cast<std::size_t>(c)].middleRows(first, z.rows()) = z;
    });
    return out;
  }

  auto vjp(const Input& x) const {
    Prototypes<Scalar> made = reconstructions(x);
    return Vjp{
        std::move(made.logits), [images = std::move(made.images), targets = seen(x), shape = x.dimensions(),
                                 options = options_](const Logits<Scalar>& cotangent) {
          Input gradient(shape);
          auto rows = as_matrix(gradient);
          rows.setZero();
          require(cotangent.rows() == rows.rows() && cotangent.cols() == static_cast<Index>(images.size()),
                  "analysis by synthesis: expected a cotangent of ", rows.rows(), " x ", images.size(),
                  " like the logits, got ", cotangent.rows(), " x ", cotangent.cols());
          for (Index c = 0; c < cotangent.cols(); ++c) {
            const double slope = 2 * options.factor(c) / static_cast<double>(rows.cols());
            for (Index i = 0; i < rows.rows(); ++i)
              rows.row(i) += static_cast<Scalar>(slope * static_cast<double>(cotangent(i, c))) *
                             (images[static_cast<std::size_t>(c)].row(i) - targets.row(i));
          }
          return gradient;
        }};
  }

  /// For each row a Euclidean distance within which no other class than its label explains an input better,
  /// if the searches have found the best latent vectors: an estimate, no certificate. 0 where another class
  /// is ahead. For each class its nearest image is looked for anew, by a search without `beta`.
  Eigen::VectorXd lower_bound_l2(const Input& x, const Labels& labels) const {
    check_answer(samples(x), labels.size());
    const Logits<Scalar> targets = seen(x);
    const auto kept = static_cast<std::size_t>(samples(x));
    std::vector<synthesis::Explained> own(kept);
    search(x, options_.beta,
           [&](Index c, Index first, const Logits<Scalar>& z, const Logits<Scalar>& images) {
             for (Index i = 0; i < z.rows(); ++i)
               if (labels[first + i] == c)
                 own[static_cast<std::size_t>(first + i)] =
                     explained(c, options_.beta, targets.row(first + i), images.row(i), z.row(i));
           });
    Eigen::VectorXd out = Eigen::VectorXd::Constant(samples(x), std::numeric_limits<double>::infinity());
    for (Index i = 0; i < samples(x); ++i)
      require(labels[i] >= 0 && labels[i] < classes(), "analysis by synthesis: label ", labels[i],
              " of sample ", i, " is out of range, there are classes 0 to ", classes() - 1);
    search(x, 0, [&](Index c, Index first, const Logits<Scalar>& z, const Logits<Scalar>& images) {
      for (Index i = 0; i < z.rows(); ++i) {
        const Index row = first + i;
        if (labels[row] == c) continue;
        const synthesis::Explained other = explained(c, 0, targets.row(row), images.row(i), z.row(i));
        out[row] = std::min(out[row], synthesis::change_between(own[static_cast<std::size_t>(row)], other));
      }
    });
    if (options_.threshold)
      for (Index i = 0; i < samples(x); ++i)
        out[i] = synthesis::change_before_threshold(sample(x, i), *options_.threshold, out[i]);
    return out;
  }

 private:
  using Rows = Logits<Scalar>;
  using Bank = std::vector<synthesis::DecodedBank<Scalar>>;
  static constexpr Index most_rows = 64;  // that decoders are asked about at once in a search

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
    require(images.rows() == count && images.cols() == pixels(),
            "analysis by synthesis: expected a decoder to make images of ", count, " x ", pixels(),
            " features, got ", images.rows(), " x ", images.cols());
  }

  void decode() {
    constexpr Index together = 256;
    auto bank = std::make_shared<Bank>();
    for (const Decoder& decoder : decoders_) {
      Rows images(latents_.rows(), pixels());
      for (Index first = 0; first < images.rows(); first += together) {
        const Index count = std::min(together, images.rows() - first);
        images.middleRows(first, count) = images_of(decoder, latents_.middleRows(first, count));
      }
      bank->emplace_back(latents_, std::move(images));
    }
    bank_ = std::move(bank);
  }

  /// The inputs as energies are about them.
  Rows seen(const Input& x) const {
    bool fits = true;
    for (std::size_t axis = 0; axis < shape_.size(); ++axis)
      fits = fits && x.dimensions()[axis + 1] == shape_[axis];
    require(fits, "analysis by synthesis: expected inputs of ", pixels(),
            " features each, got a batch of shape ", shape_text(x));
    Rows out = as_matrix(x);
    if (options_.threshold)
      for (Index i = 0; i < out.size(); ++i)
        out.data()[i] = static_cast<double>(out.data()[i]) >= *options_.threshold ? Scalar(1) : Scalar(0);
    return out;
  }

  /// Calls found(class, first row, latent vectors, images) for all classes of some rows, and then of the next
  /// ones.
  template <class Found>
  void search(const Input& x, double beta, const Found& found) const {
    const Rows all = seen(x);
    for (Index first = 0; first < all.rows(); first += most_rows) {
      const Rows targets = all.middleRows(first, std::min(most_rows, all.rows() - first));
      for (Index c = 0; c < classes(); ++c) {
        const Decoder& decoder = decoders_[static_cast<std::size_t>(c)];
        Rows z(targets.rows(), latents_.cols());
        const auto best = (*bank_)[static_cast<std::size_t>(c)].nearest(targets, beta);
        for (Index i = 0; i < z.rows(); ++i) z.row(i) = latents_.row(best[static_cast<std::size_t>(i)]);
        descend(decoder, targets, beta, z);
        found(c, first, z, images_of(decoder, z));
      }
    }
  }

  /// Adam's steps of each row.
  void descend(const Decoder& decoder, const Rows& targets, double beta, Rows& z) const {
    const double share = 1 / static_cast<double>(pixels());
    std::vector<Adam> adam(static_cast<std::size_t>(z.rows()), Adam(z.cols(), 0.9, Adam::Sizes::each));
    Eigen::VectorXd direction(z.cols());
    for (int step = 0; step < options_.steps; ++step) {
      auto pass = decoder.vjp(as_latents(z));
      Rows cotangent = pass.logits;
      check_images(cotangent, z.rows());
      cotangent = static_cast<Scalar>(2 * share) * (cotangent - targets);
      const input_t<Decoder> gradient = pass.pullback(cotangent);
      require(samples(gradient) == z.rows() && features(gradient) == z.cols(),
              "analysis by synthesis: expected a decoder's gradient of ", z.rows(), " x ", z.cols(), ", got ",
              shape_text(gradient));
      for (Index i = 0; i < z.rows(); ++i) {
        for (Index k = 0; k < z.cols(); ++k)
          direction[k] =
              static_cast<double>(sample(gradient, i)[k]) + beta * share * static_cast<double>(z(i, k));
        adam[static_cast<std::size_t>(i)].refine(direction);
        for (Index k = 0; k < z.cols(); ++k)
          direction[k] = static_cast<double>(z(i, k)) - options_.learning_rate * direction[k];
        clip(direction);
        for (Index k = 0; k < z.cols(); ++k) z(i, k) = static_cast<Scalar>(direction[k]);
      }
    }
  }
  void clip(Eigen::VectorXd& z) const {
    const double length = norm2(z);
    if (!(length > options_.radius)) return;
    z *= options_.radius / length;
    if (options_.clip == SphereClip::reference) z = z.cwiseAbs();
  }

  template <class Image, class Latent>
  synthesis::Explained explained(Index c, double beta, const Image& target, const Image& image,
                                 const Latent& z) const {
    const double square = sum(target.size(), [&](Index k) {
      const double way = static_cast<double>(target[k]) - static_cast<double>(image[k]);
      return way * way;
    });
    return {std::sqrt(square), beta / 2 * dot(z, z), options_.factor(c)};
  }

  Prototypes<Scalar> prototypes(const Input& x, double beta) const {
    Prototypes<Scalar> out;
    out.logits.resize(samples(x), classes());
    out.images.assign(decoders_.size(), Rows(samples(x), pixels()));
    const Rows targets = seen(x);
    search(x, beta, [&](Index c, Index first, const Rows& z, const Rows& images) {
      out.images[static_cast<std::size_t>(c)].middleRows(first, z.rows()) = images;
      for (Index i = 0; i < z.rows(); ++i) {
        const auto e = explained(c, beta, targets.row(first + i), images.row(i), z.row(i));
        const double energy = e.factor * (e.distance * e.distance + e.latent);
        out.logits(first + i, c) = static_cast<Scalar>(-energy / static_cast<double>(pixels()));
      }
    });
    return out;
  }

  std::vector<Decoder> decoders_;
  Rows latents_;
  Shape shape_;
  Options options_;
  Bounds<Scalar> bounds_;
  std::shared_ptr<const Bank> bank_;
};

}  // namespace foil
