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
#include "foil/models/synthesis/search.hpp"

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
/// file read with onnx::Options::flattened, say. They are asked about up to 64 inputs at once.
///
/// Gradients are those of the energies with the latent vectors held: what they are where the search has found
/// the least energy (the envelope theorem), and near it otherwise. With a threshold they pass it unchanged.
///
/// Const, and safe for threads if the decoders are; copies share decoders and bank. A sample's answer does
/// not depend on the batch if that is so of the decoders. Cost of a row in any call: `steps` + 1 forward and
/// `steps` backward passes of each decoder, and a product with the decoded bank, which takes classes x bank x
/// n numbers of memory; lower_bound_l2() twice that, a pullback next to nothing. The constructor decodes the
/// bank.
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
      : shape_(shape), options_(std::move(options)), bounds_(std::move(bounds)) {
    Index pixels = 1;
    for (const Index extent : shape_) pixels *= extent;
    bounds_.check(pixels);
    options_.check(static_cast<Index>(decoders.size()));
    search_ = std::make_shared<const Search>(std::move(decoders), bank, pixels);
  }

  /// The same decoders, bank and bounds with other options.
  AnalysisBySynthesis with(Options options) const {
    options.check(classes());
    AnalysisBySynthesis out = *this;
    out.options_ = std::move(options);
    return out;
  }

  const Options& options() const { return options_; }
  const Bounds<Scalar>& bounds() const { return bounds_; }
  Index classes() const { return search_->classes(); }

  Logits<Scalar> logits(const Input& x) const { return reconstructions(x).logits; }

  /// The logits and what each class makes of the inputs: with a threshold, of the binary ones.
  Prototypes<Scalar> reconstructions(const Input& x) const { return made_of(seen(x)); }

  /// The latent vectors that the search ends at: for each class N x d.
  std::vector<Logits<Scalar>> latents(const Input& x) const {
    std::vector<Logits<Scalar>> out;
    run(seen(x), options_.beta, [&](Index c, Index first, const Rows& z, const Rows&) {
      if (first == 0) out.emplace_back(samples(x), z.cols());
      out[static_cast<std::size_t>(c)].middleRows(first, z.rows()) = z;
    });
    return out;
  }

  auto vjp(const Input& x) const {
    Rows targets = seen(x);
    Prototypes<Scalar> made = made_of(targets);
    return Vjp{std::move(made.logits),
               [images = std::move(made.images), targets = std::move(targets), shape = x.dimensions(),
                options = options_](const Logits<Scalar>& cotangent) {
                 require(
                     cotangent.rows() == shape[0] && cotangent.cols() == static_cast<Index>(images.size()),
                     "analysis by synthesis: expected a cotangent of ", shape[0], " x ", images.size(),
                     " like the logits, got ", cotangent.rows(), " x ", cotangent.cols());
                 Input gradient(shape);
                 auto rows = as_matrix(gradient);
                 rows.setZero();
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
  /// is ahead. How near the other classes come to an input is searched for anew, without `beta`.
  Eigen::VectorXd lower_bound_l2(const Input& x, const Labels& labels) const {
    check_answer(samples(x), labels.size());
    for (Index i = 0; i < labels.size(); ++i)
      require(labels[i] >= 0 && labels[i] < classes(), "analysis by synthesis: label ", labels[i],
              " of sample ", i, " is out of range, there are classes 0 to ", classes() - 1);
    const Rows targets = seen(x);
    std::vector<synthesis::Explained> own(static_cast<std::size_t>(samples(x)));
    run(targets, options_.beta, [&](Index c, Index first, const Rows& z, const Rows& images) {
      for (Index i = 0; i < z.rows(); ++i)
        if (labels[first + i] == c)
          own[static_cast<std::size_t>(first + i)] =
              explained(c, options_.beta, targets.row(first + i), images.row(i), z.row(i));
    });
    Eigen::VectorXd out = Eigen::VectorXd::Constant(samples(x), std::numeric_limits<double>::infinity());
    run(targets, 0, [&](Index c, Index first, const Rows& z, const Rows& images) {
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
  using Search = synthesis::Search<Decoder>;
  using Rows = Logits<Scalar>;

  /// The inputs as energies are about them.
  Rows seen(const Input& x) const {
    bool fits = true;
    for (std::size_t axis = 0; axis < shape_.size(); ++axis)
      fits = fits && x.dimensions()[axis + 1] == shape_[axis];
    require(fits, "analysis by synthesis: expected inputs of ", search_->pixels(),
            " features in the shape that was given, got some of shape ", shape_text(x));
    Rows out = as_matrix(x);
    if (options_.threshold)
      for (Index i = 0; i < out.size(); ++i)
        if (Scalar& value = out.data()[i]; !std::isnan(value))
          value = static_cast<double>(value) >= *options_.threshold ? Scalar(1) : Scalar(0);
    return out;
  }

  template <class Found>
  void run(const Rows& targets, double beta, const Found& found) const {
    search_->run(targets, options_, beta, found);
  }

  template <class Row, class Latent>
  synthesis::Explained explained(Index c, double beta, const Row& target, const Row& image,
                                 const Latent& z) const {
    const double square = sum(target.size(), [&](Index k) {
      const double way = static_cast<double>(target[k]) - static_cast<double>(image[k]);
      return way * way;
    });
    return {std::sqrt(square), beta / 2 * dot(z, z), options_.factor(c)};
  }

  Prototypes<Scalar> made_of(const Rows& targets) const {
    Prototypes<Scalar> out;
    out.logits.resize(targets.rows(), classes());
    out.images.assign(static_cast<std::size_t>(classes()), Rows(targets.rows(), targets.cols()));
    run(targets, options_.beta, [&](Index c, Index first, const Rows& z, const Rows& images) {
      out.images[static_cast<std::size_t>(c)].middleRows(first, z.rows()) = images;
      for (Index i = 0; i < z.rows(); ++i) {
        const auto e = explained(c, options_.beta, targets.row(first + i), images.row(i), z.row(i));
        const double energy = e.factor * (e.distance * e.distance + e.latent);
        out.logits(first + i, c) = static_cast<Scalar>(-energy / static_cast<double>(targets.cols()));
      }
    });
    return out;
  }

  Shape shape_;
  Options options_;
  Bounds<Scalar> bounds_;
  std::shared_ptr<const Search> search_{};
};

}  // namespace foil
