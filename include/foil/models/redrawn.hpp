// SPDX-License-Identifier: MIT
/// \file
/// Models that draw random numbers, made repeatable: the mean over draws, and which draws these are.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "foil/core/answers.hpp"
#include "foil/core/error.hpp"
#include "foil/core/model.hpp"
#include "foil/core/random.hpp"
#include "foil/core/tensor.hpp"

namespace foil {

/// A seed for each row of a batch.
using Seeds = std::vector<std::uint64_t>;

/// `typename Input`, `bounds() const`, `logits(x, seeds) const`, and mostly `vjp(x, seeds) const`: a model
/// that draws the random numbers of a row by that row's seed, and by nothing else.
template <class M>
concept RandomisedModel = requires(const M& model, const typename M::Input& x, const Seeds& seeds) {
  requires Batch<typename M::Input>;
  { model.bounds() } -> std::convertible_to<Bounds<typename M::Input::Scalar>>;
  { model.logits(x, seeds) } -> std::convertible_to<Logits<typename M::Input::Scalar>>;
};

/// Which random numbers a model draws when it is asked again.
enum class SeedPolicy {
  fixed,  ///< the same for every question: one model out of many, and deterministic
  fresh   ///< others at every point, a function of its bits: the same point has the same answer
};

constexpr std::string_view to_string(SeedPolicy policy) {
  constexpr std::array<std::string_view, 2> names{"fixed", "fresh"};
  return names[static_cast<std::size_t>(policy)];
}

/// Options of foil::Redrawn.
struct RedrawOptions {
  int draws = 1;  ///< answers that are averaged for each point, >= 1
  SeedPolicy policy = SeedPolicy::fresh;
  std::uint64_t seed = 0;     ///< runs with other seeds are independent
  Index rows_per_call = 512;  ///< the most rows of a model call, >= 1: what bounds the memory

  /// To be recorded beside every result: "30 draws, seeds fresh, from 0".
  std::string text() const {
    return foil::text(draws, draws == 1 ? " draw" : " draws", ", seeds ", to_string(policy), ", from ", seed);
  }
};

/// Makes of a randomised model one that any attack can be run on: its logits are the mean over `draws` draws,
/// and its gradients those of the mean (expectation over transformations: Athalye, Engstrom, Ilyas, Kwok
/// 2018, arXiv:1707.07397). With one draw and fresh seeds attacks see what the model's users see, with one
/// draw and fixed seeds a single deterministic model. Whether an adversarial found on it holds for the
/// randomised model is another question: see foil::redraw().
///
/// A row's draws follow from the seed, the draw's number and, with fresh seeds, the bits of the row: results
/// depend neither on the batch nor on threads. Refers to the model. Cost: `draws` rows of the model for each
/// row, forward and backward; budgets and counts of a run see one.
template <RandomisedModel M>
class Redrawn {
 public:
  using Input = typename M::Input;
  using Scalar = typename Input::Scalar;

  explicit Redrawn(const M& model, const RedrawOptions& options = {}) : model_(&model), options_(options) {
    require(options.draws >= 1, "redrawn: expected at least one draw, got ", options.draws);
    require(options.rows_per_call >= 1, "redrawn: expected rows_per_call >= 1, got ", options.rows_per_call);
  }
  const RedrawOptions& options() const { return options_; }
  Bounds<Scalar> bounds() const { return model_->bounds(); }

  Logits<Scalar> logits(const Input& x) const {
    Eigen::MatrixXd sum;
    for_each_part(x, [&](Index first, const Input& points, const Seeds& seeds) {
      const Logits<Scalar> z = model_->logits(points, seeds);
      add(z, samples(points), first, samples(x), sum);
    });
    return mean(sum);
  }

  auto vjp(const Input& x) const
    requires requires(const M& m, const Input& points, const Seeds& seeds) { m.vjp(points, seeds).pullback; }
  {
    using Pullback = decltype(model_->vjp(x, Seeds{}).pullback);
    std::vector<std::pair<Index, Pullback>> parts;
    Eigen::MatrixXd sum;
    for_each_part(x, [&](Index first, const Input& points, const Seeds& seeds) {
      auto pass = model_->vjp(points, seeds);
      add(pass.logits, samples(points), first, samples(x), sum);
      parts.emplace_back(first, std::move(pass.pullback));
    });
    return Vjp{mean(sum), [parts = std::move(parts), shape = x.dimensions(), draws = Index{options_.draws},
                           most = options_.rows_per_call](const Logits<Scalar>& cotangent) mutable {
                 const Index count = shape[0], rows = count * draws;
                 Eigen::MatrixXd total = Eigen::MatrixXd::Zero(count, Index{1});
                 for (auto& [first, pullback] : parts) {
                   const Index size = std::min(most, rows - first);
                   Logits<Scalar> own(size, cotangent.cols());
                   for (Index i = 0; i < size; ++i) own.row(i) = cotangent.row((first + i) / draws);
                   const Input part = pullback(own);
                   if (total.cols() != features(part)) total.setZero(count, features(part));
                   for (Index i = 0; i < size; ++i)
                     total.row((first + i) / draws) += sample(part, i).template cast<double>().transpose();
                 }
                 Input out(shape);
                 for (Index i = 0; i < count; ++i)
                   sample(out, i) =
                       (total.row(i) / static_cast<double>(draws)).template cast<Scalar>().transpose();
                 return out;
               }};
  }

  /// The seeds that the k-th draws of a row have.
  std::uint64_t seed_of(const Input& x, Index row, Index draw) const {
    std::uint64_t content = 0xCBF29CE484222325u;  // FNV-1a
    if (options_.policy == SeedPolicy::fresh) {
      const auto values = sample(x, row);
      const auto* const bytes = reinterpret_cast<const unsigned char*>(values.data());
      for (std::size_t i = 0; i < static_cast<std::size_t>(values.size()) * sizeof(Scalar); ++i)
        content = (content ^ bytes[i]) * 0x100000001B3u;
    }
    RandomDraw words(random_key(options_.seed, "redrawn"), content, Purpose::model,
                     static_cast<std::uint32_t>(draw));
    const std::uint64_t high = words.bits();
    return (high << 32) | words.bits();
  }

 private:
  /// Calls f(first, points, seeds) for all draws of all rows, a row's draws one after the other.
  template <class F>
  void for_each_part(const Input& x, const F& f) const {
    const Index draws = options_.draws, rows = samples(x) * draws;
    for (Index first = 0; first < rows; first += options_.rows_per_call) {
      std::vector<Index> from;
      Seeds seeds;
      for (Index i = first; i < std::min(rows, first + options_.rows_per_call); ++i) {
        from.push_back(i / draws);
        seeds.push_back(seed_of(x, i / draws, i % draws));
      }
      f(first, gather(x, from), seeds);
    }
  }
  void add(const Logits<Scalar>& z, Index asked, Index first, Index count, Eigen::MatrixXd& sum) const {
    Index classes = sum.cols();
    check_answer(asked, z.rows(), z.cols(), classes);
    if (sum.size() == 0) sum = Eigen::MatrixXd::Zero(count, z.cols());
    for (Index i = 0; i < z.rows(); ++i)
      sum.row((first + i) / options_.draws) += z.row(i).template cast<double>();
  }
  Logits<Scalar> mean(const Eigen::MatrixXd& sum) const {
    return (sum / static_cast<double>(options_.draws)).template cast<Scalar>();
  }

  const M* model_;
  RedrawOptions options_;
};

}  // namespace foil
