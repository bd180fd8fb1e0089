// SPDX-License-Identifier: MIT
/// \file
/// Gradients from scores: gradient attacks on models that offer none.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/bounds.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/numbers.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"
#include "foil/models/content.hpp"
#include "foil/models/wrapper.hpp"

namespace foil {

/// The directions that a foil::GradientEstimator looks in.
enum class EstimatorNoise {
  gaussian,    ///< normal entries: natural evolution strategies
  rademacher,  ///< entries 1 and -1: simultaneous perturbation
  coordinate   ///< one feature each, drawn without repetition: central differences
};

/// Options of foil::GradientEstimator.
struct GradientEstimatorOptions {
  int samples = 128;    ///< points asked about for each gradient, even and >= 2
  double sigma = 1e-3;  ///< size of the noise, > 0, relative to a feature's range; absolute where that is
                        ///< infinite
  EstimatorNoise noise = EstimatorNoise::gaussian;
  std::uint64_t seed = 0;
  Index rows_per_call = 512;  ///< the most rows of a model call but the first, >= 2: what bounds the memory
};

/// Turns a model of scores into one of gradients, which it estimates from differences of logits at pairs of
/// points on either side of the input: Ilyas, Engstrom, Athalye, Lin 2018, arXiv:1804.08598 (NES); Spall 1992
/// (SPSA; as an attack Uesato et al. 2018, arXiv:1802.05666); Chen, Zhang, Sharma, Yi, Hsieh 2017,
/// arXiv:1708.03999 (ZOO, coordinate). Any gradient attack then runs on it. Refers to the model; can be
/// shared by threads if the model can.
///
/// On an affine model the estimate is unbiased, and its mean square error (d + 1) / (samples / 2) times the
/// gradient's square for d features with one range, gaussian noise; d - 1 with rademacher, 2 d / samples - 1
/// with coordinate noise, which at 2 d samples is exact, and on quadratics, too; it asks no more. Near a
/// bound the pair moves inwards together, so that it keeps its distance; what rounding made of that is what
/// counts.
///
/// The noise is a function of the seed, of the bits of the row and of the pair's number: results depend
/// neither on the batch nor on the order nor on threads, and the same point has the same gradient each time.
///
/// Cost: vjp() asks about `samples` + 1 rows for each row, once: the answers are kept, and any number of
/// pullbacks, each linear in its cotangent, ask no more. Budgets and counts of a run see the one forward and
/// the backward passes of any model; what was really asked is queries().
template <ScoreModel M>
class GradientEstimator : public Wrapper<GradientEstimator<M>, M, Knowledge::gradients> {
 public:
  using Input = input_t<M>;
  using Scalar = scalar_t<M>;

  explicit GradientEstimator(M& model, const GradientEstimatorOptions& options = {})
      : Wrapper<GradientEstimator, M, Knowledge::gradients>(model), options_(options) {
    require(options.samples >= 2 && options.samples % 2 == 0,
            "gradient estimator: expected an even number of samples >= 2, got ", options.samples);
    require(options.sigma > 0 && std::isfinite(options.sigma),
            "gradient estimator: expected a finite sigma > 0, got ", options.sigma);
    require(options.rows_per_call >= 2, "gradient estimator: expected rows_per_call >= 2, got ",
            options.rows_per_call);
  }
  const GradientEstimatorOptions& options() const { return options_; }

  /// Rows that the model has been asked about through this wrapper, by all threads.
  std::int64_t queries() const { return queries_; }

  Logits<Scalar> answer_logits(const Input& x) const {
    Index classes = 0;
    return ask_model(x, classes);
  }

  auto answer_vjp(const Input& x) const {
    Index classes = 0;
    Logits<Scalar> logits = ask_model(x, classes);
    Pairs pairs{x, this->model().bounds(), options_};
    pairs.bounds.check(features(x));
    pairs.limit();
    Differences differences = ask(pairs, classes);
    return Vjp{std::move(logits),
               [pairs = std::move(pairs), differences = std::move(differences)](
                   const Logits<Scalar>& cotangent) { return pull_back(pairs, differences, cotangent); }};
  }

 private:
  /// Of the logits at the two points of a pair: a row for each pair, the pairs of one input one below the
  /// other.
  using Differences = Logits<double>;

  /// The points that are asked about.
  struct Pairs {
    Input x;
    Bounds<Scalar> bounds;
    GradientEstimatorOptions options;
    Index moved = 0;  ///< features that have a range

    Index per_row() const { return options.samples / 2; }
    Index count() const { return samples(x) * per_row(); }
    /// Size of the noise in a feature.
    double size(Index feature) const {
      const double width =
          static_cast<double>(bounds.upper(feature)) - static_cast<double>(bounds.lower(feature));
      return options.sigma * (std::isfinite(width) ? width : 1.0);
    }

    Eigen::VectorXd noise(Index pair) const {
      const std::uint64_t content = content_of(x, pair / per_row());
      Eigen::VectorXd out(features(x));
      if (options.noise == EstimatorNoise::coordinate) {
        out.setZero();
        if (moved > 0) out[coordinate(content, pair % per_row())] = 1;
        return out;
      }
      RandomDraw draw(random_key(options.seed, "gradient-estimator"), content, Purpose::model,
                      static_cast<std::uint32_t>(pair % per_row()));
      if (options.noise == EstimatorNoise::gaussian)
        draw.fill_normal(out);
      else
        for (Index i = 0; i < out.size(); ++i) out[i] = draw.bits() >> 31 ? 1.0 : -1.0;
      return out;
    }

    /// The features that have a range.
    std::vector<Index> moving() const {
      std::vector<Index> out;
      for (Index i = 0; i < features(x); ++i)
        if (size(i) > 0) out.push_back(i);
      return out;
    }
    /// Entry `number` of their permutation for a row.
    Index coordinate(std::uint64_t content, Index number) const {
      std::vector<Index> order = moving();
      RandomDraw draw(random_key(options.seed, "gradient-estimator"), content, Purpose::permutation, 0);
      for (std::size_t i = 0; i <= static_cast<std::size_t>(number); ++i)
        std::swap(order[i], order[i + static_cast<std::size_t>(draw.integer(order.size() - i))]);
      return order[static_cast<std::size_t>(number)];
    }
    /// What makes estimates unbiased: coordinate noise is of length 1, not the root of the features.
    double weight() const {
      return options.noise == EstimatorNoise::coordinate ? static_cast<double>(moved) : 1.0;
    }
    /// Coordinate noise looks at each feature once at most.
    void limit() {
      moved = static_cast<Index>(moving().size());
      if (options.noise == EstimatorNoise::coordinate)
        options.samples = static_cast<int>(std::clamp<Index>(2 * moved, 2, options.samples));
    }

    /// Writes the two points of a pair.
    template <class Point>
    void write(Index pair, Point&& plus, Point&& minus) const {
      const auto row = sample(x, pair / per_row());
      const Eigen::VectorXd directions = noise(pair);
      for (Index i = 0; i < row.size(); ++i) {
        const Scalar lower = bounds.lower(i), upper = bounds.upper(i);
        const double step = size(i) * directions[i];
        const double low = static_cast<double>(lower) + std::abs(step),
                     high = static_cast<double>(upper) - std::abs(step);
        const double centre =
            low <= high ? clip(static_cast<double>(row[i]), low, high) : low + (high - low) / 2;
        plus[i] = std::clamp(static_cast<Scalar>(centre + step), lower, upper);
        minus[i] = std::clamp(static_cast<Scalar>(centre - step), lower, upper);
      }
    }
  };

  Logits<Scalar> ask_model(const Input& x, Index& classes) const {
    queries_ += samples(x);
    Logits<Scalar> logits = this->model().logits(x);
    check_answer(samples(x), logits.rows(), logits.cols(), classes);
    return logits;
  }

  Differences ask(const Pairs& pairs, Index classes) const {
    Differences out(pairs.count(), classes);
    const Index most = options_.rows_per_call / 2;
    for (Index first = 0; first < pairs.count(); first += most) {
      const Index count = std::min(most, pairs.count() - first);
      Input points(resized(pairs.x, 2 * count));
      for (Index k = 0; k < count; ++k)
        pairs.write(first + k, sample(points, 2 * k), sample(points, 2 * k + 1));
      const Logits<Scalar> answers = ask_model(points, classes);
      for (Index k = 0; k < count; ++k)
        out.row(first + k) =
            answers.row(2 * k).template cast<double>() - answers.row(2 * k + 1).template cast<double>();
    }
    return out;
  }

  static Input pull_back(const Pairs& pairs, const Differences& differences,
                         const Logits<Scalar>& cotangent) {
    Input gradient(pairs.x.dimensions());
    Eigen::Matrix<Scalar, Eigen::Dynamic, 1> plus(features(gradient)), minus(features(gradient));
    Eigen::VectorXd sum(features(gradient));
    for (Index row = 0; row < samples(gradient); ++row) {
      sum.setZero();
      for (Index k = 0; k < pairs.per_row(); ++k) {
        const Index pair = row * pairs.per_row() + k;
        double difference = 0;
        for (Index c = 0; c < cotangent.cols(); ++c)
          difference += static_cast<double>(cotangent(row, c)) * differences(pair, c);
        if (difference == 0) continue;
        pairs.write(pair, plus, minus);
        for (Index i = 0; i < sum.size(); ++i)
          sum[i] += difference * (static_cast<double>(plus[i]) - static_cast<double>(minus[i]));
      }
      for (Index i = 0; i < sum.size(); ++i) {
        const double across = 2 * pairs.size(i);
        const double mean = pairs.weight() * sum[i] / static_cast<double>(pairs.per_row());
        sample(gradient, row)[i] = across > 0 ? static_cast<Scalar>(mean / across / across) : Scalar(0);
      }
    }
    return gradient;
  }

  GradientEstimatorOptions options_;
  mutable std::atomic<std::int64_t> queries_{0};
};

}  // namespace foil
